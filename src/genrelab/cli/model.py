"""`genrelab model`: what a model file states."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genrelab.cli.progress import say_json

if TYPE_CHECKING:
    from genrelab.bundle.bundle import Bundle
    from genrelab.bundle.metadata import BundleMetadata

app = typer.Typer(help="Describe model files.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `info` a command of its own while it is the only one."""


@app.command("info")
def info(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="The model file; default: $GENRELAB_MODEL, or the bundled model."
        ),
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
) -> None:
    """Show what a model file states: genres, thresholds, training corpora, and tags with measured figures.

    Example: genrelab model info mine.onnx
    """
    from genrelab.bundle.bundle import Bundle
    from genrelab.bundle.find import find_model

    path = find_model(file)
    bundle = Bundle.load(path)
    if format == "json":
        say_json(_record(bundle, path))
        return
    _write_tables(bundle, path)


def _record(bundle: Bundle, path: Path) -> dict[str, Any]:
    """Return all facts for programs; of the digests of training clips only their number."""
    about = bundle.metadata
    facts = {
        **about.model_dump(mode="json"),
        "tags": [tag.model_dump(mode="json") for tag in about.tags],
        "no_music_above": about.no_music_above,
        "abstain_below_by_genre": about.abstain_below_by_genre,
        "base": about.base,
        "learned": len(about.learned),
    }
    return {"path": str(path), "model": bundle.identity, "bytes": path.stat().st_size, **facts}


def _write_tables(bundle: Bundle, path: Path) -> None:
    from genrelab.console import plain_table, write_console

    about = bundle.metadata
    facts = plain_table()
    facts.show_header = False
    facts.add_column(no_wrap=True, style="bold")
    facts.add_column(overflow="fold")
    for row in _facts(bundle, path):
        facts.add_row(*row)
    write_console(sys.stdout.buffer, facts)
    if not about.user_tags:
        return
    tags = plain_table()
    tags.add_column("tag", overflow="fold")
    tags.add_column("present from", justify="right")
    tags.add_column("AUC", justify="right")
    tags.add_column("average precision", justify="right")
    tags.add_column("measured against")
    for tag in about.user_tags:
        figures = (_share(tag.threshold), _share(tag.auc), _share(tag.average_precision))
        tags.add_row(tag.label, *figures, "labels" if tag.measured == "labels" else "a teacher's predictions")
    sys.stdout.buffer.write(b"\n")
    write_console(sys.stdout.buffer, tags)


def _facts(bundle: Bundle, path: Path) -> Iterator[tuple[str, str]]:
    about = bundle.metadata
    channels = "mono" if about.channels == 1 else "stereo"
    seconds = f"segments of {about.segment_seconds:g} s every {about.hop_seconds:g} s"
    yield "model", bundle.identity
    yield "file", f"{path} ({path.stat().st_size:,} bytes, format {about.format_version})"
    yield "written", f"{about.created} by genrelab {about.genrelab_version}"
    yield "input", f"{about.sample_rate} Hz {channels}, {seconds}"
    yield "genres", ", ".join(about.genres)
    yield "unsure", _thresholds(about)
    if about.base is not None:
        yield "embedding", f"that of {about.base}"
    for number, corpus in enumerate(about.corpora):
        yield "" if number else "trained on", f"{corpus.name} ({corpus.licence})"
    if about.learned:
        yield "", f"{len(about.learned)} clips; their digests are in the file"
    yield "tags", str(len(about.user_tags)) if about.user_tags else "none"


def _thresholds(about: BundleMetadata) -> str:
    """Return when the model abstains."""
    parts = ["silence"]
    if about.no_music_above is not None:
        parts.append(f"no music from a probability of {about.no_music_above:g}")
    own = [f"{genre} below {below:g}" for genre, below in sorted(about.abstain_below_by_genre.items())]
    if about.abstain_below or own:
        parts.append("a confidence " + ", ".join([f"below {about.abstain_below:g}", *own]))
    return "; ".join(parts)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
