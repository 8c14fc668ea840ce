"""The albums of `external.py`: their answers, combined as by `genrelab recognize --by folder`, and figures.

Conventions are those of `external_figures`, with albums instead of files. An album of which no file could be
recognized is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from external_figures import Answer, Table, overall, reasons

from genrelab.bundle.metadata import BundleMetadata
from genrelab.lab.metrics.summary import figure
from genrelab.recognize import Recognition
from genrelab.recognize.albums import combine

if TYPE_CHECKING:
    from external import Song

FIGURES = ("accuracy", "balanced_accuracy", "answered", "precision")
HEAD = ("accuracy", "balanced accuracy", "answered", "right among answered")


def album_answers(
    tracks: Sequence[tuple[Song, Recognition]], metadata: BundleMetadata, groups: Mapping[str, str]
) -> dict[str, Answer]:
    """Return the answer for each album: name of the album -> answer.

    The group of an album is that of its first file in `groups`, or else the album itself.
    """
    albums: dict[str, list[tuple[Song, Recognition]]] = {}
    for song, record in tracks:
        albums.setdefault(song.album, []).append((song, record))
    answers = {}
    for name, those in albums.items():
        (album,) = combine([record for _, record in those], metadata)
        if album.genre is None:
            continue
        first = those[0][0]
        group = next((groups[song.name] for song, _ in those if song.name in groups), None)
        answers[name] = Answer(
            name,
            first.corpus,
            first.genre,
            f"album {name}" if group is None else f"group {group}",
            tuple(each.genre for each in album.genres),
            album.confidence or 0.0,
            album.reason,
        )
    return answers


def album_figures(answers: Mapping[str, Answer], genres: Sequence[str]) -> dict[str, Any] | None:
    """Return the figures over albums, in all and by corpus; None if there are no albums."""
    if not answers:
        return None
    every = list(answers.values())
    corpora = sorted({each.corpus for each in every})
    return {
        "overall": _figures(every, genres),
        "corpora": {
            name: _figures([each for each in every if each.corpus == name], genres) for name in corpora
        },
        "unsure": {reason: {"albums": each.pop("files"), **each} for reason, each in reasons(every).items()},
    }


def _figures(answers: Sequence[Answer], genres: Sequence[str]) -> dict[str, Any]:
    found = overall(Table.of(answers, genres))
    return {"albums": found.pop("files"), **found}


def album_table(result: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """Return head and rows of the table of albums."""
    rows = [
        (name, each["albums"], each["groups"], *(figure(each[key]) for key in FIGURES))
        for name, each in (("all", result["overall"]), *result["corpora"].items())
    ]
    return ("by album", "albums", "groups", *HEAD), rows
