"""Conditions on tracks such as `mood=calm, genre=folk, confidence>0.6`.

Conditions are separated by commas or `and`, and all of them must hold. A condition is one of

- `KIND=NAME` or `KIND!=NAME`: the tag is present, or is not; with `|` between several names: any of them;
  `KIND:NAME`, as tags are printed, is `KIND=NAME`;
- `KIND=NAME>0.6`, also with `>=`, `<`, `<=`: the probability of the tag;
- `genre=NAME`, which the predicted genre fulfils as well as a tag; `reason=NAME`; `confidence>0.6`.

Names are those that the library has; case, spaces and punctuation are ignored. What a user writes only
chooses among fixed pieces of SQL; names and numbers are bound as parameters.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from genrelab.errors import UsageError
from genrelab.library.store.track_filter import KnownTags, TrackFilter
from genrelab.library.store.track_row import MOST_TEXT
from genrelab.library.tagging.genre_text import letters
from genrelab.printing import shorten
from genrelab.recognize.recognition import UNSURE

_MOST_CONDITIONS = 50
_MOST_CHARACTERS = 2_000
_MOST_SHOWN = 40  # names in a message
_WORD = r"[A-Za-z][\w-]*"
_NEXT = rf"(?={_WORD}\s*(?:!?=|:)|confidence\s*[<>])"  # `drum and bass>0.6` is one condition
_BETWEEN = re.compile(rf"\s*(?:,|;|&&|\band\b)\s*{_NEXT}", re.IGNORECASE)
_HEAD = re.compile(rf"({_WORD})\s*(!=|==?|:|>=|<=|>|<)\s*")
_TAIL = re.compile(r"(>=|<=|>|<)([^<>=]+)$")
_HOW = "Write `mood=calm`, `genre=rock|metal`, `mood=calm>0.6` or `confidence>0.6`, for example."

_Bound = tuple[str, tuple[Any, ...]]  # SQL and its parameters


class _Test(NamedTuple):
    """A condition as SQL.

    Parameters
    ----------
    exact : (str, tuple)
        The condition.
    wide : (str, tuple) or None
        What also holds for every track that fulfils it, from columns that are in an index; None if there is
        no such condition.
    """

    exact: _Bound
    wide: _Bound | None


def _short(clause: str, *values: Any) -> _Test:
    """Return a condition on columns that are in an index."""
    return _Test((clause, values), (clause, values))


def _in_list(column: str, test: str) -> str:
    """Return SQL for: a list of lists, in JSON, has an item that passes a test. Damaged JSON has none."""
    sound = f"typeof({column}) = 'text' AND length({column}) <= {MOST_TEXT} AND json_valid({column})"
    items = f"json_each(CASE WHEN {sound} THEN {column} ELSE '[]' END) AS item"
    return f"EXISTS (SELECT 1 FROM {items} WHERE CASE WHEN item.type = 'array' THEN {test} ELSE 0 END)"


def _item(number: int) -> str:
    return f"json_extract(item.value, '$[{number}]')"


_TAG = f"{_item(0)} = ? AND {_item(1)} = ?"
_PRESENT = _in_list("tags", f"{_TAG} AND {_item(3)} = 1")
_ABSENT = _in_list("tags", f"{_TAG} AND {_item(3)} = 0")
# Rows whose list is not derived may have any tag.
_LISTED = "present IS NULL OR instr(present, ?) > 0"
_UNLISTED = "present IS NULL OR (present != '' AND instr(present, ?) = 0)"
_SIGNS = (">", ">=", "<", "<=")
_TAG_COMPARED = {sign: _in_list("tags", f"{_TAG} AND {_item(2)} {sign} ?") for sign in _SIGNS}
_GENRE_COMPARED = {sign: _in_list("genres", f"{_item(0)} = ? AND {_item(1)} {sign} ?") for sign in _SIGNS}
_CONFIDENCE_COMPARED = {sign: f"confidence {sign} ?" for sign in _SIGNS}


def parse_where(texts: Iterable[str], known: KnownTags) -> TrackFilter | None:
    """Parse conditions.

    Parameters
    ----------
    texts : iterable of str
        As a user wrote them; the conditions of all texts must hold.
    known : KnownTags
        From `Tracks.known_tags`.

    Returns
    -------
    TrackFilter or None
        None without texts. Tracks that could not be recognized fulfil no filter.

    Raises
    ------
    UsageError
        If a condition cannot be read, or names something that the library does not have.
    """
    texts = list(texts)
    whole = ", ".join(texts)
    parts = _BETWEEN.split(whole[: _MOST_CHARACTERS + 1])
    if len(whole) > _MOST_CHARACTERS or len(parts) > _MOST_CONDITIONS:
        raise UsageError(
            f"--where has more than {_MOST_CONDITIONS} conditions or {_MOST_CHARACTERS:,} characters",
            code="where-too-long",
        )
    if not texts:
        return None
    tests = [_short("error IS NULL"), *(_condition(part.strip(), known) for part in parts)]
    clause, values = _joined(" AND ", [test.exact for test in tests])
    wide = [test.wide for test in tests if test.wide is not None]
    if len(wide) > 1 and wide != [test.exact for test in tests]:
        # The index of the short columns chooses the rows that must be read for the rest.
        chosen, bound = _joined(" AND ", wide)
        clause, values = f"id IN (SELECT id FROM tracks WHERE {chosen}) AND {clause}", (*bound, *values)
    return TrackFilter(clause, values, whole)


def tag_named(text: str, known: KnownTags) -> tuple[str, str]:
    """Return kind and name of a tag or genre, such as `mood=calm`, `mood:Calm` or `genre=rock`.

    Raises
    ------
    UsageError
        If the text is no such name, or names something that the library does not have.
    """
    head = _HEAD.match(text)
    kind = None if head is None or head[2] not in ("=", "==", ":") else _kind(head[1], known)
    if head is None or kind in (None, "confidence"):
        message = f"the tag {_quoted(text)} cannot be read. Write `mood=calm`, for example."
        raise UsageError(message, code="where-tag-unreadable")
    return str(kind), _name(text[head.end() :], str(kind), known)


def _condition(text: str, known: KnownTags) -> _Test:
    head = _HEAD.match(text)
    rest = "" if head is None else text[head.end() :]
    if head is None or not rest:
        raise UsageError(f"the condition {_quoted(text)} cannot be read. {_HOW}", code="where-unreadable")
    kind, sign = _kind(head[1], known), head[2]
    if kind == "confidence":
        if sign not in _SIGNS:
            message = f"{_quoted(text)} asks for one exact confidence. Write `confidence>0.6`, for example."
            raise UsageError(message, code="where-confidence-exact")
        return _short(_CONFIDENCE_COMPARED[sign], _probability(rest, text))
    if sign in _SIGNS:
        raise UsageError(
            f"{_quoted(text)} does not say which {kind} it compares. {_HOW}", code="where-number-without-name"
        )
    tail = _TAIL.search(rest)
    names = [_name(name, kind, known) for name in rest[: tail.start() if tail else None].split("|")]
    if tail is None:
        if sign == "!=":
            return _combined(" AND ", [_absent(kind, name, known) for name in names])
        return _combined(" OR ", [_present(kind, name, known) for name in names])
    if sign == "!=" or kind == "reason":
        message = f"{_quoted(text)} compares no probability. {_HOW}"
        raise UsageError(message, code="where-no-probability")
    limit = _probability(tail[2], text)
    return _combined(" OR ", [_compared(kind, name, tail[1], limit, known) for name in names])


def _joined(between: str, bound: list[_Bound]) -> _Bound:
    clause = between.join(f"({clause})" for clause, _ in bound)
    return clause, tuple(value for _, values in bound for value in values)


def _combined(between: str, tests: list[_Test]) -> _Test:
    wide = [test.wide for test in tests if test.wide is not None]
    exact = _joined(between, [test.exact for test in tests])
    return _Test(exact, _joined(between, wide) if len(wide) == len(tests) else None)


def _present(kind: str, name: str, known: KnownTags) -> _Test:
    if kind == "reason":
        return _short("reason = ?", name)
    tag = _Test((_PRESENT, (kind, name)), (_LISTED, (_label(kind, name),)))
    if kind != "genre":
        return tag
    predicted = _short("genre = ?", name)
    return _combined(" OR ", [predicted, tag]) if "genre" in known.tags else predicted


def _absent(kind: str, name: str, known: KnownTags) -> _Test:
    """Return SQL for: the model knows the tag, and it is not present."""
    if kind == "reason":
        return _short("reason IS NOT ?", name)
    if kind != "genre" or name not in {*known.genres, UNSURE}:
        return _Test((_ABSENT, (kind, name)), (_UNLISTED, (_label(kind, name),)))
    other = _short("genre != ?", name)
    if "genre" not in known.tags:
        return other
    return _Test((f"genre != ? AND NOT {_PRESENT}", (name, kind, name)), other.wide)


def _compared(kind: str, name: str, sign: str, limit: float, known: KnownTags) -> _Test:
    if kind == "genre" and name == UNSURE:
        return _short(f"genre = ? AND {_CONFIDENCE_COMPARED[sign]}", name, limit)
    if kind == "genre" and name in known.genres:
        return _Test((_GENRE_COMPARED[sign], (name, limit)), None)
    return _Test((_TAG_COMPARED[sign], (kind, name, limit)), None)


def _label(kind: str, name: str) -> str:
    """Return a tag as it is written in the derived list of a row."""
    return json.dumps(f"{kind}:{name}", ensure_ascii=False)


def _probability(text: str, condition: str) -> float:
    text = text.strip()
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:  # also if it is NaN
        raise UsageError(
            f"{_quoted(condition)} compares with {_quoted(text)}. Write a probability from 0 to 1, as 0.6.",
            code="where-probability",
        )
    return value


def _kind(text: str, known: KnownTags) -> str:
    kinds = [*known.names, "confidence"]
    for kind in (text.casefold(), text.casefold().removesuffix("s")):
        if kind in kinds:
            return kind
    hint = "" if known.tags else " No track has tags: recognize the music with a model that has tags."
    raise UsageError(
        f"the library has no tags of the kind {_quoted(text)}.{_closest(text, kinds)} "
        f"The kinds are {', '.join(kinds)}.{hint}",
        code="where-kind-unknown",
    )


def _name(text: str, kind: str, known: KnownTags) -> str:
    text, names = text.strip().strip("\"'").strip(), known.names[kind]
    if text in names:
        return text
    same = [name for name in names if letters(name) == letters(text)]
    if letters(text) and same:
        return same[0]
    shown = f" It has {', '.join(names)}." if len(names) <= _MOST_SHOWN else ""
    either = f" For one of several, write {kind}=ONE|TWO." if re.search(r"\bor\b", text) else ""
    raise UsageError(
        f"the library has no {kind} {_quoted(text)}.{_closest(text, names)}{shown}{either}",
        code="where-name-unknown",
    )


def _closest(text: str, names: Iterable[str]) -> str:
    """Return a sentence with the closest name, if one is close."""
    folded = {name.casefold(): name for name in names}
    found = difflib.get_close_matches(shorten(text.casefold()), folded, n=1, cutoff=0.5)
    return f" The closest is {folded[found[0]]!r}." if found else ""


def _quoted(text: str) -> str:
    return repr(shorten(text))
