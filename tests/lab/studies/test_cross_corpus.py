"""A finished run on other corpora, and the folds of a cross-validation together."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from raising import raises

from genrelab.errors import UsageError
from genrelab.lab.corpora.transforms.sound_changes import Loudness
from genrelab.lab.corpora.transforms.transformed_corpus import derive
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.metrics.tag_predictions import (
    TagPredictions,
    read_tag_predictions,
    write_tag_predictions,
)
from genrelab.lab.models import build_network
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs.folders import Run
from genrelab.lab.runs.record import TestRecord, load_record
from genrelab.lab.studies.cross_corpus import evaluate_elsewhere, evaluate_together, read_map, translate
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import open_store

Make = Callable[..., Recipe]


def warnings_in(folder: Path) -> list[str]:
    found: list[str] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["warnings"]
    return found


def test_the_own_corpus_is_its_test_part(run: Run, corpus: Corpus, split: Split, tmp_path: Path) -> None:
    tested, folder = evaluate_elsewhere(run, corpus, folder=tmp_path / "own", device="cpu")
    evaluation = tested.evaluation
    assert set(pd.read_csv(folder / "predictions.csv").clip_id) == set(split.test)
    here = run.record.evaluation.track["majority"].accuracy.value
    assert evaluation.track["majority"].accuracy.value == pytest.approx(here)
    assert warnings_in(folder) == []


def test_of_a_namesake_known_ids_are_left_out(run: Run, corpus: Corpus, split: Split, tmp_path: Path) -> None:
    renderer = dataclasses.replace(corpus.renderer, version=2)  # type: ignore[type-var]
    clips = [*corpus.clips, Clip("high-90", None, "high"), Clip("low-91", None, "low")]
    namesake = dataclasses.replace(corpus, clips=clips, renderer=renderer)
    _, folder = evaluate_elsewhere(run, namesake, folder=tmp_path / "there", device="cpu")
    assert folder == tmp_path / "there"
    assert set(pd.read_csv(folder / "predictions.csv").clip_id) == {*split.test, "high-90", "low-91"}
    assert "not checked" in warnings_in(folder)[-1]
    assert "Possible leak: 2 artists" not in warnings_in(folder)[0], "the two new clips name no artist"


def test_of_the_own_corpus_with_changed_sound_the_test_part_is_tested(
    run: Run, corpus: Corpus, split: Split, tmp_path: Path
) -> None:
    """Not what the split leaves out: in a split without repetitions, copies of what was learned."""
    repeated = Clip("high-90", None, "high")
    softer = derive(dataclasses.replace(corpus, clips=[*corpus.clips, repeated]), Loudness(-30.0))
    tested, folder = evaluate_elsewhere(run, softer, folder=tmp_path, device="cpu")
    evaluation = tested.evaluation
    assert set(pd.read_csv(folder / "predictions.csv").clip_id) == set(split.test)
    assert evaluation.track["majority"].n == 6 and warnings_in(folder) == []
    learned = dataclasses.replace(
        softer, clips=[clip for clip in softer.clips if clip.id not in set(split.test)]
    )
    with raises("no-clip-of-test-part"):
        evaluate_elsewhere(run, learned, device="cpu")


@pytest.mark.slow
def test_an_epoch_chosen_on_the_test_part_is_told_where_it_matters(
    spoilt: Run, corpus: Corpus, split: Split, tmp_path: Path
) -> None:
    """Its own test part, alone or pooled, is spoilt; of a namesake those clips are left out."""
    _, own = evaluate_elsewhere(spoilt, corpus, folder=tmp_path / "own", device="cpu")
    evaluate_together([spoilt], tmp_path / "together")
    for folder in (own, tmp_path / "together"):
        assert sum("chosen on the test clips" in warning for warning in warnings_in(folder)) == 1
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert page.count("chosen on the test clips") == 1
        assert '<aside class="warnings severe"' in page
    renderer = dataclasses.replace(corpus.renderer, version=2)  # type: ignore[type-var]
    clips = [*corpus.clips, Clip("high-90", None, "high"), Clip("low-91", None, "low")]
    namesake = dataclasses.replace(corpus, clips=clips, renderer=renderer)
    _, there = evaluate_elsewhere(spoilt, namesake, folder=tmp_path / "there", device="cpu")
    assert set(pd.read_csv(there / "predictions.csv").clip_id) == {"high-90", "low-91"}
    assert not any("chosen on the test clips" in warning for warning in warnings_in(there))
    assert '<aside class="warnings severe"' not in (there / "report.html").read_text(encoding="utf-8")
    assert "epoch chosen on its test part" in (there / "report.html").read_text(encoding="utf-8")


def test_nothing_is_left_to_test_on(run: Run, corpus: Corpus, split: Split) -> None:
    seen = {*split.train, *split.valid}
    clips = [clip for clip in corpus.clips if clip.id in seen]
    with raises("all-clips-seen"):
        evaluate_elsewhere(run, dataclasses.replace(corpus, clips=clips), device="cpu")


@dataclasses.dataclass(frozen=True)
class Renamed:
    """Renders clips whose genres have other names."""

    corpus: Corpus
    back: tuple[tuple[str, str], ...]

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        genre = dict(self.back).get(clip.genre or "", clip.genre)
        assert self.corpus.renderer is not None
        return self.corpus.renderer(dataclasses.replace(clip, genre=genre), sample_rate, channels)


def test_genres_are_mapped_also_where_their_order_differs(run: Run, corpus: Corpus, tmp_path: Path) -> None:
    names = {"high": "z treble", "low": "a bass", "noise": "m hiss"}
    clips = [dataclasses.replace(clip, genre=names[clip.genre or ""]) for clip in corpus.clips]
    back = tuple((new, old) for old, new in names.items())
    foreign = Corpus("foreign", ("a bass", "m hiss", "z treble"), clips, renderer=Renamed(corpus, back))
    with raises("genres-without-counterpart", "a bass, m hiss, z treble", "--map"):
        evaluate_elsewhere(run, foreign, device="cpu")
    path = tmp_path / "map.yaml"
    path.write_text("z treble: high\na bass: low\nm hiss: null\n")
    tested, folder = evaluate_elsewhere(run, foreign, mapping=read_map(path), device="cpu")
    evaluation = tested.evaluation
    assert folder == run.folder / "elsewhere" / "foreign"
    assert evaluation.genres == run.genres
    assert evaluation.track["majority"].n == 4, "what was learned is left out under any name"
    assert evaluation.track["majority"].accuracy.value > 0.9
    assert "recordings of tones" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["high: hihg", "hihg: high", "- a list", "a: {b: c}", "[unclosed"])
def test_a_wrong_map_is_refused(text: str, run: Run, corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(UsageError):
        translate(corpus, run.genres, read_map(path))


def test_clips_of_one_file_are_resampled_together(tmp_path: Path, tiny_recipe: Make) -> None:
    mix = tmp_path / "mix.wav"
    soundfile.write(mix, np.random.default_rng(0).normal(0, 0.1, 16000), 8000)
    clips = [
        Clip("one", mix, "a", start=0.0, duration=1.0),
        Clip("two", mix, "b", start=1.0, duration=1.0),
        Clip("three", mix, "b", "The Ann", start=1.0, duration=1.0),
    ]
    corpus = Corpus("parts", ("a", "b"), clips)
    store = open_store(corpus, sample_rate=8000, channels=1)
    recipe = tiny_recipe()
    network = build_network(recipe, genres=2)
    found = predict(network, TestSet(corpus, ["one", "two", "three"], store, recipe.audio), device="cpu")
    assert found.groups == {"one": "file:one", "two": "file:one", "three": "artist:ann"}


@pytest.mark.slow
def test_folds_are_pooled(corpus: Corpus, tiny_recipe: Make, tmp_path: Path) -> None:
    recipe = tiny_recipe("training.max_epochs=1")
    ids = [clip.id for clip in corpus.clips]
    folds = []
    for fold in range(2):
        test = ids[fold::2]
        rest = [key for key in ids if key not in test]
        part = Split(f"fold-{fold}", rest[2:], rest[:2], test, made="every second clip")
        folds.append(
            run_experiment(
                Experiment(recipe, corpus, part, 0), base=tmp_path / "runs", device="cpu", model_file=False
            )
        )
    evaluation = evaluate_together(folds, tmp_path / "together").evaluation
    assert evaluation.track["majority"].n == len(ids)
    right = [fold.record.evaluation.track["majority"].accuracy.value * 12 for fold in folds]
    assert evaluation.track["majority"].accuracy.value == pytest.approx(sum(right) / 24)
    with pytest.raises(UsageError):
        evaluate_together([folds[0], folds[0]], tmp_path / "twice")
    tags = [
        TagPredictions(("mood:calm",), tuple(fold.predictions().clips), truth, truth * 0.5)
        for fold in folds
        for truth in [np.arange(12)[:, None] % 2]
    ]
    write_tag_predictions(folds[0].folder / "tags.csv", tags[0])
    assert evaluate_together(folds, tmp_path / "one").tags is None, "one fold predicts tags"
    write_tag_predictions(folds[1].folder / "tags.csv", tags[1])
    record = evaluate_together(folds, tmp_path / "tags")
    assert record.tags is not None and record.tags.tags["mood:calm"].positives == 12
    assert record.tags.tags["mood:calm"].auc.value == 1.0
    assert read_tag_predictions(tmp_path / "tags" / "tags.csv").clips == tags[0].clips + tags[1].clips
    assert load_record(TestRecord, tmp_path / "tags" / "metrics.json") == record
    assert "mood:calm" in (tmp_path / "tags" / "report.html").read_text(encoding="utf-8")


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """Renders other sound for clips of the same names."""

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        rng = np.random.default_rng([int(clip.id.split("-")[1]), 7])
        return rng.uniform(-0.4, 0.4, (channels, sample_rate)).astype(np.float32)


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return found


def test_a_changed_namesake_is_not_taken_for_the_own_corpus(
    run: Run, corpus: Corpus, split: Split, tmp_path: Path
) -> None:
    """`mp3:folder:/b` is called as `mp3:folder:/a`, whose clips the run learned."""
    clips = [*corpus.clips, Clip("high-90", None, "high", "somebody"), Clip("low-91", None, "low", "else")]
    namesake = dataclasses.replace(corpus, clips=clips, renderer=Elsewhere())
    softer = derive(namesake, Loudness(-30.0))
    _, folder = evaluate_elsewhere(run, softer, folder=tmp_path, device="cpu")
    assert set(pd.read_csv(folder / "predictions.csv").clip_id) == {*split.test, "high-90", "low-91"}
    assert told(folder)["split"]["name"] == "none", "it is not the run's own test part"


def test_the_own_corpus_is_known_under_another_name(
    run: Run, corpus: Corpus, split: Split, tmp_path: Path
) -> None:
    renamed = dataclasses.replace(corpus, name="renamed")
    _, folder = evaluate_elsewhere(run, renamed, folder=tmp_path, device="cpu")
    assert set(pd.read_csv(folder / "predictions.csv").clip_id) == set(split.test)
    assert told(folder)["verdict"] == run.record.verdict.to_dict()


@dataclasses.dataclass(frozen=True)
class UnderOtherNames:
    """Renders the clips of a corpus, called `x-<their id>`."""

    corpus: Corpus

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        assert self.corpus.renderer is not None
        return self.corpus.renderer(dataclasses.replace(clip, id=clip.id[2:]), sample_rate, channels)


def test_what_was_learned_is_left_out_under_any_name_and_known_artists_leak(
    run: Run, corpus: Corpus, split: Split, tmp_path: Path
) -> None:
    clips = [dataclasses.replace(clip, id=f"x-{clip.id}") for clip in corpus.clips]
    clips[6] = dataclasses.replace(clips[6], artist="High Artist 0")
    assert clips[6].id == "x-high-6"
    foreign = Corpus("foreign", corpus.genres, clips, renderer=UnderOtherNames(corpus))
    _, folder = evaluate_elsewhere(run, foreign, folder=tmp_path, device="cpu")
    assert set(pd.read_csv(folder / "predictions.csv").clip_id) == {f"x-{key}" for key in split.test}
    metrics = told(folder)
    verdict = Verdict.model_validate(metrics["verdict"])
    (sounds,) = (each for each in verdict.checked if each.kind == "learned sound")
    assert sounds.count == 18 and sounds.examples[0] == "x-high-0"
    assert metrics["verdict"]["state"] == "leaks"
    assert verdict.leaks == (
        Finding(kind="artist", parts=("learned", "tested"), count=1, examples=("High Artist 0",)),
    )
    only = dataclasses.replace(foreign, clips=[clip for clip in clips if clip.id[2:] in set(split.train)])
    with raises("all-sounds-seen"):
        evaluate_elsewhere(run, only, folder=tmp_path / "only", device="cpu")


def test_every_metrics_file_says_how_it_was_made(run: Run, corpus: Corpus, tmp_path: Path) -> None:
    """Of a run, of its test on another corpus, of folds together."""
    clips = [dataclasses.replace(clip, id=f"{clip.id}0", artist=f"new {clip.id}") for clip in corpus.clips]
    foreign = Corpus("foreign", corpus.genres, clips, renderer=Elsewhere())
    _, there = evaluate_elsewhere(run, foreign, folder=tmp_path / "there", device="cpu")
    evaluate_together([run], tmp_path / "together")
    for folder in (run.folder, there, tmp_path / "together"):
        metrics = told(folder)
        assert metrics["split"]["name"] and metrics["split"]["made"] and metrics["split"]["clips"]["test"]
        verdict = Verdict.model_validate(metrics["verdict"])
        assert verdict.state == "clean" and not verdict.leaks and not verdict.unknown
        assert verdict.checked and verdict.not_checked and metrics["seed"] == 0
        intervals = metrics["evaluation"]["intervals"]
        assert "bootstrap" in intervals["method"] and intervals["confidence"] == 0.95
        epoch = metrics["epoch"] if folder == run.folder else metrics["runs"][0]["epoch"]
        assert epoch["chosen_by"] == "valid_loss" and epoch["chosen_on"] == "valid"
        assert metrics["corpus"]["name"] and metrics["recipe"] and metrics["versions"]["genrelab"]
    assert run.record.epoch.accuracy == max(
        row["valid_accuracy"] for row in read_history(run.folder) if row["best"] == 1
    )


def test_folds_of_two_collections_of_one_name_are_refused(run: Run, tmp_path: Path) -> None:
    corpus = run.record.corpus.model_copy(update={"recordings_sha256": "another"})
    other = dataclasses.replace(run, record=run.record.model_copy(update={"corpus": corpus}))
    with raises("not-one-cross-validation"):
        evaluate_together([run, other], tmp_path)
