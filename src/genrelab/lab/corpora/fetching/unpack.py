"""Unpack ZIP and tar archives of others: within a folder, within limits, and no links.

Each file is written beside its place and renamed, so that whatever is there is whole. A file that is there
already is compared: an interrupted unpacking goes on, and nothing is overwritten.
"""

from __future__ import annotations

import errno
import lzma
import os
import re
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from genrelab.drafts import Draft
from genrelab.errors import CorpusError
from genrelab.system import name_fault

Report = Callable[[str, int, int], object]

_BLOCK = 2**20
_DEEPEST = 32  # folders
_DRIVE = re.compile(r"[A-Za-z]:")
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold: bytes of all files, and their number."""

    most_bytes: int
    most_files: int


@dataclass(frozen=True)
class _Member:
    """A file of an archive."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP or a tar file, compressed or not."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def unpack(archive: Path, folder: Path, limits: Limits, report: Report | None = None) -> int:
    """Unpack an archive, and return the number of its files.

    Parameters
    ----------
    archive : Path
        A ZIP or tar file.
    folder : Path
        It exists.
    limits : Limits
    report : callable or None
        Called with a word, the bytes that are unpacked, and all (for tar files: of the archive).

    Raises
    ------
    CorpusError
        If it is no archive, is damaged or encrypted, holds a link, a device or a path that leads out of the
        folder, holds more than the limits allow, or a file of it is there with other content; or the disk is
        full.
    """
    files = done = 0
    total = archive.stat().st_size
    try:
        for member in _members(archive, limits):
            files += 1
            done += member.size
            if files > limits.most_files or done > limits.most_bytes:
                raise _too_much(archive, limits)
            _place(archive, member, folder)
            if report is not None:
                report(f"unpacking {archive.name}", min(done, max(total, done)), max(total, done))
    except _BROKEN as error:
        raise CorpusError(
            f"{archive} is damaged: {error or type(error).__name__}; delete it and fetch it again",
            code="archive-damaged",
        ) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise CorpusError(
            f"the disk of {folder} is full; make room and repeat the command, which goes on where it stopped",
            code="fetch-disk-full",
        ) from error
    return files


def _members(archive: Path, limits: Limits) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        yield from _of_zip(archive, limits)
        return
    try:
        opened = tarfile.open(archive, "r:*")  # noqa: SIM115
    except tarfile.ReadError as error:
        raise CorpusError(
            f"{archive} is neither a ZIP nor a tar file: {error}; delete it and fetch it again",
            code="archive-unknown",
        ) from error
    with opened:
        for info in opened:
            if info.isdir():
                continue
            if not info.isreg():
                raise _refused(archive, info.name, "a link or a device")
            yield _Member(info.name, info.size, partial(_stream, opened, info))


def _stream(opened: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    found = opened.extractfile(info)
    if found is None:
        raise tarfile.ReadError(f"{info.name} has no content")
    return found


def _of_zip(archive: Path, limits: Limits) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        listed = [info for info in opened.infolist() if not info.is_dir()]
        size = sum(info.file_size for info in listed)
        if len(listed) > limits.most_files or size > limits.most_bytes:
            raise _too_much(archive, limits)
        for info in listed:
            mode = info.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise _refused(archive, info.filename, "a link or a device")
            if info.flag_bits & 1:
                raise _refused(archive, info.filename, "encrypted")
            yield _Member(info.filename, info.file_size, partial(opened.open, info))


def _place(archive: Path, member: _Member, folder: Path) -> None:
    """Write a file to its place, or compare it with what is there."""
    names = _names(archive, member.name)
    target = folder.joinpath(*names)
    above = folder
    for name in names[:-1]:
        above = above / name
        if above.is_symlink() or (above.exists() and not above.is_dir()):
            raise _refused(archive, member.name, f"below {above}, which is no folder")
        above.mkdir(exist_ok=True)
    if os.path.lexists(target):
        if target.is_symlink() or not target.is_file() or not _equal(member, target):
            raise CorpusError(
                f"{target} is there already and is not the file of {archive.name}; move it away, or choose "
                "another --to",
                code="fetch-file-differs",
            )
        return
    with Draft(target.parent) as draft, member.open() as source:
        _copy(archive, member, source, draft.file)
        draft.take_place(target, overwrite=False)


def _copy(archive: Path, member: _Member, source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a member, which must not be longer than the archive says."""
    left = member.size
    while block := source.read(_BLOCK):
        left -= len(block)
        if left < 0:
            raise zipfile.BadZipFile(f"{member.name} is longer than {archive.name} says")
        target.write(block)
    if left:
        raise zipfile.BadZipFile(f"{member.name} is shorter than {archive.name} says")


def _equal(member: _Member, file: Path) -> bool:
    if file.stat().st_size != member.size:
        return False
    with member.open() as ours, file.open("rb") as theirs:
        while True:
            one, other = ours.read(_BLOCK), theirs.read(_BLOCK)
            if one != other:
                return False
            if not one:
                return True


def _names(archive: Path, name: str) -> list[str]:
    """Return the folders and the name of a member, none of which leads out."""
    slashes = name.replace("\\", "/")
    names = [each for each in slashes.split("/") if each not in ("", ".")]
    absolute = slashes.startswith("/") or _DRIVE.match(name)
    if absolute or not names or ".." in names or "\0" in name or len(names) > _DEEPEST:
        raise _refused(archive, name, "not a path within the archive")
    if sys.platform == "win32" and (fault := next(filter(None, map(name_fault, names)), None)):
        raise _refused(archive, name, f"a name that {fault}")
    return names


def _refused(archive: Path, name: str, why: str) -> CorpusError:
    return CorpusError(
        f"{archive} was not unpacked further: {name!r} is {why}. Delete the archive; it is not what was "
        "published",
        code="archive-member-refused",
    )


def _too_much(archive: Path, limits: Limits) -> CorpusError:
    return CorpusError(
        f"{archive} holds more than {limits.most_files:,} files or {limits.most_bytes:,} bytes, and was not "
        "unpacked further. Delete it; it is not what was published",
        code="archive-too-large",
    )
