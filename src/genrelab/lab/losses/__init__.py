"""Losses of genres, one file each. Importing this package registers them for `training.loss`."""

from genrelab.lab.losses.base import LOSSES, Costs, GenreLoss
from genrelab.lab.losses.binary import Binary
from genrelab.lab.losses.cross_entropy import CrossEntropy

__all__ = ["LOSSES", "Binary", "Costs", "CrossEntropy", "GenreLoss"]
