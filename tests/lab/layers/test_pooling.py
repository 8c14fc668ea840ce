"""Averages over even windows are torch's, also in the form that model files and GPUs get."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from genrelab.lab.layers.pooling import average_last, window_averages


class _Average(nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        return average_last(x, self.count)


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 400), count=st.integers(1, 400), seed=st.integers(0, 99))
@example(size=1, count=5, seed=0)
@example(size=7, count=7, seed=0)
@example(size=397, count=389, seed=0)
def test_both_forms_are_torchs_adaptive_pooling(size: int, count: int, seed: int) -> None:
    x = values(2, 3, size, seed=seed)
    expected = F.adaptive_avg_pool1d(x, count)
    torch.testing.assert_close(average_last(x, count), expected)
    torch.testing.assert_close(x @ window_averages(size, count, like=x).T, expected)


@settings(max_examples=20, deadline=None)
@given(size=st.integers(1, 300), count=st.integers(1, 300))
def test_rows_are_averages(size: int, count: int) -> None:
    matrix = window_averages(size, count, like=torch.empty(0, dtype=torch.float64))
    assert matrix.shape == (count, size) and (matrix >= 0).all()
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(count, dtype=torch.float64))
    begins = [window * size // count for window in range(count)]
    ends = [-(-(window + 1) * size // count) for window in range(count)]
    for row, begin, end in zip(matrix, begins, ends, strict=True):
        assert row[begin:end].min() > 0 and row.count_nonzero() == end - begin


@pytest.mark.parametrize(
    ("size", "count"),
    [(48_000, 1024), (8000, 64), (1766, 107), (97, 10), (6, 12), (5, 8), (64, 64), (64, 1)],
)
def test_the_form_for_model_files_is_torchs_adaptive_pooling(size: int, count: int) -> None:
    x = values(2, 3, size).float()
    program = torch.export.export(_Average(count), (x,))
    operations = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert not [name for name in operations if "pool" in name]
    torch.testing.assert_close(program.module()(x), F.adaptive_avg_pool1d(x, count), atol=1e-6, rtol=1e-5)


def test_gradients_are_those_of_the_mean() -> None:
    x = values(2, 10).requires_grad_()
    weights = values(2, 4, seed=1)
    (average_last(x, 4) * weights).sum().backward()
    torch.testing.assert_close(x.grad, weights @ window_averages(10, 4, like=weights))


@pytest.mark.parametrize("shape", [(10,), (2, 10), (2, 3, 4, 10)])
def test_only_the_last_axis_changes(shape: tuple[int, ...]) -> None:
    x = values(*shape)
    assert average_last(x, 5).shape == (*shape[:-1], 5)
    torch.testing.assert_close(average_last(x, 5), x.unflatten(-1, (5, 2)).mean(dim=-1))
