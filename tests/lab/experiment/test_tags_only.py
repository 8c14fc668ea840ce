"""A run on a corpus whose split holds clips with tags and no genre: counted, checked, and not a genre's."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrelab.lab.corpora.identity import collection_key, recording_keys
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.facts import facts_of
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.leakage.checks import check_run
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs.known_recordings import read_sounds, write_sounds
from genrelab.lab.runs.record import RunRecord, load_record
from genrelab.lab.training.distillation.unlabelled import BY_ARTIST, MEASURED, usable_unlabelled
from genrelab.lab.training.experiment import Experiment

Make = Callable[..., Recipe]
RATE = 8000
PARTS = {"train": range(4), "valid": range(4, 6), "test": range(6, 8)}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of noise: low and high with a genre, middle with tags."""
    folder = tmp_path_factory.mktemp("tree")
    rng = np.random.default_rng(0)
    for name, step in (("high", 1), ("low", 8), ("tagged", 3)):
        for number in range(8):
            noise = np.repeat(rng.uniform(-0.5, 0.5, RATE * 3 // step), step)
            soundfile.write(folder / f"{name}-{number}.wav", noise, RATE)
    return folder


def music(tree: Path, **changes: dict[str, Any]) -> tuple[Corpus, Split]:
    """Return the files as a corpus, each by an artist of its own, and a clean split; change clips by id."""
    clips = [
        Clip(
            f"{name}-{number}",
            tree / f"{name}-{number}.wav",
            None if name == "tagged" else name,
            f"{name} player {number}",
            tags=(f"mood:{number % 2}",) if name == "tagged" else None,
        )
        for name in ("high", "low", "tagged")
        for number in range(8)
    ]
    clips = [
        dataclasses.replace(clip, **changes.get(clip.id.replace("-", "_"), {}))
        for clip in [*clips, Clip("free-0", tree / "tagged-0.wav", None, "somebody", 1.0, 0.5)]
    ]
    ids = {
        part: [clip.id for clip in clips if clip.annotated and int(clip.id[-1]) in numbers]
        for part, numbers in PARTS.items()
    }
    return Corpus("tree", ("high", "low"), clips), Split("fixed", **ids, made="by hand")


def verdict(recipe: Recipe, tree: Path, **changes: dict[str, Any]) -> Verdict:
    return check_run(Experiment(recipe, *music(tree, **changes), 0))


def found(verdict: Verdict, kind: str) -> Finding:
    return next(each for each in verdict.checked if each.kind == kind)


@pytest.mark.slow
def test_a_run_counts_clips_with_tags_only_and_tests_genres_on_the_others(
    tree: Path, tiny_recipe: Make, tmp_path: Path
) -> None:
    (tree / "broken.wav").write_bytes(b"RIFF")
    corpus, split = music(tree, tagged_4={"path": tree / "broken.wav"})
    run = run_experiment(
        Experiment(tiny_recipe("training.max_epochs=1"), corpus, split, 0),
        base=tmp_path,
        device="cpu",
        model_file=False,
    )
    record = load_record(RunRecord, run.folder / "metrics.json")
    assert record.split.clips == {"train": 8, "valid": 4, "test": 4}
    assert record.split.tags_only == {"train": 4, "valid": 1, "test": 2}
    assert (
        "8 train, 4 valid, 4 test; with tags and no genre: 4 train, 1 valid, 2 test"
        in facts_of(record)["Split"]
    )
    assert record.corpus.skipped.keys() == {"tagged-4"}
    assert record.evaluation.segment.n and record.evaluation.track["mean"].n == 4
    assert set(run.predictions().clips) == {key for key in split.test if not key.startswith("tagged")}
    sounds = read_sounds(run.folder)
    assert sounds is not None and sounds.keys() == {*split.train, *split.valid, *split.test}
    assert sounds["tagged-7"].part == "test" and sounds["tagged-7"].recording and sounds["tagged-7"].sound
    assert sounds["tagged-4"].sound is None
    assert (run.folder / "tags.sha256").is_file()
    same, _ = music(tree)
    untagged = dataclasses.replace(same, clips=[clip for clip in same.clips if clip.genre], tags=())
    assert record.corpus.recordings_sha256 == collection_key(recording_keys(untagged)), "one collection"


def test_clean_clips_with_tags_only_are_no_leak(tree: Path, tiny_recipe: Make) -> None:
    clean = verdict(tiny_recipe(), tree)
    assert clean.state == "clean"
    assert [found(clean, kind).count for kind in ("sound", "labels", "faults")] == [0, 0, 0]


def test_a_tested_clip_with_tags_only_that_was_trained_on_is_a_leak(tree: Path, tiny_recipe: Make) -> None:
    leaking = verdict(tiny_recipe(), tree, tagged_6={"path": tree / "high-0.wav"})
    assert {(each.kind, each.parts, each.examples) for each in leaking.leaks} == {
        ("file", ("train", "test"), ("high-0.wav",)),
        ("sound", ("train", "test"), ("high-0 = tagged-6",)),
    }
    assert found(leaking, "labels").count == 0, "no genre is not another genre"
    by_artist = verdict(tiny_recipe(), tree, tagged_6={"artist": "High Player 0"})
    assert [each.kind for each in by_artist.leaks] == ["artist"]


def test_faults_of_clips_with_tags_only_are_found(tree: Path, tiny_recipe: Make) -> None:
    soundfile.write(tree / "silent.wav", np.zeros(RATE * 3), RATE)
    faulty = verdict(tiny_recipe(), tree, tagged_1={"path": tree / "silent.wav"})
    assert found(faulty, "faults").examples == ("tagged-1 (silent for 100 %)",)


def test_if_no_clip_with_tags_only_is_usable_the_checks_say_so(tree: Path, tiny_recipe: Make) -> None:
    (tree / "broken.wav").write_bytes(b"RIFF")
    broken = {f"tagged_{number}": {"path": tree / "broken.wav"} for number in range(8)}
    corpus, split = music(tree, **broken, free_0={"path": tree / "broken.wav"})
    corpus = dataclasses.replace(corpus, name="all-broken")
    experiment = Experiment(tiny_recipe(), corpus, split, 0)
    assert experiment.tags_only_store is None and len(experiment.unusable_tags_only) == 8
    assert found(check_run(experiment), "faults").count == 8


def test_a_measured_clip_with_tags_only_is_never_trained_on(tree: Path) -> None:
    corpus, split = music(tree, tagged_0={"artist": None}, tagged_6={"artist": None, "path": None})
    every = [clip.id for clip in corpus.clips]
    measured = [*split.valid, *split.test]
    usable = usable_unlabelled(corpus, measured=measured, with_targets=every)
    assert usable.used == ("tagged-0", "tagged-1", "tagged-2", "tagged-3", "free-0")
    assert usable.left_out == {MEASURED: 4}
    others = dataclasses.replace(corpus.clips[-1], artist="TAGGED player 7")
    same_artist = dataclasses.replace(corpus, clips=[*corpus.clips[:-1], others])
    usable = usable_unlabelled(same_artist, measured=measured, with_targets=every)
    assert "free-0" not in usable.used and usable.left_out == {MEASURED: 4, BY_ARTIST: 1}


def test_a_training_clip_that_is_distilled_too_keeps_its_part(
    tree: Path, tiny_recipe: Make, tmp_path: Path
) -> None:
    corpus, split = music(tree)
    names = [clip.path.name for clip in corpus.clips if clip.path and clip.id != "free-0"]
    np.savez(tmp_path / "targets.npz", names=names, pen=np.eye(len(names)))
    distill = {"targets": str(tmp_path / "targets.npz"), "regress": {"pen": 1.0}, "unlabelled": True}
    experiment = Experiment(tiny_recipe(f"distill={json.dumps(distill)}"), corpus, split, 0)
    trained = {"tagged-0", "tagged-1", "tagged-2", "tagged-3"}
    assert set(experiment.unlabelled) - {"free-0"} == trained
    write_sounds(tmp_path, experiment)
    rows = (tmp_path / "sounds.csv").read_text(encoding="utf-8").splitlines()
    assert len({row.split(",")[0] for row in rows}) == len(rows)
    sounds = read_sounds(tmp_path)
    assert sounds is not None and all(sounds[key].part == "train" for key in trained)
