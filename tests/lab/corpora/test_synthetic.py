"""The synthetic collection: options, clips, artists, the published split."""

from __future__ import annotations

import pickle
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelab.errors import CorpusError
from genrelab.lab.corpora.synthetic import load

TEN = ["blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock"]


def test_default_collection() -> None:
    corpus = load("")
    assert corpus.name == "synthetic"
    assert list(corpus.genres) == TEN
    assert Counter(clip.genre for clip in corpus.clips) == dict.fromkeys(TEN, 30)
    assert len(corpus.by_id()) == 300
    assert corpus.by_id()["blues/0007"].path is None
    assert corpus.renderer is not None
    assert corpus.licence == "CC0-1.0 (generated)"
    assert "not real music" in corpus.citation
    assert {clip.duration for clip in corpus.clips} == {10}


def test_options_are_read() -> None:
    corpus = load(" seconds=2.5, tracks = 4 ,seed=9")
    assert len(corpus.clips) == 40
    assert corpus.clips[0].duration == 2.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("track=3", "'track'.*tracks, seconds, seed"),
        ("tracks", "whole number, not ''"),
        ("tracks=2", "tracks=2 .* outside 3..1000"),
        ("tracks=1001", "outside 3..1000"),
        ("tracks=4.5", "whole number, not '4.5'"),
        ("seconds=0.5", "outside 1..60"),
        ("seconds=nan", "outside 1..60"),
        ("seconds=long", "a number, not 'long'"),
        ("seed=-1", "outside 0..4294967295"),
        ("seed=1,seed=2", "seed .* twice"),
    ],
)
def test_bad_options_are_named(options: str, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        load(options)


@given(tracks=st.integers(3, 60))
def test_split_keeps_artists_apart_and_has_every_genre_on_each_side(tracks: int) -> None:
    corpus = load(f"tracks={tracks}")
    split = corpus.published_splits["published"]
    clips = corpus.by_id()
    sides = [split.train, split.valid, split.test]
    assert sorted(id for side in sides for id in side) == sorted(clips)
    artists = [{clips[id].artist for id in side} for side in sides]
    assert not artists[0] & artists[1] and not artists[0] & artists[2] and not artists[1] & artists[2]
    for side in sides:
        per_genre = Counter(clips[id].genre for id in side)
        assert set(per_genre) == set(TEN)
        assert len(set(per_genre.values())) == 1
    if tracks % 5 == 0:
        assert [len(side) for side in sides] == [6 * tracks, 2 * tracks, 2 * tracks]


def test_artists_have_four_tracks_and_names_of_their_genre() -> None:
    per_artist = Counter(clip.artist for clip in load("tracks=40").clips)
    assert set(per_artist.values()) == {4}
    assert len(per_artist) == 100
    assert "synthetic blues artist 3" in per_artist


def test_a_clip_has_the_same_artist_in_a_larger_collection() -> None:
    small, large = load("tracks=7").by_id(), load("tracks=50").by_id()
    assert all(large[id].artist == clip.artist for id, clip in small.items())


def test_renderer_can_be_sent_to_another_process() -> None:
    renderer = load("seconds=3,seed=4").renderer
    assert pickle.loads(pickle.dumps(renderer)) == renderer
