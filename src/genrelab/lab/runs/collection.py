"""A folder of runs: which there are, how far each is, what it measured, how its user tagged it.

Nothing here imports PyTorch, or loads a recipe: that could need the plugins of a training.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from genrelab.errors import RunError, UsageError
from genrelab.files import only_one, replace_text
from genrelab.lab.runs import file_names as names
from genrelab.lab.runs.figures import Figure
from genrelab.lab.runs.record import LevelFigures, RunRecord, load_record
from genrelab.printing import is_plain, shorten

Kind = Literal["run", "pretraining", "final"]
State = Literal["finished", "running", "stopped", "started", "damaged"]
STATES: tuple[State, ...] = ("finished", "running", "stopped", "started", "damaged")

DEEPEST = 8
"""Levels of folders below the given one that are searched."""
MOST_FOLDERS = 200_000
"""Folders that are searched."""
MOST_LABELS = 50
LONGEST_LABEL = 80
_LARGEST_RECORD = 64 * 2**20  # bytes of a metrics.json
_LARGEST_RECIPE = 2**20
_LARGEST_LABELS = 2**16
_LAST_STATE = "last.ckpt"  # genrelab.lab.training.checkpoints.LAST, which is not imported: it needs PyTorch
_MARKS = (
    names.SPLIT, names.METRICS, names.SOUND, names.FINAL, names.PRETRAINING, names.LEARNED, _LAST_STATE,
)  # fmt: skip
SEED_NAME = re.compile(r"(?P<split>.+)-seed(?P<seed>\d{1,10})(?:-epochs\d{1,10})?")
"""The name of a run folder, `<base>/<recipe>/<corpus>/<split>-seed<k>`, or of its extension."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A run folder.

    Attributes
    ----------
    folder : Path
    kind : {"run", "pretraining", "final"}
    state : {"finished", "running", "stopped", "started", "damaged"}
        `stopped` has trained an epoch and can be resumed; `started` has not; `damaged` cannot be read.
    recipe, corpus, split : str
        Of an unfinished run as the folder names them; empty where unknown.
    seed : int or None
    voting : str
        The rule of the recipe.
    labels : tuple of str
        The tags that its user gave it.
    record : RunRecord or None
        Of a finished run.
    changed : float
        When one of its files was last written, in seconds since 1970.
    problem : str or None
        Why it is damaged.
    """

    folder: Path
    kind: Kind
    state: State
    recipe: str
    corpus: str
    split: str
    seed: int | None
    voting: str
    labels: tuple[str, ...]
    record: RunRecord | None
    changed: float
    problem: str | None = None

    @property
    def tracks(self) -> LevelFigures | None:
        """The figures of tracks under the recipe's voting rule; None unless the run is finished."""
        found: Mapping[Any, LevelFigures] = {} if self.record is None else self.record.evaluation.track
        return found.get(self.voting) or next(iter(found.values()), None)

    def to_dict(self) -> dict[str, Any]:
        """Return a value that JSON can hold: what lists show."""
        scores, record = self.tracks, self.record
        return {
            "run": str(self.folder),
            "kind": self.kind,
            "state": self.state,
            "recipe": self.recipe,
            "corpus": self.corpus,
            "split": self.split,
            "seed": self.seed,
            "voting": self.voting,
            "tracks": None if scores is None else scores.n,
            "accuracy": None if scores is None else scores.accuracy.model_dump(),
            "balanced_accuracy": None if scores is None else scores.balanced_accuracy.model_dump(),
            "verdict": None if record is None else record.verdict.state,
            "findings": [] if record is None else [each.kind for each in record.findings],
            "tags": list(self.labels),
            "changed": self.changed,
            "problem": self.problem,
        }


def is_run_folder(folder: Path) -> bool:
    """Whether a folder, which is no link, has the files of a training."""
    return (
        not folder.is_symlink()
        and (folder / names.RECIPE).is_file()
        and any((folder / name).is_file() for name in _MARKS)
    )


def find_runs(base: Path) -> list[Entry]:
    """Return the runs at or below a folder, sorted by path. Links and hidden folders are not followed.

    Raises
    ------
    RunError
        If the folder is missing, or holds more folders than are searched.
    """
    if not base.is_dir():
        raise RunError(
            f"{base} is not a folder of runs; name the folder that `genrelab train --out` got",
            code="runs-folder-missing",
        )
    return [read_entry(folder) for folder in sorted(run_folders(base))]


def run_folders(base: Path) -> Iterator[Path]:
    """Yield the run folders at or below a folder; none inside another one.

    Raises
    ------
    RunError
        If there are more folders than are searched.
    """
    waiting, seen = [(base, 0)], 0
    while waiting:
        folder, depth = waiting.pop()
        seen += 1
        if seen > MOST_FOLDERS:
            raise RunError(
                f"{base} holds more than {MOST_FOLDERS:,} folders; name the folder of the runs itself",
                code="runs-folder-too-large",
            )
        if is_run_folder(folder):
            yield folder
        elif depth < DEEPEST:
            waiting += [(below, depth + 1) for below in _folders_in(folder)]


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:  # such as a folder that may not be read
        return []


