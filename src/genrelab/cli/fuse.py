"""`genrelab fuse`: combine the answers of finished networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, note, say, say_json, say_text


def fuse(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Finished run folders of one split: two networks or more."),
    ],
    weights: Annotated[
        Literal["average", "learned"],
        typer.Option(help="`learned` fits the weights of the networks to the validation clips."),
    ] = "average",
    corpus: Annotated[
        str | None, typer.Option(help="NAME:PATH of the corpus of the runs; learned weights need it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the result. Default: `fused` beside the first run.")
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "gpu"], typer.Option(help="auto uses a GPU if there is one.")
    ] = "auto",
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    plugin: Plugins = None,
) -> None:
    """Average the answers of finished networks, and measure the result on their test clips.

    Example: genrelab fuse runs/A/gtzan/artist-seed0 runs/B/gtzan/artist-seed0

    Weights are equal or learned; learned weights are fitted to the validation clips alone. For a
    cross-validation, name the same folds of each network: they are fused fold by fold and pooled. Runs of
    different splits are refused, because one would be tested on clips that another was trained on.
    """
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.findings.wording import published, verdict_lines
    from genrelab.lab.metrics.summary import summary
    from genrelab.lab.runs.folders import REPORT, Run
    from genrelab.lab.studies.fusion import fuse as fuse_runs

    finished = [Run.load(folder) for folder in runs]
    with counting() as report:
        fusion = fuse_runs(
            finished,
            out or runs[0].parent / "fused",
            weights=weights,
            corpus=load_corpus(corpus) if corpus else None,
            device=device,
            report=report,
        )
    record = fusion.record
    for warning in record.warnings:
        note(f"note: {warning}")
    figures = record.evaluation.model_dump(mode="json")
    sentences = [pair.sentence() for pair in fusion.pairs]
    if format == "json":
        findings = [each.to_dict() for each in record.findings]
        trust = published(record.verdict) | {"findings": findings}
        say_json(
            {
                "folder": str(fusion.folder),
                "networks": list(fusion.networks),
                "weights": {split: list(shares) for split, shares in fusion.weights.items()},
                "compared": sentences,
                **trust,
                "evaluation": figures,
            }
        )
        return
    for split, shares in fusion.weights.items():
        parts = ", ".join(f"{name} {share:.3f}" for name, share in zip(fusion.networks, shares, strict=True))
        say(f"weights ({split})  {parts}")
    say_text(summary(figures, "mean"))
    say(*sentences)
    say(*verdict_lines(record.verdict, record.findings))
    say(f"report  {fusion.folder / REPORT}")
