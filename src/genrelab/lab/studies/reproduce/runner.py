"""Training and testing of the missing runs of a table; the page is written after each run."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from genrelab.errors import GenrelabError, RecipeError, RunError, UsageError
from genrelab.files import only_one, replace_text
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.transforms.transformed_corpus import original_name
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.registry import closest
from genrelab.lab.runs import folders
from genrelab.lab.studies.cross_corpus import evaluate_elsewhere, read_map, translate
from genrelab.lab.studies.reproduce.budget import Budget
from genrelab.lab.studies.reproduce.figures import Done, Line, Settings, record_of
from genrelab.lab.studies.reproduce.page import write_page
from genrelab.lab.studies.reproduce.table import Row, Table, each_fold
from genrelab.lab.studies.workers import ALONE, Launcher, WorkerDiedError, result_of
from genrelab.lab.training.checkpoints import BEST
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import sound_key
from genrelab.lab.training.train import resolve_device

Say = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What to reproduce of a table, and how.

    Attributes
    ----------
    corpus : str
        Spec of the corpus.
    splits : tuple of str
        Kinds; empty is the paper's for that corpus. `kfold:*/10` is all ten folds.
    seeds : int
    budget : Budget
    changes : tuple of str
        Changes to all recipes, as `key=value`.
    weights : mapping of str to str
        Architecture -> weights, for the rows that start from ImageNet's; `*` is any architecture.
    start_corpus, elsewhere : str or None
        Specs of the corpus for pretraining rows, and of the corpus on which to test all runs.
    map : Path or None
        YAML that maps genres of `elsewhere` to genres of `corpus`.
    rows : tuple of str
        Recipes, by full name or last part; empty is all.
    model_files : bool
        Whether to write a model file for each run; tiny budgets are much faster without.
    """

    corpus: str
    splits: tuple[str, ...] = ()
    seeds: int = 1
    budget: Budget = Budget()
    changes: tuple[str, ...] = ()
    weights: dict[str, str] = field(default_factory=dict)
    start_corpus: str | None = None
    elsewhere: str | None = None
    map: Path | None = None
    rows: tuple[str, ...] = ()
    model_files: bool = True


@dataclass(frozen=True)
class _Task:
    """A run to do, in values that can be sent to another process.

    `chosen` tells whether the table has a figure of the part that chooses the epoch.
    """

    row: Row
    split: str
    fold: str
    seed: int
    request: Request
    base: Path
    device: str
    chosen: bool = True


def reproduce(
    table: Table,
    request: Request,
    *,
    out: Path,
    launcher: Launcher = ALONE,
    device: str = "auto",
    say: Say = lambda line: None,
) -> dict[str, Any]:
    """Reproduce a table, or the missing part of it.

    Finished runs are kept, and an interrupted run continues after its last epoch: the same seeds on the same
    machine give the same table, regardless of interruptions. If a row cannot be trained, the table lists the
    reason and the other rows continue.

    Parameters
    ----------
    table : Table
    request : Request
    out : Path
        Parent of `reproduce/<table>[-<budget>]/`, with the page and the run folders.
    launcher : Launcher
        Where runs take place, and how many at the same time. On one machine they take the GPUs in turn.
    device : {"auto", "cpu", "gpu"}
    say : callable
        Called with a message at the start of each run and after a failure.

    Returns
    -------
    dict
        The record of the page, plus `folder`.

    Raises
    ------
    UsageError
        If a row is unknown, the request is invalid, or a genre of the test corpus has no counterpart.
    CorpusError, RunError
        If a corpus or its split is not available, or another process reproduces this table in this folder.
    """
    resolve_device(device)
    rows = _rows_of(table, request.rows)
    corpus = request.budget.limit_corpus(load_corpus(request.corpus))
    splits = request.splits or (table.split_on(original_name(corpus)),)
    for split in splits:
        for fold in request.budget.limit_folds(each_fold(split)):
            make_split(corpus, fold, seed=0)  # raises before hours of training if the split is invalid
    elsewhere = load_corpus(request.elsewhere) if request.elsewhere else None
    if elsewhere is not None:
        translate(elsewhere, corpus.genres, _genre_map(request))  # the same for the genre map
    settings = Settings(
        request.corpus,
        original_name(corpus),
        splits,
        request.seeds,
        tuple(request.budget.descriptions()),
        request.changes,
        elsewhere.name if elsewhere else None,
    )
    base = out / "reproduce" / _folder(table, request, original_name(corpus))
    base.mkdir(parents=True, exist_ok=True)
    tasks = [
        _Task(row, split, fold, seed, request, base, device, "valid_accuracy" in table.figures)
        for seed in range(request.seeds)
        for row in rows
        for split in splits
        for fold in request.budget.limit_folds(each_fold(split))
    ]
    results: dict[_Key, Done | str] = {}

    def publish() -> dict[str, Any]:
        lines = [
            _line_of(row, split, [t for t in tasks if (t.row, t.split) == (row, split)], results)
            for row in rows
            for split in splits
        ]
        record = record_of(table, settings, lines, base)
        write_page(record, base)
        return record

    try:
        with only_one(base / ".lock"):
            for task, found in _results(tasks, launcher, request.budget, say):
                results[_key(task)] = found
                publish()
            return {**publish(), "folder": str(base)}
    except BlockingIOError as error:
        message = f"another process reproduces this table in {base}. Wait for it, or choose another --out"
        raise RunError(message, code="reproduce-busy") from error


