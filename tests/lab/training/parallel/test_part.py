"""How a batch is divided, and that a part of it gets the random values of the whole."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from raising import raises
from torch import Tensor, nn
from torch.utils.data import BatchSampler

from genrelab.lab.augment import FrequencyMask, Gain, GaussianNoise, Pipeline, Speed
from genrelab.lab.training.dataset import EpochSampler
from genrelab.lab.training.parallel.across import AcrossProcesses
from genrelab.lab.training.parallel.part import Division, OwnItems, PartOfBatch, WholeBatch, rows_of
from genrelab.lab.training.parallel.place import Place, check_batch, check_devices, find_place


@pytest.mark.parametrize("items", [2, 3, 7, 16])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_each_item_belongs_to_one_process(items: int, processes: int) -> None:
    rows = [row for process in range(processes) for row in rows_of(process, processes, items)]
    assert rows == list(range(items))


@pytest.mark.parametrize("processes", [2, 3])
def test_the_processes_draw_the_batches_of_one(processes: int) -> None:
    whole = BatchSampler(EpochSampler(11, seed=3, shuffle=True), 5, drop_last=False)
    own = [OwnItems(whole, process=process, processes=processes) for process in range(processes)]
    for each in own:
        each.sampler.set_epoch(4)
    divisions = [Division(process, processes, 11, 5) for process in range(processes)]
    for number, (batch, *parts) in enumerate(zip(whole, *own, strict=True)):
        if len(batch) < processes:  # the last batch, of one item: all compute it
            assert parts == [batch] * processes
            assert {type(each.part(number)) for each in divisions} == {WholeBatch}
        else:
            assert [key for part in parts for key in part] == batch
            found = [each.part(number) for each in divisions]
            assert all(isinstance(each, PartOfBatch) and each.items == len(batch) for each in found)


def changes() -> dict[str, Callable[[Tensor], Tensor]]:
    """Return what draws random values for a batch `[8, 2, 16]`, by name."""

    def in_place(batch: Tensor) -> Tensor:
        return batch * batch.new_empty(len(batch), 1, 1).bernoulli_(0.5)

    def of_all(batch: Tensor) -> Tensor:
        return batch + torch.rand(()) + torch.randn(2, 16)

    def crop(batch: Tensor) -> Tensor:
        starts = torch.randint(12, (len(batch),)).tolist()
        return torch.stack([item[..., start : start + 4] for item, start in zip(batch, starts, strict=True)])

    steps = {"noise": GaussianNoise(), "gain": Gain(), "mask": FrequencyMask(), "speed": Speed()}
    return {
        "dropout": nn.Dropout(0.4),
        "dropout of channels": nn.Dropout1d(0.4),
        "in place": in_place,
        "of all": of_all,
        "crop": crop,
        "like": lambda batch: batch + torch.rand_like(batch),
        **{name: Pipeline([step], probability=0.7) for name, step in steps.items()},
    }


@pytest.mark.parametrize("name", changes())
def test_a_part_gets_the_random_values_of_the_whole(name: str) -> None:
    batch = torch.randn(8, 2, 16, generator=torch.Generator().manual_seed(1))

    def changed(rows: range) -> Tensor:
        change = changes()[name]
        torch.manual_seed(5)
        if isinstance(change, Pipeline):
            change.seed(5)
        if len(rows) == 8:
            return torch.stack([change(batch) for _ in range(2)])
        with AcrossProcesses(rows, 8):
            return torch.stack([change(batch[rows.start : rows.stop]) for _ in range(2)])

    whole = changed(range(8))
    assert not torch.equal(whole[0], whole[1])
    for rows in (range(3), range(3, 8)):
        # Fourier transforms of fewer rows round differently.
        torch.testing.assert_close(changed(rows), whole[:, rows.start : rows.stop], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "use",
    [
        lambda values: F.alpha_dropout(values, 0.5, True),
        lambda values: F.dropout(values[0], 0.5, True),
        lambda values: torch.bernoulli(values.abs().clamp(0, 1)),
        lambda values: F.scaled_dot_product_attention(values, values, values, dropout_p=0.1),
        lambda values: F.instance_norm(values, torch.zeros(4), torch.ones(4)),
    ],
    ids=["alpha", "other axis", "bernoulli", "attention", "instance norm"],
)
def test_what_cannot_be_divided_is_an_error(use: Callable[[Tensor], Tensor]) -> None:
    values = torch.randn(3, 4, 5)
    with AcrossProcesses(range(3), 6), raises("not-divisible", "--devices 1"):
        use(values)
    use(values)


def test_places() -> None:
    assert find_place(2, 1, {}) == Place(0, 0, 2, 1)
    started = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "a", "MASTER_PORT": "9"}
    place = find_place(2, 2, started)
    assert (place.rank, place.node, place.local, place.size, place.started) == (3, 1, 1, 4, True)
    machine = {"NODE_RANK": "1", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "2900"}
    place = find_place(2, 2, machine)
    assert (place.rank, place.node, place.local, place.address, place.port) == (2, 1, 0, "10.0.0.1", 2900)
    assert find_place(2, 2, {**machine, **place.variables(1, 2900)}) == Place(3, 1, 2, 2, "10.0.0.1", 2900, True)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"WORLD_SIZE": "8"}, "processes-do-not-fit"),
        ({"RANK": "one"}, "processes-do-not-fit"),
        ({"LOCAL_RANK": "0"}, "processes-do-not-fit"),
        ({"MASTER_PORT": ""}, "processes-do-not-fit"),
        ({"RANK": "", "NODE_RANK": "2"}, "processes-do-not-fit"),
        ({"RANK": "", "MASTER_ADDR": ""}, "nodes-without-address"),
    ],
)
def test_variables_that_do_not_fit(changed: dict[str, str], code: str) -> None:
    started = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "a", "MASTER_PORT": "9"}
    with raises(code, next(iter(value for value in changed.values() if value), "MASTER")):
        find_place(2, 2, started | changed)


def test_a_machine_with_fewer_devices() -> None:
    cores = os.cpu_count() or 1
    check_devices(cores, gpu=False)
    with raises("too-few-devices", f"--devices {cores + 1}", f"--devices {cores} or fewer"):
        check_devices(cores + 1, gpu=False)
    if not torch.cuda.is_available():
        with raises("too-few-devices", "GPU", "--device cpu"):
            check_devices(1, gpu=True)


def test_a_batch_with_fewer_items_than_processes() -> None:
    check_batch(4, 4)
    with raises("batch-too-small", "training.batch_size=4", 5):
        check_batch(4, 5)
