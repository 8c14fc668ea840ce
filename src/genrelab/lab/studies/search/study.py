"""The file of a search: its trials and their results.

Each change reads the file, modifies it and replaces it, under a lock that the system releases when the
process ends. A kill at any time leaves the file in its state before or after a change, and several processes
may run one search. (The file storage of Optuna appends lines: a truncated line makes it unreadable, and its
lock survives its process.)
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue, ValidationError

from genrelab.errors import RunError
from genrelab.files import only_one, replace_text

STUDY = "study.json"
_LOCK = ".study.lock"
_PAUSE_SECONDS = 0.02


class Figure(BaseModel):
    """A test figure with its interval; None if undefined."""

    value: float | None
    low: float | None
    high: float | None


class Result(BaseModel):
    """The result of one training.

    Attributes
    ----------
    run : str
        The run folder, relative to the folder of the search.
    valid_accuracy, valid_loss : float or None
        On segments of the validation part, in the epoch that was kept; None if not finite.
    epoch, epochs : int
        The epoch that was kept, from 1, and the number of trained epochs.
    seconds_per_epoch : float
        The median, including validation.
    network : str
        The `kind` of the recipe's model.
    parameters : int
    device : str
    test : dict of str to Figure
        Accuracy on the test part by `segment` and by `track`, with the voting rule of the recipe.
    warnings : list of str
        Reasons to doubt the figures.
    """

    run: str
    valid_accuracy: float | None
    valid_loss: float | None
    epoch: int
    epochs: int
    seconds_per_epoch: float
    network: str
    parameters: int
    device: str
    test: dict[str, Figure]
    warnings: list[str]


class Trial(BaseModel):
    """Values, and for each seed the result or the reason of a failure.

    Trials count from 1.
    """

    number: int = Field(ge=1)
    values: dict[str, JsonValue]
    results: dict[int, Result] = {}
    failed: dict[int, str] = {}

    def done(self, seed: int) -> bool:
        """Return whether the training with a seed is finished."""
        return seed in self.results or seed in self.failed

    def figure(self, monitor: str, seeds: range) -> float | None:
        """Return the mean of a figure over seeds; None if a seed has none."""
        found = [getattr(self.results[seed], monitor) for seed in seeds if seed in self.results]
        if len(found) < len(seeds) or any(value is None for value in found):
            return None
        return math.fsum(found) / len(found)


class StudyState(BaseModel):
    """The content of the file; `about` is the identity of the search."""

    format: Literal[1] = 1
    about: dict[str, JsonValue]
    trials: list[Trial] = []

    def trial(self, number: int) -> Trial:
        """Return a trial."""
        return self.trials[number - 1]


class Study:
    """The folder of a search.

    Parameters
    ----------
    folder : Path
        Created if missing.
    about : mapping of str to (mapping or str)
        The identity of the search.

    Raises
    ------
    RunError
        If the folder belongs to another search, or the file is damaged.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.folder = folder
        self.path = folder / STUDY
        folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if not self.path.is_file():
                self._write(StudyState(about=dict(about)))
            there = self._read().about
        other = [name for name in {**about, **there} if about.get(name) != there.get(name)]
        if other:
            raise RunError(
                f"{self.path} belongs to another search, which differs in: {', '.join(other)}; use another "
                "--study or --out, or delete that folder",
                code="search-differs",
            )

    def read(self) -> StudyState:
        """Return the current content of the file."""
        return self._read()

    @contextmanager
    def change(self) -> Iterator[StudyState]:
        """Yield the content of the file under a lock, and write it back afterwards."""
        with self._alone():
            state = self._read()
            yield state
            self._write(state)

    @contextmanager
    def claimed(self, seeds: range) -> Iterator[tuple[Trial, int] | None]:
        """Yield an open training, locked against other processes.

        None means that no training is open, or that other processes run all open ones. Trainings with equal
        values share a run folder, and therefore a lock.
        """
        with ExitStack() as lock:
            for trial, seed in self._open(seeds):
                try:
                    lock.enter_context(only_one(self._lock_of(trial, seed)))
                except BlockingIOError:
                    continue
                if not self._read().trial(trial.number).done(seed):
                    yield trial, seed
                    return
                lock.close()  # another process has just finished it
            yield None

    def is_open(self, seeds: range) -> bool:
        """Return whether any training is unfinished."""
        return bool(self._open(seeds))

    def base_of(self, trial: Trial) -> Path:
        """Return the parent of the run folders of a trial: the folder of the first trial with its values."""
        text = json.dumps(trial.values)  # in JSON, 1, 1.0 and true differ
        same = (each.number for each in self._read().trials if json.dumps(each.values) == text)
        return self.folder / "trials" / f"{min(same):03d}"

    def _lock_of(self, trial: Trial, seed: int) -> Path:
        base = self.base_of(trial)
        base.mkdir(parents=True, exist_ok=True)
        return base / f".seed{seed}.lock"

    def _open(self, seeds: range) -> list[tuple[Trial, int]]:
        trials = self._read().trials
        return [(trial, seed) for trial in trials for seed in seeds if not trial.done(seed)]

    def _read(self) -> StudyState:
        try:
            state = StudyState.model_validate_json(self.path.read_bytes())
        except (OSError, ValidationError) as error:
            raise RunError(f"cannot read the search {self.path}: {error}", code="study-unreadable") from error
        if [trial.number for trial in state.trials] != list(range(1, len(state.trials) + 1)):
            raise RunError(
                f"the trials in {self.path} are not numbered 1, 2, 3, ...; it was edited by hand",
                code="study-numbering",
            )
        return state

    def _write(self, state: StudyState) -> None:
        replace_text(self.path, state.model_dump_json(indent=1) + "\n")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with ExitStack() as lock:
            while True:
                try:
                    lock.enter_context(only_one(self.folder / _LOCK))
                    break
                except BlockingIOError:
                    time.sleep(_PAUSE_SECONDS)
            yield
