"""Reproduced tables: plans, budget, runs, the figures behind the page, kills."""

from __future__ import annotations

import csv
import dataclasses
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from raising import raises
from warm import Warm

from genrelab.cli.main import main
from genrelab.errors import UsageError
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.types import Split
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.findings.wording import published
from genrelab.lab.recipes import load_recipe, recipe_names
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.cross_corpus import evaluate_elsewhere, evaluate_together
from genrelab.lab.studies.reproduce import Budget, load_table, reproduce, runner, table_names
from genrelab.lab.studies.reproduce.page import comma_separated, markdown, page, remarks, verdicts
from genrelab.lab.studies.reproduce.runner import Request
from genrelab.lab.studies.reproduce.table import Row, each_fold
from genrelab.lab.studies.workers import Launcher

CORPUS = "synthetic:tracks=6,seconds=1"
SMALL = (
    "audio.sample_rate=8000",
    "audio.channels=1",
    "audio.segment_seconds=0.5",
    "audio.overlap=0",
    "model.width=4",
    "training.batch_size=8",
)
ROWS = ("resnet2d-s-plain", "resnet2d-s")


def wanted(**options: Any) -> Request:
    given: dict[str, Any] = {
        "corpus": CORPUS,
        "splits": ("artist-kfold:*/2",),
        "changes": SMALL,
        "budget": Budget(epochs=1),
        "rows": ROWS,
    }
    return Request(**{**given, **options})


@pytest.mark.parametrize("name", table_names())
def test_a_table_names_recipes_of_its_paper_and_figures_that_they_report(name: str) -> None:
    table = load_table(name)
    for row in table.rows:
        recipe = load_recipe(row.recipe)
        assert recipe.paper == table.paper and row.recipe in recipe_names()
        reported = {each.metric for each in recipe.reported}
        assert reported <= set(table.figures) or table.name.startswith("soundfusion")
        assert reported & set(table.figures) or table.paper == "fds", "fds prints no figure"
    assert len({row.recipe for row in table.rows}) == len(table.rows)


def test_the_tables_are_those_of_the_papers() -> None:
    assert set(table_names()) == {
        "soundfusion-1", "soundfusion-2", "ms-sincresnet-1", "mel-augmentation-4", "mel-augmentation-5",
        "mfcc-cqt-1", "fds-2",
    }  # fmt: skip
    with raises("table-unknown", "'soundfusion'", "'soundfusion-1'"):
        load_table("soundfusion")


def test_a_star_stands_for_all_folds() -> None:
    assert each_fold("artist-kfold:*/3") == [f"artist-kfold:{fold}/3" for fold in range(3)]
    assert each_fold("random:60/20/20") == ["random:60/20/20"]


def test_a_budget_shrinks_epochs_and_phases_in_proportion() -> None:
    budget = Budget.parse(["epochs=4", "clips=3,minutes=7"])
    assert budget == Budget(epochs=4, clips=3, minutes=7)
    tuned = load_recipe("mel-augmentation/vgg16-fine-tuned")
    assert (tuned.training.max_epochs, tuned.training.frozen_epochs, tuned.training.step_epochs) == (
        24,
        12,
        12,
    )
    training = budget.limit_recipe(tuned).training
    assert (training.max_epochs, training.frozen_epochs, training.step_epochs) == (4, 2, 2)
    assert Budget(epochs=500).limit_recipe(tuned) is tuned
    two = Budget(epochs=2).limit_recipe(tuned).training
    assert (two.frozen_epochs, two.step_epochs) == (1, 1), "the second phase stays"
    assert "at most 4 epochs" in " ".join(budget.descriptions()) and not Budget().descriptions()


