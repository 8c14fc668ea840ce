"""Train and test what a table needs and what is not there yet; write the page after each run."""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
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
from genrelab.lab.plugins import load_plugin, plugin_files
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.runs import folders
from genrelab.lab.studies.cross_corpus import evaluate_elsewhere, read_map, translate
from genrelab.lab.studies.reproduce.budget import Budget
from genrelab.lab.studies.reproduce.figures import Done, Settings, record_of
from genrelab.lab.studies.reproduce.page import write_page
from genrelab.lab.studies.reproduce.table import Row, Table, each_fold
from genrelab.lab.training.checkpoints import BEST
from genrelab.lab.training.store.audio_store import sound_key
from genrelab.lab.training.train import resolve_device

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What a user asked for, beside the table.

    Attributes
    ----------
    corpus : str
        Its spec.
    splits : tuple of str
        Kinds; empty is the paper's on that corpus. `kfold:*/10` stands for all ten folds.
    seeds : int
    budget : Budget
    changes : tuple of str
        Of every recipe, as `key=value`.
    weights : mapping of str to str
        Architecture -> weights for the rows that start with ImageNet's; `*` is any.
    start_corpus, elsewhere : str or None
        Specs: of the corpus where a row's earlier training takes place; of the one that all are tested on.
    map : Path or None
        From the genres of `elsewhere` to those of `corpus`.
    rows : tuple of str
        Recipes, whole or their last part; empty is all.
    model_files : bool
        Write one for each run; without, tiny budgets are much faster.
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
    """One run, in plain values that another process can be told."""

    row: Row
    split: str
    fold: str
    seed: int
    wanted: Wanted
    base: Path
    device: str


def reproduce(
    table: Table,
    wanted: Wanted,
    *,
    out: Path,
    jobs: int = 1,
    device: str = "auto",
    say: Say = lambda line: None,
) -> dict[str, Any]:
    """Make a table again, or what is left of it.

    Finished runs stay, one that was cut off goes on after its last epoch; the same seeds on the same
    machine end with the same table, however often it was stopped. A row that cannot be trained is listed
    with the reason, and the others are.

    Parameters
    ----------
    table : Table
    wanted : Wanted
    out : Path
        Gets `reproduce/<table>[-<budget>]/` with the page and the run folders.
    jobs : int > 0
        Runs at once, each in a process of its own; GPUs are dealt to them in turn.
    device : {"auto", "cpu", "gpu"}
    say : callable
        Called with a line for people at the start and the end of each run.

    Returns
    -------
    dict
        The record that the page shows, with `folder`.

    Raises
    ------
    UsageError
        If a row is not in the table, what was asked for cannot be, or a genre of the corpus to test on has
        no counterpart.
    CorpusError, RunError
        If a corpus or its split is not to be had, or another process makes this table in this folder.
    """
    resolve_device(device)
    rows = _chosen(table, wanted.rows)
    corpus = wanted.budget.of_corpus(load_corpus(wanted.corpus))
    splits = wanted.splits or (table.split_on(original_name(corpus)),)
    for split in splits:
        for fold in wanted.budget.of_folds(each_fold(split)):
            make_split(corpus, fold, seed=0)  # tells at once what is wrong with it
    elsewhere = load_corpus(wanted.elsewhere) if wanted.elsewhere else None
    if elsewhere is not None:
        translate(elsewhere, corpus.genres, _map(wanted))  # so does this, before hours of training
    settings = Settings(
        wanted.corpus,
        original_name(corpus),
        splits,
        wanted.seeds,
        tuple(wanted.budget.words()),
        wanted.changes,
        elsewhere.name if elsewhere else None,
    )
    base = out / "reproduce" / _folder(table, wanted, original_name(corpus))
    base.mkdir(parents=True, exist_ok=True)
    tasks = [
        _Task(row, split, fold, seed, wanted, base, device)
        for seed in range(wanted.seeds)
        for row in rows
        for split in splits
        for fold in wanted.budget.of_folds(each_fold(split))
    ]
    results: dict[_Key, Done | str] = {}

    def publish() -> dict[str, Any]:
        lines = [
            _gathered(row, split, [t for t in tasks if (t.row, t.split) == (row, split)], results)
            for row in rows
            for split in splits
        ]
        record = record_of(table, settings, lines, base)
        write_page(record, base)
        return record

    try:
        with only_one(base / ".lock"):
            for task, found in _work(tasks, jobs, wanted.budget, say):
                results[_key(task)] = found
                publish()
            return {**publish(), "folder": str(base)}
    except BlockingIOError as error:
        raise RunError(
            f"another genrelab makes this table in {base}; wait for it, or choose another --out"
        ) from error


