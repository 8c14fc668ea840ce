"""Learning from another listener: whose targets, which clips, which labels; stopping; the record."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from killed import Killed, same
from raising import raises

from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.distill import GenreTeacher
from genrelab.lab.runs.known_recordings import read_sounds
from genrelab.lab.training.checkpoints import LAST, Checkpoints
from genrelab.lab.training.data_loading import training_set
from genrelab.lab.training.distillation.distillation import ClipTargets, clip_targets
from genrelab.lab.training.distillation.genre_teacher import fit_genre_teacher
from genrelab.lab.training.distillation.unlabelled import (
    BY_ARTIST,
    BY_FILE,
    NO_TARGET,
    leave_out_unlabelled,
    usable_unlabelled,
)
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import AudioStore, open_store
from genrelab.lab.training.train import Trained, train
from genrelab.recognize import Recognizer

Make = Callable[..., Recipe]
DISTILL = {
    "regress": {"pen": 1.0},
    "tags": {"tags": 0.5},
    "genres": {"from": ["pen", "tags"], "temperature": 2.0, "folds": 2, "C": 1.0},
    "unlabelled": True,
}
LITTLE = {"mixup": 0.3, "balance": "sampler", "monitor": "last", "patience": None}
FREE_ARTISTS = ("high artist 0", "low artist 2", "The NOISE Artist, 3!", "someone", None, None)


@dataclasses.dataclass(frozen=True)
class Sounds:
    """The tones, and for a clip without a genre a tone of its own."""

    tones: Callable[[Clip, int, int], np.ndarray]

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        genre = clip.genre or ("high", "low", "noise")[int(clip.id.split("-")[1]) % 3]
        return self.tones(dataclasses.replace(clip, genre=genre), sample_rate, channels)


@pytest.fixture(scope="module")
def mixed(corpus: Corpus) -> Corpus:
    """The tones, and six clips without a genre, by artists who are learned, choose, are tested, and none."""
    free = [Clip(f"free-{number}", None, None, artist) for number, artist in enumerate(FREE_ARTISTS)]
    assert corpus.renderer is not None
    return dataclasses.replace(corpus, clips=[*corpus.clips, *free], renderer=Sounds(corpus.renderer))


@pytest.fixture(scope="module")
def targets(mixed: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Targets that follow from the genre, with noise; the last clip has none."""
    rng = np.random.default_rng(0)
    names, pen = [], []
    for clip in mixed.clips[:-1]:
        kind = mixed.genres.index(clip.genre) if clip.genre else int(clip.id.split("-")[1]) % 3
        names.append(clip.id)
        pen.append(np.eye(3)[kind] * 2 + rng.normal(0, 0.5, 3))
    path = tmp_path_factory.mktemp("targets") / "targets.npz"
    np.savez(path, names=names, pen=pen, tags=1 / (1 + np.exp(-np.array(pen))))
    return path


@pytest.fixture
def store(mixed: Corpus, cache: Path) -> AudioStore:
    return open_store(mixed, sample_rate=8000, channels=1)


@pytest.fixture
def distilling(tiny_recipe: Make, targets: Path) -> Make:
    def make(*changes: str, **values: object) -> Recipe:
        distill = DISTILL | {"targets": str(targets)} | values
        return tiny_recipe(
            "training.max_epochs=3",
            "training.segments_per_clip=1",
            f"distill={json.dumps(distill)}",
            *changes,
        )

    return make


def lesson(recipe: Recipe, corpus: Corpus, split: Split) -> ClipTargets:
    found = Experiment(recipe, corpus, split, 0).distillation
    assert found is not None
    return clip_targets(found, corpus, [*split.train, *found.unlabelled], fitted=split.train, seed=0)


def relabelled(corpus: Corpus, ids: list[str]) -> Corpus:
    clips = [dataclasses.replace(clip, genre="noise") if clip.id in ids else clip for clip in corpus.clips]
    return dataclasses.replace(corpus, clips=clips)


@pytest.mark.parametrize("folds", [None, 2])
def test_labels_of_other_parts_are_never_looked_at(
    distilling: Make, mixed: Corpus, split: Split, folds: int | None
) -> None:
    recipe = distilling(genres={"from": ["pen"], "folds": folds})
    ours = lesson(recipe, mixed, split)
    other = lesson(recipe, relabelled(mixed, [*split.valid, *split.test]), split)
    assert ours.genres is not None and other.genres is not None
    np.testing.assert_array_equal(ours.genres, other.genres)
    np.testing.assert_array_equal(ours.regress["pen"], other.regress["pen"])
    changed = lesson(recipe, relabelled(mixed, ["high-0"]), split)
    assert not np.array_equal(ours.genres, changed.genres), "while a training clip's label counts"


