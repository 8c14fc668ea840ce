"""What a reproduction may spend: fewer epochs, fewer clips, less time. The page says so."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from genrelab.errors import UsageError
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.schema import Training
from genrelab.lab.registry import closest

_WORDS = {
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
    """Limits; None is none.

    Attributes
    ----------
    epochs : int or None
        Of a training. Phases (warm-up, frozen epochs, steps of the rate) shrink in proportion.
    genres : int or None
        Of the corpus, chosen by a hash of their names.
    clips : int or None
        Of a genre, chosen by a hash of their ids, the same on every machine.
    segments : int or None
        Of a clip: learned in an epoch, at random places, and looked at when the epoch is chosen. Tests hear
        whole clips.
    seconds : int or None
        Of a segment, in training and in tests.
    folds : int or None
        Of `kfold:*/10`, the first ones.
    minutes : int or None
        After which no training begins; one that has begun ends.
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
        """Read `epochs=2`, `clips=20`, `minutes=30`; several stand in one text with commas between.

        Raises
        ------
        UsageError
            If a name is unknown or stands twice, or a value is not a number above 0.
        """
        known = [field.name for field in fields(cls)]
        values: dict[str, int] = {}
        for option in (part for text in options for part in text.split(",")):
            name, _, text = option.strip().partition("=")
            if name not in known:
                raise UsageError(
                    f"--budget {option}: unknown limit {name!r}; {closest(name, known)}",
                    code="budget-limit-unknown",
                )
            if not text.isdecimal() or int(text) < 1 or name in values:
                raise UsageError(
                    f"--budget {option}: write each limit once, as {name}=N with N above 0",
                    code="budget-limit",
                )
            values[name] = int(text)
        return cls(**values)

    def words(self) -> list[str]:
        """Say the limits that there are."""
        return [text.format(value) for name, text in _WORDS.items() if (value := getattr(self, name))]

    def short(self) -> list[str]:
        """Name the limits that make a run another one, such as `epochs2`."""
        return [
            f"{name}{value}"
            for name in ("epochs", "genres", "clips", "segments", "seconds")
            if (value := getattr(self, name))
        ]

    def of_folds(self, folds: Sequence[str]) -> list[str]:
        """Return the folds that are allowed of those of a cross-validation."""
        return list(folds[: self.folds])

    def of_recipe(self, recipe: Recipe) -> Recipe:
        """Return the recipe with no more epochs, and no more and no longer segments, than allowed."""
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
        if (
            changed.get("frozen_epochs", 0) >= self.epochs > 1
            and training.frozen_epochs < training.max_epochs
        ):
            changed["frozen_epochs"] = self.epochs - 1
        return changed

    def of_corpus(self, corpus: Corpus) -> Corpus:
        """Return the corpus with no more genres, and no more clips a genre, than allowed."""
        if self.clips is None and self.genres is None:
            return corpus
        chosen = set(sorted(corpus.genres, key=_place)[: self.genres])
        genres = [genre for genre in corpus.genres if genre in chosen]
        kept: set[str] = set()
        for genre in genres:
            ids = [clip.id for clip in corpus.clips if clip.genre == genre]
            kept |= set(sorted(ids, key=_place)[: self.clips])
        words = [_WORDS[name].format(value) for name in ("genres", "clips") if (value := getattr(self, name))]
        splits = {
            name: replace(
                split,
                train=[each for each in split.train if each in kept],
                valid=[each for each in split.valid if each in kept],
                test=[each for each in split.test if each in kept],
                made=f"{split.made}, of {' and '.join(words)}",
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
        """Start to count the minutes."""
        return Clock(None if self.minutes is None else time.monotonic() + 60 * self.minutes)


@dataclass(frozen=True)
class Clock:
    """Tells whether the time is over.

    Attributes
    ----------
    end : float or None
        On the monotonic clock.
    """

    end: float | None

    @property
    def over(self) -> bool:
        """Whether no training may begin any more."""
        return self.end is not None and time.monotonic() >= self.end


def _place(clip_id: str) -> str:
    return hashlib.sha256(clip_id.encode("utf-8", "surrogatepass")).hexdigest()
