"""Predictions of a network for all segments of a set of clips, and their file `predictions.csv`.

Conventions
-----------
- The predicted genre of a segment is its most probable one; that of a track comes from
  `genrelab.voting.vote`.
- The *group* of a clip is its artist, or the clip itself where the artist is unknown. Intervals resample
  groups (see `genrelab.lab.metrics.bootstrap`).
- `predictions.csv` has one row per clip, then one per segment; the column `level` distinguishes them. On a
  clip's row `p_<genre>` is the mean over its segments; on a segment's row `predicted_majority` and
  `predicted_mean` are the same. Text is UTF-8; probabilities keep nine significant digits, enough for every
  float32.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.errors import RunError, UsageError
from genrelab.files import replace_file
from genrelab.voting import VOTING_RULES, VotingRule, vote

COLUMNS = ("level", "clip_id", "start_seconds", "genre", "predicted_majority", "predicted_mean", "group")
PREFIX = "p_"


class Answers(NamedTuple):
    """Predictions for tracks or for segments.

    Attributes
    ----------
    clip_ids : tuple of str [length n]
        The clip of each item.
    groups : tuple of str [length n]
        The group of each item.
    truth : np.ndarray [shape=(n,)], int
        True genre numbers.
    orders : np.ndarray [shape=(n, genres)], int
        Genre numbers, the predicted one first.
    probabilities : np.ndarray [shape=(n, genres)], float
        By genre number.
    """

    clip_ids: tuple[str, ...]
    groups: tuple[str, ...]
    truth: npt.NDArray[np.intp]
    orders: npt.NDArray[np.intp]
    probabilities: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Predictions:
    """Genre probabilities of every segment of a set of labelled clips.

    Parameters
    ----------
    genres : tuple of str
        In the order of the columns of the probabilities, without duplicates.
    clip_ids : tuple of str [length n]
        The clip of each segment, in any order.
    starts : np.ndarray [shape=(n,)], in seconds
        Start of each segment in its clip.
    probabilities : np.ndarray [shape=(n, genres)]
        Each row sums to 1.
    truth : mapping of str to str
        Clip id -> true genre. Clips without segments are dropped.
    groups : mapping of str to str, optional
        Clip id -> artist. A missing clip forms its own group.

    Raises
    ------
    UsageError
        If shapes do not match, a row is not a distribution, or the genre of a clip is not in `genres`.

    Examples
    --------
    >>> p = Predictions(("jazz", "rock"), ("a", "a", "b"), np.array([0.0, 5.0, 0.0]),
    ...                 np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]), {"a": "jazz", "b": "jazz"})
    >>> p.tracks("majority").orders[:, 0].tolist()
    [0, 1]
    """

    genres: tuple[str, ...]
    clip_ids: tuple[str, ...]
    starts: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]
    truth: Mapping[str, str]
    groups: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        clips = tuple(dict.fromkeys(self.clip_ids))
        starts = np.asarray(self.starts, dtype=np.float64)
        probabilities = np.asarray(self.probabilities, dtype=np.float64)
        _check(self.genres, self.clip_ids, starts, probabilities)
        for clip in clips:
            if self.truth.get(clip) not in self.genres:
                raise UsageError(
                    f"clip {clip!r} has the true genre {self.truth.get(clip)!r}, "
                    f"which is not one of {', '.join(self.genres)}; leave it out or map its genre",
                    code="genre-unknown",
                )
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "probabilities", probabilities)
        object.__setattr__(self, "truth", {clip: self.truth[clip] for clip in clips})
        object.__setattr__(self, "groups", {clip: self.groups.get(clip, clip) for clip in clips})

    @property
    def clips(self) -> tuple[str, ...]:
        """The unique clip ids, in the order of their first segments."""
        return tuple(self.truth)

    def segments(self) -> Answers:
        """Return the predictions for all segments; among equal probabilities the lower number wins."""
        orders = np.argsort(-self.probabilities, axis=1, kind="stable")
        return self._answers(self.clip_ids, orders, self.probabilities)

    def tracks(self, rule: VotingRule) -> Answers:
        """Return the predictions for all clips, in the order of `clips`.

        Parameters
        ----------
        rule : {"majority", "mean"}
            See `genrelab.voting.vote`.

        Raises
        ------
        UsageError
            If the rule is unknown.
        """
        votes = [vote(self.probabilities[rows], rule=rule) for rows in self._rows_by_clip()]
        return self._answers(
            self.clips, np.stack([v.order for v in votes]), np.stack([v.probabilities for v in votes])
        )

    def _answers(
        self,
        clip_ids: tuple[str, ...],
        orders: npt.NDArray[np.intp],
        probabilities: npt.NDArray[np.float64],
    ) -> Answers:
        number = {genre: i for i, genre in enumerate(self.genres)}
        return Answers(
            clip_ids,
            tuple(self.groups[clip] for clip in clip_ids),
            np.array([number[self.truth[clip]] for clip in clip_ids], dtype=np.intp),
            orders,
            probabilities,
        )

    def _rows_by_clip(self) -> Iterator[npt.NDArray[np.intp]]:
        number = {clip: i for i, clip in enumerate(self.clips)}
        clip_of = np.array([number[clip] for clip in self.clip_ids], dtype=np.intp)
        rows = np.argsort(clip_of, kind="stable")
        edges = np.concatenate([[0], np.cumsum(np.bincount(clip_of))])
        return (rows[start:stop] for start, stop in pairwise(edges))


def _check(
    genres: Sequence[str],
    clip_ids: Sequence[str],
    starts: npt.NDArray[np.float64],
    probabilities: npt.NDArray[np.float64],
) -> None:
    if len(set(genres)) != len(genres):
        raise UsageError(f"a genre occurs twice in {', '.join(genres)}", code="genre-twice")
    n = len(clip_ids)
    if n == 0:
        raise UsageError(
            "there are no segments to evaluate; were all clips left out?", code="predictions-empty"
        )
    if starts.shape != (n,) or probabilities.shape != (n, len(genres)):
        raise UsageError(
            f"{n} segments and {len(genres)} genres need starts [{n}] and probabilities "
            f"[{n}, {len(genres)}], not {list(starts.shape)} and {list(probabilities.shape)}",
            code="predictions-shape",
        )
    ok = np.isfinite(probabilities).all(1) & (probabilities >= 0).all(1)
    ok &= np.abs(probabilities.sum(1) - 1) < 1e-3
    if not ok.all():
        bad = int(np.argmin(ok))
        raise UsageError(
            f"segment {bad} (clip {clip_ids[bad]!r}) has probabilities {probabilities[bad].tolist()}, "
            "which do not sum to 1: apply softmax to the logits, and look for NaN in the weights",
            code="probabilities-invalid",
        )


def pool(folds: Sequence[Predictions]) -> Predictions:
    """Join the test predictions of cross-validation's folds into one set.

    Parameters
    ----------
    folds : sequence of Predictions
        Of the same genres in the same order; no clip in two of them.

    Raises
    ------
    UsageError
        If there is no fold, the genres differ, or a clip was tested twice.
    """
    if not folds:
        raise UsageError("there are no folds to pool", code="folds-missing")
    truth: dict[str, str] = {}
    groups: dict[str, str] = {}
    for number, fold in enumerate(folds):
        if fold.genres != folds[0].genres:
            raise UsageError(
                f"fold {number} has the genres {', '.join(fold.genres)}, "
                f"fold 0 has {', '.join(folds[0].genres)}; pool only folds of one corpus",
                code="folds-of-two-corpora",
            )
        twice = truth.keys() & fold.truth.keys()
        if twice:
            raise UsageError(
                f"{len(twice)} clip(s) were tested in two folds, e.g. {min(twice)!r}; the folds overlap",
                code="folds-overlap",
            )
        truth.update(fold.truth)
        groups.update(fold.groups)
    return Predictions(
        folds[0].genres,
        tuple(clip for fold in folds for clip in fold.clip_ids),
        np.concatenate([fold.starts for fold in folds]),
        np.concatenate([fold.probabilities for fold in folds]),
        truth,
        groups,
    )


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write `predictions.csv`: one row per clip, then one row per segment.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    genres = predictions.genres
    majority, mean = (predictions.tracks(rule) for rule in VOTING_RULES)
    segments = predictions.segments()
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *(PREFIX + genre for genre in genres)])
    for level, answers, other, starts in (
        ("clip", majority, mean, [""] * len(predictions.clips)),
        ("segment", segments, segments, [f"{start:.9g}" for start in predictions.starts]),
    ):
        for i, clip in enumerate(answers.clip_ids):
            predicted = genres[answers.orders[i, 0]], genres[other.orders[i, 0]]
            values = (f"{p:.9g}" for p in answers.probabilities[i])
            writer.writerow(
                [level, clip, starts[i], predictions.truth[clip], *predicted, answers.groups[i], *values]
            )
    write_whole(path, text.getvalue().encode("utf-8", "surrogatepass"))


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote.

    Raises
    ------
    RunError
        If the file is missing or is not such a file.
    """
    try:
        text = path.read_bytes().decode("utf-8", "surrogatepass")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(
            f"cannot read the predictions {path}: {error}; evaluate the run again to write them",
            code="predictions-unreadable",
        ) from error
    rows = csv.reader(io.StringIO(text, newline=""))
    header = next(rows, [])
    n = len(COLUMNS)
    if tuple(header[:n]) != COLUMNS or not all(name.startswith(PREFIX) for name in header[n:]):
        raise RunError(
            f"{path} does not start with the columns {', '.join(COLUMNS)}, {PREFIX}<genre>...",
            code="predictions-columns",
        )
    segments = [row for row in rows if row and row[0] == "segment"]
    try:
        return Predictions(
            tuple(name.removeprefix(PREFIX) for name in header[n:]),
            tuple(row[1] for row in segments),
            np.array([row[2] for row in segments], dtype=np.float64),
            np.array([row[n:] for row in segments], dtype=np.float64).reshape(len(segments), -1),
            {row[1]: row[3] for row in segments},
            {row[1]: row[6] for row in segments},
        )
    except (UsageError, ValueError, IndexError) as error:
        raise RunError(
            f"{path} is damaged ({error}); evaluate the run again to rewrite it", code="predictions-damaged"
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file of the run folder, whole or not at all.

    Raises
    ------
    RunError
        If the folder is missing or cannot be written to.
    """
    try:
        replace_file(path, lambda draft: draft.write_bytes(content))
    except OSError as error:
        raise RunError(
            f"cannot write {path}: {error.strerror}; its folder must exist, be writable and have space left",
            code="predictions-not-written",
        ) from error
