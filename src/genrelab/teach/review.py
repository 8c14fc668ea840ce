"""Doubtful tracks, one after the other: likely wrong labels, and files of which a taught model is unsure."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TextIO

from genrelab.csv_text import csv_line, csv_lines
from genrelab.errors import UsageError
from genrelab.files import replace_file
from genrelab.library.store.library import Library
from genrelab.recognize.inputs.problem import why
from genrelab.recognize.writers.table import percent
from genrelab.teach.sources.examples_file import StoredExamples
from genrelab.teach.sources.labelled import MOST_BYTES
from genrelab.vocabulary import normalize

Reason = Literal["label", "unsure"]
HEADER = ("path", "genre")

HELP = (
    "y: the prediction is right. n: the label is right. A genre, or the beginning of its name: it is right.",
    "+NAME: a genre that the model does not have. Enter or s: skip. q: quit. Several genres: separate by ;",
)


@dataclass(frozen=True)
class Question:
    """A track to ask about.

    Attributes
    ----------
    path : str
    genres : tuple of str
        Its label; empty for a file of which the model is unsure.
    predicted : str
    probability : float
        Of the predicted genre.
    reason : {"label", "unsure"}
    """

    path: str
    genres: tuple[str, ...]
    predicted: str
    probability: float
    reason: Reason

    COLUMNS: ClassVar = ("path", "labelled", "predicted", "probability", "reason")

    def cells(self) -> list[str]:
        """Return the question as a row for people, in the order of `COLUMNS`."""
        return [self.path, ", ".join(self.genres), self.predicted, percent(self.probability), self.reason]

    def to_dict(self) -> dict[str, Any]:
        """Return the question as a JSON object."""
        return {
            "path": self.path,
            "labelled": list(self.genres),
            "predicted": self.predicted,
            "probability": round(self.probability, 4),
            "reason": self.reason,
        }


def questions(
    stored: StoredExamples, library: Library | None, model: str, answered: set[str]
) -> list[Question]:
    """Return what to ask: labels first, most doubtful first, then files of which the model is unsure.

    Parameters
    ----------
    stored : StoredExamples
    library : Library or None
        Where to look for files of which the model is unsure.
    model : str
        `Bundle.identity` of the taught model.
    answered : set of str
        Paths that are left out.

    Returns
    -------
    list of Question
    """
    examples = stored.examples
    found = [
        Question(
            examples.paths[doubt.example],
            examples.genres[doubt.example],
            doubt.genre,
            doubt.probability,
            "label",
        )
        for doubt in stored.doubts
    ]
    if library is not None:
        known = set(examples.paths)
        unsure = [
            Question(os.fspath(record.path), (), *record.genres[0], "unsure")
            for record in library.tracks.all()
            if record.model == model and record.reason == "low confidence" and record.genres
        ]
        new = [each for each in unsure if each.path not in known]
        found += sorted(new, key=lambda each: (each.probability, each.path))
    return [each for each in found if each.path not in answered]


class Answers:
    """The CSV file of answers; each is written as soon as it is given.

    Parameters
    ----------
    path : Path
        Continued if it exists.

    Attributes
    ----------
    paths : set of str
        The tracks that it answers for.

    Raises
    ------
    UsageError
        If the file cannot be read, is too large, or is not such a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.paths: set[str] = set()
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} cannot be read: {why(error)}.", code="review-unreadable") from error
        if len(data) > MOST_BYTES:
            message = f"{path} has more than {MOST_BYTES:,} bytes. Name another file with --to FILE."
            raise UsageError(message, code="review-too-large")
        rows = _rows(data)
        try:
            if data and tuple(next(rows)) != HEADER:
                raise csv.Error("its first line is not path,genre")
            self.paths = {row[0] for row in rows if row}
        except csv.Error as error:
            message = f"{path} is no file of answers: {error}. Name another with --to FILE."
            raise UsageError(message, code="review-not-answers") from error
        self._cut_line = bool(data) and not data.endswith(b"\n")

    _cut_line = False

    def put(self, path: str, genres: Sequence[str]) -> None:
        """Write an answer in place of an earlier one for the same track, which is there until then."""
        if path in self.paths:
            self._replace(path, [(path, ";".join(genres))])
        else:
            self.add(path, genres)

    def remove(self, path: str) -> bool:
        """Remove the answers for a track; return whether there was one. The file is replaced atomically."""
        if path not in self.paths:
            return False
        self._replace(path, [])
        self.paths.discard(path)
        return True

    def _replace(self, path: str, answers: list[tuple[str, str]]) -> None:
        kept = [row for row in _rows(self.path.read_bytes()) if row and row[0] != path]
        text = csv_lines([*kept, *answers], formulas=True).encode("utf-8", "surrogateescape")
        replace_file(self.path, lambda draft: draft.write_bytes(text))
        self._cut_line = False

    def add(self, path: str, genres: Sequence[str]) -> None:
        """Write an answer."""
        fresh = not self.path.exists() or self.path.stat().st_size == 0
        text = "\n" * self._cut_line + (csv_line(HEADER) if fresh else "")
        text += csv_line((path, ";".join(genres)), formulas=True)
        self._cut_line = False
        with self.path.open("ab") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        self.paths.add(path)


