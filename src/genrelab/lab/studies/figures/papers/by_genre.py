"""Top-1 and top-2 accuracy of a run by genre, on its own test part and on other corpora."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.lab.metrics.predictions import Predictions, read_predictions
from genrelab.lab.runs import folders
from genrelab.lab.runs.folders import Run
from genrelab.pages import palette, svg
from genrelab.pages.svg import Drawing, element, text

_THICK, _GAP = 20, 8  # pixels


class Tested(NamedTuple):
    """Answers of a run for the tracks of a corpus.

    Attributes
    ----------
    corpus : str
    elsewhere : bool
        Whether it is another corpus than that of the training.
    genres : tuple of str
    truth : np.ndarray [shape=(n,)]
        True genre numbers.
    orders : np.ndarray [shape=(n, genres)]
        Genre numbers, the predicted one first.
    """

    corpus: str
    elsewhere: bool
    genres: tuple[str, ...]
    truth: npt.NDArray[np.intp]
    orders: npt.NDArray[np.intp]

    def hits(self, top: int) -> npt.NDArray[np.bool_]:
        """Return whether the true genre is among the first answers, for each track."""
        found: npt.NDArray[np.bool_] = (self.orders[:, :top] == self.truth[:, None]).any(axis=1)
        return found

    def accuracy(self, top: int) -> float:
        """Return the share of tracks whose true genre is among the first answers."""
        return float(self.hits(top).mean())


def answers_of(run: Run) -> list[Tested]:
    """Return the answers for its own test part, then those for other corpora on which it was tested."""
    found = [_tested(run.predictions(), run, run.record.corpus.name, elsewhere=False)]
    other = run.folder / "elsewhere"
    for folder in sorted(other.iterdir()) if other.is_dir() else ():
        if (folder / folders.PREDICTIONS).is_file():
            answers = read_predictions(folder / folders.PREDICTIONS)
            found.append(_tested(answers, run, folder.name, elsewhere=True))
    return found


def _tested(predictions: Predictions, run: Run, corpus: str, *, elsewhere: bool) -> Tested:
    answers = predictions.tracks(run.recipe.voting)
    return Tested(corpus, elsewhere, predictions.genres, answers.truth, answers.orders)


def genre_bars(title: str, tested: Tested) -> Drawing:
    """Draw top-1 accuracy of each genre in its colour, and top-2 accuracy paler behind it."""
    names = [svg.cut(genre, 24) for genre in tested.genres]
    left = 20 + 7.2 * max(map(len, names))
    height = len(names) * (_THICK + _GAP)
    picture = Drawing("chart", left + 360, 46 + height + 40, margins=(left, 112, 40, 46))
    across = svg.linear(0.0, 1.0, picture.left, picture.right)
    marks = [0.0, 0.25, 0.5, 0.75, 1.0]
    picture.title(title)
    picture.x_axis(
        ((across(mark), f"{mark:.0%}") for mark in marks),
        name="of the genre's tracks",
        rule=(picture.top, picture.bottom),
    )
    picture.add(text("top-1, top-2", picture.right + 8, picture.top - 6))
    colours = palette.assign(tested.genres)
    first, second, spoken = tested.hits(1), tested.hits(2), []
    for number, name in enumerate(names):
        own = tested.truth == number
        y = picture.top + number * (_THICK + _GAP) + _GAP / 2
        picture.add(text(name, picture.left - 8, y + _THICK / 2 + 4, anchor="end", kind=None))
        if not own.any():
            picture.add(text("no track", picture.left + 6, y + _THICK / 2 + 4))
            continue
        shares = float(first[own].mean()), float(second[own].mean())
        for share, opacity in ((shares[1], "0.4"), (shares[0], "1")):
            picture.add(
                element(
                    "rect",
                    fill=colours[tested.genres[number]][0],
                    fill_opacity=opacity,
                    x=picture.left,
                    y=y,
                    width=across(share) - picture.left,
                    height=_THICK,
                )
            )
        picture.add(
            text(f"{100 * shares[0]:.0f} %, {100 * shares[1]:.0f} %", picture.right + 8, y + _THICK / 2 + 4)
        )
        spoken.append(f"{tested.genres[number]} {shares[0]:.0%} and {shares[1]:.0%} of {int(own.sum())}")
    picture.label = f"{title}: top-1 and top-2 accuracy by genre. {'; '.join(spoken)}."
    return picture
