"""Names of the parts that a recipe can request: front-ends, augmentations, networks.

A registry maps a name to a class or function. `create` checks the options of a recipe against the
signature: a misspelt option is an error that names the closest valid one.
"""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from genrelab.errors import RecipeError

T = TypeVar("T")
Maker = TypeVar("Maker", bound=Callable[..., Any])

_FINITE = ConfigDict(allow_inf_nan=False)


def closest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest known names, e.g. `did you mean 'mel'?`."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(repr(match) for match in near)}?"
    return f"there are: {', '.join(names) or 'none'}"


class Registry(Generic[T]):
    """Makers of one kind of part, by name.

    Parameters
    ----------
    kind : str
        Name of the kind in messages, e.g. `front-end`.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._makers: dict[str, Callable[..., T]] = {}

    def register(self, name: str) -> Callable[[Maker], Maker]:
        """Return a decorator that registers a class or function under `name`."""

        def add(maker: Maker) -> Maker:
            if name in self._makers:
                raise ValueError(f"two {self.kind}s are called {name!r}")
            self._makers[name] = maker
            return maker

        return add

    def names(self) -> list[str]:
        """Return the registered names, sorted."""
        return sorted(self._makers)

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
        if name not in self._makers:
            raise RecipeError(
                f"unknown {self.kind} {name!r}; {closest(name, self._makers)}", code="kind-unknown"
            )
        maker = self._makers[name]
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
            reason = error.errors()[0]["msg"]
            raise RecipeError(
                f"{self.kind} {name!r}, option {key!r} = {value!r}: {reason}", code="option-invalid"
            ) from error
