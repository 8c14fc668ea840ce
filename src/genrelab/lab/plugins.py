"""Plugins: files of the user's own that register front-ends, augmentations, models and corpora.

A plugin file is Python, and it runs because the user names it: a file that only a run folder, a recipe or a
model file names is never executed. A run folder records in `plugins.json` which plugins its training used, so
that later commands can say which file is missing, or that it changed.
"""

from __future__ import annotations

import hashlib
import logging
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from genrelab.errors import RunError, UsageError
from genrelab.files import replace_text
from genrelab.lab.registry import NameTakenError, Origin, forget, is_known, origin_of, origins, registering
from genrelab.printing import plain

RECORD = "plugins.json"
_LOGGER = logging.getLogger(__name__)
_loaded: dict[Path, Origin] = {}


class Used(BaseModel):
    """A plugin that a training used, and what it used of it: kind -> names."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["file", "package"]
    name: str
    version: str
    uses: dict[str, list[str]]

    @property
    def origin(self) -> Origin:
        """The plugin."""
        return Origin(self.kind, self.name, self.version)


_RECORD = TypeAdapter(list[Used])


def load_plugin(path: Path) -> Origin:
    """Run a plugin file, which registers what it brings.

    A file that was loaded already is not run again, unless it changed; it then replaces what it registered.

    Parameters
    ----------
    path : Path
        A Python file. Imports of other files beside it are not found: install a package for that.

    Returns
    -------
    Origin

    Raises
    ------
    UsageError
        If there is no such file, it is not Python, it raises, it registers nothing, or a name that it
        registers is taken. Nothing that it registered stays.
    """
    if not path.is_file():
        raise UsageError(f"the plugin {path} is not a file; give the path of a Python file", code="no-plugin")
    source, place = path.read_bytes(), path.resolve()
    digest = hashlib.sha256(source).hexdigest()
    origin = Origin("file", path.name, f"sha256:{digest}")
    if origin in _loaded.values():
        return origin
    if place in _loaded:
        forget(_loaded.pop(place))
    try:
        code = compile(source, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:  # ValueError: a null character
        raise UsageError(f"the plugin {path} is not Python: {error}", code="plugin-not-python") from error
    module = ModuleType(f"genrelab_plugin_{re.sub(r'[^0-9A-Za-z]', '_', path.stem)}_{digest[:12]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickle look there
    try:
        with registering(origin):
            _run(code, module, path)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    _loaded[place] = origin
    return origin


def _run(code: Any, module: ModuleType, path: Path) -> None:
    before = origins()
    try:
        exec(code, vars(module))
    except NameTakenError:
        raise
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
        ]
        where = f", line {lines[-1]}" if lines else ""
        raise UsageError(
            f"the plugin {path}{where}: {type(error).__name__}: {error}", code="plugin-raises"
        ) from error
    if origins() == before:
        raise UsageError(
            f"the plugin {path} registers nothing; decorate its classes, e.g. with @MODELS.register('name')",
            code="plugin-registers-nothing",
        )


def plugin_files() -> list[tuple[Path, Origin]]:
    """Return the files that were loaded, for other processes to load."""
    return list(_loaded.items())


def load_same(files: Iterable[tuple[Path, Origin]]) -> None:
    """Load the plugin files of another process in this one.

    Raises
    ------
    UsageError
        If one cannot be loaded, see `load_plugin`.
    RunError
        If one changed in the meantime.
    """
    for path, origin in files:
        if load_plugin(path) != origin:
            raise RunError(
                f"the plugin {path} changed meanwhile; run the command again", code="plugin-changed"
            )


def plugin_versions() -> dict[str, str]:
    """Return name -> version of all plugins that registered something here."""
    return {origin.name: origin.version for origin in sorted(set(origins().values()))}


def plugins_used(recipe: BaseModel, corpus: str | None) -> list[Used]:
    """Return the plugins that a training uses: those with a name in its recipe or the spec of its corpus."""
    parts, music = set(_kinds(recipe.model_dump(mode="json"))), set(_corpora(corpus or ""))
    uses: dict[Origin, dict[str, list[str]]] = {}
    for (kind, name), origin in origins().items():
        if name in (music if kind == "corpus" else parts):
            uses.setdefault(origin, {}).setdefault(kind, []).append(name)
    return [
        Used(kind=origin.kind, name=origin.name, version=origin.version, uses=uses[origin])
        for origin in sorted(uses)
    ]


def _corpora(spec: str) -> Iterator[str]:
    """Give the name of the corpus of a spec, behind any changes of its sound."""
    name, _, rest = spec.partition(":")
    if is_known("change of sound", name.partition("@")[0]):
        yield from _corpora(rest)
    else:
        yield name


def _kinds(value: Any) -> Iterator[str]:
    """Give every value of a key `kind`, however deep."""
    if isinstance(value, Mapping):
        if isinstance(kind := value.get("kind"), str):
            yield kind
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for each in value:
        yield from _kinds(each)


def record_plugins(folder: Path, used: Iterable[Used]) -> None:
    """Write into a run folder which plugins its training uses; nothing if it uses none."""
    text = _RECORD.dump_json(list(used), indent=2).decode()
    if text != "[]" and not (folder / RECORD).exists():
        replace_text(folder / RECORD, text + "\n")


def check_plugins(folder: Path, *, training: bool = False) -> None:
    """Compare the plugins of a run folder with those that are loaded.

    A corpus of a plugin may be missing: the network does without it. A plugin of another version is an error
    in training, else a note in the log.

    Parameters
    ----------
    folder : Path
        Of a run, finished or not; it need not exist.
    training : bool
        Whether the run goes on.

    Raises
    ------
    UsageError
        If a front-end, augmentation or model of a plugin is not registered.
    RunError
        If the training would go on with another version, or the record cannot be read.
    """
    for used in _recorded(folder):
        for key in ((kind, name) for kind, names in used.uses.items() for name in names):
            now = origin_of(*key)
            if now is None and not is_known(*key):
                if key[0] == "corpus":
                    continue
                remedy = f"give --plugin {used.name}" if used.kind == "file" else f"install {used.name}"
                raise UsageError(
                    f"{folder} was trained with the {key[0]} {key[1]!r} of {used.origin} ({used.version}), "
                    f"which is not loaded; {remedy}",
                    code="plugin-not-loaded",
                )
            if now is None or _same(now, used.origin):
                continue
            differs = (
                f"{folder} was trained with the {key[0]} {key[1]!r} of {used.origin} ({used.version}); "
                f"the one loaded is of {now} ({now.version})"
            )
            if training:
                raise RunError(
                    f"{differs}; give the former, or train again: --restart, or another --out",
                    code="run-of-other-plugin",
                )
            _LOGGER.warning("note: %s", plain(differs))
            break


def _same(now: Origin, then: Origin) -> bool:
    """Whether two plugins are one; a file may have another name."""
    return now == then or (now.kind == then.kind == "file" and now.version == then.version)


def _recorded(folder: Path) -> list[Used]:
    try:
        return _RECORD.validate_json((folder / RECORD).read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValidationError) as error:
        raise RunError(f"cannot read {folder / RECORD}: {error}", code="plugins-unreadable") from error
