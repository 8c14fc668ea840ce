"""Sinc filters are the paper's, and keep their limits while they learn."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raising import raises
from torch import Tensor

from genrelab.lab.frontends import FRONTENDS
from genrelab.lab.frontends.sections import LearnedFilters, LearnedPictures
from genrelab.lab.frontends.sinc import CutoffLimits, Sinc, SincFilters, standardized
from genrelab.lab.layers.fft_convolution import mirrored

RATE = 16_000


def bank(filters: int = 80, length: int = 251, **options: Any) -> SincFilters:
    limits = {"lowest_hz": 30.0, "min_low_hz": 1.0, "min_band_hz": 1.0} | options
    return SincFilters(filters=filters, length=length, sample_rate=RATE, limits=CutoffLimits(**limits))


def sinc(lengths: list[int], **options: object) -> Sinc:
    return Sinc(sample_rate=RATE, channels=1, lengths=lengths, **options)  # type: ignore[arg-type]


def noise(batch: int, samples: int, seed: int) -> Tensor:
    return 0.3 * torch.randn(batch, 1, samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("form", ["fast", "plain"])
def test_silence_and_constants_give_finite_pictures_and_gradients(form: str) -> None:
    front = sinc([31, 51], filters=5, frames=16, form=form).train()
    waveform = torch.stack([torch.zeros(1, 400), torch.full((1, 400), 0.7), noise(1, 400, 0)[0]])
    picture = front(waveform)
    picture.sum().backward()
    assert torch.isfinite(picture).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in front.parameters())  # type: ignore[arg-type]
    assert torch.isfinite(front.eval()(waveform)).all()


def test_loudness_and_offset_of_an_item_do_not_matter() -> None:
    front = sinc([31], filters=5, frames=16).eval()
    waveform = noise(1, 800, 0)
    changed = torch.cat([waveform, 0.01 * waveform, waveform + 0.2])
    first, softer, lifted = front(changed)
    torch.testing.assert_close(softer, first, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(lifted, first, atol=1e-4, rtol=1e-3)
    signal = standardized(changed[:, 0])
    torch.testing.assert_close(signal.mean(dim=1), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(signal.var(dim=1, correction=0), torch.ones(3), atol=1e-3, rtol=0)


def test_silence_is_not_lifted_to_the_level_of_music() -> None:
    quiet = 1e-6 * noise(1, 800, 0)[:, 0]
    assert standardized(quiet).std() < 0.01


@pytest.mark.parametrize("length", [251, 501, 1001])
def test_kernels_are_equations_3_to_5_divided_by_twice_the_band(length: int) -> None:
    """The sinc of equation 3 is sin(x) / x; the window of equation 5 has its middle at the centre tap."""
    filters = bank(40, length)
    low, high = (cutoff.double()[:, None] / RATE for cutoff in filters.cutoffs())
    n = torch.arange(-(length // 2), length // 2 + 1, dtype=torch.float64)

    def ideal(cutoff: Tensor) -> Tensor:  # 2 f sinc(2 pi f n)
        x = 2 * math.pi * cutoff * n
        return 2 * cutoff * torch.where(x == 0, torch.ones_like(x), torch.sin(x) / x)

    middle = n + length / 2  # w[n] of equation 5 is even about L / 2
    window = 0.54 - 0.46 * torch.cos(2 * math.pi * middle / length)
    expected = (ideal(high) - ideal(low)) * window / (2 * (high - low))
    kernels = mirrored(filters.half_kernels())
    assert kernels.shape == (40, length) and kernels.dtype == torch.float32
    assert torch.equal(kernels, kernels.flip(1))
    torch.testing.assert_close(kernels.double(), expected, atol=2e-7, rtol=0)
    assert (kernels[:, length // 2] == 1).all() and kernels.abs().max() == 1


@pytest.mark.parametrize("length", [2, 250, 1000])
def test_an_even_length_is_refused(length: int) -> None:
    with raises("sinc-taps-even", length, length + 1):
        bank(8, length)


@pytest.mark.parametrize(
    ("options", "code", "quoted"),
    [
        ({"lengths": [100]}, "sinc-taps-even", "101"),
        ({"lengths": []}, "option-invalid", "lengths"),
        ({"lengths": [1]}, "option-invalid", "lengths"),
        ({"lengths": [3, 5], "frames": None}, "sinc-lengths", "frames"),
        ({"filters": 0}, "option-invalid", "filters"),
        ({"frames": 0}, "option-invalid", "frames"),
        ({"form": "slow"}, "option-invalid", "form"),
        ({"unit_hz": 0.0}, "option-invalid", "unit_hz"),
        ({"unit_mel": 0.0}, "option-invalid", "unit_mel"),
        ({"spacing": "bark"}, "option-invalid", "spacing"),
        ({"lowest_hz": 8000.0}, "sinc-lowest", "8000 Hz"),
        ({"lowest_hz": 7999.995}, "sinc-lowest", "8000 Hz"),
        ({"lowest_hz": 0.5}, "sinc-lowest", "min_low_hz, 1.0 Hz"),
        ({"lowest_hz": 1.0}, "sinc-lowest", "min_low_hz, 1.0 Hz"),
        ({"filters": 160, "min_band_hz": 50.0}, "sinc-bands-narrow", "50.0 Hz"),
    ],
)
def test_what_cannot_be_filtered_is_refused(options: dict[str, object], code: str, quoted: str) -> None:
    with raises(code, quoted):
        FRONTENDS.create("sinc", options, sample_rate=RATE, channels=1)


def test_stereo_is_refused() -> None:
    with raises("sinc-channels", "audio.channels"):
        FRONTENDS.create("sinc", {}, sample_rate=RATE, channels=2)


@pytest.mark.parametrize("filters", [4, 80, 160])
def test_bands_start_touching_evenly_in_mel_from_30_hz_to_half_the_rate(filters: int) -> None:
    low, high = (cutoff.detach().double() for cutoff in bank(filters).cutoffs())
    assert low[0].item() == pytest.approx(30.0, abs=1e-4)
    assert high[-1].item() == pytest.approx(RATE / 2, abs=0.05) and high[-1] < RATE / 2
    torch.testing.assert_close(low[1:], high[:-1], atol=2e-3, rtol=0)
    mel = 2595 * torch.log10(1 + torch.cat([low, high[-1:]]) / 700)
    steps = mel.diff()
    torch.testing.assert_close(steps, steps.mean().expand_as(steps), atol=0, rtol=1e-3)


@pytest.mark.parametrize("filters", [4, 80, 160])
@pytest.mark.parametrize("unit_mel", [1.0, 100.0, 3000.0])
def test_the_filters_start_alike_whatever_their_parameters_are_counted_in(
    filters: int, unit_mel: float
) -> None:
    in_hz, in_mel = bank(filters), bank(filters, unit_mel=unit_mel)
    for expected, found in zip(in_hz.cutoffs(), in_mel.cutoffs(), strict=True):
        torch.testing.assert_close(found, expected, atol=4e-3, rtol=0)
    assert in_mel.cutoffs()[1][-1] < RATE / 2, "its edge can still move"


def test_bands_can_start_equally_wide_in_hz_or_in_octaves() -> None:
    low, high = (cutoff.detach().double() for cutoff in bank(80, spacing="linear").cutoffs())
    torch.testing.assert_close(
        high - low, torch.full_like(low, (RATE / 2 - 0.01 - 30) / 80), atol=2e-3, rtol=0
    )
    assert low[0].item() == pytest.approx(30.0) and high[-1].item() == pytest.approx(RATE / 2, abs=0.05)
    low, high = (cutoff.detach().double() for cutoff in bank(80, spacing="octave").cutoffs())
    widths = torch.log2(high / low)
    torch.testing.assert_close(
        widths, torch.full_like(low, math.log2(7999.99 / 30) / 80), atol=1e-4, rtol=1e-3
    )
    assert low[0].item() == pytest.approx(30.0) and high[-1].item() == pytest.approx(RATE / 2, abs=0.05)
    for spacing in ("linear", "octave"):
        learned = bank(80, spacing=spacing, unit_mel=100.0).cutoffs()
        for expected, found in zip(bank(80, spacing=spacing).cutoffs(), learned, strict=True):
            torch.testing.assert_close(found, expected, atol=4e-3, rtol=0)


def test_a_step_in_mel_is_as_wide_as_a_mel() -> None:
    """A tenth of the unit moves every lower cut-off by as many mel, and by more Hz the higher it is."""
    filters = bank(40, unit_mel=100.0, min_low_hz=0.0)
    before = filters.cutoffs()[0].detach().double()
    with torch.no_grad():
        filters.low += 0.1
    after = filters.cutoffs()[0].detach().double()
    mel = 2595 * torch.log10(1 + torch.stack([before, after]) / 700)
    torch.testing.assert_close(mel[1] - mel[0], torch.full_like(before, 10.0), atol=0.01, rtol=0)
    assert (after - before).diff().min() > 0


def in_order(filters: SincFilters) -> None:
    low, high = filters.cutoffs()
    assert torch.isfinite(low).all() and torch.isfinite(high).all()
    assert (low >= filters.min_low_hz).all() and (high <= filters.nyquist).all()
    assert (high - low >= filters.min_band_hz * (1 - 1e-3)).all()


@settings(max_examples=60, deadline=None)
@given(
    low=st.floats(-1e9, 1e9, width=32),
    band=st.floats(-1e9, 1e9, width=32),
    min_low=st.sampled_from([0.0, 1.0, 50.0]),
    min_band=st.sampled_from([1.0, 50.0]),
    unit_mel=st.sampled_from([None, 100.0]),
)
@example(low=8000.0, band=0.0, min_low=1.0, min_band=1.0, unit_mel=None)
@example(low=-7999.0, band=-0.0, min_low=1.0, min_band=1.0, unit_mel=None)
@example(low=28.4, band=28.4, min_low=1.0, min_band=1.0, unit_mel=100.0)
def test_cutoffs_stay_in_order_whatever_the_parameters(
    low: float, band: float, min_low: float, min_band: float, unit_mel: float | None
) -> None:
    filters = bank(4, 31, lowest_hz=100.0, min_low_hz=min_low, min_band_hz=min_band, unit_mel=unit_mel)
    with torch.no_grad():
        filters.low.fill_(low)
        filters.band.fill_(band)
    in_order(filters)
    kernels = filters.half_kernels()
    kernels.sum().backward()
    assert torch.isfinite(kernels).all()
    assert all(torch.isfinite(each.grad).all() for each in filters.parameters())  # type: ignore[arg-type]


@pytest.mark.parametrize(("unit_hz", "unit_mel"), [(1.0, None), (100.0, None), (1.0, 100.0)])
def test_cutoffs_stay_in_order_through_training_at_a_huge_rate(
    unit_hz: float, unit_mel: float | None
) -> None:
    front = sinc([31, 51], filters=8, frames=16, unit_hz=unit_hz, unit_mel=unit_mel).train()
    before = torch.cat([parameter.detach().clone() for parameter in front.banks.parameters()])
    optimizer = torch.optim.SGD(front.parameters(), lr=1e4, momentum=0.9, nesterov=True)
    for step in range(8):
        optimizer.zero_grad()
        picture = front(noise(4, 600, step))
        (picture * noise(4, 1, 99)[..., None]).sum().backward()
        optimizer.step()
        assert torch.isfinite(picture).all()
        for filters in front.banks:
            in_order(filters)  # type: ignore[arg-type]
    after = torch.cat([parameter.detach() for parameter in front.banks.parameters()])
    assert (unit_mel or unit_hz) * (after - before).abs().max() > 1000, "the steps were no small ones"


@pytest.mark.parametrize("unit_hz", [0.5, 100.0, 1000.0])
def test_the_unit_of_the_parameters_changes_their_steps_and_nothing_else(unit_hz: float) -> None:
    in_hz, other = bank(12, 101), bank(12, 101, unit_hz=unit_hz)
    for cutoff, expected in zip(other.cutoffs(), in_hz.cutoffs(), strict=True):
        torch.testing.assert_close(cutoff, expected, atol=1e-2, rtol=1e-6)
    weights = torch.randn(12, 51, generator=torch.Generator().manual_seed(0))
    found, expected = (
        torch.autograd.grad((filters.half_kernels() * weights).sum(), list(filters.parameters()))
        for filters in (other, in_hz)
    )
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine - unit_hz * theirs).norm() < 1e-3 * mine.norm()


def test_gradients_of_the_kernels_are_the_numerical_ones() -> None:
    """A step of 0.5 Hz: float32 keeps cut-offs to 0.0005 Hz, and taps are curved only a little over 1 Hz."""
    filters = bank(12, 101)
    weights = torch.randn(12, 51, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def score() -> Tensor:
        return (filters.half_kernels().double() * weights).sum(dim=1)

    parameters = list(filters.parameters())
    assert len(parameters) == 2, "lowest cut-offs and bands"
    for parameter in parameters:
        if parameter is filters.band:  # the last band ends at half the rate: one-sided there
            with torch.no_grad():
                parameter[-1] -= 10.0
        (found,) = torch.autograd.grad(score().sum(), parameter)
        with torch.no_grad():
            parameter += 0.5
            above = score()
            parameter -= 1.0
            below = score()
            parameter += 0.5
        numerical = (above - below).float()
        assert (found - numerical).norm() < 2e-2 * numerical.norm()


@pytest.mark.parametrize("filters", [8, 80, 160])
def test_at_the_start_gradients_reach_every_cutoff(filters: int) -> None:
    """Also that of the last filter, which ends at half the sample rate."""
    front = sinc([51, 101], filters=filters, frames=16).train()
    picture = front(noise(2, 1000, 0))
    weights = torch.randn(picture.shape, generator=torch.Generator().manual_seed(1))
    (picture * weights).sum().backward()
    parameters = list(front.banks.parameters())
    assert len(parameters) == 4, "lowest cut-offs and bands of two banks"
    for parameter in parameters:
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all()
        assert (parameter.grad != 0).all()


@pytest.mark.parametrize(("number", "outside"), [(10, 6000.0), (60, 300.0), (79, 1000.0)])
def test_a_filter_passes_its_band_and_damps_what_lies_far_outside(number: int, outside: float) -> None:
    front = sinc([1001], filters=80, frames=None)
    low, high = (float(cutoff[number].detach()) for cutoff in front.banks[0].cutoffs())  # type: ignore[operator]
    time = torch.arange(16_000, dtype=torch.float64) / RATE
    tones = [torch.sin(2 * math.pi * hertz * time) for hertz in ((low + high) / 2, outside)]
    with torch.no_grad():
        power = front(torch.stack(tones)[:, None].float())[..., 1000:-1000].square().mean(dim=2)
        lows, highs = front.banks[0].cutoffs()  # type: ignore[operator]
    assert 10 * torch.log10(power[0, number] / power[1, number]) > 40
    gain = power[0] * (highs - lows).square()  # the division by the bandwidth taken back
    assert int(gain.argmax()) == number


def test_a_picture_shows_where_a_tone_is_and_when() -> None:
    """A tone in the band of filter 20 that begins in the middle of the clip."""
    front = sinc([251], filters=40, frames=40).eval()
    low, high = front.banks[0].cutoffs()  # type: ignore[operator]
    hertz = float((low[20] + high[20]).detach()) / 2
    time = torch.arange(16_000) / RATE
    waveform = torch.sin(2 * math.pi * hertz * time) * (time > 0.5)
    with torch.no_grad():
        picture = front(waveform[None, None])[0, 0]
    assert picture[20, 21:].min() > 10 * picture[20, :19].max()


def test_shapes_are_those_of_the_paper() -> None:
    front = FRONTENDS.create("sinc", {}, sample_rate=RATE, channels=1)
    assert front.output_shape(3 * RATE) == (3, 160, 1024)
    assert [filters.length for filters in front.banks] == [251, 501, 1001]  # type: ignore[attr-defined]
    with torch.no_grad():
        assert front.eval()(noise(1, 3 * RATE, 0)).shape == (1, 3, 160, 1024)
    names = dict(front.named_parameters())
    assert sum(parameter.numel() for parameter in names.values()) == 3 * 160 * (2 + 2)
    assert set(front.state_dict()) - set(names) == {
        "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"
    }  # fmt: skip


def test_a_segment_needs_a_sample_for_each_frame() -> None:
    front = Sinc(sample_rate=16_000, channels=1, filters=4, lengths=[31], frames=64)
    assert front.output_shape(64) == (1, 4, 64)
    with raises("segment-too-short", 63, 64, "audio.segment_seconds"):
        front.output_shape(63)


def test_only_learned_filters_have_sections_in_a_report() -> None:
    options = {"filters": 4, "lengths": [31], "frames": 8}
    initial, learned = (FRONTENDS.create("sinc", options, sample_rate=RATE, channels=1) for _ in range(2))
    assert learned.report_sections(initial) == [
        LearnedPictures(learned),
        LearnedFilters(initial, learned),
    ]
    mel = FRONTENDS.create("mel", {}, sample_rate=RATE, channels=1)
    assert mel.report_sections(mel) == []