def _rows(data: bytes) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(data.decode("utf-8-sig", "surrogateescape"), newline=""))


@dataclass
class Tally:
    """How many tracks were answered and skipped, and whether the user quit."""

    answered: int = 0
    skipped: int = 0
    quit: bool = False


def ask(
    asked: Sequence[Question],
    genres: Sequence[str],
    answers: Answers,
    source: TextIO,
    show: Callable[[str], None],
    *,
    multi: bool = False,
) -> Tally:
    """Ask about each track until the end of the input.

    Parameters
    ----------
    asked : sequence of Question
    genres : sequence of str
        Of the model.
    answers : Answers
    source : text file
        One answer per line.
    show : callable
        Prints a line.
    multi : bool
        Whether tracks have several genres: `y` then adds the predicted one.

    Returns
    -------
    Tally
    """
    tally = Tally()
    for number, question in enumerate(asked, start=1):
        show(f"{number} of {len(asked)}: {question.path}")
        label = f"labelled {', '.join(question.genres)}; " if question.genres else ""
        show(f"  {label}predicted {question.predicted} ({percent(question.probability)})")
        while True:
            show("  y, n, a genre, s (skip), q (quit), ? (help):")
            line = source.readline()
            word = line.strip()
            if not line or word.casefold() == "q":
                tally.quit = True
                return tally
            if word.casefold() in ("", "s"):
                tally.skipped += 1
                break
            if word == "?":
                for each in HELP:
                    show(f"  {each}")
                show(f"  genres: {', '.join(genres)}")
                continue
            chosen = _chosen(word, question, genres, multi=multi)
            if isinstance(chosen, str):
                show(f"  {chosen}")
                continue
            answers.add(question.path, chosen)
            tally.answered += 1
            break
    return tally


def _chosen(
    word: str, question: Question, genres: Sequence[str], *, multi: bool
) -> tuple[str, ...] | str:  # fmt: skip
    """Return the genres that an answer means, or what is wrong with it."""
    if word.casefold() == "y":
        kept = question.genres if multi else ()
        return tuple(dict.fromkeys((*kept, question.predicted)))
    if word.casefold() == "n":
        return question.genres or "the file has no label: name its genre, or skip it"
    found: list[str] = []
    for part in filter(None, map(str.strip, word.split(";"))):
        if part.startswith("+") and part[1:].strip():
            found.append(part[1:].strip())
            continue
        fits = list(_matches(part, genres))
        if len(fits) != 1:
            what = f"{part!r} may be {', '.join(fits[:5])}" if fits else f"{part!r} is no genre of the model"
            return f"{what}; ? lists them, and +{part} makes a new one"
        found += fits
    return tuple(dict.fromkeys(found)) or "name a genre"


def _matches(part: str, genres: Sequence[str]) -> Iterator[str]:
    """Yield the genre that a text names, or else all that begin with it."""
    key = normalize(part)
    if exact := [genre for genre in genres if genre == part or (key and normalize(genre) == key)]:
        yield exact[0]
        return
    yield from (genre for genre in genres if key and normalize(genre).startswith(key))
