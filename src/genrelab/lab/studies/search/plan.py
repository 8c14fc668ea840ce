"""Plans of searches: built-in YAML, a YAML file, or command-line options."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from genrelab.errors import UsageError
from genrelab.lab.registry import closest
from genrelab.lab.studies.search.axes import key_and_text
from genrelab.lab.value_faults import reason

Monitor = Literal["valid_accuracy", "valid_loss"]
Sampler = Literal["grid", "tpe", "random"]
PlanName = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9][\w.-]*$")]
"""The name of a folder, without path separators."""

Values = str | list[Any]
_Texts = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class Plan(BaseModel):
    """A search as a user writes it; see `Search` for its processed form.

    `paper` and `place` name the search in a paper, `assumed` lists what the paper leaves open.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PlanName | None = None
    title: str | None = None
    paper: str | None = None
    place: str | None = None
    recipe: str | None = Field(None, description="null if `recipe` is one of the searched keys")
    set: _Texts = Field([], description="changes of the recipe in all trials, key=value")
    grid: dict[str, Values] = Field({}, description="key -> values; all combinations are tried")
    space: dict[str, Values] = Field({}, description="key -> values or a range to draw from")
    sampler: Sampler | None = Field(None, description="default: grid for a grid, tpe for a space")
    trials: int | None = Field(None, gt=0, le=10_000, description="number of draws from a space; 20")
    seeds: int = Field(1, gt=0, le=1000, description="number of trainings per trial")
    monitor: Monitor = "valid_accuracy"
    test_figures: bool = Field(False, description="show the test figures of all trials, as papers do")
    assumed: dict[str, str] = {}


def plan_names() -> list[str]:
    """Return the names of the built-in searches."""
    folder = files(__package__) / "plans"
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )


def load_plan(name: str) -> Plan:
    """Read a built-in search, or a YAML file.

    Raises
    ------
    UsageError
        If there is no such search, or a key or value is invalid; the message names the closest key.
    """
    path = Path(name)
    is_file = path.suffix in {".yaml", ".yml"}
    if not is_file and name not in plan_names():
        raise UsageError(
            f"unknown search {name!r}; {closest(name, plan_names(), then='A file ends in .yaml')}",
            code="plan-unknown",
        )
    source = path if is_file else files(__package__) / "plans" / f"{name}.yaml"
    try:
        raw = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"cannot read the search {name}: {error}", code="plan-unreadable") from error
    if not isinstance(raw, dict):
        raise UsageError(
            f"the search {name} must be a mapping of keys, not {type(raw).__name__}",
            code="plan-not-a-mapping",
        )
    return _checked({"name": path.stem if is_file else name, **raw}, f"the search {name}")


def typed(plan: Plan, *, grid: Sequence[str], space: Sequence[str], **others: Any) -> Plan:
    """Override a plan by command-line options.

    Parameters
    ----------
    plan : Plan
        `Plan()` for options only.
    grid, space : sequence of str
        `key=values`; they replace the values of the same key in the plan.
    **others
        Other fields of a plan; None keeps the field. `set` is appended.

    Raises
    ------
    UsageError
        If a key occurs twice, or a value is invalid.
    """
    new = {field: value for field, value in others.items() if value is not None}
    new["set"] = [*plan.set, *(others.get("set") or [])]
    for field, options in (("grid", grid), ("space", space)):
        pairs = [key_and_text(option) for option in options]
        keys = [key for key, _ in pairs]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise UsageError(
                f"--{field} names {twice} twice; give all its values in one --{field}", code="axis-twice"
            )
        new[field] = {**getattr(plan, field), **dict(pairs)}
    return _checked({**plan.model_dump(), **new}, "the search")


def _checked(raw: dict[str, Any], what: str) -> Plan:
    try:
        return Plan.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"{what}: unknown key {where!r}; {closest(where, Plan.model_fields)}", code="plan-key"
            ) from error
        raise UsageError(
            f"{what}: {where} = {first['input']!r}: {reason(first)}", code="plan-value"
        ) from error
