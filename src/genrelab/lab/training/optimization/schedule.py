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
        (`cosine`, as torch's CosineAnnealingLR); or multiplied by `step_factor` after each `step_epochs`,
        counted from the start of the warm-up (`step`, as torch's StepLR; paper `ms-sincresnet`, 2.3: 1e-5 for
        five epochs, then 0.005, halved every 30).
    """
    if epoch < training.warmup_epochs and training.warmup_learning_rate is not None:
        return training.warmup_learning_rate
    if training.schedule == "cosine":
        gone = epoch - training.warmup_epochs
        span = max(1, training.max_epochs - training.warmup_epochs)  # 0 when all epochs warm up
        return training.learning_rate * (1.0 + math.cos(math.pi * gone / span)) / 2.0
    if training.step_epochs is not None and training.step_factor is not None:
        return training.learning_rate * training.step_factor ** (epoch // training.step_epochs)
    return training.learning_rate
