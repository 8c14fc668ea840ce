"""Compare a list with one's own copy of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

from genrelab.errors import AudioError, CorpusError
from genrelab.lab.audit.clip_analysis import sound_digest
from genrelab.lab.corpora.checksums import file_checksum
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.sharing.list_file import ClipList, ListedClip

Report = Callable[[str, int, int], object]
State = Literal["same", "other file", "missing", "differs", "not compared"]


class _Outcome(NamedTuple):
    state: State
    what: str = ""


@dataclass(frozen=True)
class Comparison:
    """How a copy of a corpus differs from a list.

    Attributes
    ----------
    same : int
        Clips with the same file, or rendered with the same sound.
    other_file : tuple of str
        Clips whose file differs, with the same samples: a lossless copy.
    missing : mapping of str to str
        Clips that the copy lacks -> why.
    differs : mapping of str to str
        Clips with another sound, part or genre -> what differs.
    not_compared : tuple of str
        Clips of which the list has no digest.
    added : tuple of str
        Clips of the copy that the list lacks.
    """

    same: int
    other_file: tuple[str, ...]
    missing: Mapping[str, str]
    differs: Mapping[str, str]
    not_compared: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether no clip of the list is missing or differs."""
        return not (self.missing or self.differs)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as a JSON object."""
        return {
            "same": self.same,
            "other_file": list(self.other_file),
            "missing": dict(self.missing),
            "differs": dict(self.differs),
            "not_compared": list(self.not_compared),
            "added": list(self.added),
        }


def compare_list(
    corpus: Corpus, listed: ClipList, *, jobs: int = 1, report: Report | None = None
) -> Comparison:
    """Compare each clip of a list with one's own copy.

    A clip is decoded only if its file is another one than that of the list.

    Parameters
    ----------
    corpus : Corpus
    listed : ClipList
    jobs : int > 0
        Clips processed in parallel.
    report : callable or None
        Called with the current step, the number of finished clips and the total.
    """
    known = corpus.by_id()
    found: dict[str, _Outcome] = {}
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = pool.map(partial(_compare, corpus, known), listed.clips.values())
        for clip_id, outcome in zip(listed.clips, outcomes, strict=True):
            found[clip_id] = outcome
            if report is not None:
                report("comparing", len(found), len(listed.clips))

    def those(state: State) -> dict[str, str]:
        return {clip_id: outcome.what for clip_id, outcome in found.items() if outcome.state == state}

    return Comparison(
        same=len(those("same")),
        other_file=tuple(those("other file")),
        missing=those("missing"),
        differs=those("differs"),
        not_compared=tuple(those("not compared")),
        added=tuple(clip_id for clip_id in known if clip_id not in listed.clips),
    )


def _compare(corpus: Corpus, known: Mapping[str, Clip], wanted: ListedClip) -> _Outcome:
    clip = known.get(wanted.clip_id)
    if clip is None:
        return _Outcome("missing", corpus.skipped.get(wanted.clip_id, "not in this copy"))
    genre = "; ".join(clip.genres) or None
    if genre != wanted.genre:
        return _Outcome("differs", f"genre {genre or 'none'}, not {wanted.genre or 'none'}")
    if (clip.start or 0.0, clip.duration) != (wanted.start or 0.0, wanted.duration):
        return _Outcome("differs", "another part of the file")
    sound = wanted.sound_sha256 if corpus.kind == "audio" else None
    try:
        if wanted.file_sha256 is not None and clip.path is not None:
            if file_checksum(clip.path) == wanted.file_sha256:
                return _Outcome("same")
            if sound is None:
                return _Outcome("differs", "other file; the list has no digest of its sound")
        if sound is None:
            return _Outcome("not compared")
        if sound_digest(clip, corpus) != sound:
            return _Outcome("differs", "other sound")
    except OSError as error:
        return _Outcome("missing", f"{clip.path} cannot be read: {error.strerror}")
    except (AudioError, CorpusError) as error:
        return _Outcome("missing", str(error))
    return _Outcome("same" if clip.path is None else "other file")
