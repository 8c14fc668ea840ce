"""Work through a search: take an open training, run it, note what came of it; else add a trial."""

from __future__ import annotations

import hashlib
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from genrelab.errors import CorpusError, RecipeError, RunError
from genrelab.lab.corpora.splits.split_file import split_text
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.record import warnings_of
from genrelab.lab.experiment.run import Report, run_experiment
from genrelab.lab.plugins import plugin_versions
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.search.outputs import write_outcome
from genrelab.lab.studies.search.search_result import Outcome
from genrelab.lab.studies.search.search_space import Search
from genrelab.lab.studies.search.study import Figure, Result, Study, StudyState, Trial
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.store.audio_store import sound_key
from genrelab.lab.training.train import resolve_device

_PAUSE_SECONDS = 0.5
#: Processes that read data for a training outlive its kill by some seconds, and its lock lives in them.
_LOCKS_LINGER_SECONDS = 10.0


def _in_silence(line: str) -> None:
    """Say nothing."""


def search(
    searched: Search,
    corpus: Corpus,
    split: Split,
    *,
    folder: Path,
    seed: int = 0,
    device: str = "auto",
    retry: bool = False,
    source: str | None = None,
    report: Report | None = None,
    say: Callable[[str], None] = _in_silence,
) -> Outcome:
    """Try what a search has to try, or what is left of it, and choose.

    Every training is a run folder below `folder`/trials. A search that was stopped goes on: trials that are
    done stay, the training that was cut off goes on after its last epoch. Several processes that are given
    the same search share its trainings, and each returns when all are done. One process on one machine ends
    with the same trials and figures, however often it was stopped; with several, what `tpe` draws also
    depends on which trials were done at that moment.

    Parameters
    ----------
    searched : Search
    corpus : Corpus
    split : Split
        `train` is learned, `valid` chooses the epoch of each training and the best trial. One split for all
        trainings: with a split for each seed, clips that one seed tests would help to choose in another.
    folder : Path
        Gets study.json, trials/, and what `write_outcome` writes, anew after each training.
    seed : int, 0 to 2**32 - 1
        Of the draws, and of the first training of each trial; the next has `seed` + 1.
    device : {"auto", "cpu", "gpu"}
    retry : bool
        Begin trainings that failed anew.
    source : str or None
        How the corpus was named, for the record.
    report : callable or None
        Called with what is being done, how much of it is done, and of how much.
    say : callable
        Called with a line for people at the start of each training and at its failure.

    Returns
    -------
    Outcome

    Raises
    ------
    RunError
        If the folder holds another search, or no trial came to a figure.
    CorpusError
        If the split cannot be learned or chosen on, or no model file could tell of the corpus.
    """
    resolve_device(device)
    for part in ("train", "valid", "test"):
        if not getattr(split, part):
            raise CorpusError(f"the {part} part of the split {split.name!r} of {corpus.name!r} is empty")
    seeds = range(seed, seed + searched.seeds)
    study = Study(folder, _about(searched, corpus, split, seed))
    work = _Work(searched, study, corpus, split, seeds, device, source, report)
    anew = _forget_failures(study, seeds) if retry else set()
    settled = time.monotonic() + (_LOCKS_LINGER_SECONDS if searched.sampler == "tpe" else 0.0)
    while True:
        with study.claimed(seeds) as claim:
            if claim is not None:
                trial, number = claim
                which = f"trial {trial.number} of {searched.trials}, seed {number}"
                say(f"{which}: {searched.words(trial.values)}")
                found = work.train(trial, number, restart=(trial.number, number) in anew)
                if isinstance(found, str):
                    say(f"{which} failed: {found}")
                work.note(trial, number, found)
                continue
        left = study.is_open(seeds)
        # What tpe draws next must not depend on whether a killed process is quite gone yet.
        if not (left and time.monotonic() < settled) and work.think():
            continue
        if not left:
            return work.end()
        time.sleep(_PAUSE_SECONDS)  # the rest is being done by other processes


