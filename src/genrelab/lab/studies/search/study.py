"""The file of a search: which trials there are, and what came of them.

Every change reads the file, alters it and puts it back whole, under a lock that a process gives back
however it ends. So a kill at any moment leaves the file as it was before or after a change, and several
processes may work on one search. (Optuna's own file storage appends lines: one cut short by a kill makes it
unreadable, and its lock outlives its process.)
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
    """A test figure with its interval; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None


class Result(BaseModel):
    """What one training came to.

    Attributes
    ----------
    run : str
        The run folder, below the folder of the search.
    valid_accuracy, valid_loss : float or None
        On segments of the validation part, in the epoch whose weights were kept; None if not finite.
    epoch, epochs : int
        The epoch that was kept, counted from 1, and how many were trained.
    seconds_per_epoch : float
        The median, validation included.
    network : str
        The `kind` of the recipe's model.
    parameters : int
    device : str
    test : dict of str to Figure
        Accuracy of the test part by `segment` and by `track`, under the recipe's voting rule.
    warnings : list of str
        What makes the figures doubtful.
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
    """Values that are tried, and what came of them by seed: a result, or the reason why there is none.

    Trials count from 1.
    """

    number: int = Field(ge=1)
    values: dict[str, JsonValue]
    results: dict[int, Result] = {}
    failed: dict[int, str] = {}

    def done(self, seed: int) -> bool:
        """Tell whether nothing is left to do for a seed."""
        return seed in self.results or seed in self.failed

    def figure(self, monitor: str, seeds: range) -> float | None:
        """Return the mean of a figure over seeds; None if one of them has none."""
        found = [getattr(self.results[seed], monitor) for seed in seeds if seed in self.results]
        if len(found) < len(seeds) or any(value is None for value in found):
            return None
        return math.fsum(found) / len(found)


class StudyState(BaseModel):
    """What the file holds; `about` says which search it is of."""

    format: Literal[1] = 1
    about: dict[str, JsonValue]
    trials: list[Trial] = []

    def trial(self, number: int) -> Trial:
        """Return a trial."""
        return self.trials[number - 1]


class Study:
    """A search's folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    about : mapping of str to (mapping or str)
        Which search this is.

    Raises
    ------
    RunError
        If the folder holds another search, or a damaged file.
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
        """Return what the file holds now."""
        return self._read()

    @contextmanager
    def change(self) -> Iterator[StudyState]:
        """Give what the file holds, and write it back as it was altered, with no other process between."""
        with self._alone():
            state = self._read()
            yield state
            self._write(state)

    @contextmanager
    def claimed(self, seeds: range) -> Iterator[tuple[Trial, int] | None]:
        """Give an open training, from which every other process is kept meanwhile.

        None means that there is no open one, or that all are being worked on. Trainings of equal values share
        a run folder, and so a lock.
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
                lock.close()  # another process has just done it
            yield None

    def is_open(self, seeds: range) -> bool:
        """Tell whether anything is left to do."""
        return bool(self._open(seeds))

    def base_of(self, trial: Trial) -> Path:
        """Return below what a trial's run folders lie: the folder of the first trial with its values."""
        text = json.dumps(trial.values)  # there 1, 1.0 and true differ
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
