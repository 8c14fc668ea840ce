"""From what was recognized to what shall be written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from genrelab.library.tagging.genre_map import GenreMap, unique
from genrelab.library.tagging.genre_text import PLACEHOLDERS, Placeholders, letters, parts
from genrelab.library.tags import GenreTag
from genrelab.recognize.recognition import UNSURE, Recognition

Mode = Literal["only-empty", "overwrite", "combine"]

FURTHER_FROM = 0.1
"""Further genres that are less probable are not written unless the user names a limit."""


@dataclass(frozen=True, slots=True)
class TagPolicy:
    """What a user wants written.

    Parameters
    ----------
    mode : {"only-empty", "overwrite", "combine"}
        Write where there is no genre; write in any case; write behind the genres that are there.
    genres : int > 0
        How many of the model's genres, at most.
    min_confidence : float in 0..1 or None
        Nothing is written below this confidence, and no further genre with a lower probability. None means
        that the first genre is written in any case, and further ones from `FURTHER_FROM`.
    genre_map : GenreMap
        Other names for them, and wider genres to write as well.
    full : bool
        Only answers count for which all of a file was heard.
    damaged : bool
        Answers count also where a part of a file is damaged or missing.
    placeholders : Placeholders
        Genres in tags that count as none.
    id3v23_separator : str
        What stands between several genres in ID3v2.3, where a tag has one text for all.
    keep_mtime : bool
        Files keep the time of their last change.
    skip_hard_links : bool
        Files with other names (hard links) are left as they are.
    """

    mode: Mode = "only-empty"
    genres: int = 1
    min_confidence: float | None = None
    genre_map: GenreMap = field(default_factory=GenreMap)
    full: bool = False
    damaged: bool = False
    placeholders: Placeholders = PLACEHOLDERS
    id3v23_separator: str = "/"
    keep_mtime: bool = False
    skip_hard_links: bool = False


Wish = TagPolicy
"""The former name of `TagPolicy`."""


@dataclass(frozen=True, slots=True)
class TagPlan:
    """What shall become of one file's genres.

    Parameters
    ----------
    genres : tuple of str or None
        What to write; None means that the file is left as it is.
    note : str
        Why it is left, or what else to know.
    """

    genres: tuple[str, ...] | None
    note: str = ""


def plan_tags(recognition: Recognition, tag: GenreTag, policy: TagPolicy) -> TagPlan:
    """Say what to write into a file.

    Parameters
    ----------
    recognition : Recognition
        What was recognized; not an error.
    tag : GenreTag
        The file's tags as they are.
    policy : TagPolicy

    Returns
    -------
    TagPlan
    """
    if recognition.genre == UNSURE:
        return TagPlan(None, f"unsure: {recognition.reason}")
    if policy.mode == "only-empty" and (found := policy.placeholders.without(tag.everywhere)):
        elsewhere = "" if policy.placeholders.without(tag.genres) else f" in another tag: {', '.join(found)}"
        return TagPlan(None, f"has a genre{elsewhere}")
    if recognition.damaged and not policy.damaged:
        return TagPlan(None, f"damaged: {recognition.warning}; --damaged writes its genre all the same")
    least = policy.min_confidence or 0.0
    if recognition.confidence is None or recognition.confidence < least:
        return TagPlan(None, f"confidence below {least:g}")
    return _plan_genres(recognition, tag, policy)


def _plan_genres(recognition: Recognition, tag: GenreTag, policy: TagPolicy) -> TagPlan:
    """Say which genres to write into a file that gets some."""
    limit = FURTHER_FROM if policy.min_confidence is None else policy.min_confidence
    ranked = recognition.genres[: policy.genres]
    chosen = [pair for place, pair in enumerate(ranked) if place == 0 or pair.probability >= limit]
    found = policy.genre_map.apply(genre for genre, _ in chosen)
    if not found:
        return TagPlan(None, "the genre map leaves it out")
    if policy.mode == "combine":
        kept = policy.placeholders.without(tag.genres)
        known = {letters(name) or name for genre in kept for name in (genre, *parts(genre))}
        found = unique([*kept, *(genre for genre in found if (letters(genre) or genre) not in known)])
    if tag.stored(found) == tag.genres:
        return TagPlan(None, "has it already")
    left_out = len(ranked) - len(chosen)
    if policy.min_confidence is None and left_out:
        note = f"{left_out} further below {limit:g} left out; --min-confidence P sets another limit"
        return TagPlan(found, note)
    return TagPlan(found)
