"""Random generators that depend on names alone: the same on every process and in every order."""

from __future__ import annotations

import numpy as np


def generator(*names: str | int) -> np.random.Generator:
    """Return the generator that belongs to some names.

    Parameters
    ----------
    *names : str or int
        E.g. the corpus's seed, a genre, a track number. Their UTF-8 bytes seed it, so it does not
        depend on Python's salted `hash`.

    Returns
    -------
    np.random.Generator

    Examples
    --------
    >>> int(generator(0, "blues", 7).integers(100)) == int(generator(0, "blues", 7).integers(100))
    True
    """
    return np.random.default_rng(np.random.SeedSequence(list("/".join(map(str, names)).encode())))
