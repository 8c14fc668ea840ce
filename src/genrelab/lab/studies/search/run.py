"""Run a search: take an open training, run it, store its result; otherwise add a trial."""

from __future__ import annotations

import hashlib
import math
import statistics
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from genrelab.errors import CorpusError, RecipeError, RunError
from genrelab.lab.corpora.splits.split_file import split_text
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.findings.wording import warnings
from genrelab.lab.plugins import plugin_versions
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.search.outputs import write_outcome
from genrelab.lab.studies.search.search_result import Outcome
from genrelab.lab.studies.search.search_space import Search
from genrelab.lab.studies.search.study import Figure, Result, Study, StudyState, Trial
from genrelab.lab.studies.workers import ALONE, Launcher, WorkerDiedError, result_of
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.experiment import Experiment, Report
from genrelab.lab.training.store.audio_store import sound_key
from genrelab.lab.training.train import resolve_device

_PAUSE_SECONDS = 0.5
#: Data-loading processes survive a killed training by some seconds, and keep its lock.
_LOCKS_LINGER_SECONDS = 10.0


def _silent(line: str) -> None:
    """Ignore a line of text."""


@dataclass(frozen=True)
class Options:
    """How the trainings of a search are run.

    Attributes
    ----------
    device : {"auto", "cpu", "gpu"}
    retry : bool
        Repeat trainings that failed.
    source : str or None
        Name of the corpus as the user gave it, for the record.
    report : callable or None
        Called with the current activity, how much of it is done, and the total.
    say : callable
        Called with a line of text at the start of each training and when one fails.
    launcher : Launcher
        Where trainings take place, and how many at the same time.
    """

    device: str = "auto"
    retry: bool = False
    source: str | None = None
    report: Report | None = None
    say: Callable[[str], None] = _silent
    launcher: Launcher = ALONE


def search(
    searched: Search,
    corpus: Corpus,
    split: Split,
    *,
    folder: Path,
    seed: int = 0,
    options: Options | None = None,
) -> Outcome:
    """Run all trials of a search that are not finished, and choose the best.

    Every training has a run folder below `folder`/trials. A stopped search resumes: finished trials are kept,
    and an interrupted training resumes after its last epoch. Several processes that run the same search share
    its trainings; each returns when all are finished. One process on one machine always ends with the same
    trials and figures, however often it was stopped; with several processes, what `tpe` draws also depends on
    which trials were finished at that moment. A launcher with several jobs keeps the trials of one process:
    `tpe` then draws a trial when all earlier ones are finished, and only the seeds of a trial are parallel.

    Parameters
    ----------
    searched : Search
    corpus : Corpus
    split : Split
        The network learns `train`; `valid` chooses the epoch of each training and the best trial. All
        trainings share one split: otherwise clips that one seed tests would help to choose in another.
    folder : Path
        Folder of study.json, trials/, and the files of `write_outcome`, which are rewritten after each
        training.
    seed : int, 0 to 2**32 - 1
        Seed of the draws and of the first training of each trial; the next training has `seed` + 1.
    options : Options, optional

    Returns
    -------
    Outcome

    Raises
    ------
    RunError
        If the folder belongs to another search, no trial produced a figure, or a training was killed.
    CorpusError
        If a part of the split is empty.
    """
    options = options or Options()
    resolve_device(options.device)
    for part in ("train", "valid", "test"):
        if not getattr(split, part):
            raise CorpusError(
                f"the {part} part of the split {split.name!r} of {corpus.name!r} is empty",
                code="search-part-empty",
            )
    seeds = range(seed, seed + searched.seeds)
    study = Study(folder, _identity(searched, corpus, split, seed))
    work = _Work(searched, study, corpus, split, seeds, options)
    reopened = _forget_failures(study, seeds) if options.retry else set()
    settled = time.monotonic() + (_LOCKS_LINGER_SECONDS if searched.sampler == "tpe" else 0.0)
    if not options.launcher.alone:
        return _share(work, reopened)
    while True:
        with study.claimed(seeds) as claim:
            if claim is not None:
                trial, number = claim
                work.announce(trial, number)
                restart = (trial.number, number) in reopened
                work.store(trial, number, work.train(trial, number, restart=restart))
                continue
        left = study.is_open(seeds)
        # The next draw of tpe must not depend on whether a killed process has ended yet.
        if not (left and time.monotonic() < settled) and work.add_trial():
            continue
        if not left:
            return work.end()
        time.sleep(_PAUSE_SECONDS)  # other processes run the rest


def _share(work: _Work, reopened: set[tuple[int, int]]) -> Outcome:
    """Run the trainings of a search in several processes, which this one starts."""
    study, seeds = work.study, work.seeds
    with ExitStack() as stack:
        pool = stack.enter_context(work.options.launcher.start(study.folder))
        running: dict[Future[Result | str], tuple[Trial, int, ExitStack]] = {}
        while True:
            while len(running) < pool.slots:
                lock = stack.enter_context(ExitStack())
                claim = lock.enter_context(study.claimed(seeds))
                if claim is not None:
                    trial, number = claim
                    work.announce(trial, number)
                    restart = (trial.number, number) in reopened
                    running[pool.submit(_train, work.bare(), trial, number, restart)] = (trial, number, lock)
                    continue
                lock.close()
                if (work.searched.sampler == "tpe" and study.is_open(seeds)) or not work.add_trial():
                    break
            for future in wait(running, timeout=_PAUSE_SECONDS, return_when=FIRST_COMPLETED).done:
                trial, number, lock = running.pop(future)
                try:
                    work.store(trial, number, result_of(future))
                except WorkerDiedError as error:
                    raise RunError(
                        f"a process was killed during trial {trial.number}, seed {number} (too little "
                        "memory?). Repeat the command to continue, perhaps with fewer --jobs",
                        code="search-process-killed",
                    ) from error
                lock.close()
            if not running and not study.is_open(seeds) and not work.add_trial():
                return work.end()