def test_with_folds_nothing_of_a_clips_artist_is_known() -> None:
    """Features that tell nothing but the artist: who has heard the artist knows the genre."""
    artists = np.repeat(np.arange(12), 4)
    features, classes = np.eye(12)[artists], artists % 3
    groups = [f"artist {number}" for number in artists]

    def right(folds: int | None) -> float:
        settings = GenreTeacher.model_validate({"from": ["a"], "C": 10.0, "folds": folds})
        said = fit_genre_teacher(features, classes, groups, genres=3, settings=settings, seed=0)
        accuracy = float((said.logits.argmax(axis=1) == classes).mean())
        assert said.accuracy is None or said.accuracy == pytest.approx(accuracy)
        return accuracy

    assert right(None) == 1.0
    assert right(4) < 0.5


def test_the_teacher_is_scikit_learns_regression() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(1)
    classes = np.repeat([0, 1, 2, -1], [20, 6, 10, 5])
    features = rng.normal(size=(41, 4)) + classes[:, None]
    settings = GenreTeacher.model_validate({"from": ["a"], "C": 0.5})
    taught = fit_genre_teacher(features, classes, ["x"] * 41, genres=4, settings=settings, seed=0)
    scale = StandardScaler().fit(features[:36])
    model = LogisticRegression(C=0.5, class_weight="balanced", max_iter=2000)
    model.fit(scale.transform(features[:36]), classes[:36])
    said = np.exp(taught.logits)
    np.testing.assert_allclose(said[:, :3], model.predict_proba(scale.transform(features)), atol=1e-5)
    np.testing.assert_allclose(said.sum(axis=1), 1.0)
    assert said[:, 3].max() < 1e-6, "a genre without clips"
    assert taught.accuracy is None


def test_regressed_targets_are_standardized(distilling: Make, mixed: Corpus, split: Split) -> None:
    made = lesson(distilling(), mixed, split)
    assert made.present.all() and len(made.present) == 12 + 3
    np.testing.assert_allclose(made.regress["pen"].mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(made.regress["pen"].std(axis=0), 1.0)
    assert made.about["genres"]["fitted_clips"] == 12
    assert made.about["genres"]["balanced_accuracy_on_folds"] >= 0.75


def test_unlabelled_clips_of_measured_artists_are_left_out(
    distilling: Make, mixed: Corpus, split: Split
) -> None:
    found = Experiment(distilling(), mixed, split, 0).distillation
    assert found is not None
    # free-1: the artist chooses the epoch; free-2: the artist is tested, in another spelling; free-5: no
    # target.
    assert found.unlabelled == ("free-0", "free-3", "free-4")
    assert found.left_out == {BY_ARTIST: 2, NO_TARGET: 1}


def test_unlabelled_clips_of_measured_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "real.wav").touch()
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    clips = [
        Clip("labelled", tmp_path / "real.wav", "a", start=0.0, duration=5.0),
        Clip("rest", tmp_path / "link.wav", None, start=5.0, duration=5.0),
        Clip("other", tmp_path / "other.wav", None),
    ]
    corpus = Corpus("files", ("a", "b"), clips)
    ids = [clip.id for clip in clips]
    assert usable_unlabelled(corpus, measured=["labelled"], with_targets=ids) == (("other",), {BY_FILE: 1})
    assert usable_unlabelled(corpus, measured=[], with_targets=ids) == (("rest", "other"), {})


def test_unlabelled_clips_of_a_list_are_left_out(distilling: Make, mixed: Corpus, split: Split) -> None:
    rest = leave_out_unlabelled(mixed, ["free-0", "high-0", "high-7"])
    assert [clip for clip in mixed.clips if clip.id != "free-0"] == list(rest.clips)
    found = Experiment(distilling(), rest, split, 0).distillation
    assert found is not None and found.unlabelled == ("free-3", "free-4")


