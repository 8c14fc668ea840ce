"""What training did to a network's sinc filters: their bands and responses before and after.

"Before" is the front-end as the recipe builds it, whose start is the same every time; "after" has the
trained weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch

from genrelab.lab.frontends import Sinc
from genrelab.lab.frontends.mel import hz_to_mel, mel_to_hz
from genrelab.lab.frontends.sinc import SincFilters
from genrelab.lab.layers.fft_convolution import mirrored

Floats = npt.NDArray[np.float64]

SHOWN = 5  # filters of a bank whose responses are drawn
FLOOR_DB = -50.0
#: A move below this share of what a filter of its length can resolve (sample rate / length) is no
#: noticeable one.
NOTICEABLE = 0.01

WIDTH, HEIGHT = 960, 320
_LEFT, _RIGHT, _TOP = 52, 20, 30
_COLUMNS = WIDTH - _LEFT - _RIGHT
_FLOOR = 204  # where the responses end on the page
_ROWS, _ROW = 4, 18  # of the bands below them; neighbours lie in different rows
_BOTTOM = 288


def bank_names(lengths: Sequence[int]) -> list[str]:
    """Name banks of filters by their length; those of equal length by number too."""
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
        Of the distances of all lower and upper cut-offs.
    filter : int
        Number of the filter with the largest, from 1.
    edge : str
        `lower` or `upper`, its cut-off.
    was, is_now : float, in Hz
        That cut-off before and after.
    """

    median: float
    largest: float
    filter: int
    edge: str
    was: float
    is_now: float


def moves(before: SincFilters, after: SincFilters) -> Moves:
    """Measure how far the cut-offs of a bank moved."""
    was, is_now = bands(before), bands(after)
    far = np.abs(is_now - was)
    edge, number = np.unravel_index(int(far.argmax()), far.shape)
    return Moves(
        float(np.median(far)),
        float(far.max()),
        int(number) + 1,
        ("lower", "upper")[edge],
        float(was[edge, number]),
        float(is_now[edge, number]),
    )


def responses(before: Sinc, after: Sinc) -> str:
    """Write the section of the report: how far the filters moved, their bands and some responses.

    Parameters
    ----------
    before, after : Sinc
        Of the same recipe.

    Returns
    -------
    str
        HTML with SVG.
    """
    panels, lines, moved, largest = [], [], False, 0.0
    for name, old, new in zip(bank_names(after.lengths), before.banks, after.banks, strict=True):
        old, new = cast(SincFilters, old), cast(SincFilters, new)
        far = moves(old, new)
        tells = new.sample_rate / new.length
        moved |= far.largest >= NOTICEABLE * tells
        largest = max(largest, far.largest)
        lines.append(f"<li>{name}: {_in_words(far, tells)}</li>")
        panels.append(
            f'<div class="scroll" role="region" tabindex="0" aria-label="Filters of {name}">'
            f"{_panel(name, old, new, far)}</div>"
        )
    said = (
        f"Training moved the cut-offs of the filters, the farthest one by {_hertz(largest)}."
        if moved
        else f"Training did not move the filters noticeably: the farthest cut-off moved by {_hertz(largest)}."
        if largest
        else "Training did not move the filters at all."
    )
    return (
        f"<p>{said}</p>\n<ul>{''.join(lines)}</ul>\n"
        f"{''.join(panels)}\n"
        '<p class="note">On top the responses of some filters of the bank, each in decibels below its own '
        "peak. Below them the bands of all filters, from the lower to the upper cut-off, every fourth in a "
        "row: the outline before training, the filled mark after. Frequencies are spaced as in mel.</p>"
    )


