"""`genrelab evaluate`: test a run on another corpus, or pool the folds of a cross-validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, note, say, say_json, say_text


def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Finished run folders.")],
    corpus: Annotated[str | None, typer.Option(help="NAME:PATH of the corpus to test on.")] = None,
    map: Annotated[
        Path | None,
        typer.Option(
            "--map", help="YAML file that maps genres of the corpus to those of the run, or to null."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the result. Default: `elsewhere/CORPUS` in the run, or `together` beside it."
        ),
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "gpu"], typer.Option(help="auto uses a GPU if there is one.")
    ] = "auto",
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    plugin: Plugins = None,
) -> None:
    """Test a run on another corpus. Without --corpus, pool runs as the folds of a cross-validation.

    Example: genrelab evaluate RUN --corpus folder:/music/other --map genres.yaml
    """
    from genrelab.errors import UsageError
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.findings.wording import published, verdict_lines
    from genrelab.lab.metrics.summary import summary, tags_summary
    from genrelab.lab.runs.folders import REPORT, Run
    from genrelab.lab.studies.cross_corpus import evaluate_elsewhere, evaluate_together, read_map

    finished = [Run.load(folder) for folder in runs]
    if corpus is None:
        if map is not None:
            raise UsageError("--map needs a --corpus", code="map-without-corpus")
        folder = out or runs[0].parent / "together"
        record = evaluate_together(finished, folder)
    elif len(finished) > 1:
        raise UsageError(
            "--corpus tests one run at a time; omit it to pool the test parts of several runs",
            code="corpus-for-several-runs",
        )
    else:
        with counting() as report:
            record, folder = evaluate_elsewhere(
                finished[0],
                load_corpus(corpus),
                mapping=read_map(map) if map else None,
                folder=out,
                device=device,
                report=report,
            )
    for warning in record.warnings:
        note(f"note: {warning}")
    figures = record.evaluation.model_dump(mode="json")
    if format == "json":
        findings = [each.to_dict() for each in record.findings]
        trust = published(record.verdict) | {"findings": findings}
        say_json({"folder": str(folder), **trust, "evaluation": figures})
        return
    say_text(summary(figures, finished[0].recipe.voting))
    say(*tags_summary(None if record.tags is None else record.tags.model_dump(mode="json")))
    say(*verdict_lines(record.verdict, record.findings))
    say(f"report  {folder / REPORT}")