_Key = tuple[str, str, str, int]


def _key(task: _Task) -> _Key:
    return task.row.key, task.split, task.fold, task.seed


def _folder(table: Table, wanted: Wanted, corpus: str) -> str:
    """Name the folder by what makes its page another: the paper's other corpora, budget, what was changed."""
    parts = [table.name, *([corpus] if corpus in table.corpora[1:] else []), *wanted.budget.short()]
    if wanted.changes or wanted.weights:
        told = json.dumps([wanted.changes, sorted(wanted.weights.items())])
        parts.append(hashlib.sha256(told.encode()).hexdigest()[:6])
    return "-".join(parts)


def _chosen(table: Table, names: Sequence[str]) -> list[Row]:
    known = {row.recipe: row for row in table.rows}
    short = {recipe.split("/")[1]: recipe for recipe in known}
    for name in names:
        if name not in known and name not in short:
            raise UsageError(f"{table.name} has no row {name!r}; there are: {', '.join(short)}")
    wanted = {short.get(name, name) for name in names}
    return [row for recipe, row in known.items() if not wanted or recipe in wanted]


def _gathered(
    row: Row, split: str, tasks: Sequence[_Task], results: dict[_Key, Done | str]
) -> tuple[Row, Recipe, str, list[Done], list[str], int]:
    found = [results.get(_key(task)) for task in tasks]
    done = [each for each in found if isinstance(each, Done)]
    failures = [each for each in found if isinstance(each, str)]
    recipe = done[0].run.recipe if done else load_recipe(row.recipe)
    return row, recipe, split, done, failures, len(found) - len(done) - len(failures)


def _work(tasks: Sequence[_Task], jobs: int, budget: Budget, say: Say) -> Iterator[tuple[_Task, Done | str]]:
    """Give each task's run, or why there is none, as they end; a task that has no time left gives nothing."""
    clock = budget.clock()
    if jobs == 1:
        for task in tasks:
            if not clock.over or _is_done(task):
                say(_words(task))
                found = _attempt(task)
                if isinstance(found, str):
                    say(f"{_words(task)} failed: {found}")
                yield task, found
        return
    gpus = torch.cuda.device_count()
    counter = multiprocessing.get_context("spawn").Value("i", 0)
    with ProcessPoolExecutor(
        jobs,
        multiprocessing.get_context("spawn"),
        initializer=_settle_in,
        initargs=(counter, jobs, gpus, plugin_files()),
    ) as pool:
        waiting = list(tasks)
        running: dict[Future[Done | str], _Task] = {}
        while waiting or running:
            while len(running) < jobs and (chosen := _next_task(waiting, running.values())) is not None:
                waiting.remove(chosen)
                if not clock.over or _is_done(chosen):
                    say(_words(chosen))
                    running[pool.submit(_attempt, chosen)] = chosen
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(future)
                try:
                    found = future.result()
                except BrokenProcessPool as error:
                    raise RunError(
                        f"a process was killed (too little memory?) while it or another did {_words(task)}; "
                        "the same command goes on, perhaps with fewer --jobs"
                    ) from error
                if isinstance(found, str):
                    say(f"{_words(task)} failed: {found}")
                yield task, found


def _next_task(waiting: Sequence[_Task], running: Iterable[_Task]) -> _Task | None:
    """Return the next task whose earlier training no running one may be at."""
    busy = {(task.row.start, task.seed) for task in running if task.row.start is not None}
    return next((task for task in waiting if (task.row.start, task.seed) not in busy), None)


def _settle_in(counter: Any, jobs: int, gpus: int, plugins: Sequence[Path]) -> None:
    """Give a new process the plugins and its share of the machine: a GPU in turn, or some of the cores."""
    for path in plugins:
        load_plugin(path)
    with counter.get_lock():
        number = counter.value
        counter.value += 1
    if gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(number % gpus)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))


