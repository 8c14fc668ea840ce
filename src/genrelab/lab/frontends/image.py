"""Pictures from files, in place of a waveform."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import FRONTENDS, Frontend, Reads
from genrelab.lab.frontends.colours import Colours, Paint, PixelValues, Planes, Values
from genrelab.lab.frontends.picture import Pixels, resizing


@FRONTENDS.register("image")
class Image(Frontend):
    """A picture of a `pictures:` corpus, brought to a size.

    The corpus returns the pixels of a picture as samples, plane by plane and row by row from the top, at a
    rate equal to their number: one picture is one segment of one second. It contains no sound, and a network
    trained on it cannot recognize sound.

    Parameters
    ----------
    sample_rate : int > 0
        Values of a picture: rows x columns, or three times as many for coloured pictures.
    channels : int
        1.
    rows, columns : int, 1..4096, in pixels
        Of a picture of the corpus.
    height, width : int, 1..4096, in pixels
        Of the result, resized as by `resizing`; None is the size in the corpus.
    colours : {"gray", "magma", "viridis"}
        What becomes of brightness; coloured pictures keep their colours.
    planes : {1, 3}
        Coloured pictures need 3.
    values : {"unit", "signed", "imagenet"}
        0..1, -1..1, or as ImageNet's pictures are normalized, which needs 3 planes.

    Raises
    ------
    RecipeError
        If the recipe's rate is not one picture, or options do not go together.
    """

    reads: ClassVar[Reads] = "pictures"

    def __init__(
        self,
        *,
        sample_rate: int,
        channels: int,
        rows: Pixels,
        columns: Pixels,
        height: Pixels | None = None,
        width: Pixels | None = None,
        colours: Colours = "gray",
        planes: Planes = 1,
        values: Values = "unit",
    ) -> None:
        super().__init__()
        if channels != 1:
            raise RecipeError(
                f"a picture has one channel, not {channels}; set audio.channels=1", code="image-channels"
            )
        self.stored = sample_rate // (rows * columns)
        if self.stored not in (1, 3) or sample_rate != self.stored * rows * columns:
            raise RecipeError(
                f"a picture of {rows} x {columns} pixels has {rows * columns} values, or "
                f"{3 * rows * columns} in colour; set audio.sample_rate to that, not {sample_rate}",
                code="image-size",
            )
        if self.stored == 3 and (planes != 3 or colours != "gray"):
            raise RecipeError(
                "coloured pictures keep their three planes and colours; set planes=3 and colours=gray, not "
                f"planes={planes} and colours={colours}",
                code="image-colours",
            )
        self.rows, self.columns = rows, columns
        self.height, self.width = height or rows, width or columns
        self.planes = planes
        self.paint: nn.Module = (
            Paint(colours=colours, planes=planes, values=values)
            if self.stored == 1
            else PixelValues(values, planes=planes)
        )

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, 1, values]`, -1..1, into `[batch, planes, height, width]`."""
        bright = (waveform.reshape(-1, self.stored, self.rows, self.columns) + 1) / 2
        if self.height != self.rows:
            bright = resizing(self.rows, self.height, like=bright) @ bright
        if self.width != self.columns:
            bright = bright @ resizing(self.columns, self.width, like=bright).T
        painted: Tensor = self.paint(bright)
        return painted

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(planes, height, width)`.

        Raises
        ------
        RecipeError
            If a segment is not a picture.
        """
        values = self.stored * self.rows * self.columns
        if samples != values:
            raise RecipeError(
                f"a segment must be a picture of {values} values, not {samples}; set audio.segment_seconds=1",
                code="image-segment",
            )
        return self.planes, self.height, self.width
