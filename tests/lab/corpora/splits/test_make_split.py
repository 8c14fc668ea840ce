from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.lab.corpora import Clip, Corpus, Split, make_split
from genrelab.lab.corpora.artists import artist_key

GENRES = ("blues", "jazz", "rock")


def corpus_of(sizes: list[int], *, artists: list[int] | None = None, unlabelled: int = 0) -> Corpus:
    """Return a corpus with `sizes[g]` clips of genre g; `artists[g]` artists share a genre's clips."""
    clips = [
        Clip(
            id=f"{genre}-{number}",
            path=Path(f"{genre}-{number}.wav"),
            genre=genre,
            artist=None if artists is None else f"{genre} artist {number % count}",
        )
        for genre, size, count in zip(GENRES, sizes, artists or sizes, strict=False)
        for number in range(size)
    ]
    clips += [Clip(id=f"u{number}", path=Path(f"u{number}.wav"), genre=None) for number in range(unlabelled)]
    return Corpus(name="test", genres=list(GENRES[: len(sizes)]), clips=clips)


def parts(split: Split) -> list[set[str]]:
    return [set(split.train), set(split.valid), set(split.test)]


def assert_divides(corpus: Corpus, split: Split) -> None:
    train, valid, test = parts(split)
    assert len(train) + len(valid) + len(test) == len(train | valid | test)
    assert train | valid | test == {clip.id for clip in corpus.clips if clip.genre}
    assert split.found("clip").count == 0
    assert split.found("missing genres").count == 0


sizes = st.lists(st.integers(3, 40), min_size=1, max_size=3)
seeds = st.integers(0, 2**32)


@settings(max_examples=60, deadline=None)
@given(
    sizes=sizes, seed=seeds, shares=st.sampled_from([(60, 20, 20), (70, 10, 20), (80, 10, 10), (34, 33, 33)])
)
def test_random_is_stratified(sizes: list[int], seed: int, shares: tuple[int, int, int]) -> None:
    corpus = corpus_of(sizes, unlabelled=2)
    split = make_split(corpus, "random:{}/{}/{}".format(*shares), seed=seed)
    assert_divides(corpus, split)
    for genre, size in zip(GENRES, sizes, strict=False):
        for ids, share in zip(parts(split), shares, strict=True):
            count = sum(clip_id.startswith(f"{genre}-") for clip_id in ids)
            assert abs(count - size * share / 100) < 2
            assert count >= 1


@settings(max_examples=60, deadline=None)
@given(
    sizes=sizes,
    artists=st.lists(st.integers(3, 12), min_size=3, max_size=3),
    seed=seeds,
    unlabelled=st.integers(0, 3),
)
def test_artist_keeps_artists_on_one_side(
    sizes: list[int], artists: list[int], seed: int, unlabelled: int
) -> None:
    corpus = corpus_of(sizes, artists=artists, unlabelled=unlabelled)
    split = make_split(corpus, "artist", seed=seed)
    assert_divides(corpus, split)
    assert split.found("artist").count == 0
    by_id = corpus.by_id()
    sides = [{by_id[clip_id].artist for clip_id in ids} for ids in parts(split)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(5, 30), min_size=1, max_size=3), seed=seeds, folds=st.integers(2, 5))
@pytest.mark.parametrize("kind", ["kfold", "artist-kfold"])
def test_folds_cover_every_clip_once(kind: str, sizes: list[int], seed: int, folds: int) -> None:
    corpus = corpus_of(sizes, artists=[5, 6, 7])
    tested: list[str] = []
    for fold in range(folds):
        split = make_split(corpus, f"{kind}:{fold}/{folds}", seed=seed)
        assert_divides(corpus, split)
        tested += split.test
        if kind == "artist-kfold":
            assert split.found("artist").count == 0
        else:
            for genre, size in zip(GENRES, sizes, strict=False):
                count = sum(clip_id.startswith(f"{genre}-") for clip_id in split.test)
                assert abs(count - size / folds) < 1
    assert sorted(tested) == sorted(clip.id for clip in corpus.clips)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, folds=st.integers(3, 5), data=st.data())
