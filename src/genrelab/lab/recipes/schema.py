"""What a recipe may say. Unknown keys are errors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from genrelab.lab.recipes.base import Strict
from genrelab.lab.recipes.distill import Distill
from genrelab.voting import VotingRule

RecipeName = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")]
"""Becomes the name of a folder, so nothing that leads elsewhere: `mine` or `soundfusion/resnet2d-s`."""

InputName = Annotated[str, Field(max_length=100, pattern=r"^[a-z][a-z0-9_]*$")]
_NullIsEmpty = BeforeValidator(lambda value: {} if value is None else value)


def _without_nulls(value: Any) -> Any:
    """Leave out what a recipe takes away from those that it extends."""
    return (
        {key: note for key, note in value.items() if note is not None} if isinstance(value, dict) else value
    )


_Notes = Annotated[dict[str, str], BeforeValidator(_without_nulls)]


class Part(BaseModel):
    """Something from a registry: its name under `kind`, its options beside it."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str

    def options(self) -> dict[str, Any]:
        """Return the options without the name."""
        return dict(self.model_extra or {})


_Parts = Annotated[tuple[Part, ...], BeforeValidator(lambda value: () if value is None else value)]


class Audio(Strict):
    """How sound is cut before it reaches the network."""

    sample_rate: int = Field(gt=0, le=1_000_000, description="Hz")
    channels: Literal[1, 2]
    segment_seconds: float = Field(gt=0, le=3600)
    overlap: float = Field(0.0, ge=0, lt=1, description="share of a segment that the next one repeats")
    padding: Literal["end", "random", "repeat", "none"] = Field(
        "end",
        description="what fills sound shorter than a segment: silence behind it, silence around it, itself "
        "again; with `none` it is heard as it is in testing and recognition, and repeated in training",
    )

    @field_validator("segment_seconds")
    @classmethod
    def _one_sample_at_least(cls, seconds: float, info: ValidationInfo) -> float:
        rate = info.data.get("sample_rate")
        if rate is not None and round(seconds * rate) < 1:
            raise ValueError(f"a segment needs one sample at least, {1 / rate:.2g} s at {rate} Hz")
        return seconds

    @property
    def segment_samples(self) -> int:
        """Length of a segment."""
        return round(self.segment_seconds * self.sample_rate)

    @property
    def hop_seconds(self) -> float:
        """Time from the start of a segment to the start of the next."""
        return self.segment_seconds * (1.0 - self.overlap)

    @property
    def hop_samples(self) -> int:
        """Samples from the start of a segment to the start of the next."""
        return max(1, round(self.hop_seconds * self.sample_rate))


class Augment(Strict):
    """Changes to training items.

    `waveform` acts before the front-ends, so that all inputs hear it; `inputs` acts behind the front-end
    of that name alone. Each of `copies` adds, to the training clips, a copy of each: with `input`, what that
    front-end makes is changed, else the sound; what `waveform` and `inputs` do, is done to copies as well.
    """

    probability: float = Field(1.0, ge=0, le=1)
    waveform: _Parts = ()
    inputs: Annotated[dict[InputName, _Parts], _NullIsEmpty] = Field(default_factory=dict)
    copies: _Parts = ()
    copies_of: Literal["train", "train+valid"] = Field(
        "train",
        validate_default=True,
        description="`train+valid` also learns copies of the clips that choose the epoch, as happens where a "
        "collection is copied before it is divided: what is measured on them is then worth nothing",
    )

    @field_validator("copies_of")
    @classmethod
    def _copies_of_something(cls, of: str, info: ValidationInfo) -> str:
        if of != "train" and not info.data.get("copies"):
            raise ValueError("there are no augment.copies")
        return of


class Guessed(Strict):
    """Labels that nobody gave to the clip itself."""

    origins: tuple[str, ...] = Field(min_length=1, description="values of `label_origin`")
    smoothing: float = Field(ge=0, lt=1, description="in place of `label_smoothing`")


class NotMusic(Strict):
    """Made sound that is no music, learned with all genres equally likely."""

    share: float = Field(gt=0, le=1, description="items beside each batch, as a share of it; one at least")
    weight: float = Field(1.0, gt=0, description="of their loss")


