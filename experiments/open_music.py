"""Gather openly licensed music from Debian's packages, as unlabelled sound for `genrelab pretrain`.

    apt-get update
    python experiments/open_music.py --to open

needs `apt-get` and `dpkg-deb`, and downloads about 1.6 GB. The new folder gets the music, the copyright file
of each package below `licences/`, and `open-music.csv` with a row per file. `training_table.py` joins it with
a table of labelled clips. Files of less than `--least` seconds, such as signals and loops, are left out.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import subprocess
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from genrelab.audio.decode import probe
from genrelab.errors import GenrelabError

PACKAGES = {
    "asc-music": "GPL-2+",
    "flare-game": "CC-BY-SA-3.0",
    "freedroidrpg-data": "GPL-2+",
    "fretsonfire-songs-muldjord": "Expat",
    "fretsonfire-songs-sectoid": "Expat",
    "hedgewars-data": "GPL-2",
    "hyperrogue-music": "CC-BY-SA-3.0",
    "lincity-ng-data": "GPL-2+",
    "nexuiz-music": "GPL-2+",
    "openclonk-data": "CC-BY-3.0",
    "singularity-music": "CC-BY-SA-3.0",
    "supertux-data": "GPL-2+",
    "ufoai-music": "GPL-2+, CC-BY-3.0, CC-BY-SA-3.0",
    "warzone2100-music": "GPL-2+, CC-BY-SA-3.0",
    "wesnoth-1.16-music": "GPL-2+",
    "widelands-data": "GPL-2+, CC-BY-SA-3.0",
    "xmoto-data": "GPL-2+",
}
"""Package -> licence of its music; the copyright file has the details."""

SUFFIXES = (".ogg", ".mp3", ".flac", ".opus")
ARCHIVES = (".pk3",)  # ZIP files
_LONGEST = 100_000_000  # bytes of a piece


def pieces(package: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield paths and contents of the music in a `.deb` file, and its copyright file."""
    with subprocess.Popen(("dpkg-deb", "--fsys-tarfile", package), stdout=subprocess.PIPE) as unpacking:
        assert unpacking.stdout is not None
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is None:
                    continue
                if path.suffix in ARCHIVES:
                    yield from _zipped(stream)
                elif path.suffix in SUFFIXES or path.name == "copyright":
                    yield path, stream.read(_LONGEST)


def _zipped(stream: IO[bytes]) -> Iterator[tuple[PurePosixPath, bytes]]:
    with zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
        for name in archive.namelist():
            if PurePosixPath(name).suffix in SUFFIXES:
                with archive.open(name) as opened:
                    yield PurePosixPath(name), opened.read(_LONGEST)


def named(package: str, path: PurePosixPath) -> str:
    """Return the name of a piece in the new folder: its package, its folder and its own name."""
    folder = path.parent.name.replace(" ", "_")
    return f"{package}/{folder}-{path.name.replace(' ', '_')}"


def gather(package: str, file: Path, to: Path, least: float) -> list[dict[str, str]]:
    """Write the music of a package into a folder; return its rows."""
    rows = []
    for path, content in pieces(file):
        if path.name == "copyright":
            target = to / "licences" / package
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            continue
        name = named(package, path)
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        try:
            seconds = probe(target).duration or 0.0
        except GenrelabError:
            seconds = 0.0
        if seconds < least:
            target.unlink()
            continue
        rows.append({
            "path": name,
            "clip_id": name,
            "artist": package,  # one game has few composers, who are not named file by file
            "licence": PACKAGES[package],
            "seconds": f"{seconds:.2f}",
        })  # fmt: skip
    return rows


def main() -> None:
    """Download, unpack, print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, required=True, help="the new folder")
    parser.add_argument("--debs", type=Path, help="folder for the packages; by default a folder of --to")
    parser.add_argument("--only", nargs="+", choices=PACKAGES, default=list(PACKAGES), metavar="PACKAGE")
    parser.add_argument("--least", type=float, default=40.0, metavar="SECONDS", help="of a piece")
    given = parser.parse_args()
    debs: Path = given.debs or given.to / "packages"
    debs.mkdir(parents=True, exist_ok=True)
    rows = []
    for package in given.only:
        if not any(debs.glob(f"{package}_*.deb")):
            subprocess.run(("apt-get", "--quiet", "download", package), cwd=debs, check=True)
        rows += gather(package, next(debs.glob(f"{package}_*.deb")), given.to, given.least)
    with (given.to / "open-music.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    files = Counter(row["artist"] for row in rows)
    hours = {p: sum(float(r["seconds"]) for r in rows if r["artist"] == p) / 3600 for p in files}
    print("| package | licence | files | hours |", "| --- | --- | ---: | ---: |", sep="\n")
    for package, count in files.items():
        print(f"| {package} | {PACKAGES[package]} | {count} | {hours[package]:.1f} |")
    print(
        json.dumps(
            {"table": str(given.to / "open-music.csv"), "files": len(rows), "hours": sum(hours.values())}
        )
    )


if __name__ == "__main__":
    main()
