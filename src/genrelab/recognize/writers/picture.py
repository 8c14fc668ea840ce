"""Genre over time as a picture: one SVG file that needs no other and suits light and dark pages."""

from __future__ import annotations

from html import escape
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError
from genrelab.printing import plain
from genrelab.recognize.recognition import Part, Recognition
from genrelab.recognize.segmentation import MIN_PART_SECONDS, cut_parts
from genrelab.recognize.writers.table import clock, percent

_WIDTH, _HEIGHT = 960, 400
_LEFT, _RIGHT = 52, 932
_STRIP, _STRIP_HEIGHT = 48, 26  # of the parts
_TOP, _BOTTOM = 88, 308  # of the probabilities
_LEGEND = 352
_MOST_POINTS = 450  # one for two pixels; finer a screen does not show
_LETTER = 7.0  # pixels of a letter, about
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)  # seconds

# Paul Tol's light scheme: apart for colour-blind eyes, and dark text can be read on all of them.
_COLOURS = ("#77aadd", "#ee8866", "#eedd88", "#44bb99", "#ffaabb", "#bbcc33", "#99ddff")
_OTHERS = "#aaaaaa"
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #222 } .title { font-size: 15px; font-weight: 600 }
.on { fill: #111; font-weight: 600 } .faint { fill: #666 } .end { text-anchor: end }
.middle { text-anchor: middle } .page { fill: #fff } .line { stroke: #bbb } .cut { stroke: #222 }
.silence { fill: #e4e4e4 }
@media (prefers-color-scheme: dark) {
text { fill: #ddd } .faint { fill: #999 } .page { fill: #181a1d }
.line { stroke: #555 } .cut { stroke: #eee } .silence { fill: #33363b } }
"""

_Floats = npt.NDArray[np.float64]


def draw_timeline(record: Recognition, *, min_seconds: float = MIN_PART_SECONDS) -> str:
    """Draw the probabilities of a file's genres over time, and its parts above them.

    Parameters
    ----------
    record : Recognition
        As a `Recognizer` gives it, without an error.
    min_seconds : float > 0
        The least length of a part.

    Returns
    -------
    str
        An SVG document, all text escaped.

    Raises
    ------
    UsageError
        If the record has an error, or as `genrelab.recognize.segmentation.cut_parts` does.
    """
    parts = cut_parts(record, min_seconds=min_seconds)
    if not parts or record.probabilities is None or record.duration is None:
        raise UsageError(f"{record.path} could not be recognized: there is no picture of it")
    names = [ranked.genre for ranked in record.genres]
    columns = _shown(record.probabilities, parts, names)
    colours = {names[column]: _COLOURS[place] for place, column in enumerate(columns)}
    times, layers = _layers(record, columns)
    name = plain(record.path.name)
    body = [
        f"<title>{escape(name)}: genre over time</title><style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text class="title" x="{_LEFT}" y="28">{escape(_cut(name, 100))}</text>',
        *_areas(times, layers, record.duration, [names[column] for column in columns]),
        *_axes(record.duration),
        *(_strip(part, record.duration, colours) for part in parts),
        *(_border(part.start, record.duration) for part in parts[1:]),
        *_legend(colours, others=len(names) > len(columns), silence=any(p.genre is None for p in parts)),
    ]
    label = escape(f"{name}: genre over time", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-label="{label}">\n' + "\n".join(body) + "\n</svg>\n"
    )


def _shown(probabilities: npt.NDArray[np.float16], parts: tuple[Part, ...], names: list[str]) -> list[int]:
    """Return the columns that get a colour: the parts' genres first, then those of the highest mean."""
    seconds = {name: 0.0 for name in names}
    for part in parts:
        if part.genre is not None:
            seconds[part.genre] += part.end - part.start
    heard = probabilities[~np.isnan(probabilities).any(axis=1)]
    mean = heard.mean(axis=0) if len(heard) else np.zeros(len(names))
    order = sorted(range(len(names)), key=lambda column: (-seconds[names[column]], -mean[column]))
    return order[: len(_COLOURS)]


def _layers(record: Recognition, columns: list[int]) -> tuple[_Floats, _Floats]:
    """Return times [shape=(points,)] and probabilities [shape=(points, layers)] to stack; the rest last.

    Long files have neighbouring segments averaged. Silent points are 0 in all layers.
    """
    assert record.probabilities is not None
    centres = np.array([(piece.start + piece.end) / 2 for piece in record.timeline])
    shown = record.probabilities[:, columns].astype(np.float64)
    rest = (1.0 - shown.sum(axis=1, keepdims=True)).clip(0.0)
    stacked = np.nan_to_num(np.concatenate([shown, rest], axis=1))
    if not columns:  # all is silent
        stacked[:] = 0.0
    group = -(-len(centres) // _MOST_POINTS)
    firsts = np.arange(0, len(centres), group)
    sizes = np.diff([*firsts, len(centres)])
    return np.add.reduceat(centres, firsts) / sizes, np.add.reduceat(stacked, firsts) / sizes[:, None]


def _x(seconds: float, duration: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * min(1.0, seconds / duration)


def _areas(times: _Floats, layers: _Floats, duration: float, names: list[str]) -> list[str]:
    """Stack the layers as steps: each point reaches half the way to its neighbours."""
    borders = [0.0, *((times[:-1] + times[1:]) / 2).tolist(), duration]
    edges = [(_x(left, duration), _x(right, duration)) for left, right in pairwise(borders)]
    tops = np.concatenate([np.zeros((len(times), 1)), layers.cumsum(axis=1)], axis=1).clip(0.0, 1.0)
    heights = _BOTTOM - (_BOTTOM - _TOP) * tops
    areas = []
    for number in range(layers.shape[1]):
        colour, name = (_COLOURS[number], names[number]) if number < len(names) else (_OTHERS, "other genres")
        upper = [
            f"{x:.1f},{y:.1f}" for pair, y in zip(edges, heights[:, number + 1], strict=True) for x in pair
        ]
        lower = [f"{x:.1f},{y:.1f}" for pair, y in zip(edges, heights[:, number], strict=True) for x in pair]
        points = " ".join([*upper, *lower[::-1]])
        areas.append(f'<polygon points="{points}" fill="{colour}"><title>{escape(name)}</title></polygon>')
    return areas


def _axes(duration: float) -> list[str]:
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = _BOTTOM - (_BOTTOM - _TOP) * share
        lines.append(f'<line class="line" x1="{_LEFT - 4}" x2="{_LEFT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="faint end" x="{_LEFT - 7}" y="{y + 4:.1f}">{percent(share)}</text>')
    step = next((tick for tick in _TICKS if duration / tick <= 12), float(_TICKS[-1]))
    for number in range(int(duration / step) + 1):
        x = _x(number * step, duration)
        lines.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{_BOTTOM}" y2="{_BOTTOM + 5}"/>')
        lines.append(
            f'<text class="faint middle" x="{x:.1f}" y="{_BOTTOM + 20}">{clock(number * step)}</text>'
        )
    return lines


def _strip(part: Part, duration: float, colours: dict[str, str]) -> str:
    """Draw one part above the probabilities, with its name if there is room."""
    left, right = _x(part.start, duration), _x(part.end, duration)
    told = part.genre or "silence"
    if part.genre is None or part.probability is None:
        look, text, mean = 'class="silence"', 'class="faint"', ""
    else:
        look, text = f'fill="{colours.get(part.genre, _OTHERS)}"', 'class="on"'
        mean = f", {percent(part.probability)}"
    hint = escape(f"{told}{mean}, {clock(part.start)} to {clock(part.end)}")
    drawn = (
        f'<g><title>{hint}</title><rect {look} x="{left:.1f}" y="{_STRIP}" width="{right - left:.1f}" '
        f'height="{_STRIP_HEIGHT}"/>'
    )
    room = int((right - left - 10) / _LETTER)
    if room >= min(3, len(told)):
        drawn += f'<text {text} x="{left + 6:.1f}" y="{_STRIP + 17}">{escape(_cut(told, room))}</text>'
    return drawn + "</g>"


def _border(seconds: float, duration: float) -> str:
    x = _x(seconds, duration)
    return f'<line class="cut" x1="{x:.1f}" x2="{x:.1f}" y1="{_STRIP}" y2="{_BOTTOM}"/>'


def _legend(colours: dict[str, str], *, others: bool, silence: bool) -> list[str]:
    entries = [(name, f'fill="{colour}"') for name, colour in colours.items()]
    entries += [("other genres", f'fill="{_OTHERS}"')] if others else []
    entries += [("silence", 'class="silence"')] if silence else []
    x, y, drawn = float(_LEFT), _LEGEND, []
    for name, look in entries:
        short = _cut(name, 28)
        width = 24 + _LETTER * len(short) + 14
        if x > _LEFT and x + width > _RIGHT:
            x, y = float(_LEFT), y + 20
        drawn.append(f'<rect {look} x="{x:.1f}" y="{y - 10}" width="12" height="12"/>')
        drawn.append(f'<text x="{x + 18:.1f}" y="{y}">{escape(short)}</text>')
        x += width
    return drawn


def _cut(text: str, most: int) -> str:
    """Return a text of `most` letters at most, also one that may hold what cannot be printed."""
    text = plain(text)
    return text if len(text) <= most else text[: max(1, most - 1)] + "…"