def _in_words(far: Moves, tells: float) -> str:
    told = f"a filter of this length resolves about {_hertz(tells)}"
    if not far.largest:
        return f"no cut-off moved ({told})."
    digits = 1 if far.largest >= 0.1 else 3
    return (
        f"the median cut-off moved by {_hertz(far.median)}, the farthest by {_hertz(far.largest)} (the "
        f"{far.edge} one of filter {far.filter}, from {far.was:,.{digits}f} to {far.is_now:,.{digits}f} Hz; "
        f"{told})."
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


def _panel(name: str, before: SincFilters, after: SincFilters, far: Moves) -> str:
    """Draw a bank: some responses, and below them on the same axis the bands of all filters."""
    filters = len(after.low)
    rows = sorted({int((number + 0.5) * filters / SHOWN) for number in range(SHOWN)})
    top = float(hz_to_mel(after.nyquist, scale="htk"))
    edges = mel_to_hz(np.linspace(0, top, _COLUMNS + 1), scale="htk")
    marks = _axes(name, after.nyquist)
    for kind, bank in (("after", after), ("before", before)):
        marks += [
            f'<path class="curve {kind}" d="{_line(_height(curve))}"/>'
            for curve in magnitudes(bank, rows, edges)
        ]
    for kind, bank, share in (("is", after, 0.5), ("was", before, 0.8)):
        low, high = _across(bands(bank), after.nyquist)
        marks.append(f'<path class="{kind}" d="{_boxes(low, high, share * _ROW)}"/>')
    middles = ", ".join(f"{hertz:,.0f}" for hertz in bands(after).mean(axis=0)[rows])
    label = (
        f"{filters} filters of {name} before and after training; responses of those around {middles} Hz and "
        f"the bands of all. The farthest cut-off moved by {_hertz(far.largest)}."
    )
    return framed("bands", WIDTH, HEIGHT, label, marks)


def _across(hertz: npt.ArrayLike, nyquist: float) -> Floats:
    pixels = _COLUMNS / float(hz_to_mel(nyquist, scale="htk"))
    return _LEFT + pixels * hz_to_mel(hertz, scale="htk")


def _height(decibel: npt.ArrayLike) -> Floats:
    return np.asarray(_TOP + np.asarray(decibel) / FLOOR_DB * (_FLOOR - _TOP))


def _axes(name: str, nyquist: float) -> list[str]:
    right, middle = WIDTH - _RIGHT, (_FLOOR + _BOTTOM) // 2
    marks = [
        f'<text class="title" x="0" y="14">Filters of {name}</text>',
        f'<path class="curve before" d="M{right - 160} 10h22"/>',
        f'<text class="axis" x="{right - 132}" y="14">before</text>',
        f'<path class="curve after" d="M{right - 66} 10h22"/>',
        f'<text class="axis" x="{right - 38}" y="14">after</text>',
        f'<text class="axis" x="{_LEFT - 8}" y="{_BOTTOM + 18}" text-anchor="end">Hz</text>',
        f'<text class="axis" x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">bands</text>',
    ]
    for decibel in np.arange(0.0, FLOOR_DB - 1, -10.0):
        y = _height(decibel)
        unit = " dB" if decibel == 0 else ""
        marks.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        marks.append(
            f'<text class="axis" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{decibel:g}{unit}</text>'
        )
    octaves = 125.0 * 2.0 ** np.arange(max(0, math.floor(math.log2(nyquist / 125))) + 1)
    for hertz, x in zip(octaves, _across(octaves, nyquist), strict=True):
        marks.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_BOTTOM}"/>')
        marks.append(
            f'<text class="axis" x="{x:.1f}" y="{_BOTTOM + 18}" text-anchor="middle">{hertz:,.0f}</text>'
        )
    return marks


def _line(heights: Floats) -> str:
    """Join heights, one a pixel column, but for those that lie on the floor with their neighbours."""
    above = np.concatenate([[False], heights < _FLOOR - 0.05, [False]])
    drawn = above[1:-1] | above[:-2] | above[2:]
    parts, pen_down = [], False
    for column, y in enumerate(heights):
        if drawn[column]:
            parts.append(f"{'L' if pen_down else 'M'}{_LEFT + column + 0.5:.1f} {y:.1f}")
        pen_down = bool(drawn[column])
    return "".join(parts)


def _boxes(low: Floats, high: Floats, height: float) -> str:
    """Draw a box from `low` to `high` for each filter, neighbours in different rows, from below."""
    first = _BOTTOM - (_BOTTOM - _FLOOR - _ROWS * _ROW) / 2 - (_ROW - height) / 2
    return "".join(
        f"M{x:.1f} {first - number % _ROWS * _ROW:.1f}h{width:.1f}v-{height:.1f}h-{width:.1f}z"
        for number, (x, width) in enumerate(zip(low, np.maximum(high - low, 0.1), strict=True))
    )


def framed(kind: str, width: float, height: float, label: str, marks: Sequence[str]) -> str:
    """Put SVG elements into a picture that a screen reader reads as its label."""
    return (
        f'<svg class="{kind}" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'aria-label="{escape(label)}">{"".join(marks)}</svg>'
    )
