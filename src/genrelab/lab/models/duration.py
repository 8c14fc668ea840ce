"""The shortest sound that a network takes."""

from __future__ import annotations

from typing import Protocol, cast

from genrelab.errors import RecipeError
from genrelab.lab.frontends import Frontend
from genrelab.lab.models.base import Body, GenreNetwork


class Segments(Protocol):
    """What the audio section of a recipe and the metadata of a model file have in common."""

    @property
    def padding(self) -> str:
        """How sound shorter than a segment is padded; `none` leaves it unpadded."""

    @property
    def segment_samples(self) -> int:
        """Length of a segment."""


def check_duration(body: Body, audio: Segments) -> None:
    """Raise for unpadded sound if a network takes only one length.

    Raises
    ------
    RecipeError
        If `audio.padding` is `none`, and the body has no `shortest_frames`.
    """
    if audio.padding == "none" and body.shortest_frames is None:
        raise RecipeError(
            "this model takes segments of one length only, but audio.padding=none passes shorter sound on "
            "unpadded. Set audio.padding to end, random or repeat",
            code="padding-none",
        )


def shortest_samples(network: GenreNetwork, audio: Segments) -> int:
    """Return the length in samples to which shorter sound is padded in testing and recognition.

    This is a whole segment or, with the padding `none`, the fewest samples that all front-ends and the body
    take.

    Raises
    ------
    RecipeError
        If the network takes only one length, or a segment is too short for it.
    """
    check_duration(network.body, audio)
    if audio.padding != "none":
        return audio.segment_samples
    few, enough = 0, audio.segment_samples
    if not _takes(network, enough):
        raise RecipeError(
            f"a segment of {enough:,} samples is too short for this network; raise audio.segment_seconds",
            code="segment-too-short",
        )
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if _takes(network, middle) else (middle, enough)
    return enough


def _takes(network: GenreNetwork, samples: int) -> bool:
    frames = network.body.shortest_frames or 1
    try:
        shapes = [cast(Frontend, each).output_shape(samples) for each in network.frontends.values()]
    except RecipeError:
        return False
    return all(shape[-1] >= frames for shape in shapes)
