"""Random values and batch norms of a whole batch, in a process that computes a part of it.

Within `AcrossProcesses`, a network is computed as if the batch were whole:

- Random values whose first axis is the batch are drawn for the whole batch, and the rows of this process are
  taken. All processes have generators in the same state. Other random values are equal in all processes.
- Batch norms use the statistics of all processes. `torch.nn.SyncBatchNorm` would do so on GPUs only.

What cannot be divided is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from genrelab.errors import RunError

Function = Callable[..., Any]


class AcrossProcesses(TorchFunctionMode):
    """Change the functions of torch that depend on which items are in a batch.

    Parameters
    ----------
    rows : sequence of int
        The numbers of this process's rows in the whole batch.
    total : int
        Rows of the whole batch.
    """

    def __init__(self, rows: Sequence[int], total: int) -> None:
        super().__init__()
        self.rows = torch.tensor(rows, dtype=torch.long)
        self.total = total

    def __torch_function__(
        self, func: Function, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function of torch, or what replaces it."""
        change = _CHANGES.get(func)
        options = kwargs or {}
        return func(*args, **options) if change is None else change(self, func, *args, **options)

    def own(self, drawn: Tensor) -> Tensor:
        """Return the rows of this process."""
        return drawn[self.rows.to(drawn.device)]

    def whole_shape(self, shape: Sequence[int]) -> tuple[int, ...] | None:
        """Return the shape for the whole batch; None if the first axis is not the batch."""
        if not shape or shape[0] != len(self.rows):
            return None
        return (self.total, *shape[1:])


def _created(mode: AcrossProcesses, function: Function, *args: Any, **options: Any) -> Any:
    """Draw values of a given shape, as `torch.rand` does."""
    size = options.pop("size", None)
    first: tuple[Any, ...] = ()
    if size is None and args and isinstance(args[-1], Sequence):
        *first_list, size = args
        first = tuple(first_list)
    elif size is None:  # torch.rand(3, 4)
        size = args
    else:
        first = args
    whole = mode.whole_shape(size)
    drawn = function(*first, tuple(size) if whole is None else whole, **options)
    return drawn if whole is None else mode.own(drawn)


def _filled(mode: AcrossProcesses, function: Function, tensor: Tensor, *args: Any, **options: Any) -> Tensor:
    """Fill a tensor with random values in place, as `Tensor.bernoulli_` does."""
    whole = mode.whole_shape(tensor.shape)
    if whole is None:
        filled: Tensor = function(tensor, *args, **options)
        return filled
    if any(isinstance(each, Tensor) for each in (*args, *options.values())):
        return _refused(mode, function)
    return tensor.copy_(mode.own(function(tensor.new_empty(whole), *args, **options)))


def _like(mode: AcrossProcesses, function: Function, tensor: Tensor, *args: Any, **options: Any) -> Tensor:
    """Draw values of the shape of a tensor, as `torch.rand_like` does."""
    whole = mode.whole_shape(tensor.shape)
    if whole is None:
        drawn: Tensor = function(tensor, *args, **options)
        return drawn
    return mode.own(function(tensor.new_empty(whole), *args, **options))


def _dropped(
    mode: AcrossProcesses,
    function: Function,
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
) -> Tensor:
    """Drop values or channels."""
    if not training or p == 0.0:
        return input
    whole = mode.whole_shape(input.shape)
    if whole is None:
        return _refused(mode, function)
    kept = mode.own(function(input.new_ones(whole), p, True))
    return input.mul_(kept) if inplace else input * kept


