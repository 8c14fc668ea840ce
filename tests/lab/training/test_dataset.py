"""Which segments an epoch holds."""

from __future__ import annotations

import pytest
import torch

from genrelab.lab.recipes.schema import Audio
from genrelab.lab.training.dataset import Drawn, EpochSampler, HeldOutDataset, SegmentDataset
from genrelab.lab.training.store.audio_store import AudioStore

AUDIO = Audio(sample_rate=8000, channels=1, segment_seconds=0.4, overlap=0.25)
LABELS = {"high-0": 0, "low-0": 1}


def test_fixed_segments_follow_the_overlap(store: AudioStore) -> None:
    dataset = SegmentDataset(store, LABELS, AUDIO, seed=0)
    assert [item.start / 8000 for item in dataset.items[:4]] == pytest.approx([0.0, 0.3, 0.6, 0.9])
    assert len(dataset) == 8
    waveform, label = dataset[(0, 5)]
    assert label == 1
    torch.testing.assert_close(waveform, torch.from_numpy(store.read("low-0", 2400, 3200)))


def test_spread_segments_are_few_and_even(store: AudioStore) -> None:
    dataset = HeldOutDataset(store, LABELS, AUDIO, most=2)
    assert [item.start for item in dataset.items[:2]] == [2400, 7200]


def test_drawn_segments_follow_from_seed_and_epoch_alone(store: AudioStore) -> None:
    first = SegmentDataset(store, LABELS, AUDIO, seed=0, drawn=Drawn(3))
    again = SegmentDataset(store, LABELS, AUDIO, seed=0, drawn=Drawn(3))
    assert len(first) == 6
    again[(4, 2)]
    assert torch.equal(first[(1, 2)][0], again[(1, 2)][0])
    assert not torch.equal(first[(1, 2)][0], first[(2, 2)][0])
    assert not torch.equal(
        first[(1, 2)][0], SegmentDataset(store, LABELS, AUDIO, seed=1, drawn=Drawn(3))[(1, 2)][0]
    )


def starts_of(dataset: SegmentDataset, store: AudioStore, clip: str, epoch: int) -> list[int]:
    """Find where the drawn segments of a clip start, by their sound."""
    sound = torch.from_numpy(store.read(clip, 0, store.frames(clip)))[0]
    found = []
    for index, item in enumerate(dataset.items):
        if item.clip_id == clip:
            drawn = dataset[(epoch, index)][0][0]
            places = range(len(sound) - len(drawn) + 1)
            found.append(next(at for at in places if torch.equal(sound[at : at + len(drawn)], drawn)))
    return found


def test_segments_from_the_grid_start_where_those_of_a_test_start_and_do_not_repeat(
    store: AudioStore,
) -> None:
    dataset = SegmentDataset(store, LABELS, AUDIO, seed=0, drawn=Drawn(3, grid=True))
    grid = [item.start for item in HeldOutDataset(store, LABELS, AUDIO).items if item.clip_id == "low-0"]
    assert len(grid) == 4
    epochs = [starts_of(dataset, store, "low-0", epoch) for epoch in range(6)]
    for starts in epochs:
        assert len(set(starts)) == 3 and set(starts) <= set(grid)
    assert len({tuple(starts) for starts in epochs}) > 1, "another draw in each epoch"
    assert {start for starts in epochs for start in starts} == set(grid)
    other = [starts_of(dataset, store, "high-0", epoch) for epoch in range(6)]
    assert other != epochs, "each clip has its own draw"


def test_a_clip_with_too_few_places_repeats_them_evenly(store: AudioStore) -> None:
    dataset = SegmentDataset(store, LABELS, AUDIO, seed=0, drawn=Drawn(8, grid=True))
    starts = starts_of(dataset, store, "low-0", 0)
    assert sorted(starts) == sorted(2 * [0, 2400, 4800, 7200])


def test_a_view_of_several_segments_lies_on_the_grid_and_in_the_clip(store: AudioStore) -> None:
    dataset = SegmentDataset(store, LABELS, AUDIO, seed=0, drawn=Drawn(2, segments=2, grid=True))
    for epoch in range(4):
        assert set(starts_of(dataset, store, "low-0", epoch)) <= {0, 2400, 4800}


def test_short_clips_are_padded_as_the_recipe_says(store: AudioStore) -> None:
    audio = AUDIO.model_copy(update={"segment_seconds": 2.0, "padding": "random"})
    dataset = SegmentDataset(store, LABELS, audio, seed=0)
    waveform, _ = dataset[(0, 0)]
    assert waveform.shape == (1, 16000)
    assert int((waveform != 0).sum()) == pytest.approx(12000, abs=20)
    assert torch.equal(waveform, dataset[(0, 0)][0])
    assert not torch.equal(waveform, dataset[(1, 0)][0])
    tested, _ = HeldOutDataset(store, LABELS, audio)[(0, 0)]
    assert not tested[:, 12000:].any() and tested[:, :12000].any()


def test_the_order_of_an_epoch_follows_from_seed_and_epoch() -> None:
    sampler, again = EpochSampler(50, seed=3, shuffle=True), EpochSampler(50, seed=3, shuffle=True)
    first = list(sampler)
    sampler.set_epoch(7)
    again.set_epoch(7)
    assert list(sampler) == list(again)
    assert {epoch for epoch, _ in sampler} == {7}
    assert sorted(index for _, index in sampler) == list(range(50))
    assert [index for _, index in sampler] != [index for _, index in first]
    assert list(EpochSampler(3, seed=0, shuffle=False)) == [(0, 0), (0, 1), (0, 2)]
