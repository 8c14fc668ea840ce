"""Find labels that are probably wrong.

An example is suspect if a classifier that did not see it, nor others of its group, predicts another genre:
the less probable its own genre is, the more. This is the ranking by "self-confidence" of Northcutt et al.,
"Confident learning: estimating uncertainty in dataset labels" (2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrelab.teach.fit.discriminant import Float


@dataclass(frozen=True, slots=True)
class Suspect:
    """An example whose label is doubtful.

    Attributes
    ----------
    example : int
        Its number.
    genre : int
        The genre that is predicted instead; with independent probabilities, the most probable one of those
        that it does not have.
    own : float
        Probability of its own genre. Of several genres it is the sum, or, with independent probabilities, the
        lowest.
    other : float
        Probability of the predicted genre.
    """

    example: int
    genre: int
    own: float
    other: float


def find_suspects(probabilities: Float, labels: Float, *, multi: bool = False) -> list[Suspect]:
    """Rank the examples whose label disagrees with the prediction, most doubtful first.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(n, genres)]
        Of held-out examples.
    labels : np.ndarray [shape=(n, genres)]
        Above 0 where an example has a genre.
    multi : bool
        Whether the probabilities are independent. An example is then suspect if one of its genres is less
        probable than a genre that it does not have.

    Returns
    -------
    list of Suspect
    """
    has = labels > 0
    rows = np.arange(len(labels))
    if multi:
        own = np.where(has, probabilities, np.inf).min(axis=1)
        outside = np.where(has, -np.inf, probabilities)
        other = outside.argmax(axis=1)
        wrong: npt.NDArray[np.bool_] = outside[rows, other] > own
    else:
        own = (probabilities * has).sum(axis=1)
        other = probabilities.argmax(axis=1)
        wrong = ~has[rows, other]
    order = np.lexsort((rows, own.round(9)))
    return [
        Suspect(int(row), int(other[row]), float(own[row]), float(probabilities[row, other[row]]))
        for row in order
        if wrong[row]
    ]
