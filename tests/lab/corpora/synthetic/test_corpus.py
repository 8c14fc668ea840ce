"""The synthetic collection: options, clips, artists, the published split."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

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
    ("options", "code", "quoted"),
    [
        ("track=3", "synthetic-option-unknown", ["'track'", "did you mean 'tracks'?"]),
        ("tracks", "synthetic-option-not-a-number", ["tracks", "''"]),
        ("tracks=2", "synthetic-option-range", ["tracks=2", "3..1000"]),
        ("tracks=1001", "synthetic-option-range", ["3..1000"]),
        ("tracks=4.5", "synthetic-option-not-a-number", ["'4.5'"]),
        ("seconds=0.5", "synthetic-option-range", ["1..60"]),
        ("seconds=nan", "synthetic-option-range", ["1..60"]),
        ("seconds=long", "synthetic-option-not-a-number", ["'long'"]),
        ("seed=-1", "synthetic-option-range", ["0..4294967295"]),
        ("seed=1,seed=2", "synthetic-option-twice", ["seed", "seed=1,seed=2"]),
    ],
)
def test_bad_options_are_named(options: str, code: str, quoted: list[str]) -> None:
    with raises(code, *quoted):
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


def test_lengths_of_the_same_seconds_are_one_renderer() -> None:
    assert repr(load("").renderer) == repr(load("seconds=10").renderer) == repr(load("seconds=10.0").renderer)


def test_version_is_raised_when_the_sound_changes() -> None:
    corpus = load("tracks=3,seconds=2")
    assert corpus.renderer is not None
    assert "version=1" in repr(corpus.renderer), "give the new version's fingerprint"
    for genre, expected in FINGERPRINT.items():
        heard = corpus.renderer(corpus.by_id()[f"{genre}/0000"], 22_050, 2)
        changed = np.abs(fingerprint(heard) - expected).max() > 0.03
        assert not changed, "the sound changed: raise SyntheticRenderer.version and this fingerprint"


def fingerprint(stereo: np.ndarray) -> np.ndarray:
    """Give energies in dB, far coarser than the last bits of a float: 2 channels x 2 halves x 2 bands."""
    halves = stereo.astype(np.float64).reshape(2, 2, -1)
    power = np.abs(np.fft.rfft(halves)) ** 2
    split = power.shape[-1] // 12  # about 900 Hz
    bands = [power[..., 1:split].sum(-1), power[..., split:].sum(-1)]
    return 10 * np.log10(np.stack(bands, axis=-1)).ravel()


FINGERPRINT = {
    "blues": [61.18, 58.9, 61.31, 55.95, 62.2, 58.77, 61.42, 55.98],
    "classical": [62.49, 49.0, 62.31, 50.8, 58.52, 47.67, 62.69, 48.2],
    "country": [67.27, 56.58, 67.74, 56.31, 67.24, 59.92, 66.9, 59.65],
    "disco": [57.82, 51.82, 57.37, 52.07, 58.66, 52.32, 57.79, 52.59],
    "hiphop": [59.58, 49.72, 59.21, 57.75, 59.65, 50.8, 58.63, 56.97],
    "jazz": [59.81, 49.63, 59.88, 49.97, 60.51, 51.38, 60.64, 51.65],
    "metal": [67.21, 63.41, 67.35, 63.72, 67.04, 62.46, 67.19, 63.04],
    "pop": [55.46, 50.73, 55.69, 51.43, 55.35, 50.9, 55.37, 51.84],
    "reggae": [63.38, 55.63, 66.1, 52.26, 63.35, 56.08, 66.05, 49.84],
    "rock": [60.79, 56.78, 60.97, 54.6, 61.35, 56.85, 60.99, 53.84],
}