def test_a_budget_takes_the_same_clips_of_each_genre_everywhere() -> None:
    corpus = load_corpus("synthetic:tracks=5,seconds=1")
    small = Budget(clips=2).limit_corpus(corpus)
    assert [sum(clip.genre == genre for clip in small.clips) for genre in corpus.genres] == [2] * 10
    order = [clip.id for clip in corpus.clips]
    assert [clip.id for clip in small.clips] == sorted((c.id for c in small.clips), key=order.index)
    assert small == Budget(clips=2).limit_corpus(load_corpus("synthetic:tracks=5,seconds=1"))
    ids = [clip.id for clip in corpus.clips if clip.genre == "jazz"]
    whole = Split("published", ids[:3], ids[3:4], ids[4:], made="by hand")
    given = dataclasses.replace(corpus, published_splits={"published": whole})
    cut = Budget(clips=2).limit_corpus(given).published_splits["published"]
    kept = {clip.id for clip in small.clips}
    for part in ("train", "valid", "test"):
        assert getattr(cut, part) == [each for each in getattr(whole, part) if each in kept]
    assert cut.made == "by hand, of 2 clips a genre" and len([*cut.train, *cut.valid, *cut.test]) == 2


def test_a_budget_takes_fewer_genres_folds_and_segments() -> None:
    corpus = load_corpus("synthetic:tracks=5,seconds=1")
    budget = Budget.parse(["genres=3,clips=2,folds=1,segments=2,seconds=1"])
    small = budget.limit_corpus(corpus)
    assert len(small.genres) == 3 and set(small.genres) < set(corpus.genres)
    assert sorted(clip.genre or "" for clip in small.clips) == sorted([*small.genres, *small.genres])
    assert small.published_splits["published"].made.endswith("of 3 of the genres and 2 clips a genre")
    assert budget.limit_folds(each_fold("kfold:*/10")) == ["kfold:0/10"]
    assert len(Budget().limit_folds(each_fold("kfold:*/10"))) == 10
    recipe = budget.limit_recipe(load_recipe("sincnet-80-251"))
    assert (recipe.training.segments_per_clip, recipe.training.valid_segments_per_clip) == (2, 2)
    assert recipe.audio.segment_seconds == 1.0
    assert Budget(segments=50).limit_recipe(recipe).training.segments_per_clip == 2
    assert budget.labels() == ["genres3", "clips2", "segments2", "seconds1"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("epochs", "budget-limit"),
        ("epochs=0", "budget-limit"),
        ("epochs=1,epochs=2", "budget-limit"),
        ("epoch=1", "budget-limit-unknown"),
        ("clips=-1", "budget-limit"),
        ("clips=x", "budget-limit"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(text: str, code: str) -> None:
    with raises(code, "--budget"):
        Budget.parse([text])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two rows, two folds, two seeds."""
    out = tmp_path_factory.mktemp("made")
    return {"out": out, **reproduce(load_table("soundfusion-1"), wanted(seeds=2), out=out)}


@pytest.mark.slow
def test_figures_are_those_of_the_runs(made: dict[str, Any], tmp_path: Path) -> None:
    base = Path(made["folder"])
    assert [line["recipe"] for line in made["lines"]] == [f"soundfusion/{name}" for name in ROWS]
    for line in made["lines"]:
        assert len(line["runs"]) == 4 and not line["open"] and not line["failures"]
        figure = line["figures"]["segment_accuracy"]
        for seed in ("0", "1"):
            folds = [Run.load(base / run["folder"]) for run in line["runs"] if str(run["seed"]) == seed]
            together = evaluate_together(folds, tmp_path / line["recipe"] / seed).evaluation
            assert figure["by_seed"][seed] == pytest.approx(together.segment.accuracy.value)
        assert figure["ours"]["value"] == pytest.approx(sum(figure["by_seed"].values()) / 2)
        assert figure["ours"]["low"] <= figure["ours"]["value"] <= figure["ours"]["high"]
        for run, share in zip(line["runs"], figure["runs"], strict=True):
            metrics = json.loads((base / run["tested"] / "metrics.json").read_text())
            assert metrics["evaluation"]["segment"]["accuracy"]["value"] == pytest.approx(share["value"])
            assert metrics["evaluation"]["segment"]["n"] == share["items"]
    first, second = made["lines"]
    assert first["figures"]["segment_accuracy"]["paper"] == {"corpus": "fma-small", "value": 0.485}
    assert second["figures"]["valid_accuracy"]["paper"]["value"] == 0.531
    assert second["figures"]["valid_accuracy"]["ours"]["low"] is None


@pytest.mark.slow
def test_the_page_comes_from_the_record_alone(made: dict[str, Any]) -> None:
    base = Path(made["folder"])
    record = json.loads((base / "record.json").read_text(encoding="utf-8"))
    assert (base / "table.md").read_text(encoding="utf-8") == markdown(record)
    assert (base / "table.html").read_text(encoding="utf-8") == page(record)
    assert (base / "table.csv").read_text(encoding="utf-8") == comma_separated(record)
    rows = list(csv.DictReader(comma_separated(record).splitlines()))
    assert (
        len(rows) == 4 and {row["seeds"] for row in rows} == {"2"} and {row["runs"] for row in rows} == {"4"}
    )
    text = markdown(record)
    assert "52.8 %" in text and "at most 1 epochs a training" in text and "model.width=4" in text
    assert any("generated by rules" in remark for remark in remarks(record))
    assert any("for fma-small, ours for synthetic" in remark for remark in remarks(record))
    assert "artist on both sides: none" in text


@pytest.mark.slow
def test_the_page_says_how_far_it_can_be_believed(made: dict[str, Any]) -> None:
    assert [line["verdict"]["verdict"]["state"] for line in made["lines"]] == ["clean", "clean"]
    assert verdicts(made) == ["Verdict: clean (lines: 2 clean)."]
    assert "| clean | 4 runs |" in markdown(made) and 'class="verdict clean"' in page(made)
    assert "Not checked: " in markdown(made)
    second = made["lines"][1]
    leak = Finding(kind="artist", parts=("train", "test"), count=3, examples=("Ann",))
    spoilt = {**second, "verdict": published(Verdict(leaks=(leak,)))}
    record = {**made, "lines": [made["lines"][0], spoilt]}
    head = markdown(record).split("\n\n")[1]
    assert "Verdict: leaks (lines: 1 leaks, 1 clean)" in head
    assert "3 artists" in head and "Ann" in head and "(resnet2d-s, artist-kfold:*/2)" in head
    assert 'class="verdict leaks"' in page(record)
    assert [row["verdict"] for row in csv.DictReader(comma_separated(record).splitlines())] == (
        ["clean"] * 2 + ["leaks"] * 2
    )


@pytest.mark.slow
def test_what_is_called_validation_is_named_after_the_part_that_it_is_of(tmp_path: Path) -> None:
    spoilt = wanted(
        splits=("artist",), rows=ROWS[:1], changes=(*SMALL, "training.choose_epoch_on=test"),
        budget=Budget(epochs=1, genres=3),
    )  # fmt: skip
    record = reproduce(load_table("soundfusion-1"), spoilt, out=tmp_path)
    (line,) = record["lines"]
    assert {metric: each["of"] for metric, each in line["figures"].items()} == {
        "valid_accuracy": "test", "segment_accuracy": "test",
    }  # fmt: skip
    assert "valid accuracy (measured on the test part)" in markdown(record)
    assert "valid accuracy (measured on the test part)" in page(record)
    rows = list(csv.DictReader(comma_separated(record).splitlines()))
    assert [(row["figure"], row["of"]) for row in rows][0] == ("valid_accuracy", "test")
    assert line["verdict"]["verdict"]["state"] == "leaks"


@pytest.mark.slow
def test_what_is_finished_is_not_done_again_and_more_seeds_go_on(made: dict[str, Any]) -> None:
    base = Path(made["folder"])
    before = {path: path.stat().st_mtime_ns for path in base.rglob("metrics.json")}
    assert before
    record = reproduce(load_table("soundfusion-1"), wanted(seeds=2), out=made["out"])
    assert {path: path.stat().st_mtime_ns for path in base.rglob("metrics.json")} == before
    assert record["lines"] == made["lines"]
    out_of_time = wanted(seeds=3, budget=Budget(epochs=1, minutes=1))
    with pytest.MonkeyPatch.context() as patch:
        clock = iter(range(0, 10**6, 3600))
        patch.setattr("genrelab.lab.studies.reproduce.budget.time.monotonic", lambda: next(clock))
        late = reproduce(load_table("soundfusion-1"), out_of_time, out=made["out"])
    assert [line["open"] for line in late["lines"]] == [2, 2]
    assert [len(line["runs"]) for line in late["lines"]] == [4, 4]


@pytest.mark.slow
def test_rows_that_cannot_be_trained_are_listed_and_others_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["reproduce", "soundfusion-2", "--corpus", CORPUS, "--split", "artist", "--budget", "epochs=1"]
    command += ["--row", "vgg16", "--row", "resnet2d-s", "--out", str(tmp_path)]
    command += [f"--set={change}" for change in SMALL if not change.startswith("model")]
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert "soundfusion/resnet2d-s" in out and "failed" in out
    assert "--start-corpus" in err and "soundfusion/vgg16-gtzan" in err


@pytest.mark.slow
def test_a_row_goes_on_from_its_earlier_training_and_is_tested_elsewhere(tmp_path: Path) -> None:
    changes = [change for change in SMALL if not change.startswith("model")]
    both = wanted(
        splits=("artist",),
        changes=(*changes, "model.architecture=test_resnet.r160_in1k"),
        rows=("vgg16",),
        start_corpus="synthetic:tracks=5,seconds=1,seed=7",
        elsewhere="synthetic:tracks=5,seconds=1,seed=3",
    )
    record = reproduce(load_table("soundfusion-2"), both, out=tmp_path)
    (line,) = record["lines"]
    assert not line["failures"] and line["runs"][0]["tested"].endswith("elsewhere/synthetic")
    assert line["figures"]["track_accuracy"]["runs"][0]["items"] == 10, "not those learned here"
    run = Run.load(Path(record["folder"]) / line["runs"][0]["folder"])
    assert "vgg16-gtzan" in run.record.start.weights
    assert "Started from a training on synthetic, not on gtzan: vgg16." in remarks(record)


def test_a_row_without_its_weights_is_reported(tmp_path: Path) -> None:
    changes = ["inputs.spectrogram.height=32", "inputs.spectrogram.width=32", "audio.segment_seconds=1"]
    small = wanted(
        splits=("artist",),
        changes=(*changes, "audio.sample_rate=8000", "model.architecture=test_resnet.r160_in1k"),
        rows=("resnet18-3s",),
        weights={"test": "none"},
    )
    record = reproduce(load_table("fds-2"), small, out=tmp_path)
    assert "Started from random weights, not ImageNet weights of timm: resnet18-3s." in remarks(record)


@pytest.mark.slow
def test_rows_may_have_changed_sound_and_second_answers(tmp_path: Path) -> None:
    changes = ["inputs.picture.height=32", "inputs.picture.width=32", "inputs.picture.of.n_mels=32"]
    small = wanted(
        splits=("artist",),
        changes=(*changes, "audio.sample_rate=16000", "audio.segment_seconds=1"),
        rows=("small-wav-gray", "small-mp3-gray"),
    )
    record = reproduce(load_table("mel-augmentation-5"), small, out=tmp_path)
    assert [line["sound"] for line in record["lines"]] == [None, "mp3"]
    for line, corpus in zip(record["lines"], ("synthetic", "synthetic-mp3-128"), strict=True):
        run = Run.load(Path(record["folder"]) / line["runs"][0]["folder"])
        assert run.record.corpus.name == corpus
        second = run.record.evaluation.track["majority"].top2_accuracy.value
        assert line["figures"]["track_top2_accuracy"]["ours"]["value"] == pytest.approx(second)
    assert not any("Started from" in remark for remark in remarks(record))


def test_a_wrong_map_is_an_error_before_any_training(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("no such genre: null\n", encoding="utf-8")
    elsewhere = wanted(elsewhere="synthetic:tracks=5,seconds=1,seed=3", map=path)
    with pytest.raises(UsageError, match="'no such genre'"):
        reproduce(load_table("soundfusion-1"), elsewhere, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_test_elsewhere_is_repeated_after_labels_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = wanted(splits=("artist",), rows=ROWS[:1], elsewhere="synthetic:tracks=5,seconds=1,seed=3")
    seen: list[str] = []
    monkeypatch.setattr(
        runner,
        "evaluate_elsewhere",
        lambda run, other, **rest: (seen.append(other.name), evaluate_elsewhere(run, other, **rest)),
    )
    for genres in ("", "", "jazz"):
        path = tmp_path / "map.yaml"
        path.write_text(f"blues: {genres}\n" if genres else "{}", encoding="utf-8")
        reproduce(load_table("soundfusion-1"), dataclasses.replace(both, map=path), out=tmp_path)
    assert len(seen) == 2, "with another map, but not with the same"
    about = load_corpus(str(both.elsewhere))
    clips = [dataclasses.replace(clip, genre=about.genres[0]) for clip in about.clips]
    relabelled = dataclasses.replace(about, clips=clips)
    run = Run.load(next(tmp_path.rglob("metrics.json")).parent)
    assert runner._test_key(run, about, {}) != runner._test_key(run, relabelled, {})


def test_a_table_without_figures_of_the_choice_takes_recipes_that_keep_the_last_epoch() -> None:
    """So does the paper's Table 5: 70 % to train on, 30 % to test on."""
    table = load_table("mel-augmentation-5")
    assert "valid_accuracy" not in table.figures
    task = runner._Task(table.rows[0], "random:70/30", "random:70/30", 0, wanted(), Path("out"), "cpu", False)
    task = dataclasses.replace(task, request=Request(corpus=CORPUS))
    assert runner._recipe(task).training.choose_epoch_on == "none"
    with raises("reproduce-epoch-choice", "training.choose_epoch_on=none"):
        runner._recipe(dataclasses.replace(task, chosen=True))


def test_no_two_processes_wait_for_one_earlier_training() -> None:
    def task(row: Row, seed: int, split: str) -> runner._Task:
        return runner._Task(row, split, split, seed, wanted(), Path("out"), "cpu")

    moved, plain = (row for row in load_table("soundfusion-2").rows[:2][::-1])
    assert moved.start is not None and plain.start is None
    running = [task(moved, 0, "random"), task(plain, 0, "random")]
    same, other, free = task(moved, 0, "artist"), task(moved, 1, "artist"), task(plain, 0, "artist")
    assert runner._next_task([same, other, free], running) == other
    assert runner._next_task([same, free], running) == free
    assert runner._next_task([same], running) is None
    assert runner._next_task([same], running[1:]) == same


@pytest.mark.slow
def test_several_processes_make_the_same_table(made: dict[str, Any], tmp_path: Path) -> None:
    record = reproduce(load_table("soundfusion-1"), wanted(seeds=2), out=tmp_path, launcher=Launcher(jobs=2))
    assert [line["figures"] for line in record["lines"]] == [line["figures"] for line in made["lines"]]


def test_wrong_use_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--list"]) == 0
    assert "mfcc-cqt-1" in capsys.readouterr().out
    for arguments, words in (
        (["soundfusion-2"], "--corpus"),
        (["soundfusion-2", f"--corpus={CORPUS}", "--row=alexnet"], "'alexnet'"),
        (["soundfusion-2", f"--corpus={CORPUS}", "--map=a.yaml"], "--test-corpus"),
        (["soundfusion-2", f"--corpus={CORPUS}", "--budget=hours=3"], "'hours'"),
        (["soundfusion-2", f"--corpus={CORPUS}", f"--out={tmp_path}", "--split=artists"], "'artist'"),
    ):
        assert main(["reproduce", *arguments]) in (1, 2)
        assert words in capsys.readouterr().err


@pytest.mark.slow(seconds=50)
def test_killed_five_times_it_ends_with_the_same_table(made: dict[str, Any], tmp_path: Path) -> None:
    command = ["reproduce", "soundfusion-1", f"--corpus={CORPUS}"]
    command += ["--split=artist-kfold:*/2", "--seeds=2", "--budget=epochs=1", f"--out={tmp_path}"]
    command += [f"--row={row}" for row in ROWS] + [f"--set={change}" for change in SMALL]
    moments = random.Random(5)
    for _ in range(5):
        process = Warm(*command, read="stderr")
        process.output.readline()  # the first run has begun
        time.sleep(moments.uniform(0.0, 4.0))
        process.send_signal(signal.SIGKILL)
        process.end()
    last = [sys.executable, "-m", "genrelab", *command]
    subprocess.run(last, check=True, capture_output=True, timeout=600)
    record = json.loads(next(tmp_path.rglob("record.json")).read_text(encoding="utf-8"))
    assert [line["figures"] for line in record["lines"]] == [line["figures"] for line in made["lines"]]
    assert not list(tmp_path.rglob("*.draft"))
