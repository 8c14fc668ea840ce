"""The runs of one system: one recipe under one kind of split, with all its seeds and folds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from genrelab.errors import UsageError
from genrelab.lab.findings import Verdict, combined
from genrelab.lab.findings.wording import warnings
from genrelab.lab.metrics.predictions import pool
from genrelab.lab.runs.folders import Run
from genrelab.lab.runs.known_recordings import read_sounds
from genrelab.lab.studies.genre_ranking import Ranked, ranked_clips

_FOLD = re.compile(r"-?(\d+(?:\+\d+)*)of(\d+)(?=$|-without-)")


_Seeds = tuple[int, int]
"""The seed of the training and the seed of the split."""


class Scored(NamedTuple):
    """A clip and a system's score for it."""

    genre: str
    group: str
    score: float
    recording: str  # empty in runs of earlier versions

    def may_be(self, other: Scored) -> bool:
        """Whether two clips of one id may be one recording: not if both recordings are known and differ."""
        return not (self.recording and other.recording) or self.recording == other.recording


@dataclass(frozen=True)
class System:
    """One recipe under one kind of split.

    Attributes
    ----------
    name : str
        Short, and different from those of the others.
    recipe, corpus, split : str
        `split` without the number of a fold: `artist-kfold-4` for `artist-kfold-0of4`, and
        `artist-kfold-4-by-2` for `artist-kfold-0+1of4`, which trains on fewer clips.
    original : str
        Name of the corpus before any change of its sound.
    seeds : tuple of int
    genres : tuple of str
    clips : mapping of str to Scored
        Clip id -> genre, group, share of the seeds that are correct, recording.
    warnings : tuple of str
        What takes away the meaning of its figures.
    verdict : Verdict
        Of all its runs.
    ranked : mapping of str to Ranked or None
        Clip id -> independent probabilities of genres; None if genres exclude each other.
    """

    name: str
    recipe: str
    corpus: str
    split: str
    original: str
    seeds: tuple[int, ...]
    genres: tuple[str, ...]
    clips: Mapping[str, Scored]
    warnings: tuple[str, ...]
    verdict: Verdict
    ranked: Mapping[str, Ranked] | None = None


def systems_of(runs: Sequence[Run]) -> tuple[System, ...]:
    """Gather finished runs into systems, in the order in which they are given.

    Raises
    ------
    UsageError
        If a system's seeds were tested on different clips.
    """
    gathered: dict[tuple[str, str, str, str], dict[_Seeds, list[Run]]] = {}
    for run in {run.folder.resolve(): run for run in runs}.values():
        record, key = run.record, system_key(run)
        seeds = record.seed, record.seed if record.split.seed is None else record.split.seed
        gathered.setdefault(key, {}).setdefault(seeds, []).append(run)
    names = _names(list(gathered))
    return tuple(_system(name, by_seed) for name, by_seed in zip(names, gathered.values(), strict=True))


def system_key(run: Run) -> tuple[str, str, str, str]:
    """Return what the runs of one system have in common: recipe, corpus, kind of split, and their digests."""
    record = run.record
    # Two collections of one name are two systems.
    which = record.recipe_sha256 + (record.corpus.recordings_sha256 or "")
    return record.recipe, record.corpus.name, _without_fold(record.split.name), which


def _without_fold(split: str) -> str:
    """Return what the splits of one cross-validation have in common."""

    def shared(found: re.Match[str]) -> str:
        held_out = found[1].count("+") + 1
        return f"-{found[2]}" + (f"-by-{held_out}" if held_out > 1 else "")

    return _FOLD.sub(shared, split)


def _names(keys: Sequence[tuple[str, str, str, str]]) -> list[str]:
    """Name each system by its recipe and, where needed, corpus and split."""
    for length in (1, 2, 3):
        names = [", ".join(_telling(key[:length], keys)) for key in keys]
        if len(set(names)) == len(names):
            return names
    return [
        f"{name} ({hashlib.sha256(key[3].encode()).hexdigest()[:8]})"
        for name, key in zip(names, keys, strict=True)
    ]


def _telling(parts: Sequence[str], keys: Sequence[tuple[str, ...]]) -> list[str]:
    """Keep the recipe, and what differs between systems."""
    return [part for at, part in enumerate(parts) if at == 0 or len({key[at] for key in keys}) > 1]


def _system(name: str, by_seed: Mapping[_Seeds, Sequence[Run]]) -> System:
    first = next(iter(by_seed.values()))[0]
    scores: dict[str, list[float]] = {}
    about: dict[str, tuple[str, str]] = {}
    for seeds, runs in by_seed.items():
        predictions = pool([run.predictions() for run in runs])
        answers = predictions.tracks(first.recipe.voting)
        if scores and scores.keys() != set(answers.clip_ids):
            raise UsageError(
                f"{name}: {_seed(seeds)} was tested on other clips than {_seed(next(iter(by_seed)))}; name "
                "the same folds of each seed. For the same test clips under several seeds, train with "
                "--split-seed, or take a split that does not depend on the seed, such as published",
                code="seeds-tested-on-other-clips",
            )
        right = answers.orders[:, 0] == answers.truth
        for at, clip in enumerate(answers.clip_ids):
            scores.setdefault(clip, []).append(float(right[at]))
            about[clip] = predictions.truth[clip], answers.groups[at]
    recordings: dict[str, str] = {}
    for run in (run for runs in by_seed.values() for run in runs):
        recordings |= {clip: known.recording for clip, known in (read_sounds(run.folder) or {}).items()}
    clips = {
        clip: Scored(*about[clip], score=float(np.mean(values)), recording=recordings.get(clip, ""))
        for clip, values in scores.items()
    }
    records = [run.record for runs in by_seed.values() for run in runs]
    severe = [warning for each in records for warning in warnings(each.severe())]
    one = first.record
    return System(
        name,
        one.recipe,
        one.corpus.name,
        _without_fold(one.split.name),
        one.corpus.original,
        tuple(seed for seed, _ in by_seed),
        first.genres,
        clips,
        tuple(dict.fromkeys(severe)),
        combined([each.verdict for each in records]),
        ranked_clips(list(by_seed.values())),
    )


def _seed(seeds: _Seeds) -> str:
    training, split = seeds
    return f"seed {training}" if training == split else f"seed {training} of split seed {split}"
