"""The model file of a network: genres, embedding and the tags that are good enough."""

from __future__ import annotations

from pathlib import Path

from genrelab.bundle.metadata import BundleMetadata
from genrelab.lab.experiment.final_tags import FinalTags, final_tags
from genrelab.lab.experiment.record import bundle_metadata
from genrelab.lab.models import GenreNetwork
from genrelab.lab.runs.folders import Run
from genrelab.lab.training.export import export


def write_run(run: Run, network: GenreNetwork, path: Path, *, half: bool = False) -> float:
    """Write the model file of a run; its tags are calibrated on the test part.

    Parameters
    ----------
    run : Run
    network : GenreNetwork
        The run's.
    path : Path
    half : bool
        Keep the weights in half precision.

    Returns
    -------
    float
        See `genrelab.lab.training.export.export`.
    """
    predictions = run.tag_predictions()
    tags = None if predictions is None else final_tags([predictions], seed=run.record.seed)
    return write_network(network, bundle_metadata(run), path, tags=tags, half=half)


def write_network(
    network: GenreNetwork, about: BundleMetadata, path: Path, *, tags: FinalTags | None, half: bool = False
) -> float:
    """Write the model file of a network with tags, or without."""
    if tags is None:
        return export(network, about, path, half=half)
    about = about.model_copy(update={"tags": tags.info, "no_music_above": tags.no_music_above})
    return export(network, about, path, half=half, tags=tags.outputs)
