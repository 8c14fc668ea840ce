"""Verification that every file of a corpus exists and can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from genrelab.audio.decode import decode
from genrelab.errors import AudioError
from genrelab.lab.corpora.loaders.picture_file import PictureError, PicturePixels
from genrelab.lab.corpora.types import Clip, Corpus


@dataclass(frozen=True)
class Verification:
    """The result of `verify_corpus`.

    Parameters
    ----------
    corpus : str
    readable : int
        Number of readable clips; rendered clips count as readable.
    skipped : mapping of str to str
        Clip id -> why the loader skipped it: not in this copy, damaged, ...
    unreadable : mapping of str to str
        Clip id -> why its file cannot be read.
    """

    corpus: str
    readable: int
    skipped: Mapping[str, str]
    unreadable: Mapping[str, str]

    @property
    def complete(self) -> bool:
        """Whether the loader skipped no clip and all clips can be read."""
        return not self.skipped and not self.unreadable


def verify_corpus(corpus: Corpus) -> Verification:
    """Decode every clip of a corpus."""
    unreadable: dict[str, str] = {}
    for clip in corpus.clips:
        fault = _fault(corpus, clip)
        if fault is not None:
            unreadable[clip.id] = fault
    return Verification(
        corpus=corpus.name,
        readable=len(corpus.clips) - len(unreadable),
        skipped=corpus.skipped,
        unreadable=unreadable,
    )


def _fault(corpus: Corpus, clip: Clip) -> str | None:
    if isinstance(corpus.renderer, PicturePixels):
        try:
            corpus.renderer(clip, corpus.renderer.values, 1)
        except PictureError as error:
            return str(error)
        return None
    if clip.path is None:
        return None
    return decoding_fault(clip.path, start=clip.start, duration=clip.duration)


def decoding_fault(path: Path, *, start: float | None = None, duration: float | None = None) -> str | None:
    """Return why a file cannot be decoded, None if it can.

    Parameters
    ----------
    path : Path
    start, duration : float or None
        The part to decode, in seconds; None means from the beginning, to the end.
    """
    try:
        decode(path, start=start or 0.0, duration=duration)
    except AudioError as error:
        return str(error)
    return None
