"""A run with a teacher and tags from beginning to end: record, report, model files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from published_fcn import TAGS, write_published
from raising import raises
from scipy.special import expit

from genrelab.bundle.bundle import Bundle
from genrelab.cli.main import main
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.tag_table import tag_truth
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.experiment.final_tags import final_tags
from genrelab.lab.experiment.finalize import Final, finalize
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.tags import NO_MUSIC
from genrelab.lab.runs.folders import Run
from genrelab.lab.training.experiment import Experiment

RATE = 8000
CLIPS = 24
LEARNED = ("mood:calm", "mood:wild", "style:soft", NO_MUSIC)


@dataclasses.dataclass(frozen=True)
class Moods:
    """Renders a low tone for a calm clip, a high one for a wild clip, and noise for one that has neither."""

    version: int = 1

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        number = int(clip.id.split("-")[1])
        rng = np.random.default_rng([number, len(clip.id)])
        time = np.arange(sample_rate) / sample_rate
        pitch = (150.0 if clip.id.startswith("low") else 2000.0) * rng.uniform(0.8, 1.25)
        wave = 0.3 * np.sin(2 * np.pi * pitch * time) + rng.normal(0, 0.02, (channels, time.size))
        return wave.astype(np.float32)


@pytest.fixture(scope="module")
def music() -> Corpus:
    """Clips of two genres, most with a mood, and six with a mood alone."""
    clips = [
        Clip(
            f"{genre}-{number}",
            None,
            genre if number < CLIPS else None,
            f"{genre} artist {number // 2}",
            tags=None if number == 0 else (f"mood:{'calm' if genre == 'low' else 'wild'}",),
        )
        for genre in ("high", "low")
        for number in range(CLIPS + 3)
    ]
    return Corpus("moods", ("high", "low"), clips, renderer=Moods())


@pytest.fixture(scope="module")
def recipe(tiny_recipe: Callable[..., Recipe], tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = tmp_path_factory.mktemp("teacher")
    (folder / "tags.txt").write_text("\n".join(TAGS), encoding="utf-8")
    weights = write_published(folder / "one.safetensors")
    distill = {
        "teachers": [{"weights": str(weights), "tags": str(folder / "tags.txt")}],
        "regress": {"pen": 1.0},
        "genres": {"from": ["multi"], "folds": 2},
    }
    tags = {"least_clips": 5, "labels": 2.0, "no_music": 0.5, "taught": {"style:soft": ["calm", "loud"]}}
    return tiny_recipe(
        "augment=null", "model.dropout=0.0", "training.max_epochs=6", "training.patience=null",
        "training.monitor=last", "training.choose_epoch_on=none", "voting=mean", "training.view_segments=2",
        "training.segments_per_clip=1", "training.not_music={share: 0.2, weight: 1.0}",
        "training.learning_rate=0.01", f"distill={json.dumps(distill)}", f"tags={json.dumps(tags)}",
    )  # fmt: skip


@pytest.fixture(scope="module")
def folds(recipe: Recipe, music: Corpus, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    base = tmp_path_factory.mktemp("folds")
    return [
        run_experiment(
            Experiment(recipe, music, make_split(music, f"artist-kfold:{fold}/2", seed=0), 0),
            base=base,
            device="cpu",
        )
        for fold in range(2)
    ]


def outputs(model: Path, waves: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(None, {session.get_inputs()[0].name: waves}), strict=True))


@pytest.mark.slow
def test_a_run_records_predicts_and_exports_tags(folds: list[Run], music: Corpus, tmp_path: Path) -> None:
    run = folds[0]
    found = run.tag_predictions()
    assert found is not None and found.tags == LEARNED and run.record.network_tags == LEARNED
    tested = [key for key in found.clips if not int(key.split("-")[1]) < CLIPS]
    assert tested, "clips with tags and no genre are measured, too"
    np.testing.assert_array_equal(found.tracks().truth[:, :2], tag_truth(music, found.clips, LEARNED[:2]))
    assert found.teacher is not None
    assert np.isnan(found.teacher).all(axis=0).tolist() == [True, True, False, True]
    assert run.record.tags is not None
    measured = {tag: each.measured for tag, each in run.record.tags.tags.items()}
    assert measured["mood:calm"] == "labels" and measured["style:soft"] == "teacher"
    assert run.record.tags.tags["mood:calm"].auc.value > 0.9
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("mood:calm") and page.count("style:soft")
    json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)

    about = Bundle.load(run.folder / "model.onnx").metadata
    assert {"mood:calm", "mood:wild", NO_MUSIC} <= {f"{each.kind}:{each.name}" for each in about.tags}
    assert about.no_music_above is not None and about.no_music_above >= 0.5
    chosen = final_tags([found], seed=run.record.seed)
    assert chosen is not None and chosen.info == about.tags
    waves = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 1, RATE // 2)).astype(np.float32)
    with torch.inference_mode():
        logits = run.network()(torch.from_numpy(waves)).tags
    assert logits is not None
    wanted = [
        expit(fit.scale * logits[:, column].double().numpy() + fit.offset)
        for column, fit in zip(chosen.outputs.columns, chosen.outputs.calibration, strict=True)
    ]
    given = outputs(run.folder / "model.onnx", waves)
    assert list(given) == ["probabilities", "embedding", "tags"]
    np.testing.assert_allclose(given["tags"], np.transpose(wanted), atol=1e-4)

    again = tmp_path / "again.onnx"
    assert main(["export", str(run.folder), f"--to={again}"]) == 0
    np.testing.assert_array_equal(outputs(again, waves)["tags"], given["tags"])
    assert Bundle.load(again).metadata.tags == about.tags


@pytest.mark.slow
def test_folds_calibrate_the_tags_of_the_final_model(folds: list[Run], music: Corpus, tmp_path: Path) -> None:
    model = tmp_path / "final.onnx"
    fewer = [dataclasses.replace(clip, tags=clip.tags and ("mood:calm",)) for clip in music.clips]
    other, wanted = dataclasses.replace(music, clips=fewer, tags=()), Final(tmp_path / "other", model, 0.6)
    with raises("tags-changed-since-folds", folds[0].folder, "mood:wild"):
        finalize(folds, other, wanted, device="cpu")
    assert not (tmp_path / "other").exists()
    _, record = finalize(folds, music, Final(tmp_path / "final", model, 0.6, force=True), device="cpu")
    about = Bundle.load(model).metadata
    shown = {f"{each.kind}:{each.name}": each for each in about.tags}
    assert set(shown) == {*record["tags"]["kept"], NO_MUSIC}
    assert set(LEARNED) == {*shown, *record["tags"]["left_out"]}
    calm = shown["mood:calm"]
    assert calm.measured == "labels" and calm.auc is not None and calm.auc > 0.9
    assert record["tags"]["kept"]["mood:calm"]["threshold"] == calm.threshold
    assert about.no_music_above == shown[NO_MUSIC].threshold == record["tags"]["no_music_above"]
    assert record["tags"]["false_alarms"] < 0.2
    assert record["learned"]["clips"] == {"labelled": 2 * CLIPS, "unlabelled": 6}


@pytest.mark.slow
def test_a_finished_run_is_read_without_its_teacher(folds: list[Run], recipe: Recipe, music: Corpus) -> None:
    assert recipe.distill is not None
    (teacher,) = recipe.distill.teachers
    weights = Path(teacher.weights)
    moved = weights.rename(weights.with_suffix(".gone"))
    try:
        again = Experiment(recipe, music, make_split(music, "artist-kfold:0/2", seed=0), 0)
        assert run_experiment(again, base=folds[0].folder.parents[2], device="cpu").folder == folds[0].folder
    finally:
        moved.rename(weights)
