"""Which clips without a genre may be trained on besides a split."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.types import Clip, Corpus

BY_ARTIST = "the artist is heard in valid or test"  # a key of `metrics.json`
BY_FILE = "the file is heard in valid or test"
MEASURED = "the clip itself is in valid or test"
NO_TARGET = "no target"


class Unlabelled(NamedTuple):
    """Clips without a genre.

    Attributes
    ----------
    used : tuple of str
        Ids, in the corpus's order.
    left_out : dict of str to int
        Reason -> number of clips.
    """

    used: tuple[str, ...]
    left_out: dict[str, int]


def usable_unlabelled(
    corpus: Corpus, *, measured: Collection[str], with_targets: Collection[str]
) -> Unlabelled:
    """Choose the clips without a genre that have a target and are not measured, nor their artist or file.

    Parameters
    ----------
    corpus : Corpus
    measured : collection of str
        The clips that choose the epoch or are tested; those with tags and no genre among them.
    with_targets : collection of str

    Returns
    -------
    Unlabelled
        Clips of unknown artists are used; see `artist_key` for who is one artist.
    """
    apart = set(measured)
    kept = [clip for clip in corpus.clips if clip.id in apart]
    artists = {artist_key(clip.artist) for clip in kept} - {None}
    files = {_file(clip) for clip in kept} - {None}
    used: list[str] = []
    left_out: Counter[str] = Counter()
    for clip in corpus.clips:
        if clip.genre is not None:
            continue
        if clip.id in apart:
            left_out[MEASURED] += 1
        elif artist_key(clip.artist) in artists:
            left_out[BY_ARTIST] += 1
        elif _file(clip) in files:
            left_out[BY_FILE] += 1
        elif clip.id not in with_targets:
            left_out[NO_TARGET] += 1
        else:
            used.append(clip.id)
    return Unlabelled(tuple(used), dict(left_out))


def leave_out_unlabelled(corpus: Corpus, ids: Collection[str]) -> Corpus:
    """Return a corpus without those of these clips that have no genre, such as repetitions in an audit.

    Clips with a genre stay: the split leaves them out.
    """
    kept = [clip for clip in corpus.clips if clip.genre is not None or clip.id not in ids]
    return replace(corpus, clips=kept)


def _file(clip: Clip) -> str | None:
    return None if clip.path is None else os.path.realpath(clip.path)
