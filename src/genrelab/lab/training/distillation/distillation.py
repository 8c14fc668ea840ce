"""From a recipe's `distill` to what is learned of each clip."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genrelab.errors import CorpusError, RecipeError
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.distill import WITHOUT, Distill, GenreTeacher
from genrelab.lab.recipes.schema import Training
from genrelab.lab.training.distillation.target_file import Floats, Targets, read_targets
from genrelab.lab.training.distillation.teacher import group_of, teach
from genrelab.lab.training.distillation.unlabelled import usable_unlabelled
from genrelab.lab.training.split_roles import measured_ids, parts_used
from genrelab.lab.training.store.audio_store import sound_key


@dataclass(frozen=True)
class Distillation:
    """A file of targets beside a corpus and a split.

    Attributes
    ----------
    settings : Distill
    targets : Targets
    rows : dict of str to int
        Clip id -> row of the targets' arrays.
    unlabelled : tuple of str
        Clips without a genre that are learned, too.
    left_out : dict of str to int
        Why others are not -> how many.
    """

    settings: Distill
    targets: Targets
    rows: dict[str, int]
    unlabelled: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Lesson:
    """What is learned of each clip beside its label. Rows are clips; `taught` tells which have targets.

    Attributes
    ----------
    taught : np.ndarray of bool [shape=(clips,)]
    regress : dict of str to np.ndarray [shape=(clips, d)]
        Standardized by mean and deviation of the learned clips; 0 where there is none.
    tags : dict of str to np.ndarray [shape=(clips, d)]
        Probabilities.
    genres : np.ndarray [shape=(clips, genres)] or None
        The teacher's logits.
    about : dict
        For the record.
    """

    taught: np.ndarray[Any, np.dtype[np.bool_]]
    regress: dict[str, Floats]
    tags: dict[str, Floats]
    genres: Floats | None
    about: dict[str, Any]


def distillation_of(recipe: Recipe, corpus: Corpus, split: Split) -> Distillation | None:
    """Read the targets that a recipe wants, and find out which clips they are of.

    Returns
    -------
    Distillation or None
        None where a recipe distills nothing, or is told not to.

    Raises
    ------
    RecipeError
        If the recipe wants targets and names no file, or the file cannot be used.
    CorpusError
        If no clip that is learned has a target, or names do not tell clips apart.
    """
    settings = recipe.distill
    if settings is None or settings.targets == WITHOUT:
        return None
    file = settings.file(split.name)
    if file is None:
        raise RecipeError(
            f"the recipe {recipe.name} learns from targets and names no file. Give --targets FILE, an .npz "
            "file that holds " + ", ".join(_wanted(settings)) + "; or --targets none to train without"
        )
    targets = read_targets(file, _wanted(settings))
    _check_tags(settings, targets)
    rows = targets.rows(corpus.clips)
    learned, _ = parts_used(recipe.training, split)
    if not any(key in rows for key in learned):
        raise CorpusError(
            f"{targets.path} names no clip that is learned: its first name is "
            f"{printable(targets.names[0])!r}, the first clip {_place(corpus, learned)}. Names are paths "
            "that the clips' own end with"
        )
    if not settings.unlabelled:
        return Distillation(settings, targets, rows)
    used, left_out = usable_unlabelled(corpus, measured=measured_ids(recipe.training, split), taught=rows)
    return Distillation(settings, targets, rows, used, left_out)


def lesson_of(
    found: Distillation, corpus: Corpus, clips: Sequence[str], *, fitted: Sequence[str], seed: int
) -> Lesson:
    """Make the targets of clips.

    Parameters
    ----------
    found : Distillation
    corpus : Corpus
    clips : sequence of str
        Those that are learned, in the order of the rows that come back.
    fitted : sequence of str
        The labelled clips that the teacher of genres is fitted to; no other clip's genre is looked at.
    seed : int
        How the teacher's folds are dealt.

    Raises
    ------
    CorpusError
        If the teacher of genres cannot be fitted.
    """
    settings, arrays = found.settings, found.targets.arrays
    rows = np.array([found.rows.get(key, -1) for key in clips])
    taught = rows >= 0
    there = {key: each[rows] * taught[:, None] for key, each in arrays.items()}
    regress = {key: _standardized(there[key], taught) for key in settings.regress}
    about: dict[str, Any] = {
        "targets": printable(found.targets.path.name),
        "sha256": found.targets.sha256,
        "regress": dict(settings.regress),
        "tags": dict(settings.tags),
        "clips_with_targets": int(taught.sum()),
        "clips_without_targets": int((~taught).sum()),
        "unlabelled_left_out": dict(found.left_out),
    }
    genres = None
    if settings.genres is not None:
        features = np.concatenate([there[key] for key in settings.genres.arrays], axis=1)
        genres, about["genres"] = _genres(settings.genres, features, taught, corpus, clips, fitted, seed)
    return Lesson(taught, regress, {key: there[key] for key in settings.tags}, genres, about)


def learned_hash(recipe: Recipe, corpus: Corpus, split: Split) -> str | None:
    """Hash what is learned beside the clips and labels of the split.

    Counted are the file of targets, the sound and choice of unlabelled clips, and which labels are guessed.
    None where that is nothing, or the file of targets is not there (any more).
    """
    if recipe.distill is not None and recipe.distill.targets != WITHOUT:
        file = recipe.distill.file(split.name)
        if file is None or not Path(file).expanduser().is_file():
            return None
    found = distillation_of(recipe, corpus, split)
    guessed = guessed_clips(recipe.training, corpus)
    if found is None and not guessed:
        return None
    parts: list[Any] = [guessed]
    if found is not None:
        audio = recipe.audio
        parts += [found.targets.sha256, found.unlabelled]
        if found.unlabelled:
            parts.append(
                sound_key(corpus, sample_rate=audio.sample_rate, channels=audio.channels, which="unlabelled")
            )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def guessed_clips(training: Training, corpus: Corpus) -> list[str]:
    """Return the labelled clips whose label is of an origin that the recipe calls guessed."""
    origins = training.guessed.origins if training.guessed else ()
    return [clip.id for clip in corpus.clips if clip.genre is not None and clip.label_origin in origins]


def _wanted(settings: Distill) -> list[str]:
    """Return the arrays that are needed."""
    of_genres = settings.genres.arrays if settings.genres else ()
    return list(dict.fromkeys([*settings.regress, *settings.tags, *of_genres]))


def _check_tags(settings: Distill, targets: Targets) -> None:
    for key in settings.tags:
        values = targets.arrays[key]
        if values.min() < 0.0 or values.max() > 1.0:
            raise RecipeError(
                f"{targets.path}: {key!r} lies in {values.min():.3g}..{values.max():.3g}, but tags are "
                f"probabilities, 0..1. Give it to distill.regress instead"
            )


def _place(corpus: Corpus, ids: Sequence[str]) -> str:
    clip = corpus.by_id()[ids[0]]
    return repr(printable(str(clip.path or clip.id)))


def _standardized(values: Floats, taught: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats:
    known = values[taught]
    deviation = known.std(axis=0)
    scaled: Floats = (values - known.mean(axis=0)) / np.where(deviation > 1e-9, deviation, 1.0)
    return scaled * taught[:, None]


def _genres(
    settings: GenreTeacher,
    features: Floats,
    taught: np.ndarray[Any, np.dtype[np.bool_]],
    corpus: Corpus,
    clips: Sequence[str],
    fitted: Sequence[str],
    seed: int,
) -> tuple[Floats, dict[str, Any]]:
    """Return the logits of the teacher of genres for all clips, and what is to be said of it."""
    number = {genre: index for index, genre in enumerate(corpus.genres)}
    known, by_id = set(fitted), corpus.by_id()
    classes = np.array([number[by_id[key].genre or ""] if key in known else -1 for key in clips])
    logits = np.zeros((len(clips), len(number)))
    said = teach(
        features[taught],
        classes[taught],
        [group_of(by_id[key]) for key, has in zip(clips, taught, strict=True) if has],
        genres=len(number),
        settings=settings,
        seed=seed,
    )
    logits[taught] = said.logits
    about = {
        **settings.model_dump(by_alias=True),
        "from": list(settings.arrays),
        "fitted_clips": int((classes[taught] >= 0).sum()),
        "balanced_accuracy_on_folds": said.accuracy,
    }
    return logits, about
