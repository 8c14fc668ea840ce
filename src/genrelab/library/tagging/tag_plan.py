"""Decide from a recognition which genres, moods and styles to write to a file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from genrelab.library.tagging.genre_map import GenreMap, unique
from genrelab.library.tagging.genre_text import PLACEHOLDERS, Placeholders, letters, parts
from genrelab.library.tags import GENRE, Field, Fields, FileTag
from genrelab.recognize.recognition import UNSURE, Recognition

Mode = Literal["only-empty", "overwrite", "combine"]

FURTHER_FROM = 0.1
"""Default minimum probability of the second and later genres."""

MOST_TAGS = 3
"""Default number of moods, and of styles."""

KINDS: dict[Field, tuple[str, ...]] = {"mood": ("mood",), "grouping": ("style", "genre")}
"""The kinds of tags that are written to a field."""


@dataclass(frozen=True, slots=True)
class TagPolicy:
    """What to write to tags.

    Parameters
    ----------
    mode : {"only-empty", "overwrite", "combine"}
        Write only to fields without a value, replace values, or append to them.
    genres : int > 0
        Most genres to write.
    min_confidence : float in 0..1 or None
        Minimum probability of every written genre; None means no minimum for the first genre and
        `FURTHER_FROM` for the others. Other tags have thresholds of their own.
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
    itunes_grouping : bool
        Write the grouping to GRP1 in ID3, which iTunes and TagLib read, instead of TIT1.
    fields : tuple of Field
        What to write: genres to `genre`, moods to `mood`, styles and further genres to `grouping`.
    most : int > 0
        Most moods, and most styles and further genres, to write.
    skip_outliers : bool
        With answers of albums, skip tracks that do not fit theirs.
    """

    mode: Mode = "only-empty"
    genres: int = 1
    min_confidence: float | None = None
    genre_map: GenreMap = dataclasses.field(default_factory=GenreMap)
    full: bool = False
    damaged: bool = False
    placeholders: Placeholders = PLACEHOLDERS
    id3v23_separator: str = "/"
    keep_mtime: bool = False
    skip_hard_links: bool = False
    itunes_grouping: bool = False
    fields: Fields = GENRE
    most: int = MOST_TAGS
    skip_outliers: bool = False


Wish = TagPolicy
"""The former name of `TagPolicy`."""


@dataclass(frozen=True, slots=True)
class TagPlan:
    """What to write to one field of a file.

    Parameters
    ----------
    values : tuple of str or None
        The values to write; None leaves the field unchanged.
    note : str
        Why the field is left unchanged, or a remark.
    """

    values: tuple[str, ...] | None
    note: str = ""


def plan_tags(recognition: Recognition, tag: FileTag, policy: TagPolicy) -> dict[Field, TagPlan]:
    """Plan what to write to a file.

    Parameters
    ----------
    recognition : Recognition
        Without an error.
    tag : FileTag
        The current tags of the file.
    policy : TagPolicy

    Returns
    -------
    dict of Field to TagPlan
        One per field of the policy.
    """
    plans: dict[Field, TagPlan] = {}
    for field in policy.fields:
        if field == "genre":
            plans[field] = _plan_genre(recognition, tag, policy)
        else:
            genre = plans.get("genre", TagPlan(None)).values or tag.genres
            plans[field] = _plan_field(recognition, tag, policy, field, genre)
    return plans


def _plan_genre(recognition: Recognition, tag: FileTag, policy: TagPolicy) -> TagPlan:
    if recognition.genre == UNSURE:
        return TagPlan(None, f"unsure: {recognition.reason}")
    if note := _obstacle(recognition, tag, policy, "genre"):
        return TagPlan(None, note)
    least = policy.min_confidence or 0.0
    if recognition.confidence is None or recognition.confidence < least:
        return TagPlan(None, f"confidence below {least:g}")
    limit = FURTHER_FROM if policy.min_confidence is None else policy.min_confidence
    ranked = recognition.genres[: policy.genres]
    chosen = [pair for place, pair in enumerate(ranked) if place == 0 or pair.probability >= limit]
    found = policy.genre_map.apply(genre for genre, _ in chosen)
    if not found:
        return TagPlan(None, "the genre map omits it")
    omitted = len(ranked) - len(chosen)
    note = ""
    if policy.min_confidence is None and omitted:
        note = f"{omitted} further below {limit:g} omitted; --min-confidence P sets another limit"
    return _merged(found, tag, policy, "genre", note)


def _plan_field(
    recognition: Recognition, tag: FileTag, policy: TagPolicy, field: Field, genres: tuple[str, ...]
) -> TagPlan:
    """Plan a field other than the genre; `genres` are those that the file has or gets."""
    if field in tag.without:
        return TagPlan(None, "its format has no usual field for it")
    if note := _obstacle(recognition, tag, policy, field):
        return TagPlan(None, note)
    if recognition.reason in ("silent", "no music"):
        return TagPlan(None, recognition.reason)
    if not any(score.kind in KINDS[field] for score in recognition.tags):
        return TagPlan(None, "the model that recognized it has no such tags")
    known = {letters(part) for genre in genres for part in (genre, *parts(genre))}
    if recognition.genre not in (None, UNSURE):
        known.add(letters(str(recognition.genre)))
    present = [score for score in recognition.tags if score.present and score.kind in KINDS[field]]
    chosen = [score for score in present if score.kind != "genre" or letters(score.name) not in known]
    found = unique(
        name
        for score in chosen[: policy.most]
        for name in policy.genre_map.names_of(score.kind, score.name)
        if score.kind != "genre" or letters(name) not in known
    )
    if not found:
        beside = "the genre map omits it" if chosen else "no tag beside its genre"
        return TagPlan(None, beside if present else "no tag reaches its threshold")
    return _merged(found, tag, policy, field)


def _obstacle(recognition: Recognition, tag: FileTag, policy: TagPolicy, field: Field) -> str | None:
    """Return why a field is left: it has a value, or the file is damaged."""
    if policy.mode == "only-empty" and (found := policy.placeholders.without(tag.everywhere(field))):
        here = policy.placeholders.without(tag.values(field))
        return f"has a {field}" + ("" if here else f" in another tag: {', '.join(found)}")
    if recognition.damaged and not policy.damaged:
        return f"damaged: {recognition.warning}; --damaged writes its {field} anyway"
    return None


def _is_among(known: set[str], value: str) -> bool:
    """Whether a value is known, or all parts of one with separators, such as `Comedy/Spoken`."""
    several = [letters(part) or part for part in parts(value)]
    return (letters(value) or value) in known or (bool(several) and known.issuperset(several))


def _merged(found: tuple[str, ...], tag: FileTag, policy: TagPolicy, field: Field, note: str = "") -> TagPlan:
    """Add the values that the policy keeps; plan nothing if the field has them all."""
    if policy.mode == "combine":
        kept = policy.placeholders.without(tag.values(field))
        known = {letters(name) or name for value in kept for name in (value, *parts(value))}
        found = unique([*kept, *(value for value in found if not _is_among(known, value))])
    if tag.stored(found, field) == tag.values(field):
        return TagPlan(None, "has it already")
    return TagPlan(found, note)
