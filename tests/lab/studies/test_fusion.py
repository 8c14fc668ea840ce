"""Fusion of finished networks: equal and learned weights, folds, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from raising import raises
from run_records import run_record

from genrelab.cli.main import main
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.metrics.predictions import Predictions, read_predictions, write_predictions
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.runs import folders
from genrelab.lab.runs.folders import Run
from genrelab.lab.runs.record import TestRecord, load_record
from genrelab.lab.studies.cross_corpus import evaluate_together
from genrelab.lab.studies.fusion import fuse, learn_weights
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import sound_key

GENRES = ("jazz", "rock")
ONE, OTHER = "soundfusion/resnet2d-s", "soundfusion/resnet1d-s"
LEAK = Verdict(leaks=(Finding(kind="artist", parts=("train", "test"), examples=("Ann",)),))


def answers(values: Sequence[float], ids: Sequence[str], segments: int = 2) -> Predictions:
    """Return predictions whose mean probability of jazz is `values`; clips of even number are jazz."""
    wobble = np.resize([0.05, -0.05], segments)
    jazz = np.concatenate([value + wobble for value in values])
    return Predictions(
        GENRES,
        tuple(clip for clip in ids for _ in range(segments)),
        np.tile(np.arange(segments) / 2, len(ids)),
        np.stack([jazz, 1 - jazz], axis=1),
        {clip: GENRES[number % 2] for number, clip in enumerate(ids)},
    )


def write_run(
    base: Path,
    values: Sequence[float],
    *,
    recipe: str = ONE,
    split: str = "artist-kfold-0of2",
    trained: Sequence[str] = ("a", "b"),
    ids: Sequence[str] = ("c", "d", "e", "f"),
    segments: int = 2,
    verdict: Verdict | None = None,
    corpus: str = "mine",
) -> Run:
    """Write a finished run with these answers for its test part."""
    folder = folders.run_folder(base, recipe=recipe, corpus=corpus, split=split, seed=0)
    folder.mkdir(parents=True)
    write_predictions(folder / folders.PREDICTIONS, answers(values, ids, segments))
    with (folder / folders.SPLIT).open("w", newline="", encoding="utf-8") as stream:
        rows = [[clip, "train", "jazz", ""] for clip in trained] + [[clip, "test", "", ""] for clip in ids]
        csv.writer(stream).writerows([["clip_id", "part", "genre", "artist"], *rows])
    (folder / folders.RECIPE).write_text(dump_recipe(load_recipe(recipe)), encoding="utf-8")
    record = run_record(recipe=recipe, recipe_sha256=recipe, verdict=verdict or Verdict())
    record = record.model_copy(
        update={
            "corpus": record.corpus.model_copy(update={"name": corpus, "original": corpus, "genres": GENRES}),
            "split": record.split.model_copy(update={"name": split}),
        }
    )
    (folder / folders.METRICS).write_text(record.text(), encoding="utf-8")
    return Run.load(folder)


def test_fused_answers_are_the_mean_of_the_networks_tracks(tmp_path: Path) -> None:
    """Although the networks cut a track into different segments."""
    one = write_run(tmp_path, [0.9, 0.6, 0.4, 0.2])
    other = write_run(tmp_path, [0.6, 0.2, 0.9, 0.1], recipe=OTHER, segments=4, verdict=LEAK)
    fusion = fuse([one, other], tmp_path / "fused")
    found = read_predictions(tmp_path / "fused" / folders.PREDICTIONS)
    assert found.clips == ("c", "d", "e", "f")
    np.testing.assert_allclose(found.probabilities[:, 0], [0.75, 0.4, 0.65, 0.15], atol=1e-8)
    record = load_record(TestRecord, tmp_path / "fused" / folders.METRICS)
    assert record.evaluation.track["mean"].accuracy.value == 1.0
    assert one.record.evaluation.track["majority"].accuracy.value < 1.0
    assert fusion.networks == (ONE, OTHER) and record.recipe == f"fusion of {ONE} + {OTHER}"
    assert fusion.weights == {"artist-kfold-0of2": (0.5, 0.5)}
    assert record.verdict.state == "leaks", "as bad as the worst of the networks"
    assert [pair.difference.value for pair in fusion.pairs] == [0.5, 0.0]
    assert "Do not trust it" in fusion.pairs[0].sentence()
    page = (tmp_path / "fused" / folders.REPORT).read_text(encoding="utf-8")
    assert f"# {OTHER}" in page and "0.500" in page


def test_folds_are_fused_one_by_one_and_pooled(tmp_path: Path) -> None:
    second = {"split": "artist-kfold-1of2", "trained": ("c", "d", "e", "f"), "ids": ("a", "b")}
    runs = [
        write_run(tmp_path, [0.9, 0.6, 0.4, 0.2]),
        write_run(tmp_path, [0.8, 0.9], **second),  # type: ignore[arg-type]
        write_run(tmp_path, [0.4, 0.1], recipe=OTHER, **second),  # type: ignore[arg-type]
        write_run(tmp_path, [0.6, 0.2, 0.9, 0.1], recipe=OTHER),
    ]
    fusion = fuse(runs, tmp_path / "fused")
    found = read_predictions(tmp_path / "fused" / folders.PREDICTIONS)
    pooled = dict(zip(found.clip_ids, found.probabilities[:, 0].tolist(), strict=True))
    assert pooled == pytest.approx({"c": 0.75, "d": 0.4, "e": 0.65, "f": 0.15, "a": 0.6, "b": 0.5}, abs=1e-8)
    assert list(fusion.weights) == ["artist-kfold-0of2", "artist-kfold-1of2"]
    with raises("fusion-splits-differ", "every network needs the same folds", "artist-kfold-1of2"):
        fuse(runs[:2] + runs[3:], tmp_path / "partial")


def test_runs_of_different_splits_are_refused(tmp_path: Path) -> None:
    """Even where the tested clips are the same: the other one may have been trained on validation clips."""
    one = write_run(tmp_path, [0.9, 0.6, 0.4, 0.2])
    other = write_run(tmp_path, [0.9, 0.6, 0.4, 0.2], recipe=OTHER, trained=("a", "b", "z"), split="random")
    with raises("fusion-splits-differ", "clips that others were trained on", "--split-seed"):
        fuse([one, other], tmp_path / "fused")
    assert not (tmp_path / "fused").exists()


def test_other_clips_of_one_split_are_refused_with_a_remedy(tmp_path: Path) -> None:
    one = write_run(tmp_path, [0.9, 0.6, 0.4, 0.2])
    other = write_run(tmp_path, [0.9, 0.6, 0.4, 0.2], recipe=OTHER, trained=("a",))
    with raises("fusion-splits-differ", "training.clips_share", "leave_out", one.folder, other.folder):
        fuse([one, other], tmp_path / "fused")


def test_a_result_does_not_replace_a_run(tmp_path: Path) -> None:
    one = write_run(tmp_path, [0.9, 0.6, 0.4, 0.2])
    other = write_run(tmp_path, [0.6, 0.2, 0.9, 0.1], recipe=OTHER)
    before = (one.folder / folders.METRICS).read_bytes()
    with raises("result-over-run", one.folder, "--out"):
        fuse([one, other], one.folder)
    with raises("result-over-run", one.folder, "--out"):
        evaluate_together([one], one.folder)
    assert (one.folder / folders.METRICS).read_bytes() == before
    fuse([one, other], tmp_path / "fused")
    fuse([one, other], tmp_path / "fused")


def test_what_cannot_be_fused_is_refused(tmp_path: Path) -> None:
    one = write_run(tmp_path, [0.9, 0.6, 0.4, 0.2])
    with raises("fusion-one-network", "two networks"):
        fuse([one, one], tmp_path / "fused")
    other = write_run(tmp_path, [0.9, 0.6, 0.4, 0.2], recipe=OTHER)
    twin = write_run(tmp_path / "again", [0.1, 0.6, 0.4, 0.2])
    with raises("fusion-same-network", one.folder, twin.folder):
        fuse([one, other, twin], tmp_path / "fused")
    with raises("fusion-without-corpus", "--corpus"):
        fuse([one, other], tmp_path / "fused", weights="learned")
    fewer = answers([0.9, 0.6, 0.4], ["c", "d", "e"])
    write_predictions(other.folder / folders.PREDICTIONS, fewer)
    with raises("fusion-clips-differ", "'f'"):
        fuse([one, other], tmp_path / "fused")
    (other.folder / folders.SPLIT).unlink()
    with raises("run-file-unreadable", folders.SPLIT):
        fuse([one, other], tmp_path / "fused")
    loss = one.recipe.training.loss.model_copy(update={"kind": "binary"})
    training = one.recipe.training.model_copy(update={"loss": loss})
    several = replace(one, recipe=one.recipe.model_copy(update={"training": training}))
    with raises("fusion-independent-genres", "training.loss=binary"):
        fuse([several, other], tmp_path / "fused")
    foreign = write_run(tmp_path / "b", [0.9, 0.6, 0.4, 0.2], corpus="theirs")
    with raises("fusion-corpora-differ", "mine, theirs"):
        fuse([one, foreign], tmp_path / "fused")


def test_weights_need_the_corpus_and_its_validation_clips(
    corpus: Corpus, cache: Path, tmp_path: Path
) -> None:
    pair = [write_run(tmp_path, [0.9, 0.6, 0.4, 0.2], recipe=recipe) for recipe in (ONE, OTHER)]
    with raises("fusion-other-corpus", "--corpus"):
        fuse(pair, tmp_path / "fused", weights="learned", corpus=corpus)
    audio = pair[0].recipe.audio
    sound = sound_key(corpus, sample_rate=audio.sample_rate, channels=audio.channels)
    known = pair[0].record.corpus.model_copy(update={"sound_sha256": sound})
    first = replace(pair[0], record=pair[0].record.model_copy(update={"corpus": known}))
    with raises("fusion-without-validation", "--weights average"):
        fuse([first, pair[1]], tmp_path / "fused", weights="learned", corpus=corpus)


def test_learned_weights_are_the_most_likely_ones() -> None:
    rng = np.random.default_rng(0)
    ids = [f"clip{number}" for number in range(40)]
    truth = np.arange(40) % 2 == 0
    good = np.where(truth, 0.8, 0.2) + rng.uniform(-0.15, 0.15, 40)
    fair = np.where(truth, 0.6, 0.4) + rng.uniform(-0.3, 0.3, 40)
    noise = rng.uniform(0.1, 0.9, 40)
    three = [answers(values.tolist(), ids) for values in (fair, good, noise)]
    found = learn_weights(three)
    assert sum(found) == pytest.approx(1.0) and min(found) >= 0 and max(found) == found[1]

    def loss(shares: Sequence[float]) -> float:
        jazz = sum(share * values for share, values in zip(shares, (fair, good, noise), strict=True))
        return -float(np.log(np.where(truth, jazz, 1 - jazz)).mean())

    grid = [(a / 20, b / 20, 1 - (a + b) / 20) for a in range(21) for b in range(21 - a)]
    assert loss(found) <= min(map(loss, grid)) + 1e-6
    assert learn_weights([three[0], three[0]]) == pytest.approx((0.5, 0.5))


def test_weights_are_learned_on_validation_clips_alone(
    run: Run,
    corpus: Corpus,
    split: Split,
    learnable: Callable[..., Recipe],
    base: Path,
    cache: Path,
    tmp_path: Path,
) -> None:
    recipe = learnable("training.max_epochs=1", "training.learning_rate=1e-6", "name=untrained")
    poor = run_experiment(Experiment(recipe, corpus, split, 0), base=base, device="cpu", model_file=False)
    fusion = fuse([run, poor], tmp_path, weights="learned", corpus=corpus, device="cpu")
    (shares,) = fusion.weights.values()
    assert shares[0] > 0.8, "the trained network is better"
    kept = [read_predictions(path) for path in sorted(tmp_path.glob("valid-*.csv"))]
    assert [set(each.clips) for each in kept] == [set(split.valid)] * 2
    found = read_predictions(tmp_path / folders.PREDICTIONS)
    assert set(found.clips) == set(split.test)
    own = [each.predictions().tracks("mean").probabilities for each in (run, poor)]
    np.testing.assert_allclose(found.probabilities, shares[0] * own[0] + shares[1] * own[1], atol=1e-7)
    kept_files = {path: path.stat().st_ino for path in tmp_path.glob("valid-*.csv")}
    again = fuse([run, poor], tmp_path, weights="learned", corpus=corpus, device="cpu")
    assert again.weights == fusion.weights
    assert {path: path.stat().st_ino for path in tmp_path.glob("valid-*.csv")} == kept_files, "read, not made"


def test_a_run_without_validation_clips_teaches_no_weights(
    run: Run, spoilt: Run, corpus: Corpus, tmp_path: Path, cache: Path
) -> None:
    with raises("fusion-splits-differ", "training.choose_epoch_on"):
        fuse([run, spoilt], tmp_path, weights="learned", corpus=corpus)


def test_the_command_prints_weights_figures_and_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_run(tmp_path, [0.9, 0.6, 0.4, 0.2])
    other = write_run(tmp_path, [0.6, 0.2, 0.9, 0.1], recipe=OTHER, verdict=LEAK)
    assert main(["fuse", str(one.folder), str(other.folder)]) == 0
    out = capsys.readouterr().out
    assert f"{ONE} 0.500, {OTHER} 0.500" in out and "verdict leaks" in out and "the fusion has" in out
    folder = one.folder.parent / "fused"
    assert (folder / folders.REPORT).is_file()
    command = ["fuse", str(one.folder), str(other.folder), f"--out={tmp_path / 'x'}", "--format=json"]
    assert main(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["weights"] == {"artist-kfold-0of2": [0.5, 0.5]} and result["verdict"]["state"] == "leaks"
    assert result["evaluation"]["track"]["mean"]["accuracy"]["value"] == 1.0
    assert main(["fuse", str(one.folder)]) == 2
    assert "two networks" in capsys.readouterr().err
