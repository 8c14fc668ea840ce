"""A whole experiment on tones: what the run folder says, going on, other corpora, folds."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pytest

from genrelab.errors import CorpusError, RunError, UsageError
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.evaluation import experiment
from genrelab.lab.evaluation.elsewhere import evaluate_elsewhere, evaluate_together, read_map, translate
from genrelab.lab.evaluation.experiment import run_experiment, warnings_of
from genrelab.lab.evaluation.runs import Run
from genrelab.lab.recipes import Recipe
from genrelab.recognize import Recognizer

Make = Callable[..., Recipe]
CHANGES = ("training.max_epochs=10", "augment.inputs=null", "model.dropout=0.0")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def run(corpus: Corpus, split: Split, tiny_recipe: Make, base: Path) -> Run:
    return run_experiment(tiny_recipe(*CHANGES), corpus, split, base=base, seed=0, device="cpu")


def test_a_run_folder_holds_everything(run: Run, split: Split, base: Path) -> None:
    assert run.folder == base / "soundfusion-resnet2d-s" / "tones" / "fixed-seed0"
    assert {path.name for path in run.folder.iterdir()} == {
        "best.safetensors", "history.csv", "last.ckpt", "log", "metrics.json", "model.onnx",
        "predictions.csv", "recipe.yaml", "report.html", "split.csv",
    }  # fmt: skip
    metrics = run.metrics
    assert metrics["split"]["made"] == "by hand"
    assert metrics["split"]["clips"] == {"train": 12, "valid": 6, "test": 6}
    assert metrics["split"]["checks"] == dict(split.checks)
    assert metrics["epoch"]["chosen_on"] == "valid" and metrics["epoch"]["trained"] == 10
    assert metrics["seed"] == 0 and metrics["versions"]["torch"]
    assert metrics["export_difference"] <= 1e-4
    track = metrics["evaluation"]["track"]["majority"]
    assert track["n"] == 6 and track["groups"] == 3
    assert track["accuracy"]["low"] <= track["accuracy"]["value"] <= track["accuracy"]["high"]
    assert track["accuracy"]["value"] >= 5 / 6, "tones and noise are easy to tell apart"
    rows = pd.read_csv(run.folder / "predictions.csv")
    assert set(rows[rows.level == "clip"].clip_id) == set(split.test)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "by hand" in page and "ResNet2D small" in page


def test_the_model_file_says_what_was_measured(run: Run) -> None:
    bundle = Recognizer.load(run.folder / "model.onnx").bundle
    result = bundle.metadata.results[0]
    assert result["clips"] == {"train": 12, "valid": 6, "test": 6}
    assert result["track_accuracy"] == run.metrics["evaluation"]["track"]["majority"]["accuracy"]
    assert bundle.metadata.recipe == "soundfusion/resnet2d-s"
    assert [source.name for source in bundle.metadata.corpora] == ["tones"]


def test_a_finished_run_is_not_run_again(
    run: Run, corpus: Corpus, split: Split, tiny_recipe: Make, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "train", lambda *_, **__: pytest.fail("trained again"))
    again = run_experiment(tiny_recipe(*CHANGES), corpus, split, base=base, seed=0, device="cpu")
    assert again.metrics == run.metrics


def test_a_folder_of_another_run_is_refused_and_restart_replaces_it(
    run: Run, corpus: Corpus, split: Split, tiny_recipe: Make, tmp_path: Path
) -> None:
    base = tmp_path / "runs"
    shutil.copytree(run.folder, base / run.folder.relative_to(run.folder.parents[2]))
    folder = base / run.folder.relative_to(run.folder.parents[2])
    other = tiny_recipe("training.max_epochs=1")
    with pytest.raises(RunError, match="other values of the recipe.*--restart"):
        run_experiment(other, corpus, split, base=base, seed=0, device="cpu")
    fewer = dataclasses.replace(split, test=split.test[1:])
    with pytest.raises(RunError, match="other clips"):
        run_experiment(tiny_recipe(*CHANGES), corpus, fewer, base=base, seed=0, device="cpu")
    assert Run.load(folder).metrics == run.metrics
    replaced = run_experiment(other, corpus, split, base=base, seed=0, device="cpu", restart=True)
    assert replaced.metrics["epoch"]["trained"] == 1


def test_leaks_and_synthetic_music_are_told_first() -> None:
    metrics: Mapping[str, object] = {
        "split": {"checks": {
            "clip on both sides": "none",
            "artist on both sides": "3 artists: A (train, test)",
            "genres missing from a part": "test: disco",
        }},
        "corpus": {"name": "synthetic", "skipped": {"x": "broken"}},
    }  # fmt: skip
    found = warnings_of(metrics)
    assert any("Artist on both sides: 3 artists" in line for line in found)
    assert any("disco" in line for line in found) and any("x (broken)" in line for line in found)
    assert any("not real music" in line for line in found)
    assert not any("Clip on both sides" in line for line in found)


def test_elsewhere_leaves_out_what_was_trained_on(run: Run, corpus: Corpus, split: Split) -> None:
    evaluation, folder = evaluate_elsewhere(run, corpus, device="cpu")
    assert evaluation.track["majority"].n == 6
    here = run.metrics["evaluation"]["track"]["majority"]["accuracy"]["value"]
    assert evaluation.track["majority"].accuracy.value == pytest.approx(here)
    assert json.loads((folder / "metrics.json").read_text())["evaluation"]["track"]["majority"]["n"] == 6


def test_elsewhere_maps_genres(run: Run, corpus: Corpus, tmp_path: Path) -> None:
    names = {"high": "treble", "low": "bass", "noise": "hiss"}
    clips = [dataclasses.replace(clip, genre=names[clip.genre or ""]) for clip in corpus.clips]
    foreign = dataclasses.replace(corpus, name="foreign", genres=("bass", "hiss", "treble"), clips=clips)
    with pytest.raises(UsageError, match="bass, hiss, treble"):
        evaluate_elsewhere(run, foreign, device="cpu")
    path = tmp_path / "map.yaml"
    path.write_text("treble: high\nbass: low\nhiss: null\n")
    # The renderer of the tones knows genres by name, so the sound follows the mapped clips.
    mapped = translate(foreign, run.genres, read_map(path))
    assert {clip.genre for clip in mapped.clips} == {"high", "low"} and mapped.genres == run.genres
    evaluation, folder = evaluate_elsewhere(run, foreign, mapping=read_map(path), device="cpu")
    assert evaluation.track["majority"].n == 16
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "not checked whether recordings or artists" in page


@pytest.mark.parametrize(
    "text", ["treble: hihg\nbass: low\nhiss: null", "- a list", "a: {b: c}", "[unclosed"]
)
def test_a_wrong_map_is_refused(text: str, run: Run, corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(UsageError):
        translate(corpus, run.genres, read_map(path))


def test_everything_was_trained_on(run: Run, corpus: Corpus, split: Split) -> None:
    seen = {*split.train, *split.valid}
    clips = [clip for clip in corpus.clips if clip.id in seen]
    with pytest.raises(CorpusError, match="none to test on"):
        evaluate_elsewhere(run, dataclasses.replace(corpus, clips=clips), device="cpu")


def test_folds_are_pooled(corpus: Corpus, tiny_recipe: Make, tmp_path: Path) -> None:
    recipe = tiny_recipe("training.max_epochs=1")
    ids = [clip.id for clip in corpus.clips]
    runs = []
    for fold in range(2):
        test = ids[fold::2]
        rest = [key for key in ids if key not in test]
        part = Split(f"fold-{fold}", rest[2:], rest[:2], test, made="every second clip")
        runs.append(run_experiment(recipe, corpus, part, base=tmp_path / "runs", seed=0, device="cpu"))
    evaluation = evaluate_together(runs, tmp_path / "together")
    assert evaluation.track["majority"].n == len(ids)
    correct = [run.metrics["evaluation"]["track"]["majority"]["accuracy"]["value"] * 12 for run in runs]
    assert evaluation.track["majority"].accuracy.value == pytest.approx(sum(correct) / 24)
    with pytest.raises(UsageError):
        evaluate_together([runs[0], runs[0]], tmp_path / "twice")


def test_an_unfinished_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no finished run"):
        Run.load(tmp_path)
