"""Clips of at least a fixed length: silence at random points, drawn once for each clip."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.models import build_network
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.training.data_loading import training_set
from genrelab.lab.training.dataset import HeldOutDataset, SegmentDataset
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.store.filled import FilledStore, filled

Make = Callable[..., Recipe]
ALL = 10**9


def test_a_shorter_clip_keeps_its_samples_in_order_and_gets_silence_between_them(store: AudioStore) -> None:
    longer = FilledStore(store, 20_000)
    for clip_id in store.clips:
        own, whole = store.read(clip_id, 0, ALL), longer.read(clip_id, 0, ALL)
        assert longer.frames(clip_id) == whole.shape[1] == 20_000 > store.frames(clip_id) == 12_000
        silent = ~whole.any(axis=0)
        assert silent.sum() >= 8_000
        np.testing.assert_array_equal(whole[:, ~silent], own[:, own.any(axis=0)])
        starts = np.flatnonzero(np.diff(np.r_[0, silent.astype(int)]) == 1)
        assert 1 <= len([at for at in starts if silent[at : at + 20].all()]) <= 4
        np.testing.assert_array_equal(longer.read(clip_id, 7_000, 5_000), whole[:, 7_000:12_000])
        assert longer.read(clip_id, 19_000, 5_000).shape == (1, 1_000)
    first, second = (longer.read(clip_id, 0, ALL).any(axis=0) for clip_id in store.clips[:2])
    assert not np.array_equal(first, second), "each clip has points of its own"


def test_the_silence_is_the_same_in_every_reader(store: AudioStore) -> None:
    clip_id = store.clips[0]
    first = FilledStore(store, 20_000)
    for again in (FilledStore(store, 20_000), pickle.loads(pickle.dumps(first))):
        np.testing.assert_array_equal(again.read(clip_id, 0, ALL), first.read(clip_id, 0, ALL))
    assert first.checksum(clip_id) == FilledStore(store, 20_000).checksum(clip_id) and clip_id in first


def test_the_checksum_covers_the_silence(store: AudioStore) -> None:
    first, second = store.clips[:2]
    plain = FilledStore(store, 12_000)
    assert plain.checksum(first) == store.checksum(first), "nothing was filled"
    vars(store)["_places"][second] = store._places[first]  # another clip of the same sound
    filled_up = FilledStore(store, 20_000)
    assert not np.array_equal(filled_up.read(first, 0, ALL), filled_up.read(second, 0, ALL))
    different = {store.checksum(first), *(filled_up.checksum(each) for each in (first, second))}
    assert len({*different, FilledStore(store, 20_001).checksum(first)}) == 4


def test_a_longer_clip_stays_as_it_is(store: AudioStore) -> None:
    same = FilledStore(store, 12_000)
    clip_id = store.clips[0]
    assert same.frames(clip_id) == 12_000
    np.testing.assert_array_equal(same.read(clip_id, 100, ALL), store.read(clip_id, 100, ALL))


def test_without_a_duration_the_store_is_read_itself(store: AudioStore, tiny_recipe: Make) -> None:
    assert filled(store, tiny_recipe().audio) is store
    assert "clip_seconds:" not in dump_recipe(tiny_recipe()), "recipes of earlier runs stay the same"
    audio = load_recipe("simple-cnn").audio
    assert (audio.clip_seconds, audio.clip_samples) == (30.0, 30 * 44_100)


@pytest.mark.parametrize("most", [None, 1])
def test_training_choice_and_tests_get_the_same_sound(
    store: AudioStore, corpus: Corpus, split: Split, tiny_recipe: Make, most: int | None
) -> None:
    """A clip of 1.5 s filled up to 2.5 s has five segments of 0.5 s, in each epoch the same."""
    recipe = tiny_recipe(
        "audio.clip_seconds=2.5", "audio.overlap=0", "training.segments_per_clip=null", "augment=null"
    )
    labels = dict.fromkeys(store.clips[:2], 0)
    learned = SegmentDataset(store, labels, recipe.audio, seed=3)
    held = HeldOutDataset(store, labels, recipe.audio, most=most)
    assert len(learned) == 10 and len(held) == (10 if most is None else 2)
    assert torch.equal(learned[0, 1][0], learned[9, 1][0])
    number = [item.start for item in learned.items].index(held.items[0].start)
    assert torch.equal(held[0, 0][0], learned[4, number][0])
    assert len(training_set(Experiment(recipe, corpus, split, 0))) == 5 * len(split.train)
    torch.manual_seed(0)
    net = build_network(recipe, genres=3)
    predictions = predict(net, TestSet(corpus, store.clips[:2], store, recipe.audio), device="cpu")
    assert len(predictions.clip_ids) == 10
    with torch.no_grad():
        expected = net.eval()(learned[0, 4][0][None]).logits.softmax(-1)
    np.testing.assert_allclose(predictions.probabilities[4], expected[0], atol=1e-5)
