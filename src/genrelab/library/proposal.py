"""From what was recognized to what shall be written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from genrelab.library.genre_map import GenreMap, unique
from genrelab.library.tags import GenreTag
from genrelab.recognize.recognition import UNSURE, Recognition

Mode = Literal["only-empty", "overwrite", "combine"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user wants written.

    Parameters
    ----------
    mode : {"only-empty", "overwrite", "combine"}
        Write where there is no genre; write in any case; write behind the genres that are there.
    genres : int > 0
        How many of the model's genres, at most.
    min_confidence : float in 0..1
        Nothing is written below this confidence, and no further genre with a lower probability.
    genre_map : GenreMap
        Other names for them, and wider genres to write as well.
    full : bool
        Only answers count for which all of a file was heard.
    """

    mode: Mode = "only-empty"
    genres: int = 1
    min_confidence: float = 0.0
    genre_map: GenreMap = field(default_factory=GenreMap)
    full: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """What shall become of one file's genres.

    Parameters
    ----------
    genres : tuple of str or None
        What to write; None means that the file is left as it is.
    reason : str
        Why it is left.
    """

    genres: tuple[str, ...] | None
    reason: str = ""


def propose(said: Recognition, tag: GenreTag, wish: Wish) -> Proposal:
    """Say what to write into a file.

    Parameters
    ----------
    said : Recognition
        What was recognized; not an error.
    tag : GenreTag
        The file's tags as they are.
    wish : Wish

    Returns
    -------
    Proposal
    """
    if said.genre == UNSURE:
        return Proposal(None, f"unsure: {said.reason}")
    if wish.mode == "only-empty" and tag.genres:
        return Proposal(None, "has a genre")
    if said.confidence is None or said.confidence < wish.min_confidence:
        return Proposal(None, f"confidence below {wish.min_confidence:g}")
    ranked = said.genres[: wish.genres]
    found = wish.genre_map.apply(genre for genre, p in ranked if p >= wish.min_confidence)
    if not found:
        return Proposal(None, "the genre map leaves it out")
    if wish.mode == "combine":
        # In ID3v2.3 several genres are one text.
        parts = {part.strip().casefold() for genre in tag.genres for part in (genre, *genre.split("/"))}
        found = unique([*tag.genres, *(genre for genre in found if genre.casefold() not in parts)])
    if tag.stored(found) == tag.genres:
        return Proposal(None, "has it already")
    return Proposal(found)
