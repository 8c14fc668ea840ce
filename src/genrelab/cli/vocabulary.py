"""`genrelab vocabulary`: the names of genres, their spellings and parents, and what texts in tags mean."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genrelab.cli.options import VocabularyOption
from genrelab.cli.progress import note, say, say_json, say_text

if TYPE_CHECKING:
    from genrelab.vocabulary.describe import Match

app = typer.Typer(
    help="Look genres up: spellings, parents, and what the text of a tag means.", no_args_is_help=True
)

Format = Annotated[Literal["table", "json"], typer.Option("--format", help="Output format.")]

_MOST_BYTES = 1 << 20  # of standard input


@app.command("list")
def list_vocabularies(vocabulary: VocabularyOption = None, format: Format = "table") -> None:
    """List the vocabularies: number of entries, coverage, source and licence.

    Example: genrelab vocabulary list
    """
    from genrelab.cli.output.listing import write_table
    from genrelab.vocabulary.describe import vocabularies

    found = vocabularies()
    if format == "json":
        say_json(found)
        return
    rows = [(each["name"], str(each["entries"]), each["about"]) for each in found]
    write_table(["name", "entries", "about"], rows, sys.stdout.buffer, right=["entries"])


@app.command("show")
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A genre or style, or one of genrelab, id3, discogs, musicbrainz, tree."
        ),
    ],
    vocabulary: VocabularyOption = None,
    format: Format = "table",
) -> None:
    """Show a genre or style with its spellings, parents and children, or all entries of a vocabulary.

    Example: genrelab vocabulary show "death metal"
    """
    from genrelab.cli.output.listing import write_table
    from genrelab.printing import yaml_text
    from genrelab.vocabulary.describe import NAMES, TREE, describe, rows, tree

    chosen = name.strip().casefold()
    if chosen == TREE:
        say_json(tree()) if format == "json" else say_text(yaml_text(tree()))
        return
    if chosen not in NAMES:
        _show_genre(describe(name), format)
        return
    found = rows(chosen)
    if format == "json":
        say_json(found)
        return
    columns = [key for key in found[0] if any(row[key] not in ([], "") for row in found)]
    cells = [tuple(_cell(row[key]) for key in columns) for row in found]
    write_table(columns, cells, sys.stdout.buffer, right=["number"])


def _show_genre(record: dict[str, Any], format: str) -> None:
    if format == "json":
        say_json(record)
        return
    say(f"{record['name']} ({record['level']})")
    for spelling, text in record["spellings"].items():
        say(f"  {spelling + ':':13}{text}")
    lines = ("id3_numbers", "parents", "ancestors", "children", "aliases")
    for key in lines:
        if record[key]:
            title = "ID3 number" if key == "id3_numbers" else key
            say(f"  {title + ':':13}{_cell(record[key])}")


def _cell(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@app.command("match")
def match_texts(
    texts: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT...", help="Texts of genre tags; - reads one per line from standard input."
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Show which genres of this model a text names; default: $GENRELAB_MODEL, or the bundled "
            "model.",
        ),
    ] = None,
    vocabulary: VocabularyOption = None,
    format: Format = "table",
) -> None:
    """Show what the text of a genre tag means, for each genre in it.

    Example: genrelab vocabulary match "Hip Hop; Death Metal"

    Exit code: 0 if every genre is known; 1 if one is not; 2 for wrong use.
    """
    from genrelab.vocabulary.describe import match

    genres = _genres_of(model)
    found = [each for text in _expand(texts) for each in match(text, genres)]
    if format == "json":
        say_json([each.to_dict() for each in found])
    elif found:
        _write_matches(found)
    unknown = [each for each in found if each.kind == "unknown"]
    for each in unknown if format == "table" else ():
        near = f"; the nearest names are {', '.join(map(repr, each.nearest))}" if each.nearest else ""
        note(f"note: {each.value!r} is not in the vocabulary{near}")
    if unknown:
        raise typer.Exit(1)


def _write_matches(found: list[Match]) -> None:
    from genrelab.cli.output.listing import write_table
    from genrelab.vocabulary import display
    from genrelab.vocabulary.names import ancestors

    rows = []
    for each in found:
        genre = "unknown" if each.name is None else display(each.name)
        above = ", ".join(map(display, ancestors(each.name or "")))
        kind = f"a kind of {genre}" if each.kind == "narrower" else genre
        rows.append((each.value, kind, above, ", ".join(each.genres)))
    write_table(["text", "genre", "belongs to", "genre of the model"], rows, sys.stdout.buffer)


def _genres_of(model: Path | None) -> tuple[str, ...]:
    """Return the genres of a model; none if no file is named and the default cannot be used."""
    from genrelab.bundle.bundle import Bundle
    from genrelab.bundle.find import find_model
    from genrelab.errors import GenrelabError

    try:
        return Bundle.load(find_model(model), threads=1).metadata.genres
    except GenrelabError as error:
        if model is not None:
            raise
        note(f"note: genres of the model are not shown: {error}")
        return ()


def _expand(texts: list[str]) -> list[str]:
    """Return the texts, with the lines of standard input in place of `-`."""
    from genrelab.errors import UsageError

    if "-" not in texts:
        return texts
    data = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        message = f"standard input has more than {_MOST_BYTES} bytes. Give fewer texts at a time."
        raise UsageError(message, code="vocabulary-input-too-large")
    lines = [line for line in data.decode("utf-8", errors="replace").splitlines() if line.strip()]
    at = texts.index("-")
    return [*texts[:at], *lines, *(text for text in texts[at + 1 :] if text != "-")]
