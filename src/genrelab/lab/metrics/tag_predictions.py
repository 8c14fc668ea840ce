"""Predictions of a network for the tags of a set of clips, and their file `tags.csv`.

Conventions
-----------
- A tag is written `kind:name`, such as `mood:calm`. Its probability does not depend on those of others.
- The truth is 1 (the clip has the tag), 0 (it has others of the kind only) or -1 (unknown: it has no tag of
  the kind). Figures leave unknown tags out.
- A row is a clip or one of its segments; the probability of a clip is the mean over its rows.
- Groups are as in `genrelab.lab.metrics.predictions`: the artist or, if unknown, the file or the clip.
- `tags.csv` has one line per row: `clip_id`, `group`, then `truth_<tag>` (empty if unknown) and `p_<tag>` for
  each tag. Text is UTF-8; probabilities keep nine significant digits.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrelab.errors import RunError, UsageError
from genrelab.lab.metrics.predictions import PREFIX, write_whole

TRUTH_PREFIX = "truth_"
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

    def __post_init__(self) -> None:
        truth, probabilities = np.asarray(self.truth), np.asarray(self.probabilities, dtype=np.float64)
        _check(self.tags, self.clip_ids, truth, probabilities)
        object.__setattr__(self, "truth", truth.astype(np.int8))
        object.__setattr__(self, "probabilities", probabilities)
        object.__setattr__(self, "groups", {clip: self.groups.get(clip, clip) for clip in self.clips})
        first, rows = self._clip_numbers()
        differs = (self.truth != self.truth[first][rows]).any(axis=1)
        if differs.any():
            clip = self.clip_ids[int(np.argmax(differs))]
            raise UsageError(
                f"the rows of the clip {clip!r} differ in the truth of its tags; a clip has one truth",
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
        return TagPredictions(self.tags, self.clips, self.truth[first], means, self.groups)

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
        return TagPredictions(tuple(tags), self.clip_ids, truth, probabilities, self.groups)

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
        twice = groups.keys() & fold.groups.keys()
        if twice:
            raise UsageError(
                f"{len(twice)} clip(s) were tested in two folds, e.g. {min(twice)!r}; the folds overlap",
                code="folds-overlap",
            )
        groups.update(fold.groups)
    return TagPredictions(
        folds[0].tags,
        tuple(clip for fold in folds for clip in fold.clip_ids),
        np.concatenate([fold.truth for fold in folds]),
        np.concatenate([fold.probabilities for fold in folds]),
        groups,
    )


def write_tag_predictions(path: Path, predictions: TagPredictions) -> None:
    """Write `tags.csv`.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(
        [*_COLUMNS, *(prefix + tag for tag in predictions.tags for prefix in (TRUTH_PREFIX, PREFIX))]
    )
    for clip, truth, values in zip(
        predictions.clip_ids, predictions.truth.tolist(), predictions.probabilities.tolist(), strict=True
    ):
        cells = (cell for t, p in zip(truth, values, strict=True) for cell in (_CELLS[t], f"{p:.9g}"))
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
    n = len(_COLUMNS)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        header = rows.pop(0) if rows else []
        tags = tuple(name.removeprefix(PREFIX) for name in header[n + 1 :: 2])
        expected = [*_COLUMNS, *(prefix + tag for tag in tags for prefix in (TRUTH_PREFIX, PREFIX))]
        if header != expected:
            raise RunError(
                f"{path} does not have the columns {', '.join(_COLUMNS)}, then {TRUTH_PREFIX}<tag> and "
                f"{PREFIX}<tag> for each tag",
                code="tag-predictions-columns",
            )
        shape = len(rows), len(tags)
        return TagPredictions(
            tags,
            tuple(row[0] for row in rows),
            np.array([[_VALUES[cell] for cell in row[n::2]] for row in rows], dtype=np.int8).reshape(shape),
            np.array([row[n + 1 :: 2] for row in rows], dtype=np.float64).reshape(shape),
            {row[0]: row[1] for row in rows},
        )
    except (UsageError, ValueError, IndexError, KeyError, csv.Error) as error:
        raise RunError(
            f"{path} is damaged ({error}); evaluate the run again to rewrite it",
            code="tag-predictions-damaged",
        ) from error
