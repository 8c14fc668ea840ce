"""Paper `mfcc-cqt`, the baseline: four dense layers on standardized descriptors, of sound and of a table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from model_metadata import metadata
from raising import raises
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from genrelab.bundle.bundle import Bundle
from genrelab.errors import ModelFileError
from genrelab.lab.corpora import load_corpus, make_split
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.models.descriptor_mlp import DescriptorMLP, Standardize
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.runs.folders import MODEL, REPORT, Run
from genrelab.lab.studies.cross_corpus import evaluate_elsewhere
from genrelab.lab.training.checkpoints import BEST
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.export import TOLERANCE, export
from genrelab.lab.training.optimization.initial_weights import calibrate_start
from genrelab.lab.training.store.audio_store import open_store
from genrelab.lab.training.train import train

GENRES = ("blues", "jazz", "rock")


def sound_recipe(*changes: str) -> Recipe:
    """The recipe on the corpus of tones: short and slow."""
    short = ["audio.sample_rate=8000", "audio.segment_seconds=1.0", "training.batch_size=4"]
    return load_recipe("descriptor-mlp", changes=[*short, "training.max_epochs=3", *changes])


def body_of(network: GenreNetwork) -> DescriptorMLP:
    assert isinstance(network.body, DescriptorMLP)
    return network.body


def test_the_recipes_hold_the_papers_figures() -> None:
    recipe = load_recipe("mfcc-cqt/descriptor-mlp")
    found = {figure.metric: figure.value for figure in recipe.reported}
    assert found == {"valid_accuracy": 0.62, "track_accuracy": 0.51}
    assert {figure.corpus for figure in recipe.reported} == {"gtzan"}
    assert recipe.audio.segment_samples <= 660_000  # the shortest clip of GTZAN
    table = load_recipe("mfcc-cqt/descriptor-table")
    assert table.reported == ()  # other descriptors than the paper's
    assert table.model == recipe.model and table.training == recipe.training


@pytest.mark.parametrize(("name", "inputs"), [("descriptor-mlp", 26), ("descriptor-table", 57)])
def test_it_has_four_dense_layers(name: str, inputs: int) -> None:
    network = build_network(load_recipe(name), genres=10)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [
        (inputs, 256),
        (256, 128),
        (128, 64),
        (64, 10),
    ]
    # Mean and deviation are no parameters.
    assert network.parameter_count() == sum(layer.in_features * layer.out_features for layer in layers) + 458
    assert sum(isinstance(module, nn.ReLU) for module in network.modules()) == 3


def test_a_picture_is_refused() -> None:
    with raises("model-inputs"):
        load = load_recipe("resnet2d-s", changes=["model={kind: descriptor-mlp}"])
        build_network(load, genres=3)


def test_standardization_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    items = np.column_stack([rng.normal(3e6, 5e5, 64), rng.normal(-2, 1e-3, 64), np.full(64, 0.1)])
    items = items.astype(np.float32)
    standardize = Standardize(3)
    standardize.fit(torch.from_numpy(items[at : at + 10]) for at in range(0, 64, 10))
    expected = StandardScaler().fit(items.astype(np.float64)).transform(items)
    np.testing.assert_allclose(standardize(torch.from_numpy(items)).numpy(), expected, atol=2e-3)
    assert (expected[:, 2] == 0).all()
    assert standardize.fitted and int(standardize.items) == 64


def test_until_it_is_fitted_everything_passes() -> None:
    standardize, items = Standardize(2), torch.randn(5, 2)
    assert not standardize.fitted
    assert torch.equal(standardize(items), items)
    with raises("standardization-without-items"):
        standardize.fit([])
    with raises("descriptor-not-finite"):
        standardize.fit([torch.tensor([[1.0, torch.nan]])])
    assert not standardize.fitted


@pytest.fixture(scope="module")
def trained(corpus: Corpus, split: Split, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run on sound, of tones."""
    base = tmp_path_factory.mktemp("runs")
    return run_experiment(Experiment(sound_recipe(), corpus, split, 0), base=base, device="cpu")