_Key = tuple[str, str, str, int]


def _key(task: _Task) -> _Key:
    return task.row.key, task.split, task.fold, task.seed


def _folder(table: Table, request: Request, corpus: str) -> str:
    """Return a folder name that depends on everything that changes the page: corpus, budget, changes."""
    parts = [table.name, *([corpus] if corpus in table.corpora[1:] else []), *request.budget.labels()]
    if request.changes or request.weights:
        changed = json.dumps([request.changes, sorted(request.weights.items())])
        parts.append(hashlib.sha256(changed.encode()).hexdigest()[:6])
    return "-".join(parts)


def _rows_of(table: Table, names: Sequence[str]) -> list[Row]:
    known = {row.recipe: row for row in table.rows}
    short = {recipe.split("/")[1]: recipe for recipe in known}
    for name in names:
        if name not in known and name not in short:
            message = f"{table.name} has no row {name!r}; {closest(name, short)}"
            raise UsageError(message, code="reproduce-row-unknown")
    chosen = {short.get(name, name) for name in names}
    return [row for recipe, row in known.items() if not chosen or recipe in chosen]


def _line_of(row: Row, split: str, tasks: Sequence[_Task], results: dict[_Key, Done | str]) -> Line:
    found = [results.get(_key(task)) for task in tasks]
    done = [each for each in found if isinstance(each, Done)]
    failures = [each for each in found if isinstance(each, str)]
    recipe = done[0].run.recipe if done else load_recipe(row.recipe)
    return Line(row, recipe, split, done, failures, len(found) - len(done) - len(failures))


def _results(
    tasks: Sequence[_Task], launcher: Launcher, budget: Budget, say: Say
) -> Iterator[tuple[_Task, Done | str]]:
    """Yield each task with its run or the reason of its failure; skip tasks after the time limit."""
    clock = budget.clock()
    if launcher.alone:
        for task in tasks:
            if not clock.expired or _is_done(task):
                say(_label(task))
                found = _attempt(task)
                if isinstance(found, str):
                    say(f"{_label(task)} failed: {found}")
                yield task, found
        return
    with launcher.start(tasks[0].base) as workers:
        waiting = list(tasks)
        running: dict[Future[Done | str], _Task] = {}
        while waiting or running:
            while len(running) < workers.slots:
                chosen = _next_task(waiting, running.values())
                if chosen is None:
                    break
                waiting.remove(chosen)
                if not clock.expired or _is_done(chosen):
                    say(_label(chosen))
                    running[workers.submit(_attempt, chosen)] = chosen
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                try:
                    found = result_of(future)
                except WorkerDiedError as error:
                    raise RunError(
                        f"a process was killed during {_label(task)} or a parallel run (too little memory?). "
                        "Repeat the command to continue, perhaps with fewer --jobs",
                        code="reproduce-process-killed",
                    ) from error
                if isinstance(found, str):
                    say(f"{_label(task)} failed: {found}")
                yield task, found


def _next_task(waiting: Sequence[_Task], running: Iterable[_Task]) -> _Task | None:
    """Return the next task that does not share a pretraining with a running task."""
    busy = {(task.row.start, task.seed) for task in running if task.row.start is not None}
    return next((task for task in waiting if (task.row.start, task.seed) not in busy), None)


