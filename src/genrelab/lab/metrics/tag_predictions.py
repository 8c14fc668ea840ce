"""Predictions of a network for the tags of a set of clips, and their file `tags.csv`.

Conventions
-----------
- A tag is written `kind:name`, such as `mood:calm`. Its probability does not depend on those of others.
- The truth is 1 (the clip has the tag), 0 (it has others of the kind only) or -1 (unknown: it has no tag of
  the kind). Figures leave unknown tags out.
- A row is a clip or one of its segments; the probability of a clip is the mean over its rows.
- A teacher's probabilities may stand beside those of the network. For a tag that nobody labelled, they decide
  the truth: as many clips have the tag as the probabilities sum to, those with the highest ones.
- Groups are as in `genrelab.lab.metrics.predictions`: the artist or, if unknown, the file or the clip.
- `tags.csv` has one line per row: `clip_id`, `group`, then for each tag `truth_<tag>` (empty if unknown) and
  `p_<tag>`, and with a teacher `teacher_<tag>` (empty if it has none). Text is UTF-8; probabilities keep nine
  significant digits.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrelab.errors import RunError, UsageError
from genrelab.lab.metrics.predictions import PREFIX, write_whole

TRUTH_PREFIX = "truth_"
TEACHER_PREFIX = "teacher_"
_COLUMNS = ("clip_id", "group")
_CELLS = {1: "1", 0: "0", -1: ""}
_VALUES = {cell: value for value, cell in _CELLS.items()}

Float = npt.NDArray[np.float64]
Truth = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class TagPredictions:
    """Probabilities of tags.

    Parameters
    ----------
    tags : tuple of str
        Such as `mood:calm`, in the order of the columns, without duplicates.
    clip_ids : tuple of str [length n]
        The clip of each row, in any order.
    truth : np.ndarray [shape=(n, tags)], int
        1, 0, or -1 for unknown; equal in all rows of a clip.
    probabilities : np.ndarray [shape=(n, tags)]
        Between 0 and 1.
    groups : mapping of str to str, optional
        Clip id -> artist or file. A missing clip forms its own group.
    teacher : np.ndarray [shape=(n, tags)] or None
        Probabilities of a teacher, NaN where it has none; equal in all rows of a clip.

    Raises
    ------
    UsageError
        If there are no rows or no tags, shapes do not match, a value is out of range, or the rows of a clip
        differ in their truth.

    Examples
    --------
    >>> p = TagPredictions(("mood:calm",), ("a", "a", "b"), np.array([[1], [1], [-1]]),
    ...                    np.array([[0.9], [0.7], [0.2]]))
    >>> p.tracks().clip_ids, p.tracks().probabilities.ravel().round(3).tolist()
    (('a', 'b'), [0.8, 0.2])
    """

    tags: tuple[str, ...]
    clip_ids: tuple[str, ...]
    truth: Truth
    probabilities: Float
    groups: Mapping[str, str] = field(default_factory=dict)
    teacher: Float | None = None

    def __post_init__(self) -> None:
        truth, probabilities = np.asarray(self.truth), np.asarray(self.probabilities, dtype=np.float64)
        _check(self.tags, self.clip_ids, truth, probabilities)
        if self.teacher is not None:
            object.__setattr__(self, "teacher", np.asarray(self.teacher, dtype=np.float64))
            _check_teacher(self)
        object.__setattr__(self, "truth", truth.astype(np.int8))
        object.__setattr__(self, "probabilities", probabilities)
        object.__setattr__(self, "groups", {clip: self.groups.get(clip, clip) for clip in self.clips})
        first, rows = self._clip_numbers()
        differs = (self.truth != self.truth[first][rows]).any(axis=1)
        if self.teacher is not None:
            taught = np.nan_to_num(self.teacher, nan=-1.0)
            differs |= (taught != taught[first][rows]).any(axis=1)
        if differs.any():
            clip = self.clip_ids[int(np.argmax(differs))]
            raise UsageError(
                f"the rows of the clip {clip!r} differ in the truth of its tags or in the teacher; "
                "a clip has one truth",
                code="tag-truth-differs",
            )

    @property
    def clips(self) -> tuple[str, ...]:
        """The unique clip ids, in the order of their first rows."""
        return tuple(dict.fromkeys(self.clip_ids))

    def tracks(self) -> TagPredictions:
        """Return one row per clip, with the mean of its probabilities."""
        first, rows = self._clip_numbers()
        if len(first) == len(rows):
            return self
        sums = np.zeros((len(first), len(self.tags)))
        np.add.at(sums, rows, self.probabilities)
        means = np.minimum(sums / np.bincount(rows)[:, None], 1.0)
        teacher = None if self.teacher is None else self.teacher[first]
        return TagPredictions(self.tags, self.clips, self.truth[first], means, self.groups, teacher)

    def only(self, tags: Sequence[str]) -> TagPredictions:
        """Return the columns of some tags, in their order.

        Raises
        ------
        UsageError
            If there are no predictions for a tag.
        """
        missing = [tag for tag in tags if tag not in self.tags]
        if missing:
            message = f"there are no predictions for the tag {missing[0]!r}; there are {', '.join(self.tags)}"
            raise UsageError(message, code="tag-not-predicted")
        columns = [self.tags.index(tag) for tag in tags]
        truth, probabilities = self.truth[:, columns], self.probabilities[:, columns]
        teacher = None if self.teacher is None else self.teacher[:, columns]
        return TagPredictions(tuple(tags), self.clip_ids, truth, probabilities, self.groups, teacher)

    def by_teacher(self) -> tuple[str, ...]:
        """Return the tags that nobody labelled and that the teacher has probabilities for."""
        if self.teacher is None:
            return ()
        taught = (self.truth == -1).all(axis=0) & ~np.isnan(self.teacher).all(axis=0)
        return tuple(tag for tag, is_taught in zip(self.tags, taught, strict=True) if is_taught)

    def completed(self) -> TagPredictions:
        """Return the same with the teacher's truth for the tags that nobody labelled."""
        taught = [self.tags.index(tag) for tag in self.by_teacher()]
        if self.teacher is None or not taught:
            return self
        first, rows = self._clip_numbers()
        truth = self.truth.copy()
        for column in taught:
            truth[:, column] = teacher_truth(self.teacher[first, column])[rows]
        return replace(self, truth=truth)

    def _clip_numbers(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return the first row of each clip, and the clip number of each row."""
        number = {clip: index for index, clip in enumerate(self.clips)}
        rows = np.array([number[clip] for clip in self.clip_ids], dtype=np.intp)
        return np.unique(rows, return_index=True)[1], rows


def _check(tags: Sequence[str], clip_ids: Sequence[str], truth: npt.NDArray[np.int8], values: Float) -> None:
    if len(set(tags)) != len(tags):
        raise UsageError(f"a tag occurs twice in {', '.join(tags)}", code="tag-twice")
    shape = (len(clip_ids), len(tags))
    if 0 in shape:
        message = f"there are {shape[0]} rows and {shape[1]} tags to evaluate; were all clips left out?"
        raise UsageError(message, code="tag-predictions-empty")
    if truth.shape != shape or values.shape != shape:
        raise UsageError(
            f"{shape[0]} rows and {shape[1]} tags need truth and probabilities of the shape {list(shape)}, "
            f"not {list(truth.shape)} and {list(values.shape)}",
            code="tag-predictions-shape",
        )
    bad = ~np.isin(truth, (-1, 0, 1))
    bad_value = ~((values >= 0) & (values <= 1))
    for wrong, what, given in ((bad, "-1, 0 or 1", truth), (bad_value, "between 0 and 1", values)):
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise UsageError(
                f"clip {clip_ids[row]!r} has {given[row, column]} for the tag {tags[column]!r}, which is not "
                f"{what}; apply the sigmoid to logits, and look for NaN in the weights",
                code="tag-value-out-of-range",
            )


def _check_teacher(predictions: TagPredictions) -> None:
    teacher, values = predictions.teacher, predictions.probabilities
    assert teacher is not None
    if teacher.shape != values.shape:
        raise UsageError(
            f"{len(values)} rows and {len(predictions.tags)} tags need probabilities of the teacher of the "
            f"shape {list(values.shape)}, not {list(teacher.shape)}",
            code="teacher-shape",
        )
    known = teacher[~np.isnan(teacher)]
    if known.size and not (known.min() >= 0 and known.max() <= 1):
        raise UsageError(
            f"the teacher's values lie in {known.min():g}..{known.max():g}, but probabilities are needed, "
            "0..1; apply the sigmoid to logits",
            code="teacher-out-of-range",
        )


def teacher_truth(probabilities: Float) -> Truth:
    """Return which clips have a tag according to a teacher.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(clips,)]
        Of the teacher for one tag; NaN where it has none.

    Returns
    -------
    np.ndarray [shape=(clips,)], int8
        1 for as many clips as the probabilities sum to, but at least one: those with the highest ones, and
        all that are equal to the lowest of these. 0 for the others, -1 for NaN.

    Examples
    --------
    >>> teacher_truth(np.array([0.9, 0.1, 0.8, 0.2, np.nan])).tolist()
    [1, 0, 1, 0, -1]
    """
    known = ~np.isnan(probabilities)
    truth = np.full(len(probabilities), -1, dtype=np.int8)
    values = np.sort(probabilities[known])[::-1]
    if values.size:
        count = min(max(round(float(values.sum())), 1), values.size)
        truth[known] = probabilities[known] >= values[count - 1]
    return truth


def pool_tags(folds: Sequence[TagPredictions]) -> TagPredictions:
    """Join the test predictions of cross-validation's folds into one set.

    Parameters
    ----------
    folds : sequence of TagPredictions
        Of the same tags in the same order; no clip in two of them.

    Raises
    ------
    UsageError
        If there is no fold, the tags differ, or a clip was tested twice.
    """
    if not folds:
        raise UsageError("there are no folds to pool", code="folds-missing")
    groups: dict[str, str] = {}
    for number, fold in enumerate(folds):
        if fold.tags != folds[0].tags:
            raise UsageError(
                f"fold {number} has the tags {', '.join(fold.tags)}, fold 0 has {', '.join(folds[0].tags)}; "
                "pool only folds of one corpus",
                code="folds-of-other-tags",
            )
        if (fold.teacher is None) != (folds[0].teacher is None):
            message = (
                f"of fold {number} and fold 0, only one has probabilities of a teacher; train both alike"
            )
            raise UsageError(message, code="folds-of-other-teachers")
        twice = groups.keys() & fold.groups.keys()
        if twice:
            raise UsageError(
                f"{len(twice)} clip(s) were tested in two folds, e.g. {min(twice)!r}; the folds overlap",
                code="folds-overlap",
            )
        groups.update(fold.groups)
    teachers = [fold.teacher for fold in folds if fold.teacher is not None]
    return TagPredictions(
        folds[0].tags,
        tuple(clip for fold in folds for clip in fold.clip_ids),
        np.concatenate([fold.truth for fold in folds]),
        np.concatenate([fold.probabilities for fold in folds]),
        groups,
        np.concatenate(teachers) if teachers else None,
    )


def write_tag_predictions(path: Path, predictions: TagPredictions) -> None:
    """Write `tags.csv`.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    columns: list[list[str]] = []
    for column in range(len(predictions.tags)):
        columns.append([_CELLS[value] for value in predictions.truth[:, column].tolist()])
        columns.append([f"{value:.9g}" for value in predictions.probabilities[:, column].tolist()])
        if predictions.teacher is not None:
            values = predictions.teacher[:, column].tolist()
            columns.append(["" if math.isnan(value) else f"{value:.9g}" for value in values])
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_header(predictions.tags, teacher=predictions.teacher is not None))
    for clip, *cells in zip(predictions.clip_ids, *columns, strict=True):
        writer.writerow([clip, predictions.groups[clip], *cells])
    write_whole(path, text.getvalue().encode("utf-8", "surrogatepass"))