@pytest.mark.parametrize("kind", ["kfold", "artist-kfold"])
def test_several_held_out_folds_are_the_union_of_single_ones(
    kind: str, seed: int, folds: int, data: st.DataObject
) -> None:
    corpus = corpus_of([50, 45, 48], artists=[22, 20, 24])
    chosen = data.draw(st.lists(st.integers(0, folds - 1), min_size=2, max_size=folds - 1, unique=True))
    split = make_split(corpus, f"{kind}:{'+'.join(map(str, chosen))}/{folds}", seed=seed)
    singles = [make_split(corpus, f"{kind}:{fold}/{folds}", seed=seed) for fold in chosen]
    assert sorted(split.test) == sorted(key for single in singles for key in single.test)
    assert_divides(corpus, split)
    if kind == "artist-kfold":
        assert split.found("artist").count == 0
    assert split.name == f"{kind}-{'+'.join(map(str, sorted(chosen)))}of{folds}"
    backwards = make_split(corpus, f"{kind}:{'+'.join(map(str, reversed(chosen)))}/{folds}", seed=seed)
    assert backwards == split


def test_several_held_out_folds_are_named_and_validated_on_a_tenth_of_the_rest() -> None:
    split = make_split(corpus_of([100, 100, 100]), "kfold:2+0+1/4", seed=7)
    assert split.made.startswith("folds 0, 1 and 2 of 4 tested, a tenth of the other folds for validation")
    assert len(split.test) == 225 and 6 <= len(split.valid) <= 9
    assert split.seed == 7


@pytest.mark.parametrize("kind", ["random", "artist", "kfold:1/3", "artist-kfold:1/3"])
def test_the_seed_decides(kind: str) -> None:
    corpus = corpus_of([30, 20, 25], artists=[10, 7, 9])
    first = make_split(corpus, kind, seed=5)
    assert make_split(corpus, kind, seed=5) == first
    assert make_split(corpus, kind, seed=6).test != first.test


def test_large_artists_are_not_always_trained_on() -> None:
    clips = [
        Clip(id=f"{genre}{number}", path=None, genre=genre, artist="star" if number < 15 else None)
        for genre in ("jazz", "rock")
        for number in range(100)
    ]
    corpus = Corpus(name="test", genres=["jazz", "rock"], clips=clips)
    where = Counter("jazz0" in make_split(corpus, "artist", seed=seed).train for seed in range(40))
    assert min(where[True], where[False]) >= 5


def test_shares_without_a_part() -> None:
    split = make_split(corpus_of([10, 20]), "random:80/20/0", seed=0)
    assert (len(split.train), len(split.valid), len(split.test)) == (24, 6, 0)
    assert split.found("test").count == 0
    assert split.name == "random-80-20-0"
    assert split.made.startswith("80/20 train/valid, no test part, stratified by genre")


@pytest.mark.parametrize("kind", ["random", "artist"])
def test_two_shares_are_training_and_test(kind: str) -> None:
    corpus = corpus_of([10, 20])
    split = make_split(corpus, f"{kind}:70/30", seed=3)
    assert (len(split.train), len(split.valid), len(split.test)) == (21, 0, 9)
    assert split.made.startswith("70/30 train/test, no validation part, stratified by genre")
    assert split.name == f"{kind}-70-0-30" and split == make_split(corpus, f"{kind}:70/0/30", seed=3)
    whole = make_split(corpus, f"{kind}:70/10/20", seed=3)
    assert whole.made.startswith("70/10/20 train/valid/test, stratified by genre")


def test_clips_of_one_file_stay_together() -> None:
    clips = [
        Clip(id=f"{genre}{number}", path=Path(f"{genre}{number // 4}.wav"), genre=genre, start=number % 4)
        for genre in ("jazz", "rock")
        for number in range(40)
    ]
    corpus = Corpus(name="test", genres=["jazz", "rock"], clips=clips)
    for kind in ("random", "artist", "kfold:0/3"):
        assert make_split(corpus, kind, seed=1).found("file").count == 0


def test_artists_who_play_several_genres() -> None:
    clips = [
        Clip(id=f"{genre}{number}", path=None, genre=genre, artist=f"artist {number // 2}")
        for genre in ("jazz", "rock", "pop")
        for number in range(20)
    ]
    corpus = Corpus(name="test", genres=["jazz", "pop", "rock"], clips=clips)
    split = make_split(corpus, "artist-kfold:2/5", seed=0)
    assert split.found("artist").count == 0
    assert Counter(clip_id[:3] for clip_id in split.test) == {"jaz": 4, "roc": 4, "pop": 4}


