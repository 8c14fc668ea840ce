"""Trainings that are killed and resumed."""

from __future__ import annotations

import torch

from genrelab.lab.training.train import Trained


class Killed(Exception):
    """Stands for a kill: nothing after it runs."""


def same(first: Trained, second: Trained) -> bool:
    """Return whether two trainings ended with the same weights."""
    ours, theirs = first.network.state_dict(), second.network.state_dict()
    return all(torch.equal(ours[key], theirs[key]) for key in ours)
