"""From folds to the recognizer that is used."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from raising import raises

from genrelab.bundle.bundle import Bundle
from genrelab.cli.main import main
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.experiment.finalize import RECORD, Final, finalize, held_out
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.findings import Finding
from genrelab.lab.findings.wording import sentence
from genrelab.lab.metrics.calibration import tempered
from genrelab.lab.metrics.predictions import Predictions, pool, write_predictions
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs.folders import Run
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import open_store
from genrelab.lab.training.store.facts import clip_facts

LAST = ("training.patience=null", "training.monitor=last", "training.choose_epoch_on=none", "voting=mean")


@pytest.fixture(scope="module")
def folds(
    corpus: Corpus, tiny_recipe: Callable[..., Recipe], tmp_path_factory: pytest.TempPathFactory
) -> list[Run]:
    base = tmp_path_factory.mktemp("folds")
    recipe = tiny_recipe("training.max_epochs=4", *LAST)
    return [
        run_experiment(
            Experiment(recipe, corpus, make_split(corpus, f"artist-kfold:{fold}/2", seed=0), 0),
            base=base,
            device="cpu",
        )
        for fold in range(2)
    ]


@pytest.mark.slow
def test_where_nothing_chose_no_figure_stands(folds: list[Run]) -> None:
    text = (folds[0].folder / "metrics.json").read_text(encoding="utf-8")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert folds[0].record.epoch.accuracy is None
    report = (folds[0].folder / "report.html").read_text(encoding="utf-8")
    assert "no clips were kept back" in report and "nan" not in report


@pytest.mark.slow
def test_the_model_learned_all_and_tells_the_folds_figures(
    folds: list[Run], corpus: Corpus, tmp_path: Path
) -> None:
    model = tmp_path / "final.onnx"
    held, record = finalize(folds, corpus, Final(tmp_path / "final", model, 0.6, force=True), device="cpu")
    pooled = pool([fold.predictions() for fold in folds])
    assert set(pooled.clips) == {clip.id for clip in corpus.clips}
    split = (tmp_path / "final" / "split.csv").read_text(encoding="utf-8")
    assert split.count(",train") == len(corpus.clips) and ",test" not in split
    about = Bundle.load(model).metadata
    assert about.temperature == held.temperature == record["temperature"]
    assert about.abstain_below == held.threshold.confidence
    store = open_store(corpus, sample_rate=about.sample_rate, channels=about.channels)
    digests = {each.digest for each in clip_facts(store).values() if each.digest}
    assert set(about.learned) == {digest[:12] for digest in digests}
    (result,) = about.results
    right = tempered(pooled, held.temperature).tracks("mean")
    share = float((right.orders[:, 0] == right.truth).mean())
    assert result["track_accuracy"]["value"] == pytest.approx(share, abs=1e-6)  # type: ignore[call-overload, index]
    assert "trained on all clips" in str(result["measured"])
    assert json.loads((tmp_path / "final" / RECORD).read_text(encoding="utf-8"))["result"] == result
    # it is a network of its own, not one of the folds'
    wave = np.random.default_rng(0).normal(0, 0.1, (1, about.channels, about.segment_samples))
    own, other = (
        Bundle.load(each).predict(wave.astype(np.float32))[0]
        for each in (model, folds[0].folder / "model.onnx")
    )
    assert not np.allclose(own, other, atol=1e-4)


@pytest.mark.slow
def test_the_command_refuses_another_corpus_and_a_strange_name(
    folds: list[Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(fold.folder) for fold in folds]
    to = str(tmp_path / "m.onnx")
    assert main(["finalize", *runs, "--corpus", "synthetic:tracks=3,seconds=2", "--to", to]) == 1
    assert "--corpus" in capsys.readouterr().err
    assert not (tmp_path / "m.onnx").exists()
    assert main(["finalize", *runs, "--corpus", "synthetic", "--to", str(tmp_path / "m.bin")]) == 2
    assert ".onnx" in capsys.readouterr().err


@pytest.mark.slow
def test_a_file_that_promises_too_much_is_made_by_force_alone(
    folds: list[Run], corpus: Corpus, tmp_path: Path
) -> None:
    """24 clips are too few to know, or too many are wrong: told before anything is trained."""
    model = tmp_path / "m.onnx"
    for precision in (0.99, 0.001):
        with raises("precision-not-reached", f"{100 * precision:.4g} %", "--force"):
            finalize(folds, corpus, Final(tmp_path / "final", model, precision), device="cpu")
        assert not model.exists() and not (tmp_path / "final").exists()
    held, record = finalize(folds, corpus, Final(tmp_path / "final", model, 0.99, force=True), device="cpu")
    (result,) = Bundle.load(model).metadata.results
    for told in (result, record["result"]):
        assert (told["precision_wanted"], told["precision_reached"]) == (0.99, False)
        assert told["precision_at_least"] == pytest.approx(held.threshold.low, abs=1e-6)
        assert told["precision_at_least"] < 0.99
        assert told["shortfalls"][0]["kind"] == "precision"
        assert told["shortfalls"][0]["count"] == held.threshold.answers == told["precision_answers"]
        assert any("99 %" in text for text in told["warnings"])


@pytest.mark.slow
def test_folds_that_broke_down_are_told(folds: list[Run], corpus: Corpus, tmp_path: Path) -> None:
    found = Finding(kind="one genre", parts=("test",), count=12, examples=("low",))
    record = folds[1].record.model_copy(update={"findings": (found,)})
    broken = dataclasses.replace(folds[1], record=record)
    with raises("fold-broken", broken.folder, sentence(found), "--force"):
        finalize([folds[0], broken], corpus, Final(tmp_path / "f", tmp_path / "m.onnx", 0))
    assert not (tmp_path / "f").exists()


@pytest.mark.slow
def test_a_network_that_breaks_down_on_all_clips_makes_no_file(
    corpus: Corpus, tiny_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    recipe = tiny_recipe("training.max_epochs=1", "training.learning_rate=1000", *LAST)
    runs = []
    for fold in range(2):
        split = make_split(corpus, f"artist-kfold:{fold}/2", seed=0)
        run = run_experiment(
            Experiment(recipe, corpus, split, 0), base=tmp_path, device="cpu", model_file=False
        )
        record = run.record.model_copy(update={"findings": ()})  # as if the folds had learned something
        runs.append(dataclasses.replace(run, record=record))
    with raises("network-broken", tmp_path / "m.onnx", "--force", tmp_path / "final"):
        finalize(runs, corpus, Final(tmp_path / "final", tmp_path / "m.onnx", 0), device="cpu")
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.slow
def test_the_command_says_what_was_wanted_and_what_was_reached(
    folds: list[Run], corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("genrelab.lab.corpora.registry.load_corpus", lambda _: corpus)
    command = ["finalize", *(str(fold.folder) for fold in folds), "--corpus=synthetic", "--device=cpu"]
    command += [f"--to={tmp_path / 'm.onnx'}", "--precision=0.99", f"--out={tmp_path / 'final'}"]
    assert main(command) == 1
    assert "99 %" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    out, err = capsys.readouterr()
    assert "99 % wanted, not reached" in out
    assert "note: No threshold reaches 99 %" in err


@pytest.mark.slow
def test_what_is_no_cross_validation_is_refused(
    folds: list[Run], run: Run, corpus: Corpus, tmp_path: Path
) -> None:
    to = tmp_path / "m.onnx"
    cases = (
        (folds[:1], "one-fold"),
        ([folds[0], run], "not-one-cross-validation"),
        ([run, run], "folds-choose-epoch"),
    )
    for runs, code in cases:
        with raises(code):
            finalize(runs, corpus, Final(tmp_path / "f", to))
    other = dataclasses.replace(corpus, clips=corpus.clips[:-1])
    with raises("folds-of-another-corpus", "--corpus"):
        finalize(folds, other, Final(tmp_path / "f", to))
    assert not to.exists()


@pytest.mark.slow
def test_calibration_is_measured_on_folds_that_it_was_not_fitted_on() -> None:
    def fold(number: int, sharpness: float) -> Predictions:
        rng = np.random.default_rng(number)
        logits = rng.normal(0, 1.5, (400, 3))
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        truth = [int(rng.choice(3, p=row)) for row in shares]
        said = np.exp(sharpness * logits)
        ids = tuple(f"{number}-{at}" for at in range(400))
        genres = ("a", "b", "c")
        named = {key: genres[at] for key, at in zip(ids, truth, strict=True)}
        return Predictions(genres, ids, np.zeros(400), said / said.sum(1, keepdims=True), named)

    alike = held_out([fold(number, 2.0) for number in range(3)], precision=0.8, seed=0)
    assert alike.temperature == pytest.approx(2.0, rel=0.15)
    assert alike.error < 0.06
    assert alike.precision > 0.76
    # One fold is far sharper than the others say of it, and its error shows.
    unlike = held_out([fold(0, 8.0), fold(1, 1.0), fold(2, 1.0)], precision=0.8, seed=0)
    assert unlike.error > alike.error


@pytest.mark.slow
def test_thresholds_by_genre_are_written_when_asked_for(
    corpus: Corpus, tiny_recipe: Callable[..., Recipe], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The folds call many a clip high that is not, with less confidence than where it is."""
    sizes = {"high": 50, "low": 60, "noise": 60}
    clips = [
        Clip(f"{genre}-{number}", None, genre, f"{genre} artist {number}")
        for genre, size in sizes.items()
        for number in range(size)
    ]
    music = dataclasses.replace(corpus, clips=clips)
    monkeypatch.setattr("genrelab.lab.corpora.registry.load_corpus", lambda _: music)
    recipe = tiny_recipe("training.max_epochs=1", *LAST)

    def said(clip: str) -> tuple[float, float, float]:
        genre, number = clip.split("-")[0], int(clip.split("-")[1])
        if genre == "high":
            return (0.6, 0.2, 0.2) if number < 10 else (0.85, 0.1, 0.05)
        if number < 15:
            return (0.6, 0.2, 0.2)
        return (0.05, 0.9, 0.05) if genre == "low" else (0.05, 0.05, 0.9)

    runs = []
    for fold in range(2):
        split = make_split(music, f"artist-kfold:{fold}/2", seed=0)
        run = run_experiment(
            Experiment(recipe, music, split, 0), base=tmp_path, device="cpu", model_file=False
        )
        truth = {clip: clip.split("-")[0] for clip in split.test}
        shares = np.array([said(clip) for clip in split.test])
        predictions = Predictions(music.genres, tuple(split.test), np.zeros(len(shares)), shares, truth)
        write_predictions(run.folder / "predictions.csv", predictions)
        runs.append(str(run.folder))
    command = ["finalize", *runs, "--corpus=synthetic", "--device=cpu", "--precision=0.75", "--force"]
    for option, own in (("--one-threshold", False), ("--threshold-by-genre", True)):
        model = tmp_path / f"{option}.onnx"
        assert main([*command, f"--to={model}", f"--out={tmp_path / 'final'}", option]) == 0
        out = capsys.readouterr().out
        about = Bundle.load(model).metadata
        record = json.loads((tmp_path / "final" / RECORD).read_text(encoding="utf-8"))
        assert about.abstain_below_by_genre == record["threshold_by_genre"]
        assert list(about.abstain_below_by_genre) == (["high"] if own else [])
        assert ("for high: 100 % of 40 answers right, after 62 % of 80" in out) is own
        result = record["result"]
        assert result == about.results[0]
        used = result["with_thresholds_by_genre" if own else "one_threshold"]
        assert (used["precision"], used["answered"]) == (result["precision"], result["answered"])
        assert ("with thresholds by genre" in out) is (not own) and ("with one threshold" in out) is own
    assert about.abstain_below_by_genre["high"] > about.abstain_below == 0.0
    assert about.threshold_of("low") == 0.0
    assert result["thresholds_by_genre"]["high"]["answers_before"] == 80
