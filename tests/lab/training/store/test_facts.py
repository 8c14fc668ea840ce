"""What is known of each clip of a store: equal sound has equal digests, silence is measured, it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.training.store.audio_store import AudioStore, open_store
from genrelab.lab.training.store.facts import FACTS, clip_facts

RATE = 8000


@pytest.fixture
def store(tmp_path: Path, cache: Path) -> AudioStore:
    rng = np.random.default_rng(0)
    noise = np.round(rng.uniform(-0.5, 0.5, RATE) * 32768) / 32768
    other = np.where(np.arange(RATE) == 5000, noise + 1 / 32768, noise)
    half = np.where(np.arange(RATE) < 0.75 * RATE, 0.0, noise)
    sounds = {
        "wav.wav": noise,
        "flac.flac": noise,
        "both.wav": np.stack([noise, noise], axis=1),
        "stereo.wav": np.stack([noise, noise[::-1]], axis=1),
        "other.wav": other,
        "shorter.wav": noise[:-1],
        "silent.wav": np.zeros(RATE),
        "half.wav": half,
    }
    for name, sound in sounds.items():
        soundfile.write(tmp_path / name, sound, RATE)
    clips = [Clip(name.split(".")[0], tmp_path / name, "a") for name in sounds]
    return open_store(Corpus("facts", ("a",), clips), sample_rate=RATE, channels=2)


def test_equal_sound_has_equal_digests_and_other_sound_has_not(store: AudioStore) -> None:
    facts = clip_facts(store)
    assert facts["wav"].digest == facts["flac"].digest == facts["both"].digest is not None
    others = [facts[name].digest for name in ("wav", "stereo", "other", "shorter", "half")]
    assert len(set(others)) == len(others)
    assert facts["silent"] == (None, 1.0)
    assert facts["half"].silent == pytest.approx(0.75) and facts["wav"].silent == 0.0


def test_facts_are_stored_and_computed_again_if_damaged(store: AudioStore) -> None:
    facts = clip_facts(store)
    path = store.folder / FACTS
    kept = path.read_bytes()
    stamp = path.stat().st_mtime_ns
    assert clip_facts(store) == facts and path.stat().st_mtime_ns == stamp
    for damage in (b"", b"{}", b"[]", kept[:50], kept.replace(b'"wav"', b'"was"')):
        path.write_bytes(damage)
        assert clip_facts(store) == facts and path.read_bytes() == kept


def test_a_store_gives_its_samples_as_they_are_kept(store: AudioStore) -> None:
    assert set(store.clips) == {"wav", "flac", "both", "stereo", "other", "shorter", "silent", "half"}
    assert store.samples("wav").shape == (RATE, 1) and store.samples("stereo").shape == (RATE, 2)
    assert store.samples("wav").dtype == np.int16
    np.testing.assert_array_equal(store.samples("wav")[:, 0], store.samples("stereo")[:, 0])
