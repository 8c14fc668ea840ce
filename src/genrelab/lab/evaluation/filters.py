"""What training did to a network's sinc filters: their bands and responses before and after.

"Before" is the front-end as the recipe builds it, whose start is the same every time; "after" has the
trained weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch

from genrelab.lab.frontends import Sinc
from genrelab.lab.frontends.mel import hz_to_mel, mel_to_hz
from genrelab.lab.frontends.sinc import SincFilters
from genrelab.lab.frontends.symmetric import mirrored

Floats = npt.NDArray[np.float64]

SHOWN = 5  # filters of a bank whose responses are drawn
FLOOR_DB = -60.0
#: A move below this share of what a filter of its length can tell apart (sample rate / length) is no
#: noticeable one.
NOTICEABLE = 0.01

WIDTH, HEIGHT = 460, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 18, 34, 36
_COLUMNS = WIDTH - _LEFT - _RIGHT


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
        panels += [_bands_panel(name, old, new, far), _responses_panel(name, old, new)]
    said = (
        f"Training moved the cut-offs of the filters, the farthest one by {_hertz(largest)}."
        if moved
        else f"Training did not move the filters noticeably: no cut-off moved by more than {_hertz(largest)}."
        if largest
        else "Training did not move the filters at all."
    )
    return (
        f"<p>{said}</p>\n<ul>{''.join(lines)}</ul>\n"
        f'<div class="panels">{"".join(panels)}</div>\n'
        '<p class="note">A row of the first picture is a filter, from its lower to its upper cut-off: the '
        f"outline before training, the filled mark after. The second shows {SHOWN} filters across the bank, "
        "each in decibels below its own largest response. Frequencies are spaced as in mel.</p>"
    )


def _in_words(far: Moves, tells: float) -> str:
    told = f"a filter of this length tells apart {_hertz(tells)}"
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


def _mel_axis(nyquist: float) -> Callable[[npt.ArrayLike], Floats]:
    pixels = _COLUMNS / float(hz_to_mel(nyquist, scale="htk"))
    return lambda hertz: _LEFT + pixels * hz_to_mel(hertz, scale="htk")


def _axes(title: str, nyquist: float, levels: Sequence[tuple[float, str]]) -> list[str]:
    """Draw what both kinds of panel share; `levels` are heights on the page and their labels."""
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    marks = [
        f'<text class="title" x="0" y="14">{title}</text>',
        '<path class="curve before" d="M300 10h22"/><text class="axis" x="328" y="14">before</text>',
        '<path class="curve after" d="M384 10h22"/><text class="axis" x="412" y="14">after</text>',
        f'<text class="axis" x="{right}" y="{bottom + 31}" text-anchor="end">Hz</text>',
    ]
    for y, label in levels:
        marks.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        marks.append(f'<text class="axis" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    octaves = 250.0 * 2.0 ** np.arange(max(0, math.floor(math.log2(nyquist / 250))) + 1)
    for hertz, x in zip(octaves, _mel_axis(nyquist)(octaves), strict=True):
        marks.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>')
        marks.append(
            f'<text class="axis" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{hertz:,.0f}</text>'
        )
    return marks


def _bands_panel(name: str, before: SincFilters, after: SincFilters, far: Moves) -> str:
    filters, bottom = len(after.low), HEIGHT - _BOTTOM
    row = (bottom - _TOP) / filters
    across = _mel_axis(after.nyquist)
    numbers = sorted({1, *(round(share * filters) or 1 for share in (0.25, 0.5, 0.75, 1))})
    levels = [(bottom - (number - 0.5) * row, f"{number}") for number in numbers]
    marks = _axes(f"Bands, {name}", after.nyquist, levels)
    for kind, bank, share in (("is", after, 0.6), ("was", before, 0.9)):
        low, high = across(bands(bank))
        path = "".join(
            f"M{x:.1f} {bottom - (index + 0.5 + share / 2) * row:.1f}h{max(width, 0.1):.1f}v{share * row:.1f}"
            f"h{-max(width, 0.1):.1f}z"
            for index, (x, width) in enumerate(zip(low, high - low, strict=True))
        )
        marks.append(f'<path class="{kind}" d="{path}"/>')
    label = f"Bands of {filters} filters of {name}; the farthest cut-off moved by {_hertz(far.largest)}."
    return framed("bands", WIDTH, HEIGHT, label, marks)


def _responses_panel(name: str, before: SincFilters, after: SincFilters) -> str:
    bottom = HEIGHT - _BOTTOM
    filters = len(after.low)
    rows = sorted({int((number + 0.5) * filters / SHOWN) for number in range(SHOWN)})
    mels = np.linspace(0, hz_to_mel(after.nyquist, scale="htk"), _COLUMNS + 1)
    edges = mel_to_hz(mels, scale="htk")
    height = bottom - _TOP
    levels = [
        (_TOP + decibel / FLOOR_DB * height, f"{decibel:g}") for decibel in np.arange(0.0, -61.0, -20.0)
    ]
    marks = _axes(f"Responses in dB, {name}", after.nyquist, levels)
    for kind, bank in (("after", after), ("before", before)):
        for curve in magnitudes(bank, rows, edges):
            marks.append(f'<path class="curve {kind}" d="{_line(_TOP + curve / FLOOR_DB * height)}"/>')
    middles = bands(after).mean(axis=0)[rows]
    says = ", ".join(f"{hertz:,.0f}" for hertz in middles)
    label = f"Responses of {len(rows)} filters of {name} before and after training, around {says} Hz."
    return framed("bands", WIDTH, HEIGHT, label, marks)


def _line(heights: Floats) -> str:
    """Join heights, one a pixel column, leaving out what lies on the floor."""
    floor = HEIGHT - _BOTTOM - 0.05
    parts, pen_down = [], False
    for column, y in enumerate(heights):
        above = y < floor
        if above or pen_down:
            parts.append(f"{'L' if pen_down else 'M'}{_LEFT + column + 0.5:.1f} {y:.1f}")
        pen_down = above
    return "".join(parts)


def framed(kind: str, width: float, height: float, label: str, marks: Sequence[str]) -> str:
    """Put SVG elements into a picture that a screen reader reads as its label."""
    return (
        f'<svg class="{kind}" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'aria-label="{escape(label)}">{"".join(marks)}</svg>'
    )
