"""The fast convolution, its average and its moments are those of the operations one by one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from genrelab.lab.frontends.moments import output_moments
from genrelab.lab.layers import fft_convolution
from genrelab.lab.layers.fft_convolution import Plan, convolve, mirrored, rectified_average

SAMPLES = st.one_of(st.integers(1, 300), st.sampled_from([4099, 8192, 9001, 20_011]))
REACH = st.one_of(st.integers(1, 60), st.sampled_from([250, 500]))


def draw(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def direct(signal: Tensor, half: Tensor) -> Tensor:
    """Convolve as the textbook has it; a symmetric kernel is its own mirror image."""
    return F.conv1d(signal[:, None], mirrored(half)[:, None], padding=half.shape[1] - 1)


def composed(signal: Tensor, half: Tensor, bias: Tensor, count: int) -> Tensor:
    return F.adaptive_avg_pool1d(F.relu(direct(signal, half) + bias[:, None]), count)


def gradients(out: Tensor, parameters: list[Tensor], seed: int) -> tuple[Tensor, ...]:
    return torch.autograd.grad(out, parameters, draw(*out.shape, seed=seed, dtype=out.dtype))


def test_a_mirrored_kernel_has_its_centre_first_half_on_both_sides() -> None:
    half = torch.tensor([[1.0, 2.0, 3.0]])
    assert mirrored(half).tolist() == [[3.0, 2.0, 1.0, 2.0, 3.0]]


@settings(max_examples=60, deadline=None)
@given(samples=st.integers(1, 200_000), reach=st.integers(1, 2000))
@example(samples=48_000, reach=500)
def test_a_plan_covers_the_signal_with_blocks_of_small_prime_factors(samples: int, reach: int) -> None:
    plan = Plan.of(samples, reach)
    assert plan.valid > 0 and plan.blocks * plan.valid >= samples > (plan.blocks - 1) * plan.valid
    rest = plan.size
    for prime in (2, 3, 5):
        while rest % prime == 0:
            rest //= prime
    assert rest == 1 and plan.size % 2 == 0


@settings(max_examples=25, deadline=None)
@given(
    samples=SAMPLES, reach=REACH, kernels=st.integers(1, 4), batch=st.integers(1, 3), seed=st.integers(0, 999)
)
@example(samples=20_011, reach=500, kernels=2, batch=2, seed=0)
@example(samples=1, reach=500, kernels=1, batch=1, seed=0)
def test_convolution_is_torchs(samples: int, reach: int, kernels: int, batch: int, seed: int) -> None:
    signal = draw(batch, samples, seed=seed)
    half = draw(kernels, reach + 1, seed=seed + 1).requires_grad_()
    mine, expected = convolve(signal, half), direct(signal, half)
    torch.testing.assert_close(mine, expected, atol=1e-10, rtol=1e-10)
    (found,), (right,) = gradients(mine, [half], seed), gradients(expected, [half], seed)
    torch.testing.assert_close(found, right, atol=1e-8, rtol=1e-8)


@settings(max_examples=25, deadline=None)
@given(
    samples=SAMPLES,
    reach=REACH,
    kernels=st.integers(1, 4),
    batch=st.integers(1, 3),
    count=st.sampled_from([1, 2, 7, 64, 1000]),
    seed=st.integers(0, 999),
)
@example(samples=20_011, reach=500, kernels=2, batch=2, count=64, seed=0)
@example(samples=3, reach=60, kernels=2, batch=1, count=1000, seed=0)
def test_the_rectified_average_is_the_operations_one_by_one(
    samples: int, reach: int, kernels: int, batch: int, count: int, seed: int
) -> None:
    signal = draw(batch, samples, seed=seed)
    half = draw(kernels, reach + 1, seed=seed + 1).requires_grad_()
    bias = draw(kernels, seed=seed + 2).requires_grad_()
    mine, expected = (form(signal, half, bias, count) for form in (rectified_average, composed))
    torch.testing.assert_close(mine, expected, atol=1e-10, rtol=1e-10)
    pairs = zip(*(gradients(out, [half, bias], seed) for out in (mine, expected)), strict=True)
    for found, right in pairs:
        torch.testing.assert_close(found, right, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("samples", [5, 40, 9001])
def test_float32_is_as_good_as_direct_convolution(samples: int) -> None:
    signal, half = draw(2, samples, seed=3), draw(4, 51, seed=4)
    bias = draw(4, seed=5)
    exact = composed(signal, half, bias, 8)
    mine = rectified_average(signal.float(), half.float(), bias.float(), 8)
    assert mine.dtype == torch.float32
    assert (mine - exact).abs().max() < 2e-6 * exact.abs().max()


def test_gradients_are_the_numerical_ones() -> None:
    signal = draw(2, 30, seed=0)
    half, bias = draw(3, 5, seed=1).requires_grad_(), draw(3, seed=2).requires_grad_()
    assert direct(signal, half).add(bias[:, None]).abs().min() > 1e-4, "no value may cross 0 on the way"
    assert torch.autograd.gradcheck(lambda h: convolve(signal, h), (half,))
    assert torch.autograd.gradcheck(lambda h, b: rectified_average(signal, h, b, 7), (half, bias))


def test_the_width_of_the_slices_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    signal, half, bias = draw(2, 500, seed=0), draw(7, 20, seed=1).requires_grad_(), draw(7, seed=2)
    results = []
    for size in (1, 3 * Plan.of(500, 19).size, 2**19):
        monkeypatch.setattr(fft_convolution, "_SLICE", size)
        averages, outputs = rectified_average(signal, half, bias, 9), convolve(signal, half)
        results.append([averages, outputs, *gradients(averages, [half], 3), *gradients(outputs, [half], 3)])
    for other in results[1:]:
        for found, expected in zip(other, results[0], strict=True):
            torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-10)


def test_what_is_not_needed_again_is_not_changed() -> None:
    signal, half, bias = draw(1, 50, seed=0), draw(2, 4, seed=1).requires_grad_(), draw(2, seed=2)
    before = [tensor.detach().clone() for tensor in (signal, half, bias)]
    gradients(rectified_average(signal, half, bias, 5), [half], 0)
    assert all(torch.equal(was, tensor) for was, tensor in zip(before, (signal, half, bias), strict=True))


@settings(max_examples=40, deadline=None)
@given(
    samples=st.one_of(st.integers(1, 200), st.sampled_from([997, 9001])),
    reach=st.one_of(st.integers(1, 40), st.just(250)),
    batch=st.integers(1, 3),
    offset=st.sampled_from([0.0, 3.0]),
    seed=st.integers(0, 999),
)
@example(samples=1, reach=40, batch=1, offset=3.0, seed=0)
@example(samples=39, reach=40, batch=2, offset=0.0, seed=0)
def test_moments_are_those_of_the_output(
    samples: int, reach: int, batch: int, offset: float, seed: int
) -> None:
    signal = draw(batch, samples, seed=seed) + offset
    half = draw(3, reach + 1, seed=seed + 1).requires_grad_()
    outputs = direct(signal, half)
    expected = outputs.mean(dim=(0, 2)), outputs.var(dim=(0, 2), correction=0)
    scale = outputs.detach().square().mean()
    for found, right in zip(output_moments(signal, half), expected, strict=True):
        torch.testing.assert_close(found, right, atol=1e-9 * max(1.0, float(scale)), rtol=1e-8)
        mine, theirs = (torch.autograd.grad(x.sum(), half, retain_graph=True)[0] for x in (found, right))
        assert (mine - theirs).norm() <= 1e-7 * theirs.norm() + 1e-9


def test_gradients_of_moments_are_the_numerical_ones() -> None:
    signal, half = draw(2, 30, seed=0), draw(3, 5, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda h: output_moments(signal, h), (half,))


def test_a_loud_bass_does_not_mask_the_output_of_a_high_narrow_filter() -> None:
    """80 dB lie between the bass and the tone: float32 sums of squares would keep nothing of it."""
    time = torch.arange(16_000, dtype=torch.float64) / 16_000
    signal = torch.sin(2 * torch.pi * 40 * time) + 1e-4 * torch.sin(2 * torch.pi * 6000 * time)
    taps = torch.arange(501, dtype=torch.float64)
    half = torch.hann_window(1001, periodic=False, dtype=torch.float64)[500:]
    half = (half * torch.cos(2 * torch.pi * 6000 / 16_000 * taps))[None]
    outputs = direct(signal[None].float().double(), half.float().double())
    assert outputs.std() < 0.05 * signal.std(), "the filter leaves little of the bass"
    mean, variance = output_moments(signal[None].float(), half.float())
    assert mean.dtype == variance.dtype == torch.float32
    assert variance.item() == pytest.approx(outputs.var(correction=0).item(), rel=1e-5)
    assert abs(mean.item() - outputs.mean().item()) < 1e-5 * outputs.std().item()
