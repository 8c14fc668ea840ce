"""Check the values of a config file, and give them to options as defaults.

The order of precedence is: option, environment variable, config file, default.
"""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrelab.cli.settings.config_file import REMEDY, ConfigPlace, read_config
from genrelab.cli.settings.keys import KEYS, KIND_NAMES, Key, Kind
from genrelab.errors import UsageError

_TYPES: dict[Kind, tuple[type, ...]] = {
    "file": (str,),
    "text": (str,),
    "texts": (list,),
    "flag": (bool,),
    "integer": (int,),
    "number": (int, float),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A command and its parameter that a key gives a default to."""

    command: str
    parameter: Any


def targets_of(key: Key, program: Any) -> list[Target]:
    """Return where a key applies; `program` is the command line of genrelab."""
    found = []
    for name, command in _leaves(program):
        wanted = key.parameter_of(name)
        found += [Target(name, each) for each in command.params if wanted and each.name == wanted]
    return found


def _leaves(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command that is no group, with its full name."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for each, child in children.items():
        yield from _leaves(child, f"{name} {each}".strip())


def read_settings(place: ConfigPlace, context: Any) -> dict[str, Any]:
    """Return the values of a config file, checked.

    Parameters
    ----------
    place : ConfigPlace
    context : typer.Context
        Of the program; its command has the commands and their parameters.

    Returns
    -------
    dict of str to object
        Key -> value, as the parameter takes it; paths are absolute. Empty if there is no file.

    Raises
    ------
    UsageError
        If the file cannot be read, a key is unknown, or a value cannot be used.
    """
    found = read_config(place)
    settings: dict[str, Any] = {}
    for name, value in (found or {}).items():
        if isinstance(value, dict):
            message = f"{place.path}: there is no table [{name}]: keys stand at the top of the file. {REMEDY}"
            raise UsageError(message, code="config-table")
        key, targets = _find_key(place.path, name, context.command)
        settings[name] = _checked(place.path, key, value)
        for target in targets:
            _check_by(target, settings[name], _about(place.path, name), context)
    return settings


def default_map(settings: Mapping[str, Any], program: Any) -> dict[str, Any]:
    """Return the defaults for the commands of the program, as `Context.default_map` takes them.

    Values that an environment variable precedes are left out.
    """
    defaults: dict[str, Any] = {}
    for key in KEYS:
        if key.name not in settings or is_set_outside(key):
            continue
        for target in targets_of(key, program):
            place = defaults
            for name in target.command.split():
                place = place.setdefault(name, {})
            place[target.parameter.name] = settings[key.name]
    return defaults


def is_set_outside(key: Key) -> bool:
    """Whether an environment variable gives the value of a key."""
    return key.variable is not None and bool(os.environ.get(key.variable))


def is_concerned(program: Any, command: str) -> bool:
    """Whether any key applies to a command of the program or one below it."""
    return any(target.command.split()[0] == command for key in KEYS for target in targets_of(key, program))


def _find_key(path: Path, name: str, program: Any) -> tuple[Key, list[Target]]:
    key = next((each for each in KEYS if each.name == name), None)
    targets = targets_of(key, program) if key else []
    if key is not None and targets:
        return key, targets
    known = [each.name for each in KEYS if targets_of(each, program)]
    options = {parameter.name for _, command in _leaves(program) for parameter in command.params}
    spelled = name.replace("-", "_").lower()
    if spelled in options and spelled not in known:
        message = f"{_about(path, name)} is given only on the command line. Remove it from the file."
        raise UsageError(message, code="config-key-refused")
    close = difflib.get_close_matches(spelled, known, n=1)
    meant = f"Do you mean {close[0]}?" if close else f"The keys are {', '.join(known)}."
    raise UsageError(f"{_about(path, name)} is unknown. {meant}", code="config-key-unknown")


def _checked(path: Path, key: Key, value: Any) -> Any:
    """Return a value of the right type."""
    fits = isinstance(value, _TYPES[key.kind]) and (key.kind == "flag" or not isinstance(value, bool))
    texts = value if key.kind == "texts" and fits else [value] if isinstance(value, str) else []
    if not fits or not all(isinstance(each, str) for each in texts):
        message = f"{_about(path, key.name)} must be {KIND_NAMES[key.kind]}. {REMEDY}"
        raise UsageError(message, code="config-type")
    if any("\0" in each for each in texts) or (key.kind == "file" and not value):
        message = f"{_about(path, key.name)} is empty or contains a zero byte. {REMEDY}"
        raise UsageError(message, code="config-text")
    if key.kind == "file":
        return _absolute(path, value)
    if key.name == "placeholders" and value.startswith("@"):
        return f"@{_absolute(path, value[1:])}"
    return value


def _absolute(config: Path, path: str) -> str:
    """Return a path, relative to the folder of the config file, as an absolute one."""
    return os.path.join(os.path.dirname(os.path.abspath(config)), os.path.expanduser(path))


def _check_by(target: Target, value: Any, about: str, context: Any) -> None:
    """Let a parameter check a value as if it were typed, without what it does with it."""
    parameter = copy.copy(target.parameter)
    parameter.callback = None
    try:
        parameter.process_value(context, value)
    except Exception as error:
        if not hasattr(error, "message"):  # the class is not public in every version of typer
            raise
        reason = str(error.message).removeprefix("Value error, ")  # newer versions of typer say so
        message = f"{about} cannot be used: {reason.rstrip('. ')}. {REMEDY}"
        raise UsageError(message, code="config-value") from error


def _about(path: Path, name: str) -> str:
    return f"{path}: the key {name!r}"
