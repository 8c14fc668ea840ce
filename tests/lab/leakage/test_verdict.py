"""Planted leaks: the training that has one catches and names it, and a clean training is called clean."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from raising import raises

from genrelab.lab.corpora.transforms.sound_changes import Loudness
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.findings import Finding
from genrelab.lab.findings.wording import because, verdict_lines
from genrelab.lab.leakage.checks import check_run
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs.folders import Run
from genrelab.lab.training.experiment import Experiment

Make = Callable[..., Recipe]
RATE = 8000
PARTS = {"train": range(4), "valid": range(4, 6), "test": range(6, 8)}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen files of noise, low and high, all different."""
    folder = tmp_path_factory.mktemp("tree")
    rng = np.random.default_rng(0)
    for genre, step in (("high", 1), ("low", 8)):
        for number in range(8):
            noise = np.repeat(rng.uniform(-0.5, 0.5, RATE * 3 // step), step)
            soundfile.write(folder / f"{genre}-{number}.wav", noise, RATE)
    return folder


def music(tree: Path) -> tuple[Corpus, Split]:
    """Return the files as a corpus, each by an artist of its own, and a clean split of them."""
    clips = [
        Clip(f"{genre}-{number}", tree / f"{genre}-{number}.wav", genre, f"{genre} player {number}", 0.0, 1.2)
        for genre in ("high", "low")
        for number in range(8)
    ]
    ids = {
        part: [clip.id for clip in clips if int(clip.id[-1]) in numbers] for part, numbers in PARTS.items()
    }
    return Corpus("tree", ("high", "low"), clips), Split("fixed", **ids, made="by hand")


def changed(corpus: Corpus, clip_id: str, **values: Any) -> Corpus:
    clips = [dataclasses.replace(clip, **values) if clip.id == clip_id else clip for clip in corpus.clips]
    return dataclasses.replace(corpus, clips=clips)


@dataclasses.dataclass
class Planted:
    """A training: the corpus, the split, what the recipe changes."""

    corpus: Corpus
    split: Split
    changes: tuple[str, ...] = ()


def clean(tree: Path) -> Planted:
    return Planted(*music(tree))


def segment(tree: Path) -> Planted:
    """A later part of a training clip's file is tested."""
    corpus, split = music(tree)
    return Planted(changed(corpus, "high-6", path=tree / "high-0.wav", start=1.5), split)


def sound(tree: Path) -> Planted:
    """A training clip is tested under another name, in another format, by somebody else."""
    corpus, split = music(tree)
    samples, rate = soundfile.read(tree / "low-1.wav")
    soundfile.write(tree / "renamed.flac", samples, rate)
    return Planted(changed(corpus, "low-7", path=tree / "renamed.flac"), split)


def artist(tree: Path) -> Planted:
    corpus, split = music(tree)
    return Planted(changed(corpus, "low-6", artist="The Low Player, 2"), split)


def artist_of_valid(tree: Path) -> Planted:
    corpus, split = music(tree)
    return Planted(changed(corpus, "low-4", artist="low player 2"), split)


def copy(tree: Path) -> Planted:
    copies = 'augment={"copies": [{"kind": "loudness", "decibels": -30}]}'
    return Planted(*music(tree), (copies, "augment.copies_of=train+valid"))


def epoch(tree: Path) -> Planted:
    return Planted(*music(tree), ("training.choose_epoch_on=test",))


def start(tree: Path) -> Planted:
    """The weights come from a run that learned what is tested here."""
    corpus, split = music(tree)
    other = dataclasses.replace(split, train=[*split.test, *split.train[4:]], test=split.train[:4])
    return Planted(corpus, other, (f"training.weights={tree / 'runs'}/before/best.safetensors",))


def nobody(tree: Path) -> Planted:
    corpus, split = music(tree)
    return Planted(changed(corpus, "low-2", artist=None), split)


def leak(kind: str, parts: tuple[str, ...], count: int, examples: tuple[str, ...]) -> Finding:
    return Finding(kind=kind, parts=parts, count=count, examples=examples)


TESTED = ("train", "test")
CASES = [
    (clean, "clean", None, ""),
    (segment, "leaks", leak("file", TESTED, 1, ("high-0.wav",)), "1 file has clips in train and test"),
    (sound, "leaks", leak("sound", TESTED, 1, ("low-1 = low-7",)), "low-1 = low-7"),
    (artist, "leaks", leak("artist", TESTED, 1, ("low player 2 = The Low Player, 2",)), "1 artist is"),
    (
        artist_of_valid,
        "leaks",
        leak("artist", ("train", "valid"), 1, ("low player 2",)),
        "validation figures",
    ),
    (
        copy,
        "leaks",
        leak("copies", ("train", "valid"), 4, ("high-4", "high-5", "low-4")),
        "as changed copies",
    ),
    (epoch, "leaks", leak("epoch", ("test",), 1, ()), "on the test part"),
    (start, "leaks", leak("start", ("test",), 4, ("high-0", "high-1", "high-2")), "initial weights"),
    (nobody, "not known", None, "1 of 16 clips"),
]


def train(planted: Planted, recipe: Make, base: Path) -> Run:
    made = recipe("training.max_epochs=1", "audio.overlap=0", "augment=null", *planted.changes)
    return run_experiment(
        Experiment(made, planted.corpus, planted.split, 0), base=base, device="cpu", model_file=False
    )


@pytest.mark.parametrize(
    ("plant", "state", "expected", "quoted"),
    [
        pytest.param(*case, id=case[0].__name__, marks=() if case[0] is artist else pytest.mark.slow)
        for case in CASES
    ],
)
def test_a_planted_leak_is_caught_and_named(
    plant: Callable[[Path], Planted],
    state: str,
    expected: Finding | None,
    quoted: str,
    tree: Path,
    tiny_recipe: Make,
    tmp_path: Path,
) -> None:
    if plant is start:
        earlier(tree, tiny_recipe)
    run = train(plant(tree), tiny_recipe, tmp_path)
    verdict = run.record.verdict
    assert verdict.state == state
    assert verdict.leaks == (() if expected is None else (expected,)), "this one, and no other"
    reasons = " ".join(because(verdict))
    assert quoted in reasons if quoted else not reasons
    assert verdict_lines(verdict)[0] == f"verdict {state}"
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    headings = {
        "clean": "Clean: no leak was found",
        "not known": "Not known to be clean",
        "leaks": "This result leaks",
    }
    assert page.index(headings[state]) < page.index('<p class="headline">')
    assert {"file", "artist", "sound", "labels", "faults", "copies", "start", "epoch"} <= {
        each.kind for each in verdict.checked
    }
    assert verdict.not_checked[0].kind == "other cut"


def earlier(tree: Path, recipe: Make) -> Path:
    """Return the folder of a clean run, made once."""
    folder = tree / "runs" / "before"
    if not folder.is_dir():
        shutil.copytree(train(clean(tree), recipe, tree / "runs").folder, folder)
    return folder


@pytest.mark.slow
def test_going_on_with_the_same_split_is_no_leak(tree: Path, tiny_recipe: Make) -> None:
    """What chose the epoch then may choose it again; what was learned then may not."""
    weights = f"training.weights={earlier(tree, tiny_recipe)}/best.safetensors"
    corpus, split = music(tree)
    again = check_run(Experiment(tiny_recipe(weights), corpus, split, 0))
    assert again.state == "clean" and again.not_checked[-1].examples == ("best.safetensors",)
    turned = dataclasses.replace(split, train=split.valid, valid=split.train)
    assert check_run(Experiment(tiny_recipe(weights), corpus, turned, 0)).leaks == (
        leak("start", ("valid",), 8, ("high-0", "high-1", "high-2")),
    )


@pytest.mark.slow
def test_what_was_learned_without_a_label_is_not_to_choose_now(
    tree: Path, tiny_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier run lies in the home folder; a clip of it that had no label chooses the epoch now."""
    monkeypatch.setenv("HOME", str(tmp_path))
    before = shutil.copytree(earlier(tree, tiny_recipe), tmp_path / "before")
    sounds = before / "sounds.csv"
    text = sounds.read_text(encoding="utf-8")
    assert text.count("high-4,valid,") == 1
    sounds.write_text(text.replace("high-4,valid,", "high-4,unlabelled,"), encoding="utf-8")
    corpus, split = music(tree)
    verdict = check_run(
        Experiment(tiny_recipe("training.weights=~/before/best.safetensors"), corpus, split, 0)
    )
    assert verdict.leaks == (leak("start", ("valid",), 1, ("high-4",)),)


@pytest.mark.slow
def test_faults_and_disputed_labels_are_told_and_are_no_leak(
    tree: Path, tiny_recipe: Make, tmp_path: Path
) -> None:
    corpus, split = music(tree)
    soundfile.write(tree / "silence.wav", np.zeros(RATE * 2), RATE)
    corpus = changed(corpus, "high-1", path=tree / "silence.wav")
    corpus = changed(corpus, "high-2", path=tree / "low-3.wav", artist="low player 3")
    corpus = changed(corpus, "low-0", duration=0.4)
    run = train(Planted(corpus, split), tiny_recipe, tmp_path)
    checked = {each.kind: each for each in run.record.verdict.checked}
    assert checked["labels"].examples == ("high-2 is high, low-3 is low",)
    assert "high-1 (silent for 100 %)" in checked["faults"].examples
    assert "low-0 (0.40 s)" in checked["faults"].examples
    assert run.record.verdict.state == "clean", "all of it is within the training part"


@pytest.mark.slow
def test_copies_that_the_code_makes_otherwise_are_another_run(
    tree: Path, tiny_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = 'augment={"copies": [{"kind": "loudness", "decibels": -30}]}'
    corpus, split = music(tree)
    recipe = tiny_recipe("training.max_epochs=1", copies)
    run = run_experiment(Experiment(recipe, corpus, split, 0), base=tmp_path, device="cpu", model_file=False)
    assert (run.folder / "copies.txt").read_text() == "Loudness(decibels=-30.0) version 1\n"
    assert (
        run_experiment(
            Experiment(recipe, corpus, split, 0), base=tmp_path, device="cpu", model_file=False
        ).record
        == run.record
    )
    monkeypatch.setattr(Loudness, "version", 2)
    with raises("another-run", "copies"):
        run_experiment(Experiment(recipe, corpus, split, 0), base=tmp_path, device="cpu", model_file=False)
