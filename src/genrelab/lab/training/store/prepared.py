"""Views that are prepared once and used in many epochs.

The epochs of a training take turns with a few sets of views: epoch `e` uses the views of epoch `e` modulo
`training.prepared_epochs`. For each batch, the run folder keeps what does not change while the network is
trained: the output of its front-ends and fixed layers (`training.fixed_layers`), and the answers of teachers.
An epoch then costs only the layers that are trained.

A file holds one batch as float16, after its checksum. A batch that is computed is rounded as the file is:
whether it was read or computed, training gives the same weights.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from genrelab.files import naming, replace_file
from genrelab.lab.models.base import Sound
from genrelab.lab.training.distillation.taught import Taught
from genrelab.lab.training.optimization.mixup import Blend
from genrelab.lab.training.optimization.views import Views

FOLDER = "prepared"
_MOST = 6e4  # of a float16
_DIGEST = 32  # bytes
_ARRAY, _STEM = "array.", "stem."


class Batch(NamedTuple):
    """A batch that is mixed and changed.

    Attributes
    ----------
    views : Views
    copy, clip : Tensor [shape=(segments,)] or None
        Numbers of the copy and of the clip of each segment. None in a prepared batch.
    added : int
        Outliers after the segments of the views.
    sound : Tensor or Ready, or None
        What the network scores: all segments. None in a prepared batch.
    stem : dict of str to Tensor
        Output of the fixed layers for them; empty unless the batch is prepared.
    taught : Taught or None
        Targets of teachers, in a prepared batch.
    """

    views: Views
    copy: Tensor | None
    clip: Tensor | None
    added: int
    sound: Sound | None
    stem: Mapping[str, Tensor] = {}
    taught: Taught | None = None


class Prepared:
    """The prepared batches of a training.

    Parameters
    ----------
    folder : Path
        Of the run.
    identity : str
        Hash of all that determines the batches. Batches of another identity are removed.
    epochs : int > 0
        Number of different epochs.
    """

    def __init__(self, folder: Path, identity: str, *, epochs: int) -> None:
        self.folder = folder / FOLDER
        self.own = self.folder / identity
        self.epochs = epochs
        for other in self.folder.iterdir() if self.folder.is_dir() else ():
            if other != self.own:
                shutil.rmtree(other, ignore_errors=True)
        with naming(self.own):
            self.own.mkdir(parents=True, exist_ok=True)

    def batch(self, epoch: int, number: int, make: Callable[[], Batch], device: torch.device) -> Batch:
        """Return a batch of an epoch, on a device; `make` makes it unless it is kept.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk.
        """
        path = self.own / f"{epoch % self.epochs}-{number}"
        tensors = _read(path)
        if tensors is None:
            tensors = _tensors(make())
            content = save(tensors)
            sealed = hashlib.sha256(content).digest() + content
            replace_file(path, lambda draft: draft.write_bytes(sealed))
        return _batch(tensors, device)

    def remove(self) -> None:
        """Delete all batches."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _read(path: Path) -> dict[str, Tensor] | None:
    """Return the tensors of a batch; None if it is not there, or damaged."""
    try:
        sealed = path.read_bytes()
    except OSError:
        return None
    content = sealed[_DIGEST:]
    if hashlib.sha256(content).digest() != sealed[:_DIGEST]:
        return None
    try:
        found: dict[str, Tensor] = load(content)
    except SafetensorError:
        return None
    return found


def _tensors(batch: Batch) -> dict[str, Tensor]:
    """Return a batch as tensors on the CPU, rounded."""
    views, taught = batch.views, batch.taught
    found = {
        "label": views.label,
        "clip": views.clip,
        "added": torch.tensor(batch.added),
        "segments": torch.tensor(views.segments),
    }
    if views.blend is not None:
        found |= {"share": views.blend.share, "partner": views.blend.partner}
    found |= {_STEM + name: _rounded(values) for name, values in batch.stem.items()}
    if taught is not None:
        found["taught"] = taught.share
        found |= {_ARRAY + name: _rounded(values) for name, values in taught.arrays.items()}
        rest = {"genres": taught.genres, "heads": taught.tag_heads, "teachers": taught.tag_teachers}
        found |= {name: values for name, values in rest.items() if values is not None}
    return {name: values.detach().cpu().contiguous() for name, values in found.items()}


def _rounded(values: Tensor) -> Tensor:
    return values.float().clamp(-_MOST, _MOST).half()


def _batch(tensors: Mapping[str, Tensor], device: torch.device) -> Batch:
    """Return a batch from its tensors."""

    def parts(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): values.to(device).float()
            for name, values in tensors.items()
            if name.startswith(prefix)
        }

    there = {name: values.to(device) for name, values in tensors.items() if "." not in name}
    blend = Blend(there["share"], there["partner"]) if "share" in there else None
    taught = None
    if "taught" in there:
        rest = (there.get(name) for name in ("genres", "heads", "teachers"))
        taught = Taught(there["taught"], parts(_ARRAY), *rest)
    views = Views(there["label"], there["clip"], blend, int(tensors["segments"]))
    return Batch(views, None, None, int(there["added"]), None, parts(_STEM), taught)
