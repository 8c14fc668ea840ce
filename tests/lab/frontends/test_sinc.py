"""Sinc filters are the paper's, keep their limits while they learn, and the fast form is the plain one."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.frontends import FRONTENDS
from genrelab.lab.frontends.sinc import Sinc, SincFilters, standardized
from genrelab.lab.frontends.symmetric import mirrored

RATE = 16_000
FAIR = 3e-6  # a value of the filters' output this close to 0 may be rectified either way in float32
SAMPLES = st.one_of(st.integers(2, 300), st.sampled_from([997, 1001, 4099]))
LENGTHS = st.sampled_from([[3], [31], [101], [251], [25, 51, 101], [51, 51, 51], [251, 501, 1001]])


def bank(filters: int = 80, length: int = 251, **options: float) -> SincFilters:
    limits = {"lowest_hz": 30.0, "min_low_hz": 1.0, "min_band_hz": 1.0} | options
    return SincFilters(filters=filters, length=length, sample_rate=RATE, **limits)


def sinc(lengths: list[int], **options: object) -> Sinc:
    return Sinc(sample_rate=RATE, channels=1, lengths=lengths, **options)  # type: ignore[arg-type]


def noise(batch: int, samples: int, seed: int) -> Tensor:
    return 0.3 * torch.randn(batch, 1, samples, generator=torch.Generator().manual_seed(seed))


def shaken(front: Sinc, seed: int, spread: float) -> Sinc:
    """Move everything that training moves: cut-offs by about `spread` Hz, in both directions."""
    generator = torch.Generator().manual_seed(seed)

    def normal(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator)

    with torch.no_grad():
        for filters in front.banks:
            for parameter in filters.parameters():
                parameter.add_(spread * normal(parameter))
        if front.norm is not None:
            front.norm.weight.copy_(1 + 0.5 * normal(front.norm.weight))
            front.norm.bias.copy_(0.5 * normal(front.norm.bias))
            front.norm.running_mean.copy_(0.5 * normal(front.norm.bias))  # type: ignore[union-attr]
            front.norm.running_var.copy_(normal(front.norm.bias).exp())  # type: ignore[union-attr]
    return front


def both(front: Sinc) -> tuple[Sinc, Sinc]:
    """Return the front-end in its fast form and in its plain one."""
    forms = []
    for form in ("fast", "plain"):
        other = Sinc(
            sample_rate=RATE,
            channels=1,
            filters=front.filters,
            lengths=list(front.lengths),
            frames=front.frames,
            form=form,  # type: ignore[arg-type]
        )
        other.load_state_dict(front.state_dict())
        forms.append(other.train(front.training))
    return forms[0], forms[1]


def exact(front: Sinc, waveform: Tensor) -> tuple[Tensor, Tensor]:
    """Return what stands in the paper in float64, step by step: the picture, and what is rectified."""
    norm = front.norm
    signal = standardized(waveform[:, 0])
    outputs = []
    for filters in front.banks:
        kernels = mirrored(filters.half_kernels().double())
        outputs.append(F.conv1d(signal.double()[:, None], kernels[:, None], padding=filters.length // 2))
    normed = F.batch_norm(
        torch.cat(outputs, dim=1),
        norm.running_mean.double(),  # type: ignore[union-attr]
        norm.running_var.double(),  # type: ignore[union-attr]
        norm.weight.double(),  # type: ignore[union-attr]
        norm.bias.double(),  # type: ignore[union-attr]
        training=front.training,
        eps=norm.eps,  # type: ignore[union-attr]
    )
    picture = F.adaptive_avg_pool1d(F.relu(normed), front.frames)  # type: ignore[arg-type]
    return picture.reshape(len(waveform), len(front.banks), front.filters, -1), normed


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    samples=SAMPLES,
    lengths=LENGTHS,
    filters=st.integers(4, 12),
    frames=st.sampled_from([1, 7, 64, 300]),
    batch=st.integers(1, 3),
    spread=st.sampled_from([0.0, 5.0, 300.0, 20_000.0]),
    training=st.booleans(),
    seed=st.integers(0, 9999),
)
@example(
    samples=20_011, lengths=[51, 101, 151], filters=4, frames=64, batch=1, spread=50.0, training=True, seed=1
)
@example(
    samples=8193, lengths=[251], filters=12, frames=1024, batch=2, spread=50.0, training=False, seed=2
)
@example(samples=2, lengths=[1001], filters=4, frames=7, batch=2, spread=0.0, training=True, seed=0)
def test_the_fast_form_is_the_plain_one(
    samples: int,
    lengths: list[int],
    filters: int,
    frames: int,
    batch: int,
    spread: float,
    training: bool,
    seed: int,
) -> None:
    """Outputs, running statistics, and gradients of everything that learns.

    Gradients are compared with float64's: rectifying makes float32 itself uncertain where a value is
    nearly 0, and such cases are left out.
    """
    fast, plain = both(shaken(sinc(lengths, filters=filters, frames=frames), seed, spread).train(training))
    waveform = noise(batch, samples, seed)
    true, normed = exact(plain, waveform)
    assume(normed.abs().min() > FAIR * max(1.0, float(normed.abs().max())))

    found, expected = fast(waveform), plain(waveform)
    assert found.shape == (batch, len(lengths), filters, frames)
    assert relative(found, expected) < 1e-4
    assert relative(found, true) < 1e-4
    for name, statistic in fast.norm.named_buffers():  # type: ignore[union-attr]
        other = plain.norm.get_buffer(name)  # type: ignore[union-attr]
        torch.testing.assert_close(statistic, other, atol=1e-5, rtol=1e-4, msg=name)

    weights = torch.randn(true.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    right = torch.autograd.grad((true * weights).sum(), list(plain.parameters()))
    mine = torch.autograd.grad((found * weights).sum(), list(fast.parameters()))
    for (name, _), got, want in zip(fast.named_parameters(), mine, right, strict=True):
        assert torch.isfinite(got).all()
        assert (got - want).norm() <= 1e-3 * want.norm() + 1e-9, name


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    samples=SAMPLES,
    length=st.sampled_from([3, 101, 1001]),
    spread=st.sampled_from([5.0, 20_000.0]),
    seed=st.integers(0, 999),
)
@example(samples=20_011, length=251, spread=50.0, seed=0)
def test_the_fast_form_is_the_plain_one_without_frames(
    samples: int, length: int, spread: float, seed: int
) -> None:
    fast, plain = both(shaken(sinc([length], filters=6, frames=None), seed, spread))
    waveform = noise(2, samples, seed)
    found, expected = fast(waveform), plain(waveform)
    assert found.shape == (2, 6, samples) == (2, *fast.output_shape(samples))
    assert relative(found, expected) < 1e-4
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(seed))
    for name, want in zip(
        ("low", "band"), torch.autograd.grad((expected * weights).sum(), plain.parameters()), strict=True
    ):
        (got,) = torch.autograd.grad((found * weights).sum(), fast.banks[0].get_parameter(name), retain_graph=True)
        assert (got - want).norm() <= 1e-3 * want.norm() + 1e-9, name


@pytest.mark.parametrize("form", ["fast", "plain"])
def test_silence_and_constants_give_finite_pictures_and_gradients(form: str) -> None:
    front = sinc([31, 51], filters=5, frames=16, form=form).train()
    waveform = torch.stack([torch.zeros(1, 400), torch.full((1, 400), 0.7), noise(1, 400, 0)[0]])
    picture = front(waveform)
    picture.sum().backward()
    assert torch.isfinite(picture).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in front.parameters())  # type: ignore[arg-type]
    assert torch.isfinite(front.eval()(waveform)).all()


def test_a_gradient_for_the_waveform_is_there_where_it_is_asked_for() -> None:
    fast, plain = both(sinc([31, 51], filters=5, frames=16).eval())
    waves = [noise(2, 400, 0).requires_grad_() for _ in range(2)]
    found, expected = (torch.autograd.grad(f(w).sum(), w)[0] for f, w in zip((fast, plain), waves, strict=True))
    assert expected.norm() > 0
    torch.testing.assert_close(found, expected)


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
    with pytest.raises(RecipeError, match=f"odd number of taps, not {length}; take {length + 1}"):
        bank(8, length)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lengths": [100]}, "take 101"),
        ({"lengths": []}, "lengths"),
        ({"lengths": [1]}, "lengths"),
        ({"lengths": [3, 5], "frames": None}, "one length, not several"),
        ({"filters": 0}, "filters"),
        ({"frames": 0}, "frames"),
        ({"form": "slow"}, "form"),
        ({"lowest_hz": 8000.0}, "half the sample rate, 8000 Hz"),
        ({"lowest_hz": 0.5}, "min_low_hz, 1.0 Hz"),
        ({"filters": 160, "min_band_hz": 50.0}, "take fewer filters or lower min_band_hz"),
    ],
)
def test_what_cannot_be_filtered_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        FRONTENDS.create("sinc", options, sample_rate=RATE, channels=1)


def test_stereo_is_refused() -> None:
    with pytest.raises(RecipeError, match="audio.channels to 1"):
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
)
@example(low=8000.0, band=0.0, min_low=1.0, min_band=1.0)
@example(low=-7999.0, band=-0.0, min_low=1.0, min_band=1.0)
def test_cutoffs_stay_in_order_whatever_the_parameters(
    low: float, band: float, min_low: float, min_band: float
) -> None:
    filters = bank(4, 31, lowest_hz=100.0, min_low_hz=min_low, min_band_hz=min_band)
    with torch.no_grad():
        filters.low.fill_(low)
        filters.band.fill_(band)
    in_order(filters)
    assert torch.isfinite(filters.half_kernels()).all()


def test_cutoffs_stay_in_order_through_training_at_a_huge_rate() -> None:
    front = sinc([31, 51], filters=8, frames=16).train()
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
    assert (after - before).abs().max() > 1000, "the steps were no small ones"


def test_gradients_of_the_kernels_are_the_numerical_ones() -> None:
    """A step of 0.5 Hz: float32 keeps cut-offs to 0.0005 Hz, and taps are curved only a little over 1 Hz."""
    filters = bank(12, 101)
    weights = torch.randn(12, 51, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def score() -> Tensor:
        return (filters.half_kernels().double() * weights).sum(dim=1)

    for parameter in filters.parameters():
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
