"""Combine the predictions of a track's segments by voting."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError

VotingRule = Literal["majority", "mean"]
VOTING_RULES: tuple[VotingRule, ...] = get_args(VotingRule)


class Vote(NamedTuple):
    """The result for a track.

    Attributes
    ----------
    order : np.ndarray [shape=(genres,)], int
        Genre numbers, most likely first.
    probabilities : np.ndarray [shape=(genres,)], float
        Mean probability of each genre over the segments, indexed by genre number.
    """

    order: npt.NDArray[np.intp]
    probabilities: npt.NDArray[np.float64]


def vote(probabilities: npt.ArrayLike, *, rule: VotingRule = "majority") -> Vote:
    """Combine the segments of one track.

    Parameters
    ----------
    probabilities : array_like [shape=(segments, genres)]
        Genre probabilities of each segment.
    rule : {"majority", "mean"}
        `majority` ranks genres by the number of segments in which they are most probable (paper
        `soundfusion`, section III), and breaks ties by mean probability; `mean` ranks by mean probability.

    Returns
    -------
    Vote

    Raises
    ------
    UsageError
        If there is no segment, the array is not two-dimensional, or the rule is unknown.

    Examples
    --------
    >>> vote([[0.6, 0.4], [0.6, 0.4], [0.0, 1.0]], rule="majority").order.tolist()
    [0, 1]
    >>> vote([[0.6, 0.4], [0.6, 0.4], [0.0, 1.0]], rule="mean").order.tolist()
    [1, 0]
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[0] == 0 or scores.shape[1] == 0:
        message = f"voting needs an array [segments, genres] with at least one of each, not {scores.shape}"
        raise UsageError(message, code="vote-shape")
    mean = scores.mean(axis=0)
    if rule == "mean":
        keys: tuple[npt.NDArray[np.float64], ...] = (-mean,)
    elif rule == "majority":
        votes = np.bincount(scores.argmax(axis=1), minlength=scores.shape[1]).astype(np.float64)
        keys = (-mean, -votes)  # lexsort: the last key counts first
    else:
        message = f"unknown voting rule {rule!r}. Choose one of {', '.join(VOTING_RULES)}"
        raise UsageError(message, code="vote-rule")
    return Vote(np.lexsort(keys), mean)
