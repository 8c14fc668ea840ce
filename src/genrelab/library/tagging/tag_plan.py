"""Decide from a recognition which genres, moods and styles to write to a file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from genrelab.library.tagging.genre_map import GenreMap, unique
from genrelab.library.tagging.genre_text import PLACEHOLDERS, Placeholders, letters, parts
from genrelab.library.tagging.spelling import TagSpelling, names_to_write, same_key, same_keys, spell
from genrelab.library.tags import GENRE, Field, Fields, FileTag
from genrelab.recognize.recognition import UNSURE, Recognition, TagScore

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
    spelling : {"plain", "id3", "discogs", "musicbrainz", "model"}
        How to write genres and styles that the map does not contain: as players show them, as a list spells
        them, or with the model's names.
    parents : bool
        Also write the parents of a genre in the vocabulary, unless the map has parents for it.
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
    guess : bool
        Also write the first genre where its confidence is below the threshold of the model.
    model : str or None
        `Bundle.identity` of the only model whose results are written; None means any model.
    given : tuple of str
        Genres that the user chose. They are written instead of the predicted ones, whatever the confidence;
        the other rules hold.
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
    spelling: TagSpelling = "model"
    parents: bool = False
    guess: bool = False
    model: str | None = None
    given: tuple[str, ...] = ()


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


def notes_of(plans: dict[Field, TagPlan]) -> list[str]:
    """Return the notes of the plans for a file; one that applies to several fields is given once.

    A note names its fields unless it applies to the genre alone or to all of several fields.
    """
    fields: dict[str, list[Field]] = {}
    for field, plan in plans.items():
        if plan.note:
            fields.setdefault(plan.note, []).append(field)
    unnamed: tuple[list[Field], ...] = (["genre"], list(plans) if len(plans) > 1 else [])
    return [note if about in unnamed else f"{', '.join(about)}: {note}" for note, about in fields.items()]


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
    if policy.given:
        return _plan_given(recognition, tag, policy)
    if recognition.genre == UNSURE:
        return genre_names(recognition, policy)
    if note := _obstacle(recognition, tag, policy, "genre"):
        return TagPlan(None, note)
    plan = genre_names(recognition, policy)
    return plan if plan.values is None else _merged(plan.values, tag, policy, "genre", plan.note)


def genre_names(recognition: Recognition, policy: TagPolicy) -> TagPlan:
    """Return the names to write for the predicted genres, whatever a file has.

    Parameters
    ----------
    recognition : Recognition
        Without an error.
    policy : TagPolicy
        How many, from which probability, in which spelling; its rules about files do not count.

    Returns
    -------
    TagPlan
    """
    if recognition.genre == UNSURE:
        return TagPlan(None, f"unsure: {recognition.reason}")
    least = policy.min_confidence or 0.0
    if recognition.confidence is None or recognition.confidence < least:
        return TagPlan(None, f"confidence below {least:g}")
    limit = FURTHER_FROM if policy.min_confidence is None else policy.min_confidence
    ranked = recognition.genres[: policy.genres]
    chosen = [pair for place, pair in enumerate(ranked) if place == 0 or pair.probability >= limit]
    found = names_to_write(
        (genre for genre, _ in chosen),
        (genre for genre, _ in recognition.genres),
        policy.genre_map,
        spelling=policy.spelling,
        parents=policy.parents,
    )
    if not found:
        return TagPlan(None, "the genre map omits it")
    omitted = len(ranked) - len(chosen)
    note = ""
    if policy.min_confidence is None and omitted:
        note = f"{omitted} further below {limit:g} omitted; --min-confidence P sets another limit"
    return TagPlan(found, note)


def _plan_given(recognition: Recognition, tag: FileTag, policy: TagPolicy) -> TagPlan:
    """Plan the genres that the user chose."""
    if note := _obstacle(recognition, tag, policy, "genre"):
        return TagPlan(None, note)
    found = names_to_write(
        policy.given,
        (*(genre for genre, _ in recognition.genres), *policy.given),
        policy.genre_map,
        spelling=policy.spelling,
        parents=policy.parents,
    )
    if not found:
        return TagPlan(None, "the genre map omits it")
    agrees = {same_key(each) for each in policy.given} & same_keys([recognition.genre or ""])
    return _merged(found, tag, policy, "genre", "" if agrees else f"predicted: {recognition.genre}")


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
    known = same_keys(genres)
    if recognition.genre not in (None, UNSURE) and not recognition.guess:
        known.add(same_key(str(recognition.genre)))
    present = [score for score in recognition.tags if score.present and score.kind in KINDS[field]]
    chosen = [score for score in present if score.kind != "genre" or same_key(score.name) not in known]
    found = unique(
        name
        for score in chosen[: policy.most]
        for name in _names_of(score, recognition, policy)
        if score.kind != "genre" or same_key(name) not in known
    )
    if not found:
        beside = "the genre map omits it" if chosen else "no tag beside its genre"
        return TagPlan(None, beside if present else "no tag reaches its threshold")
    return _merged(found, tag, policy, field)


def _names_of(score: TagScore, recognition: Recognition, policy: TagPolicy) -> tuple[str, ...]:
    """Return the names to write for a tag: those of the map, or its own in the spelling of the policy."""
    names = policy.genre_map.names
    if f"{score.kind}:{score.name}" in names or (score.kind == "genre" and score.name in names):
        return policy.genre_map.names_of(score.kind, score.name)
    if score.kind not in ("genre", "style"):
        return (score.name,)
    among = [other.name for other in recognition.tags if other.kind == score.kind]
    return (spell(score.name, among, policy.spelling),)


def _obstacle(recognition: Recognition, tag: FileTag, policy: TagPolicy, field: Field) -> str | None:
    """Return why a field is left: it has a value, or the file is damaged."""
    if policy.mode == "only-empty" and (found := policy.placeholders.without(tag.everywhere(field))):
        here = policy.placeholders.without(tag.values(field))
        return f"has a {field}" + ("" if here else f" in another tag: {', '.join(found)}")
    if recognition.damaged and not policy.damaged:
        return f"damaged: {recognition.warning}; --damaged writes it anyway"
    return None


def combined(kept: tuple[str, ...], found: tuple[str, ...], field: Field = "genre") -> tuple[str, ...]:
    """Append to the values of a field those that it lacks.

    Parameters
    ----------
    kept, found : tuple of str
        The values of the field, and what may be appended.
    field : Field

    Returns
    -------
    tuple of str
    """
    return unique([*kept, *_new_among(kept, found, field)])


def _new_among(kept: tuple[str, ...], found: tuple[str, ...], field: Field) -> list[str]:
    """Return the values that a field lacks, also among several in one text, such as `Comedy/Spoken`.

    Other spellings of a genre are the same genre; moods are compared by their letters.
    """
    known = {letters(name) or name for value in kept for name in (value, *parts(value))}
    keys = same_keys(kept) if field != "mood" else set()
    new = []
    for value in found:
        several = [letters(part) or part for part in parts(value)]
        has = (letters(value) or value) in known or (bool(several) and known.issuperset(several))
        if not has and (field == "mood" or same_key(value) not in keys):
            new.append(value)
    return new


def _merged(found: tuple[str, ...], tag: FileTag, policy: TagPolicy, field: Field, note: str = "") -> TagPlan:
    """Add the values that the policy keeps; plan nothing if the field has them all."""
    if policy.mode == "combine":
        found = combined(policy.placeholders.without(tag.values(field)), found, field)
    if tag.stored(found, field) == tag.values(field):
        return TagPlan(None, "has it already")
    return TagPlan(found, note)
