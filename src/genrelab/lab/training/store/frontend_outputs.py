"""Outputs of fixed front-ends, kept beside the stores: computed once, not in every epoch, fold and test.

A front-end is *fixed* if its output depends on nothing but the waveform of an item, and its outputs are kept
for segments that are cut and padded without chance. What they are kept under covers all that determines them:
kind and options of the front-end, its tables, its code, the version of torch, the processor, the samples of
the clips, segment, overlap and padding. Outputs of a batch must equal those of its items bit for bit, which
is tried before anything is kept: a network gets the same numbers whether its inputs come from here or not.

`GENRELAB_FRONTEND_CACHE` is the room for all kept outputs, in gigabytes (16 by default), or `off`. What was
not used for longest is removed first. Outputs that have no room are computed in every epoch, with a note in
the log.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import logging
import math
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from genrelab.audio.pad import Padding, fit_length
from genrelab.audio.segments import segment_starts
from genrelab.errors import RunError
from genrelab.lab.corpora.paths import folder_safe
from genrelab.lab.frontends import Frontend
from genrelab.lab.models import GenreNetwork
from genrelab.lab.models.base import Ready, frontends_of
from genrelab.lab.training.store.audio_store import AudioStore, cache_folder
from genrelab.lab.training.store.output_file import FOLDER, OutputFile, folder_of, make_room

VARIABLE = "GENRELAB_FRONTEND_CACHE"
_DEFAULT_GIGABYTES = 16.0
_FORMAT = 1
_TOGETHER, _TOGETHER_SAMPLES = 16, 2**22  # segments per batch, and their samples
_TRIED = 8  # rows of the batch whose outputs are compared with those of pairs
_LOGGER = logging.getLogger(__name__)

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Grid:
    """How clips are cut into segments.

    Attributes
    ----------
    segment, hop : int > 0, in samples
    padding : {"end", "repeat"}
        Of a clip shorter than a segment.
    """

    segment: int
    hop: int
    padding: Padding


class FrontendOutputs:
    """The kept outputs of a network's fixed front-ends for the clips of a store.

    Parameters
    ----------
    store : AudioStore
    grid : Grid
    kept : mapping of str to OutputFile
        By the name of the front-end.
    whole : bool
        Whether the network has no other front-ends, so that waveforms are not needed.
    """

    def __init__(self, store: AudioStore, grid: Grid, kept: Mapping[str, OutputFile], *, whole: bool) -> None:
        self.store = store
        self.grid = grid
        self.kept = kept
        self.whole = whole
        self._number = {key: number for number, key in enumerate(store.clips)}

    def ready(self, clip_id: str, start: int) -> Ready:
        """Return the inputs of a network for the segment of a clip that starts at a sample."""
        number, segment = self._number[clip_id], start // self.grid.hop
        made = {name: torch.from_numpy(file.read(number, segment)) for name, file in self.kept.items()}
        waveform = torch.empty(self.store.channels, 0) if self.whole else self._segment(clip_id, start)
        return Ready(waveform, made)

    def fill(
        self, clips: Sequence[str], frontends: Mapping[str, Frontend], *, verify: bool, report: Report | None
    ) -> bool:
        """Compute what is missing of some clips.

        Parameters
        ----------
        clips : sequence of str
        frontends : mapping of str to Frontend
            Those of `kept`, in evaluation mode.
        verify : bool
            Whether to compare what is there with its checksums.
        report : callable or None
            Called with the number of finished clips and the total.

        Returns
        -------
        bool
            Whether all of it is there; false if outputs of a batch differ from those of its items.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        numbers = [self._number[key] for key in clips]
        damaged = {name: file.damaged(numbers) if verify else [] for name, file in self.kept.items()}
        missing = {
            name: {number for number in numbers if number not in file} | set(damaged[name])
            for name, file in self.kept.items()
        }
        if any(damaged.values()):
            count = len(set().union(*damaged.values()))
            _LOGGER.warning("kept outputs of front-ends of %d clips are damaged; computing them again", count)
        wanted = sorted(set().union(*missing.values()))
        tried = False
        done = 0
        for batch in self._batches(wanted):
            made = {}
            sound = torch.cat([segments for _, segments in batch])
            for name, frontend in frontends.items():
                if missing[name].intersection(number for number, _ in batch):
                    if not tried and not _is_equal_alone(frontend, sound):
                        return False
                    made[name] = _outputs(frontend, sound)
            tried = True
            row = 0
            for number, segments in batch:
                for name, outputs in made.items():
                    if number in missing[name]:
                        self.kept[name].write(number, outputs[row : row + len(segments)].numpy())
                row += len(segments)
            done += len(batch)
            if report is not None:
                report(done, len(wanted))
        return True

    def _batches(self, numbers: Sequence[int]) -> Iterator[list[tuple[int, Tensor]]]:
        """Yield numbers and segments of clips, a few clips at a time."""
        most = max(2, min(_TOGETHER, _TOGETHER_SAMPLES // self.grid.segment))
        batch: list[tuple[int, Tensor]] = []
        rows = 0
        for number in numbers:
            key = self.store.clips[number]
            starts = segment_starts(self.store.frames(key), self.grid.segment, self.grid.hop)
            if batch and rows + len(starts) > most:
                yield batch
                batch, rows = [], 0
            batch.append((number, torch.stack([self._segment(key, start) for start in starts])))
            rows += len(starts)
        if batch:
            yield batch

    def _segment(self, clip_id: str, start: int) -> Tensor:
        waveform = self.store.read(clip_id, start, self.grid.segment)
        return torch.from_numpy(fit_length(waveform, self.grid.segment, padding=self.grid.padding))


def kept_outputs(
    network: GenreNetwork, store: AudioStore, grid: Grid, clips: Sequence[str], *, options: Keeping
) -> FrontendOutputs | None:
    """Return the kept outputs of a network's front-ends for clips; compute what is missing.

    Parameters
    ----------
    network : GenreNetwork
        Its front-ends are computed where they are.
    store : AudioStore
    grid : Grid
    clips : sequence of str
        Of the store.
    options : Keeping

    Returns
    -------
    FrontendOutputs or None
        None if the network has no fixed front-end, or outputs cannot be kept.

    Raises
    ------
    RunError
        If `GENRELAB_FRONTEND_CACHE` is neither a size nor `off`.
    """
    most = room()
    fixed = {name: each for name, each in frontends_of(network).items() if _is_fixed(each)}
    if not most or not fixed or not clips:
        return None
    modes = {name: frontend.training for name, frontend in fixed.items()}
    try:
        kept = {name: _file(name, frontend, store, grid, most) for name, frontend in fixed.items()}
        found = {name: file for name, file in kept.items() if file is not None}
        if not found:
            return None
        outputs = FrontendOutputs(store, grid, found, whole=len(found) == len(network.frontends))
        for frontend in fixed.values():
            frontend.eval()
        chosen = {name: fixed[name] for name in found}
        if outputs.fill(clips, chosen, verify=options.verify, report=options.report):
            return outputs
        _LOGGER.info("outputs of front-ends are not kept: those of a batch differ from those of its items")
    except OSError as error:
        _LOGGER.warning(
            "outputs of front-ends cannot be kept below %s (%s); they are computed in every epoch. Free "
            "space, or set %s to off",
            cache_folder() / FOLDER,
            error.strerror or error,
            VARIABLE,
        )
    finally:
        for name, mode in modes.items():
            fixed[name].train(mode)
    return None


@dataclass(frozen=True)
class Keeping:
    """How outputs are kept.

    Attributes
    ----------
    verify : bool
        Whether to compare what is there with its checksums.
    report : callable or None
        Called with the number of finished clips and the total.
    """

    verify: bool = True
    report: Report | None = None


def room() -> int:
    """Return the bytes that all kept outputs may take; 0 keeps none.

    Raises
    ------
    RunError
        If `GENRELAB_FRONTEND_CACHE` is neither a size nor `off`.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if text.casefold() == "off":
        return 0
    try:
        gigabytes = float(text) if text else _DEFAULT_GIGABYTES
    except ValueError:
        gigabytes = math.nan
    if not (math.isfinite(gigabytes) and gigabytes >= 0):
        raise RunError(
            f"{VARIABLE}={text!r} is not a size. Write gigabytes such as 16, or off",
            code="frontend-cache-size",
        )
    return round(gigabytes * 1e9)


def _is_fixed(frontend: Frontend) -> bool:
    learned = any(True for _ in frontend.parameters())
    return (
        frontend.fixed and not learned and frontend.made_from is not None and bool(_code_of(type(frontend)))
    )


def _file(name: str, frontend: Frontend, store: AudioStore, grid: Grid, most: int) -> OutputFile | None:
    """Open the file of a front-end's outputs; None if it has no room."""
    counts = [len(segment_starts(store.frames(key), grid.segment, grid.hop)) for key in store.clips]
    shape = frontend.output_shape(grid.segment)
    sound = [[store.checksum(key), store.frames(key)] for key in store.clips]
    about = {
        "format": _FORMAT,
        "front-end": json.loads(frontend.made_from or "null"),
        "tables": _tables(frontend),
        "code": _code_of(type(frontend)),
        "machine": _machine(frontend),
        "sound": hashlib.sha256(json.dumps(sound).encode()).hexdigest(),
        "channels": store.channels,
        "segment": grid.segment,
        "hop": grid.hop,
        "padding": grid.padding,
        "shape": list(shape),
        "clips": len(counts),
    }
    base = cache_folder() / FOLDER
    size = sum(counts) * math.prod(shape) * 4
    label = folder_safe(f"{store.folder.name.rpartition('-')[0]} {name}")
    folder = folder_of(base, label, about)
    if not make_room(base, size, keep=folder, most=most):
        _LOGGER.warning(
            "the outputs of the front-end %s take %.1f GB, which %s or the disk has no room for; they are "
            "computed in every epoch",
            name,
            size / 1e9,
            VARIABLE,
        )
        return None
    return OutputFile(folder, about, counts=counts, shape=shape)


def _outputs(frontend: Frontend, sound: Tensor) -> Tensor:
    """Return the outputs of segments, on the CPU. A single segment is computed as two."""
    place = next(iter(frontend.buffers()), torch.empty(0)).device
    rows = sound if len(sound) > 1 else sound.repeat(2, 1, 1)
    with torch.inference_mode(), torch.autocast(place.type, enabled=False):
        made: Tensor = frontend(rows.to(place))[: len(sound)].float().cpu()
    return made


def _is_equal_alone(frontend: Frontend, sound: Tensor) -> bool:
    """Return whether the outputs of a large batch equal those of pairs, bit for bit."""
    few = sound[:2] if len(sound) > 1 else sound.repeat(2, 1, 1)
    pair, many = _outputs(frontend, few), _outputs(frontend, few.repeat(_TRIED // 2, 1, 1))
    return torch.equal(many, torch.cat([pair] * (_TRIED // 2)))


def _tables(frontend: nn.Module) -> str:
    """Hash all tables of a front-end, such as filters."""
    digest = hashlib.sha256()
    for name, values in sorted(frontend.named_buffers()):
        digest.update(f"{name} {tuple(values.shape)} {values.dtype} ".encode())
        digest.update(np.ascontiguousarray(values.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()


def _machine(frontend: nn.Module) -> list[str]:
    """Return what decides the last bits of an output, besides the code."""
    place = next(iter(frontend.buffers()), torch.empty(0)).device
    if place.type == "cuda":
        return [torch.__version__, torch.cuda.get_device_name(place)]
    capability = cast(Any, torch.backends.cpu).get_cpu_capability()
    return [torch.__version__, np.__version__, platform.machine(), platform.processor(), capability]


@functools.cache
def _code_of(kind: type[Frontend]) -> str:
    """Hash the code of a front-end: its own file, and those of all front-ends and layers; '' if unknown."""
    try:
        own = Path(inspect.getfile(kind)).read_bytes()
    except (OSError, TypeError):
        return ""
    digest = hashlib.sha256(own + Path(inspect.getfile(fit_length)).read_bytes())
    for package in ("genrelab.lab.frontends", "genrelab.lab.layers"):
        for file in sorted(files(package).iterdir(), key=lambda each: each.name):
            if file.name.endswith(".py"):
                digest.update(f"{file.name} ".encode() + file.read_bytes())
    return digest.hexdigest()