def read_tag_predictions(path: Path) -> TagPredictions:
    """Read what `write_tag_predictions` wrote.

    Raises
    ------
    RunError
        If the file is missing or is not such a file.
    """
    try:
        text = path.read_bytes().decode("utf-8", "surrogatepass")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(
            f"cannot read the predictions of tags {path}: {error}; evaluate the run again to write them",
            code="tag-predictions-unreadable",
        ) from error
    try:
        header, *rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row] or [[]]
        names = header[len(_COLUMNS) :]
        teacher = any(name.startswith(TEACHER_PREFIX) for name in names[2::3])
        step = 3 if teacher else 2
        tags = tuple(name.removeprefix(TRUTH_PREFIX) for name in names[::step])
        if header != _header(tags, teacher=teacher):
            raise RunError(
                f"{path} does not have the columns {', '.join(_COLUMNS)}, then {TRUTH_PREFIX}<tag>, "
                f"{PREFIX}<tag> and perhaps {TEACHER_PREFIX}<tag> for each tag",
                code="tag-predictions-columns",
            )
        shape, first = (len(rows), len(tags)), len(_COLUMNS)
        truth = np.array([[_VALUES[cell] for cell in row[first::step]] for row in rows], dtype=np.int8)
        taught = [[cell or "nan" for cell in row[first + 2 :: step]] for row in rows]
        return TagPredictions(
            tags,
            tuple(row[0] for row in rows),
            truth.reshape(shape),
            np.array([row[first + 1 :: step] for row in rows], dtype=np.float64).reshape(shape),
            {row[0]: row[1] for row in rows},
            np.array(taught, dtype=np.float64).reshape(shape) if teacher else None,
        )
    except (UsageError, ValueError, IndexError, KeyError, csv.Error) as error:
        raise RunError(
            f"{path} is damaged ({error}); evaluate the run again to rewrite it",
            code="tag-predictions-damaged",
        ) from error


def _header(tags: Sequence[str], *, teacher: bool) -> list[str]:
    prefixes = (TRUTH_PREFIX, PREFIX, TEACHER_PREFIX)[: 3 if teacher else 2]
    return [*_COLUMNS, *(prefix + tag for tag in tags for prefix in prefixes)]
