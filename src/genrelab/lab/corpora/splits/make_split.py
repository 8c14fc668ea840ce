"""Splits of a corpus into training, validation and test parts.

Clips of one file always stay in one part. The kinds with `artist` in their name also keep all clips of an
artist in one part (`artist_key` matches spellings); a clip without an artist is a group of its own. Otherwise
a recognizer learns the artists of the test part, and its accuracy there is too high (Sturm 2013,
arXiv:1306.1461; Flexer and Schnitzer 2010, on album and artist effects).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from genrelab.errors import CorpusError
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.splits.allocation import allocate
from genrelab.lab.corpora.splits.exclusions import check_exclusions
from genrelab.lab.corpora.splits.listed_split import LISTED, listed_split
from genrelab.lab.corpora.splits.split_checks import check_split
from genrelab.lab.corpora.splits.split_kinds import Folds, Shares, parse_kind
from genrelab.lab.corpora.types import Clip, Corpus, Split

_VALID_SHARE_OF_TRAINING = 0.1

_Parts = list[list[Clip]]


def make_split(corpus: Corpus, kind: str, *, seed: int, exclude: Collection[str] = ()) -> Split:
    """Split the clips of a corpus that have a genre or tags.

    Parameters
    ----------
    corpus : Corpus
        The split ignores clips without a genre and tags. Clips with tags and no genre are divided like those
        of one more genre, which need not occur in every part.
    kind : str
        `published` or another published split of the corpus; `random` or `random:70/10/20`, stratified by
        genre (train/valid/test in per cent, 60/20/20 by default; `random:70/30` is train/test, without a
        validation part); `artist` or `artist:70/10/20`, the same
        with each artist in one part; `kfold:0/10`, with fold 0 of 10 held out for the test and a tenth of
        the rest for validation; `artist-kfold:0/5`, the same by artist. `kfold:0+1/10` holds out the union
        of folds 0 and 1 of the same ten folds. `file:PATH` is the split of a list, as
        `genrelab corpora export` writes it, or of the `split.csv` of a run.
    seed : int >= 0
        The same seed gives the same split, and the folds of one seed are disjoint. Published splits and
        lists do not depend on it.
    exclude : collection of str
        Ids of clips to leave out, such as repetitions that an audit found (see `read_exclusions`). Published
        splits lose these clips; other kinds split the remaining ones. The name of the split then ends in
        their number and a digest of the list.

    Returns
    -------
    Split
        With its `findings`, see `check_split`.

    Raises
    ------
    CorpusError
        If the kind is unknown, a genre has too few clips or artists for it, a list cannot be used, or an
        excluded clip is not in the corpus.
    """
    if seed < 0:
        raise CorpusError(f"the seed of a split must be at least 0, not {seed}", code="split-seed")
    check_exclusions(corpus, sorted(exclude), source=f"split {kind!r}")
    left = replace(corpus, clips=[clip for clip in corpus.clips if clip.id not in exclude])
    if kind in corpus.published_splits:
        split = corpus.published_splits[kind]
    elif kind.startswith(LISTED):
        split = listed_split(corpus, kind.removeprefix(LISTED))
    else:
        split = _make(left, parse_kind(kind, published=list(corpus.published_splits)), seed)
    if exclude:
        split = _without(split, exclude)
    return replace(split, findings=check_split(left, split))


def select_clips(split: Split, keep: Callable[[str], bool]) -> Split:
    """Return a split with only the clips for whose id `keep` is true."""
    return replace(
        split,
        train=[clip_id for clip_id in split.train if keep(clip_id)],
        valid=[clip_id for clip_id in split.valid if keep(clip_id)],
        test=[clip_id for clip_id in split.test if keep(clip_id)],
    )


def _without(split: Split, exclude: Collection[str]) -> Split:
    digest = hashlib.sha256("\n".join(sorted(exclude)).encode("utf-8", "surrogatepass")).hexdigest()
    return replace(
        select_clips(split, lambda clip_id: clip_id not in exclude),
        name=f"{split.name}-without-{len(exclude)}-{digest[:6]}",
        made=f"{split.made}, {len(exclude)} clips of the corpus left out",
    )


def _make(corpus: Corpus, kind: Shares | Folds, seed: int) -> Split:
    labelled = [clip for clip in corpus.clips if clip.annotated]
    if all(clip.genre is None for clip in labelled):
        message = f"{corpus.name} has no labelled clip to split. Give its clips a genre"
        raise CorpusError(message, code="split-without-clips")
    whole = "artists" if kind.by_artist else "files"
    if isinstance(kind, Shares):
        shares = [percent / 100 for percent in kind.percent]
        parts = _assign(labelled, shares, by_artist=kind.by_artist, rng=np.random.default_rng(seed))
        made = kind.described
    else:
        parts = _fold(labelled, kind, seed)
        made = f"{_named(kind.held_out)} of {kind.of} tested, a tenth of the other folds for validation"
    train, valid, test = ([clip.id for clip in part] for part in parts)
    without = sum(clip.genre is None for clip in labelled)
    tags_only = f", {without} clips with tags and no genre included" if without else ""
    return Split(
        name=kind.name,
        train=train,
        valid=valid,
        test=test,
        made=f"{made}, stratified by genre, {whole} undivided, seed {seed}{tags_only}",
        seed=seed,
    )


def _named(folds: Sequence[int]) -> str:
    """Name folds in words: `fold 0`, `folds 0, 2 and 3`."""
    *first, last = map(str, folds)
    return f"folds {', '.join(first)} and {last}" if first else f"fold {last}"


def _fold(clips: Sequence[Clip], kind: Folds, seed: int) -> _Parts:
    folds = _assign(clips, [1 / kind.of] * kind.of, by_artist=kind.by_artist, rng=np.random.default_rng(seed))
    tested = {clip.id for fold in kind.held_out for clip in folds[fold]}
    train, valid = _assign(
        [clip for clip in clips if clip.id not in tested],
        [1 - _VALID_SHARE_OF_TRAINING, _VALID_SHARE_OF_TRAINING],
        by_artist=kind.by_artist,
        rng=np.random.default_rng([seed, kind.of, *kind.held_out]),
    )
    return [train, valid, [clip for clip in clips if clip.id in tested]]


def _assign(
    clips: Sequence[Clip], shares: Sequence[float], *, by_artist: bool, rng: np.random.Generator
) -> _Parts:
    """Return the clips of each part, in the order of the corpus."""
    genres = sorted({clip.genre for clip in clips if clip.genre is not None})
    classes: list[str | None] = [*genres, *([None] if any(clip.genre is None for clip in clips) else [])]
    keys = [_group_key(clip, by_artist=by_artist) for clip in clips]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    counts = np.zeros((len(numbers), len(classes)), dtype=np.int64)
    for clip, key in zip(clips, keys, strict=True):
        counts[numbers[key], classes.index(clip.genre)] += 1
    needed = sum(share > 0 for share in shares)
    _require_groups(counts[:, : len(genres)], genres, needed, by_artist=by_artist)
    part_of = allocate(counts, shares, rng=rng)
    _require_every_genre(counts[:, : len(genres)], part_of, genres, shares)
    parts: _Parts = [[] for _ in shares]
    for clip, key in zip(clips, keys, strict=True):
        parts[part_of[numbers[key]]].append(clip)
    return parts


def _group_key(clip: Clip, *, by_artist: bool) -> tuple[str, str]:
    artist = artist_key(clip.artist) if by_artist else None
    if artist is not None:
        return ("artist", artist)
    return ("file", str(clip.path)) if clip.path is not None else ("clip", clip.id)


def _require_groups(
    counts: npt.NDArray[np.int64], genres: Sequence[str], needed: int, *, by_artist: bool
) -> None:
    for genre, groups in zip(genres, (counts > 0).sum(axis=0), strict=True):
        if groups < needed:
            have = "artists (or clips without one)" if by_artist else "files"
            raise CorpusError(
                f"genre {genre!r} has {groups} {have}, but this split needs at least {needed}, one for each "
                f"part. Add clips of {genre}, omit the genre, or choose a split with fewer parts",
                code="split-too-few-groups",
            )


def _require_every_genre(
    counts: npt.NDArray[np.int64],
    part_of: npt.NDArray[np.int64],
    genres: Sequence[str],
    shares: Sequence[float],
) -> None:
    for part in np.flatnonzero(shares):
        empty = np.flatnonzero(counts[part_of == part].sum(axis=0) == 0)
        if len(empty):
            raise CorpusError(
                f"genre {genres[empty[0]]!r} cannot occur in every part, because its artists also play other "
                "genres. Try another seed or a split with fewer parts, or add clips of that genre",
                code="split-genre-undivided",
            )
