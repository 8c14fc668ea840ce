"""The waveform's curve as a picture, as if it was drawn, saved and read again."""

from __future__ import annotations

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import FRONTENDS, Frontend
from genrelab.lab.frontends.colours import PixelValues, Values
from genrelab.lab.frontends.picture import Pixels

_BLUE = (0x1F / 255, 0x77 / 255, 0xB4 / 255)  # matplotlib's first colour
_STROKES = 4  # per pixel column, which makes vertical edges smooth too
_LEAST_PEAK = 1e-6  # of full scale, -120 dB: fainter sound is not amplified to full scale


def extremes(curve: Tensor, columns: int) -> tuple[Tensor, Tensor]:
    """Return the least and the greatest value of a curve in each column of its picture.

    A column has its share of the samples and the first sample of the next column, so the ranges of neighbours
    touch.

    Parameters
    ----------
    curve : Tensor [shape=(batch, samples)]
    columns : int > 0

    Returns
    -------
    tuple of Tensor [shape=(batch, columns)]
    """
    samples = curve.shape[-1]
    borders = torch.arange(columns + 1, device=curve.device) * samples // columns
    within = torch.arange(samples // columns + 2, device=curve.device)
    # A column with fewer samples than the longest repeats its last sample.
    places = torch.minimum(borders[:-1, None] + within, borders[1:, None]).clamp(max=samples - 1)
    parts = curve[:, places]
    return parts.amin(dim=-1), parts.amax(dim=-1)


@FRONTENDS.register("waveform-picture")
class WaveformPicture(Frontend):
    """The curve of the peak-normalized waveform, blue on white.

    In each quarter of a pixel column, ink covers the range from the least to the greatest value plus half a
    pixel on both sides; partly covered pixels are paler. Full scale extends from the middle of the top row to
    the middle of the bottom row.

    Paper `fds`, section 2: `y / max |y| + epsilon`. Its epsilon can only prevent a division by zero as part
    of the divisor; here the divisor is the peak, or 1e-6 if the peak is smaller. Silence is a flat line.

    Parameters
    ----------
    channels : int
        Of the waveform: 1.
    height, width : int, 1..4096, in pixels
    values : {"unit", "signed", "imagenet"}
        0..1, -1..1, or as ImageNet's pictures are normalized.
    mirrored : bool
        Draw the greatest absolute value on both sides, as `librosa.display.waveshow` draws the envelope of
        long waveforms, instead of the range of values.

    Raises
    ------
    RecipeError
        If the waveform has several channels.
    """

    fixed = True

    ink: Tensor

    def __init__(
        self,
        *,
        channels: int,
        height: Pixels,
        width: Pixels,
        values: Values = "unit",
        mirrored: bool = False,
    ) -> None:
        super().__init__()
        if channels != 1:
            raise RecipeError(
                f"a picture shows one channel, not {channels}; set audio.channels=1", code="picture-channels"
            )
        self.height = height
        self.width = width
        self.mirrored = mirrored
        self.values = PixelValues(values, planes=3)
        self.register_buffer("ink", 1 - torch.tensor(_BLUE).reshape(3, 1, 1), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, 1, samples]` into `[batch, 3, height, width]`."""
        curve = waveform[:, 0]
        # Not `peak + epsilon`: the ONNX exporter drops the addition of so little, and silence becomes 0 / 0.
        curve = curve / curve.abs().amax(dim=-1, keepdim=True).clamp_min(_LEAST_PEAK)
        least, greatest = extremes(curve.abs() if self.mirrored else curve, _STROKES * self.width)
        if self.mirrored:
            least = -greatest
        covered = self._covered(top=self._row(greatest) - 0.5, bottom=self._row(least) + 0.5)
        drawn: Tensor = self.values(1 - covered[:, None] * self.ink)
        return drawn

    def _row(self, value: Tensor) -> Tensor:
        """Return the distance in rows from the upper edge to a value from -1 to 1."""
        return (1 - value) / 2 * (self.height - 1) + 0.5

    def _covered(self, *, top: Tensor, bottom: Tensor) -> Tensor:
        """Return the share of each pixel that the ink covers, `[batch, height, width]`."""
        row = torch.arange(self.height, device=top.device, dtype=top.dtype)[:, None]
        upper = torch.maximum(row, top[:, None])
        lower = torch.minimum(row + 1, bottom[:, None])
        shares = (lower - upper).clamp(0, 1)
        return shares.reshape(-1, self.height, self.width, _STROKES).mean(dim=-1)

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(3, height, width)`."""
        return 3, self.height, self.width
