"""What Lightning needs to know about the processes that train together."""

from __future__ import annotations

import signal
import threading
from typing import Any

import lightning as L
from lightning.fabric.plugins.environments import LightningEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy

from genrelab.lab.training.parallel.group import Group
from genrelab.lab.training.parallel.place import Place


class _Environment(LightningEnvironment):
    """The place of this process, which has been started already."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.set_global_rank(place.rank)
        self.set_world_size(place.size)

    @property
    def creates_processes_externally(self) -> bool:
        """Lightning starts no process."""
        return True

    def local_rank(self) -> int:
        """Return the number of the process on its machine."""
        return self.place.local

    def node_rank(self) -> int:
        """Return the number of the machine."""
        return self.place.node

    def teardown(self) -> None:
        """Leave the environment variables as they are."""


def trainer_options(group: Group | None) -> dict[str, Any]:
    """Return the arguments of Lightning's trainer for the processes, without `plugins`."""
    if group is None:
        return {"devices": 1}
    return {
        "devices": group.place.devices,
        "num_nodes": group.place.nodes,
        # A recipe may freeze weights in some epochs. The statistics of batch norms are equal already.
        "strategy": DDPStrategy(find_unused_parameters=True, broadcast_buffers=False),
        "use_distributed_sampler": False,
    }


class _EndAtOnce(Callback):
    """Let SIGTERM end a process at once.

    Lightning's handler exchanges tensors with the other processes, which wait for other tensors: all hang.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Replace Lightning's handler, which it restores after training."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def callbacks(group: Group | None) -> list[Callback]:
    """Return the callbacks of Lightning's trainer for the processes."""
    return [] if group is None else [_EndAtOnce()]


def plugins(group: Group | None) -> list[Any]:
    """Return the plugins of Lightning's trainer for the processes."""
    return [] if group is None else [_Environment(group.place)]
