"""What all parts of a recipe share."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Values that are checked, never changed, and of which an unknown one is an error.

    Attributes
    ----------
    unwritten : tuple of str
        Keys that a written recipe leaves out while they have their default. New keys stand here, so that the
        recipes of earlier runs, and with them those runs' identities, stay what they were.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    unwritten: ClassVar[tuple[str, ...]] = ()
