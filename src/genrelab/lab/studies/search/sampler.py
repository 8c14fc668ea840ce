"""Values of the next trial, drawn by Optuna.

Optuna stores nothing here: each draw rebuilds its study in memory from the finished trials, with a seed from
the seed of the search and the number of the trial. A draw depends only on these, so a search that was killed
and resumed draws the same values as an undisturbed one.
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

Finished = tuple[Mapping[str, Any], float]


def draw(
    axes: Mapping[str, Axis],
    finished: Sequence[Finished],
    *,
    model: bool,
    sign: float,
    seed: int,
    number: int,
) -> dict[str, Any]:
    """Draw the values of a trial.

    Parameters
    ----------
    axes : mapping of str to Axis
    finished : sequence of (dict, float)
        Values and figure of finished trials.
    model : bool
        Use Optuna's TPE sampler (Bergstra et al. 2011), which is random for its first ten trials; else draw
        uniformly, independent of finished trials.
    sign : float
        1 if a higher figure is better, else -1.
    seed, number : int
        Seed of the search and number of the trial.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    (state,) = np.random.SeedSequence([seed, number]).generate_state(1)
    made = optuna.samplers.TPESampler if model else optuna.samplers.RandomSampler
    study = optuna.create_study(
        direction="maximize" if sign > 0 else "minimize", sampler=made(seed=int(state))
    )
    space = {key: _distribution(axis) for key, axis in axes.items()}
    for values, figure in finished if model else ():
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
        return CategoricalDistribution(range(len(axis.values)))  # indices: a value may be a list
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=int(axis.step or 1))
    return FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)