def read_entry(folder: Path) -> Entry:
    """Read a run folder, in whatever state it is.

    Raises
    ------
    RunError
        If it is not a run folder.
    """
    require_run_folder(folder)
    recipe = read_plain_recipe(folder)
    record, problem = None, None
    if (folder / names.METRICS).is_file():
        try:
            record = _record(folder / names.METRICS)
        except RunError as error:
            problem = str(error)
    labels: tuple[str, ...] = ()
    try:
        labels = read_labels(folder)
    except RunError as error:
        problem = problem or str(error)
    place = SEED_NAME.fullmatch(folder.absolute().name)
    named = record is not None or place is None
    return Entry(
        folder=folder,
        kind=_kind(folder),
        state="damaged" if problem else _state(folder),
        recipe=str(recipe.get("name", "")) if record is None else record.recipe,
        corpus=record.corpus.name if record else "" if named else folder.absolute().parent.name,
        split=record.split.name if record else place["split"] if place else "",
        seed=record.seed if record else int(place["seed"]) if place else None,
        voting=str(recipe.get("voting", "majority")),
        labels=labels,
        record=record,
        changed=_changed(folder),
        problem=problem,
    )


def require_run_folder(folder: Path) -> None:
    """Raise `RunError` unless a folder is a run folder, and no link to one."""
    if not is_run_folder(folder):
        what = "is a link" if folder.is_symlink() else "is not a run folder"
        raise RunError(
            f"{folder} {what}; name a folder as `genrelab runs list` shows it", code="not-a-run-folder"
        )


def read_plain_recipe(folder: Path) -> Mapping[str, Any]:
    """Return the recipe of a run as plain YAML; nothing if it cannot be read."""
    file = folder / names.RECIPE
    try:
        if file.stat().st_size > _LARGEST_RECIPE:
            return {}
        written = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return written if isinstance(written, dict) else {}


def read_labels(folder: Path) -> tuple[str, ...]:
    """Return the tags that the user gave a run, in their order.

    Raises
    ------
    RunError
        If the file cannot be read.
    """
    file = folder / names.LABELS
    try:
        if not file.exists():
            return ()
        if file.stat().st_size > _LARGEST_LABELS:
            raise ValueError(f"it has more than {_LARGEST_LABELS} bytes")
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise RunError(
            f"cannot read {file}: {error}; delete it to tag the run again", code="run-tags-unreadable"
        ) from error
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))[:MOST_LABELS]


def change_labels(folder: Path, *, add: Sequence[str] = (), drop: Sequence[str] = ()) -> tuple[str, ...]:
    """Give a run tags, and take some away; return those that it has then.

    Raises
    ------
    RunError
        If it is not a run folder, its tags cannot be read, or another process works in it.
    UsageError
        If a tag is no short text on one line, the run lacks one to drop, or it would have too many.
    """
    require_run_folder(folder)
    for label in add:
        _check_label(label)
    kept = read_labels(folder)
    for label in drop:
        if label not in kept:
            has = f"its tags are {', '.join(kept)}" if kept else "it has none"
            raise UsageError(f"{folder} has no tag {label!r}; {has}", code="run-tag-unknown")
    after = tuple(dict.fromkeys([*(label for label in kept if label not in drop), *add]))
    if len(after) > MOST_LABELS:
        raise UsageError(
            f"{folder} would have {len(after)} tags, more than {MOST_LABELS}; drop some",
            code="run-tags-too-many",
        )
    if after != kept:
        replace_text(folder / names.LABELS, "".join(f"{label}\n" for label in after))
    return after


def _check_label(label: str) -> None:
    fits = 0 < len(label) <= LONGEST_LABEL and label == label.strip() and all(map(is_plain, label))
    if not fits or "," in label:
        raise UsageError(
            f"{shorten(label, LONGEST_LABEL)!r} cannot be a tag; write printable text without commas, of at "
            f"most {LONGEST_LABEL} characters",
            code="run-tag-faulty",
        )


def is_busy(folder: Path) -> bool:
    """Whether a process trains in a run folder."""
    place = folder.absolute()
    lock = place.with_name(f".{place.name}.lock")
    if not lock.is_file():
        return False
    try:
        with only_one(lock):
            return False
    except BlockingIOError:
        return True
    except OSError:  # a disk that may not be written to
        return False


def _record(file: Path) -> RunRecord:
    if file.stat().st_size > _LARGEST_RECORD:
        raise RunError(f"{file} has more than {_LARGEST_RECORD // 2**20} MiB", code="record-too-large")
    return load_record(RunRecord, file)


def _kind(folder: Path) -> Kind:
    if (folder / names.FINAL).is_file():
        return "final"
    return "pretraining" if (folder / names.PRETRAINING).is_file() else "run"


def _state(folder: Path) -> State:
    if any((folder / name).is_file() for name in (names.METRICS, names.FINAL, names.PRETRAINING)):
        return "finished"
    if is_busy(folder):
        return "running"
    return "stopped" if (folder / _LAST_STATE).is_file() else "started"


def _changed(folder: Path) -> float:
    try:
        with os.scandir(folder) as entries:
            return max((entry.stat(follow_symlinks=False).st_mtime for entry in entries), default=0.0)
    except OSError:
        return 0.0


def value_of(figure: Figure | None) -> float:
    """Return a figure for sorting; what was not measured comes last."""
    return -1.0 if figure is None or figure.value is None else figure.value
