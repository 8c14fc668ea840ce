"""Whether every file of a corpus is there and can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from genrelab.audio.decode import decode
from genrelab.errors import AudioError
from genrelab.lab.corpora.types import Corpus


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Parameters
    ----------
    corpus : str
        The corpus's name.
    readable : int
        Clips whose sound could be read; clips that a corpus renders are among them.
    skipped : mapping of str to str
        Clip id -> why the loader left it out: not in this copy, damaged, ...
    unreadable : mapping of str to str
        Clip id -> why its file could not be read.
    """

    corpus: str
    readable: int
    skipped: Mapping[str, str]
    unreadable: Mapping[str, str]

    @property
    def complete(self) -> bool:
        """Whether nothing was left out and everything could be read."""
        return not self.skipped and not self.unreadable


def verify_corpus(corpus: Corpus) -> Verification:
    """Decode every clip of a corpus.

    Parameters
    ----------
    corpus : Corpus
        What to verify.

    Returns
    -------
    Verification
    """
    unreadable: dict[str, str] = {}
    for clip in corpus.clips:
        if clip.path is not None:
            fault = decoding_fault(clip.path, start=clip.start, duration=clip.duration)
            if fault is not None:
                unreadable[clip.id] = fault
    return Verification(
        corpus=corpus.name,
        readable=len(corpus.clips) - len(unreadable),
        skipped=corpus.skipped,
        unreadable=unreadable,
    )


def decoding_fault(path: Path, *, start: float | None = None, duration: float | None = None) -> str | None:
    """Return why a file cannot be decoded, None when it can.

    Parameters
    ----------
    path : Path
        The sound file.
    start, duration : float or None
        The part of it that matters, in seconds; None means from the beginning, to the end.
    """
    try:
        decode(path, start=start or 0.0, duration=duration)
    except AudioError as error:
        return str(error)
    return None
