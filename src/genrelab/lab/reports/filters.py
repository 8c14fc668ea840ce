"""The sinc filters of a network before and after training: their bands and responses.

"Before" is the front-end as the recipe builds it, which always starts from the same filters. "After" has the
trained weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from markupsafe import Markup

from genrelab.lab.frontends import Sinc
from genrelab.lab.frontends.mel import hz_to_mel, mel_to_hz
from genrelab.lab.frontends.sinc import SincFilters
from genrelab.lab.layers.fft_convolution import mirrored
from genrelab.pages import svg
from genrelab.pages.render import render
from genrelab.pages.svg import Drawing, path, text

Floats = npt.NDArray[np.float64]

SHOWN = 5  # filters of a bank whose responses are drawn
FLOOR_DB = -50.0
NOTICEABLE = 0.01
"""A smaller move, as a share of the resolution of a filter (sample rate / length), is not noticeable."""

_COLUMNS = 888  # pixels of the plot
_TOP, _FLOOR, _BOTTOM = 30, 204, 288  # responses lie above the floor, bands below it
_ROWS, _ROW = 4, 18  # of the bands; neighbours lie in different rows


def bank_names(lengths: Sequence[int]) -> list[str]:
    """Name banks of filters by their length, and those of equal length by number too."""
    names = []
    for index, length in enumerate(lengths):
        count = lengths.count(length)
        which = f" ({lengths[: index + 1].count(length)} of {count})" if count > 1 else ""
        names.append(f"{length:,} taps{which}")
    return names


def bands(bank: SincFilters) -> Floats:
    """Return the lower and upper cut-offs in Hz, `[2, filters]`."""
    with torch.no_grad():
        return torch.stack(bank.cutoffs()).double().cpu().numpy()


class Moves(NamedTuple):
    """How far training moved the cut-offs of a bank.

    Attributes
    ----------
    median, largest : float, in Hz
        Over all lower and upper cut-offs.
    filter : int
        Number of the filter with the largest move, from 1.
    edge : str
        The cut-off that moved: `lower` or `upper`.
    before, after : float, in Hz
        That cut-off before and after training.
    """

    median: float
    largest: float
    filter: int
    edge: str
    before: float
    after: float


def moves(before: SincFilters, after: SincFilters) -> Moves:
    """Measure how far the cut-offs of a bank moved."""
    old, new = bands(before), bands(after)
    distances = np.abs(new - old)
    edge, number = np.unravel_index(int(distances.argmax()), distances.shape)
    return Moves(
        float(np.median(distances)),
        float(distances.max()),
        int(number) + 1,
        ("lower", "upper")[edge],
        float(old[edge, number]),
        float(new[edge, number]),
    )


class Bank(NamedTuple):
    """A row of the report section."""

    name: str
    moves: Moves
    resolution: float
    picture: Drawing
    shifts: Drawing | None


def responses(before: Sinc, after: Sinc) -> Markup:
    """Return the report section on the filters: how far they moved, their bands and some responses.

    Parameters
    ----------
    before, after : Sinc
        Of the same recipe.

    Returns
    -------
    Markup
        HTML with SVG.
    """
    banks = []
    for name, old, new in zip(bank_names(after.lengths), before.banks, after.banks, strict=True):
        old, new = cast(SincFilters, old), cast(SincFilters, new)
        moved = moves(old, new)
        picture = drawn(name, old, new, moved)
        shifts = draw_moves(name, old, new) if moved.largest else None
        banks.append(Bank(name, moved, new.sample_rate / new.length, picture, shifts))
    return render(
        "lab/reports/filters.html",
        banks=banks,
        largest=max((bank.moves.largest for bank in banks), default=0.0),
        noticeable=any(bank.moves.largest >= NOTICEABLE * bank.resolution for bank in banks),
        hertz=_hertz,
    )


def _hertz(value: float) -> str:
    if 0 < value < 0.001:
        return "less than 0.001 Hz"
    return f"{value:.2g} Hz" if value < 1 else f"{value:,.1f} Hz" if value < 100 else f"{value:,.0f} Hz"


def magnitudes(bank: SincFilters, rows: Sequence[int], edges: Floats) -> Floats:
    """Return the largest response of filters within frequency ranges, in dB below their peaks.

    Parameters
    ----------
    bank : SincFilters
    rows : sequence of int
        The filters.
    edges : np.ndarray [shape=(ranges + 1,)], rising, in Hz

    Returns
    -------
    np.ndarray [shape=(filters, ranges)]
        Not below `FLOOR_DB`.
    """
    with torch.no_grad():
        kernels = mirrored(bank.half_kernels()[list(rows)].cpu()).double().numpy()
    size = 2 ** max(14, math.ceil(math.log2(16 * bank.length)))
    response = np.abs(np.fft.rfft(kernels, n=size))
    response /= response.max(axis=1, keepdims=True)
    bins = np.round(edges * size / bank.sample_rate).astype(int).clip(0, size // 2)
    highest = np.stack(
        [
            response[:, low : max(low, high - 1) + 1].max(axis=1)
            for low, high in zip(bins, bins[1:], strict=False)
        ],
        axis=1,
    )
    floored: Floats = 20 * np.log10(np.maximum(highest, 10 ** (FLOOR_DB / 20)))
    return floored


def drawn(name: str, before: SincFilters, after: SincFilters, moved: Moves) -> Drawing:
    """Draw a bank: some responses, and below them on the same axis the bands of all filters."""
    filters = len(after.low)
    rows = sorted({int((number + 0.5) * filters / SHOWN) for number in range(SHOWN)})
    top = float(hz_to_mel(after.nyquist, scale="htk"))
    edges = mel_to_hz(np.linspace(0, top, _COLUMNS + 1), scale="htk")
    picture = Drawing("bands", 72 + _COLUMNS, 320, margins=(52, 20, _TOP, 320 - _BOTTOM))
    across = svg.linear(0.0, top, picture.left, picture.right)
    _add_axes(picture, name, after.nyquist, across)
    for kind, bank in (("after", after), ("before", before)):
        picture.add(
            *(
                svg.polyline(f"curve {kind}", _curve(row, picture.left))
                for row in magnitudes(bank, rows, edges)
            )
        )
    for kind, bank, share in (("is", after, 0.5), ("was", before, 0.8)):
        low, high = (np.array([across(mel) for mel in hz_to_mel(edge, scale="htk")]) for edge in bands(bank))
        picture.add(path(kind, _boxes(low, high, share * _ROW)))
    middles = ", ".join(f"{hertz:,.0f}" for hertz in bands(after).mean(axis=0)[rows])
    picture.label = (
        f"{filters} filters of {name} before and after training: responses of those around {middles} Hz and "
        f"the bands of all. The largest move of a cut-off is {_hertz(moved.largest)}."
    )
    return picture


def draw_moves(name: str, before: SincFilters, after: SincFilters) -> Drawing:
    """Draw how far each cut-off of a bank moved, over where it started, both in mel.

    Parameters
    ----------
    name : str
        Of the bank.
    before, after : SincFilters
        Of the same recipe; at least one cut-off differs.
    """
    old, new = (hz_to_mel(bands(bank), scale="htk") for bank in (before, after))
    shifts = new - old
    most = float(np.abs(shifts).max())
    picture = Drawing("moves", 72 + _COLUMNS, 190, margins=(52, 20, _TOP, 32))
    picture.title(f"How far the cut-offs of {name} moved, in mel")
    across = svg.linear(0.0, float(hz_to_mel(after.nyquist, scale="htk")), picture.left, picture.right)
    ticks = svg.ticks(-most, most)
    height = svg.linear(ticks[0], ticks[-1], picture.bottom, picture.top)
    picture.y_axis((height(value), f"{value:+g}" if value else "0") for value in ticks)
    _octaves(picture, after.nyquist, across, rule=(picture.top, picture.bottom))
    picture.add(text("Hz", picture.left - 6, picture.bottom + 16, anchor="end"))
    for edge, kind, at in ((0, "lower", picture.right - 160), (1, "upper", picture.right - 66)):
        stems = zip(old[edge], shifts[edge], strict=True)
        stems_path = "".join(
            f"M{across(mel):.1f} {height(0.0):.1f}V{height(shift):.1f}" for mel, shift in stems if shift
        )
        picture.add(path(kind, stems_path), path(kind, f"M{at} 10h22"), text(kind, at + 28, 14))
    median = float(np.median(np.abs(shifts)))
    picture.label = (
        f"How far the lower and upper cut-offs of {len(old[0])} filters of {name} moved: median {median:.2g} "
        f"mel, largest {most:.2g} mel."
    )
    return picture


def _add_axes(picture: Drawing, name: str, nyquist: float, across: svg.Scale) -> None:
    right, beside = picture.right, picture.left - 6
    picture.title(f"Filters of {name}")
    for kind, at in (("before", right - 160), ("after", right - 66)):
        picture.add(path(f"curve {kind}", f"M{at} 10h22"), text(kind, at + 28, 14))
    picture.add(
        text("Hz", beside, _BOTTOM + 16, anchor="end"),
        text("bands", beside, (_FLOOR + _BOTTOM) // 2 + 4, anchor="end"),
    )
    height = svg.linear(0.0, FLOOR_DB, _TOP, _FLOOR)
    picture.y_axis(
        (height(decibel), f"{decibel:g}{'' if decibel else ' dB'}")
        for decibel in np.arange(0, FLOOR_DB - 1, -10)
    )
    _octaves(picture, nyquist, across, rule=(_TOP, _BOTTOM))


def _octaves(picture: Drawing, nyquist: float, across: svg.Scale, *, rule: tuple[float, float]) -> None:
    """Write frequencies an octave apart below the plot."""
    octaves = 125.0 * 2.0 ** np.arange(max(0, math.floor(math.log2(nyquist / 125))) + 1)
    picture.x_axis(
        ((across(float(hz_to_mel(hertz, scale="htk"))), f"{hertz:,.0f}") for hertz in octaves), rule=rule
    )


def _curve(decibels: Floats, left: float) -> list[tuple[float, float]]:
    """Place values, one per pixel column; NaN for those that lie on the floor with their neighbours."""
    heights = _TOP + decibels / FLOOR_DB * (_FLOOR - _TOP)
    above = np.concatenate([[False], heights < _FLOOR - 0.05, [False]])
    drawn = np.where(above[1:-1] | above[:-2] | above[2:], heights, math.nan)
    return [(left + column + 0.5, y) for column, y in enumerate(drawn.tolist())]


def _boxes(low: Floats, high: Floats, height: float) -> str:
    """Draw a box from `low` to `high` for each filter, neighbours in different rows, from below."""
    first = _BOTTOM - (_BOTTOM - _FLOOR - _ROWS * _ROW) / 2 - (_ROW - height) / 2
    return "".join(
        f"M{x:.1f} {first - number % _ROWS * _ROW:.1f}h{width:.1f}v-{height:.1f}h-{width:.1f}z"
        for number, (x, width) in enumerate(zip(low, np.maximum(high - low, 0.1), strict=True))
    )
