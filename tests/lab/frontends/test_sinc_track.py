"""The pictures of a track's segments from one pass are those of the segments one by one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from genrelab.lab.frontends import MelSpectrogram
from genrelab.lab.frontends.sinc import Sinc

RATE = 16_000


def front(*, training: bool = False, form: str = "fast", lengths: tuple[int, ...] = (25, 51, 101)) -> Sinc:
    """A front-end whose batch norm is not that of the start."""
    made = Sinc(
        sample_rate=RATE,
        channels=1,
        filters=10,
        lengths=list(lengths),
        frames=32,
        form=form,  # type: ignore[arg-type]
    )
    generator = torch.Generator().manual_seed(7)
    norm = made.norm
    assert norm is not None and norm.running_mean is not None and norm.running_var is not None
    with torch.no_grad():
        norm.weight.add_(0.3 * torch.randn(norm.weight.shape, generator=generator))
        norm.bias.add_(0.3 * torch.randn(norm.bias.shape, generator=generator))
        norm.running_mean.add_(0.1 * torch.randn(norm.bias.shape, generator=generator))
        norm.running_var.mul_(torch.rand(norm.bias.shape, generator=generator) + 0.5)
    return made.train(training)


def noise(samples: int, seed: int = 0, loudness: float = 0.2) -> Tensor:
    return loudness * torch.randn(1, samples, generator=torch.Generator().manual_seed(seed))


def cut(track: Tensor, starts: list[int], samples: int) -> Tensor:
    return torch.stack([track[:, start : start + samples] for start in starts])


def agree(network: Sinc, track: Tensor, starts: list[int], samples: int) -> None:
    with torch.no_grad():
        found = network.of_track(track, starts, samples)
        expected = network(cut(track, starts, samples))
    assert found.shape == expected.shape == (len(starts), *network.output_shape(samples))
    worst = (found - expected).abs().amax(dim=(1, 2, 3)) / expected.abs().amax(dim=(1, 2, 3))
    assert worst.max() < 1e-4, f"segment {int(worst.argmax())}: {float(worst.max()):.1e}"


def test_segments_that_share_five_sixths() -> None:
    agree(front(), noise(20_000), list(range(0, 17_001, 500)), 3000)


@settings(max_examples=25, deadline=None)
@given(
    samples=st.one_of(st.integers(100, 1500), st.just(9001)),
    places=st.lists(st.integers(0, 3000), min_size=1, max_size=6),
    lengths=st.sampled_from([(3,), (101,), (25, 51, 101), (51, 51, 51)]),
    offset=st.sampled_from([0.0, 0.5, -0.9]),
    seed=st.integers(0, 999),
)
@example(samples=100, places=[0], lengths=(101,), offset=0.0, seed=0)
@example(samples=101, places=[3, 3, 0], lengths=(101,), offset=0.5, seed=0)
@example(samples=9001, places=[0, 17, 2999], lengths=(25, 51, 101), offset=0.5, seed=0)
def test_uneven_starts_and_constant_offsets(
    samples: int, places: list[int], lengths: tuple[int, ...], offset: float, seed: int
) -> None:
    track = noise(max(places) + samples, seed) + offset
    agree(front(lengths=lengths), track, places, samples)


def test_a_track_as_long_as_its_segment() -> None:
    agree(front(), noise(1500), [0], 1500)


def test_a_quiet_part_next_to_a_loud_one() -> None:
    """54 dB lie between them; the segments at the border contain both."""
    loudness = torch.where(torch.arange(12_000) < 6000, 0.001, 0.5)
    agree(front(), noise(12_000, loudness=1.0) * loudness, list(range(0, 10_501, 250)), 1500)


def test_silence_next_to_music() -> None:
    """In silence, nothing but the bias is left; the picture must not be lifted out of rounding errors."""
    network = front()
    track = torch.cat([torch.zeros(1, 4000), noise(4000, loudness=0.5), torch.zeros(1, 4000)], dim=1)
    starts = [0, 1200, 2400, 3000, 5000, 7500, 9000, 10_500]
    agree(network, track, starts, 1500)
    agree(network, torch.zeros(1, 3000), [0, 750, 1500], 1500)


def test_a_constant_offset_is_taken_out_before_the_filters() -> None:
    track = 0.9 + 2e-2 * noise(6000)
    agree(front(), track, [0, 250, 1500, 4500], 1500)


def test_a_slow_sweep_keeps_its_place_in_time() -> None:
    time = torch.arange(16_000) / RATE
    track = 0.3 * torch.sin(2 * torch.pi * (50 + 3500 * time) * time)[None]
    network = front()
    agree(network, track, [0, 3000, 6000, 13_000], 3000)
    pictures = network.of_track(track, [0, 13_000], 3000)
    bands = pictures.mean(dim=(1, 3)).argmax(dim=1)
    assert bands[1] > bands[0]


@pytest.mark.parametrize("samples", [20, 60, 99])
def test_segments_shorter_than_the_longest_kernel_are_filtered_one_by_one(samples: int) -> None:
    network = front()
    track, starts = noise(400), [0, 33, 300]
    found = network.of_track(track, starts, samples)
    assert torch.equal(found, network(cut(track, starts, samples)))


def test_in_training_mode_segments_are_a_batch() -> None:
    network, other = front(training=True), front(training=True)
    track, starts = noise(4000), [0, 500, 2500]
    found, expected = network.of_track(track, starts, 1500), other(cut(track, starts, 1500))
    assert torch.equal(found, expected)
    assert int(network.norm.num_batches_tracked) == 1  # type: ignore[union-attr, arg-type]
    assert torch.equal(network.norm.running_mean, other.norm.running_mean)  # type: ignore[union-attr, arg-type]


def test_what_shares_says_so() -> None:
    assert front().shares_tracks
    assert not front(form="plain").shares_tracks
    bands = Sinc(sample_rate=RATE, channels=1, filters=8, lengths=[51], frames=None)
    assert not bands.shares_tracks
    track, starts = noise(4000), [0, 500, 2500]
    assert torch.equal(bands.of_track(track, starts, 1500), bands(cut(track, starts, 1500)))
    plain = front(form="plain")
    assert torch.equal(plain.of_track(track, starts, 1500), plain(cut(track, starts, 1500)))


def test_any_front_end_takes_a_track() -> None:
    mel = MelSpectrogram(sample_rate=RATE, channels=1, n_fft=512, hop_length=128, n_mels=20)
    track, starts = noise(4000), [0, 500, 2500]
    assert not mel.shares_tracks
    assert torch.equal(mel.of_track(track, starts, 1500), mel(cut(track, starts, 1500)))
