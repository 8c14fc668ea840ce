"""The items of a batch that one process computes, and the whole batch that all of them make together.

Every process computes the network for its own items. The outputs are then collected, and every process
computes the loss of the whole batch from them, with the code that one process uses: no loss needs to know
that there are several processes. DistributedDataParallel averages the gradients over processes; the gradient
of the own outputs is multiplied by the number of processes, so that the average is the gradient of the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import BatchSampler, Sampler

from genrelab.lab.layers.whole_batch import pooling
from genrelab.lab.models import Scores
from genrelab.lab.training.parallel.across import AcrossProcesses, all_sums


def rows_of(process: int, processes: int, items: int) -> range:
    """Return the numbers of the items that a process computes: consecutive ones, in the order of processes.

    Examples
    --------
    >>> [list(rows_of(process, 2, 5)) for process in range(2)]
    [[0, 1], [2, 3, 4]]
    """
    return range(process * items // processes, (process + 1) * items // processes)


class WholeBatch:
    """A batch that this process computes alone."""

    def own(self, values: Tensor) -> Tensor:
        """Return the rows of this process, from those of the whole batch."""
        return values

    def whole(self, values: Tensor) -> Tensor:
        """Return the rows of the whole batch, from those of this process."""
        return values

    def whole_scores(self, scores: Scores, others: int) -> Scores:
        """Return the scores of the whole batch, from those of this process.

        Parameters
        ----------
        scores : Scores
            Of the items, in their order, and of the outliers after them.
        others : int
            Number of outliers of the whole batch.
        """
        return scores

    def computing(self, segments: int = 1, others: int = 0) -> AbstractContextManager[object]:
        """Make random values and batch norms those of the whole batch, within this context.

        Parameters
        ----------
        segments : int > 0
            Rows of each item.
        others : int
            Outliers of the whole batch, after the items.
        """
        return nullcontext()


class PartOfBatch(WholeBatch):
    """The items of a batch that this process computes, of several processes.

    Parameters
    ----------
    process : int
    processes : int > 1
    items : int
        Of the whole batch; at least as many as processes.
    """

    def __init__(self, process: int, processes: int, items: int) -> None:
        self.process = process
        self.processes = processes
        self.items = items

    def own(self, values: Tensor) -> Tensor:
        """Return the rows of this process, from those of the whole batch."""
        rows = rows_of(self.process, self.processes, len(values))
        return values[rows.start : rows.stop]

    def whole(self, values: Tensor) -> Tensor:
        """Return the rows of the whole batch, from those of this process."""
        each = len(values) // len(rows_of(self.process, self.processes, self.items))
        return self._collected(values, self.items, each)

    def whole_scores(self, scores: Scores, others: int) -> Scores:
        """Return the scores of the whole batch, from those of this process."""
        own_others = len(rows_of(self.process, self.processes, others))
        own = len(scores.logits) - own_others
        each = own // len(rows_of(self.process, self.processes, self.items))

        def together(values: Tensor) -> Tensor:
            music = self._collected(values[:own], self.items, each)
            return music if not others else torch.cat([music, self._collected(values[own:], others, 1)])

        return Scores(
            together(scores.logits),
            together(scores.embedding),
            tuple(self.whole_scores(member, others) for member in scores.members),
            None if scores.tags is None else together(scores.tags),
            tuple(together(each) for each in scores.maps),
        )

    @contextmanager
    def computing(self, segments: int = 1, others: int = 0) -> Iterator[None]:
        """Make random values and batch norms those of the whole batch, within this context."""
        music = rows_of(self.process, self.processes, self.items)
        added = rows_of(self.process, self.processes, others)
        before = self.items * segments
        rows = [*range(music.start * segments, music.stop * segments), *(before + row for row in added)]
        with pooling(_pooled), AcrossProcesses(rows, before + others):
            yield

    def _collected(self, values: Tensor, items: int, each: int) -> Tensor:
        counts = [each * len(rows_of(process, self.processes, items)) for process in range(self.processes)]
        collected: Tensor = _Collect.apply(values, counts, self.process)
        return collected


class _Collect(torch.autograd.Function):
    """Join the rows of all processes. The gradient of the own rows is multiplied by their number."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, counts: Sequence[int], process: int) -> Tensor:
        ctx.begin, ctx.rows, ctx.processes = sum(counts[:process]), counts[process], len(counts)
        shape = (max(counts), *values.shape[1:])
        if not all(shape):
            return values.new_zeros((sum(counts), *values.shape[1:]))
        sent = values.new_zeros(shape)
        sent[: len(values)] = values
        # As bytes: not every backend knows every type.
        received = [torch.empty_like(sent) for _ in counts]
        dist.all_gather([_bytes(each) for each in received], _bytes(sent))
        return torch.cat([each[:count] for each, count in zip(received, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None]:
        own = gradients[0][ctx.begin : ctx.begin + ctx.rows]
        return own * ctx.processes, None, None


def _bytes(values: Tensor) -> Tensor:
    return values.reshape(-1).view(torch.uint8)


def _pooled(mean: Tensor, variance: Tensor, count: int) -> tuple[Tensor, Tensor, int]:
    """Return the moments of the whole batch."""
    counts = torch.full_like(mean[:1], count)
    sums = all_sums(torch.cat([mean * count, counts]))
    whole = sums[:-1] / sums[-1:]
    squares = all_sums((variance + (mean - whole).square()) * count)
    return whole, squares / sums[-1:], int(sums[-1])


@dataclass(frozen=True)
class Division:
    """How the batches of an epoch are divided among processes.

    The last batch of an epoch may have fewer items than there are processes; then every process computes all
    of it.

    Attributes
    ----------
    process : int
    processes : int > 0
    items : int
        Of an epoch.
    batch : int
        Items of a whole batch.
    """

    process: int
    processes: int
    items: int
    batch: int

    def part(self, number: int) -> WholeBatch:
        """Return the part of this process of a batch, by the number of the batch in its epoch."""
        items = min(self.batch, self.items - number * self.batch)
        if items < self.processes:
            return WholeBatch()
        return PartOfBatch(self.process, self.processes, items)


class OwnItems(Sampler[list[Any]]):
    """Yield the keys of this process from each whole batch.

    Parameters
    ----------
    batches : BatchSampler
        Of whole batches.
    process, processes : int
    """

    def __init__(self, batches: BatchSampler, *, process: int, processes: int) -> None:
        self.batches = batches
        self.process = process
        self.processes = processes

    @property
    def sampler(self) -> Any:
        """What decides the order; Lightning tells it the number of the epoch."""
        return self.batches.sampler

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Any]]:
        for keys in self.batches:
            rows = rows_of(self.process, self.processes, len(keys))
            yield keys if len(keys) < self.processes else keys[rows.start : rows.stop]
