"""An index of a corpus: the checksum of the file of each clip, to see later what changed.

The index is a JSON file. One of mirdata (`<dataset>_index.json`) is read as well: its tracks must have the
ids of the clips, as those of GTZAN do.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genrelab.audio.decode import AUDIO_SUFFIXES
from genrelab.errors import CorpusError
from genrelab.files import read_regular, replace_text
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.printing import json_text

Report = Callable[[str, int, int], object]
Algorithm = Literal["sha256", "md5"]

FORMAT = 1
_LARGEST = 256 * 2**20  # bytes of an index
_MD5 = re.compile(r"[0-9a-f]{32}")


class IndexedClip(BaseModel):
    """The file of a clip.

    Attributes
    ----------
    file : str
        Its name, without folders.
    digest : str
        In hexadecimal digits.
    bytes : int or None
        None in an index of mirdata.
    genre : str or None
        Several are separated by semicolons. None for an unlabelled clip, and in an index of mirdata.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    digest: str = Field(pattern=r"^[0-9a-f]{32,64}$")
    bytes: int | None = Field(None, ge=0)
    genre: str | None = None


class CorpusIndex(BaseModel):
    """The index of a corpus; `labelled` says whether it knows the genres."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = Field(FORMAT, ge=1, le=FORMAT)
    corpus: str
    algorithm: Algorithm = "sha256"
    labelled: bool = True
    clips: dict[str, IndexedClip]


@dataclass(frozen=True)
class Changes:
    """How a corpus differs from an index.

    Attributes
    ----------
    corpus : str
    same : int
        Clips whose file is the same.
    missing : tuple of str
        Clips of the index that the corpus lacks, or whose file cannot be read.
    changed : mapping of str to str
        Clip id -> what changed.
    added : tuple of str
        Clips that the index lacks.
    """

    corpus: str
    same: int
    missing: tuple[str, ...]
    changed: Mapping[str, str]
    added: tuple[str, ...]

    @property
    def unchanged(self) -> bool:
        """Whether nothing is missing, changed or added."""
        return not (self.missing or self.changed or self.added)


def make_index(corpus: Corpus, *, report: Report | None = None) -> CorpusIndex:
    """Compute the checksums of the files of a corpus.

    Raises
    ------
    CorpusError
        If the corpus has no files, or one cannot be read.
    """
    _require_files(corpus)
    digests: dict[Path, str] = {}
    clips = {}
    for done, clip in enumerate(corpus.clips, start=1):
        path = _file(clip)
        try:
            digest = digests.get(path) or digests.setdefault(path, file_checksum(path))
            size = path.stat().st_size
        except OSError as error:
            raise CorpusError(
                f"the clip {clip.id!r} cannot be read: {path}: {error.strerror}; `genrelab corpora verify` "
                "lists all such clips",
                code="index-clip-unreadable",
            ) from error
        clips[clip.id] = IndexedClip(file=path.name, digest=digest, bytes=size, genre=_genre(clip))
        if report is not None:
            report("hashing", done, len(corpus.clips))
    return CorpusIndex(corpus=corpus.name, clips=clips)


def write_index(path: Path, index: CorpusIndex, *, overwrite: bool = False) -> None:
    """Write an index.

    Raises
    ------
    CorpusError
        If there is one and it is not to be replaced.
    """
    require_free(path, overwrite=overwrite)
    replace_text(path, json_text(index.model_dump(), indent=1) + "\n")


def require_free(path: Path, *, overwrite: bool) -> None:
    """Raise `CorpusError` if there is an index that is not to be replaced."""
    if path.exists() and not overwrite:
        raise CorpusError(
            f"{path} is there already; compare with it by --index, or replace it by --overwrite",
            code="index-exists",
        )


def read_index(path: Path) -> CorpusIndex:
    """Read an index of genrelab or mirdata.

    Raises
    ------
    CorpusError
        If it is missing, too large, or of another form.
    """
    try:
        values = json.loads(read_regular(path, _LARGEST))
        if isinstance(values, dict) and isinstance(values.get("tracks"), dict):
            return _of_mirdata(path, values["tracks"])
        return CorpusIndex.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except OSError as error:
        why = error.strerror or str(error)
    except (ValueError, RecursionError) as error:
        why = str(error)
    raise CorpusError(
        f"{path} is no index of a corpus: {why}; make one with --write-index", code="index-unreadable"
    )


def compare_index(corpus: Corpus, index: CorpusIndex, *, report: Report | None = None) -> Changes:
    """Compare the files of a corpus with an index, and its genres, where the index has them.

    Raises
    ------
    CorpusError
        If the corpus has no files.
    """
    _require_files(corpus)
    digests: dict[Path, str] = {}
    there = corpus.by_id()
    missing, changed = [each for each in index.clips if each not in there], {}
    for done, clip in enumerate(corpus.clips, start=1):
        known = index.clips.get(clip.id)
        if known is not None:
            try:
                what = _difference(clip, known, index, digests)
            except OSError:
                missing.append(clip.id)
                what = None
            if what is not None:
                changed[clip.id] = what
        if report is not None:
            report("hashing", done, len(corpus.clips))
    added = tuple(clip.id for clip in corpus.clips if clip.id not in index.clips)
    same = len(index.clips) - len(missing) - len(changed)
    return Changes(corpus.name, same, tuple(missing), changed, added)


def _difference(clip: Clip, known: IndexedClip, index: CorpusIndex, digests: dict[Path, str]) -> str | None:
    """Return what changed in a clip; None if nothing did."""
    path = _file(clip)
    size = path.stat().st_size
    if known.bytes is not None and size != known.bytes:
        return f"{size:,} bytes, not {known.bytes:,}"
    digest = digests.get(path) or digests.setdefault(path, file_checksum(path, index.algorithm))
    if digest != known.digest:
        other = f" ({path.name}, not {known.file})" if path.name != known.file else ""
        return f"other content{other}"
    if index.labelled and _genre(clip) != known.genre:
        return f"genre {_genre(clip) or 'none'}, not {known.genre or 'none'}"
    return None


def _of_mirdata(path: Path, tracks: Mapping[str, Any]) -> CorpusIndex:
    """Return an index of mirdata: `{"tracks": {id: {"audio": [path, md5], ...}}}`."""
    clips = {}
    for key, parts in tracks.items():
        if not isinstance(parts, dict):
            raise ValueError(f"the track {key!r} is no mapping")
        for entry in parts.values():
            match entry:
                case [str(file), str(md5)] if _MD5.fullmatch(md5) and _is_sound(file):
                    clips[key] = IndexedClip(file=file.rpartition("/")[2], digest=md5)
                    break
    if not clips:
        raise ValueError("it names no sound file")
    return CorpusIndex(corpus=path.stem, algorithm="md5", labelled=False, clips=clips)


def _is_sound(name: str) -> bool:
    return Path(name).suffix.lower() in AUDIO_SUFFIXES


def _genre(clip: Clip) -> str | None:
    return "; ".join(clip.genres) or None


def _file(clip: Clip) -> Path:
    assert clip.path is not None
    return clip.path


def _require_files(corpus: Corpus) -> None:
    if any(clip.path is None for clip in corpus.clips):
        raise CorpusError(
            f"the clips of {corpus.name} are no files, so they have no checksums; name a corpus of files",
            code="index-without-files",
        )


def file_checksum(path: Path, algorithm: Algorithm = "sha256") -> str:
    """Return the checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
