"""The answers of a teacher to whole clips, kept in the cache: what linear heads are fitted to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from genrelab.audio.pad import fit_length
from genrelab.files import replace_file
from genrelab.lab.training.distillation.target_file import UNREADABLE
from genrelab.lab.training.distillation.teacher_set import NamedTeacher
from genrelab.lab.training.store.audio_store import AudioStore, cache_folder
from genrelab.lab.training.store.facts import clip_facts

_LONGEST_NAME = 40  # of a teacher, in the name of a file
_WINDOWS = 3  # most of a clip, evenly spread
_VERSION = 1  # of what is computed
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class ClipAnswers:
    """The answers of a teacher to the clips of a store.

    Attributes
    ----------
    row : dict of str to int
        Clip id -> row of the arrays.
    arrays : dict of str to np.ndarray [shape=(clips, d)]
        The mean over a clip's windows, in single precision; arrays that describe whole views only.
    """

    row: dict[str, int]
    arrays: dict[str, npt.NDArray[np.float32]]

    def of(self, array: str, clips: Iterable[str]) -> npt.NDArray[np.float64]:
        """Return an array for some clips, `[clips, d]`."""
        return self.arrays[array][[self.row[key] for key in clips]].astype(np.float64)


def clip_answers(
    teacher: NamedTeacher, store: AudioStore, *, samples: int, report: Report | None = None
) -> ClipAnswers:
    """Ask a teacher about all clips of a store: up to three windows of each, evenly spread.

    Parameters
    ----------
    teacher : NamedTeacher
    store : AudioStore
    samples : int > 0
        Length of a window; a shorter clip is repeated.
    report : callable or None
        Called with the number of finished clips and the total.
    """
    row = {key: number for number, key in enumerate(store.clips)}
    names = [name for name in teacher.network.sizes if name not in teacher.network.of_parts]
    file = (
        cache_folder()
        / "teachers"
        / f"{teacher.name[:_LONGEST_NAME]}-{_key(teacher, store, samples)[:16]}.npz"
    )
    try:
        with np.load(file, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in names}
        if all(arrays[name].shape == (len(row), teacher.network.sizes[name]) for name in names):
            return ClipAnswers(row, arrays)
    except (*UNREADABLE, KeyError):
        pass  # not there, or damaged: ask again
    found: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in names}
    for done, clip_id in enumerate(store.clips, start=1):
        windows = torch.from_numpy(_windows(store, clip_id, samples))
        answers = teacher.ask(windows, sample_rate=store.sample_rate, arrays=names)
        for name in names:
            found[name].append(answers[name].mean(dim=0).numpy())
        if report is not None:
            report(done, len(store.clips))
    whole = {name: np.stack(rows) for name, rows in found.items()}

    def write(draft: Path) -> None:
        with draft.open("wb") as opened:
            np.savez(opened, allow_pickle=False, **whole)

    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, write)
    return ClipAnswers(row, whole)


def _windows(store: AudioStore, clip_id: str, samples: int) -> npt.NDArray[np.float32]:
    """Return the windows of a clip, `[windows, channels, samples]`."""
    frames = store.frames(clip_id)
    count = int(np.clip(frames // samples, 1, _WINDOWS))
    starts = np.linspace(0, frames - samples, count + 2)[1:-1] if frames > samples else np.zeros(1)
    rng = np.random.default_rng(0)  # repetition needs no random values
    return np.stack(
        [
            fit_length(store.read(clip_id, int(start), samples), samples, padding="repeat", rng=rng)
            for start in starts
        ]
    )


def _key(teacher: NamedTeacher, store: AudioStore, samples: int) -> str:
    facts = clip_facts(store)
    sounds = [[key, facts[key].digest] for key in store.clips]
    text = json.dumps([_VERSION, teacher.sha256, samples, store.sample_rate, store.channels, sounds])
    return hashlib.sha256(text.encode()).hexdigest()
