"""From a recipe's `distill` to the targets of each clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.errors import CorpusError, RecipeError
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.distill import WITHOUT, Distill
from genrelab.lab.training.distillation.genre_teacher import fit_genre_teacher, group_of
from genrelab.lab.training.distillation.target_file import Floats, Targets, read_targets
from genrelab.lab.training.distillation.teacher_set import (
    NamedTeacher,
    load_teachers,
    teachers_digest,
)
from genrelab.lab.training.distillation.unlabelled import Unlabelled, usable_unlabelled
from genrelab.lab.training.split_roles import Roles


@dataclass(frozen=True)
class Distillation:
    """The targets of a teacher for the clips of a corpus.

    Attributes
    ----------
    settings : Distill
    targets : Targets or None
        Their file; None if teachers are asked.
    rows : dict of str to int
        Clip id -> row of the targets' arrays.
    unlabelled : tuple of str
        Clips without a genre that are trained on, too.
    left_out : dict of str to int
        Reason why others are not -> their number.
    teachers : tuple of NamedTeacher
        Networks that process each view.
    """

    settings: Distill
    targets: Targets | None
    rows: dict[str, int] = field(default_factory=dict)
    unlabelled: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    teachers: tuple[NamedTeacher, ...] = ()

    @property
    def digest(self) -> str:
        """Hash of the file of targets, or of the files of the teachers."""
        return teachers_digest(self.teachers) if self.targets is None else self.targets.sha256


@dataclass(frozen=True)
class ClipTargets:
    """The targets of clips, besides their labels. Rows are clips; `present` tells which have targets.

    Attributes
    ----------
    present : np.ndarray of bool [shape=(clips,)]
    regress : dict of str to np.ndarray [shape=(clips, d)]
        Standardized by mean and deviation of the training clips; 0 where there is none.
    tags : dict of str to np.ndarray [shape=(clips, d)]
        Probabilities.
    genres : np.ndarray [shape=(clips, genres)] or None
        The teacher's logits.
    about : dict
        For the record.
    """

    present: npt.NDArray[np.bool_]
    regress: dict[str, Floats]
    tags: dict[str, Floats]
    genres: Floats | None
    about: dict[str, Any]


def distillation_of(recipe: Recipe, corpus: Corpus, roles: Roles, split: str) -> Distillation | None:
    """Read the targets that a recipe asks for, and find the clips that they belong to.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
    roles : Roles
        Of its clips.
    split : str
        The split's name, which may be part of the file's.

    Returns
    -------
    Distillation or None
        None where the recipe distills nothing, or runs with `--targets none`.

    Raises
    ------
    RecipeError
        If the recipe asks for targets and names no file and no teacher, or one cannot be used.
    CorpusError
        If no training clip has a target, or a name fits several clips.
    """
    settings = recipe.distill
    if settings is None or settings.targets == WITHOUT:
        return None
    if settings.teachers:
        every = {clip.id for clip in corpus.clips}
        none = Unlabelled((), {})
        found = usable_unlabelled(corpus, measured=roles.measured, with_targets=every)
        used, left_out = found if settings.unlabelled else none
        return Distillation(settings, None, {}, used, left_out, load_teachers(settings))
    file = settings.file(split)
    if file is None:
        raise RecipeError(
            f"the recipe {recipe.name} distills a teacher and names none. Give --targets FILE, an .npz file "
            f"with {', '.join(settings.arrays)}; --teacher FILE, the weights of a network; or --targets none "
            "to train without",
            code="targets-not-given",
        )
    targets = read_targets(file, settings.arrays)
    _check_tags(settings, targets)
    rows = targets.rows(corpus.clips)
    if not any(key in rows for key in roles.learned):
        raise CorpusError(
            f"{targets.path} names no training clip: its first name is {printable(targets.names[0])!r}, the "
            f"first clip {_place(corpus, roles.learned)}. A clip's path must end with the name",
            code="targets-of-other-clips",
        )
    if not settings.unlabelled:
        return Distillation(settings, targets, rows)
    used, left_out = usable_unlabelled(corpus, measured=roles.measured, with_targets=rows)
    return Distillation(settings, targets, rows, used, left_out)


def clip_targets(
    found: Distillation, corpus: Corpus, clips: Sequence[str], *, fitted: Sequence[str], seed: int
) -> ClipTargets:
    """Make the targets of clips.

    Parameters
    ----------
    found : Distillation
    corpus : Corpus
    clips : sequence of str
        The training clips, in the order of the rows that are returned.
    fitted : sequence of str
        The labelled clips that the genre teacher is fitted to; the genre of no other clip is used.
    seed : int
        Decides the teacher's folds.

    Raises
    ------
    CorpusError
        If the genre teacher cannot be fitted.
    """
    assert found.targets is not None
    settings, arrays = found.settings, found.targets.arrays
    rows = np.array([found.rows.get(key, -1) for key in clips])
    present = rows >= 0
    values = {key: each[rows] * present[:, None] for key, each in arrays.items()}
    regress = {key: _standardized(values[key], present) for key in settings.regress}
    about: dict[str, Any] = {
        "targets": printable(found.targets.path.name),
        "sha256": found.targets.sha256,
        "regress": dict(settings.regress),
        "tags": dict(settings.tags),
        "clips_with_targets": int(present.sum()),
        "clips_without_targets": int((~present).sum()),
        "unlabelled_left_out": dict(found.left_out),
    }
    genres = None
    if settings.genres is not None:
        features = np.concatenate([values[key] for key in settings.genres.arrays], axis=1)
        genres = np.zeros((len(clips), len(corpus.genres)))
        classes = _classes(corpus, clips, fitted)[present]
        by_id = corpus.by_id()
        groups = [group_of(by_id[key]) for key, has in zip(clips, present, strict=True) if has]
        fit = fit_genre_teacher(
            features[present], classes, groups, genres=len(corpus.genres), settings=settings.genres, seed=seed
        )
        genres[present] = fit.logits
        about["genres"] = {
            **settings.genres.model_dump(by_alias=True),
            "from": list(settings.genres.arrays),
            "fitted_clips": int((classes >= 0).sum()),
            "balanced_accuracy_on_folds": fit.accuracy,
        }
    return ClipTargets(present, regress, {key: values[key] for key in settings.tags}, genres, about)


def _classes(corpus: Corpus, clips: Sequence[str], fitted: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the class numbers of clips, and -1 for those that the teacher is not fitted to."""
    number = {genre: index for index, genre in enumerate(corpus.genres)}
    known, by_id = set(fitted), corpus.by_id()
    return np.array([number[by_id[key].genre or ""] if key in known else -1 for key in clips])


def _check_tags(settings: Distill, targets: Targets) -> None:
    for key in settings.tags:
        values = targets.arrays[key]
        if values.min() < 0.0 or values.max() > 1.0:
            raise RecipeError(
                f"{targets.path}: {key!r} lies in {values.min():.3g}..{values.max():.3g}, but tags are "
                f"probabilities, 0..1. Give it to distill.regress instead",
                code="tags-out-of-range",
            )


def _place(corpus: Corpus, ids: Sequence[str]) -> str:
    clip = corpus.by_id()[ids[0]]
    return repr(printable(str(clip.path or clip.id)))


def _standardized(values: Floats, present: npt.NDArray[np.bool_]) -> Floats:
    known = values[present]
    deviation = known.std(axis=0)
    scaled: Floats = (values - known.mean(axis=0)) / np.where(deviation > 1e-9, deviation, 1.0)
    return scaled * present[:, None]
