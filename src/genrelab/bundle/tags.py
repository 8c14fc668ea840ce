"""The tags of a model file: words beside the genre, each with a probability of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from genrelab.bundle import bounds
from genrelab.printing import shorten

CONTENT = "content"
"""The kind of tags that are not for users: they say what the sound is, not how the music is."""

NO_MUSIC = "no music"
"""The only tag of the kind `content`."""

_RESERVED = (";", ":")  # they separate tags, and the kind from the name


def check_text(text: str) -> str:
    """Return a text that is not blank and can be printed; raise ValueError for any other."""
    if not text.strip() or not text.isprintable():
        raise ValueError(f"{shorten(text)!r} is empty or holds characters that cannot be printed")
    return text


def _check_name(name: str) -> str:
    if any(character in name for character in _RESERVED) or name != name.strip():
        raise ValueError(f"the tag name {shorten(name)!r} has a `;`, a `:` or spaces around it")
    return name


PrintableText = Annotated[str, Field(max_length=bounds.LONGEST_NAME), AfterValidator(check_text)]
TagKind = Annotated[str, Field(pattern="^[a-z][a-z-]*$", max_length=bounds.LONGEST_KIND)]
TagName = Annotated[PrintableText, AfterValidator(_check_name)]


class TagInfo(BaseModel):
    """A tag of a model file.

    Parameters
    ----------
    kind : str
        Lower-case letters and hyphens: `genre`, `mood`, `style`, `voice`, `energy` or any other.
    name : str
        Printable, without `;`, `:` and spaces around it.
    measured : {"labels", "teacher"}
        What the figures compare with: labels by people, or the teacher's predictions on held-out sound.
    auc, average_precision : float in 0..1 or None
        Area under the ROC curve, and average precision; None if not measured.
    threshold : float in 0..1
        The probability from which the tag is present: shown, and written to files.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: TagKind
    name: TagName
    measured: Literal["labels", "teacher"]
    auc: float | None = Field(None, ge=0, le=1)
    average_precision: float | None = Field(None, ge=0, le=1)
    threshold: float = Field(ge=0, le=1)

    @property
    def label(self) -> str:
        """Kind and name, such as `mood:calm`."""
        return f"{self.kind}:{self.name}"

    @property
    def for_users(self) -> bool:
        """Whether the tag describes music; tags of the kind `content` do not."""
        return self.kind != CONTENT


def check_tags(tags: tuple[TagInfo, ...], no_music_above: float | None) -> None:
    """Raise ValueError unless the tags of a model file fit together.

    Parameters
    ----------
    tags : tuple of TagInfo
    no_music_above : float or None
        The threshold of `content:no music`; needs that tag.
    """
    labels = [tag.label for tag in tags]
    if len({label.casefold() for label in labels}) != len(labels):
        raise ValueError("a tag is named twice")
    for tag in tags:
        if not tag.for_users and tag.name != NO_MUSIC:
            raise ValueError(f"{shorten(tag.label)!r} is unknown; the only tag of its kind is {NO_MUSIC!r}")
    if no_music_above is not None and f"{CONTENT}:{NO_MUSIC}" not in labels:
        raise ValueError(f"no_music_above needs the tag `{CONTENT}:{NO_MUSIC}`")
