"""Fetch a corpus: download what is lacking, verify it, unpack it, and remember what was done."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urljoin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genrelab.errors import CorpusError
from genrelab.files import only_one, replace_text
from genrelab.lab.corpora.fetching.download import Report, download
from genrelab.lab.corpora.fetching.sources import SOURCES, Archive, Source
from genrelab.lab.corpora.fetching.unpack import Limits, is_archive, unpack
from genrelab.lab.corpora.fetching.zenodo import files_of
from genrelab.lab.registry import closest

FETCHED = "fetched.json"
"""What was unpacked into a folder."""
_LOCK = ".fetch.lock"
_BLOCK = 2**20
_LARGEST_RECORD = 2**20  # bytes


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How to fetch a corpus.

    Attributes
    ----------
    folder : Path
        Where it is to lie; it is made.
    local : Path or None
        A folder with the archives, which are then not downloaded.
    mirror : str or None
        Address of a folder with the archives, instead of that of the source.
    keep : bool
        Whether to keep downloaded archives after they are unpacked.
    """

    folder: Path
    local: Path | None = None
    mirror: str | None = None
    keep: bool = False


@dataclass(frozen=True)
class Outcome:
    """What was done with an archive.

    Attributes
    ----------
    archive : str
    state : {"unpacked", "copied", "there"}
        `there` was fetched before.
    verified : str
        How the archive was verified.
    files : int
        How many it holds.
    """

    archive: str
    state: str
    verified: str
    files: int


class _Done(BaseModel):
    model_config = ConfigDict(extra="ignore")
    digest: str
    verified: str
    files: int


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")
    format: int = Field(1, ge=1, le=1)
    archives: dict[str, _Done] = Field(default_factory=dict)


@dataclass
class _Place:
    """The folder of a corpus, and what was unpacked there."""

    folder: Path
    record: _Record = field(default_factory=_Record)

    def remember(self, archive: str, done: _Done) -> None:
        self.record.archives[archive] = done
        replace_text(self.folder / FETCHED, self.record.model_dump_json(indent=1) + "\n")


def find_source(name: str) -> Source:
    """Return a source by its name.

    Raises
    ------
    CorpusError
        If there is none; the message names the closest.
    """
    if name not in SOURCES:
        raise CorpusError(
            f"no corpus {name!r} can be fetched; {closest(name, SOURCES)}", code="source-unknown"
        )
    return SOURCES[name]


def fetch(source: Source, wanted: Wanted, *, report: Report | None = None) -> list[Outcome]:
    """Fetch a corpus. What was fetched before is not fetched again; what was interrupted goes on.

    Parameters
    ----------
    source : Source
        Its terms have been accepted.
    wanted : Wanted
    report : callable or None
        Called with a word, the bytes that are done, and all.

    Returns
    -------
    list of Outcome
        One per archive.

    Raises
    ------
    CorpusError
        If the source cannot be fetched, the folder cannot be made, an archive is missing, cannot be
        downloaded or verified or unpacked, or another process fetches into the folder.
    """
    if source.refused is not None and wanted.local is None:
        raise CorpusError(
            f"{source.title} cannot be fetched: {source.refused}. If you have its archive "
            f"{source.archives[0].name}, --from FOLDER checks and unpacks it",
            code="source-without-place",
        )
    if wanted.local is not None and not wanted.local.is_dir():
        raise CorpusError(
            f"{wanted.local} is not a folder; name the folder of the archives with --from",
            code="archive-missing",
        )
    try:
        wanted.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorpusError(
            f"cannot make the folder {wanted.folder}: {error.strerror}; choose another --to",
            code="fetch-folder",
        ) from error
    with _alone(wanted.folder):
        place = _Place(wanted.folder, _read(wanted.folder / FETCHED))
        archives = _archives(source, wanted)
        return [_fetch_one(archive, place, wanted, report) for archive in archives]


def _archives(source: Source, wanted: Wanted) -> Sequence[Archive]:
    found = source.archives
    if source.record is not None:
        try:
            found = files_of(source.record)
        except CorpusError:
            if wanted.local is None:
                raise
            found = _archives_in(wanted.local)
    if wanted.mirror is None:
        return found
    base = wanted.mirror if wanted.mirror.endswith("/") else f"{wanted.mirror}/"
    return [replace(each, url=urljoin(base, quote(each.name))) for each in found]


def _archives_in(folder: Path) -> tuple[Archive, ...]:
    """Return the archives that lie in a folder, for want of a list with checksums."""
    files = sorted(each for each in folder.iterdir() if each.is_file() and is_archive(each))
    if not files:
        raise CorpusError(
            f"{folder} holds no ZIP or tar file; name the folder of the archives with --from",
            code="archive-missing",
        )
    return tuple(
        Archive(each.name, None, unverified="the published checksums cannot be read") for each in files
    )


