"""Brightness -> the planes of a picture, in the colours and value ranges of image networks."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import check_choice

Colours = Literal["gray", "magma", "viridis"]
Planes = Literal[1, 3]
Values = Literal["unit", "signed", "imagenet"]

_STEPS = 256
_SHIFT_AND_SCALE: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "unit": ((0.0,), (1.0,)),
    "signed": ((0.5,), (0.5,)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


@cache
def _tables() -> dict[str, npt.NDArray[np.float32]]:
    text = files(__package__).joinpath("data/colours.csv").read_text(encoding="ascii")
    names, *rows = (line.split(",") for line in text.split())
    return {
        name: np.array([list(bytes.fromhex(row[column])) for row in rows], dtype=np.float32) / np.float32(255)
        for column, name in enumerate(names)
    }


def colour_table(colours: Colours) -> npt.NDArray[np.float32]:
    """Return the colours of a map from dark to bright.

    `magma` and `viridis` are matplotlib's, rounded to 8 bits, as a saved picture has them. Their authors
    (Stéfan van der Walt, Nathaniel Smith and Eric Firing) gave them into the public domain (CC0).

    Returns
    -------
    np.ndarray [shape=(256, 3)]
        Red, green and blue, 0..1; the caller's own copy.
    """
    if colours == "gray":
        return np.repeat(np.linspace(0, 1, _STEPS, dtype=np.float32)[:, None], 3, axis=1)
    return _tables()[colours].copy()


class PixelValues(nn.Module):
    """Scale pixels from 0..1 to the range that a network expects.

    Parameters
    ----------
    values : {"unit", "signed", "imagenet"}
        `unit` leaves 0..1, `signed` gives -1..1, `imagenet` subtracts the mean of ImageNet's pictures
        and divides by their standard deviation, colour by colour, as torchvision's weights expect it.
    planes : {1, 3}

    Raises
    ------
    RecipeError
        If a value is none of these, or `imagenet` applies to one plane.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, values: Values, *, planes: Planes) -> None:
        super().__init__()
        if planes not in get_args(Planes):
            raise RecipeError(f"a picture has 1 or 3 planes, not {planes}", code="picture-planes")
        check_choice("values", values, get_args(Values))
        if values == "imagenet" and planes != 3:
            raise RecipeError(
                "values=imagenet needs red, green and blue; set planes=3", code="values-need-colour"
            )
        shift, scale = (torch.tensor(each).reshape(-1, 1, 1) for each in _SHIFT_AND_SCALE[values])
        self.register_buffer("shift", shift, persistent=False)
        self.register_buffer("scale", scale, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Change `[batch, planes, height, width]` into the same shape."""
        return (pixels - self.shift) / self.scale


class Paint(nn.Module):
    """Map brightness to colours.

    Parameters
    ----------
    colours : {"gray", "magma", "viridis"}
        A table of 256 colours with interpolation between them. `gray` makes all planes equal.
    planes : {1, 3}
    values : {"unit", "signed", "imagenet"}
        See `PixelValues`.

    Raises
    ------
    RecipeError
        If a value is none of these, or colours or ImageNet's values need more than one plane.
    """

    table: Tensor

    def __init__(self, *, colours: Colours, planes: Planes, values: Values) -> None:
        super().__init__()
        check_choice("colours", colours, get_args(Colours))
        if colours != "gray" and planes != 3:
            raise RecipeError(
                f"colours={colours} needs planes=3; one plane can only be gray", code="colours-need-planes"
            )
        self.colours = colours
        self.planes = planes
        self.values = PixelValues(values, planes=planes)
        self.register_buffer("table", torch.from_numpy(colour_table(colours)), persistent=False)

    def forward(self, brightness: Tensor) -> Tensor:
        """Change `[batch, 1, height, width]`, 0..1, into `[batch, planes, height, width]`."""
        if self.colours == "gray":
            pixels = brightness.expand(-1, self.planes, -1, -1)
        else:
            place = brightness[:, 0] * (_STEPS - 1)
            below = place.long().clamp(0, _STEPS - 2)
            share = (place - below)[..., None]
            mixed = torch.lerp(self.table[below], self.table[below + 1], share)
            pixels = mixed.permute(0, 3, 1, 2)
        painted: Tensor = self.values(pixels)
        return painted
