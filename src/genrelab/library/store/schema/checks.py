"""Checks of values from a library, which may be damaged or untrusted."""

from __future__ import annotations

from typing import Any

_LARGEST = 1e12  # seconds
_ROUNDING = 1e-3  # of a probability


class DamagedRowError(ValueError):
    """A value in the library is invalid."""


def rows_of(value: Any, length: int, what: str) -> list[Any]:
    """Return a list of lists of a length, without further lists in them; raise if it is something else."""
    need(isinstance(value, list), what)
    for row in value:
        if not isinstance(row, list) or len(row) != length:
            raise DamagedRowError(what)
        for cell in row:
            if type(cell) is list or type(cell) is dict:
                raise DamagedRowError(what)
    return value  # type: ignore[no-any-return]


def is_length(value: object) -> bool:
    """Whether a value is a time in seconds."""
    if type(value) is float:
        return 0 <= value <= _LARGEST
    return is_number(value) and value >= 0  # type: ignore[operator]


def is_probability(value: object) -> bool:
    """Whether a value is a probability, up to rounding."""
    if type(value) is float:
        return -_ROUNDING <= value <= 1 + _ROUNDING
    return is_number(value) and -_ROUNDING <= value <= 1 + _ROUNDING  # type: ignore[operator]


def is_number(value: object) -> bool:
    """Whether a value is a number that is not too large."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def is_text(value: object, *, files: bool = False) -> bool:
    """Whether a value is valid text; with `files`, file names in it need not be UTF-8."""
    if not isinstance(value, str):
        return False
    try:
        value.encode(errors="surrogateescape" if files else "strict")
    except UnicodeError:
        return False
    return True


def need(holds: object, what: str) -> None:
    """Raise `DamagedRowError` unless a condition holds."""
    if not holds:
        raise DamagedRowError(what)
