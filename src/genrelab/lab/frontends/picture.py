"""A spectrogram as a picture of fixed size, as if it was saved as an image and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import FRONTENDS, Frontend, check_choice
from genrelab.lab.frontends.colours import Colours, Paint, Planes, Values
from genrelab.lab.frontends.stft import Stft

Axis = Literal["linear", "log"]
Pixels = Annotated[int, Field(gt=0, le=4096)]

_C2_HZ = 440.0 * 2.0 ** (-33 / 12)  # below it librosa's logarithmic axis is linear
_LEAST_RANGE = 1e-2  # dB; below it is silence, whose rounding errors must not be visible


def resizing(size: int, count: int, *, like: Tensor) -> Tensor:
    """Return the matrix that resizes `size` pixels to `count`, bilinear and antialiased.

    Matches PIL's `Image.resize(..., BILINEAR)` and `torch.nn.functional.interpolate(mode="bilinear",
    antialias=True)`: a new pixel is an average with triangular weights, which reach as far as new pixels,
    or old ones where those are wider, lie apart. Unlike those it has an ONNX form.

    Parameters
    ----------
    size, count : int > 0

    Returns
    -------
    Tensor [shape=(count, size)]
        On the device and of the type of `like`; rows sum to 1.
    """
    old = torch.arange(size, device=like.device)
    new = torch.arange(count, device=like.device)[:, None]
    # Twice the distance between the middles of two pixels is a whole number of 1 / (size count) parts.
    distance = ((2 * old + 1) * count - (2 * new + 1) * size).abs()
    weights = (1 - distance.to(like.dtype) / (2 * max(size, count))).clamp_min(0)
    return weights / weights.sum(dim=1, keepdim=True)


def log_rows(bands: int, rows: int, *, sample_rate: int) -> npt.NDArray[np.float32]:
    """Return the matrix that maps the bins of a Fourier transform to rows on a logarithmic axis.

    The axis is the one of `librosa.display.specshow(y_axis="log")`: linear up to C2 (65 Hz), from there on
    every octave as high as that. Rows are antialiased as `resizing` does it.

    Parameters
    ----------
    bands : int > 1
        Bins from 0 Hz to half the sample rate.
    rows : int > 0
    sample_rate : int > 0, in Hz

    Returns
    -------
    np.ndarray [shape=(rows, bands)]
        From the lowest frequency to the highest; rows sum to 1.
    """
    nyquist = sample_rate / 2
    borders = np.clip((np.arange(bands + 1) - 0.5) / (bands - 1), 0, 1) * nyquist
    octaves = 1 + np.log2(np.maximum(borders, _C2_HZ) / _C2_HZ)
    height = np.where(borders < _C2_HZ, borders / _C2_HZ, octaves)
    height *= rows / height[-1]
    middles = np.arange(rows)[:, None] + 0.5
    apart = np.clip(height - middles, -1, 1)
    below = apart - np.sign(apart) * apart**2 / 2  # integral of the triangle, up to a constant
    weights = np.diff(below, axis=1)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


class Brightness(nn.Module):
    """Decibels to 0..1.

    Parameters
    ----------
    low, high : float or None, in dB
        Values that become 0 and 1; values outside are clipped. None is the least and the greatest
        value of each item, as matplotlib takes them; an item that varies by less than 0.01 dB is all 0
        then.

    Raises
    ------
    RecipeError
        If `low` is not below `high`.
    """

    def __init__(self, *, low: float | None, high: float | None) -> None:
        super().__init__()
        if low is not None and high is not None and low >= high:
            raise RecipeError(f"low must be below high, not {low} and {high} dB", code="decibel-range")
        self.low = low
        self.high = high

    def forward(self, decibel: Tensor) -> Tensor:
        """Change `[batch, 1, bands, frames]` into the same shape."""
        every = (-3, -2, -1)
        low = decibel.amin(dim=every, keepdim=True) if self.low is None else self.low
        high = decibel.amax(dim=every, keepdim=True) if self.high is None else self.high
        reach = torch.as_tensor(high - low, dtype=decibel.dtype, device=decibel.device)
        return ((decibel - low) / reach.clamp_min(_LEAST_RANGE)).clamp(0, 1)


@FRONTENDS.register("picture")
class Picture(Frontend):
    """A spectrogram's picture, of any number of pixels.

    High frequencies are at the top, as usual for spectrograms: row 0 is the highest. Brightness
    is resized before it gets its colours, so that all colours are ones of the map.

    What `librosa.display.specshow(y_axis="log")` draws of `librosa.amplitude_to_db(abs(librosa.stft(y)),
    ref=np.max)` is `of={"kind": "stft", "relative": True}, axis="log", colours="magma"`, antialiased.

    Parameters
    ----------
    sample_rate : int > 0, in Hz
    channels : int
        Of the waveform: 1.
    of : mapping
        The spectrogram: `kind` is the name of a front-end that returns one plane; its options follow.
    height, width : int, 1..4096, in pixels
    colours : {"gray", "magma", "viridis"}
    planes : {1, 3}
        Colours other than gray need 3.
    values : {"unit", "signed", "imagenet"}
        0..1, -1..1, or as ImageNet's pictures are normalized, which needs 3 planes.
    low, high : float or None, in dB
        What is darkest and what is brightest, in the decibels that `of` gives; None is the least and the
        greatest value of each item.
    axis : {"linear", "log"}
        `linear` keeps the bands as `of` spaces them; `log` brings an `stft` to the axis of `log_rows`.

    Raises
    ------
    RecipeError
        If the waveform has several channels, `of` names no front-end, or options do not go together.
    """

    fixed = True

    rows: Tensor | None

    def __init__(
        self,
        *,
        sample_rate: int,
        channels: int,
        of: Mapping[str, Any],
        height: Pixels,
        width: Pixels,
        colours: Colours = "gray",
        planes: Planes = 3,
        values: Values = "unit",
        low: float | None = None,
        high: float | None = None,
        axis: Axis = "linear",
    ) -> None:
        super().__init__()
        if channels != 1:
            raise RecipeError(
                f"a picture shows one channel, not {channels}; set audio.channels=1", code="picture-channels"
            )
        options = dict(of)
        kind = options.pop("kind", None)
        if not isinstance(kind, str):
            raise RecipeError(
                "a picture needs `of` with the kind of a spectrogram, e.g. of: {kind: mel}",
                code="picture-of-nothing",
            )
        self.of = FRONTENDS.create(kind, options, sample_rate=sample_rate, channels=channels)
        self.shares_tracks = self.of.shares_tracks
        self.kind = kind
        self.height = height
        self.width = width
        self.brightness = Brightness(low=low, high=high)
        self.paint = Paint(colours=colours, planes=planes, values=values)
        self.register_buffer("rows", self._rows(axis, sample_rate), persistent=False)

    def _rows(self, axis: Axis, sample_rate: int) -> Tensor | None:
        check_choice("axis", axis, get_args(Axis))
        if axis == "linear":
            return None
        if not isinstance(self.of, Stft):
            raise RecipeError(
                f"axis=log applies to the bins of an stft; a {self.kind} already has its own axis",
                code="picture-axis",
            )
        bands = 1 + self.of.power.n_fft // 2
        return torch.from_numpy(log_rows(bands, self.height, sample_rate=sample_rate))

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, 1, samples]` into `[batch, planes, height, width]`."""
        return self._draw(self.of(waveform))

    def of_track(self, track: Tensor, starts: Sequence[int], samples: int) -> Tensor:
        """Return what `forward` gives for segments of one track; see `Frontend.of_track`."""
        return self._draw(self.of.of_track(track, starts, samples))

    def _draw(self, decibel: Tensor) -> Tensor:
        bright = self.brightness(decibel)
        bands, frames = bright.shape[-2:]
        rows = resizing(bands, self.height, like=bright) if self.rows is None else self.rows
        columns = resizing(frames, self.width, like=bright)
        painted: Tensor = self.paint(rows.flip(0) @ (bright @ columns.T))
        return painted

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(planes, height, width)`.

        Raises
        ------
        RecipeError
            If `of` gives something else than one plane, or nothing for so few samples.
        """
        shape = self.of.output_shape(samples)
        if len(shape) != 3 or shape[0] != 1:
            raise RecipeError(
                f"a picture needs one plane of bands and frames; its {self.kind} gives the shape {shape}. "
                "Use a spectrogram such as stft, mel or cqt",
                code="picture-shape",
            )
        return self.paint.planes, self.height, self.width
