"""Archives of others: paths that lead out, links, bombs, and an unpacking that was interrupted."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from disks import small_disk
from raising import raises

from genrelab.lab.corpora.fetching.unpack import Limits, is_archive, unpack

LIMITS = Limits(1_000_000, 10)
SONGS = {"music/jazz/a.mp3": b"a" * 1000, "music/b.mp3": b"b" * 10}


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("music")
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, files: dict[str, bytes], **extra: bytes) -> Path:
    """Write a tar file; `extra` are entries of other types: name -> (type, target)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind in extra.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return path


def there(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "to"
    made.mkdir()
    return made


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_files_come_out_and_a_second_time_changes_nothing(make: object, tmp_path: Path, folder: Path) -> None:
    archive = make(tmp_path / "a", SONGS)  # type: ignore[operator]
    assert is_archive(archive) and unpack(archive, folder, LIMITS) == 2
    assert there(folder) == SONGS
    before = (folder / "music/b.mp3").stat().st_ino
    (folder / "music/jazz/a.mp3").unlink()  # as if it was interrupted
    assert unpack(archive, folder, LIMITS) == 2
    assert there(folder) == SONGS and (folder / "music/b.mp3").stat().st_ino == before


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_file_of_the_user_is_not_replaced(make: object, tmp_path: Path, folder: Path) -> None:
    archive = make(tmp_path / "a", SONGS)  # type: ignore[operator]
    (folder / "music").mkdir()
    for mine in (b"m" * 10, b"mine"):  # of the same size, and of another one
        (folder / "music/b.mp3").write_bytes(mine)
        with raises("fetch-file-differs", folder / "music/b.mp3"):
            unpack(archive, folder, LIMITS)
        assert (folder / "music/b.mp3").read_bytes() == mine


OUTSIDE = ["../x", "a/../../x", "/x", "C:\\x", "..\\x", "a\\..\\..\\x", "./", "d/" * 40 + "x"]


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize("name", OUTSIDE)
def test_no_path_leads_out(make: object, name: str, tmp_path: Path, folder: Path) -> None:
    if make is make_zip and name == "./":
        return  # a folder
    archive = make(tmp_path / "a", {name: b"x"})  # type: ignore[operator]
    with raises("archive-member-refused", archive):
        unpack(archive, folder, LIMITS)
    assert there(tmp_path) == {"a": archive.read_bytes()}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_no_links_and_devices_in_a_tar_file(kind: bytes, tmp_path: Path, folder: Path) -> None:
    archive = make_tar(tmp_path / "a", {}, link=kind)
    with raises("archive-member-refused", "'link'"):
        unpack(archive, folder, LIMITS)
    assert list(folder.iterdir()) == []


def test_no_links_in_a_zip_file(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with raises("archive-member-refused", "'link'"):
        unpack(tmp_path / "a", folder, LIMITS)


def test_a_link_that_was_there_is_not_followed(tmp_path: Path, folder: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "music").symlink_to(outside)
    with raises("archive-member-refused", "music"):
        unpack(make_zip(tmp_path / "a", SONGS), folder, LIMITS)
    assert list(outside.iterdir()) == []
    (folder / "music").unlink()
    (folder / "music").mkdir()
    (outside / "b").write_bytes(SONGS["music/b.mp3"])
    (folder / "music/b.mp3").symlink_to(outside / "b")
    with raises("fetch-file-differs", folder / "music/b.mp3"):
        unpack(make_zip(tmp_path / "a", {"music/b.mp3": b"b" * 10}), folder, LIMITS)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_bombs_are_refused(make: object, tmp_path: Path, folder: Path) -> None:
    large = make(tmp_path / "large", {"x": bytes(2_000_000)})  # type: ignore[operator]
    many = make(tmp_path / "many", {str(number): b"x" for number in range(11)})  # type: ignore[operator]
    for archive in (large, many):
        with raises("archive-too-large", archive):
            unpack(archive, folder, LIMITS)
    assert (folder / "x").exists() is False and len(there(folder)) <= LIMITS.most_files


def test_damage_is_told(tmp_path: Path, folder: Path) -> None:
    content = bytearray(make_zip(tmp_path / "a", {"x": os.urandom(5000)}).read_bytes())
    content[2000] ^= 1
    (tmp_path / "a").write_bytes(content)
    with raises("archive-damaged", tmp_path / "a"):
        unpack(tmp_path / "a", folder, LIMITS)
    whole = make_tar(tmp_path / "t", {"x": os.urandom(50_000)}).read_bytes()
    (tmp_path / "t").write_bytes(whole[:20_000])
    with raises("archive-damaged", tmp_path / "t"):
        unpack(tmp_path / "t", folder, LIMITS)
    (tmp_path / "n").write_bytes(b"no archive")
    with raises("archive-unknown", tmp_path / "n"):
        unpack(tmp_path / "n", folder, LIMITS)
    assert list(folder.iterdir()) == []


def test_an_encrypted_file_is_refused(tmp_path: Path, folder: Path) -> None:
    content = bytearray(make_zip(tmp_path / "a", {"x": b"secret"}).read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 8] |= 1
    (tmp_path / "a").write_bytes(content)
    with raises("archive-member-refused", "encrypted"):
        unpack(tmp_path / "a", folder, LIMITS)


def test_a_full_disk_keeps_whole_files_only(tmp_path: Path) -> None:
    files = {f"{number}.mp3": os.urandom(200_000) for number in range(5)}
    archive = make_zip(tmp_path / "a", files)
    with small_disk(tmp_path, kib=512) as disk:
        with raises("fetch-disk-full", disk):
            unpack(archive, disk, Limits(2_000_000, 10))
        kept = there(disk)
        assert kept and all(files[name] == content for name, content in kept.items())
