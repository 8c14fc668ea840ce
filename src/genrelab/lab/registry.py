"""Names of what a recipe or a command can request: front-ends, augmentations, networks, corpora.

A registry maps a name to a class or function. Besides the names of genrelab, plugins register theirs: files
that the user gives (`genrelab.lab.plugins`) and installed packages, whose entry points are loaded only when
their name is requested. `create` checks the options of a recipe against the signature.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from genrelab.errors import RecipeError, UsageError
from genrelab.lab.value_faults import nearest, reason

T = TypeVar("T")
Value = TypeVar("Value")
Maker = TypeVar("Maker", bound=Callable[..., Any])

_FINITE = ConfigDict(allow_inf_nan=False)


class Origin(NamedTuple):
    """The plugin that registered a name.

    Attributes
    ----------
    kind : {"file", "package"}
    name : str
        Of the file, without folders, or of the installed package.
    version : str
        `sha256:` and the digest of the file, or the version of the package.
    """

    kind: Literal["file", "package"]
    name: str
    version: str

    def __str__(self) -> str:
        return f"the plugin {self.name}" if self.kind == "file" else f"the package {self.name} {self.version}"


class NameTakenError(UsageError):
    """Two things of one kind have the same name."""

    code = "name-taken"


def closest(name: str, known: Iterable[str], *, then: str = "") -> str:
    """Return a hint that names the closest known names, or all if none is close.

    Parameters
    ----------
    name : str
    known : iterable of str
    then : str
        A sentence that follows.

    Examples
    --------
    >>> closest("mell", ["mel", "cqt"])
    "did you mean 'mel'?"
    >>> closest("x", ["mel", "cqt"], then="A file ends in .yaml")
    'there are: cqt, mel. A file ends in .yaml'
    """
    names = sorted(known)
    near = nearest(name, names)
    if near:
        hint, stop = f"did you mean {' or '.join(repr(match) for match in near)}?", ""
    else:
        hint, stop = f"there are: {', '.join(names) or 'none'}", "."
    return f"{hint}{stop} {then}" if then else hint


@functools.cache
def installed(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group that installed packages offer, by name.

    Raises
    ------
    NameTakenError
        If two packages offer the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda point: (point.name, str(_package(point)))):
        if point.name in found:
            first, second = _package(found[point.name]), _package(point)
            raise NameTakenError(f"{first} and {second} both offer {point.name!r} in {group}; remove one")
        found[point.name] = point
    return found


def _package(point: EntryPoint) -> Origin:
    return Origin(
        "package", *(("unknown", "") if point.dist is None else (point.dist.name, point.dist.version))
    )


class Names(Generic[Value]):
    """Values of one kind by name.

    Parameters
    ----------
    kind : str
        Name of the kind in messages, e.g. `front-end`.
    group : str or None
        The entry points of installed packages that register further names.
    """

    def __init__(self, kind: str, *, group: str | None = None) -> None:
        self.kind = kind
        self.group = group
        self._makers: dict[str, Value] = {}
        self._origins: dict[str, Origin] = {}
        _ALL[kind] = self

    def add(self, name: str, value: Value) -> None:
        """Register `value` under `name`.

        Raises
        ------
        NameTakenError
            If the name is registered already.
        """
        if name in self._makers:
            first = self._origins.get(name, "genrelab")
            raise NameTakenError(
                f"{_loading or 'genrelab'} and {first} both register the {self.kind} {name!r}; rename one"
            )
        self._makers[name] = value
        if _loading is not None and not _is_own(value):  # genrelab's, which the plugin imports
            self._origins[name] = _loading

    def remove(self, name: str) -> None:
        """Forget a name that a plugin registered."""
        del self._origins[name], self._makers[name]

    def get(self, name: str) -> Value | None:
        """Return what is registered under `name`, or None; loads the entry point of that name.

        Raises
        ------
        UsageError
            If the entry point cannot be loaded, or does not register the name.
        """
        if name not in self._makers and self.group and name in installed(self.group):
            point = installed(self.group)[name]
            origin = _package(point)
            with registering(origin):
                try:
                    point.load()
                except NameTakenError:
                    raise
                except Exception as error:  # whatever the code of the package raises
                    raise UsageError(
                        f"{origin} offers the {self.kind} {name!r}, but {point.value} cannot be imported: "
                        f"{type(error).__name__}: {error}",
                        code="entry-point-fails",
                    ) from error
                if name not in self._makers:
                    raise UsageError(
                        f"{origin} offers the {self.kind} {name!r}, but {point.value} does not register it",
                        code="entry-point-registers-nothing",
                    )
        return self._makers.get(name)

    def __contains__(self, name: str) -> bool:
        return name in iter(self)

    def __iter__(self) -> Iterator[str]:
        """Give all names: registered ones in their order, then those that entry points offer."""
        further = installed(self.group) if self.group else ()
        return iter(dict.fromkeys([*self._makers, *further]))

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self)


_ALL: dict[str, Names[Any]] = {}
_loading: Origin | None = None


@contextmanager
def registering(origin: Origin) -> Iterator[None]:
    """Attribute names that are registered inside to a plugin; forget them if it raises."""
    global _loading
    before, _loading = _loading, origin
    kept = {key for key, each in origins().items() if each == origin}
    try:
        yield
    except BaseException:
        forget(origin, but=kept)
        raise
    finally:
        _loading = before


def forget(origin: Origin, *, but: Container[tuple[str, str]] = ()) -> None:
    """Forget all that a plugin registered, apart from some kinds and names."""
    for (kind, name), each in origins().items():
        if each == origin and (kind, name) not in but:
            _ALL[kind].remove(name)


def _is_own(value: Any) -> bool:
    """Whether genrelab defines a value; a kind of corpus counts as its loader."""
    module = getattr(getattr(value, "load", value), "__module__", None) or ""
    return str(module).partition(".")[0] == "genrelab"


def origins() -> dict[tuple[str, str], Origin]:
    """Return the plugin of each name that a plugin registered, by kind and name."""
    return {(kind, name): origin for kind, names in _ALL.items() for name, origin in names._origins.items()}


def origin_of(kind: str, name: str) -> Origin | None:
    """Return the plugin of a name, also of one that a package offers and that is not imported yet."""
    names = _ALL.get(kind)
    if names is None:
        return None
    if (known := names._origins.get(name)) is not None:
        return known
    offered = installed(names.group) if names.group and name not in names._makers else {}
    return _package(offered[name]) if name in offered else None


def is_known(kind: str, name: str) -> bool:
    """Return whether something of that kind has that name."""
    return kind in _ALL and name in _ALL[kind]


class Registry(Names[Callable[..., T]], Generic[T]):
    """Makers of one kind of thing, by name.

    `create` checks the options that a recipe gives against the maker's signature: an error names the option
    that is closest to a misspelt one.
    """

    def register(self, name: str) -> Callable[[Maker], Maker]:
        """Return a decorator that registers a class or function under `name`."""

        def add(maker: Maker) -> Maker:
            self.add(name, maker)
            return maker

        return add

    def create(self, name: str, options: Mapping[str, Any], **given: Any) -> T:
        """Make the part called `name`.

        Parameters
        ----------
        name : str
            A registered name.
        options : mapping
            Options from the recipe; every key must be a keyword of the maker.
        **given
            Values from the caller (numbers of genres and channels, ...); each is passed only to a maker that
            takes it.

        Raises
        ------
        RecipeError
            If the name or an option is unknown, missing, of the wrong type or outside the limits that
            its annotation sets (`Annotated[int, Field(gt=0)]`).
        """
        maker = self.get(name)
        if maker is None:
            raise RecipeError(
                f"unknown {self.kind} {name!r}; {closest(name, self)} (`--plugin FILE.py` adds your own)",
                code="kind-unknown",
            )
        parameters = inspect.signature(maker).parameters
        target = maker.__init__ if inspect.isclass(maker) else maker
        hints = typing.get_type_hints(target, include_extras=True)
        own = {key: parameter for key, parameter in parameters.items() if key not in given}
        for key in options:
            if key not in own:
                raise RecipeError(
                    f"{self.kind} {name!r} has no option {key!r}; {closest(key, own)}", code="option-unknown"
                )
        missing = [key for key, p in own.items() if p.default is p.empty and key not in options]
        if missing:
            raise RecipeError(
                f"{self.kind} {name!r} needs the option(s) {', '.join(missing)}", code="option-missing"
            )
        checked = {key: self._check(name, key, hints[key], value) for key, value in options.items()}
        wanted = {key: value for key, value in given.items() if key in parameters}
        return maker(**checked, **wanted)

    def _check(self, name: str, key: str, hint: Any, value: Any) -> Any:
        try:
            return TypeAdapter(hint, config=_FINITE).validate_python(value)
        except ValidationError as error:
            why = reason(error.errors()[0], choices=_choices(hint))
            raise RecipeError(
                f"{self.kind} {name!r}, option {key!r} = {value!r}: {why}", code="option-invalid"
            ) from error


def _choices(hint: Any) -> tuple[Any, ...]:
    """Return the values that an option can have, if its type lists nothing else."""
    return typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
