"""Paper `soundfusion`, the networks that its own are compared with: sizes, stages, recipes, transfer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchvision
from raising import raises
from torch import Tensor, nn

from genrelab.lab.models import MODELS, GenreNetwork, build_network
from genrelab.lab.models.soundfusion_baselines import MaximumAndAverage, PaddedResidual
from genrelab.lab.recipes import load_recipe, recipe_names
from genrelab.lab.runs.folders import run_folder
from genrelab.lab.training.checkpoints import BEST, save_weights
from genrelab.lab.training.optimization.initial_weights import load_start

# Table 2 as printed: test accuracy on segments, with aggregation. The simple CNN hears whole clips, so
# that its one figure is that of tracks. None: described in V.A.2, but in no table.
TABLE_2: dict[str, tuple[float | None, float | None]] = {
    "simple-cnn": (None, 0.484),
    "simple-vgg": (None, None),
    "vgg16-gtzan": (None, None),
    "vgg16": (0.492, 0.526),
    "nnet1": (0.344, 0.366),
    "nnet2": (0.475, 0.493),
    "resnet34": (None, None),
    "resnet34-imagenet": (None, None),
    "resnet18": (None, None),
    "resnet18-imagenet": (None, None),
}


def network(name: str, *changes: str, genres: int = 8) -> GenreNetwork:
    torch.manual_seed(0)
    return build_network(load_recipe(f"soundfusion/{name}", changes=changes), genres=genres)


def waves(name: str, *changes: str, items: int = 2) -> Tensor:
    audio = load_recipe(f"soundfusion/{name}", changes=changes).audio
    generator = torch.Generator().manual_seed(1)
    return 0.1 * torch.randn(items, audio.channels, audio.segment_samples, generator=generator)


def stages(net: GenreNetwork, kind: type[nn.Module], waveform: Tensor) -> list[tuple[int, ...]]:
    """Return the shapes, without batch, that modules of a kind give out."""
    shapes: list[tuple[int, ...]] = []
    for module in net.body.modules():
        if isinstance(module, kind):
            module.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        net.eval()(waveform)
    return shapes


@pytest.mark.parametrize("name", TABLE_2)
def test_recipes_hold_the_papers_figures_and_training(name: str) -> None:
    recipe = load_recipe(f"soundfusion/{name}")
    found = {(figure.corpus, figure.metric): figure.value for figure in recipe.reported}
    segment, track = TABLE_2[name]
    expected = {("fma-small", "segment_accuracy"): segment, ("fma-small", "track_accuracy"): track}
    assert found == {key: value for key, value in expected.items() if value is not None}
    training = recipe.training
    assert training.optimizer == "adam" and training.batch_size == 32  # V.B
    assert training.learning_rate == (1e-3 if name == "simple-cnn" else 1e-4)
    assert recipe.audio.padding == "random" and recipe.row
    whole = name == "simple-cnn"
    assert recipe.audio.overlap == (0.0 if whole else 0.25)
    if not name.startswith("nnet"):
        assert recipe.audio.segment_seconds == (30.0 if whole else 5.0)
        assert recipe.inputs == load_recipe("soundfusion/resnet2d-s").inputs
    (steps,) = [steps for steps in recipe.augment.inputs.values() if steps]
    assert [step.kind for step in steps] == ["frequency-mask", "time-mask"]
    # Inherited notes about what this recipe does not have were taken away.
    inherited = load_recipe("soundfusion/soundfusion-1")
    for key in ("inputs.waveform", "model.dropout", "model.blocks"):
        for notes, theirs in ((recipe.sources, inherited.sources), (recipe.assumed, inherited.assumed)):
            assert key not in notes or notes[key] != theirs.get(key)


def test_every_baseline_that_this_table_names_comes_with_genrelab() -> None:
    assert {f"soundfusion/{name}" for name in TABLE_2} <= set(recipe_names())


def test_the_simple_cnn_has_the_published_size_exactly() -> None:
    assert network("simple-cnn").parameter_count() == 25_472


def test_ready_to_use_networks_are_torchvisions() -> None:
    classifier = 512 * 8 + 8
    with torch.device("meta"):  # sizes alone
        for name, theirs, less in (  # less: two channels instead of three
            ("resnet18", torchvision.models.resnet18(num_classes=8), 64 * 7 * 7),
            ("resnet34", torchvision.models.resnet34(num_classes=8), 64 * 7 * 7),
            ("vgg16", torchvision.models.vgg16_bn(num_classes=8).features, 64 * 3 * 3 - classifier),
        ):
            size = sum(parameter.numel() for parameter in theirs.parameters())
            assert network(name).parameter_count() == size - less


def test_the_simple_cnn_halves_a_whole_clip_four_times() -> None:
    shapes = stages(network("simple-cnn"), nn.ReLU, waves("simple-cnn", items=1))
    assert shapes == [(8, 32, 1292), (16, 16, 646), (32, 8, 323), (64, 4, 162)]


def test_the_simple_vgg_pools_four_times() -> None:
    shapes = stages(network("simple-vgg"), nn.MaxPool2d, waves("simple-vgg", items=1))
    assert shapes == [(16, 32, 215), (32, 16, 107), (64, 8, 53), (128, 4, 26)]


def test_nnet1_pools_26_frames_at_its_end() -> None:
    net = network("nnet1", "model.width=2")
    shapes = stages(net, nn.Conv2d, waves("nnet1", items=1))
    assert shapes == [(2, 510, 125), (2, 507, 59), (2, 504, 26)]
    assert [layer.out_features for layer in net.body.modules() if isinstance(layer, nn.Linear)] == [
        300,
        150,
        8,
    ]


def test_nnet2_pools_125_frames_at_its_end() -> None:
    net = network("nnet2", "model.width=2")
    shapes = stages(net, nn.Conv2d, waves("nnet2", items=1))
    assert shapes == [(2, 510, 125)] * 3
    assert stages(net, PaddedResidual, waves("nnet2", items=1))[-1] == (2, 510, 125)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in net.modules()) == 3


def test_maximum_and_average_are_torchs_poolings() -> None:
    x = torch.randn(2, 3, 5, 26, generator=torch.Generator().manual_seed(0))
    expected = torch.cat([F.max_pool2d(x, (1, 26)), F.avg_pool2d(x, (1, 26))], dim=1).flatten(1)
    torch.testing.assert_close(MaximumAndAverage()(x), expected)


def test_a_residual_block_without_weights_passes_its_input() -> None:
    block = PaddedResidual(3).eval()
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 3, 7, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x), x.relu())


@pytest.mark.parametrize(
    ("kind", "fits", "too_small"),
    [
        ("simple-vgg", (2, 16, 16), [(2, 15, 16), (2, 16, 15)]),
        ("nnet1", (1, 10, 25), [(1, 9, 25), (1, 10, 24)]),
        ("nnet2", (1, 4, 4), [(1, 3, 4), (1, 4, 3)]),
    ],
)
def test_pictures_that_are_too_small_are_refused(
    kind: str, fits: tuple[int, ...], too_small: list[tuple[int, ...]]
) -> None:
    body = MODELS.create(kind, {"width": 2}, inputs={"mel": fits}, genres=3).eval()
    assert body({"mel": torch.zeros(1, *fits)}).logits.shape == (1, 3)
    for shape in too_small:
        with raises("picture-too-small", shape[1], shape[2], "audio.segment_seconds"):
            MODELS.create(kind, {"width": 2}, inputs={"mel": shape}, genres=3)


@pytest.mark.parametrize("kind", ["simple-cnn", "simple-vgg", "nnet1", "nnet2", "averaged-backbone"])
def test_anything_but_one_picture_is_refused(kind: str) -> None:
    options = {"architecture": "resnet18"} if kind == "averaged-backbone" else {}
    for inputs in ({"waveform": (1, 100_000)}, {"a": (1, 64, 200), "b": (1, 64, 200)}):
        with raises("model-inputs", *inputs):
            MODELS.create(kind, options, inputs=inputs, genres=3)


def test_vgg16_starts_where_its_training_on_gtzan_ends() -> None:
    first, second = load_recipe("soundfusion/vgg16-gtzan"), load_recipe("soundfusion/vgg16")
    assert first.training.weights == "none"
    folder = run_folder(
        Path("runs"), recipe="soundfusion/vgg16-gtzan", corpus="gtzan", split="published", seed=0
    )
    assert Path(second.training.weights) == folder / BEST
    assert (first.audio, first.inputs, first.model) == (second.audio, second.inputs, second.model)


def test_a_network_of_ten_genres_starts_one_of_eight(tmp_path: Path) -> None:
    changes = ("audio.segment_seconds=0.4", "model.architecture=test_resnet.r160_in1k")
    earlier = network("vgg16-gtzan", *changes, genres=10)
    earlier.train()(waves("vgg16-gtzan", *changes))  # gives batch norms statistics of their own
    path = tmp_path / BEST
    save_weights(earlier, path)
    recipe = load_recipe("soundfusion/vgg16", changes=(*changes, f"training.weights={path}"))
    torch.manual_seed(9)
    later = build_network(recipe, genres=8)
    random = later.body.classify.weight.detach().clone()  # type: ignore[union-attr,operator]
    notes = load_start(later, recipe.training)
    assert notes == [
        f"the network starts from the run {path}",
        f"body.classify starts at random: in {path} it is for 10 genres",
    ]
    heard = waves("vgg16", *changes)
    torch.testing.assert_close(later.eval()(heard).embedding, earlier.eval()(heard).embedding)
    assert later.body.classify.weight.equal(random)  # type: ignore[union-attr,operator]


def test_a_start_that_was_not_trained_yet_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe("soundfusion/vgg16", changes=["model.architecture=test_resnet.r160_in1k"])
    with raises("weights-missing", recipe.training.weights):
        load_start(build_network(recipe, genres=8), recipe.training)
