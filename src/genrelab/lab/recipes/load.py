"""Find, read, inherit and change recipes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from genrelab.errors import RecipeError, UsageError
from genrelab.lab.recipes.base import Strict
from genrelab.lab.recipes.faults import explained
from genrelab.lab.recipes.schema import Component, Recipe
from genrelab.lab.registry import closest, installed
from genrelab.printing import yaml_text

_MAX_DEPTH = 5


def recipe_names() -> list[str]:
    """Return the names of all recipes, of genrelab and of packages, e.g. `soundfusion/soundfusion-1`."""
    return sorted({**_packaged(), **_installed()})


def _packaged() -> dict[str, Traversable]:
    """Return the files of the recipes that come with genrelab, by name."""
    return _yaml_files({folder.name: folder for folder in files(__package__).iterdir() if folder.is_dir()})


def _installed() -> dict[str, Traversable]:
    """Return the files of the recipes that installed packages offer as `genrelab.recipes`, by name."""
    found = {}
    for name, point in installed("genrelab.recipes").items():
        try:
            found[name] = files(point.value)
        except Exception as error:  # whatever the code of the package raises
            raise UsageError(
                f"the recipes {name!r} of the package {point.value} cannot be imported: {error}",
                code="recipe-package-fails",
            ) from error
    return _yaml_files(found)


def _yaml_files(folders: Mapping[str, Traversable]) -> dict[str, Traversable]:
    return {
        f"{name}/{entry.name.removesuffix('.yaml')}": entry
        for name, folder in folders.items()
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    }


def load_recipe(name: str, *, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    name : str
        The name of a built-in recipe, in full (`soundfusion/resnet2d-s`) or only its last part if that is
        unique, or the path of a YAML file.
    changes : sequence of str
        `key=value` with a dotted key, e.g. `training.max_epochs=5`; the value is read as YAML. Select a
        part of a list by its number, `augment.inputs.mel.0.count=3`, or all parts by `*`.

    Returns
    -------
    Recipe

    Raises
    ------
    RecipeError
        If there is no such recipe, or a key or value is wrong; the message names the closest key.
    """
    raw = _inherit(name, depth=0)
    for change in changes:
        raw = _changed(raw, change)
    return parse_recipe(raw, origin=name)


def parse_recipe(raw: Mapping[str, Any], *, origin: str) -> Recipe:
    """Check the values of a recipe; messages name it by `origin`."""
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        raise explained(error, f"recipe {origin}", raw) from error


def _inherit(name: str, *, depth: int) -> dict[str, Any]:
    if depth > _MAX_DEPTH:
        raise RecipeError(
            f"recipe {name}: `extends` is nested more than {_MAX_DEPTH} deep (a circle?)",
            code="recipe-extends-too-deep",
        )
    full, text = _read(name)
    raw = _parse(text, what=f"recipe {name}")
    if not isinstance(raw, dict):
        raise RecipeError(
            f"recipe {name} must be a mapping of keys, not {type(raw).__name__}", code="recipe-not-a-mapping"
        )
    parent = raw.pop("extends", None)
    raw.setdefault("name", full)
    if parent is None:
        return raw
    return _merge(_inherit(str(parent), depth=depth + 1), raw)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `over` into `base`.

    Mappings are merged key by key unless their `kind` changes; null removes a mapping; other values are
    replaced.
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if value is None and isinstance(below, dict):
            del merged[key]
            continue
        merged[key] = value
        if isinstance(value, dict) and isinstance(below, dict):
            kind = below.get("kind")
            if value.get("kind", kind) == kind:
                merged[key] = _merge(below, value)
    return merged


def _read(name: str) -> tuple[str, str]:
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        try:
            return path.stem, path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a null character in the path
            raise RecipeError(f"cannot read the recipe {name}: {error}", code="recipe-unreadable") from error
    recipes = _packaged()
    found = _matching(name, recipes)
    if not found:  # only now: this imports the packages
        recipes = _installed() | recipes
        found = _matching(name, recipes)
    if len(found) != 1:
        known = [each for full in recipes for each in (full, full.split("/")[1])]
        then = "`genrelab recipes list` shows all"
        hint = f"it could be {' or '.join(found)}. {then}" if found else closest(name, known, then=then)
        raise RecipeError(f"unknown recipe {name!r}; {hint}", code="recipe-unknown")
    return found[0], recipes[found[0]].read_text(encoding="utf-8")


def _matching(name: str, recipes: Iterable[str]) -> list[str]:
    return sorted(full for full in recipes if name in (full, full.split("/")[1]))


def _changed(raw: Mapping[str, Any], change: str) -> dict[str, Any]:
    """Return a recipe with one change `a.b=value`."""
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise RecipeError(f"write a change as key=value, not {change!r}", code="change-without-value")
    value = read_value(text, what=f"the value in {change!r}")
    return _merge(raw, _over(raw, key.split("."), value, key))


def read_value(text: str, *, what: str) -> Any:
    """Read a typed value: YAML, except that 1e-3 is a number.

    Raises
    ------
    RecipeError
        If it is not YAML; `what` names it in the message.
    """
    value = _parse(text, what=what)
    quoted = text.lstrip().startswith(("'", '"'))
    return _number(value) if isinstance(value, str) and not quoted else value


def _over(base: Any, path: Sequence[str], value: Any, key: str) -> Any:
    """Return an overlay of `base` that puts `value` at `path`; a list is returned whole."""
    if not path:
        return value
    head, *rest = path
    if not isinstance(base, list):
        below = base.get(head) if isinstance(base, Mapping) else None
        return {head: _over(below, rest, value, key)}
    chosen = _places(base, head, key)
    parts = []
    for place, part in enumerate(base):
        if place not in chosen:
            parts.append(part)
            continue
        # As in a mapping: another `kind` drops the options of the old one, null removes the part.
        laid = _merge({"": part}, {"": _over(part, rest, value, key)})
        if laid.get("") is not None:
            parts.append(laid[""])
    return parts


def _places(parts: Sequence[Any], head: str, key: str) -> Collection[int]:
    """Return the parts of a list that a piece of a dotted key selects."""
    if head == "*" and parts:
        return range(len(parts))
    if head.isdecimal() and int(head) < len(parts):
        return {int(head)}
    rule = (
        f"must be a number from 0 to {len(parts) - 1}, or * for all" if parts else "names a part of nothing"
    )
    raise RecipeError(
        f"{head!r} in the key {key!r} {rule}: the list has {len(parts)} parts", code="recipe-list-key"
    )


def _parse(text: str, *, what: str) -> Any:
    """Read YAML, which raises a ValueError for impossible dates."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(f"{what} is not YAML: {error}", code="not-yaml") from error


def _number(text: str) -> str | float:
    """Read 1e-3, which is text in YAML, as a number."""
    try:
        return float(text)
    except ValueError:
        return text


def dump_recipe(recipe: Recipe) -> str:
    """Return a recipe as YAML that `load_recipe` reads to the same recipe."""

    def plain(value: Any) -> Any:
        if isinstance(value, Component):
            return {"kind": value.kind, **value.options()}
        if isinstance(value, Strict):
            return {
                field.alias or key: plain(getattr(value, key))
                for key, field in type(value).model_fields.items()
                if key not in value.unwritten or getattr(value, key) != field.get_default()
            }
        if isinstance(value, Mapping):
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, tuple):
            return [plain(each) for each in value]
        return value

    return yaml_text(plain(recipe))