def _words(task: _Task) -> str:
    return f"{task.row.recipe}, {task.fold}, seed {task.seed}"


def _attempt(task: _Task) -> Done | str:
    try:
        return _run(task)
    except (GenrelabError, torch.OutOfMemoryError) as error:
        return " ".join(str(error).split()) or type(error).__name__


def _run(task: _Task) -> Done:
    recipe, corpus = _recipe(task), _corpus(_spec(task), task.wanted.budget)
    run = run_experiment(
        recipe,
        corpus,
        make_split(corpus, task.fold, seed=task.seed),
        base=task.base,
        seed=task.seed,
        device=task.device,
        source=_spec(task),
        model_file=task.wanted.model_files,
    )
    if task.wanted.elsewhere is None:
        return Done(run, run.folder)
    other = _corpus(task.wanted.elsewhere, Budget())
    mapping = _map(task.wanted)
    folder = run.folder / "elsewhere" / other.name
    about = _about_test(run, other, mapping)
    told = folder / "tested.json"
    if not told.is_file() or told.read_text(encoding="utf-8") != about:
        told.unlink(missing_ok=True)
        evaluate_elsewhere(run, other, mapping=mapping, folder=folder, device=task.device)
        replace_text(told, about)
    return Done(run, folder)


def _map(wanted: Wanted) -> dict[str, str | None]:
    return read_map(wanted.map) if wanted.map else {}


def _about_test(run: folders.Run, other: Corpus, mapping: Mapping[str, str | None]) -> str:
    """Return what decides the answers of a run on another corpus."""
    labels = [[clip.id, clip.genre, clip.artist] for clip in other.clips]
    parts = [
        hashlib.sha256((run.folder / BEST).read_bytes()).hexdigest(),
        sound_key(other, sample_rate=0, channels=0),
        hashlib.sha256(json.dumps(labels).encode()).hexdigest(),
        sorted(mapping.items()),
    ]
    return json.dumps(parts)


def _spec(task: _Task) -> str:
    return f"{task.row.sound}:{task.wanted.corpus}" if task.row.sound else task.wanted.corpus


@functools.lru_cache(maxsize=8)
def _corpus(spec: str, budget: Budget) -> Corpus:
    return budget.of_corpus(load_corpus(spec))


def _recipe(task: _Task) -> Recipe:
    """Return the recipe of a task, with the weights that it starts from."""
    wanted = task.wanted
    recipe = wanted.budget.of_recipe(load_recipe(task.row.recipe, changes=wanted.changes))
    if recipe.training.choose_epoch_on == "none":
        raise UsageError(
            "a table tells what the part that chooses the epoch says; leave --set "
            "training.choose_epoch_on=none away"
        )
    start = recipe.training.weights
    if task.row.start is not None:
        start = _earlier(task)
    elif start == "imagenet":
        architecture = str(recipe.model.options().get("architecture", "resnet18"))
        near = (weights for name, weights in wanted.weights.items() if architecture.startswith(name))
        start = next(near, wanted.weights.get("*", start))
    training = recipe.training.model_copy(update={"weights": start})
    return recipe.model_copy(update={"training": training})


def _earlier(task: _Task) -> str:
    """Train what a row goes on from; return its weights."""
    start, wanted = task.row.start, task.wanted
    assert start is not None
    if wanted.start_corpus is None:
        raise RecipeError(
            f"it goes on from a run of {start.recipe} on {start.corpus}; name that corpus with --start-corpus"
        )
    corpus = _corpus(wanted.start_corpus, wanted.budget)
    kind = "published" if "published" in corpus.published_splits else "artist"
    run = run_experiment(
        wanted.budget.of_recipe(load_recipe(start.recipe, changes=wanted.changes)),
        corpus,
        make_split(corpus, kind, seed=task.seed),
        base=task.base,
        seed=task.seed,
        device=task.device,
        source=wanted.start_corpus,
        model_file=wanted.model_files,
    )
    return str(run.folder / BEST)


def _is_done(task: _Task) -> bool:
    corpus = _corpus(_spec(task), task.wanted.budget)
    split = make_split(corpus, task.fold, seed=task.seed)
    folder = folders.run_folder(
        task.base, recipe=task.row.recipe, corpus=corpus.name, split=split.name, seed=task.seed
    )
    return (folder / folders.METRICS).is_file()
