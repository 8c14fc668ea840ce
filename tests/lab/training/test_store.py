"""The store: what it holds, when it is made anew, what it does with broken files."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.audio.decode import decode
from genrelab.errors import CorpusError
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.training.store import open_store


def write(path: Path, seconds: float, channels: int, *, rate: int = 22050, level: float = 0.4) -> None:
    rng = np.random.default_rng(len(path.name))
    soundfile.write(path, level * rng.uniform(-1, 1, (round(seconds * rate), channels)), rate)


@pytest.fixture
def files(tmp_path: Path) -> Corpus:
    write(tmp_path / "mono.wav", 1.0, 1)
    write(tmp_path / "stereo.flac", 0.7, 2)
    clips = [
        Clip("mono", tmp_path / "mono.wav", "a"),
        Clip("part", tmp_path / "mono.wav", "a", start=0.25, duration=0.5),
        Clip("stereo", tmp_path / "stereo.flac", "b"),
        Clip("unlabelled", tmp_path / "absent.wav", None),
    ]
    return Corpus("files", ("a", "b"), clips)


def test_holds_what_decoding_gives(files: Corpus, cache: Path) -> None:
    store = open_store(files, sample_rate=22050, channels=2)
    for clip in files.clips[:3]:
        assert clip.path is not None
        expected, _ = decode(clip.path, start=clip.start or 0.0, duration=clip.duration, channels=2)
        assert store.frames(clip.id) == expected.shape[1]
        read = store.read(clip.id, 0, expected.shape[1])
        assert read.dtype == np.float32 and read.shape == expected.shape
        np.testing.assert_allclose(read, expected, atol=0.51 / 32767)
        np.testing.assert_array_equal(store.read(clip.id, 100, 50), read[:, 100:150])
        assert store.read(clip.id, expected.shape[1] - 10, 50).shape == (2, 10)
    assert "unlabelled" not in store and not store.skipped


def test_resamples_and_mixes(files: Corpus, cache: Path) -> None:
    store = open_store(files, sample_rate=8000, channels=1)
    expected, _ = decode(files.clips[2].path or Path(), sample_rate=8000, channels=1)
    np.testing.assert_allclose(store.read("stereo", 0, 10**6), expected, atol=0.51 / 32767)


def test_is_made_once_and_anew_when_something_changes(files: Corpus, cache: Path) -> None:
    calls: list[tuple[int, int]] = []

    def open_it(corpus: Corpus = files, rate: int = 22050) -> Path:
        return open_store(corpus, sample_rate=rate, channels=1, report=lambda *at: calls.append(at)).folder

    first = open_it()
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert open_it() == first and len(calls) == 3
    assert open_it(rate=16000) != first and len(calls) == 6
    path = files.clips[0].path
    assert path is not None
    os.utime(path, ns=(1, 1))
    assert open_it() != first and len(calls) == 9


def test_a_generated_corpus_is_kept_by_its_generator(corpus: Corpus, cache: Path) -> None:
    first = open_store(corpus, sample_rate=8000, channels=1).folder
    assert corpus.renderer is not None
    other = dataclasses.replace(corpus, renderer=dataclasses.replace(corpus.renderer, seconds=1.0))  # type: ignore[type-var]
    assert open_store(other, sample_rate=8000, channels=1).folder != first


def test_a_broken_clip_is_named_and_the_others_are_there(files: Corpus, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp3").write_text("no music")
    clips = [
        Clip("broken", tmp_path / "broken.mp3", "a"),
        Clip("gone", tmp_path / "gone.wav", "a"),
        *files.clips,
    ]
    store = open_store(dataclasses.replace(files, clips=clips), sample_rate=22050, channels=1)
    assert set(store.skipped) == {"broken", "gone"}
    assert "broken.mp3" in store.skipped["broken"]
    assert {"mono", "part", "stereo"} == {clip.id for clip in files.clips if clip.id in store}


def test_nothing_usable_is_an_error_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    corpus = Corpus("empty", ("a",), [Clip("gone", tmp_path / "gone.wav", "a")])
    with pytest.raises(CorpusError, match=r"gone\.wav"):
        open_store(corpus, sample_rate=8000, channels=1)
    assert list((cache / "stores").iterdir()) == []


def test_too_loud_samples_are_cut_to_full_scale(tmp_path: Path, cache: Path) -> None:
    loud = np.full((1000, 1), 1.7, dtype=np.float32)
    soundfile.write(tmp_path / "loud.wav", loud, 8000, subtype="FLOAT")
    corpus = Corpus("loud", ("a",), [Clip("loud", tmp_path / "loud.wav", "a")])
    store = open_store(corpus, sample_rate=8000, channels=1)
    np.testing.assert_array_equal(store.read("loud", 0, 1000), np.ones((1, 1000), dtype=np.float32))


def test_two_makers_at_once_agree(files: Corpus, cache: Path) -> None:
    """The slower one finds the faster one's store in place and uses it."""
    faster = open_store(files, sample_rate=22050, channels=1).folder
    kept = cache / "kept"
    shutil.move(faster, kept)

    def meanwhile(done: int, total: int) -> None:
        if done == total:
            shutil.copytree(kept, faster)

    store = open_store(files, sample_rate=22050, channels=1, report=meanwhile)
    assert store.folder == faster and "mono" in store
    assert [path.name for path in (cache / "stores").iterdir()] == [faster.name]
