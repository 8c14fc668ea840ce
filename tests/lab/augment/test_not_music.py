"""Sound that is no music, and a network that learns to be unsure of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from genrelab.lab.augment.not_music import MAKERS, not_music
from genrelab.lab.augment.speech import Voice, speech_like
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.recipes import Recipe
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.train import train


@pytest.mark.parametrize("maker", sorted(set(MAKERS), key=lambda each: each.__name__))
@pytest.mark.parametrize("rate", [8000, 44_100])
def test_each_kind_is_sound_of_the_length_asked_for(maker: Callable[..., np.ndarray], rate: int) -> None:
    for seed in range(12):
        wave = maker(rate // 2 + 1, rate, np.random.default_rng(seed))
        assert wave.shape == (rate // 2 + 1,)
        assert np.isfinite(wave).all() and np.abs(wave).max() > 0


def test_items_are_in_range_repeatable_and_unlike() -> None:
    def made(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return not_music(40, samples=4000, channels=2, sample_rate=8000, rng=rng)

    items = made(3)
    assert items.shape == (40, 2, 4000) and items.dtype == np.float32
    peaks = np.abs(items).max(axis=(1, 2))
    assert (peaks <= 10 ** (-3 / 20) + 1e-6).all() and (peaks >= 10 ** (-50 / 20) - 1e-6).all()
    assert (items[:, 0] == items[:, 1]).all()
    assert (made(3) == items).all() and not (made(4) == items).all()
    assert len({item.tobytes() for item in items}) == 40


def test_speech_like_has_a_voice_and_pauses() -> None:
    rate = 16_000
    wave = speech_like(10 * rate, rate, np.random.default_rng(1))
    level = np.sqrt(np.square(wave).reshape(-1, rate // 50).mean(axis=1))
    changes = np.abs(np.diff((level > 0.3 * level.mean()).astype(int))).sum() / 10
    assert 2 <= changes <= 25, "syllables and pauses, some a second"
    power = np.abs(np.fft.rfft(wave)) ** 2
    hertz = np.fft.rfftfreq(len(wave), 1 / rate)
    assert power[(hertz > 80) & (hertz < 4000)].sum() > 0.7 * power.sum()


def test_voices_are_of_men_women_and_children() -> None:
    rng = np.random.default_rng(0)
    voices = [Voice.draw(rng) for _ in range(300)]
    low = [voice.throat for voice in voices if voice.pitch < 120]
    high = [voice.throat for voice in voices if voice.pitch > 240]
    assert min(len(low), len(high)) > 30 and np.mean(high) > 1.15 * np.mean(low), "shorter throats"
    assert 10 < sum(voice.breath == 1.0 for voice in voices) < 60, "some whisper"


@pytest.mark.slow
def test_a_network_learns_to_be_unsure_of_it(
    corpus: Corpus, split: Split, cache: Path, tiny_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    def confidence(*changes: str, name: str) -> float:
        recipe = tiny_recipe("training.max_epochs=8", "training.patience=null", "augment=null", *changes)
        folder = tmp_path / name
        folder.mkdir()
        trained = train(Experiment(recipe, corpus, split, 0), folder=folder, device="cpu")
        sound = not_music(
            30,
            samples=recipe.audio.segment_samples,
            channels=1,
            sample_rate=8000,
            rng=np.random.default_rng(99),
        )
        with torch.no_grad():
            shares = trained.network(torch.from_numpy(sound)).logits.softmax(dim=-1)
        return float(shares.max(dim=-1).values.mean())

    plain = confidence("training.monitor=last", name="plain")
    taught = confidence(
        "training.monitor=last", "training.not_music={share: 0.5, weight: 2.0}", name="taught"
    )
    assert taught < plain - 0.1
