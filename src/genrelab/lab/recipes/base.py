"""The base class of all parts of a recipe."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Checked, immutable values; unknown keys are errors.

    Attributes
    ----------
    unwritten : tuple of str
        Keys that a written recipe omits at their default. New keys belong here, so that the recipes of
        earlier runs, and therefore the identities of those runs, stay the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    unwritten: ClassVar[tuple[str, ...]] = ()
