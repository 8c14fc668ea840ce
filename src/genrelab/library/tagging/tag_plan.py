"""Decide from a recognition which genres to write to a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from genrelab.library.tagging.genre_map import GenreMap, unique
from genrelab.library.tagging.genre_text import PLACEHOLDERS, Placeholders, letters, parts
from genrelab.library.tags import GenreTag
from genrelab.recognize.recognition import UNSURE, Recognition

Mode = Literal["only-empty", "overwrite", "combine"]

FURTHER_FROM = 0.1
"""Default minimum probability of the second and later genres."""


@dataclass(frozen=True, slots=True)
class TagPolicy:
    """What to write to tags.

    Parameters
    ----------
    mode : {"only-empty", "overwrite", "combine"}
        Write only to files without a genre, replace genres, or append to them.
    genres : int > 0
        Most genres to write.
    min_confidence : float in 0..1 or None
        Minimum probability of every written genre. None means no minimum for the first genre and
        `FURTHER_FROM` for the others.
    genre_map : GenreMap
        Names to write for genres, and parents to add.
    full : bool
        Only files that were processed as a whole.
    damaged : bool
        Also files with a damaged or missing part.
    placeholders : Placeholders
        Tag texts that mean no genre.
    id3v23_separator : str
        Separator of genres in ID3v2.3, where a tag has only one text.
    keep_mtime : bool
        Keep the modification time of files.
    skip_hard_links : bool
        Skip files with other names (hard links).
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
    """What to write to one file.

    Parameters
    ----------
    genres : tuple of str or None
        The genres to write; None leaves the file unchanged.
    note : str
        Why the file is left unchanged, or a remark.
    """

    genres: tuple[str, ...] | None
    note: str = ""


def plan_tags(recognition: Recognition, tag: GenreTag, policy: TagPolicy) -> TagPlan:
    """Plan what to write to a file.

    Parameters
    ----------
    recognition : Recognition
        Without an error.
    tag : GenreTag
        The current tags of the file.
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
        return TagPlan(None, f"damaged: {recognition.warning}; --damaged writes its genre anyway")
    least = policy.min_confidence or 0.0
    if recognition.confidence is None or recognition.confidence < least:
        return TagPlan(None, f"confidence below {least:g}")
    return _plan_genres(recognition, tag, policy)


def _plan_genres(recognition: Recognition, tag: GenreTag, policy: TagPolicy) -> TagPlan:
    """Plan the genres of a file that passes the policy."""
    limit = FURTHER_FROM if policy.min_confidence is None else policy.min_confidence
    ranked = recognition.genres[: policy.genres]
    chosen = [pair for place, pair in enumerate(ranked) if place == 0 or pair.probability >= limit]
    found = policy.genre_map.apply(genre for genre, _ in chosen)
    if not found:
        return TagPlan(None, "the genre map omits it")
    if policy.mode == "combine":
        kept = policy.placeholders.without(tag.genres)
        known = {letters(name) or name for genre in kept for name in (genre, *parts(genre))}
        found = unique([*kept, *(genre for genre in found if (letters(genre) or genre) not in known)])
    if tag.stored(found) == tag.genres:
        return TagPlan(None, "has it already")
    omitted = len(ranked) - len(chosen)
    if policy.min_confidence is None and omitted:
        note = f"{omitted} further below {limit:g} omitted; --min-confidence P sets another limit"
        return TagPlan(found, note)
    return TagPlan(found)
