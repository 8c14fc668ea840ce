"""A report read as a browser would, and what reports are made of."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from genrelab.lab.metrics.predictions import Predictions

GENRES = ("blues", "jazz", "metal", "rock")
VOID = {"meta", "br", "hr", "img", "link", "input"}
NASTY = "<script>alert('x')</script>&\"$title"


class Page(HTMLParser):
    """Reads a page: its elements, its tables and its text, and whether every element is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.words += data
        if {"td", "th"} & set(self.open[-2:]):
            self.tables[-1][-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def rows(self, first: str) -> list[list[str]]:
        """Return the table whose first heading is this."""
        return next(table for table in self.tables if table[0][0] == first)


def example(genres: tuple[str, ...] = GENRES, *, clips: int = 60, prefix: str = "clip") -> Predictions:
    rng = np.random.default_rng(0)
    k = len(genres)
    ids = tuple(f"{prefix}{i}" for i in range(clips))
    return Predictions(
        genres,
        ids * 3,
        np.repeat(np.arange(3) * 5.0, clips),
        rng.dirichlet(np.ones(k), size=3 * clips),
        {clip: genres[i % k] for i, clip in enumerate(ids)},
        {clip: f"artist of {clip}" for clip in ids[: clips // 2]},
    )


HISTORY = [
    {
        "epoch": float(epoch),
        "train_loss": 2.0 / (epoch + 1),
        "train_accuracy": 1 - 0.8 / (epoch + 1),
        "valid_loss": 1.0 + 1.0 / (epoch + 1),
        "valid_accuracy": 0.6 - 0.4 / (epoch + 1),
        "learning_rate": 1e-3 / (epoch + 1),
        "best": float(epoch == 7),
    }
    for epoch in range(10)
]
