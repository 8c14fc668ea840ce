"""Losses of labels other than cross-entropy, for each genre of a segment.

With predicted probabilities p and a label with the weights w (1 for one genre, or smoothed, or mixed), the
loss of a segment is the sum over genres of w times

- `cross-entropy`: -log p
- `focal`: -(1 - p)^gamma log p, which counts segments less that are already right (Lin et al. 2017,
  "Focal loss for dense object detection")
- `additive-margin`: -log p', where p' are the probabilities after m is subtracted from the logit of the
  label: it has to lead by m more (Wang et al. 2018, "Additive margin softmax for face verification", and Cao
  et al. 2019, "Learning imbalanced datasets with label-distribution-aware margin loss"; on the logits as they
  are, without their normalization of weights and features, so that the network answers as it was trained)
- `generalized`: (1 - p^q) / q, between cross-entropy (q towards 0) and mean absolute error (q = 1), which
  counts labels less that look wrong (Zhang and Sabuncu 2018, "Generalized cross entropy loss for training
  deep neural networks with noisy labels")
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

LossName = Literal["cross-entropy", "focal", "additive-margin", "generalized"]

PARAMETERS: dict[LossName, float] = {"focal": 2.0, "additive-margin": 1.0, "generalized": 0.7}
"""What `training.loss_parameter` is by default."""


def genre_losses(logits: Tensor, target: Tensor, loss: LossName, parameter: float | None) -> Tensor:
    """Return the loss of each segment for each genre, before it is weighted by the label.

    Parameters
    ----------
    logits : Tensor [shape=(segments, genres)]
    target : Tensor [shape=(segments, genres)]
        Weights of the label without smoothing; only `additive-margin` uses them.
    loss : LossName
    parameter : float or None
        gamma, m or q; None is that of `PARAMETERS`.

    Returns
    -------
    Tensor [shape=(segments, genres)]
    """
    value = PARAMETERS.get(loss, 0.0) if parameter is None else parameter
    if loss == "additive-margin":
        return -F.log_softmax(logits - value * target, dim=-1)
    logs = F.log_softmax(logits, dim=-1)
    if loss == "focal":
        # expm1 keeps the digits of 1 - p; a power below 1 has no gradient at 0.
        return -(-logs.expm1()).clamp_min(torch.finfo(logs.dtype).eps).pow(value) * logs
    if loss == "generalized":
        return -(value * logs).expm1() / value
    return -logs
