"""Boxes, arrows and words of a diagram, on a background of its own, so that any page can show it."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from genrelab.pages.svg import Drawing, element, text

ROOT = Path(__file__).resolve().parents[2]

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1b1f26; } .small { font-size: 12px; fill: #4a525e; }
.head { font-size: 15px; font-weight: 600; } .code { font: 12px ui-monospace, monospace; }
.sheet { fill: #fbfbfa; } .area { fill: #f0f1f3; stroke: #c6cad1; }
.plain { fill: #fff; stroke: #8a93a0; } .shared { fill: #dbe8fa; stroke: #3f7fd1; }
.file { fill: #fdeee2; stroke: #d1773f; } .arrow { fill: none; stroke: #4a525e; stroke-width: 1.6; }
.tip { fill: #4a525e; }
@media (prefers-color-scheme: dark) {
text { fill: #e8eaee; } .small { fill: #b3bbc7; } .sheet { fill: #14171c; }
.area { fill: #1d2127; stroke: #434a55; } .plain { fill: #262b33; stroke: #78818f; }
.shared { fill: #1c3557; stroke: #5f9be6; } .file { fill: #46290f; stroke: #d1773f; }
.arrow { stroke: #b3bbc7; } .tip { fill: #b3bbc7; } }
"""


class Diagram(Drawing):
    """A drawing on a sheet of its own colour.

    Parameters
    ----------
    width, height : float
    label : str
        The content in words, for screen readers.
    """

    def __init__(self, width: float, height: float, label: str) -> None:
        super().__init__("diagram", width, height)
        self.label = label
        self.add(self._rectangle("sheet", 0, 0, width, height))

    @staticmethod
    def _rectangle(kind: str, x: float, y: float, width: float, height: float) -> Markup:
        return element("rect", kind=kind, x=x, y=y, width=width, height=height, rx=6)

    def box(self, kind: str, x: float, y: float, width: float, height: float, *lines: str) -> None:
        """Draw a box with lines of text in its middle; a line that begins with a backtick is code."""
        self.add(self._rectangle(kind, x, y, width, height))
        first = y + height / 2 - 8.5 * (len(lines) - 1) + 4.5
        for number, words in enumerate(lines):
            self.words(
                words,
                x + width / 2,
                first + 17 * number,
                anchor="middle",
                kind=None if number == 0 else "small",
            )

    def words(
        self, words: str, x: float, y: float, *, anchor: str = "start", kind: str | None = "small"
    ) -> None:
        """Write a line; one that begins with a backtick is code."""
        kind = "code" if words.startswith("`") else kind
        self.add(text(words.strip("`"), x, y, anchor=anchor, kind=kind))

    def arrow(self, *points: tuple[float, float]) -> None:
        """Draw an arrow through points; its last part is horizontal or vertical."""
        (x0, y0), (x, y) = points[-2:]
        across, down = (x > x0) - (x < x0), (y > y0) - (y < y0)
        ends = [*points[:-1], (x - 6 * across, y - 6 * down)]
        way = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in ends)
        back, side = (x - 8 * across, y - 8 * down), (5 * down, 5 * across)
        tip = f"M{x:.1f} {y:.1f}L{back[0] - side[0]:.1f} {back[1] - side[1]:.1f}"
        self.add(
            element("path", kind="arrow", d=way),
            element("path", kind="tip", d=f"{tip}L{back[0] + side[0]:.1f} {back[1] + side[1]:.1f}Z"),
        )
