"""Fetch the JavaScript packages that the page uses, from the npm registry, and keep only the files needed.

    python scripts/vendor.py           fetch, check, write the files, their licences and hashes.json
    python scripts/vendor.py --check   compare the committed files with hashes.json; fetches nothing

Each package is pinned by version and by the SHA-512 of its tarball as the registry states it. A tarball with
another hash is refused. The files are committed as they are in the package: nothing is built or rewritten.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "src/genrelab/serve/static/vendor"
TESTS = ROOT / "tests/serve/browser/vendor"
REGISTRY = "https://registry.npmjs.org"
_MOST_BYTES = 16 << 20  # of a tarball and of a file in it


@dataclass(frozen=True)
class Package:
    """A package of npm.

    Attributes
    ----------
    name, version, licence : str
    integrity : str
        `sha512-` and the base64 SHA-512 of the tarball.
    files : dict of str to str
        Path in the package -> name in the folder.
    folder : Path
    """

    name: str
    version: str
    licence: str
    integrity: str
    files: dict[str, str]
    folder: Path = PAGE

    @property
    def url(self) -> str:
        """Address of the tarball."""
        return f"{REGISTRY}/{self.name}/-/{self.name.rpartition('/')[2]}-{self.version}.tgz"


PACKAGES = (
    Package(
        "htm",
        "3.1.1",
        "Apache-2.0",
        "sha512-983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        {"preact/standalone.module.js": "htm-preact.js", "LICENSE": "htm-LICENSE.txt"},
    ),
    Package(
        "preact",  # its code is inside htm-preact.js; only the licence is taken from here
        "10.2.0",
        "MIT",
        "sha512-U7vf4sJM4vt5RJ4x4x1YPNfBy3fMRRD2/sVf8zIH4OwsM/X3bpiRtxtTq8X6LP2F/6Aig6H05rkEVnnvrhfNwg==",
        {"LICENSE": "preact-LICENSE.txt"},
    ),
    Package(
        "wavesurfer.js",
        "8.0.1",
        "BSD-3-Clause",
        "sha512-h0OnRWSVTqIYLSw3/IVrBtsun/xw9L5u4FA3bjfSDTFMX/xswVWS1JwK4fFu3ulmxRUSHg8zQORl6zENG983eg==",
        {
            "dist/wavesurfer.esm.js": "wavesurfer.js",
            "dist/plugins/regions.esm.js": "wavesurfer-regions.js",
            "LICENSE": "wavesurfer-LICENSE.txt",
        },
    ),
    Package(
        "uplot",
        "1.6.32",
        "MIT",
        "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        {
            "dist/uPlot.esm.js": "uplot.js",
            "dist/uPlot.min.css": "uplot.css",
            "LICENSE": "uplot-LICENSE.txt",
        },
    ),
    Package(
        "axe-core",
        "4.14.1",
        "MPL-2.0",
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        {"axe.min.js": "axe.min.js", "LICENSE": "axe-LICENSE.txt"},
        folder=TESTS,
    ),
)


def fetch(package: Package) -> dict[str, bytes]:
    """Download a package and return its needed files: name in the folder -> content.

    Raises
    ------
    ValueError
        If the tarball has another hash, is too large, or lacks a file.
    """
    with urllib.request.urlopen(package.url, timeout=60) as response:
        content = response.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{package.url} is larger than {_MOST_BYTES} bytes")
    return unpack(package, content)


def unpack(package: Package, content: bytes) -> dict[str, bytes]:
    """Check a tarball and return the needed files.

    Raises
    ------
    ValueError
        If the tarball has another hash, or lacks a file or has it as a link.
    """
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != package.integrity:
        raise ValueError(f"{package.url} has the hash {found}, not {package.integrity}")
    files = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        members = {member.name.partition("/")[2]: member for member in archive if member.isreg()}
        for path, name in package.files.items():
            if path not in members or members[path].size > _MOST_BYTES:
                raise ValueError(f"{package.url} has no file {path} of at most {_MOST_BYTES} bytes")
            file = archive.extractfile(members[path])
            assert file is not None  # it is a regular file
            files[name] = file.read()
    return files


def write(folder: Path, files: dict[str, tuple[Package, bytes]]) -> None:
    """Write the files of a folder, and `hashes.json`, which says where each is from."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = {}
    for name, (package, content) in sorted(files.items()):
        (folder / name).write_bytes(content)
        listed[name] = {
            "package": package.name,
            "version": package.version,
            "licence": package.licence,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    (folder / "hashes.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")


def differences(folder: Path) -> list[str]:
    """Compare the files of a folder with its `hashes.json`; return one line per difference."""
    listed = json.loads((folder / "hashes.json").read_text(encoding="utf-8"))
    wanted = {name for package in PACKAGES if package.folder == folder for name in package.files.values()}
    there = {path.name for path in folder.iterdir()} - {"hashes.json", "README.md"}
    lines = [f"{name} is missing from {folder}" for name in sorted((wanted | set(listed)) - there)]
    lines += [f"{name} is not listed in hashes.json" for name in sorted((wanted | there) - set(listed))]
    lines += [
        f"{name} is not the file that was fetched"
        for name in sorted(there & set(listed))
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != listed[name]["sha256"]
    ]
    return lines


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fetch nothing; compare with hashes.json")
    folders = sorted({package.folder for package in PACKAGES})
    if not parser.parse_args().check:
        fetched: dict[Path, dict[str, tuple[Package, bytes]]] = {folder: {} for folder in folders}
        for package in PACKAGES:
            for name, content in fetch(package).items():
                fetched[package.folder][name] = package, content
        for folder, files in fetched.items():
            write(folder, files)
    wrong = [line for folder in folders for line in differences(folder)]
    sys.stdout.write("".join(f"{line}\n" for line in wrong) or "all files are as fetched\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
