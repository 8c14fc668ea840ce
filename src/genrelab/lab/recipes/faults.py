"""What is wrong with a recipe, for whoever wrote it: the key in full, and the closest one that exists."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from genrelab.errors import RecipeError
from genrelab.lab.recipes.schema import Recipe
from genrelab.lab.registry import closest
from genrelab.lab.value_faults import nearest, reason

_KIND = "kind"


def explained(error: ValidationError, what: str, raw: Mapping[str, Any]) -> RecipeError:
    """Return the first fault of a recipe as an error.

    Parameters
    ----------
    error : ValidationError
    what : str
        The recipe, for the message.
    raw : mapping
        The values that were checked.
    """
    first = error.errors()[0]
    path = [str(part) for part in first["loc"] if part != "[key]"]  # pydantic's mark of a name
    where = ".".join(path)
    if first["type"] == "extra_forbidden":
        return RecipeError(
            f"{what}: unknown key {where!r}; {_closest_key(path, raw)}", code="recipe-key-unknown"
        )
    group = path[:-1]
    if first["type"] == "missing" and path[-1] == _KIND and (near := _near(group, raw)):
        return RecipeError(
            f"{what}: unknown key {'.'.join(group)!r}; {_meant(near)} A new one needs {where!r}",
            code="recipe-key-unknown",
        )
    if first["type"] == "missing":
        return RecipeError(f"{what}: the key {where!r} is missing", code="recipe-key-missing")
    if first["loc"] == ("name",):
        return RecipeError(
            f"{what}: the name {first['input']!r} cannot name a folder of results; add `name:` with letters, "
            "digits, `_`, `.` and `-`, and at most one `/`",
            code="recipe-name",
        )
    if first["type"] == "tuple_type" and isinstance(first["input"], Mapping) and (near := _near(path, raw)):
        return RecipeError(f"{what}: unknown key {where!r}; {_meant(near)}", code="recipe-key-unknown")
    keys = _keys_at(path) if first["type"] in ("model_type", "dict_type") else []
    why = (
        f"it is a group of keys: write {where}.KEY=VALUE. There are: {', '.join(keys)}"
        if keys
        else reason(first, choices=_choices_at(path) if first["type"] == "literal_error" else ())
    )
    return RecipeError(f"{what}: {where} = {first['input']!r}: {why}", code="recipe-value")


def _meant(keys: Sequence[str]) -> str:
    return f"did you mean {' or '.join(map(repr, keys))}?"


def _closest_key(path: Sequence[str], raw: Mapping[str, Any]) -> str:
    """Return a hint for an unknown key: the same key elsewhere in the recipe, or close ones beside it."""
    *above, key = path
    prefix = ".".join([*above, ""])
    elsewhere = [each for each in (*_schema_keys(), *_written_keys(raw)) if each.rpartition(".")[2] == key]
    same = [each for each in dict.fromkeys(elsewhere) if each != f"{prefix}{key}"]
    if same:
        return _meant(same[:3])
    beside = _keys_at(above)
    near = nearest(key, beside)
    return _meant([f"{prefix}{each}" for each in near]) if near else closest(key, beside)


def _near(path: Sequence[str], raw: Mapping[str, Any]) -> list[str]:
    """Return the keys beside a key of names, such as inputs, that resemble it."""
    beside: Any = raw
    for key in path[:-1]:
        beside = beside.get(key) if isinstance(beside, Mapping) else None
    others = [str(each) for each in beside if str(each) != path[-1]] if isinstance(beside, Mapping) else []
    return [".".join([*path[:-1], each]) for each in nearest(path[-1], others)]


def _written_keys(raw: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the dotted keys of values as they are written, options of parts as well."""
    if isinstance(raw, Mapping) and len(path) < 6:
        for key, value in raw.items():
            yield ".".join([*path, str(key)])
            yield from _written_keys(value, (*path, str(key)))


def _schema_keys() -> Iterator[str]:
    """Yield the dotted keys of the schema down to its second level, such as `training.max_epochs`."""
    for key in _keys_at([]):
        yield key
        yield from (f"{key}.{below}" for below in _keys_at([key]) if _model_at([key]) is not Recipe)


def _keys_at(path: Sequence[str]) -> list[str]:
    """Return the keys of the schema below a dotted path."""
    return [field.alias or key for key, field in _model_at(path).model_fields.items()]


def _model_at(path: Sequence[str]) -> type[BaseModel]:
    model: type[BaseModel] = Recipe
    for key in path:
        found = model.model_fields.get(key)
        if found is None:
            continue  # a number in a list, or a name in a mapping
        model = _model_in(found.annotation) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    inside = (_model_in(argument) for argument in typing.get_args(annotation))
    return next((model for model in inside if model is not None), None)


def _choices_at(path: Sequence[str]) -> tuple[Any, ...]:
    """Return the values that a key can have, if the schema lists them."""
    field = _model_at(path[:-1]).model_fields.get(path[-1])
    return () if field is None else tuple(_literals_in(field.annotation))


def _literals_in(annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) is Literal:
        yield from typing.get_args(annotation)
        return
    for argument in typing.get_args(annotation):
        yield from _literals_in(argument)