def _about(searched: Search, corpus: Corpus, split: Split, seed: int) -> dict[str, Any]:
    """Return what makes it this search; with more trials or seeds it goes on."""
    about: dict[str, Any] = {
        "recipe": searched.bases(),
        "values": {key: str(axis) for key, axis in searched.axes.items()},
        "sampler": searched.sampler,
        "corpus": corpus.name,
        "clips": hashlib.sha256(split_text(corpus, split).encode()).hexdigest(),
        "sound": sound_key(corpus, sample_rate=0, channels=0),
        "seed": str(seed),
    }
    if searched.sampler == "tpe":  # its draws follow the figure
        about["monitor"] = searched.monitor
    if plugins := plugin_versions():
        about["plugins"] = plugins
    return about


def _forget_failures(study: Study, seeds: range) -> set[tuple[int, int]]:
    """Open the trainings that failed again; return trial and seed of each."""
    with study.change() as state:
        forgotten = {(trial.number, seed) for trial in state.trials for seed in seeds if seed in trial.failed}
        for number, seed in forgotten:
            del state.trial(number).failed[seed]
    return forgotten


@dataclass(frozen=True)
class _Work:
    """What one process does for a search."""

    searched: Search
    study: Study
    corpus: Corpus
    split: Split
    seeds: range
    device: str
    source: str | None
    report: Report | None

    def train(self, trial: Trial, seed: int, *, restart: bool) -> Result | str:
        """Return what a training came to, or why it came to nothing."""
        try:
            run = run_experiment(
                self.searched.recipe_of(trial.values),
                self.corpus,
                self.split,
                base=self.study.base_of(trial),
                seed=seed,
                device=self.device,
                restart=restart,
                source=self.source,
                report=self.report,
            )
        except (RecipeError, RunError, torch.OutOfMemoryError) as error:
            return " ".join(str(error).split()) or type(error).__name__
        return _result(run, self.study.folder)

    def note(self, trial: Trial, seed: int, found: Result | str) -> None:
        """Put what a training came to into the study, and write what can be told now."""
        with self.study.change() as state:
            if isinstance(found, str):
                state.trial(trial.number).failed[seed] = found
            else:
                state.trial(trial.number).results[seed] = found
            self._publish(state)

    def think(self) -> bool:
        """Add the next trial, unless there are enough; tell whether there may be something to do now."""
        known = len(self.study.read().trials)
        if known >= self.searched.trials:
            return False
        with self.study.change() as state:
            if len(state.trials) == known:  # else another process has just thought of one
                figures = [(trial.values, self._figure(trial)) for trial in state.trials]
                told = [(values, figure) for values, figure in figures if figure is not None]
                values = self.searched.values_of(known + 1, told, seed=self.seeds.start)
                state.trials.append(Trial(number=known + 1, values=values))
        return True

    def end(self) -> Outcome:
        """Return the outcome when all is done."""
        with self.study.change() as state:
            outcome = self._publish(state)
        if outcome.best is None:
            reasons = [reason for trial in state.trials for reason in trial.failed.values()]
            first = (reasons or [f"{self.searched.monitor} was never a finite number"])[0]
            raise RunError(f"no trial of {self.study.folder} came to a figure; the first reason: {first}")
        return outcome

    def _figure(self, trial: Trial) -> float | None:
        return trial.figure(self.searched.monitor, self.seeds)

    def _publish(self, state: StudyState) -> Outcome:
        facts = {
            "Corpus": f"{self.corpus.name}; licence: {self.corpus.licence}",
            "Split": f"{self.split.name}: {self.split.made}",
        }
        outcome = Outcome.of(self.searched, state.trials, self.seeds, facts=facts)
        write_outcome(outcome, self.study.folder)
        return outcome


def _result(run: Run, folder: Path) -> Result:
    history = read_history(run.folder)
    kept = next(row for row in history if row["best"] == 1)
    levels = run.metrics["evaluation"]
    test = {"segment": levels["segment"], "track": levels["track"][run.recipe.voting]}
    return Result(
        run=run.folder.relative_to(folder).as_posix(),
        valid_accuracy=_finite(kept["valid_accuracy"]),
        valid_loss=_finite(kept["valid_loss"]),
        epoch=int(kept["epoch"]) + 1,
        epochs=len(history),
        seconds_per_epoch=round(statistics.median(row["seconds"] for row in history), 3),
        network=run.recipe.model.kind,
        parameters=run.metrics["parameters"],
        device=f"{run.metrics['device']}, {run.metrics['precision']}",
        test={level: Figure(**scores["accuracy"]) for level, scores in test.items()},
        warnings=warnings_of(run.metrics),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
