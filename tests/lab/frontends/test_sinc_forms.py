"""The fast form of sinc filters is the plain one: outputs, running statistics, gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from genrelab.lab.frontends.sinc import Sinc, standardized
from genrelab.lab.layers.fft_convolution import mirrored

RATE = 16_000
SAMPLES = st.one_of(st.integers(2, 300), st.sampled_from([997, 1001, 4099]))
LENGTHS = st.sampled_from([[3], [31], [101], [251], [25, 51, 101], [51, 51, 51], [251, 501, 1001]])


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
    found, expected = found.detach(), expected.detach()
    return float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30))


def same_gradients(found: Tensor, fast: Sinc, true: Tensor, plain: Sinc, seed: int) -> None:
    weights = torch.randn(true.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    right = torch.autograd.grad((true * weights).sum(), list(plain.parameters()))
    mine = torch.autograd.grad((found * weights).sum(), list(fast.parameters()))
    for (name, _), got, want in zip(fast.named_parameters(), mine, right, strict=True):
        assert torch.isfinite(got).all()
        assert (got - want).norm() <= 1e-3 * want.norm() + 1e-9, name


def fair(normed: Tensor) -> bool:
    """Whether float32 knows of every value on which side of 0 it lies."""
    size = normed.detach().abs()
    return bool(size.min() > 1e-6 * size.max().clamp_min(1.0))


@settings(max_examples=60, deadline=None)
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
@example(samples=8193, lengths=[251], filters=12, frames=1024, batch=2, spread=50.0, training=False, seed=2)
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

    Gradients are compared with those of float64, and only where none of the values that are rectified is
    so near 0 that float32 may take it for either side: one such value changes the gradient of a short
    signal by more than the tolerance, in the plain form too. Of two or three samples batch norm makes
    nearly constants, so that the gradients of cut-offs are nothing but rounding: not compared either.
    """
    fast, plain = both(shaken(sinc(lengths, filters=filters, frames=frames), seed, spread).train(training))
    waveform = noise(batch, samples, seed)
    true, normed = exact(plain, waveform)
    found, expected = fast(waveform), plain(waveform)
    assert found.shape == (batch, len(lengths), filters, frames)
    assert relative(found, expected) < 1e-4 and relative(found, true) < 1e-4
    for name, statistic in fast.norm.named_buffers():  # type: ignore[union-attr]
        other = plain.norm.get_buffer(name)  # type: ignore[union-attr]
        torch.testing.assert_close(statistic, other, atol=1e-5, rtol=1e-4)
    comparable = samples >= 16 and fair(normed)
    event(f"gradients compared: {comparable}")
    if comparable:
        same_gradients(found, fast, true, plain, seed)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("samples", "lengths", "frames"),
    [(20_011, [251], 64), (20_011, [25, 51, 101], 1000), (997, [251, 501, 1001], 2000), (40, [101], 7)],
)
def test_gradients_of_long_and_short_signals(
    samples: int, lengths: list[int], frames: int, training: bool
) -> None:
    for seed in range(200):  # the first signal whose values are all clear of 0
        fast, plain = both(shaken(sinc(lengths, filters=4, frames=frames), seed, 50.0).train(training))
        waveform = noise(1, samples, seed)
        true, normed = exact(plain, waveform)
        if fair(normed):
            same_gradients(fast(waveform), fast, true, plain, seed)
            return
    pytest.fail("no such signal")


@settings(max_examples=20, deadline=None)
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
        (got,) = torch.autograd.grad(
            (found * weights).sum(), fast.banks[0].get_parameter(name), retain_graph=True
        )
        assert (got - want).norm() <= 1e-3 * want.norm() + 1e-9, name


def test_a_gradient_for_the_waveform_is_there_where_it_is_asked_for() -> None:
    fast, plain = both(sinc([31, 51], filters=5, frames=16).eval())
    waves = [noise(2, 400, 0).requires_grad_() for _ in range(2)]
    found, expected = (
        torch.autograd.grad(f(w).sum(), w)[0] for f, w in zip((fast, plain), waves, strict=True)
    )
    assert expected.norm() > 0
    torch.testing.assert_close(found, expected)
