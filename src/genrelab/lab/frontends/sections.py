"""Sections that a front-end offers for the report of a run, as data; `lab.reports` renders them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from genrelab.lab.frontends.sinc import Sinc


class LearnedFilters(NamedTuple):
    """Band-pass filters before and after training.

    Attributes
    ----------
    initial, learned : Sinc
        Front-ends of the same recipe.
    """

    initial: Sinc
    learned: Sinc


class LearnedPictures(NamedTuple):
    """Pictures of a segment: the output of a trained front-end and common spectrograms."""

    frontend: Sinc


ReportSection = LearnedFilters | LearnedPictures
