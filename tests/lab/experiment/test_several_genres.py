"""Clips with several genres: refused by exclusive genres, learned by independent ones."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from raising import raises
from scipy.special import expit
from sklearn.metrics import average_precision_score, roc_auc_score

from genrelab import Recognizer
from genrelab.bundle.bundle import Bundle
from genrelab.cli.main import main
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.splits.split_checks import check_split
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.model_file import write_run
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.inference.predict import TestSet
from genrelab.lab.inference.predict_tags import predict_genres
from genrelab.lab.leakage.checks import check_run
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.compare import compare
from genrelab.lab.studies.cross_corpus import evaluate_elsewhere
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.experiment import Experiment

Make = Callable[..., Recipe]
RATE = 8000
KINDS = {"low": ("low",), "high": ("high",), "both": ("low", "high")}
PER_KIND = 28
BINARY = (
    "augment=null", "model.dropout=0.0", "training.loss=binary", "training.max_epochs=6", "voting=mean",
    "training.patience=null", "training.learning_rate=0.01", "training.segments_per_clip=1",
)  # fmt: skip


def tone(kind: str, number: int, seconds: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng([number, len(kind)])
    time = np.arange(round(seconds * RATE)) / RATE
    wave = rng.normal(0, 0.02, time.size)
    for genre, pitch in (("low", 150.0), ("high", 2000.0)):
        if genre in KINDS[kind]:
            wave += 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.8, 1.25) * time)
    return wave


@dataclasses.dataclass(frozen=True)
class Mixed:
    """Renders a low tone, a high one, or both."""

    version: int = 1

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        kind, number = clip.id.split("-")
        return tone(kind, int(number)).astype(np.float32)[None].repeat(channels, 0)


@pytest.fixture(scope="module")
def mixed() -> Corpus:
    clips = [
        Clip(f"{kind}-{number}", None, genres[0], f"{kind} artist {number // 2}", more_genres=genres[1:])
        for kind, genres in KINDS.items()
        for number in range(PER_KIND)
    ]
    return Corpus("mixed", ("high", "low"), clips, renderer=Mixed())


@pytest.fixture(scope="module")
def split(mixed: Corpus) -> Split:
    """Ten clips of each kind to train, four to choose the epoch, fourteen to test."""
    parts: list[list[str]] = [[], [], []]
    for clip in mixed.clips:
        number = int(clip.id.split("-")[1])
        parts[0 if number < 10 else 1 if number < 14 else 2].append(clip.id)
    return Split("fixed", *parts, made="by hand")


@pytest.fixture(scope="module")
def run(mixed: Corpus, split: Split, tiny_recipe: Make, tmp_path_factory: pytest.TempPathFactory) -> Run:
    base = tmp_path_factory.mktemp("runs")
    experiment = Experiment(tiny_recipe(*BINARY), mixed, split, 0)
    return run_experiment(experiment, base=base, device="cpu", model_file=False)


def test_exclusive_genres_refuse_clips_with_several_before_anything_is_written(
    mixed: Corpus, split: Split, tiny_recipe: Make, tmp_path: Path
) -> None:
    several = f"{PER_KIND} of {3 * PER_KIND}"
    with raises("several-genres", several, "both-0", "low; high", "training.loss=binary"):
        run_experiment(Experiment(tiny_recipe(), mixed, split, 0), base=tmp_path / "runs", device="cpu")
    assert not (tmp_path / "runs").exists()


def test_an_exclusive_run_is_not_tested_on_clips_with_several(
    corpus: Corpus,
    train_tones: Callable[..., Run],
    tiny_recipe: Make,
    tmp_path: Path,
) -> None:
    run = train_tones(tiny_recipe("training.max_epochs=1"), tmp_path)
    first = dataclasses.replace(corpus.clips[0], more_genres=("low",))
    other = dataclasses.replace(corpus, name="other", clips=[first, *corpus.clips[1:]])
    with raises("several-genres", "1 of 24", "training.loss=binary"):
        evaluate_elsewhere(run, other, folder=tmp_path / "elsewhere", device="cpu")


@pytest.fixture
def train_tones(corpus: Corpus, cache: Path) -> Callable[..., Run]:
    def go(recipe: Recipe, base: Path) -> Run:
        parts = make_split(corpus, "random", seed=0)
        return run_experiment(Experiment(recipe, corpus, parts, 0), base=base, device="cpu", model_file=False)

    return go


def test_independent_genres_are_measured_by_auc_and_average_precision(
    run: Run, mixed: Corpus, split: Split
) -> None:
    tags, predicted = run.record.tags, run.tag_predictions()
    assert tags is not None and predicted is not None
    assert list(tags.tags) == ["genre:high", "genre:low"]
    tracks = predicted.tracks()
    assert set(tracks.clip_ids) == set(split.test)
    for at, genre in enumerate(("high", "low")):
        truth = [genre in KINDS[clip.split("-")[0]] for clip in tracks.clip_ids]
        figures = tags.tags[f"genre:{genre}"]
        assert figures.positives == 28 and figures.negatives == 14 and figures.groups == 21
        assert figures.auc.value == pytest.approx(roc_auc_score(truth, tracks.probabilities[:, at]))
        expected = average_precision_score(truth, tracks.probabilities[:, at])
        assert figures.average_precision.value == pytest.approx(expected)
        assert figures.auc.value > 0.9 and figures.auc.low is not None
    both = [clip.startswith("both") for clip in tracks.clip_ids]
    assert (tracks.probabilities[both] > 0.5).all(axis=1).mean() > 0.7, "both genres at once"
    assert run.record.network_tags == () and run.network().independent
    report = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "genre:high" in report and "independent" in report
    table = (run.folder / "split.csv").read_text(encoding="utf-8")
    assert "low; high" in table, "other genres make another run"


def test_the_loss_that_chooses_the_epoch_is_that_of_all_genres(run: Run, mixed: Corpus, split: Split) -> None:
    experiment = Experiment(run.recipe, mixed, split, 0)
    tested = TestSet(mixed, split.valid, experiment.store, run.recipe.audio)
    found = predict_genres(run.network(), tested, device="cpu")
    wanted = np.array(
        [[genre in KINDS[clip.split("-")[0]] for genre in mixed.genres] for clip in found.clip_ids]
    )
    loss = -np.where(wanted, np.log(found.probabilities), np.log1p(-found.probabilities)).mean()
    best = next(row for row in read_history(run.folder) if row["best"])
    assert best["valid_loss"] == pytest.approx(loss, abs=1e-5)


@pytest.mark.slow
def test_the_model_file_gives_independent_probabilities_as_tags(run: Run, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    write_run(run, run.network(), model)
    bundle = Bundle.load(model)
    labels = [tag.label for tag in bundle.metadata.tags]
    assert labels == ["genre:high", "genre:low"]
    waves = np.stack([tone(kind, number)[None] for kind in KINDS for number in range(40, 50)]).astype(
        np.float32
    )
    found = bundle.predict(waves)
    assert np.abs(found.probabilities.sum(axis=1) - 1).max() < 1e-3
    both = found.tags[-10:]
    thresholds = [tag.threshold for tag in bundle.metadata.tags]
    assert (both >= thresholds).all(axis=1).mean() > 0.7
    assert (found.tags[:10, 0] < thresholds[0]).mean() > 0.7, "a low tone is not high"
    shares = expit(_logits(run, waves))
    shares /= shares.sum(axis=1, keepdims=True)
    assert np.allclose(found.probabilities, shares, atol=1e-3)
    sf.write(tmp_path / "both.wav", tone("both", 60, 2.0), RATE)
    (recognition,) = Recognizer.load(model).recognize_many([tmp_path / "both.wav"])
    assert {tag.label for tag in recognition.tags if tag.present} == set(labels)


def _logits(run: Run, waves: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return run.network()(torch.from_numpy(waves)).logits.double().numpy()


def test_a_comparison_has_paired_differences_of_both_figures(
    run: Run,
    mixed: Corpus,
    split: Split,
    tiny_recipe: Make,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    worse = tiny_recipe(*BINARY, "training.max_epochs=1", "training.learning_rate=1e-6")
    other = run_experiment(Experiment(worse, mixed, split, 0), base=tmp_path, device="cpu", model_file=False)
    (pair,) = compare([run, other], resamples=200).pairs
    assert [each.figure for each in pair.rankings] == ["auc", "average_precision"]
    for figure in pair.rankings:
        means = [
            each.record.tags and getattr(each.record.tags, f"mean_{figure.figure}").value
            for each in (run, other)
        ]
        assert figure.values == pytest.approx(means)
        assert figure.difference.value == pytest.approx(means[0] - means[1])
        assert figure.difference.low < figure.difference.value < figure.difference.high
        assert figure.genres == 2
    main(["compare", str(run.folder), str(other.folder)])
    assert "mean ROC-AUC of 2 genres" in capsys.readouterr().out


def test_a_run_is_tested_on_another_corpus_with_several_genres(
    run: Run, mixed: Corpus, tmp_path: Path
) -> None:
    other = [
        dataclasses.replace(
            clip,
            id=f"{clip.id.split('-')[0]}-{100 + number}",
            genre={"low": "bass", "high": "treble"}[clip.genre or ""],
            more_genres=tuple({"low": "bass", "high": "treble"}[genre] for genre in clip.more_genres),
        )
        for number, clip in enumerate(mixed.clips)
    ]
    corpus = Corpus("other", ("bass", "treble"), other, renderer=Mixed())
    record, folder = evaluate_elsewhere(
        run, corpus, mapping={"bass": "low", "treble": "high"}, folder=tmp_path / "other", device="cpu"
    )
    assert record.tags is not None and record.tags.tags["genre:low"].positives == 2 * PER_KIND
    assert (folder / "tags.csv").is_file()


def test_splits_by_artist_and_leak_checks_hold(mixed: Corpus, tiny_recipe: Make, cache: Path) -> None:
    parts = make_split(mixed, "artist", seed=0)
    artists = [{mixed.by_id()[key].artist for key in ids} for ids in (parts.train, parts.valid, parts.test)]
    assert not (artists[0] & artists[1] or artists[0] & artists[2] or artists[1] & artists[2])
    missing = {each.kind: each for each in check_split(mixed, parts)}["missing genres"]
    assert missing.count == 0
    twin = dataclasses.replace(mixed.clips[0], id="low-0 again", more_genres=("high",))

    @dataclasses.dataclass(frozen=True)
    class Twins(Mixed):
        def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
            return super().__call__(dataclasses.replace(clip, id=clip.id.split()[0]), sample_rate, channels)

    doubled = dataclasses.replace(mixed, clips=[*mixed.clips, twin], renderer=Twins())
    ids = [clip.id for clip in doubled.clips]
    split = Split("leaky", ids[:-1], ids[:0], ids[-1:], made="by hand")
    recipe = tiny_recipe(*BINARY, "training.monitor=last", "training.choose_epoch_on=none")
    verdict = check_run(Experiment(recipe, doubled, split, 0))
    assert verdict.state == "leaks"
    labels = next(each for each in verdict.checked if each.kind == "labels")
    assert labels.count == 1 and "high and low" in labels.examples[0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("tags={}", "tags"),
        ("training.not_music={share: 0.2}", "training.not_music"),
        ("training.balance=loss", "training.balance=loss"),
    ],
)
def test_what_assumes_exclusive_genres_is_refused(
    change: str, named: str, mixed: Corpus, split: Split, tiny_recipe: Make
) -> None:
    with raises("independent-and-other", "training.loss=binary", named):
        Experiment(tiny_recipe(*BINARY, change), mixed, split, 0).network()


def test_a_genre_that_cannot_be_a_tag_is_refused(mixed: Corpus, split: Split, tiny_recipe: Make) -> None:
    odd = [dataclasses.replace(mixed.clips[0], genre="a:b"), *mixed.clips[1:]]
    corpus = dataclasses.replace(mixed, genres=("a:b", "high", "low"), clips=odd)
    with raises("genre-not-a-tag", "a:b"):
        Experiment(tiny_recipe(*BINARY), corpus, split, 0).network()


def test_json_of_a_comparison_holds_the_figures(run: Run) -> None:
    record = json.loads(json.dumps(run.record.to_dict()))
    assert record["tags"]["mean_auc"]["value"] > 0.9
