"""Of what a fold does not test, a tenth chooses the epoch: of every genre, in every fold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.lab.corpora import Clip, Corpus, make_split

GENRES = ("blues", "jazz", "rock")


def corpus_of(sizes: list[int], *, songs_an_artist: int = 1) -> Corpus:
    clips = [
        Clip(id=f"{genre} {n}", path=None, genre=genre, artist=f"{genre} artist {n // songs_an_artist}")
        for genre, size in zip(GENRES, sizes, strict=True)
        for n in range(size)
    ]
    return Corpus(name="test", genres=list(GENRES), clips=clips)


def counts(ids: list[str]) -> list[int]:
    return [sum(clip.startswith(f"{genre} ") for clip in ids) for genre in GENRES]


@pytest.mark.parametrize("kind", ["kfold", "artist-kfold"])
def test_a_tenth_of_the_rest_chooses_the_epoch(kind: str) -> None:
    corpus = corpus_of([100, 200, 500])
    for fold in (0, 9):
        split = make_split(corpus, f"{kind}:{fold}/10", seed=3)
        assert counts(split.test) == [10, 20, 50]
        assert counts(split.valid) == [9, 18, 45]
        assert counts(split.train) == [81, 162, 405]
        assert split.made.startswith(f"fold {fold} of 10 tested, a tenth of the other folds for validation")


def test_artists_with_several_songs_give_about_a_tenth() -> None:
    split = make_split(corpus_of([200, 200, 200], songs_an_artist=4), "artist-kfold:1/5", seed=0)
    assert counts(split.test) == [40, 40, 40]
    assert all(12 <= count <= 20 for count in counts(split.valid)), counts(split.valid)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(20, 90), min_size=3, max_size=3), st.integers(2, 8), st.integers(0, 2**32))
def test_the_share_is_kept_to_within_two_clips(sizes: list[int], folds: int, seed: int) -> None:
    split = make_split(corpus_of(sizes), f"kfold:0/{folds}", seed=seed)
    tested, valid = counts(split.test), counts(split.valid)
    for size, test, chosen in zip(sizes, tested, valid, strict=True):
        assert abs(chosen - (size - test) / 10) < 2
        assert chosen >= 1
