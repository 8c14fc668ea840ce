"""The values that a search tries for a key of a recipe: a list, or a range of numbers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from genrelab.errors import RecipeError, UsageError
from genrelab.lab.recipes.load import read_value

_RANGE = re.compile(r"(?P<low>[^:,\[\]{}]+?)\.\.(?P<high>[^:,\[\]{}]+?)(:(?P<how>.+))?")


@dataclass(frozen=True)
class Choices:
    """A list of values, in the given order.

    Attributes
    ----------
    values : tuple
        At least one, all different: numbers, text, null, lists.
    """

    values: tuple[Any, ...]

    def __str__(self) -> str:
        return ", ".join(self.texts)

    @property
    def texts(self) -> list[str]:
        """The values as short text."""
        return [brief(value) for value in self.values]

    @property
    def numbers(self) -> bool:
        """Whether all values are numbers."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)

    def place(self, value: Any) -> int:
        """Return the index of a value; 1, 1.0 and true are three values."""
        return [json.dumps(each) for each in self.values].index(json.dumps(value))

    def probes(self) -> tuple[Any, ...]:
        """Return the values that are checked against the recipe: all."""
        return self.values


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, inclusive; whole numbers if both have type int.

    Attributes
    ----------
    low, high : int or float
    log : bool
        Uniform in the logarithm.
    step : int or float or None
        Only `low`, `low + step`, ...; None allows all numbers.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __str__(self) -> str:
        how = ", log" if self.log else "" if self.step is None else f", step {self.step:g}"
        return f"{brief(self.low)} to {brief(self.high)}{how}"

    def place(self, value: Any) -> float:
        """Return the position of a value: itself."""
        return float(value)

    @property
    def whole(self) -> bool:
        """Whether the range contains only whole numbers."""
        return isinstance(self.low, int)

    def probes(self) -> tuple[Any, ...]:
        """Return the values that are checked against the recipe: the ends."""
        return (self.low, self.high)


Axis = Choices | Range


def key_and_text(option: str) -> tuple[str, str]:
    """Split `key=values`, the argument of --grid and --space.

    Raises
    ------
    UsageError
        If key or values are missing.
    """
    key, _, text = option.partition("=")
    if not key.strip() or not text.strip():
        raise UsageError(
            f"write --grid and --space as key=values, e.g. model.width=8,16, not {option!r}",
            code="axis-without-values",
        )
    return key.strip(), text.strip()


def read_choices(key: str, values: str | Sequence[Any]) -> Choices:
    """Read the values of a key: text such as `8,16,32`, or a list from YAML.

    Raises
    ------
    UsageError
        If there are no values, or one occurs twice.
    """
    if isinstance(values, str):
        what = f"the values of {key}"
        try:
            values = read_value(f"[{values}]", what=what)
        except RecipeError as error:
            raise UsageError(
                f"{error}; separate values by commas, e.g. {key}=8,16", code="axis-not-yaml"
            ) from error
    found = tuple(
        read_value(value, what=f"a value of {key}") if isinstance(value, str) and _is_number(value) else value
        for value in values
    )
    if not found:
        raise UsageError(f"{key} has no values to search; write e.g. {key}=8,16", code="axis-empty")
    texts = [json.dumps(value, default=str) for value in found]
    twice = next((text for text in texts if texts.count(text) > 1), None)
    if twice is not None:
        raise UsageError(f"{key} has the value {twice} twice; list each value once", code="axis-value-twice")
    return Choices(found)


def read_axis(key: str, values: str | Sequence[Any], *, now: Any) -> Axis:
    """Read the values that a sampler draws from: a range, or values as in `read_choices`.

    Parameters
    ----------
    key : str
    values : str or sequence
        `1e-4..1e-2`, optionally with `:log` or `:step=2` at its end; `adam,sgd`; a list.
    now : object
        The value of the key in the recipe. If it is a float, so is the range; if it is an integer, the range
        must be whole; otherwise the range is whole if its ends are.

    Raises
    ------
    UsageError
        If the text is invalid, the range is empty, or a whole value gets a range of floats.
    """
    match = _RANGE.fullmatch(values) if isinstance(values, str) else None
    if match is None:
        return read_choices(key, values)
    written = f"{key}={values}"
    low, high = (_number(match[end], written) for end in ("low", "high"))
    how = match["how"] or ""
    step = _number(how.removeprefix("step="), written) if how.startswith("step=") else None
    if how not in ("", "log") and step is None:
        raise UsageError(
            f"the range in {written!r} may end with :log or :step=NUMBER, not with {how!r}",
            code="range-suffix",
        )
    numbers = [number for number in (low, high, step) if number is not None]
    if type(now) is int and not all(isinstance(number, int) for number in numbers):
        raise UsageError(
            f"{key} is a whole number, {now}; the numbers in {written!r} must be whole too",
            code="range-not-whole",
        )
    if type(now) is float or not all(isinstance(number, int) for number in numbers):
        low, high, step = float(low), float(high), step if step is None else float(step)
    if low > high:
        raise UsageError(f"the range in {written!r} is empty: {low:g} is above {high:g}", code="range-empty")
    if how == "log" and low <= 0:
        raise UsageError(
            f"the range in {written!r} must start above 0: {low:g} has no logarithm",
            code="range-log-below-zero",
        )
    if step is not None:
        if step <= 0:
            raise UsageError(f"the step in {written!r} must be above 0", code="range-step")
        high = _last(low, high, step)
    return Range(low, high, how == "log", step)


def change_of(key: str, value: Any) -> str:
    """Return `key=value` so that `load_recipe` reads exactly this value."""
    style = '"' if isinstance(value, str) else None  # unquoted, 1e-3 would become a number
    return f"{key}={yaml.safe_dump(value, default_flow_style=True, default_style=style)}"


def value_at(values: Any, key: str) -> Any:
    """Return the value at a dotted key of a recipe as plain values; None if there is none."""
    for part in key.split("."):
        if isinstance(values, list):
            place = 0 if part == "*" else int(part) if part.isdecimal() else len(values)
            values = values[place] if place < len(values) else None
        else:
            values = values.get(part) if isinstance(values, dict) else None
    return values


def brief(value: Any) -> str:
    """Return a value as short text for tables."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return the shortest unique ending of each dotted key that is a name: `width` for `model.width`."""
    names = {}
    for key in keys:
        parts = key.split(".")
        ends = (".".join(parts[-count:]) for count in range(1, len(parts) + 1))
        names[key] = next(
            end
            for end in ends
            if end == key
            or not (end.isdecimal() or any(f".{other}".endswith(f".{end}") for other in keys if other != key))
        )
    return names


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(text: str, written: str) -> float:
    try:
        value = int(text)
    except ValueError:
        try:
            return _finite(float(text), written)
        except ValueError as error:
            raise UsageError(
                f"{text.strip()!r} in {written!r} is not a number; write e.g. 8..64",
                code="range-not-a-number",
            ) from error
    return value


def _last(low: float, high: float, step: float) -> float:
    """Return the last of `low`, `low + step`, ... that is not above `high`, without rounding errors."""
    first, size = Decimal(str(low)), Decimal(str(step))
    last = first + (Decimal(str(high)) - first) // size * size
    return int(last) if isinstance(low, int) else float(last)


def _finite(value: float, written: str) -> float:
    if not math.isfinite(value):
        raise UsageError(f"the range in {written!r} must have finite ends", code="range-without-ends")
    return value
