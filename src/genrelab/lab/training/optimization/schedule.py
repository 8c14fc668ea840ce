"""The learning rate of an epoch."""

from __future__ import annotations

import math

from genrelab.lab.recipes.schema import Training


def learning_rate(training: Training, epoch: int) -> float:
    """Return the learning rate of an epoch.

    Parameters
    ----------
    training : Training
        The training section of the recipe.
    epoch : int, from 0

    Returns
    -------
    float
        `warmup_learning_rate` in the first `warmup_epochs`. After them `learning_rate` itself (`constant`);
        half a cosine that starts with the first epoch after the warm-up and reaches 0 after the last epoch
        (`cosine`, as torch's CosineAnnealingLR), or with each of `restart_epochs` and reaches 0 at the next
        one (Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017); or
        multiplied by `step_factor` after each `step_epochs`, counted from the start of the warm-up (`step`,
        as torch's StepLR; paper `ms-sincresnet`, 2.3: 1e-5 for five epochs, then 0.005, halved every 30).
    """
    if epoch < training.warmup_epochs and training.warmup_learning_rate is not None:
        return training.warmup_learning_rate
    if training.schedule == "cosine":
        starts = (training.warmup_epochs, *training.restart_epochs)
        begin = max((start for start in starts if start <= epoch), default=starts[0])
        end = min((start for start in starts if start > begin), default=training.max_epochs)
        span = max(1, end - begin)  # 0 when all epochs warm up
        return training.learning_rate * (1.0 + math.cos(math.pi * (epoch - begin) / span)) / 2.0
    if training.step_epochs is not None and training.step_factor is not None:
        return training.learning_rate * training.step_factor ** (epoch // training.step_epochs)
    return training.learning_rate
