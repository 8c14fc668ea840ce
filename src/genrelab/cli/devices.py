"""The options --devices and --nodes: training in several processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from genrelab.lab.training.parallel.group import Group

ARGUMENTS = "genrelab.arguments"
"""Key of the command line in the context of a command."""

Devices = Annotated[
    int,
    typer.Option(
        min=1,
        max=10_000,
        metavar="N",
        help="Train with N processes, each with a GPU or cores of its own, and with the results of one.",
    ),
]
Nodes = Annotated[
    int,
    typer.Option(
        min=1,
        max=10_000,
        metavar="M",
        help="Train on M machines. Each runs this command, with NODE_RANK, MASTER_ADDR and MASTER_PORT set.",
    ),
]


@contextmanager
def processes(context: typer.Context, devices: int, nodes: int, device: str) -> Iterator[Group | None]:
    """Make this process one of those that train together, within this context.

    Parameters
    ----------
    context : typer.Context
        Of the command, for the command line of the other processes.
    devices, nodes : int > 0
    device : {"auto", "cpu", "gpu"}

    Yields
    ------
    Group or None
        None if this process trains alone.

    Raises
    ------
    UsageError, RunError
        If the machine has fewer devices, or the environment variables do not fit.
    """
    if devices * nodes == 1:
        yield None
        return
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # of this process and of those that it starts
    from genrelab.lab.training.parallel.group import together
    from genrelab.lab.training.parallel.place import check_devices, find_place
    from genrelab.lab.training.train import resolve_device

    place = find_place(devices, nodes, os.environ)
    check_devices(devices, gpu=resolve_device(device)[0] == "gpu")
    with together(place, context.meta.get(ARGUMENTS, [])) as group:
        yield group
