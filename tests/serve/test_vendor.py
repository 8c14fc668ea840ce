"""The JavaScript libraries of the page are the ones that the registry published."""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import io
import json
import re
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "src/genrelab/serve/static"

_spec = importlib.util.spec_from_file_location("vendor", ROOT / "scripts/vendor.py")
assert _spec is not None and _spec.loader is not None
vendor = importlib.util.module_from_spec(_spec)
sys.modules["vendor"] = vendor
_spec.loader.exec_module(vendor)


@pytest.mark.parametrize("folder", [vendor.PAGE, vendor.TESTS], ids=["page", "tests"])
def test_committed_files_are_those_that_were_fetched(folder: Path) -> None:
    assert vendor.differences(folder) == []


def test_a_changed_a_missing_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    for file in vendor.PAGE.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "uplot.js").write_bytes(b"changed")
    (tmp_path / "htm-preact.js").unlink()
    (tmp_path / "foreign.js").write_bytes(b"")
    assert [line.split()[0] for line in vendor.differences(tmp_path)] == [
        "htm-preact.js",
        "foreign.js",
        "uplot.js",
    ]


@pytest.mark.parametrize("package", vendor.PACKAGES, ids=lambda package: package.name)
def test_every_package_is_pinned_and_has_its_licence(package: object) -> None:
    assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package.integrity)
    names = package.files.values()
    assert any(name.endswith("LICENSE.txt") for name in names)
    listed = json.loads((package.folder / "hashes.json").read_text())
    assert {(listed[name]["version"], listed[name]["licence"]) for name in names} == {
        (package.version, package.licence)
    }


def tarball(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def test_a_tarball_with_another_hash_is_refused() -> None:
    good = tarball(LICENSE=b"free", code=b"1")
    package = replace(
        vendor.PACKAGES[0],
        integrity="sha512-" + base64.b64encode(hashlib.sha512(good).digest()).decode(),
        files={"LICENSE": "x-LICENSE.txt", "code": "x.js"},
    )
    assert vendor.unpack(package, good) == {"x-LICENSE.txt": b"free", "x.js": b"1"}
    with pytest.raises(ValueError, match="has the hash sha512-"):
        vendor.unpack(package, tarball(LICENSE=b"free", code=b"2"))
    with pytest.raises(ValueError, match="has no file other"):
        vendor.unpack(replace(package, files={"other": "y"}), good)


def test_the_page_stays_light() -> None:
    """All files that the page can load, compressed."""

    def weight(folder: Path) -> int:
        files = [path for path in folder.rglob("*") if path.suffix in (".js", ".css", ".html", ".svg")]
        return sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)

    assert weight(vendor.PAGE) < 75_000
    assert weight(STATIC) < 180_000


def test_nothing_on_the_page_names_another_host() -> None:
    """Addresses in comments of the libraries and XML namespaces are not requests."""
    ours = [path for path in STATIC.rglob("*") if path.parent.name != "vendor" and path.is_file()]
    assert len(ours) > 20
    found = {
        (path.name, address)
        for path in ours
        for address in re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text(encoding="utf-8"))
        if not address.startswith("http://www.w3.org")
    }
    assert found == set()


def test_no_view_has_inline_scripts_or_style_attributes() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page)
    for path in STATIC.rglob("*.js"):
        if path.parent.name != "vendor":
            text = path.read_text(encoding="utf-8")
            found = re.search(r"style=\"|innerHTML|dangerouslySetInnerHTML|\beval\(|new Function", text)
            assert not found, path
