"""Losses of genres, one file each. Importing this package registers them for `training.loss`."""

from genrelab.lab.losses.additive_margin import AdditiveMargin
from genrelab.lab.losses.base import LOSSES, Costs, GenreLoss
from genrelab.lab.losses.binary import Binary
from genrelab.lab.losses.cross_entropy import CrossEntropy
from genrelab.lab.losses.focal import Focal
from genrelab.lab.losses.generalized import Generalized

__all__ = [
    "LOSSES",
    "AdditiveMargin",
    "Binary",
    "Costs",
    "CrossEntropy",
    "Focal",
    "Generalized",
    "GenreLoss",
]
