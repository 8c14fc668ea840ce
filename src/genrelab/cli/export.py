"""`genrelab export`: write the model file of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import say


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    to: Annotated[Path, typer.Option(help="The model file to write.")],
    half: Annotated[
        bool, typer.Option("--half", help="Store the weights in half precision: half the size.")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Write the network of a finished run as one ONNX file, and compare its output with PyTorch.

    Example: genrelab export RUN --to model.onnx
    """
    from genrelab.errors import ModelFileError, UsageError
    from genrelab.lab.experiment.model_file import write_run
    from genrelab.lab.runs.folders import Run
    from genrelab.lab.training.export import why_unwritable

    if to.suffix != ".onnx":
        raise UsageError(f"{to}: the name of a model file must end in .onnx", code="model-file-suffix")
    finished = Run.load(run)
    network = finished.network()
    reason = why_unwritable(network)
    if reason is not None:
        raise ModelFileError(f"{to} was not written: {reason}", code="no-model-file")
    difference = write_run(finished, network, to, half=half)
    say(f"{to}: differs from torch by at most {difference:.1e}")
