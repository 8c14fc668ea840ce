"""Music from packages of Debian: real packages, built here."""

from __future__ import annotations

import csv
import io
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from needs import program

from genrelab.lab.corpora.registry import load_corpus

Run = Callable[..., dict[str, Any]]


def sound(seconds: float) -> bytes:
    noise = 0.1 * np.random.default_rng(0).standard_normal(round(8000 * seconds))
    stream = io.BytesIO()
    soundfile.write(stream, noise, 8000, format="OGG", subtype="VORBIS")
    return stream.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


CONTENTS = {
    "asc-music": {
        "music/long.ogg": sound(5),
        "music/signal.ogg": sound(1),
        "music/broken.mp3": b"no sound",
    },
    "nexuiz-music": {"data/music.pk3": zipped("../music/deep song.ogg", sound(6))},
}


@pytest.fixture
def debs(tmp_path: Path) -> Path:
    """Two packages: one with files, one with the archive of a game."""
    for package, files in CONTENTS.items():
        root = tmp_path / package
        control = f"Package: {package}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n"
        all_files = files | {"doc/copyright": b"GPL-2+"}
        for name, content in {"DEBIAN/control": control.encode(), **all_files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        (tmp_path / "debs").mkdir(exist_ok=True)
        built = tmp_path / "debs" / f"{package}_1_all.deb"
        subprocess.run([program("dpkg-deb"), "--build", root, built], check=True, capture_output=True)
    return tmp_path / "debs"


def test_music_of_packages_becomes_a_corpus(run: Run, debs: Path, tmp_path: Path) -> None:
    to = tmp_path / "open"
    result = run("open_music.py", "--to", to, "--debs", debs, "--least=3", "--only", *CONTENTS)
    assert result["files"] == 2
    with (to / "open-music.csv").open(newline="") as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream)}
    assert set(rows) == {"asc-music/music-long.ogg", "nexuiz-music/music-deep_song.ogg"}
    assert {row["licence"] for row in rows.values()} == {"GPL-2+"}
    assert {str(path.relative_to(to)) for path in to.rglob("*.ogg")} == set(rows)
    assert (to / "licences" / "asc-music").read_bytes() == b"GPL-2+"
    assert not list(tmp_path.rglob("deep song.ogg")), "a path of an archive leads nowhere"
    assert result["hours"] == pytest.approx(11 / 3600, rel=0.02)
    labelled = tmp_path / "none.csv"
    labelled.write_text("path,corpus\n")
    made = run("training_table.py", labelled, to / "open-music.csv", f"--to={tmp_path / 'music'}")
    assert made["files"] == {"open": 2}
    assert len(load_corpus(f"table:{tmp_path / 'music'}?collection=open").clips) == 2