def _train(work: _Work, trial: Trial, seed: int, restart: bool) -> Result | str:
    return work.train(trial, seed, restart=restart)


def _identity(searched: Search, corpus: Corpus, split: Split, seed: int) -> dict[str, Any]:
    """Return the identity of a search; trials and seeds can be added to it."""
    about: dict[str, Any] = {
        "recipe": searched.bases(),
        "values": {key: str(axis) for key, axis in searched.axes.items()},
        "sampler": searched.sampler,
        "corpus": corpus.name,
        "clips": hashlib.sha256(split_text(corpus, split).encode()).hexdigest(),
        "sound": sound_key(corpus, sample_rate=0, channels=0),
        "seed": str(seed),
    }
    if searched.sampler == "tpe":  # its draws depend on the figure
        about["monitor"] = searched.monitor
    if plugins := plugin_versions():
        about["plugins"] = plugins
    return about


def _forget_failures(study: Study, seeds: range) -> set[tuple[int, int]]:
    """Reopen failed trainings; return trial and seed of each."""
    with study.change() as state:
        forgotten = {(trial.number, seed) for trial in state.trials for seed in seeds if seed in trial.failed}
        for number, seed in forgotten:
            del state.trial(number).failed[seed]
    return forgotten


@dataclass(frozen=True)
class _Work:
    """The part of a search that one process runs."""

    searched: Search
    study: Study
    corpus: Corpus
    split: Split
    seeds: range
    options: Options

    def announce(self, trial: Trial, seed: int) -> None:
        """Say that a training starts."""
        self.options.say(f"{self._label(trial, seed)}: {self.searched.words(trial.values)}")

    def bare(self) -> _Work:
        """Return this work for another process, which reports nothing."""
        return replace(self, options=replace(self.options, report=None, say=_silent, launcher=ALONE))

    def train(self, trial: Trial, seed: int, *, restart: bool) -> Result | str:
        """Return the result of a training, or the reason of its failure."""
        try:
            recipe = self.searched.recipe_of(trial.values)
            run = run_experiment(
                Experiment(recipe, self.corpus, self.split, seed, self.options.report),
                base=self.study.base_of(trial),
                device=self.options.device,
                restart=restart,
                source=self.options.source,
            )
        except (RecipeError, RunError, torch.OutOfMemoryError) as error:
            return " ".join(str(error).split()) or type(error).__name__
        return _result(run, self.study.folder)

    def store(self, trial: Trial, seed: int, found: Result | str) -> None:
        """Store the result of a training in the study, and rewrite the results of the search."""
        if isinstance(found, str):
            self.options.say(f"{self._label(trial, seed)} failed: {found}")
        with self.study.change() as state:
            if isinstance(found, str):
                state.trial(trial.number).failed[seed] = found
            else:
                state.trial(trial.number).results[seed] = found
            self._publish(state)

    def add_trial(self) -> bool:
        """Add the next trial, unless there are enough; return whether trainings may be open now."""
        known = len(self.study.read().trials)
        if known >= self.searched.trials:
            return False
        with self.study.change() as state:
            if len(state.trials) == known:  # else another process has just added one
                figures = [(trial.values, self._figure(trial)) for trial in state.trials]
                finished = [(values, figure) for values, figure in figures if figure is not None]
                values = self.searched.values_of(known + 1, finished, seed=self.seeds.start)
                state.trials.append(Trial(number=known + 1, values=values))
        return True

    def end(self) -> Outcome:
        """Return the outcome after all trainings."""
        with self.study.change() as state:
            outcome = self._publish(state)
        if outcome.best is None:
            reasons = [reason for trial in state.trials for reason in trial.failed.values()]
            first = (reasons or [f"{self.searched.monitor} was never a finite number"])[0]
            raise RunError(
                f"no trial of {self.study.folder} produced a figure; the first reason: {first}",
                code="search-without-result",
            )
        return outcome

    def _label(self, trial: Trial, seed: int) -> str:
        return f"trial {trial.number} of {self.searched.trials}, seed {seed}"

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
    record = run.record
    test = {"segment": record.evaluation.segment, "track": record.evaluation.track[run.recipe.voting]}
    return Result(
        run=run.folder.relative_to(folder).as_posix(),
        valid_accuracy=_finite(kept["valid_accuracy"]),
        valid_loss=_finite(kept["valid_loss"]),
        epoch=int(kept["epoch"]) + 1,
        epochs=len(history),
        seconds_per_epoch=round(statistics.median(row["seconds"] for row in history), 3),
        network=run.recipe.model.kind,
        parameters=record.parameters,
        device=f"{record.device}, {record.precision}",
        test={level: Figure(**scores.accuracy.model_dump()) for level, scores in test.items()},
        warnings=warnings(record.doubts()),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
