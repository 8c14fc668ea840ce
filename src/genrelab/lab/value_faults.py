"""What is wrong with a value that a user wrote, in the words of a user: pydantic's are for programmers."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

_WORSE = 0.2  # in the ratio of difflib
_Words = Callable[[Mapping[str, Any]], str]
_REASONS: Mapping[str, _Words] = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), lambda _: "it must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), lambda _: "it must be a number"),
    "finite_number": lambda _: "it must be a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), lambda _: "it must be true or false"),
    "string_type": lambda _: "it must be text",
    "greater_than": lambda limit: f"it must be more than {limit['gt']}",
    "greater_than_equal": lambda limit: f"it must be {limit['ge']} or more",
    "less_than": lambda limit: f"it must be less than {limit['lt']}",
    "less_than_equal": lambda limit: f"it must be {limit['le']} or less",
    "too_short": lambda limit: f"it must have {limit['min_length']} parts or more",
    "too_long": lambda limit: f"it must have {limit['max_length']} parts or fewer",
    **dict.fromkeys(("tuple_type", "list_type"), lambda _: "it must be a list"),
    **dict.fromkeys(("dict_type", "mapping_type"), lambda _: "it must be a group of keys"),
}  # fmt: skip
_ONE_VALUE = {
    "int_type", "int_parsing", "float_type", "float_parsing", "bool_type", "bool_parsing", "string_type",
    "literal_error",
}  # fmt: skip


def is_one_value(kind: str) -> bool:
    """Whether a kind of error means that a number, a word, true or false was expected."""
    return kind in _ONE_VALUE


def reason(error: ErrorDetails, *, choices: tuple[Any, ...] = ()) -> str:
    """Return what is wrong with a value.

    Parameters
    ----------
    error : dict
        One of `ValidationError.errors()`.
    choices : tuple
        The values that are possible, where there are few; the closest one is named first.
    """
    value = error["input"]
    if isinstance(value, Mapping) and is_one_value(error["type"]):
        return "it is one value, without keys below it"
    if choices:
        return one_of(value, choices)
    words = _REASONS.get(error["type"])
    return error["msg"].removeprefix("Value error, ") if words is None else words(error.get("ctx") or {})


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Return the names that resemble a misspelt one, the closest first; none far worse than the first.

    Examples
    --------
    >>> nearest("trainig", ["training", "voting", "tags"])
    ['training']
    """
    near = difflib.get_close_matches(name, list(known), n=most, cutoff=0.5)
    alike = [difflib.SequenceMatcher(None, each, name).ratio() for each in near]
    return [each for each, ratio in zip(near, alike, strict=True) if ratio > alike[0] - _WORSE]


def one_of(value: object, choices: tuple[Any, ...]) -> str:
    """Return that a value is not one of several, and which one was probably meant.

    Examples
    --------
    >>> one_of("adm", ("adam", "adamw", "sgd"))
    "did you mean 'adam' or 'adamw'? It can be 'adam', 'adamw', 'sgd'"
    """
    near = nearest(str(value), [each for each in choices if isinstance(each, str)])
    listed = f"t can be {', '.join(map(repr, choices))}"
    return f"did you mean {' or '.join(map(repr, near))}? I{listed}" if near else f"i{listed}"
