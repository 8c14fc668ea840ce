"""Predictions by track are those of the segments one by one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from raising import raises

from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.metrics.predictions import Predictions
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.training.store.audio_store import AudioStore, open_store

RATE = 8000


@dataclass(frozen=True)
class Lengths:
    """Renders noise of a clip's own length, from a third of a segment to many segments."""

    seconds: tuple[float, ...]
    version: int = 1

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        number = int(clip.id.split("-")[1])
        samples = round(self.seconds[number] * sample_rate)
        wave = np.random.default_rng(number).normal(0, 0.1 / (1 + number), (channels, samples))
        return wave.astype(np.float32)


@pytest.fixture
def uneven() -> Corpus:
    """Clips shorter than a segment, as long as one, a sample longer, and of a few segments to very many."""
    seconds = (0.1, 0.3, 0.3 + 1 / RATE, 0.35, 1.0, 4.0, 0.29)
    clips = [Clip(f"low-{number}", None, "low" if number % 2 else "high") for number in range(len(seconds))]
    return Corpus("uneven", ("high", "low"), clips, renderer=Lengths(seconds))


def small(*changes: str) -> Recipe:
    """MS-SincResNet on 0.3 s at 8 kHz, eight filters of each length."""
    shrunk = [
        f"audio.sample_rate={RATE}",
        "audio.segment_seconds=0.3",
        "inputs.picture.filters=8",
        "inputs.picture.frames=32",
        "inputs.picture.lengths=[25, 51, 101]",
        "training.weights=none",
    ]
    return load_recipe("ms-sincresnet-160-spp", changes=[*shrunk, *changes])


def network(recipe: Recipe, genres: int) -> GenreNetwork:
    """A network whose batch norms have heard something, and whose answers differ from segment to segment."""
    torch.manual_seed(3)
    made = build_network(recipe, genres=genres).train()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for _ in range(3):
            made(0.1 * torch.randn(8, 1, recipe.audio.segment_samples, generator=generator))
        made.body.classify.weight.mul_(30)  # type: ignore[union-attr, operator]
    return made


def forms(recipe: Recipe, store: AudioStore, corpus: Corpus) -> tuple[Predictions, Predictions]:
    """Return the predictions by track and, from the same weights in the plain form, by batch."""
    fast = network(recipe, len(corpus.genres))
    plain = build_network(
        recipe.model_copy(
            update={
                "inputs": {
                    name: part.model_copy(update={"form": "plain"}) for name, part in recipe.inputs.items()
                }
            }
        ),
        genres=len(corpus.genres),
    )
    plain.load_state_dict(fast.state_dict())
    assert fast.shares_tracks and not plain.shares_tracks
    ids = [clip.id for clip in corpus.clips]
    by_track, by_batch = (
        predict(net, TestSet(corpus, ids, store, recipe.audio), device="cpu") for net in (fast, plain)
    )
    return by_track, by_batch


def same(found: Predictions, expected: Predictions) -> None:
    assert found.genres == expected.genres
    assert found.clip_ids == expected.clip_ids
    assert found.truth == expected.truth and found.groups == expected.groups
    np.testing.assert_array_equal(found.starts, expected.starts)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-4)
    assert np.ptp(expected.probabilities, axis=0).max() > 0.1, "the segments are not all alike"


@pytest.mark.slow
def test_by_track_and_by_batch_agree_on_tones(corpus: Corpus, cache: Path) -> None:
    store = open_store(corpus, sample_rate=RATE, channels=1)
    found, expected = forms(small(), store, corpus)
    same(found, expected)
    assert len(found.clip_ids) == 24 * 25  # 1.5 s hold a segment of 0.3 s every 0.05 s


@pytest.mark.parametrize("padding", ["end", "repeat", "random"])
def test_by_track_and_by_batch_agree_on_clips_of_any_length(
    uneven: Corpus, cache: Path, padding: str
) -> None:
    store = open_store(uneven, sample_rate=RATE, channels=1)
    found, expected = forms(small(f"audio.padding={padding}"), store, uneven)
    same(found, expected)
    counts = [found.clip_ids.count(clip.id) for clip in uneven.clips]
    assert counts == [1, 1, 1, 2, 15, 75, 1], "75 is more than go together"


def test_by_track_and_by_batch_agree_where_the_filters_are_longer_than_segments(
    uneven: Corpus, cache: Path
) -> None:
    store = open_store(uneven, sample_rate=RATE, channels=1)
    recipe = small("inputs.picture.lengths=[3, 51, 1001]", "audio.segment_seconds=0.1", "audio.overlap=0.5")
    assert recipe.audio.segment_samples == 800
    same(*forms(recipe, store, uneven))


def test_progress_is_told_and_ends_at_the_number_of_segments(uneven: Corpus, cache: Path) -> None:
    store = open_store(uneven, sample_rate=RATE, channels=1)
    recipe = small()
    told: list[tuple[int, int]] = []
    ids = [clip.id for clip in uneven.clips]
    tested = TestSet(uneven, ids, store, recipe.audio)
    predict(network(recipe, 2), tested, device="cpu", report=lambda *counts: told.append(counts))
    assert [total for _, total in told] == [96] * len(told)
    done = [count for count, _ in told]
    assert done == sorted(set(done)) and done[-1] == 96


def test_a_network_in_training_mode_is_heard_in_evaluation_mode(uneven: Corpus, cache: Path) -> None:
    store = open_store(uneven, sample_rate=RATE, channels=1)
    recipe = small()
    net = network(recipe, 2).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    predict(net, TestSet(uneven, ["low-4"], store, recipe.audio), device="cpu")
    assert not net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_without_a_clip_there_is_nothing_to_predict(uneven: Corpus, cache: Path) -> None:
    store = open_store(uneven, sample_rate=RATE, channels=1)
    with raises("no-test-clip", "0 clips", "'uneven'"):
        predict(network(small(), 2), TestSet(uneven, [], store, small().audio), device="cpu")
