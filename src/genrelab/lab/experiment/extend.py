"""More epochs for a finished run, from its last epoch and the state of its optimizer.

The finished run stays as it is. The extension is a run of its own beside it, `<run>-epochs<all>`, with a
recipe that says how long it trains. It ends with the weights of a run that trains with this recipe from the
start:

- With the schedules `constant` and `step` this is the recipe with a larger `max_epochs`.
- `cosine` has reached 0 at the end of the finished run. It starts again from the full rate and reaches 0
  at the new end: the recipe names the epoch in `restart_epochs`. A run with the larger `max_epochs` alone has
  other rates from its first epoch on. After a run that was warm-up alone, the cosine has yet to start.
- `patience` that is used up would end the extension at once; it becomes null.
- `frozen_epochs` that cover the whole run cover the extension as well.

The number of epochs counts from the finished run. A second, longer extension starts from the first one if
that leads to the same weights.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genrelab.errors import RunError, UsageError
from genrelab.lab.experiment.identity import claim, differences, identity_of
from genrelab.lab.experiment.run import checked, finished, folder_of, working_in
from genrelab.lab.plugins import check_plugins
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs import folders
from genrelab.lab.training.checkpoints import BEST, HISTORY, LAST, read_history
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.train import LOG, follow, resolve_device

_COPIED = (LAST, BEST, HISTORY)


def extend_run(
    experiment: Experiment,
    more: int,
    *,
    base: Path,
    device: str = "auto",
    source: str | None = None,
    model_file: bool = True,
) -> folders.Run:
    """Train a finished run for more epochs, and measure the result as a run of its own.

    An extension that was stopped continues; a finished one is only read again.

    Parameters
    ----------
    experiment : Experiment
        That of the finished run.
    more : int > 0
        Epochs.
    base, device, source, model_file
        As for `run_experiment`.

    Raises
    ------
    RunError
        If there is no finished run of this experiment, a file of its last state is missing, or another
        process extends it.
    UsageError
        If the run was stopped by its patience while a cosine fell.
    """
    resolve_device(device)
    longer, run, folder = _extension(experiment, more, base)
    check_plugins(run.folder, training=True)
    longer, _ = checked(longer, folder)
    with working_in(folder):
        if not folder.is_dir():
            _begin(folder, _furthest(run.folder, longer.recipe), identity_of(longer))
        claim(folder, identity_of(longer))
        return finished(longer, folder, device=device, source=source, model_file=model_file)


def follow_extension(experiment: Experiment, more: int, *, base: Path, device: str = "auto") -> None:
    """Train together with the process that calls `extend_run`, and do nothing else."""
    longer, _, folder = _extension(experiment, more, base)
    follow(longer.as_used(), folder=folder, device=device)


def _extension(experiment: Experiment, more: int, base: Path) -> tuple[Experiment, folders.Run, Path]:
    """Return the experiment of an extension, the finished run, and the folder of the extension."""
    finished_in = folder_of(experiment, base)
    if not (finished_in / folders.METRICS).is_file():
        raise RunError(
            f"{finished_in} holds no finished run to extend. Run the same command without --more-epochs",
            code="nothing-to-extend",
        )
    run = folders.Run.load(finished_in)
    different = differences(finished_in, identity_of(experiment.as_used()))
    if different:
        raise RunError(
            f"{finished_in} holds a run with {different[0]}; give --more-epochs with the options of that run",
            code="extends-another-run",
        )
    _require(finished_in, (HISTORY,))
    recipe = longer_recipe(experiment.recipe, finished_in, more)
    folder = finished_in.with_name(f"{finished_in.name}-epochs{recipe.training.max_epochs}")
    return replace(experiment, recipe=recipe), run, folder


def longer_recipe(recipe: Recipe, folder: Path, more: int) -> Recipe:
    """Return the recipe of a run that trains more epochs than a finished one; see the module.

    Parameters
    ----------
    recipe : Recipe
        Of the finished run.
    folder : Path
        Of the finished run, with its history.
    more : int > 0

    Raises
    ------
    UsageError
        If the run was stopped by its patience while a cosine fell.
    """
    training, history = recipe.training, read_history(folder)
    trained = len(history)
    changed: dict[str, Any] = {"max_epochs": trained + more}
    if training.schedule == "cosine":
        if trained < training.max_epochs:
            raise UsageError(
                f"{folder} stopped after {trained} of {training.max_epochs} epochs, before its cosine "
                "reached 0, and cannot be extended. Train with --set training.patience=null, another --out",
                code="cosine-cut-short",
            )
        if trained > training.warmup_epochs:
            changed["restart_epochs"] = (*training.restart_epochs, trained)
    best = max((row["epoch"] for row in history if row["best"]), default=-1.0)
    if training.patience is not None and history[-1]["epoch"] - best >= training.patience:
        changed["patience"] = None
    if training.frozen_epochs >= training.max_epochs:
        changed["frozen_epochs"] = trained + more
    return recipe.model_copy(update={"training": training.model_copy(update=changed)})


def _furthest(run: Path, recipe: Recipe) -> Path:
    """Return the finished run that is furthest on the way to a longer one: the run or an extension of it.

    An extension is on the way if its recipe differs in `max_epochs` alone. A cosine depends on its end.
    """
    found, furthest = run, 0
    for other in sorted(run.parent.glob(f"{glob.escape(run.name)}-epochs*")):
        if recipe.training.schedule == "cosine" or not (other / folders.METRICS).is_file():
            continue
        theirs = folders.Run.load(other)
        epochs = theirs.recipe.training.max_epochs
        same = theirs.recipe.training.model_copy(update={"max_epochs": recipe.training.max_epochs})
        whole = theirs.record.epoch.trained == epochs
        on_the_way = theirs.recipe.model_copy(update={"training": same}) == recipe
        if whole and on_the_way and furthest < epochs < recipe.training.max_epochs:
            found, furthest = other, epochs
    return found


def _require(run: Path, names: Sequence[str]) -> None:
    """Raise `RunError` unless files of a finished run that an extension needs are there."""
    for name in names:
        if not (run / name).is_file():
            raise RunError(
                f"{run / name} is missing; without it the run cannot be extended. Train again with a larger "
                "training.max_epochs, and --restart or another --out",
                code="run-without-state",
            )


def _begin(folder: Path, run: Path, identity: dict[str, str]) -> None:
    """Make the folder of an extension from the state of a finished run, whole or not at all."""
    _require(run, _COPIED)
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.draft"):
        shutil.rmtree(left)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    claim(draft, identity)
    for name in _COPIED:
        shutil.copy2(run / name, draft / name)
    if (run / LOG).is_dir():
        shutil.copytree(run / LOG, draft / LOG)
    draft.rename(folder)
