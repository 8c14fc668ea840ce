"""Options that commands of the recognizer share, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from genrelab.library.tagging.genre_text import Placeholders

DATA_FOLDER = "library.db in your data folder"

PathsArgument = Annotated[
    list[Path] | None, typer.Argument(metavar="[PATH...]", help="Files and folders; default: all tracks.")
]
LibraryOption = Annotated[
    Path | None, typer.Option("--library", metavar="FILE", help=f"The library; default: {DATA_FOLDER}.")
]
ModelOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The model file; default: $GENRELAB_MODEL, or the bundled model."),
]
ProviderOption = Annotated[
    Literal["cpu", "cuda", "tensorrt"],
    typer.Option(help="Where the network runs; cuda and tensorrt need onnxruntime-gpu."),
]
RayAddressOption = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="A running Ray cluster, or auto; default: $RAY_ADDRESS, or one that starts on this machine.",
    ),
]
TrainingEngineOption = Annotated[
    Literal["local", "ray"],
    typer.Option(help="Where trainings run; ray needs a folder that all machines share."),
]
FormatOption = Annotated[Literal["table", "json", "csv"], typer.Option(help="Output format.")]
RecordFormatOption = Annotated[
    Literal["table", "json", "jsonl", "csv", "parquet"], typer.Option(help="Output format.")
]
GuessOption = Annotated[
    bool, typer.Option("--guess", help="Use the best genre, marked as a guess, where the model is unsure.")
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Number of files processed at once.",
        show_default="number of cores, at most 8",
    ),
]
OutOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write to this file instead of standard output.")
]
TopOption = Annotated[int, typer.Option(metavar="K", min=1, help="Number of genres per file.")]
TagsOption = Annotated[
    bool,
    typer.Option("--tags", help="Show moods, styles and other tags; JSON contains them without this."),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITIONS",
        help="Only tracks that fulfil all: mood=calm, genre=rock|metal, mood=calm>0.6, confidence>0.7. "
        "Repeatable.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print only errors to standard error.")]
MapOption = Annotated[
    Path | None,
    typer.Option("--map", metavar="FILE", help="YAML file with your names and parents for genres."),
]
Spelling = Literal["plain", "id3", "discogs", "musicbrainz", "model"]
SpellingOption = Annotated[
    Spelling,
    typer.Option(
        "--spelling",
        help="How to write genres that --map does not name: as players show them, as a list spells them, or "
        "with the model's names.",
    ),
]
ParentsOption = Annotated[
    bool, typer.Option("--parents", help="Also write the parents of a genre: Metal, Rock.")
]
PlaceholdersOption = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help="Tag texts that mean no genre: other,unknown or @FILE. A leading + adds to the default list.",
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Skip files and folders that match, as in .gitignore. Repeatable."),
]
NoIgnoreOption = Annotated[
    bool,
    typer.Option(
        "--no-ignore",
        help="Include what .nomedia, .ndignore and .plexignore hide, and folders such as @eaDir.",
    ),
]


def _use_vocabulary(context: typer.Context, path: Path | None) -> Path | None:
    """Extend the vocabulary by a file during a command, and check it before anything else happens."""
    from genrelab.vocabulary.own.file import file_in_use, use_file
    from genrelab.vocabulary.table import index

    if path is not None:
        use_file(path)
        context.call_on_close(lambda: use_file(None))
    if file_in_use() is not None:
        try:
            index()
        except Exception:
            use_file(None)
            raise
    return path


VocabularyOption = Annotated[
    Path | None,
    typer.Option(
        "--vocabulary",
        metavar="FILE",
        callback=_use_vocabulary,
        help="YAML file with your own genres, spellings and parents; default: $GENRELAB_VOCABULARY.",
    ),
]


def is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option was given on the command line, not in the config file."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def read_placeholders(text: str | None) -> Placeholders:
    """Return the placeholders that the option gives, or the default ones."""
    from genrelab.library.tagging.genre_text import PLACEHOLDERS, Placeholders

    return PLACEHOLDERS if text is None else Placeholders.parse(text)
