"""`genrelab targets`: what a model file answers to a corpus -> a file that recipes distill."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, note, say


def targets(
    corpus: Annotated[str, typer.Option(help="NAME:PATH; see `genrelab corpora list`.")],
    to: Annotated[Path, typer.Option(help="The file of targets to write, .npz.")],
    model: Annotated[
        Path | None, typer.Argument(help="A model file (.onnx); else the one that `recognize` takes.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Cores that the network may use; default: all.")
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Write what a model file answers to a corpus's clips, for `genrelab train --targets`.

    Clips without a genre are answered, too. The file says which clips the model learned: a training that
    tests on them tells it.
    """
    from genrelab.bundle.find import find_model
    from genrelab.errors import UsageError
    from genrelab.lab.corpora.paths import printable
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.inference.teacher_targets import answer

    if to.suffix != ".npz":
        raise UsageError(f"a file of targets ends in .npz, not as {to}")
    if not to.parent.is_dir():  # said now, and not when everything was heard
        raise UsageError(f"{to} cannot be written: there is no folder {to.parent}; make it first")
    if to.is_dir() or not os.access(to.parent, os.W_OK):
        raise UsageError(f"{to} cannot be written: it is a folder, or lies in one that may not be changed")
    with counting() as report:
        found = answer(model or find_model(), load_corpus(corpus), threads=threads, report=report)
    found.write(to)
    for key, reason in found.skipped.items():
        note(f"note: not heard: {printable(key)}: {printable(reason)}")
    free = sum(clip.genre is None for clip in found.clips)
    known = "nobody knows which of them" if found.learned is None else f"{found.learned.sum()} of them"
    say(f"{to}: embedding ({found.embedding.shape[1]}) and genres ({found.genres.shape[1]})")
    say(f"clips   {len(found.clips)}, {free} of them without a genre; the model learned {known}")
    given = f"--corpus {shlex.quote(corpus)} --targets {shlex.quote(str(to))}"
    say(f"use     genrelab train RECIPE {given} --set distill.regress.embedding=1")
