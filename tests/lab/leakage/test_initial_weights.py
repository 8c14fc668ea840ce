"""Leaks through initial weights: clips and artists that earlier runs learned, also runs before those."""

from __future__ import annotations

import csv
import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.csv_text import csv_lines
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.findings import Finding, combined
from genrelab.lab.findings.wording import because, checked, not_checked
from genrelab.lab.leakage.checks import check_run
from genrelab.lab.leakage.seen_clips import check_other_corpus
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs import lineage as lineage_module
from genrelab.lab.runs.folders import Run
from genrelab.lab.runs.lineage import learned_digests, lineage
from genrelab.lab.training.experiment import Experiment

Make = Callable[..., Recipe]
RATE = 8000
SMALL = ("training.max_epochs=1", "audio.overlap=0", "augment=null")
WEIGHTS = "best.safetensors"


def corpus_of(folder: Path, artists: Sequence[str | None], *, name: str) -> tuple[Corpus, Split]:
    """Write eight clips of two genres; clips 0 and 1 are trained on, 2 chooses the epoch, 3 is tested."""
    rng = np.random.default_rng(len(name))
    clips = []
    folder.mkdir()
    for genre, step in (("high", 1), ("low", 8)):
        for number, artist in enumerate(artists):
            file = folder / f"{genre}-{number}.wav"
            noise = np.repeat(rng.uniform(-0.5, 0.5, RATE * 2 // step), step)
            soundfile.write(file, noise, RATE)
            clips.append(Clip(f"{name}-{genre}-{number}", file, genre, artist and f"{artist} {genre}"))
    ids = {
        part: [clip.id for clip in clips if int(clip.id[-1]) in numbers]
        for part, numbers in (("train", (0, 1)), ("valid", (2,)), ("test", (3,)))
    }
    return Corpus(name, ("high", "low"), clips), Split("fixed", **ids, made="by hand")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, tiny_recipe: Make) -> tuple[Path, Run, Run]:
    """A run on music by Ann, Bob, Cid and Dan, and a run on other music that began with its weights."""
    base = tmp_path_factory.mktemp("chain")
    first = _train(base / "a", ["Ann", "Bob", "Cid", "Dan"], tiny_recipe(*SMALL))
    weights = f"training.weights={first.folder / WEIGHTS}"
    second = _train(base / "second", ["Eve", "Fay", "Gus", "Hal"], tiny_recipe(*SMALL, weights))
    return base, first, second


def _train(folder: Path, artists: Sequence[str | None], recipe: Recipe) -> Run:
    corpus, split = corpus_of(folder, artists, name=folder.name)
    return run_experiment(
        Experiment(recipe, corpus, split, 0), base=folder.parent, device="cpu", model_file=False
    )


def experiment_of(run: Run, folder: Path, artists: Sequence[str | None], recipe: Make) -> Experiment:
    corpus, split = corpus_of(folder, artists, name=folder.name)
    return Experiment(recipe(*SMALL, f"training.weights={run.folder / WEIGHTS}"), corpus, split, 0)


def leak(part: str, *artists: str) -> Finding:
    return Finding(
        kind="start", parts=(part,), count=len(artists), examples=artists, values={"artists": len(artists)}
    )


def test_an_artist_whom_the_initial_weights_know_is_a_leak(
    chain: tuple[Path, Run, Run], tmp_path: Path, tiny_recipe: Make
) -> None:
    _, first, _ = chain
    verdict = check_run(experiment_of(first, tmp_path / "third", ["x", "y", "z", "ANN"], tiny_recipe))
    found = leak("test", "ANN high", "ANN low")
    assert verdict.leaks == (found,) and verdict.state == "leaks"
    assert "2 artists of test" in because(verdict)[0] and "ANN high" in because(verdict)[0]
    assert checked(verdict.checked)["clips learned by an earlier run"] == "2 artists in test"
    clips = Finding(kind="start", parts=("test",), count=5)
    assert set(combined([verdict, verdict.model_copy(update={"leaks": (clips,)})]).leaks) == {found, clips}


def test_who_chose_the_epoch_may_choose_it_again_and_who_was_only_tested_is_no_leak(
    chain: tuple[Path, Run, Run], tmp_path: Path, tiny_recipe: Make
) -> None:
    _, first, _ = chain
    fine = check_run(experiment_of(first, tmp_path / "fine", ["Ann", "Bob", "Cid", "Dan"], tiny_recipe))
    assert (fine.leaks, fine.unknown) == ((), ())
    chose = check_run(experiment_of(first, tmp_path / "chose", ["w", "x", "Bob", "Cid"], tiny_recipe))
    assert chose.leaks == (leak("valid", "Bob high", "Bob low"), leak("test", "Cid high", "Cid low"))


def test_the_runs_before_the_last_one_count(
    chain: tuple[Path, Run, Run], tmp_path: Path, tiny_recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first, second = chain
    experiment = experiment_of(second, tmp_path / "third", ["x", "y", "Fay", "Ann"], tiny_recipe)
    verdict = check_run(experiment)
    assert verdict.leaks == (leak("valid", "Fay high", "Fay low"), leak("test", "Ann high", "Ann low"))
    assert "2 runs" in checked(verdict.checked)["clips learned by an earlier run"]
    again = dataclasses.replace(
        experiment.corpus,
        clips=[
            dataclasses.replace(clip, path=chain[0] / "a" / "high-0.wav", artist="nobody")
            if clip.id == "third-high-3"
            else clip
            for clip in experiment.corpus.clips
        ],
    )
    sounds = check_run(dataclasses.replace(experiment, corpus=again)).leaks
    assert [(each.parts, each.count, each.examples) for each in sounds] == [
        (("test",), 1, ("third-high-3",)),
        (("valid",), 2, ("Fay high", "Fay low")),
        (("test",), 1, ("Ann low",)),
    ]
    both = learned_digests(second.folder, on_test=False, weights=second.recipe.training.weights)
    alone = [learned_digests(each.folder, on_test=False, weights="none") for each in (first, second)]
    assert set(both) == {*alone[0], *alone[1]} and len(both) == 12
    monkeypatch.setattr(lineage_module, "MOST_RUNS", 1)
    assert len(lineage(str(second.folder / WEIGHTS)).runs) == 1


def test_a_replaced_or_missing_run_of_the_chain_is_not_known(
    chain: tuple[Path, Run, Run], tmp_path: Path, tiny_recipe: Make
) -> None:
    base, first, second = chain
    shutil.copytree(base, tmp_path / "moved")
    experiment = experiment_of(second, tmp_path / "third", ["x", "y", "z", "Ann"], tiny_recipe)
    weights = first.folder / WEIGHTS
    kept = weights.read_bytes()
    try:
        weights.write_bytes(kept + b" ")
        verdict = check_run(experiment)
        assert verdict.leaks == ()
        assert str(weights) in not_checked(verdict)[-1] and "cannot be found" in not_checked(verdict)[-1]
    finally:
        weights.write_bytes(kept)
    assert check_run(experiment).leaks == (leak("test", "Ann high", "Ann low"),)


def test_a_chain_with_relative_paths_is_found_from_elsewhere(
    chain: tuple[Path, Run, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, first, second = chain
    copy = shutil.copytree(base, tmp_path / "moved")
    folder = copy / second.folder.relative_to(base)
    recipe = folder / "recipe.yaml"
    relative = (first.folder / WEIGHTS).relative_to(base)
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text(text.replace(str(first.folder / WEIGHTS), str(relative)), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runs, lost = lineage(str(folder / WEIGHTS))
    assert len(runs) == 2 and lost is None
    # A run that names itself, as a damaged or copied recipe can, is followed once.
    recipe.write_text(recipe.read_text().replace(str(relative), str(folder / WEIGHTS)), encoding="utf-8")
    (folder / "weights.sha256").unlink()
    assert len(lineage(str(folder / WEIGHTS)).runs) == 1 and lineage(str(folder / WEIGHTS)).lost is not None
    recipe.write_text("training: [", encoding="utf-8")
    assert lineage(str(folder / WEIGHTS)).lost == "unknown"


def test_a_link_to_weights_leads_to_their_run(chain: tuple[Path, Run, Run], tmp_path: Path) -> None:
    _, first, second = chain
    (tmp_path / "start.safetensors").symlink_to(second.folder / WEIGHTS)
    runs, lost = lineage(str(tmp_path / "start.safetensors"))
    assert [each.folder for each in runs] == [
        second.folder.resolve(),
        first.folder.resolve(),
    ] and lost is None
    copy = shutil.copy(second.folder / WEIGHTS, tmp_path / "copy.safetensors")
    assert lineage(str(copy)) == ((), str(copy)), "nothing says where a copy is from"


@pytest.mark.parametrize("record", ["final.json", "pretraining.json"])
def test_trainings_without_a_test_count_as_well(
    chain: tuple[Path, Run, Run], tmp_path: Path, tiny_recipe: Make, record: str
) -> None:
    _, first, _ = chain
    run = dataclasses.replace(first, folder=shutil.copytree(first.folder, tmp_path / "run"))
    experiment = experiment_of(run, tmp_path / "third", ["x", "y", "z", "Ann"], tiny_recipe)
    (run.folder / "metrics.json").unlink()
    assert check_run(experiment).leaks == (), "a run that is not finished says nothing"
    (run.folder / record).write_text("{}", encoding="utf-8")
    assert check_run(experiment).leaks == (leak("test", "Ann high", "Ann low"),)


def test_unnamed_artists_are_not_known(
    chain: tuple[Path, Run, Run], tmp_path: Path, tiny_recipe: Make
) -> None:
    """Earlier versions wrote no artists to `sounds.csv`, and some datasets name none."""
    base, first, _ = chain
    copy = shutil.copytree(first.folder, tmp_path / "run")
    run = dataclasses.replace(first, folder=copy)
    experiment = experiment_of(run, tmp_path / "third", ["x", "y", "z", "Ann"], tiny_recipe)
    with (copy / "sounds.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row[:4] for row in csv.reader(stream)]
    (copy / "sounds.csv").write_text(csv_lines(rows, formulas=True), encoding="utf-8")
    assert check_run(experiment).leaks, "then split.csv names them"
    rows.append(["free", "unlabelled", "", "ab" * 16])
    (copy / "sounds.csv").write_text(csv_lines(rows, formulas=True), encoding="utf-8")
    verdict = check_run(experiment)
    assert verdict.unknown == (Finding(kind="unknown start artists", count=1, values={"of": 7}),)
    assert "1 of 7 clips that trained the initial weights" in because(verdict)[-1]
    (copy / "split.csv").write_text(
        csv_lines([*([("clip_id", "part", "genre")]), *(row[:2] + ["low"] for row in rows[1:9])]),
        encoding="utf-8",
    )
    verdict = check_run(experiment)
    assert verdict.state == "not known" and verdict.unknown[0].count == 7


def test_another_corpus_is_compared_with_the_runs_before_too(
    chain: tuple[Path, Run, Run], tmp_path: Path
) -> None:
    base, first, second = chain
    corpus, _ = corpus_of(tmp_path / "other", ["Ann", "Eve", "Dan", "Zoe"], name="other")
    ids = [clip.id for clip in corpus.clips]
    left, verdict = check_other_corpus(second, corpus, ids, {})
    assert left == ids
    assert verdict.leaks[0].count == 4 and verdict.leaks[0].examples == ("Ann high", "Eve high", "Ann low")
