"""What a reproduction may spend: fewer epochs, fewer clips, less time. The page says so."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from genrelab.errors import UsageError
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.recipes import Recipe
from genrelab.lab.registry import closest

_WORDS = {
    "epochs": "at most {} epochs a training, phases in proportion",
    "clips": "{} clips a genre",
    "minutes": "no training begun after {} minutes",
}


@dataclass(frozen=True)
class Budget:
    """Limits; None is none.

    Attributes
    ----------
    epochs : int or None
        Of a training. Phases (warm-up, frozen epochs, steps of the rate) shrink in proportion.
    clips : int or None
        Of a genre, chosen by a hash of their ids, the same on every machine.
    minutes : int or None
        After which no training begins; one that has begun ends.
    """

    epochs: int | None = None
    clips: int | None = None
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
                raise UsageError(f"--budget {option}: unknown limit {name!r}; {closest(name, known)}")
            if not text.isdecimal() or int(text) < 1 or name in values:
                raise UsageError(f"--budget {option}: write each limit once, as {name}=N with N above 0")
            values[name] = int(text)
        return cls(**values)

    def words(self) -> list[str]:
        """Say the limits that there are."""
        return [text.format(value) for name, text in _WORDS.items() if (value := getattr(self, name))]

    def of_recipe(self, recipe: Recipe) -> Recipe:
        """Return the recipe with no more epochs than allowed."""
        training = recipe.training
        if self.epochs is None or self.epochs >= training.max_epochs:
            return recipe
        share = self.epochs / training.max_epochs
        changed: dict[str, int] = {"max_epochs": self.epochs}
        for name in ("warmup_epochs", "frozen_epochs", "step_epochs"):
            value = getattr(training, name)
            if value:
                changed[name] = max(1, round(value * share))
        if (
            changed.get("frozen_epochs", 0) >= self.epochs > 1
            and training.frozen_epochs < training.max_epochs
        ):
            changed["frozen_epochs"] = self.epochs - 1
        return recipe.model_copy(update={"training": training.model_copy(update=changed)})

    def of_corpus(self, corpus: Corpus) -> Corpus:
        """Return the corpus with no more clips a genre than allowed."""
        if self.clips is None:
            return corpus
        kept: set[str] = set()
        for genre in corpus.genres:
            ids = [clip.id for clip in corpus.clips if clip.genre == genre]
            kept |= set(sorted(ids, key=_place)[: self.clips])
        splits = {
            name: replace(
                split,
                train=[each for each in split.train if each in kept],
                valid=[each for each in split.valid if each in kept],
                test=[each for each in split.test if each in kept],
                made=f"{split.made}, of {self.clips} clips a genre",
            )
            for name, split in corpus.published_splits.items()
        }
        return replace(
            corpus,
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
