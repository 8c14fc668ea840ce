"""A whole experiment on tones: what the run folder says, going on, refusing."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from raising import raises

from genrelab.errors import RecipeError
from genrelab.files import only_one
from genrelab.lab.corpora.splits.split_checks import check_split
from genrelab.lab.corpora.transforms.sound_changes import Loudness, Mp3
from genrelab.lab.corpora.transforms.transformed_corpus import derive
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment import run as experiment
from genrelab.lab.experiment.facts import facts_of
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.findings.wording import warnings
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs.folders import Run, run_folder
from genrelab.lab.runs.known_recordings import read_sounds
from genrelab.lab.runs.record import CopiesRecord
from genrelab.lab.training.experiment import Experiment
from genrelab.recognize import Recognizer

Make = Callable[..., Recipe]


def test_a_run_folder_holds_everything(run: Run, corpus: Corpus, split: Split, base: Path) -> None:
    assert run.folder == base / "soundfusion-resnet2d-s" / "tones" / "fixed-seed0"
    assert {path.name for path in run.folder.iterdir()} >= {
        "best.safetensors", "history.csv", "last.ckpt", "log", "metrics.json", "model.onnx",
        "predictions.csv", "recipe.yaml", "report.html", "sound.sha256", "split.csv",
    }  # fmt: skip
    assert not [path.name for path in run.folder.iterdir() if path.name.startswith(".")]
    metrics = run.record.to_dict()
    assert metrics["split"]["made"] == "by hand"
    assert metrics["split"]["clips"] == {"train": 12, "valid": 6, "test": 6}
    assert run.record.split.findings == check_split(corpus, split)
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
    assert result["track_accuracy"] == run.record.evaluation.track["majority"].accuracy.model_dump()
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
    again = run_experiment(Experiment(learnable(), corpus, split, 0), base=base, device="cpu")
    assert again.record == run.record


@pytest.mark.slow
def test_a_folder_of_another_run_is_refused_and_restart_replaces_it(
    run: Run, corpus: Corpus, split: Split, learnable: Make, tmp_path: Path
) -> None:
    folder = tmp_path / run.folder.relative_to(run.folder.parents[2])
    shutil.copytree(run.folder, folder)
    other = learnable("training.max_epochs=1")
    with raises("another-run", "--restart"):
        run_experiment(Experiment(other, corpus, split, 0), base=tmp_path, device="cpu")
    fewer = dataclasses.replace(split, test=split.test[1:])
    with raises("another-run", "clips"):
        run_experiment(Experiment(learnable(), corpus, fewer, 0), base=tmp_path, device="cpu")
    renderer = dataclasses.replace(corpus.renderer, version=2)  # type: ignore[type-var]
    other_sound = dataclasses.replace(corpus, renderer=renderer)
    with raises("another-run", "sound"):
        run_experiment(Experiment(learnable(), other_sound, split, 0), base=tmp_path, device="cpu")
    assert Run.load(folder).record == run.record
    replaced = run_experiment(
        Experiment(other, corpus, split, 0), base=tmp_path, device="cpu", model_file=False, restart=True
    )
    assert replaced.record.epoch.trained == 1
    assert [path.name for path in folder.parent.iterdir() if path.name.endswith(".old")] == []


def test_a_split_with_a_seed_of_its_own_has_its_own_folder(
    run: Run, corpus: Corpus, split: Split, learnable: Make, tmp_path: Path
) -> None:
    def go(split_seed: int | None) -> Run:
        parts = dataclasses.replace(split, seed=split_seed)
        recipe = learnable("training.max_epochs=1")
        return run_experiment(
            Experiment(recipe, corpus, parts, 1), base=tmp_path, device="cpu", model_file=False
        )

    same = go(1)
    assert same.folder.name == "fixed-seed1" and same.record.split.seed == 1
    # Earlier versions did not name the split's seed: such a folder is found by its clips.
    assert go(0).folder == same.folder
    (same.folder / "split.csv").write_text("clip_id,part\n", encoding="utf-8")
    other = go(0)
    assert other.folder.name == "fixed-split0-seed1"
    assert (other.record.seed, other.record.split.seed) == (1, 0)
    assert facts_of(other.record)["Seed"] == "1"


def test_what_cannot_be_trained_touches_nothing(
    run: Run, corpus: Corpus, split: Split, learnable: Make, base: Path
) -> None:
    def go(recipe: Recipe, music: Corpus = corpus, parts: Split = split, device: str = "cpu") -> None:
        run_experiment(Experiment(recipe, music, parts, 0), base=base, device=device, restart=True)

    with raises("device-unknown"):
        go(learnable(), device="abacus")
    with pytest.raises(RecipeError, match="'width'"):
        go(learnable("model.widht=5"))
    with raises("part-empty", "test"):
        go(learnable(), parts=dataclasses.replace(split, test=[]))
    with raises("part-empty", "valid", "random:60/10/30", "monitor=last --set training.patience=null"):
        go(learnable(), parts=dataclasses.replace(split, valid=[]))
    with raises("part-empty", "test"):
        go(learnable("training.choose_epoch_on=test"), parts=dataclasses.replace(split, valid=[], test=[]))
    clips = [
        dataclasses.replace(clip, genre="unsure" if clip.genre == "high" else clip.genre)
        for clip in corpus.clips
    ]
    with raises("no-model-file-possible", "unsure"):
        go(learnable(), music=dataclasses.replace(corpus, genres=("low", "noise", "unsure"), clips=clips))
    assert Run.load(run.folder).record == run.record


def test_only_one_process_works_in_a_folder(
    run: Run, corpus: Corpus, split: Split, learnable: Make, base: Path
) -> None:
    lock = run.folder.with_name(f".{run.folder.name}.lock")
    with only_one(lock), raises("run-busy", "--out"):
        run_experiment(Experiment(learnable(), corpus, split, 0), base=base, device="cpu")


def test_a_training_of_unknown_origin_is_refused(
    corpus: Corpus, split: Split, learnable: Make, tmp_path: Path
) -> None:
    folder = run_folder(tmp_path, recipe="soundfusion/resnet2d-s", corpus="tones", split="fixed", seed=0)
    folder.mkdir(parents=True)
    (folder / "last.ckpt").write_bytes(b"from somewhere")
    with raises("run-of-unknown-origin", "--restart"):
        run_experiment(Experiment(learnable(), corpus, split, 0), base=tmp_path, device="cpu")


def test_leaks_and_synthetic_music_are_told_first(run: Run) -> None:
    record = run.record
    leak = Finding(kind="artist", parts=("train", "test"), count=2, examples=("Ann", "Bob"))
    missing = Finding(kind="missing genres", parts=("test",), examples=("test: disco",))
    changed = record.model_copy(
        update={
            "verdict": Verdict(leaks=(leak, Finding(kind="epoch"))),
            "split": record.split.model_copy(update={"findings": (missing,)}),
            "corpus": record.corpus.model_copy(
                update={"original": "synthetic", "skipped": {"x": "broken", "y": "silent"}}
            ),
        }
    )
    assert record.doubts() == ()
    found = changed.doubts()
    assert [each.kind for each in found] == ["artist", "missing genres", "skipped", "synthetic"]
    assert found[2].count == 2 and found[2].examples == ("x (broken)", "y (silent)")
    assert "Ann" in warnings(found)[0] and "disco" in warnings(found)[1]


@pytest.mark.slow
def test_an_epoch_chosen_on_the_test_part_is_told_everywhere(
    spoilt: Run, split: Split, corpus: Corpus
) -> None:
    metrics = spoilt.record.to_dict()
    assert metrics["epoch"]["chosen_on"] == "test" and metrics["epoch"]["chosen_by"] == "test_loss"
    assert metrics["split"]["clips"] == {"train": 18, "valid": 0, "test": 6}
    rows = pd.read_csv(spoilt.folder / "split.csv")
    assert set(rows[rows.part == "train"].clip_id) == {*split.train, *split.valid}
    assert set(rows[rows.part == "test"].clip_id) == set(split.test)
    found = {each.kind: each for each in spoilt.record.split.findings}
    assert found["missing genres"].count == 0
    assert found["test"].count == 6 and found["test"].values == {"of": 24}
    assert "all clips outside the test part trained on" in metrics["split"]["made"]
    first = warnings(spoilt.record.doubts())[0]
    assert [each.kind for each in spoilt.record.severe()] == ["epoch on test"]
    assert warnings(spoilt.record.severe()) == [first]
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
    return run_experiment(Experiment(recipe, changed, split, 0), base=base, device="cpu")


@pytest.mark.slow
def test_copies_of_validation_clips_are_told_everywhere(leaking: Run, run: Run) -> None:
    metrics = leaking.record.to_dict()
    made = {"kind": "loudness", "decibels": -30, "clips": 12 + 6}
    assert metrics["copies"] == {"of": "train+valid", "made": [made]}
    assert metrics["split"]["clips"] == {"train": 12, "valid": 6, "test": 6}
    (severe,) = warnings(leaking.record.severe())
    assert warnings(leaking.record.doubts())[0] == severe
    assert [each.kind for each in leaking.record.severe()] == ["copies of validation"]
    page = (leaking.folder / "report.html").read_text(encoding="utf-8")
    assert severe in page[page.index('<aside class="warnings severe"') : page.index("</aside>")]
    assert "Copies trained on, of train+valid" in page and "loudness (decibels -30) of 18 clips" in page
    result = Recognizer.load(leaking.folder / "model.onnx").bundle.metadata.results[0]
    assert result["copies_of"] == "train+valid" and result["warnings"][0] == severe


@pytest.mark.slow
def test_copies_of_training_clips_are_no_leak(leaking: Run, run: Run) -> None:
    assert run.record.copies == CopiesRecord(of="train") and run.record.severe() == ()
    record = leaking.record
    clean = record.copies.model_copy(update={"of": "train"})
    assert record.model_copy(update={"copies": clean}).severe() == ()
    epoch = record.epoch.model_copy(update={"chosen_on": "test"})
    on_test = record.model_copy(update={"epoch": epoch})
    assert [each.kind for each in on_test.severe()] == ["epoch on test"]


@pytest.mark.slow
def test_a_run_says_how_its_sound_was_changed(leaking: Run) -> None:
    about = leaking.record.corpus
    assert leaking.folder.parent.name == about.name == "tones-mp3-32-loudness--20"
    assert about.original == "tones" and about.changes == ("mp3-32", "loudness--20")
    page = (leaking.folder / "report.html").read_text(encoding="utf-8")
    assert "that of tones, changed by mp3-32, then loudness--20" in page
    synthetic = about.model_copy(update={"original": "synthetic"})
    doubts = leaking.record.model_copy(update={"corpus": synthetic}).doubts()
    assert "synthetic" in {each.kind for each in doubts}


@pytest.mark.slow
def test_leaks_between_what_was_learned_together_are_none(
    corpus: Corpus, split: Split, tiny_recipe: Make, tmp_path: Path
) -> None:
    """An artist in train and valid is on one side once both are learned; one in the test part is not."""
    shared = dict(zip(["high-0", "high-4", "low-0", "low-6"], ["Ann", "Ann", "Bob", "Bob"], strict=True))
    clips = [dataclasses.replace(clip, artist=shared.get(clip.id, clip.id)) for clip in corpus.clips]
    music = dataclasses.replace(corpus, clips=clips)
    before = {each.kind: each for each in check_split(music, split)}["artist"]
    assert before.examples == ("Ann (train, valid)", "Bob (train, test)")
    recipe = tiny_recipe("training.choose_epoch_on=test", "training.max_epochs=1")
    parts = dataclasses.replace(split, findings=check_split(music, split))
    run = run_experiment(Experiment(recipe, music, parts, 0), base=tmp_path, device="cpu", model_file=False)
    found = run.record.split.found("artist")
    assert found is not None and found.examples == ("Bob (train, test)",)


def test_an_unfinished_run_is_named(tmp_path: Path) -> None:
    with raises("run-unfinished", tmp_path):
        Run.load(tmp_path)