def _normed(
    mode: AcrossProcesses,
    function: Function,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize by the statistics of the whole batch."""
    if not training:
        fixed: Tensor = function(input, running_mean, running_var, weight, bias, False, momentum, eps)
        return fixed
    normal: Tensor = _BatchNorm.apply(input, running_mean, running_var, momentum, eps)  # type: ignore[no-untyped-call]
    shape = [1, -1, *[1] * (input.ndim - 2)]
    if weight is not None:
        normal = normal * weight.to(normal.dtype).reshape(shape)
    if bias is not None:
        normal = normal + bias.to(normal.dtype).reshape(shape)
    return normal.to(input.dtype)


def _if_random(name: str, at: int) -> Function:
    """Refuse a function if one of its options, a probability or a tensor of statistics, is given."""

    def checked(mode: AcrossProcesses, function: Function, *args: Any, **options: Any) -> Any:
        given = options.get(name, args[at] if len(args) > at else None)
        if given is not None and not (isinstance(given, float | int) and given == 0):
            return _refused(mode, function)
        return function(*args, **options)

    return checked


def _refused(mode: AcrossProcesses, function: Function, *args: Any, **options: Any) -> Any:
    raise RunError(
        f"the network uses {getattr(function, '__name__', function)} in training, which several processes "
        "cannot divide with the results of one; train with --devices 1",
        code="not-divisible",
    )


_CHANGES: dict[Function, Function] = {
    F.batch_norm: _normed,
    **dict.fromkeys((torch.rand, torch.randn, torch.randint), _created),
    **dict.fromkeys((torch.rand_like, torch.randn_like, torch.randint_like), _like),
    **dict.fromkeys(
        (Tensor.bernoulli_, Tensor.uniform_, Tensor.normal_, Tensor.random_, Tensor.exponential_), _filled
    ),
    **dict.fromkeys((F.dropout, F.dropout1d, F.dropout2d, F.dropout3d), _dropped),
    **dict.fromkeys((F.alpha_dropout, F.feature_alpha_dropout, F.rrelu), _refused),
    **dict.fromkeys((torch.bernoulli, torch.multinomial, torch.normal, torch.poisson), _refused),
    F.scaled_dot_product_attention: _if_random("dropout_p", 4),
    F.instance_norm: _if_random("running_mean", 1),
    F.multi_head_attention_forward: _if_random("dropout_p", 10),
    F.gumbel_softmax: _refused,
    **dict.fromkeys((torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu), _if_random("dropout", 5)),
}
"""Functions that depend on which items are in a batch, and what replaces them."""


class _BatchNorm(torch.autograd.Function):
    """Normalize channels by the mean and variance of all processes, and update the running statistics."""

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        momentum: float,
        eps: float,
    ) -> Tensor:
        values = _full(input)
        axes, shape = [0, *range(2, input.ndim)], [1, -1, *[1] * (input.ndim - 2)]
        count = values.new_full((1,), input.numel() // input.shape[1], dtype=torch.float64)
        sums = _sum_of_processes(torch.cat([values.sum(axes).double(), count]))
        count = sums[-1:]
        if count <= 1:
            raise ValueError(
                f"Expected more than 1 value per channel when training, got {tuple(input.shape)}"
            )
        mean = (sums[:-1] / count).to(values.dtype)
        centred = values - mean.reshape(shape)
        squares = _sum_of_processes(centred.square().sum(axes).double())
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((squares / (count - 1)).to(running_var.dtype), momentum)
        scale = torch.rsqrt(squares / count + eps).to(values.dtype)
        ctx.save_for_backward(input, mean, scale, count)
        return centred * scale.reshape(shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        input, mean, scale, count = ctx.saved_tensors
        axes, shape = [0, *range(2, input.ndim)], [1, -1, *[1] * (input.ndim - 2)]
        normal = (_full(input) - mean.reshape(shape)) * scale.reshape(shape)
        gradient = gradients[0].to(normal.dtype)
        parts = torch.stack([gradient.sum(axes), (gradient * normal).sum(axes)]).double()
        means = (_sum_of_processes(parts) / count).to(normal.dtype)
        found = gradient - means[0].reshape(shape) - normal * means[1].reshape(shape)
        return (found * scale.reshape(shape)).to(input.dtype), None, None, None, None


class _AllSums(torch.autograd.Function):
    """Add the values of all processes; so are their gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _sum_of_processes(values.clone())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _sum_of_processes(gradients[0].clone())


def all_sums(values: Tensor) -> Tensor:
    """Return the sums over processes; their gradients are summed as well."""
    sums: Tensor = _AllSums.apply(values)  # type: ignore[no-untyped-call]
    return sums


def _sum_of_processes(values: Tensor) -> Tensor:
    values = values.contiguous()
    dist.all_reduce(values)
    return values


def _full(values: Tensor) -> Tensor:
    """Return half precision as single precision."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