@pytest.mark.slow
def test_it_is_standardized_by_training_clips_alone(trained: Run, corpus: Corpus, split: Split) -> None:
    network, store = trained.network(), open_store(corpus, sample_rate=8000, channels=1)

    def described(ids: tuple[str, ...] | list[str]) -> np.ndarray:
        waves = torch.from_numpy(np.stack([store.read(key, 0, 8000) for key in ids]))
        (rows,) = network.inputs(waves).values()
        return rows[:, 0].double().numpy()

    own, standardize = described(list(split.train)), body_of(network).standardize
    assert int(standardize.items) == len(split.train)
    np.testing.assert_allclose(standardize.mean.numpy(), own.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(standardize.std.numpy(), own.std(axis=0), rtol=1e-3)
    everything = described([clip.id for clip in corpus.clips])
    assert not np.allclose(standardize.mean.numpy(), everything.mean(axis=0), rtol=1e-3)
    assert any(f"in {len(split.train)} training segments" in note for note in trained.record.start.notes)


@pytest.mark.slow
def test_a_resumed_run_keeps_it(trained: Run, corpus: Corpus, split: Split, tmp_path: Path) -> None:
    train(Experiment(sound_recipe("training.max_epochs=2"), corpus, split, 0), folder=tmp_path, device="cpu")
    went_on = train(Experiment(sound_recipe(), corpus, split, 0), folder=tmp_path, device="cpu")
    ours, theirs = went_on.network.state_dict(), trained.network().state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert went_on.start == tuple(trained.record.start.notes)


@pytest.mark.slow
def test_one_that_came_with_the_weights_is_kept(trained: Run) -> None:
    network = trained.network()
    before = body_of(network).standardize.mean.clone()
    assert calibrate_start(network, iter([torch.randn(4, 1, 8000)])) == []
    assert torch.equal(body_of(network).standardize.mean, before)
    fresh = build_network(sound_recipe(), genres=3)
    assert calibrate_start(fresh, iter([torch.randn(4, 1, 8000)])) != []
    assert fresh.training and not torch.equal(body_of(fresh).standardize.mean, before)


@pytest.mark.slow
def test_the_model_file_gives_what_torch_gives(trained: Run, corpus: Corpus) -> None:
    assert trained.record.export_difference <= TOLERANCE
    store = open_store(corpus, sample_rate=8000, channels=1)
    waves = np.stack([store.read(clip.id, 2000, 8000) for clip in corpus.clips])
    said, embedding, _ = Bundle.load(trained.folder / MODEL).predict(waves)
    with torch.no_grad():
        scores = trained.network()(torch.from_numpy(waves))
    np.testing.assert_allclose(said, scores.logits.softmax(-1).numpy(), atol=1e-4)
    assert embedding.shape == (24, 64)
    assert np.ptp(said, axis=0).max() > 0.1


Write = Callable[[str], Corpus]


@pytest.fixture
def table(tmp_path: Path, cache: Path) -> Write:
    """Write a table of three descriptors, of which two tell the genres apart."""

    def write(name: str, shift: float = 0.0) -> Corpus:
        rng = np.random.default_rng(5)
        lines = ["filename,length,a,b,c,label"]
        for number in range(20):
            for at, genre in enumerate(GENRES):
                values = [1e6 * (at == 1) + rng.normal(0, 1e5) + shift, at + rng.normal(0, 0.1), rng.normal()]
                lines.append(f"{genre}{number},1,{','.join(map(repr, map(float, values)))},{genre}")
        (tmp_path / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
        return load_corpus(f"features:{tmp_path / name}.csv")

    return write


def table_recipe() -> Recipe:
    changes = ["audio.sample_rate=3", "training.max_epochs=12", "training.batch_size=6"]
    return load_recipe("descriptor-table", changes=changes)


def test_a_table_is_learned_and_leaves_no_model_file(table: Write, tmp_path: Path) -> None:
    corpus = table("mine")
    split = make_split(corpus, "random", seed=0)
    run = run_experiment(Experiment(table_recipe(), corpus, split, 0), base=tmp_path / "runs", device="cpu")
    assert run.record.evaluation.track["majority"].accuracy.value > 0.9
    assert (run.folder / BEST).is_file() and not (run.folder / MODEL).exists()
    why = "learned from a table of descriptors and cannot recognize sound"
    assert why in json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))["no_model_file"]
    assert why in (run.folder / REPORT).read_text(encoding="utf-8")
    with pytest.raises(ModelFileError, match=why):
        about = metadata(
            GENRES,
            sample_rate=1000,
            channels=1,
            segment_seconds=1.0,
            hop_seconds=1.0,
            recipe="table",
        )
        export(run.network(), about, tmp_path / MODEL)

    tested, _ = evaluate_elsewhere(run, corpus, device="cpu")
    assert tested.evaluation.track["majority"].n == len(split.test)
    with raises("another-table", "other"):
        evaluate_elsewhere(run, table("other", shift=5e5), device="cpu")


def test_sound_and_tables_do_not_mix(
    table: Write, trained: Run, corpus: Corpus, split: Split, tmp_path: Path
) -> None:
    mine, base = table("mine"), tmp_path / "runs"
    with raises("corpus-is-sound", "descriptor-table", "tones", "features:PATH"):
        run_experiment(Experiment(table_recipe(), corpus, split, 0), base=base, device="cpu")
    parts = make_split(mine, "random", seed=0)
    with raises("corpus-is-table", "descriptor-mlp", "mine"):
        run_experiment(Experiment(sound_recipe(), mine, parts, 0), base=base, device="cpu")
    with raises("corpus-is-table", "mine"):
        evaluate_elsewhere(trained, dataclasses.replace(mine, genres=trained.genres), device="cpu")
    assert not base.exists(), "nothing is touched before"


def test_rows_of_another_length_are_refused(table: Write, tmp_path: Path) -> None:
    corpus = table("mine")
    with raises("features-sample-rate", "3 descriptors", "audio.sample_rate=3"):
        run_experiment(
            Experiment(load_recipe("descriptor-table"), corpus, make_split(corpus, "random", seed=0), 0),
            base=tmp_path / "runs",
            device="cpu",
        )


def test_descriptors_need_the_standardization() -> None:
    """Raw hertz and decibels drown the network; standardized ones do not."""
    network = build_network(load_recipe("descriptor-mlp", changes=["audio.segment_seconds=1"]), genres=3)
    waves: Tensor = torch.randn(8, 1, 22050) * torch.linspace(0.01, 0.5, 8)[:, None, None]
    raw = network(waves).logits.abs().max()
    calibrate_start(network, [waves])
    assert network(waves).logits.abs().max() < 3 < raw
