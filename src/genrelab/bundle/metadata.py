"""The metadata of a model file: one JSON value beside the graph."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from genrelab.bundle import bounds
from genrelab.bundle.tags import CONTENT, NO_MUSIC, PrintableText, TagInfo, check_tags
from genrelab.errors import ModelFileError
from genrelab.printing import shorten
from genrelab.voting import VotingRule

METADATA_KEY = "genrelab"
"""The key among the ONNX metadata whose value is the JSON text."""

FormatVersion = Literal[1, 2, 3]

FORMAT_VERSION: FormatVersion = max(get_args(FormatVersion))
"""The newest format that this genrelab reads. A file that needs nothing of it is written in format 1, which
older versions of genrelab read."""

_SINCE: dict[str, FormatVersion] = {  # what is newer than format 1
    "tags": 2,
    "no_music_above": 2,
    "abstain_below_by_genre": 2,
    "base": 3,
}

DIGEST_DIGITS = 12
"""Digits of an audio digest in a model file."""

_KEY = 80  # characters of a key that a message quotes

UNSURE = "unsure"
"""The result of a recognizer that abstains; no genre may have this name."""


Share = Annotated[float, Field(ge=0, le=1)]
SoundDigest = Annotated[str, Field(pattern=f"^[0-9a-f]{{{DIGEST_DIGITS}}}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrainingCorpus(_Strict):
    """A corpus that a model was trained on."""

    name: PrintableText
    licence: str
    citation: str


class BundleMetadata(_Strict):
    """The facts that a model file states.

    Parameters
    ----------
    format_version : {1, 2, 3}
        1 in a file without `tags`, `no_music_above`, `abstain_below_by_genre` and `base`, 3 in a file with
        `base`, otherwise 2; written accordingly.
    genres : tuple of str
        Two or more, in the order of the graph's probabilities.
    sample_rate : int
        Of the graph's input, in Hz.
    channels : {1, 2}
        Of the graph's input.
    segment_seconds, hop_seconds : float > 0
        Length of a segment; time from the beginning of one to that of the next, at most one segment. Limits:
        `genrelab.bundle.bounds`.
    padding : {"end", "random", "repeat", "none"}
        How sound shorter than a segment was padded in training: silence after it, silence around it, or
        repetition. Recognition uses `end` instead of `random`, to be reproducible. With `none` shorter sound
        is not padded, and the graph accepts any length up to a segment.
    shortest_seconds : float >= 0
        With the padding `none`, the shortest input of the graph; shorter sound is repeated up to this length.
    voting : {"majority", "mean"}
        How segments are combined to the prediction of a track; see `genrelab.voting.vote`.
    temperature : float > 0
        Divisor of the logits before the softmax, for information; the graph applies it.
    abstain_below : float in 0..1
        The threshold of confidence below which the model abstains (`unsure`).
    abstain_below_by_genre : dict of str to float in 0..1
        Genre -> its own threshold, used instead of `abstain_below` if this genre is first.
    tags : tuple of TagInfo
        In the order of the graph's third output; empty if it has none.
    no_music_above : float in 0..1 or None
        The mean probability of `content:no music` from which the genre is `unsure` with the reason
        `no music`; None if the model does not detect this.
    base : str or None
        The identity of the model whose embedding this one has, if only its genres (and tags) are its own: see
        `genrelab.teach`. It ends with 12 hexadecimal digits.
    recipe : str
        Name of the recipe; of a taught model the user's name for it.
    corpora : tuple of TrainingCorpus
        The training corpora.
    learned : tuple of str
        Of each training and validation clip: the first 12 hexadecimal digits of the digest of its sound, see
        `genrelab.lab.training.store.facts.ClipFacts` at this sample rate and number of channels. Empty if
        unknown. The sound cannot be reconstructed from it.
    results : tuple of dict
        Measured results, each with its corpus and split; any JSON objects.
    created : datetime.date
        When the file was written.
    genrelab_version : str
        The version that wrote the file.
    """

    format_version: FormatVersion = 1
    genres: tuple[PrintableText, ...] = Field(min_length=2, max_length=bounds.MOST_GENRES)
    sample_rate: int = Field(ge=1000, le=384_000)
    channels: Literal[1, 2]
    segment_seconds: float = Field(ge=bounds.SHORTEST_SEGMENT, le=bounds.LONGEST_SEGMENT)
    hop_seconds: float = Field(gt=0, le=bounds.LONGEST_SEGMENT)
    padding: Literal["end", "random", "repeat", "none"] = "end"
    shortest_seconds: float = Field(0.0, ge=0, le=bounds.LONGEST_SEGMENT)
    voting: VotingRule = "majority"
    temperature: float = Field(1.0, gt=0)
    abstain_below: Share = 0.0
    abstain_below_by_genre: dict[PrintableText, Share] = Field({}, max_length=bounds.MOST_GENRES)
    tags: tuple[TagInfo, ...] = Field((), max_length=bounds.MOST_TAGS)
    no_music_above: Share | None = None
    base: Annotated[PrintableText, Field(pattern="@[0-9a-f]{12}$")] | None = None
    recipe: PrintableText
    corpora: tuple[TrainingCorpus, ...] = ()
    learned: tuple[SoundDigest, ...] = ()
    results: tuple[dict[str, JsonValue], ...] = ()
    created: datetime.date
    genrelab_version: str

    @model_validator(mode="before")
    @classmethod
    def _fill_version(cls, values: Any) -> Any:
        if isinstance(values, dict) and "format_version" not in values:
            return {**values, "format_version": _version_of(values)}
        return values

    @model_serializer(mode="wrap")
    def _write(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is empty, since format 1 has no such keys, and state the format that results."""
        values: dict[str, Any] = handler(self)
        kept = {name: value for name, value in values.items() if name not in _SINCE or _is_given(value)}
        return {**kept, "format_version": _version_of(kept)} if "format_version" in kept else kept

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if len(set(self.genres)) != len(self.genres):
            raise ValueError("a genre is named twice")
        if UNSURE in self.genres:
            raise ValueError(f"no genre may be called {UNSURE!r}: that is the result of abstaining")
        newer = [name for name in _SINCE if _is_given(getattr(self, name))]
        if self.format_version < _version_of(self.__dict__):
            raise ValueError(f"{', '.join(newer)} need format_version {_version_of(self.__dict__)} or later")
        unknown = sorted(set(self.abstain_below_by_genre) - set(self.genres))
        if unknown:
            raise ValueError(f"abstain_below_by_genre names {shorten(unknown[0])!r}, which is no genre of it")
        check_tags(self.tags, self.no_music_above)
        if self.hop_seconds > self.segment_seconds:
            raise ValueError("hop_seconds is more than segment_seconds: sound would be skipped")
        if self.hop_seconds * bounds.MOST_OVERLAP < self.segment_seconds:
            raise ValueError(f"hop_seconds is less than 1/{bounds.MOST_OVERLAP} of segment_seconds")
        if self.segment_samples * self.channels > bounds.MOST_SAMPLES:
            raise ValueError(f"a segment has more than {bounds.MOST_SAMPLES:,} samples")
        if self.shortest_seconds > self.segment_seconds:
            raise ValueError("shortest_seconds is more than segment_seconds")
        return self

    def threshold_of(self, genre: str) -> float:
        """Return the threshold of confidence below which the model abstains if this genre is first."""
        return self.abstain_below_by_genre.get(genre, self.abstain_below)

    @property
    def user_tags(self) -> tuple[TagInfo, ...]:
        """The tags without those of the kind `content`."""
        return tuple(tag for tag in self.tags if tag.for_users)

    @property
    def no_music_column(self) -> int | None:
        """The number of the tag `content:no music`; None if the model does not detect the lack of music."""
        if self.no_music_above is None:
            return None
        return [tag.label for tag in self.tags].index(f"{CONTENT}:{NO_MUSIC}")

    @property
    def segment_samples(self) -> int:
        """Samples per segment."""
        return max(1, round(self.segment_seconds * self.sample_rate))

    @property
    def filling(self) -> Literal["end", "repeat"]:
        """How sound shorter than `shortest_samples` is padded, without randomness."""
        return "repeat" if self.padding in ("repeat", "none") else "end"

    @property
    def shortest_samples(self) -> int:
        """Samples to which shorter sound is padded: a segment, except with the padding `none`."""
        if self.padding != "none":
            return self.segment_samples
        return max(1, round(self.shortest_seconds * self.sample_rate))

    @property
    def hop_samples(self) -> int:
        """Samples from the beginning of a segment to the beginning of the next."""
        return max(1, round(self.hop_seconds * self.sample_rate))