def _fetch_one(archive: Archive, place: _Place, wanted: Wanted, report: Report | None) -> Outcome:
    before = place.record.archives.get(archive.name)
    if before is not None and (archive.checksum is None or before.digest == archive.checksum.digest):
        return Outcome(archive.name, "there", before.verified, before.files)
    file = _file_of(archive, wanted, report)
    digest, verified = _verify(archive, file, own=wanted.local is None, report=report)
    limits = Limits(archive.most_bytes, archive.most_files)
    if is_archive(file):
        state, files = "unpacked", unpack(file, place.folder, limits, report)
    else:
        state, files = "copied", 1
        _copy(file, place.folder / archive.name)
    place.remember(archive.name, _Done(digest=digest, verified=verified, files=files))
    if wanted.local is None and not wanted.keep and state == "unpacked":
        file.unlink()
    return Outcome(archive.name, state, verified, files)


def _file_of(archive: Archive, wanted: Wanted, report: Report | None) -> Path:
    if wanted.local is not None:
        file = wanted.local / archive.name
        if not file.is_file():
            raise CorpusError(
                f"{file} is not there; put the archive into {wanted.local}, or name its folder with --from",
                code="archive-missing",
            )
        return file
    file = wanted.folder / archive.name
    if file.is_file() and not file.is_symlink():
        return file
    if archive.url is None:
        raise CorpusError(f"{archive.name} has no place to fetch it from", code="source-without-place")
    most = archive.most_bytes if archive.size is None else archive.size
    return download(archive.url, file, most_bytes=most, report=report)


def _verify(archive: Archive, file: Path, *, own: bool, report: Report | None) -> tuple[str, str]:
    """Return the checksum of an archive and how it was verified; a wrong file of ours is set aside."""
    size = file.stat().st_size
    if archive.size is not None and size != archive.size:
        _reject(archive, file, f"has {size:,} bytes, not {archive.size:,}", own=own)
    expected = archive.checksum
    algorithm = "sha256" if expected is None else expected.algorithm
    digest = _digest(file, algorithm, report)
    if expected is None:
        structure = "size and structure" if archive.size is not None else "structure"
        return digest, f"{structure} only: {archive.unverified}"
    if digest != expected.digest:
        why = f"has the {algorithm} {digest}, and {expected.published} says {expected.digest}"
        _reject(archive, file, why, own=own)
    return digest, f"{algorithm}, published in {expected.published}"


def _reject(archive: Archive, file: Path, why: str, *, own: bool) -> None:
    aside = file.with_name(f"{file.name}.faulty")
    if own:
        file.replace(aside)
    kept = f"it is kept as {aside}; repeat the command to fetch it again" if own else "fetch it again"
    raise CorpusError(
        f"{archive.name} is not what was published: {file} {why}; {kept}", code="archive-checksum"
    )


def _digest(file: Path, algorithm: str, report: Report | None) -> str:
    hashed, done, total = hashlib.new(algorithm, usedforsecurity=False), 0, file.stat().st_size
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            hashed.update(block)
            done += len(block)
            if report is not None:
                report(f"verifying {file.name}", done, total)
    return hashed.hexdigest()


def _copy(file: Path, target: Path) -> None:
    if file != target and not target.exists():
        shutil.copyfile(file, target)


def _read(file: Path) -> _Record:
    """Read what was fetched before; a record that cannot be read is an error, since it would be replaced."""
    if not file.exists():
        return _Record()
    try:
        if file.stat().st_size > _LARGEST_RECORD:
            raise ValueError("it is too large")
        return _Record.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise CorpusError(
            f"cannot read {file}, which says what was fetched; move it away to unpack everything again",
            code="fetched-unreadable",
        ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        with only_one(folder / _LOCK):
            yield
    except BlockingIOError as error:
        raise CorpusError(
            f"another genrelab fetches into {folder}; wait for it, or choose another --to", code="fetch-busy"
        ) from error


def describe(source: Source) -> Mapping[str, object]:
    """Return what a list shows of a source, as data."""
    return {
        "name": source.name,
        "title": source.title,
        "about": source.about,
        "licence": source.licence,
        "terms": source.terms,
        "page": source.page,
        "spec": source.spec,
        "refused": source.refused,
        "record": source.record,
        "archives": [
            {
                "name": each.name,
                "url": each.url,
                "checksum": None
                if each.checksum is None
                else f"{each.checksum.algorithm}:{each.checksum.digest}",
                "published": None if each.checksum is None else each.checksum.published,
            }
            for each in source.archives
        ],
    }
