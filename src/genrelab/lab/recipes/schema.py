"""The schema of recipes. Unknown keys are errors."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from genrelab.files import expand_home
from genrelab.lab.recipes.base import Strict
from genrelab.lab.recipes.distill import Distill
from genrelab.lab.recipes.reported import Reported
from genrelab.lab.recipes.tags import Tags
from genrelab.voting import VotingRule

RecipeName = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")]
"""Becomes the name of a folder, so nothing that leads elsewhere: `mine` or `soundfusion/resnet2d-s`."""

InputName = Annotated[str, Field(max_length=100, pattern=r"^[a-z][a-z0-9_]*$")]
_NullIsEmpty = BeforeValidator(lambda value: {} if value is None else value)


def _without_nulls(value: Any) -> Any:
    """Drop keys that a recipe removes from those that it extends."""
    return (
        {key: note for key, note in value.items() if note is not None} if isinstance(value, dict) else value
    )


_Notes = Annotated[dict[str, str], BeforeValidator(_without_nulls)]


class Component(BaseModel):
    """A part from a registry: its name under `kind`, and its options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str

    def options(self) -> dict[str, Any]:
        """Return the options without the name."""
        return dict(self.model_extra or {})


_Named = Annotated[
    Component, BeforeValidator(lambda value: {"kind": value} if isinstance(value, str) else value)
]
"""A component, also written as its name alone: `binary` is `{kind: binary}`."""

_Parts = Annotated[tuple[Component, ...], BeforeValidator(lambda value: () if value is None else value)]


class Audio(Strict):
    """How sound is cut into segments for the network."""

    unwritten: ClassVar[tuple[str, ...]] = ("clip_seconds",)

    sample_rate: int = Field(gt=0, le=1_000_000, description="Hz")
    channels: Literal[1, 2]
    segment_seconds: float = Field(gt=0, le=3600)
    overlap: float = Field(0.0, ge=0, lt=1, description="share of a segment that the next segment repeats")
    padding: Literal["end", "random", "repeat", "none"] = Field(
        "end",
        description="how sound shorter than a segment is padded: silence after it, silence around it, or "
        "repetition; `none` leaves it unpadded in testing and recognition, and repeats it in training",
    )
    clip_seconds: float | None = Field(
        None,
        gt=0,
        le=3600,
        description="a clip of a corpus that is shorter gets silence at random points up to this duration, "
        "before it is cut, in training and in tests; drawn once for each clip, from its id",
    )

    @field_validator("segment_seconds")
    @classmethod
    def _at_least_one_sample(cls, seconds: float, info: ValidationInfo) -> float:
        rate = info.data.get("sample_rate")
        if rate is not None and round(seconds * rate) < 1:
            raise ValueError(f"a segment needs at least one sample, {1 / rate:.2g} s at {rate} Hz")
        return seconds

    @property
    def segment_samples(self) -> int:
        """Length of a segment."""
        return round(self.segment_seconds * self.sample_rate)

    @property
    def clip_samples(self) -> int | None:
        """Shortest length of a clip; None leaves clips as they are."""
        return None if self.clip_seconds is None else max(1, round(self.clip_seconds * self.sample_rate))

    @property
    def hop_seconds(self) -> float:
        """Time from the start of a segment to the start of the next."""
        return self.segment_seconds * (1.0 - self.overlap)

    @property
    def hop_samples(self) -> int:
        """Samples from the start of a segment to the start of the next."""
        return max(1, round(self.hop_seconds * self.sample_rate))


class Augment(Strict):
    """Random changes of training items.

    `waveform` changes the input of all front-ends, `inputs` the output of the front-end with that name. Each
    entry of `copies` adds one copy of each training clip: with `input`, it changes the output of that
    front-end, else the sound. `waveform` and `inputs` also apply to copies.
    """

    probability: float = Field(1.0, ge=0, le=1)
    waveform: _Parts = ()
    inputs: Annotated[dict[InputName, _Parts], _NullIsEmpty] = Field(default_factory=dict)
    copies: _Parts = ()
    copies_of: Literal["train", "train+valid"] = Field(
        "train",
        validate_default=True,
        description="`train+valid` also trains on copies of the clips that choose the epoch, as if a "
        "collection was copied before it was split: figures on those clips are meaningless",
    )

    @field_validator("copies_of")
    @classmethod
    def _copies_of_something(cls, of: str, info: ValidationInfo) -> str:
        if of != "train" and not info.data.get("copies"):
            raise ValueError("there are no augment.copies")
        return of


class Guessed(Strict):
    """Labels that were not given to the clip itself."""

    origins: tuple[str, ...] = Field(min_length=1, description="values of `label_origin`")
    smoothing: float = Field(ge=0, lt=1, description="in place of `label_smoothing`")