def test_what_is_learned_are_training_clips_and_usable_unlabelled_ones(
    distilling: Make, mixed: Corpus, split: Split, store: AudioStore
) -> None:
    recipe = distilling('augment={"copies": [{"kind": "loudness", "decibels": -30}]}')
    found = Experiment(recipe, mixed, split, 0).distillation
    assert found is not None
    learning = training_set(Experiment(recipe, mixed, split, 0))
    assert learning.clips == (*split.train, *found.unlabelled)
    assert len(learning) == 2 * len(learning.clips), "copies of both"
    for number, key in enumerate([*learning.clips[:12]] * 2 + [*learning.clips[12:]] * 2):
        _, label, copy, clip = learning[0, number]
        assert learning.clips[clip] == key
        assert (label == -1) is key.startswith("free")
        assert copy == (number // 12 if number < 24 else (number - 24) // 3)
    assert set(store.skipped) == set() and "free-0" not in store


def test_heads_learn_and_stay_out_of_the_model(
    distilling: Make, mixed: Corpus, split: Split, store: AudioStore, tmp_path: Path
) -> None:
    recipe = distilling("training.max_epochs=8", "augment=null", "model.dropout=0.0", label_weight=0.0)
    losses: list[dict[str, float]] = []

    def epoch_end(self: Checkpoints, trainer: L.Trainer, *_: object) -> None:
        losses.append({key: float(value) for key, value in trainer.callback_metrics.items()})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "on_train_end", epoch_end, raising=False)
        patch.setattr(Checkpoints, "on_validation_end", epoch_end, raising=False)
        trained = train(Experiment(recipe, mixed, split, 0), folder=tmp_path, device="cpu")
    for term in ("regress_pen", "tags_tags", "genres"):
        first, last = (row[f"train_loss_{term}"] for row in (losses[1], losses[-1]))
        assert last < 0.9 * first, term
    assert losses[-1]["train_accuracy"] > 0.6, "genres are learned without a label in the loss"
    assert "train_loss_labels" not in losses[-1]
    assert not [key for key in trained.network.state_dict() if "heads" in key or "objective" in key]
    state = torch.load(tmp_path / LAST, weights_only=True)["state_dict"]
    assert {key for key in state if key.startswith("objective.")} == {
        f"objective.distill.heads.0.{number}.{part}" for number in (0, 1) for part in ("weight", "bias")
    }


