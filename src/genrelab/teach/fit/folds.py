"""Divide examples into folds: no group in two of them, and each genre spread evenly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.intp]
Float = npt.NDArray[np.float64]


def assign_folds(labels: Float, groups: Int, count: int, rng: np.random.Generator) -> Int:
    """Assign a fold to each example.

    Groups are placed one after the other, the largest first and equal ones in random order, each in the fold
    that has fewest examples of its genres.

    Parameters
    ----------
    labels : np.ndarray [shape=(n, genres)]
        Above 0 where an example has a genre.
    groups : np.ndarray [shape=(n,)], int
        Group of each example, numbered from 0.
    count : int > 1
        Number of folds.
    rng : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(n,)], int
        Below `count`.
    """
    rows, genres = np.nonzero(labels)
    sizes = np.bincount(groups)
    totals = np.bincount(genres, minlength=labels.shape[1]).astype(np.float64)
    by_group = np.argsort(groups[rows], kind="stable")
    rows, genres = rows[by_group], genres[by_group]
    starts = np.searchsorted(groups[rows], np.arange(len(sizes) + 1))
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros((count, labels.shape[1]))  # shares of the genres
    examples = np.zeros(count)
    chosen = np.zeros(len(sizes), dtype=np.intp)
    for group in order:
        own, number = np.unique(genres[starts[group] : starts[group + 1]], return_counts=True)
        cost = (filled[:, own] * number).sum(axis=1) / max(1, number.sum())
        chosen[group] = fold = int(np.lexsort((examples, cost))[0])
        filled[fold, own] += number / totals[own]
        examples[fold] += sizes[group]
    return chosen[groups]
