"""Pictures in SVG: elements, scales, axes. All text that goes into a picture is escaped here.

Colours are CSS classes, because one picture serves light pages, dark pages and paper: `pages/pictures.css`
colours pictures inside a page, `STYLE` those of `genrelab recognize` in a file of their own. Units are pixels
of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from markupsafe import Markup, escape

from genrelab.printing import plain_page

Scale = Callable[[float], float]
Points = Iterable[tuple[float, float]]

STYLE = """
text { fill: #1b1f26; font: 13px system-ui, sans-serif; } .axis { fill: #555e6b; font-size: 12px; }
.title { font-weight: 600; font-size: 15px; } .page { fill: #fff; }
.on { fill: #111; font-weight: 600; font-size: 12px; }
.grid, .reach, .cut { stroke: #8a93a0; stroke-width: 0.6; } .cut { stroke: #1b1f26; stroke-width: 1; }
.reach { stroke-dasharray: 4 3; stroke-width: 1.2; } .silence { fill: #e4e4e4; }
.upper { fill: none; stroke: #3f7fd1; stroke-width: 2; }
.lower { fill: none; stroke: #d1773f; stroke-width: 1.25; }
.ground { fill: none; stroke: #8a93a0; stroke-width: 0.4; } .shade { fill: #3f7fd1; }
@media (prefers-color-scheme: dark) {
text { fill: #e8eaee; } .axis { fill: #a5aebb; } .page { fill: #14171c; } .on { fill: #111; }
.cut { stroke: #e8eaee; } .silence { fill: #33363b; } }
"""


def element(tag: str, *content: str, **attributes: str | float | None) -> Markup:
    """Make an element.

    Parameters
    ----------
    tag : str
    *content : str
        Text, which is escaped, and `Markup`.
    **attributes : str, number or None
        `kind` becomes `class`, `text_anchor` becomes `text-anchor`. A float has one digit after the point.
        None omits the attribute.
    """
    head = "".join(
        f' {"class" if name == "kind" else name.replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = "".join(map(escape, content))
    return Markup(f"<{tag}{head}>{inside}</{tag}>" if inside else f"<{tag}{head}/>")


def _value(value: str | float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else escape(value)


def text(content: str, x: float, y: float, *, anchor: str | None = None, kind: str | None = "axis") -> Markup:
    """Write text at a point; `anchor` is the end of the text that lies there (start, middle, end)."""
    return element("text", content, kind=kind, x=x, y=y, text_anchor=anchor)


def slanted(
    content: str, x: float, y: float, angle: int, *, anchor: str | None = None, kind: str | None = "axis"
) -> Markup:
    """Write text at a point, turned by an angle in degrees."""
    turn = f"translate({x:.1f} {y:.1f}) rotate({angle})"
    return element("text", content, kind=kind, transform=turn, text_anchor=anchor)


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    """Draw a straight line."""
    return element("line", kind=kind, x1=x1, x2=x2, y1=y1, y2=y2)


def path(kind: str, d: str) -> Markup:
    """Draw a path."""
    return element("path", kind=kind, d=d)


def polyline(kind: str, points: Points) -> Markup:
    """Join points, with a gap where one is not finite; a lone point becomes a short dash."""
    listed, parts, pen_down = list(points), [], False
    for i, (x, y) in enumerate(listed):
        if not math.isfinite(y):
            pen_down = False
            continue
        alone = not pen_down and (i + 1 == len(listed) or not math.isfinite(listed[i + 1][1]))
        parts.append(f"M{x - 3:.1f} {y:.1f}h6" if alone else f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = True
    return path(kind, "".join(parts))


class Drawing:
    """A picture: marks are added, and a template or `document` writes it.

    Parameters
    ----------
    kind : str
        Its CSS class.
    width, height : float
    margins : (float, float, float, float)
        Left, right, above and below the plot.

    Attributes
    ----------
    left, right, top, bottom : float
        Edges of the plot.
    label : str or None
        The content in words, for screen readers; None marks decoration that they skip.
    """

    def __init__(
        self,
        kind: str,
        width: float,
        height: float,
        *,
        margins: tuple[float, float, float, float] = (0, 0, 0, 0),
    ) -> None:
        self.kind = kind
        self.width, self.height = width, height
        self.left, self.top = margins[0], margins[2]
        self.right, self.bottom = width - margins[1], height - margins[3]
        self.label: str | None = None
        self.marks: list[Markup] = []

    def add(self, *marks: Markup) -> None:
        """Draw marks over what is there."""
        self.marks += marks

    def title(self, content: str, *, note: str = "") -> None:
        """Write the title on the left of the first line, and a note on its right."""
        self.add(text(content, 0, 14, kind="title"))
        if note:
            self.add(text(note, self.right, 14, anchor="end"))

    def y_axis(self, labels: Iterable[tuple[float, str]], *, grid: bool = True) -> None:
        """Write labels on the left of the plot, each with a line across it if `grid`."""
        for y, label in labels:
            if grid:
                self.add(line("grid", self.left, y, self.right, y))
            self.add(text(label, self.left - 6, y + 4, anchor="end"))

    def x_axis(
        self,
        labels: Iterable[tuple[float, str]],
        *,
        name: str = "",
        rule: tuple[float, float] | None = None,
        slant: bool = False,
    ) -> None:
        """Write labels below the plot, then the name of the axis.

        Parameters
        ----------
        labels : iterable of (float, str)
            x and text.
        name : str
        rule : (float, float) or None
            Ends of a vertical line at each label.
        slant : bool
            Write the labels aslant, since they are long.
        """
        for x, label in labels:
            if rule:
                self.add(line("grid", x, rule[0], x, rule[1]))
            if slant:
                self.add(slanted(label, x + 4, self.bottom + 14, -40, anchor="end"))
            else:
                anchor = "end" if x + 3.5 * len(label) > self.width else "middle"
                self.add(text(label, x, self.bottom + 16, anchor=anchor))
        if name:
            self.add(text(name, self.right, self.bottom + 31, anchor="end"))

    def __html__(self) -> Markup:
        """Return the picture as part of a page, whose style sheet colours it."""
        return self._svg("")

    def document(self, style: str = STYLE) -> str:
        """Return the picture as a file of its own, for light and for dark pages.

        Parameters
        ----------
        style : str
            The style sheet, not escaped.
        """
        size = {"width": f"{self.width:.0f}", "height": f"{self.height:.0f}"}
        return (
            plain_page(self._svg(element("style", Markup(style)), xmlns="http://www.w3.org/2000/svg", **size))
            + "\n"
        )

    def _svg(self, style: str, **more: str) -> Markup:
        read = {"aria_hidden": "true"} if self.label is None else {"role": "img", "aria_label": self.label}
        box = f"0 0 {self.width:.0f} {self.height:.0f}"
        return element("svg", style, *self.marks, kind=self.kind, viewBox=box, **read, **more)


def linear(low: float, high: float, start: float, stop: float) -> Scale:
    """Return what maps `low` to `start` and `high` to `stop`, and all else in proportion."""
    if high == low:
        return lambda value: (start + stop) / 2
    return lambda value: start + (value - low) / (high - low) * (stop - start)


def ticks(low: float, high: float, *, count: int = 5, whole: bool = False) -> list[float]:
    """Return round, evenly spaced values around a range.

    Parameters
    ----------
    low, high : float
        The range. The ticks enclose it, except that with `whole` they stay inside.
    count : int
        About how many steps.
    whole : bool
        Only whole numbers, inside the range (epochs).
    """
    span = (high - low) or (1.0 if whole else abs(high) or 1.0)
    power: float = 10.0 ** math.floor(math.log10(span / count))
    step: float = next(power * nice for nice in (1, 2, 5, 10) if power * nice * count >= span * 0.999)
    if whole:
        step = max(1.0, step)
        first, last = math.ceil(low / step), math.floor(high / step)
    else:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        last = max(last, first + 1)
    return [round(number * step, 12) for number in range(first, last + 1)]


def logarithmic(values: Sequence[float], start: float, stop: float) -> tuple[Scale, list[float]]:
    """Return a logarithmic scale with a margin around values above 0, and its ticks."""
    low, high = math.log10(min(values)), math.log10(max(values))
    margin = 0.06 * (high - low) or 0.5
    inner = linear(low - margin, high + margin, start, stop)
    decades = range(math.floor(low - margin), math.ceil(high + margin) + 1)
    steps = (1, 3) if high - low > 1.5 else (1, 2, 5)
    marked = [step * 10.0**decade for decade in decades for step in steps]
    inside = [tick for tick in marked if low - margin <= math.log10(tick) <= high + margin]
    return (lambda value: inner(math.log10(value))), inside


def brief(value: float) -> str:
    """Write an axis value in few characters: 70k, 1.1M, 0.5, 8e-4."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    if value == 0 or abs(value) >= 0.01:
        return f"{value:.3g}"
    digits, power = f"{value:.2e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def cut(name: str, most: int) -> str:
    """Shorten a name to a number of characters."""
    return name if len(name) <= most else name[: max(1, most - 1)] + "…"