class NotMusic(Strict):
    """Outlier exposure: synthetic non-music, with all genres equally likely as its target."""

    share: float = Field(gt=0, le=1, description="items added to each batch, as a share of it; at least one")
    weight: float = Field(1.0, gt=0, description="weight of their loss")


class Training(Strict):
    """How the weights are trained.

    Figures named `valid_...` belong to the part that `choose_epoch_on` names.
    """

    unwritten: ClassVar[tuple[str, ...]] = (
        "loss", "guessed", "balance", "mixup", "not_music", "view_segments", "frozen_norms_from",
        "fixed_layers", "prepared_epochs", "draw", "clips_share", "restart_epochs",
    )  # fmt: skip

    weights: str = Field(
        "none",
        min_length=1,
        description="initial weights: `none` is random; `imagenet` is timm's; else a file, .safetensors or "
        ".pt",
    )
    loss: _Named = Field(
        Component(kind="cross-entropy"),
        description="loss of the genres, a name or `{kind: NAME, OPTION: VALUE}`: `cross-entropy` for genres "
        "that exclude each other, with its relatives `focal`, `additive-margin` and `generalized`; `binary` "
        "for clips with several genres",
    )
    optimizer: Literal["adam", "adamw", "muon", "soap", "sgd"] = Field(
        "adam",
        description="`muon` orthogonalizes the steps of convolution kernels, `soap` takes Adam's steps in a "
        "basis in which gradients are uncorrelated; other weights use adamw",
    )
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(
        0.0,
        ge=0,
        description="adds this multiple of a weight to its gradient (adamw, muon, soap: subtracts it "
        "from the weight). A loss with `alpha` times the sum of squared weights is a weight_decay of 2 alpha",
    )
    decay: Literal["all", "kernels"] = Field(
        "all",
        description="which weights decay; `kernels` are the weight matrices of convolutions and dense "
        "layers, without biases and batch norms",
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
        None, gt=0, le=1, validate_default=True, description="of `step`: factor of the rate; 0.5"
    )
    warmup_epochs: int = Field(0, ge=0, description="number of first epochs at `warmup_learning_rate`")
    warmup_learning_rate: float | None = Field(None, gt=0, validate_default=True)
    frozen_epochs: int = Field(
        0,
        ge=0,
        description="number of first epochs in which networks of timm are frozen; `max_epochs` trains "
        "only the other layers",
    )
    frozen_norms_from: int | None = Field(
        None,
        ge=0,
        description="from this epoch on (counted from 0), batch norms normalize with their running "
        "statistics, which no longer change, instead of those of the batch; 0 stands for 1 without initial "
        "weights, because random ones have no statistics; null is never",
    )
    fixed_layers: int = Field(
        0, ge=0, description="number of first layers of the network that keep their initial weights (fcn)"
    )
    prepared_epochs: int | None = Field(
        None,
        gt=0,
        le=1000,
        description="number of different epochs: later ones repeat their views, mixtures and changes. What "
        "front-ends, fixed layers and teachers make of them is kept in the run folder until the end; null "
        "draws new views in every epoch",
    )
    batch_size: int = Field(ge=2, description="batch norm needs two")
    max_epochs: int = Field(gt=0)
    restart_epochs: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        (),
        description="of `cosine`: epochs, counted from 0, in which it starts again from the full rate; each "
        "time it reaches 0 at the next one, or at the end. `train --more-epochs` adds one",
    )
    patience: int | None = Field(
        None, gt=0, description="epochs without a better `monitor` after which training ends"
    )
    monitor: Literal["valid_loss", "valid_accuracy", "last"] = Field(
        "valid_loss",
        description="figure that chooses the epoch; `last` keeps the last epoch",
    )
    choose_epoch_on: Literal["valid", "test", "none"] = Field(
        "valid",
        description="`test` trains on all other clips and keeps the epoch that is best on the test part, as "
        "published code often does: its figures are too high. `none` trains on all clips outside the test "
        "part, and needs `monitor: last`",
    )
    clips_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the training clips of each genre that are trained on, as in a reduced "
        "dataset; chosen by a hash of their ids, so that a smaller share is a part of a larger one",
    )
    segments_per_clip: int | None = Field(
        None, gt=0, description="random segments per clip in an epoch; null is each segment once"
    )
    view_segments: int = Field(
        1,
        gt=0,
        le=100,
        description="consecutive segments of each training item, with `segments_per_clip`. They are "
        "mixed and changed as one view, teachers process it as a whole, and predictions are averaged over it",
    )
    draw: Literal["anywhere", "grid"] = Field(
        "anywhere",
        validate_default=True,
        description="where the random segments start: at any sample, or at the places where those of a test "
        "start (`audio.overlap`), each once in an epoch while there are others",
    )
    valid_segments_per_clip: int | None = Field(
        None,
        gt=0,
        description="most segments per clip, evenly spread, for the choice of the epoch; null is all",
    )
    precision: Literal["auto", "full", "mixed", "fast"] = Field(
        "auto",
        description="`mixed` computes the network, but not its front-ends, in half precision where that is "
        "safe; `auto` does so on a GPU, `fast` also on a processor with units for it",
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    gradient_clip: float | None = Field(None, gt=0)
    guessed: Guessed | None = None
    balance: Literal["none", "loss", "sampler"] = Field(
        "none",
        description="`loss` weights the loss of a label by the rarity of its genre in training; `sampler` "
        "shows all genres equally often, in an epoch of the same length",
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=100,
        description="alpha of the Beta distribution of mixtures of clips; 0 disables mixing",
    )
    not_music: NotMusic | None = None

    @field_validator("monitor")
    @classmethod
    def _the_last_needs_no_patience(cls, monitor: str, info: ValidationInfo) -> str:
        if monitor == "last" and info.data.get("patience") is not None:
            raise ValueError("the last epoch always counts as best; set training.patience to null")
        return monitor

    @field_validator("choose_epoch_on")
    @classmethod
    def _nothing_chooses_the_last(cls, part: str, info: ValidationInfo) -> str:
        if part == "none" and info.data.get("monitor") != "last":
            raise ValueError(
                "without a part that chooses the epoch, the last one is kept; set training.monitor=last"
            )
        return part

    @field_validator("draw")
    @classmethod
    def _places_are_drawn(cls, places: str, info: ValidationInfo) -> str:
        if places == "grid" and info.data.get("segments_per_clip") is None:
            raise ValueError(
                "without training.segments_per_clip each segment of the grid is trained on once; set it, or "
                "draw=anywhere"
            )
        return places

    @field_validator("view_segments")
    @classmethod
    def _views_are_drawn(cls, segments: int, info: ValidationInfo) -> int:
        if segments > 1 and info.data.get("segments_per_clip") is None:
            raise ValueError("views of several segments are drawn at random: set training.segments_per_clip")
        return segments

    @field_validator("nesterov")
    @classmethod
    def _nesterov_has_momentum(cls, nesterov: bool, info: ValidationInfo) -> bool:
        if nesterov and (info.data.get("optimizer") != "sgd" or info.data.get("momentum") == 0):
            raise ValueError("Nesterov momentum needs training.optimizer=sgd and a training.momentum above 0")
        return nesterov

    @field_validator("restart_epochs")
    @classmethod
    def _a_cosine_restarts_in_order(cls, epochs: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if epochs and info.data.get("schedule") != "cosine":
            raise ValueError("only training.schedule=cosine starts again; remove them")
        first, last = info.data.get("warmup_epochs", 0), info.data.get("max_epochs", 0)
        if any(late <= early for early, late in pairwise((first, *epochs, last)) if epochs):
            raise ValueError(
                f"epochs in which the cosine starts again must rise from above {first} (warmup_epochs) to "
                f"below {last} (max_epochs)"
            )
        return epochs

    @field_validator("step_epochs", "step_factor")
    @classmethod
    def _only_steps_have_it(cls, value: float | None, info: ValidationInfo) -> float | None:
        schedule = info.data.get("schedule")
        if value is not None and schedule != "step":
            raise ValueError(f"training.schedule={schedule} has no steps; set schedule=step, or this to null")
        if value is None and schedule == "step":
            if info.field_name == "step_epochs":
                raise ValueError("training.schedule=step needs training.step_epochs")
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
        """The file of initial weights; None for `none` and `imagenet`."""
        return None if self.weights in ("none", "imagenet") else expand_home(self.weights)


class Recipe(Strict):
    """One experiment.

    `paper` and `row` name its place in a paper; `assumed` lists each value that the paper leaves open, with
    the reason for the choice; `parameters` is the published size, as printed. `leave_out` maps the name of a
    corpus to clips that the paper removed from it.
    """

    unwritten: ClassVar[tuple[str, ...]] = ("distill", "tags", "leave_out")

    name: RecipeName
    title: str
    paper: str | None = None
    row: str | None = None
    reported: tuple[Reported, ...] = ()
    parameters: str | None = None
    sources: _Notes = Field(default_factory=dict)
    assumed: _Notes = Field(default_factory=dict)
    leave_out: Annotated[dict[str, tuple[str, ...]], _NullIsEmpty] = {}
    audio: Audio
    inputs: dict[InputName, Component] = Field(min_length=1)
    augment: Annotated[Augment, _NullIsEmpty] = Augment()
    model: Component
    training: Training
    distill: Distill | None = None
    tags: Tags | None = None
    voting: VotingRule = "majority"
