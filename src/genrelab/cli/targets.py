"""`genrelab targets`: write the predictions of a model file for a corpus, as targets to distill."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, note, say
from genrelab.system import join_words


def targets(
    corpus: Annotated[str, typer.Option(help="NAME:PATH; see `genrelab corpora list`.")],
    to: Annotated[Path, typer.Option(help="The .npz file to write.")],
    model: Annotated[
        Path | None,
        typer.Argument(help="The teacher, an .onnx file. Default: the model that `recognize` uses."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Cores that the network may use. Default: all.")
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Write the predictions of a model file (the teacher) for a corpus, for `genrelab train --targets`.

    Example: genrelab targets --corpus gtzan:/data/GTZAN --to answers.npz

    Clips without a genre get predictions too. The file records which clips the teacher was trained on;
    `genrelab train` reports a leak if it tests on them.
    """
    from genrelab.bundle.find import find_model
    from genrelab.errors import UsageError
    from genrelab.lab.corpora.paths import printable
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.inference.teacher_targets import teacher_targets

    if to.suffix != ".npz":
        raise UsageError(f"{to}: the name of a file of targets must end in .npz", code="targets-suffix")
    if not to.parent.is_dir():  # checked before the corpus is processed
        raise UsageError(
            f"{to} cannot be written: there is no folder {to.parent}; make it first", code="targets-no-folder"
        )
    if to.is_dir() or not os.access(to.parent, os.W_OK):
        raise UsageError(
            f"{to} cannot be written: it is a folder, or its folder is read-only", code="targets-unwritable"
        )
    with counting() as report:
        found = teacher_targets(model or find_model(), load_corpus(corpus), threads=threads, report=report)
    found.write(to)
    for key, reason in found.skipped.items():
        note(f"note: skipped: {printable(key)}: {printable(reason)}")
    unlabelled = sum(clip.genre is None for clip in found.clips)
    known = "an unknown number" if found.learned is None else f"{found.learned.sum()}"
    say(f"{to}: embedding ({found.embedding.shape[1]}) and genres ({found.genres.shape[1]})")
    say(f"clips   {len(found.clips)}, {unlabelled} without a genre; the teacher was trained on {known}")
    given = join_words(["--corpus", corpus, "--targets", str(to)])
    say(f"use     genrelab train RECIPE {given} --set distill.regress.embedding=1")