@pytest.mark.parametrize(
    ("spellings", "same"),
    [
        (("Rage Against the Machine", "Rage Against The Machine"), True),
        (("Earth Wind and Fire", "Earth, Wind & Fire"), True),
        (("The Beatles ", "beatles"), True),
        (("Motörhead", "Motorhead"), True),
        (("RUN-DMC", "Run D.M.C."), True),
        (("The The", "The"), True),
        (("The Who", "Who Knows"), False),
        (("!!!", "???"), False),
        (("Bob Marley", "Lauryn Hill and Bob Marley"), False),
    ],
)
def test_spellings_of_one_artist(spellings: tuple[str, str], same: bool) -> None:
    first, second = map(artist_key, spellings)
    assert (first == second) is same


@pytest.mark.parametrize("name", [None, "", "  "])
def test_no_artist_is_no_key(name: str | None) -> None:
    assert artist_key(name) is None


@pytest.mark.parametrize(
    ("kind", "code", "quoted"),
    [
        ("radnom", "split-unknown", ["'radnom'", "'random'"]),
        ("kfold:10/10", "split-fold", ["'kfold:10/10'", "0 to 9"]),
        ("kfold:0/1", "split-fold", ["'kfold:0/1'", 2]),
        ("kfold:0/100000000", "split-fold", ["'kfold:0/100000000'", 10000]),
        ("artist-kfold:0+4/4", "split-fold", ["'artist-kfold:0+4/4'", "0 to 3"]),
        ("kfold:1+0+01/4", "split-fold-repeated", ["'kfold:1+0+01/4'", "fold 1"]),
        ("kfold:0+1/2", "split-all-folds", ["'kfold:0+1/2'", "2 folds"]),
        ("kfold:0+/4", "split-unknown", ["'kfold:0+/4'"]),
        ("random:60/20/30", "split-shares", ["'random:60/20/30'", 100]),
        ("artist:0/50/50", "split-shares", ["'artist:0/50/50'"]),
        ("random:60/50", "split-shares", ["'random:60/50'", "random:60/20/20", "random:70/30"]),
        ("artist:0/100", "split-shares", ["'artist:0/100'", "artist:70/30"]),
        ("random:60", "split-unknown", ["'random:60'"]),
        ("random:60/20/10/10", "split-unknown", ["'random:60/20/10/10'"]),
        ("published", "split-unknown", ["published", "artist"]),
        ("kfold", "split-unknown", ["'kfold'", "random"]),
    ],
)
def test_bad_kinds(kind: str, code: str, quoted: list[object]) -> None:
    with raises(code, *quoted):
        make_split(corpus_of([10, 10]), kind, seed=0)


def test_too_few_of_a_genre() -> None:
    with raises("split-too-few-groups", "'jazz'", "2 files", 3):
        make_split(corpus_of([10, 2]), "random", seed=0)
    with raises("split-too-few-groups", "'jazz'", "4 artists", 5):
        make_split(corpus_of([50, 50], artists=[5, 4]), "artist-kfold:0/5", seed=0)
    with raises("split-without-clips", "test"):
        make_split(corpus_of([0], unlabelled=3), "random", seed=0)
    with raises("split-seed", -1):
        make_split(corpus_of([10, 10]), "random", seed=-1)


def test_genres_that_no_division_of_whole_artists_can_spread() -> None:
    # jazz is played by a, b, c, rock by a, b, d, blues by b, c, d: with jazz and rock in all three parts,
    # c and d share one, so blues is in two parts at most.
    players = {"jazz": "abc", "rock": "abd", "blues": "bcd"}
    clips = [
        Clip(id=f"{genre} {artist}", path=None, genre=genre, artist=artist)
        for genre, artists in players.items()
        for artist in artists
    ]
    corpus = Corpus(name="test", genres=sorted(players), clips=clips)
    for seed in range(5):
        with raises("split-genre-undivided"):
            make_split(corpus, "artist", seed=seed)
