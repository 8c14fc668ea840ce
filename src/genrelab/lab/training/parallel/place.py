"""Where a process stands among those that train together, and whether the machine has room for them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from genrelab.errors import RunError, UsageError

LOOPBACK = "127.0.0.1"
_NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE")


@dataclass(frozen=True)
class Place:
    """The place of a process.

    Attributes
    ----------
    rank : int
        Its number among all processes; process 0 leads.
    node : int
        The number of its machine.
    devices, nodes : int > 0
        Processes on each machine, and machines.
    address : str
        Of the machine of process 0.
    port : int
        Where process 0 listens; 0 lets it choose.
    started : bool
        Whether something else starts the processes of this machine: the first one of them, or `torchrun`.
    """

    rank: int
    node: int
    devices: int
    nodes: int
    address: str = LOOPBACK
    port: int = 0
    started: bool = False

    @property
    def size(self) -> int:
        """The number of processes."""
        return self.devices * self.nodes

    @property
    def local(self) -> int:
        """The number of the process on its machine."""
        return self.rank - self.node * self.devices

    def variables(self, local: int, port: int) -> dict[str, str]:
        """Return the environment variables of another process of this machine, as of `torchrun`."""
        return {
            "RANK": str(self.node * self.devices + local),
            "LOCAL_RANK": str(local),
            "WORLD_SIZE": str(self.size),
            "NODE_RANK": str(self.node),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(port),
        }


def find_place(devices: int, nodes: int, environment: Mapping[str, str]) -> Place:
    """Return the place of this process.

    Parameters
    ----------
    devices, nodes : int > 0
    environment : mapping of str to str
        `RANK`, `LOCAL_RANK` and `WORLD_SIZE` are set in processes that something else starts. Several
        machines need `NODE_RANK`, `MASTER_ADDR` and `MASTER_PORT`.

    Raises
    ------
    UsageError
        If a variable is missing or no number, or they do not fit `devices` and `nodes`.
    """
    if all(environment.get(name) for name in _NAMES):
        rank, local, size = (_number(environment, name) for name in _NAMES)
        node = rank // devices
        if size != devices * nodes or rank >= size or rank - node * devices != local:
            raise UsageError(
                f"RANK={rank}, LOCAL_RANK={local} and WORLD_SIZE={size} do not fit --devices {devices} "
                f"--nodes {nodes}; give the numbers with which the processes were started, or unset these "
                "variables",
                code="processes-do-not-fit",
            )
        port = _number(environment, "MASTER_PORT")
        return Place(rank, node, devices, nodes, environment.get("MASTER_ADDR") or LOOPBACK, port, True)
    if nodes == 1:
        return Place(0, 0, devices, 1)
    missing = [name for name in ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT") if not environment.get(name)]
    if missing:
        raise UsageError(
            f"--nodes {nodes} needs the environment variables {', '.join(missing)}: the number of this "
            "machine (from 0), and the address and a free port of machine 0",
            code="nodes-without-address",
        )
    node = _number(environment, "NODE_RANK")
    if node >= nodes:
        raise UsageError(
            f"NODE_RANK={node}, but the numbers of {nodes} machines are 0 to {nodes - 1}",
            code="processes-do-not-fit",
        )
    port = _number(environment, "MASTER_PORT")
    return Place(node * devices, node, devices, nodes, environment["MASTER_ADDR"], port)


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(
            f"the environment variable {name} must be a number, not {text!r}", code="processes-do-not-fit"
        )
    return int(text)


def check_devices(devices: int, *, gpu: bool) -> None:
    """Refuse more processes than this machine has GPUs or cores.

    Raises
    ------
    RunError
        If it has fewer.
    """
    there = torch.cuda.device_count() if gpu else os.cpu_count() or 1
    if devices > there:
        what, other = ("GPU", ", or --device cpu") if gpu else ("core", "")
        raise RunError(
            f"--devices {devices}: this machine has {there} {what}{'' if there == 1 else 's'}; "
            f"choose --devices {there} or fewer{other}",
            code="too-few-devices",
        )


def check_batch(batch: int, processes: int) -> None:
    """Refuse more processes than a batch has items.

    Raises
    ------
    RunError
        If it has fewer.
    """
    if batch < processes:
        raise RunError(
            f"training.batch_size={batch} cannot be divided among {processes} processes; raise it, or choose "
            "fewer --devices or --nodes",
            code="batch-too-small",
        )
