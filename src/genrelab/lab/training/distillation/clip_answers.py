"""The answers of a teacher to whole clips, kept in the cache: what linear heads are fitted to."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from genrelab.audio.pad import fit_length
from genrelab.files import replace_file
from genrelab.lab.training.distillation.teacher_set import NamedTeacher
from genrelab.lab.training.store.audio_store import AudioStore, cache_folder
from genrelab.lab.training.store.facts import clip_facts

ClipAnswers = dict[str, npt.NDArray[np.float32]]
"""Name of an array -> `[clips, d]`, the mean over a clip's windows."""

_WINDOWS = 3  # most of a clip, evenly spread
_BATCH = 8
_VERSION = 1  # of what is computed
Report = Callable[[int, int], None]


def clip_answers(
    teacher: NamedTeacher,
    clips: Sequence[tuple[str, AudioStore]],
    *,
    samples: int,
    report: Report | None = None,
) -> ClipAnswers:
    """Ask a teacher about clips: up to three windows of each, evenly spread.

    Parameters
    ----------
    teacher : NamedTeacher
    clips : sequence of (str, AudioStore)
        Ids, and the stores that hold the sound.
    samples : int > 0
        Length of a window; a shorter clip is repeated.
    report : callable or None
        Called with the number of finished clips and the total.

    Returns
    -------
    dict of str to np.ndarray [shape=(clips, d)]
        Arrays that describe whole views, in single precision.
    """
    file = cache_folder() / "teachers" / f"{teacher.name}-{_key(teacher, clips, samples)[:16]}.npz"
    names = [name for name in teacher.network.sizes if name not in teacher.network.of_segments]
    try:
        with np.load(file, allow_pickle=False) as kept:
            return {name: kept[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # not there, or damaged: ask again
    found: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in names}
    for done, (clip_id, store) in enumerate(clips, start=1):
        windows = torch.from_numpy(_windows(store, clip_id, samples))
        answers = teacher.ask(windows, sample_rate=store.sample_rate)
        for name in names:
            found[name].append(answers[name].mean(dim=0).numpy())
        if report is not None:
            report(done, len(clips))
    whole = {name: np.stack(rows) for name, rows in found.items()}

    def write(draft: object) -> None:
        np.savez(str(draft), allow_pickle=False, **whole)

    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, write)
    return whole


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


def _key(teacher: NamedTeacher, clips: Sequence[tuple[str, AudioStore]], samples: int) -> str:
    digests = {id(store): clip_facts(store) for store in {id(each): each for _, each in clips}.values()}
    heard = [[clip_id, store.sample_rate, digests[id(store)][clip_id].digest] for clip_id, store in clips]
    text = json.dumps([_VERSION, teacher.sha256, samples, heard])
    return hashlib.sha256(text.encode()).hexdigest()
