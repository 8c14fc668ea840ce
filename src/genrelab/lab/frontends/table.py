"""Rows of a table of descriptors, in place of a waveform."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import FRONTENDS, Frontend, Reads


@FRONTENDS.register("table")
class Table(Frontend):
    """A row of a `features:` corpus, unchanged.

    The corpus returns the values of a row as samples, at a rate equal to its number of columns: one row is
    one segment of one second. It contains no sound, and a network trained on it cannot recognize sound.

    Parameters
    ----------
    sample_rate : int > 0
        Number of columns.
    channels : int
        1.

    Raises
    ------
    RecipeError
        If the recipe has two channels, or segments that are not one row.
    """

    reads: ClassVar[Reads] = "features"

    def __init__(self, *, sample_rate: int, channels: int) -> None:
        super().__init__()
        if channels != 1:
            raise RecipeError(
                f"a table has one channel, not {channels}; set audio.channels=1", code="table-channels"
            )
        self.columns = sample_rate

    def forward(self, waveform: Tensor) -> Tensor:
        """Return `[batch, 1, columns]` unchanged."""
        return waveform

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(1, columns)`.

        Raises
        ------
        RecipeError
            If a segment is not a row.
        """
        if samples != self.columns:
            raise RecipeError(
                f"a segment must be a row of {self.columns} values, not {samples}; "
                "set audio.segment_seconds=1",
                code="table-row",
            )
        return 1, self.columns
