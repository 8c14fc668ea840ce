"""The tags of clips as a table of numbers.

A clip is annotated for a kind of tags if it has at least one tag of that kind. Its other tags of the kind are
then false. Tags of other kinds are unknown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genrelab.errors import CorpusError
from genrelab.lab.corpora.tag_names import kind_of
from genrelab.lab.corpora.types import Corpus

UNKNOWN = -1
"""In a table of tags: the clip is not annotated for the kind of the tag."""

LEAST_CLIPS = 25
"""Fewest clips with a tag, and without it, for which a tag can be learned and measured."""

TagTruth = npt.NDArray[np.int8]
"""`[clips, tags]`: 1 if the clip has the tag, 0 if not, -1 if it is unknown."""


def tag_truth(corpus: Corpus, ids: Sequence[str], tags: Sequence[str]) -> TagTruth:
    """Return which clips have which tags.

    Parameters
    ----------
    corpus : Corpus
    ids : sequence of str
        Clips of the corpus, the rows of the result.
    tags : sequence of str
        Tags such as `mood:calm`, the columns of the result. Clips may have other tags, too.

    Returns
    -------
    np.ndarray [shape=(clips, tags)], int8
        1 if the clip has the tag, 0 if it has others of the same kind only, -1 if it has none of that kind.

    Raises
    ------
    CorpusError
        If a clip is not in the corpus.

    Examples
    --------
    >>> from genrelab.lab.corpora.types import Clip
    >>> calm = Clip("a", None, None, tags=("mood:calm",))
    >>> sad = Clip("b", None, None, tags=("mood:sad", "genre:folk"))
    >>> tag_truth(Corpus("mine", (), [calm, sad]), ["a", "b"], ["genre:folk", "mood:calm"]).tolist()
    [[-1, 1], [1, 0]]
    """
    clips = corpus.by_id()
    unknown = [clip_id for clip_id in ids if clip_id not in clips]
    if unknown:
        raise CorpusError(
            f"the corpus {corpus.name} has no clip {unknown[0]!r}, so no tags of it. Use the corpus of the "
            "clips",
            code="tags-of-unknown-clip",
        )
    number = {tag: column for column, tag in enumerate(tags)}
    kinds = np.array([kind_of(tag) for tag in tags], dtype=object)
    truth = np.full((len(ids), len(tags)), UNKNOWN, dtype=np.int8)
    for row, clip_id in enumerate(ids):
        own = clips[clip_id].tags or ()
        for kind in {kind_of(tag) for tag in own}:
            truth[row, kinds == kind] = 0
        truth[row, [number[tag] for tag in own if tag in number]] = 1
    return truth


def usable_tags(corpus: Corpus, least: int = LEAST_CLIPS) -> tuple[str, ...]:
    """Return the tags that enough clips have, and enough annotated clips do not have.

    Parameters
    ----------
    corpus : Corpus
    least : int
        Fewest clips with the tag, and fewest clips without it that are annotated for its kind.

    Returns
    -------
    tuple of str
        In the order of the corpus.
    """
    truth = tag_truth(corpus, [clip.id for clip in corpus.clips], corpus.tags)
    enough = ((truth == 1).sum(axis=0) >= least) & ((truth == 0).sum(axis=0) >= least)
    return tuple(tag for tag, kept in zip(corpus.tags, enough, strict=True) if kept)


def tags_digest(corpus: Corpus) -> str | None:
    """Hash the tags of all clips, whatever the order of a clip's tags; None for a corpus without tags."""
    if not corpus.tags:
        return None
    tagged = {clip.id: sorted(clip.tags) for clip in corpus.clips if clip.tags}
    content = [list(corpus.tags), sorted(tagged.items())]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
