"""Layers, their shapes and weights, and what feeds what."""

from __future__ import annotations

import pytest
import torch

from genrelab.cli.main import main
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.models.flow import Node, flow
from genrelab.lab.models.layer_table import layers, own_statistics
from genrelab.lab.recipes import Recipe, load_recipe, recipe_names
from genrelab.lab.recipes.paper_genres import paper_genres

SMALL = (
    "demo/quick",
    "fds/cnn-3s",
    "mel-augmentation/mobilenet-transfer",
    "mfcc-cqt/cnn",
    "mfcc-cqt/descriptor-mlp",
    "soundfusion/nnet2",
    "soundfusion/simple-cnn",
    "soundfusion/soundfusion-2",
)
EXACT = {
    "soundfusion/simple-cnn": 25_472,
    "mel-augmentation/cnn": 15_764_554,
    "mel-augmentation/vgg16-transfer": 16_812_554,
    "mel-augmentation/mobilenet-transfer": 7_423_882,
}


def built(name: str) -> tuple[GenreNetwork, Recipe]:
    recipe = load_recipe(name)
    return build_network(recipe, genres=paper_genres(recipe)), recipe


@pytest.mark.parametrize("name", SMALL)
def test_the_rows_add_up_to_the_network(name: str) -> None:
    network, recipe = built(name)
    rows = layers(network, recipe.audio)
    assert sum(row.weights for row in rows) == network.parameter_count()
    assert sum(row.statistics for row in rows) == own_statistics(network, deep=True)
    assert sum(node.weights for node in flow(network, recipe.audio)) == network.parameter_count()


@pytest.mark.parametrize("name", EXACT)
def test_networks_are_as_large_as_published_for_the_genres_of_the_paper(name: str) -> None:
    recipe = load_recipe(name)
    with torch.device("meta"):
        network = build_network(recipe, genres=paper_genres(recipe))
    assert network.parameter_count() + _keras_statistics(network, name) == EXACT[name]


def _keras_statistics(network: GenreNetwork, name: str) -> int:
    return own_statistics(network, deep=True) if "mobilenet" in name else 0


def test_every_recipe_of_a_paper_has_its_genres() -> None:
    genres = {name: paper_genres(load_recipe(name)) for name in recipe_names()}
    assert {
        genres[name] for name in genres if name.startswith(("fds/", "mfcc-cqt/", "mel-augmentation/"))
    } == {10}
    eight = {name for name in genres if name.startswith("soundfusion/")} - {"soundfusion/vgg16-gtzan"}
    assert {genres[name] for name in eight} == {8} and genres["soundfusion/vgg16-gtzan"] == 10


def test_the_layers_are_those_of_table_3() -> None:
    network, recipe = built("mel-augmentation/cnn")
    rows = [(row.kind, row.shape, row.weights) for row in layers(network, recipe.audio) if row.kind != "ReLU"]
    assert rows == [
        ("Picture", (1, 256, 256), 0),
        ("Conv2d", (32, 254, 254), 320),
        ("MaxPool2d", (32, 127, 127), 0),
        ("Dropout", (32, 127, 127), 0),
        ("Conv2d", (64, 125, 125), 18_496),
        ("MaxPool2d", (64, 62, 62), 0),
        ("Dropout", (64, 62, 62), 0),
        ("Flatten", (246_016,), 0),
        ("Linear", (64,), 15_745_088),
        ("Dropout", (64,), 0),
        ("Linear", (10,), 650),
    ]


def titles(nodes: list[Node]) -> list[str]:
    return [node.title for node in nodes]


def test_branches_stay_apart_until_they_are_joined() -> None:
    network, recipe = built("mfcc-cqt/cnn")
    nodes = flow(network, recipe.audio)
    joined = nodes[titles(nodes).index("concatenation")]
    assert [source.name for source in joined.sources] == ["blocks.0.16", "blocks.1.16"]
    assert joined.shape == (1024, 80) and titles(nodes)[-3:] == ["convolution", "dense", "softmax"]
    firsts = [node for node in nodes if node.name.endswith((".0.0", ".1.0"))]
    assert [[source.title for source in node.sources] for node in firsts] == [["mfcc"], ["cqt"]]
    assert nodes[3].details == ["16 of 3 x 3", "ReLU", "max pooling 2 x 2", "batch norm"]


def test_the_pyramid_and_the_mean_of_decisions_are_blocks_of_their_own() -> None:
    network, recipe = built("ms-sincresnet/ms-sincresnet-80-spp")
    nodes = flow(network, recipe.audio)
    assert [node.shape for node in nodes if node.name.startswith("pool")] == [(512, 1, 1), (512, 2, 2)]
    assert nodes[titles(nodes).index("concatenation")].shape == (2560,)
    network, recipe = built("soundfusion/soundfusion-2")
    assert titles(flow(network, recipe.audio))[-2:] == ["mean of probabilities", "softmax"]


def test_the_network_stays_as_it_was() -> None:
    network, recipe = built("soundfusion/simple-cnn")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.train()
    flow(network, recipe.audio)
    layers(network, recipe.audio)
    assert network.training and all(
        torch.equal(before[key], value) for key, value in network.state_dict().items()
    )
    assert not any(module._forward_hooks for module in network.modules())


def test_the_layers_are_printed_for_a_number_of_genres(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "show", "soundfusion/simple-cnn", "--layers"]) == 0
    assert (
        capsys.readouterr().out.rstrip().endswith("25,472 weights; batch norms keep 240 statistics besides")
    )
    assert main(["recipes", "show", "soundfusion/simple-cnn", "--layers", "--genres=10"]) == 0
    assert "25,602 weights" in capsys.readouterr().out
    assert main(["recipes", "show", "soundfusion/simple-cnn", "--genres=10"]) == 2
    assert "--layers" in capsys.readouterr().err