def test_a_killed_training_goes_on_to_the_same_end(
    distilling: Make,
    mixed: Corpus,
    split: Split,
    store: AudioStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With heads, mixed batches and a balanced sampler."""
    recipe = distilling(*(f"training.{key}={json.dumps(value)}" for key, value in LITTLE.items()))

    def go(name: str) -> Trained:
        (tmp_path / name).mkdir(exist_ok=True)
        return train(Experiment(recipe, mixed, split, 0), folder=tmp_path / name, device="cpu")

    whole = go("whole")
    with monkeypatch.context() as patch:

        def batch_end(self: Checkpoints, trainer: L.Trainer, *rest: object) -> None:
            if trainer.current_epoch == 2:
                raise Killed

        patch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
        with pytest.raises(Killed):
            go("killed")
    assert same(whole, go("killed"))
    ours, theirs = (torch.load(tmp_path / name / LAST, weights_only=True) for name in ("whole", "killed"))
    assert all(torch.equal(value, theirs["state_dict"][key]) for key, value in ours["state_dict"].items())


def test_targets_none_trains_as_if_there_were_no_distill(
    distilling: Make, tiny_recipe: Make, mixed: Corpus, split: Split, store: AudioStore, tmp_path: Path
) -> None:
    short = ("training.max_epochs=1", "training.segments_per_clip=1")
    trained = []
    for name, recipe in (("a", distilling(*short, targets="none")), ("b", tiny_recipe(*short))):
        (tmp_path / name).mkdir()
        trained.append(train(Experiment(recipe, mixed, split, 0), folder=tmp_path / name, device="cpu"))
    assert same(*trained)
    assert "distilled" not in trained[0].learned
    assert trained[0].learned["clips"] == {"labelled": 12, "unlabelled": 0}


@pytest.mark.slow
def test_the_record_says_what_was_distilled(
    distilling: Make, mixed: Corpus, split: Split, targets: Path, tmp_path: Path, cache: Path
) -> None:
    recipe = distilling("training.max_epochs=1")
    run = run_experiment(Experiment(recipe, mixed, split, 0), base=tmp_path, device="cpu")
    learned = run.record.learned
    assert learned["clips"] == {"labelled": 12, "unlabelled": 3}
    distilled = learned["distilled"]
    assert distilled["targets"] == "targets.npz" and len(distilled["sha256"]) == 64
    assert distilled["unlabelled_left_out"] == {BY_ARTIST: 2, NO_TARGET: 1}
    assert distilled["clips_with_targets"] == 15 and distilled["regress"] == {"pen": 1.0}
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "pen, tags, genres from targets.npz" in page and BY_ARTIST in page
    about = Recognizer.load(run.folder / "model.onnx").bundle.metadata
    free = {known.sound for known in (read_sounds(run.folder) or {}).values() if known.part == "unlabelled"}
    assert len(free) == 3 and {sound[:12] for sound in free if sound} <= set(about.learned)
    result = about.results[0]
    assert isinstance(result["distilled"], dict) and result["distilled"]["sha256"] == distilled["sha256"]
    again = run_experiment(Experiment(recipe, mixed, split, 0), base=tmp_path, device="cpu")
    assert again.record == run.record
    with np.load(targets) as arrays:
        other = {key: arrays[key] for key in arrays}
    kept = targets.read_bytes()
    try:
        np.savez(targets, **other | {"pen": other["pen"] + 0.1})
        with raises("another-run", "--restart"):
            run_experiment(Experiment(recipe, mixed, split, 0), base=tmp_path, device="cpu")
        targets.unlink()
        finished = run_experiment(Experiment(recipe, mixed, split, 0), base=tmp_path, device="cpu")
        assert finished.record == run.record, "a finished run does not need the file any more"
    finally:
        targets.write_bytes(kept)


def test_what_else_is_learned_is_part_of_a_runs_identity(
    distilling: Make, tiny_recipe: Make, mixed: Corpus, split: Split
) -> None:
    assert Experiment(tiny_recipe(), mixed, split, 0).learned_digest() is None
    guessed = tiny_recipe("training.guessed={origins: [guess], smoothing: 0.3}")
    assert Experiment(guessed, mixed, split, 0).learned_digest() is None, "no label is guessed"
    clips = [dataclasses.replace(clip, label_origin="guess") for clip in mixed.clips]
    assert Experiment(guessed, dataclasses.replace(mixed, clips=clips), split, 0).learned_digest() is not None
    ours = Experiment(distilling(), mixed, split, 0).learned_digest()
    fewer = dataclasses.replace(mixed, clips=[clip for clip in mixed.clips if clip.id != "free-3"])
    assert len({ours, Experiment(distilling(), fewer, split, 0).learned_digest(), None}) == 3
    assert Experiment(distilling(targets="none"), mixed, split, 0).learned_digest() is None


@pytest.mark.parametrize(
    ("values", "code", "quoted"),
    [
        ({"targets": None}, "targets-not-given", ["--targets FILE", "pen, tags", "--targets none"]),
        ({"targets": "/absent/targets.npz"}, "targets-unreadable", ["/absent/targets.npz"]),
        ({"regress": {"pan": 1.0}}, "targets-missing-array", ["'pan'"]),
        ({"tags": {"pen": 1.0}}, "tags-out-of-range", ["'pen'"]),
    ],
)
def test_targets_that_cannot_be_used_are_told_before_anything_is_touched(
    distilling: Make,
    mixed: Corpus,
    split: Split,
    tmp_path: Path,
    values: dict[str, object],
    code: str,
    quoted: list[str],
) -> None:
    with raises(code, *quoted):
        run_experiment(Experiment(distilling(**values), mixed, split, 0), base=tmp_path, device="cpu")
    assert not list(tmp_path.iterdir())


def test_targets_of_other_clips_are_told(
    distilling: Make, mixed: Corpus, split: Split, tmp_path: Path
) -> None:
    np.savez(tmp_path / "t.npz", names=["else"], pen=np.zeros((1, 3)), tags=np.zeros((1, 3)))
    with raises("targets-of-other-clips", "'else'", "'high-0'"):
        _ = Experiment(distilling(targets=str(tmp_path / "t.npz")), mixed, split, 0).distillation


def test_folds_need_artists(distilling: Make, mixed: Corpus, split: Split) -> None:
    with raises("teacher-few-groups", "folds=7", 6):
        lesson(distilling(genres={"from": ["pen"], "folds": 7}), mixed, split)
