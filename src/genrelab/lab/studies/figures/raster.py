"""Pictures of pixels: heat maps of numbers, and images that are colours already."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.lab.reports.representations import colour_map, fitted
from genrelab.pages import svg
from genrelab.pages.svg import Drawing, element, text

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

_MOST_ROWS, _MOST_COLUMNS = 512, 1400
_FEW = 8  # rows of a low picture
_STEPS = 5  # labels of an axis
_SCALE = 12  # pixels: width of the colour scale
_LEFT, _RIGHT, _ABOVE, _BELOW = 62, 84, 34, 44


class Rows(NamedTuple):
    """The vertical axis of a heat map.

    Attributes
    ----------
    name : str
        Such as `Hz`.
    values : np.ndarray [shape=(rows,)]
        What each row stands for, the lowest first.
    """

    name: str
    values: Floats


class Picture(Drawing):
    """A drawing around an image of pixels, which can be kept as PNG too.

    Attributes
    ----------
    png : bytes
        The image alone.
    """

    png: bytes = b""


def counted_rows(name: str, count: int) -> Rows:
    """Return an axis that counts rows from 0."""
    return Rows(name, np.arange(count, dtype=np.float64))


def heat_map(
    title: str,
    values: Floats,
    rows: Rows,
    *,
    seconds: float,
    unit: str,
    limits: tuple[float, float] | None = None,
) -> Picture:
    """Draw numbers by time and row as colours, with a scale.

    Parameters
    ----------
    title : str
    values : np.ndarray [shape=(rows, frames)]
        The lowest row first.
    rows : Rows
    seconds : float
        Duration of all frames.
    unit : str
        Of the values.
    limits : (float, float) or None
        Values of the first and the last colour; None is the range of the values.

    Returns
    -------
    Picture
    """
    shown = fitted(np.asarray(values, dtype=np.float64), most=(_MOST_ROWS, _MOST_COLUMNS))
    low, high = limits or (float(shown.min()), float(shown.max()))
    scaled = np.clip((shown - low) / (high - low), 0.0, 1.0) if high > low else np.zeros_like(shown)
    pixels = colour_map()[np.round(255 * scaled[::-1]).astype(np.uint8)]
    picture = _framed(
        title, pixels, note=f"{rows.name} by seconds", size=(620, 250 if shown.shape[0] > _FEW else 110)
    )
    _row_labels(picture, rows.values)
    _time_axis(picture, seconds)
    _colour_scale(picture, low, high, unit)
    brightest = np.unravel_index(int(shown.argmax()), shown.shape)
    time = (int(brightest[1]) + 0.5) / shown.shape[1] * seconds
    picture.label = (
        f"{title}: {shown.shape[0]} rows of {rows.name} by {seconds:g} s, from {low:.3g} to {high:.3g} "
        f"{unit}, highest at {time:.2f} s."
    )
    return picture


def image(
    title: str, pixels: Pixels, *, seconds: float | None = None, note: str = "", small: bool = False
) -> Picture:
    """Draw an image as it is, enlarged; with a time axis if it shows `seconds`.

    Parameters
    ----------
    title : str
    pixels : np.ndarray [shape=(height, width, 3)], uint8
    seconds : float or None
    note : str
        On the right of the title.
    small : bool
        Three fit side by side on a page.
    """
    height, width = pixels.shape[:2]
    shown = 220 if small else 420
    size = shown, max(60, round(shown * height / width))
    picture = _framed(title, pixels, note=note, size=size, right=16)
    if seconds is not None:
        _time_axis(picture, seconds)
    picture.add(
        text(f"{height}", picture.left - 6, picture.top + 12, anchor="end"),
        text("rows", picture.left - 6, picture.top + 26, anchor="end"),
    )
    picture.label = f"{title}: a picture of {height} x {width} pixels."
    return picture


def _framed(
    title: str, pixels: Pixels, *, note: str, size: tuple[float, float], right: float = _RIGHT
) -> Picture:
    width, height = size
    picture = Picture(
        "raster", _LEFT + width + right, _ABOVE + height + _BELOW, margins=(_LEFT, right, _ABOVE, _BELOW)
    )
    picture.png = png(pixels)
    picture.title(title, note=note)
    enlarged = pixels.shape[1] < width
    encoded = base64.b64encode(picture.png).decode("ascii")
    picture.add(
        element(
            "image",
            x=picture.left,
            y=picture.top,
            width=width,
            height=height,
            preserveAspectRatio="none",
            style="image-rendering: pixelated" if enlarged else None,
            href=f"data:image/png;base64,{encoded}",
        ),
        element("rect", kind="frame", x=picture.left, y=picture.top, width=width, height=height),
    )
    return picture


def png(pixels: Pixels) -> bytes:
    """Return the PNG file of an image, `[height, width, 3]`."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="PNG", optimize=True)
    return file.getvalue()


def _row_labels(picture: Picture, values: Sequence[float] | Floats) -> None:
    rows = len(values)
    places = sorted({round(share * (rows - 1)) for share in np.linspace(0, 1, _STEPS)})
    y = svg.linear(-0.5, rows - 0.5, picture.bottom, picture.top)
    picture.y_axis(((y(place), f"{values[place]:,.0f}") for place in places), grid=False)


def _time_axis(picture: Picture, seconds: float) -> None:
    x = svg.linear(0.0, seconds, picture.left, picture.right)
    times = [time for time in svg.ticks(0, seconds, count=6) if time <= seconds * 1.0001]
    picture.x_axis(((x(time), f"{time:g}") for time in times), name="seconds")


def _colour_scale(picture: Picture, low: float, high: float, unit: str) -> None:
    left, steps = picture.right + 14, colour_map()[::-1][:, None]
    encoded = base64.b64encode(png(steps)).decode("ascii")
    height = picture.bottom - picture.top
    picture.add(
        element(
            "image",
            x=left,
            y=picture.top,
            width=_SCALE,
            height=height,
            preserveAspectRatio="none",
            href=f"data:image/png;base64,{encoded}",
        ),
        element("rect", kind="frame", x=left, y=picture.top, width=_SCALE, height=height),
    )
    for share in (0.0, 0.5, 1.0):
        value = low + share * (high - low)
        number = "0" if math.isclose(value, 0, abs_tol=1e-9) else svg.brief(value).replace("-", "−")
        y = picture.bottom - share * height + (4 if share == 0.5 else 0 if share == 0 else 10)
        picture.add(text(number, left + _SCALE + 5, y))
    picture.add(text(unit, left, picture.bottom + 16))
