"""A whole experiment on tones: what the run folder says, going on, refusing."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pytest

from genrelab.errors import CorpusError, RecipeError, RunError
from genrelab.files import only_one
from genrelab.lab.corpora.splits.split_checks import check_split
from genrelab.lab.corpora.transforms.sound_changes import Loudness, Mp3
from genrelab.lab.corpora.transforms.transformed_corpus import derive
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment import run as experiment
from genrelab.lab.experiment.record import severe_warnings_of, warnings_of
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs.folders import Run, run_folder
from genrelab.lab.runs.known_recordings import read_sounds
from genrelab.recognize import Recognizer

Make = Callable[..., Recipe]


def test_a_run_folder_holds_everything(run: Run, split: Split, base: Path) -> None:
    assert run.folder == base / "soundfusion-resnet2d-s" / "tones" / "fixed-seed0"
    assert {path.name for path in run.folder.iterdir()} >= {
        "best.safetensors", "history.csv", "last.ckpt", "log", "metrics.json", "model.onnx",
        "predictions.csv", "recipe.yaml", "report.html", "sound.sha256", "split.csv",
    }  # fmt: skip
    assert not [path.name for path in run.folder.iterdir() if path.name.startswith(".")]
    metrics = run.metrics
    assert metrics["split"]["made"] == "by hand"
    assert metrics["split"]["clips"] == {"train": 12, "valid": 6, "test": 6}
    assert metrics["split"]["checks"] == dict(split.checks)
    assert metrics["epoch"]["chosen_on"] == "valid" and metrics["epoch"]["trained"] == 10
    assert metrics["seed"] == 0 and metrics["versions"]["torch"] and metrics["training_seconds"] > 0
    assert metrics["corpus"]["sound_sha256"] == (run.folder / "sound.sha256").read_text().strip()
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
    known = read_sounds(run.folder)
    assert known is not None
    heard = {
        part: {each.sound for each in known.values() if each.part == part} for part in ("train", "valid")
    }
    whole = {sound[:12] for sounds in heard.values() for sound in sounds if sound}
    assert set(bundle.metadata.learned) == whole and len(whole) == 18


def test_a_finished_run_is_not_run_again(
    run: Run, corpus: Corpus, split: Split, learnable: Make, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "train", lambda *_, **__: pytest.fail("trained again"))
    again = run_experiment(learnable(), corpus, split, base=base, seed=0, device="cpu")
    assert again.metrics == run.metrics


def test_a_folder_of_another_run_is_refused_and_restart_replaces_it(
    run: Run, corpus: Corpus, split: Split, learnable: Make, tmp_path: Path
) -> None:
    folder = tmp_path / run.folder.relative_to(run.folder.parents[2])
    shutil.copytree(run.folder, folder)
    other = learnable("training.max_epochs=1")
    with pytest.raises(RunError, match=r"other values of the recipe.*--restart"):
        run_experiment(other, corpus, split, base=tmp_path, seed=0, device="cpu")
    fewer = dataclasses.replace(split, test=split.test[1:])
    with pytest.raises(RunError, match="other clips"):
        run_experiment(learnable(), corpus, fewer, base=tmp_path, seed=0, device="cpu")
    renderer = dataclasses.replace(corpus.renderer, version=2)  # type: ignore[type-var]
    other_sound = dataclasses.replace(corpus, renderer=renderer)
    with pytest.raises(RunError, match="other sound"):
        run_experiment(learnable(), other_sound, split, base=tmp_path, seed=0, device="cpu")
    assert Run.load(folder).metrics == run.metrics
    replaced = run_experiment(other, corpus, split, base=tmp_path, seed=0, device="cpu", restart=True)
    assert replaced.metrics["epoch"]["trained"] == 1
    assert [path.name for path in folder.parent.iterdir() if path.name.endswith(".old")] == []


def test_what_cannot_be_trained_touches_nothing(
    run: Run, corpus: Corpus, split: Split, learnable: Make, base: Path
) -> None:
    def go(recipe: Recipe, music: Corpus = corpus, parts: Split = split, device: str = "cpu") -> None:
        run_experiment(recipe, music, parts, base=base, seed=0, device=device, restart=True)

    with pytest.raises(RunError, match="device"):
        go(learnable(), device="abacus")
    with pytest.raises(RecipeError, match="'width'"):
        go(learnable("model.widht=5"))
    with pytest.raises(CorpusError, match="test part"):
        go(learnable(), parts=dataclasses.replace(split, test=[]))
    with pytest.raises(CorpusError, match="valid part"):
        go(learnable(), parts=dataclasses.replace(split, valid=[]))
    with pytest.raises(CorpusError, match="test part"):
        go(learnable("training.choose_epoch_on=test"), parts=dataclasses.replace(split, valid=[], test=[]))
    clips = [
        dataclasses.replace(clip, genre="unsure" if clip.genre == "high" else clip.genre)
        for clip in corpus.clips
    ]
    with pytest.raises(CorpusError, match="unsure"):
        go(learnable(), music=dataclasses.replace(corpus, genres=("low", "noise", "unsure"), clips=clips))
    assert Run.load(run.folder).metrics == run.metrics


def test_only_one_process_works_in_a_folder(
    run: Run, corpus: Corpus, split: Split, learnable: Make, base: Path
) -> None:
    lock = run.folder.with_name(f".{run.folder.name}.lock")
    with only_one(lock), pytest.raises(RunError, match="another genrelab"):
        run_experiment(learnable(), corpus, split, base=base, seed=0, device="cpu")


def test_a_training_of_unknown_origin_is_refused(
    corpus: Corpus, split: Split, learnable: Make, tmp_path: Path
) -> None:
    folder = run_folder(tmp_path, recipe="soundfusion/resnet2d-s", corpus="tones", split="fixed", seed=0)
    folder.mkdir(parents=True)
    (folder / "last.ckpt").write_bytes(b"from somewhere")
    with pytest.raises(RunError, match="unknown origin"):
        run_experiment(learnable(), corpus, split, base=tmp_path, seed=0, device="cpu")


def test_leaks_and_synthetic_music_are_told_first() -> None:
    metrics: Mapping[str, object] = {
        "split": {"checks": {
            "clip on both sides": "none",
            "artist on both sides": "none; not known for 900 clips without an artist",
            "same file on both sides": "none (the clips are rendered, not read from files)",
            "genres missing from a part": "test: disco",
        }},
        "corpus": {"name": "synthetic", "skipped": {"x": "broken"}},
        "epoch": {"chosen_on": "valid"},
    }  # fmt: skip
    found = warnings_of(metrics)
    assert any("Artist on both sides: none; not known for 900" in line for line in found)
    assert any("disco" in line for line in found) and any("x (broken)" in line for line in found)
    assert any("not real music" in line for line in found)
    assert not any("Clip on both" in line or "Same file" in line for line in found)


def test_an_epoch_chosen_on_the_test_part_is_told_everywhere(
    spoilt: Run, split: Split, corpus: Corpus
) -> None:
    metrics = spoilt.metrics
    assert metrics["epoch"]["chosen_on"] == "test" and metrics["epoch"]["chosen_by"] == "test_loss"
    assert metrics["split"]["clips"] == {"train": 18, "valid": 0, "test": 6}
    rows = pd.read_csv(spoilt.folder / "split.csv")
    assert set(rows[rows.part == "train"].clip_id) == {*split.train, *split.valid}
    assert set(rows[rows.part == "test"].clip_id) == set(split.test)
    assert metrics["split"]["checks"]["genres missing from a part"] == "none"
    assert metrics["split"]["checks"]["test clips"] == "6 of 24"
    assert "all clips outside the test part trained on" in metrics["split"]["made"]
    first = warnings_of(metrics)[0]
    assert "chosen on the test clips" in first and "too high" in first and "new music" in first
    assert severe_warnings_of(metrics) == [first]
    page = (spoilt.folder / "report.html").read_text(encoding="utf-8")
    severe = page[page.index('<aside class="warnings severe"') : page.index("</aside>")]
    assert first in severe
    assert "validation from" not in page and ", test from" in page, "the curves are of the test part"
    result = Recognizer.load(spoilt.folder / "model.onnx").bundle.metadata.results[0]
    assert result["epoch_chosen_on"] == "test" and result["warnings"][0] == first


@pytest.fixture(scope="module")
def leaking(corpus: Corpus, split: Split, learnable: Make, base: Path) -> Run:
    """A finished run on changed sound, with copies of the validation clips."""
    changed = derive(derive(corpus, Mp3(32)), Loudness(-20.0))
    copies = 'augment={"copies": [{"kind": "loudness", "decibels": -30}]}'
    recipe = learnable("training.max_epochs=1", copies, "augment.copies_of=train+valid", "name=leaking")
    return run_experiment(recipe, changed, split, base=base, seed=0, device="cpu")


def test_copies_of_validation_clips_are_told_everywhere(leaking: Run, run: Run) -> None:
    metrics = leaking.metrics
    made = {"kind": "loudness", "decibels": -30, "clips": 12 + 6}
    assert metrics["copies"] == {"of": "train+valid", "made": [made]}
    assert metrics["split"]["clips"] == {"train": 12, "valid": 6, "test": 6}
    (severe,) = severe_warnings_of(metrics)
    assert warnings_of(metrics)[0] == severe
    assert severe.startswith("Leak: copies of the validation clips were trained on.")
    page = (leaking.folder / "report.html").read_text(encoding="utf-8")
    assert severe in page[page.index('<aside class="warnings severe"') : page.index("</aside>")]
    assert "Copies learned, of train+valid" in page and "loudness (decibels -30) of 18 clips" in page
    result = Recognizer.load(leaking.folder / "model.onnx").bundle.metadata.results[0]
    assert result["copies_of"] == "train+valid" and result["warnings"][0] == severe


def test_copies_of_training_clips_are_no_leak(leaking: Run, run: Run) -> None:
    assert run.metrics["copies"] == {"of": "train", "made": []} and severe_warnings_of(run.metrics) == []
    metrics = leaking.metrics
    assert severe_warnings_of({**metrics, "copies": {**metrics["copies"], "of": "train"}}) == []
    on_test = {**metrics, "epoch": {**metrics["epoch"], "chosen_on": "test"}}
    assert ["chosen on the test clips" in text for text in severe_warnings_of(on_test)] == [True]


def test_a_run_says_how_its_sound_was_changed(leaking: Run) -> None:
    about = leaking.metrics["corpus"]
    assert leaking.folder.parent.name == about["name"] == "tones-mp3-32-loudness--20"
    assert about["original"] == "tones" and about["changes"] == ["mp3-32", "loudness--20"]
    page = (leaking.folder / "report.html").read_text(encoding="utf-8")
    assert "that of tones, changed by mp3-32, then loudness--20" in page
    synthetic = {**leaking.metrics, "corpus": {**about, "original": "synthetic"}}
    assert any("not real music" in warning for warning in warnings_of(synthetic))


def test_leaks_between_what_was_learned_together_are_none(
    corpus: Corpus, split: Split, tiny_recipe: Make, tmp_path: Path
) -> None:
    """An artist in train and valid is on one side once both are learned; one in the test part is not."""
    shared = dict(zip(["high-0", "high-4", "low-0", "low-6"], ["Ann", "Ann", "Bob", "Bob"], strict=True))
    clips = [dataclasses.replace(clip, artist=shared.get(clip.id, clip.id)) for clip in corpus.clips]
    music = dataclasses.replace(corpus, clips=clips)
    before = check_split(music, split)["artist on both sides"]
    assert "Ann (train, valid)" in before and "Bob (train, test)" in before
    recipe = tiny_recipe("training.choose_epoch_on=test", "training.max_epochs=1")
    parts = dataclasses.replace(split, checks=check_split(music, split))
    run = run_experiment(recipe, music, parts, base=tmp_path, seed=0, device="cpu")
    assert run.metrics["split"]["checks"]["artist on both sides"] == "1 artists: Bob (train, test)"


def test_an_unfinished_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no finished run"):
        Run.load(tmp_path)
