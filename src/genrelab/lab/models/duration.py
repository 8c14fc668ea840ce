"""How short the sound may be that a network is given."""

from __future__ import annotations

from typing import Protocol, cast

from genrelab.errors import RecipeError
from genrelab.lab.frontends import Frontend
from genrelab.lab.models.base import Body, GenreNetwork


class Segments(Protocol):
    """What a recipe's audio and a model file's metadata both say."""

    @property
    def padding(self) -> str:
        """What fills sound shorter than a segment; `none` leaves it as it is."""

    @property
    def segment_samples(self) -> int:
        """Length of a segment."""


def check_duration(body: Body, audio: Segments) -> None:
    """Refuse sound as long as it is for a network that hears one length alone.

    Raises
    ------
    RecipeError
        If `audio.padding` is `none`, and the body does not say how short sound may be.
    """
    if audio.padding == "none" and body.shortest_frames is None:
        raise RecipeError(
            "this model takes segments of one length only, but audio.padding=none passes shorter sound on "
            "unpadded. Set audio.padding to end, random or repeat",
            code="padding-none",
        )


def shortest_samples(network: GenreNetwork, audio: Segments) -> int:
    """Return to how many samples shorter sound is padded in testing and recognition.

    That is a whole segment, but with the padding `none` as few samples as every front-end and the body can
    take.

    Raises
    ------
    RecipeError
        If the network hears one length alone, or a segment is too short for it.
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