def _label(task: _Task) -> str:
    return f"{task.row.recipe}, {task.fold}, seed {task.seed}"


def _attempt(task: _Task) -> Done | str:
    try:
        return _run(task)
    except (GenrelabError, torch.OutOfMemoryError) as error:
        return " ".join(str(error).split()) or type(error).__name__


def _run(task: _Task) -> Done:
    run = _train(task, _recipe(task), _spec(task), task.fold)
    if task.request.elsewhere is None:
        return Done(run, run.folder)
    other = _corpus(task.request.elsewhere, Budget())
    mapping = _genre_map(task.request)
    folder = run.folder / "elsewhere" / other.name
    key = _test_key(run, other, mapping)
    marker = folder / "tested.json"
    if not marker.is_file() or marker.read_text(encoding="utf-8") != key:
        marker.unlink(missing_ok=True)
        evaluate_elsewhere(run, other, mapping=mapping, folder=folder, device=task.device)
        replace_text(marker, key)
    return Done(run, folder)


def _train(task: _Task, recipe: Recipe, spec: str, kind: str) -> folders.Run:
    corpus = _corpus(spec, task.request.budget)
    return run_experiment(
        Experiment(recipe, corpus, make_split(corpus, kind, seed=task.seed), task.seed),
        base=task.base,
        device=task.device,
        source=spec,
        model_file=task.request.model_files,
    )


def _genre_map(request: Request) -> dict[str, str | None]:
    return read_map(request.map) if request.map else {}


def _test_key(run: folders.Run, other: Corpus, mapping: Mapping[str, str | None]) -> str:
    """Return what determines the predictions of a run on another corpus."""
    labels = [[clip.id, clip.genre, clip.artist] for clip in other.clips]
    parts = [
        hashlib.sha256((run.folder / BEST).read_bytes()).hexdigest(),
        sound_key(other, sample_rate=0, channels=0),
        hashlib.sha256(json.dumps(labels).encode()).hexdigest(),
        sorted(mapping.items()),
    ]
    return json.dumps(parts)


def _spec(task: _Task) -> str:
    return f"{task.row.sound}:{task.request.corpus}" if task.row.sound else task.request.corpus


@functools.lru_cache(maxsize=8)
def _corpus(spec: str, budget: Budget) -> Corpus:
    return budget.limit_corpus(load_corpus(spec))


def _recipe(task: _Task) -> Recipe:
    """Return the recipe of a task, with its initial weights."""
    request = task.request
    recipe = request.budget.limit_recipe(load_recipe(task.row.recipe, changes=request.changes))
    if task.chosen and recipe.training.choose_epoch_on == "none":
        message = (
            "this table has a figure of the part that chooses the epoch; omit --set "
            "training.choose_epoch_on=none"
        )
        raise UsageError(message, code="reproduce-epoch-choice")
    start = recipe.training.weights
    if task.row.start is not None:
        start = _pretrained_weights(task)
    elif start == "imagenet":
        architecture = str(recipe.model.options().get("architecture", "resnet18"))
        near = (weights for name, weights in request.weights.items() if architecture.startswith(name))
        start = next(near, request.weights.get("*", start))
    training = recipe.training.model_copy(update={"weights": start})
    return recipe.model_copy(update={"training": training})


def _pretrained_weights(task: _Task) -> str:
    """Run the pretraining of a row; return its weights."""
    start, request = task.row.start, task.request
    assert start is not None
    if request.start_corpus is None:
        message = f"it starts from a run of {start.recipe}; give {start.corpus} with --start-corpus"
        raise RecipeError(message, code="reproduce-start-corpus")
    corpus = _corpus(request.start_corpus, request.budget)
    kind = "published" if "published" in corpus.published_splits else "artist"
    recipe = request.budget.limit_recipe(load_recipe(start.recipe, changes=request.changes))
    run = _train(task, recipe, request.start_corpus, kind)
    return str(run.folder / BEST)


def _is_done(task: _Task) -> bool:
    corpus = _corpus(_spec(task), task.request.budget)
    split = make_split(corpus, task.fold, seed=task.seed)
    folder = folders.run_folder(
        task.base, recipe=task.row.recipe, corpus=corpus.name, split=split.name, seed=task.seed
    )
    return (folder / folders.METRICS).is_file()