class Training(Strict):
    """How the weights are found.

    The figures called `valid_...` are those of the part that `choose_epoch_on` names.
    """

    unwritten: ClassVar[tuple[str, ...]] = ("guessed", "balance", "mixup", "not_music")

    weights: str = Field(
        "none",
        min_length=1,
        description="where the network starts: `none` is random; `imagenet` is timm's; else a file, "
        ".safetensors or .pt",
    )
    optimizer: Literal["adam", "adamw", "muon", "sgd"] = Field(
        "adam", description="`muon` turns the steps of convolutions' kernels; other weights take adamw's"
    )
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(
        0.0,
        ge=0,
        description="adds so many times a weight to its gradient (adamw, muon: takes it from the weight "
        "itself). A loss with `alpha` times the sum of squared weights is a weight_decay of 2 alpha",
    )
    decay: Literal["all", "kernels"] = Field(
        "all",
        description="which weights decay; `kernels` are those that inputs are multiplied by in convolutions "
        "and dense layers, without biases and batch norms",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    nesterov: bool = Field(False, description="of sgd with momentum")
    schedule: Literal["constant", "cosine", "step"] = "constant"
    step_epochs: int | None = Field(
        None,
        gt=0,
        validate_default=True,
        description="of `step`: the rate falls at each multiple of it, counted from the first epoch",
    )
    step_factor: float | None = Field(
        None, gt=0, le=1, validate_default=True, description="of `step`: what the rate is multiplied by; 0.5"
    )
    warmup_epochs: int = Field(0, ge=0, description="first epochs, at `warmup_learning_rate`")
    warmup_learning_rate: float | None = Field(None, gt=0, validate_default=True)
    frozen_epochs: int = Field(
        0,
        ge=0,
        description="first epochs, where networks of timm do not learn; `max_epochs` is transfer alone",
    )
    batch_size: int = Field(ge=2, description="batch norm needs two")
    max_epochs: int = Field(gt=0)
    patience: int | None = Field(None, gt=0, description="epochs without a better `monitor` before the end")
    monitor: Literal["valid_loss", "valid_accuracy", "last"] = Field(
        "valid_loss",
        description="what is best in the epoch that is kept; `last` keeps the last one, unchosen",
    )
    choose_epoch_on: Literal["valid", "test", "none"] = Field(
        "valid",
        description="`test` trains on all other clips and takes the epoch that does best on the test part, "
        "as published code often does: its figures are too high. `none` chooses nothing, so that all clips "
        "outside the test part are learned; it takes `monitor: last`",
    )
    segments_per_clip: int | None = Field(
        None, gt=0, description="random segments of each clip in an epoch; null is every segment once"
    )
    valid_segments_per_clip: int | None = Field(
        None, gt=0, description="at most so many, evenly spread, when the epoch is chosen; null is all"
    )
    precision: Literal["auto", "full", "mixed"] = Field(
        "auto",
        description="`mixed` computes the network, not its front-ends, in half precision where that is safe; "
        "`auto` does so on a GPU",
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    gradient_clip: float | None = Field(None, gt=0)
    guessed: Guessed | None = None
    balance: Literal["none", "loss", "sampler"] = Field(
        "none",
        description="`loss` weighs a label's loss by how rare its genre is in training; `sampler` shows all "
        "genres equally often, an epoch being as long as before",
    )
    mixup: float = Field(
        0.0, ge=0, le=100, description="alpha of the Beta distribution that clips are mixed by; 0 mixes none"
    )
    not_music: NotMusic | None = None

    @field_validator("monitor")
    @classmethod
    def _the_last_needs_no_patience(cls, monitor: str, info: ValidationInfo) -> str:
        if monitor == "last" and info.data.get("patience") is not None:
            raise ValueError("the last epoch is never better than one before; set training.patience to null")
        return monitor

    @field_validator("choose_epoch_on")
    @classmethod
    def _nothing_chooses_the_last(cls, part: str, info: ValidationInfo) -> str:
        if part == "none" and info.data.get("monitor") != "last":
            raise ValueError("without a part that chooses, the last epoch is kept; set training.monitor=last")
        return part

    @field_validator("nesterov")
    @classmethod
    def _nesterov_has_momentum(cls, nesterov: bool, info: ValidationInfo) -> bool:
        if nesterov and (info.data.get("optimizer") != "sgd" or info.data.get("momentum") == 0):
            raise ValueError("only training.optimizer=sgd with a training.momentum above 0 knows Nesterov's")
        return nesterov

    @field_validator("step_epochs", "step_factor")
    @classmethod
    def _only_steps_have_it(cls, value: float | None, info: ValidationInfo) -> float | None:
        schedule = info.data.get("schedule")
        if value is not None and schedule != "step":
            raise ValueError(f"training.schedule={schedule} has no steps; take schedule=step, or null here")
        if value is None and schedule == "step":
            if info.field_name == "step_epochs":
                raise ValueError("training.schedule=step needs a number of epochs")
            return 0.5
        return value

    @field_validator("warmup_learning_rate")
    @classmethod
    def _warmup_has_a_rate(cls, rate: float | None, info: ValidationInfo) -> float | None:
        epochs = info.data.get("warmup_epochs", 0)
        if epochs > 0 and rate is None:
            raise ValueError(f"the {epochs} epochs of training.warmup_epochs need a rate above 0")
        if epochs == 0 and rate is not None:
            raise ValueError("there is no warm-up; set training.warmup_epochs above 0, or this to null")
        return rate

    @property
    def weights_file(self) -> Path | None:
        """The file whose weights the network starts with; None for `none` and `imagenet`."""
        return None if self.weights in ("none", "imagenet") else Path(self.weights).expanduser()


Metric = Literal["segment_accuracy", "track_accuracy", "track_top2_accuracy", "valid_accuracy"]


class Reported(Strict):
    """A figure of the paper."""

    corpus: str
    metric: Metric
    value: float = Field(ge=0, le=1)


class Recipe(Strict):
    """One experiment.

    `paper` and `row` say where it stands in a paper; `assumed` names each value that the paper leaves
    open, with the reason for the choice; `parameters` is the published size, as printed.
    """

    unwritten: ClassVar[tuple[str, ...]] = ("distill",)

    name: RecipeName
    title: str
    paper: str | None = None
    row: str | None = None
    reported: tuple[Reported, ...] = ()
    parameters: str | None = None
    sources: _Notes = Field(default_factory=dict)
    assumed: _Notes = Field(default_factory=dict)
    audio: Audio
    inputs: dict[InputName, Part] = Field(min_length=1)
    augment: Annotated[Augment, _NullIsEmpty] = Augment()
    model: Part
    training: Training
    distill: Distill | None = None
    voting: VotingRule = "majority"
