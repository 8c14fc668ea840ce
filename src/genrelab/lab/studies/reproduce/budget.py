"""Limits of a reproduction: fewer epochs, fewer clips, less time. The page lists them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from genrelab.errors import UsageError
from genrelab.lab.corpora.splits.make_split import select_clips
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.schema import Training
from genrelab.lab.registry import closest

_DESCRIPTIONS = {
    "epochs": "at most {} epochs a training, phases in proportion",
    "genres": "{} of the genres",
    "clips": "{} clips a genre",
    "segments": "{} segments of a clip learned in an epoch, and looked at when it is chosen",
    "seconds": "segments of {} s at most",
    "folds": "{} of the folds",
    "minutes": "no training begun after {} minutes",
}


@dataclass(frozen=True)
class Budget:
    """Limits; None is no limit.

    Attributes
    ----------
    epochs : int or None
        Per training. Phases (warm-up, frozen epochs, steps of the learning rate) shrink in proportion.
    genres : int or None
        Of the corpus, selected by a hash of their names.
    clips : int or None
        Per genre, selected by a hash of their ids, equally on all machines.
    segments : int or None
        Per clip: for an epoch of training, at random positions, and for the choice of the epoch. Tests use
        whole clips.
    seconds : int or None
        Per segment, in training and in tests.
    folds : int or None
        The first folds of `kfold:*/10`.
    minutes : int or None
        After this time no training starts; a running one continues to its end.
    """

    epochs: int | None = None
    genres: int | None = None
    clips: int | None = None
    segments: int | None = None
    seconds: int | None = None
    folds: int | None = None
    minutes: int | None = None

    @classmethod
    def parse(cls, options: Sequence[str]) -> Budget:
        """Parse `epochs=2`, `clips=20`, `minutes=30`, or several limits separated by commas.

        Raises
        ------
        UsageError
            If a name is unknown or duplicated, or a value is not a positive integer.
        """
        known = [field.name for field in fields(cls)]
        values: dict[str, int] = {}
        for option in (part for text in options for part in text.split(",")):
            name, _, text = option.strip().partition("=")
            if name not in known:
                message = f"--budget {option}: unknown limit {name!r}; {closest(name, known)}"
                raise UsageError(message, code="budget-limit-unknown")
            if not text.isdecimal() or int(text) < 1 or name in values:
                message = f"--budget {option}: write each limit once, as {name}=N with N > 0"
                raise UsageError(message, code="budget-limit")
            values[name] = int(text)
        return cls(**values)

    def descriptions(self) -> list[str]:
        """Describe the limits, for people."""
        return [text.format(value) for name, text in _DESCRIPTIONS.items() if (value := getattr(self, name))]

    def labels(self) -> list[str]:
        """Return the limits that change a run, such as `epochs2`, for names of folders."""
        return [
            f"{name}{value}"
            for name in ("epochs", "genres", "clips", "segments", "seconds")
            if (value := getattr(self, name))
        ]

    def limit_folds(self, folds: Sequence[str]) -> list[str]:
        """Return the allowed folds of a cross-validation."""
        return list(folds[: self.folds])

    def limit_recipe(self, recipe: Recipe) -> Recipe:
        """Return the recipe with its epochs and the number and length of its segments limited."""
        training, audio = recipe.training, recipe.audio
        changed: dict[str, int] = {}
        if self.epochs is not None and self.epochs < training.max_epochs:
            changed |= self._phases(training)
        if self.segments is not None:
            for name in ("segments_per_clip", "valid_segments_per_clip"):
                changed[name] = min(self.segments, getattr(training, name) or self.segments)
        if changed:
            recipe = recipe.model_copy(update={"training": training.model_copy(update=changed)})
        if self.seconds is not None and self.seconds < audio.segment_seconds:
            shorter = audio.model_copy(update={"segment_seconds": float(self.seconds)})
            recipe = recipe.model_copy(update={"audio": shorter})
        return recipe

    def _phases(self, training: Training) -> dict[str, int]:
        assert self.epochs is not None
        share = self.epochs / training.max_epochs
        changed = {"max_epochs": self.epochs}
        for name in ("warmup_epochs", "frozen_epochs", "step_epochs"):
            value = getattr(training, name)
            if value:
                changed[name] = max(1, round(value * share))
        frozen = changed.get("frozen_epochs", 0)
        if frozen >= self.epochs > 1 and training.frozen_epochs < training.max_epochs:
            changed["frozen_epochs"] = self.epochs - 1
        return changed

    def limit_corpus(self, corpus: Corpus) -> Corpus:
        """Return the corpus with its genres and the clips per genre limited."""
        if self.clips is None and self.genres is None:
            return corpus
        chosen = set(sorted(corpus.genres, key=_place)[: self.genres])
        genres = [genre for genre in corpus.genres if genre in chosen]
        kept: set[str] = set()
        for genre in genres:
            ids = [clip.id for clip in corpus.clips if clip.genre == genre]
            kept |= set(sorted(ids, key=_place)[: self.clips])
        limits = Budget(genres=self.genres, clips=self.clips).descriptions()
        splits = {
            name: replace(
                select_clips(split, kept.__contains__), made=f"{split.made}, of {' and '.join(limits)}"
            )
            for name, split in corpus.published_splits.items()
        }
        return replace(
            corpus,
            genres=tuple(genres),
            clips=[clip for clip in corpus.clips if clip.id in kept],
            published_splits=splits,
        )

    def clock(self) -> Clock:
        """Start the clock of the limit in minutes."""
        return Clock(None if self.minutes is None else time.monotonic() + 60 * self.minutes)


@dataclass(frozen=True)
class Clock:
    """Clock of the time limit.

    Attributes
    ----------
    end : float or None
        In seconds of the monotonic clock; None is no limit.
    """

    end: float | None

    @property
    def expired(self) -> bool:
        """Whether the time for starting trainings is over."""
        return self.end is not None and time.monotonic() >= self.end


def _place(clip_id: str) -> str:
    return hashlib.sha256(clip_id.encode("utf-8", "surrogatepass")).hexdigest()
