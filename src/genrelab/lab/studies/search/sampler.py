"""Values of the next trial, drawn by Optuna.

Optuna keeps nothing here: every draw makes its study anew, in memory, from the trials that are done, with a
seed of the search's seed and the trial's number. So a draw depends on these alone, and a search that is
killed and goes on draws what it would have drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import create_trial

from genrelab.lab.studies.search.axes import Axis, Choices

Told = tuple[Mapping[str, Any], float]


def draw(
    axes: Mapping[str, Axis], told: Sequence[Told], *, model: bool, sign: float, seed: int, number: int
) -> dict[str, Any]:
    """Draw the values of a trial.

    Parameters
    ----------
    axes : mapping of str to Axis
    told : sequence of (dict, float)
        Values and figure of trials that are done.
    model : bool
        Optuna's TPE sampler (Bergstra et al. 2011), random for its first ten trials; else evenly at random,
        whatever was told.
    sign : float
        1 where a higher figure is better, -1 where a lower one is.
    seed, number : int
        Of the search and of the trial.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    (state,) = np.random.SeedSequence([seed, number]).generate_state(1)
    made = optuna.samplers.TPESampler if model else optuna.samplers.RandomSampler
    study = optuna.create_study(
        direction="maximize" if sign > 0 else "minimize", sampler=made(seed=int(state))
    )
    space = {key: _distribution(axis) for key, axis in axes.items()}
    for values, figure in told if model else ():
        params = {
            key: axis.place(values[key]) if isinstance(axis, Choices) else values[key]
            for key, axis in axes.items()
        }
        study.add_trial(create_trial(params=params, distributions=space, value=figure))
    drawn = study.ask(space).params
    return {
        key: axis.values[drawn[key]] if isinstance(axis, Choices) else drawn[key]
        for key, axis in axes.items()
    }


def _distribution(axis: Axis) -> BaseDistribution:
    if isinstance(axis, Choices):
        return CategoricalDistribution(range(len(axis.values)))  # places: a value may be a list
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=int(axis.step or 1))
    return FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)