def _is_given(value: Any) -> bool:
    return value is not None and value not in ((), [], {})


def _version_of(values: Mapping[str, Any]) -> FormatVersion:
    """Return the oldest format that can hold these values."""
    needed: FormatVersion = 1
    for name, version in _SINCE.items():
        if _is_given(values.get(name)):
            needed = max(needed, version)
    return needed


def parse_metadata(text: str, *, path: str | os.PathLike[str]) -> BundleMetadata:
    """Parse the metadata of a model file.

    Parameters
    ----------
    text : str
        JSON.
    path : str or path-like
        The model file, for messages.

    Returns
    -------
    BundleMetadata

    Raises
    ------
    ModelFileError
        If it is not a JSON object, was written by a newer genrelab, or a value is missing, unknown or
        invalid.
    """
    name = f"the metadata of the model file {os.fspath(path)}"
    if len(text) > bounds.MOST_METADATA:
        raise ModelFileError(
            f"{name} has {len(text):,} characters; the limit is {bounds.MOST_METADATA:,}. Export it again.",
            code="model-metadata-too-large",
        )
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        text = f"{name} is not JSON ({error}). Export it again."
        raise ModelFileError(text, code="model-metadata-not-json") from error
    if not isinstance(value, dict):
        raise ModelFileError(f"{name} is not a JSON object. Export it again.", code="model-metadata-not-json")
    version = value.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ModelFileError(
            f"{name} was made by a newer genrelab (format {shorten(str(version), _KEY)}; this one reads up "
            f"to {FORMAT_VERSION}). Upgrade: pip install --upgrade genrelab",
            code="model-newer",
        )
    try:
        return BundleMetadata.model_validate_json(text)
    except ValidationError as error:
        text = f"{name} cannot be used: {_explain(error)}. Export it again."
        raise ModelFileError(text, code="model-metadata") from error


def _explain(error: ValidationError) -> str:
    """Return the first three problems that pydantic found, on one line."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [
        f"{shorten('.'.join(map(str, problem['loc'])), _KEY) or 'values'}: "
        f"{shorten(problem['msg'].removeprefix('Value error, '))}"
        for problem in problems[:3]
    ]
    if len(problems) > 3:
        lines.append(f"and {len(problems) - 3} more")
    return "; ".join(lines)
