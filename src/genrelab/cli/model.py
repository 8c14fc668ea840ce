"""`genrelab model`: what a model file states, whether that is so, and how to share it."""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genrelab.cli.progress import say, say_json
from genrelab.printing import shorten

if TYPE_CHECKING:
    from genrelab.bundle.bundle import Bundle
    from genrelab.bundle.metadata import BundleMetadata

_MOST_SHOWN = 100
"""Names of genres and corpora in the table; JSON has all."""

app = typer.Typer(help="Describe, check and share model files.", no_args_is_help=True)
FileArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="The model file; default: $GENRELAB_MODEL, or the bundled model."),
]
FormatOption = Annotated[Literal["table", "json"], typer.Option(help="Output format.")]


@app.command("info")
def info(file: FileArgument = None, format: FormatOption = "table") -> None:
    """Show the card of a model file: genres, thresholds, measured figures, training corpora, digest, tags.

    Example: genrelab model info mine.onnx

    Nothing is run but the check of the file; `genrelab model verify` also runs the network.
    """
    from genrelab.bundle.bundle import Bundle
    from genrelab.bundle.find import find_model

    path = find_model(file)
    bundle = Bundle.load(path)
    if format == "json":
        say_json(_record(bundle, path))
        return
    _write_tables(bundle, path)


@app.command("verify")
def verify(
    file: FileArgument = None,
    sha256: Annotated[
        str | None, typer.Option("--sha256", metavar="DIGEST", help="The digest that the file must have.")
    ] = None,
    format: FormatOption = "table",
) -> None:
    """Check a model file and run its network: does it do what the file states? Exit code 1 if not.

    Example: genrelab model verify mine.onnx

    The checks are bounded in time and memory, also for a file that means harm.
    """
    from genrelab.bundle.find import find_model
    from genrelab.console import plain_table, write_console
    from genrelab.share.verify import CHECKS, verify_model

    found = verify_model(find_model(file), sha256=sha256)
    if format == "json":
        say_json(found.to_dict())
    else:
        table = plain_table()
        table.add_column("check", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("what", overflow="fold")
        for check in found.checks:
            what = check.detail if check.state == "failed" else CHECKS[check.name]
            table.add_row(check.name, check.state, what)
        write_console(sys.stdout.buffer, table)
        say("", f"model   {found.model or 'unknown'}", f"sha256  {found.sha256 or 'unknown'}")
    if not found.passed:
        raise typer.Exit(1)


@app.command("hub")
def hub(
    file: FileArgument = None,
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write.")] = Path("hub"),
    repo: Annotated[
        str | None,
        typer.Option(metavar="USER/NAME", help="Where you will upload it, for the commands in the card."),
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Licence of the model file on the hub, such as apache-2.0 or cc-by-nc-4.0.")
    ] = "unknown",
    dataset: Annotated[
        list[str] | None,
        typer.Option(metavar="USER/NAME", help="A training dataset that is on the hub. Repeatable."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the files of an earlier call.")
    ] = False,
    format: FormatOption = "table",
) -> None:
    """Write the folder of a Hugging Face model repository: card, model file, facts. Nothing is uploaded.

    Example: genrelab model hub mine.onnx --to hub --licence apache-2.0

    The card states what the model file states, with its measured figures. You upload the folder with
    hf upload USER/NAME FOLDER.
    """
    from genrelab.bundle.find import find_model
    from genrelab.share.hub import Repository, write_repository

    repository = Repository(licence, repo, tuple(dataset or ()))
    paths = write_repository(find_model(file), to, repository, overwrite=overwrite)
    if format == "json":
        say_json({"folder": str(to), "files": [str(path) for path in paths]})
        return
    say(*(f"written {path}" for path in paths))
    say(f"upload  hf upload {repo or 'USER/NAME'} {shlex.quote(str(to))}")


def _record(bundle: Bundle, path: Path) -> dict[str, Any]:
    """Return all facts for programs; of the digests of training clips only their number."""
    from genrelab.share.figures import measured

    about = bundle.metadata
    facts = {
        **about.model_dump(mode="json"),
        "tags": [tag.model_dump(mode="json") for tag in about.tags],
        "no_music_above": about.no_music_above,
        "abstain_below_by_genre": about.abstain_below_by_genre,
        "base": about.base,
        "learned": len(about.learned),
    }
    size, digest = _size_and_digest(path)
    return {
        "path": str(path),
        "model": bundle.identity,
        "bytes": size,
        "sha256": digest,
        "measured": [each.to_dict() for each in measured(about)],
        **facts,
    }


def _size_and_digest(path: Path) -> tuple[int, str]:
    from genrelab.bundle.read import read_file

    content = read_file(path)
    return len(content), hashlib.sha256(content).hexdigest()


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
    size, digest = _size_and_digest(path)
    yield "model", bundle.identity
    yield "file", f"{path} ({size:,} bytes, format {about.format_version})"
    yield "sha256", digest
    yield "written", f"{about.created} by genrelab {shorten(about.genrelab_version)}"
    yield "for", f"music: one of {len(about.genres)} genres per track, or `unsure`"
    yield "input", f"{about.sample_rate} Hz {channels}, {seconds}"
    yield "genres", _listed(about.genres)
    yield "calibration", f"temperature {about.temperature:g}, applied by the network"
    yield "unsure", _thresholds(about)
    if about.base is not None:
        yield "embedding", f"that of {about.base}"
    yield from _measured(about)
    corpora = [f"{each.name} ({shorten(each.licence)})" for each in about.corpora]
    for number, corpus in enumerate(_cut(corpora)):
        yield "" if number else "trained on", corpus
    if about.learned:
        yield "", f"{len(about.learned)} clips; their digests are in the file"
    yield "tags", str(len(about.user_tags)) if about.user_tags else "none"


def _measured(about: BundleMetadata) -> Iterator[tuple[str, str]]:
    """Yield the measured figures, each measurement with its dataset, split and verdict."""
    from genrelab.share.figures import measured

    found = measured(about)
    if not found:
        yield "measured", "nothing"
    for result in found:
        clips = "" if result.clips is None else f", {result.clips:,} clips"
        yield (
            "measured",
            f"{result.corpus or 'dataset not stated'}{clips}; split {result.split or 'not stated'}",
        )
        for figure in result.figures:
            bounds = ""
            if figure.low is not None and figure.high is not None:
                bounds = f" ({100 * figure.low:.1f} to {100 * figure.high:.1f})"
            yield "", f"{figure.kind.name} {100 * figure.value:.1f} %{bounds}"
        if result.verdict:
            yield "", " ".join([f"leaks: {result.verdict}.", *result.because])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(_cut(names))


def _cut(names: Sequence[str]) -> list[str]:
    """Return the first names, and how many there are beside them."""
    more = len(names) - _MOST_SHOWN
    return [*names[:_MOST_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]


def _thresholds(about: BundleMetadata) -> str:
    """Return when the model abstains."""
    parts = ["silence"]
    if about.no_music_above is not None:
        parts.append(f"no music from a probability of {about.no_music_above:g}")
    own = _cut([f"{genre} below {below:g}" for genre, below in sorted(about.abstain_below_by_genre.items())])
    if about.abstain_below or own:
        parts.append("a confidence " + ", ".join([f"below {about.abstain_below:g}", *own]))
    return "; ".join(parts)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
