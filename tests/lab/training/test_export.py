"""The model file computes what torch computes, for every recipe's network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from model_metadata import recipe_metadata
from raising import raises

import genrelab
from genrelab.bundle.bundle import Bundle
from genrelab.bundle.metadata import BundleMetadata
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.recipes import load_recipe
from genrelab.lab.training import export as export_module
from genrelab.lab.training.export import HALF_TOLERANCE, TOLERANCE, export

GENRES = ("blues", "jazz", "rock")
BASELINES = tuple(f"soundfusion/{each}" for each in ("simple-", "vgg16", "nnet", "resnet18", "resnet34"))
SMALL = ("soundfusion/soundfusion-1", "ms-sincresnet/sincnet-80-251")  # test_every_recipe.py has all


def network(name: str) -> GenreNetwork:
    """A network with weights and running statistics that are not those of the start."""
    torch.manual_seed(1)
    recipe = load_recipe(name)
    net = build_network(recipe, genres=len(GENRES)).train()
    with torch.no_grad():
        net(0.1 * torch.randn(2, recipe.audio.channels, recipe.audio.segment_samples))
    return net.eval()


def metadata(name: str, temperature: float = 1.0) -> BundleMetadata:
    return recipe_metadata(load_recipe(name), GENRES, temperature=temperature)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_onnxruntime_gives_what_torch_gives(name: str, tmp_path: Path) -> None:
    net, about = network(name), metadata(name)
    difference = export(net, about, tmp_path / "deep" / "model.onnx")
    assert 0.0 <= difference <= TOLERANCE
    bundle = Bundle.load(tmp_path / "deep" / "model.onnx")
    assert bundle.metadata == about
    rng = np.random.default_rng(5)
    waves = rng.normal(0, 0.05, (3, about.channels, about.segment_samples)).astype(np.float32)
    probabilities, embedding, _ = bundle.predict(waves)
    with torch.no_grad():
        scores = net(torch.from_numpy(waves))
    np.testing.assert_allclose(probabilities, scores.logits.softmax(-1).numpy(), atol=1e-4)
    np.testing.assert_allclose(
        embedding, scores.embedding.numpy(), atol=1e-4 * max(1.0, float(scores.embedding.abs().max()))
    )


@pytest.mark.slow
def test_temperature_is_inside_the_graph_and_no_path_is(tmp_path: Path) -> None:
    net = network("resnet1d-s")
    export(net, metadata("resnet1d-s", temperature=4.0), tmp_path / "model.onnx")
    waves = np.zeros((1, 1, 110_250), dtype=np.float32)
    with torch.no_grad():
        logits = net(torch.from_numpy(waves)).logits
    found, *_ = Bundle.load(tmp_path / "model.onnx").predict(waves)
    np.testing.assert_allclose(found, (logits / 4.0).softmax(-1).numpy(), atol=1e-5)
    text = (tmp_path / "model.onnx").read_bytes()
    assert str(Path(genrelab.__file__).parent).encode() not in text
    assert b"site-packages" not in text and b"stack_trace" not in text
    onnx.checker.check_model(onnx.load(tmp_path / "model.onnx"))


@pytest.mark.slow
def test_half_precision_halves_the_file_and_spares_the_front_end(tmp_path: Path) -> None:
    net, about = network("resnet2d-s"), metadata("resnet2d-s")
    export(net, about, tmp_path / "single.onnx")
    assert 0.0 < export(net, about, tmp_path / "half.onnx", half=True) <= HALF_TOLERANCE
    sizes = [(tmp_path / name).stat().st_size for name in ("single.onnx", "half.onnx")]
    weights = 2 * sum(each.numel() for each in net.body.parameters() if each.numel() >= 1024)
    assert sizes[0] - sizes[1] == pytest.approx(weights, rel=0.05)
    kinds = {each.name: each.data_type for each in onnx.load(tmp_path / "half.onnx").graph.initializer}
    front = [kind for name, kind in kinds.items() if "body" not in name]
    assert onnx.TensorProto.FLOAT16 in kinds.values() and onnx.TensorProto.FLOAT16 not in front
    waves = (
        np.random.default_rng(2).normal(0, 0.1, (2, about.channels, about.segment_samples)).astype(np.float32)
    )
    found, expected = (
        Bundle.load(tmp_path / name).predict(waves)[0] for name in ("half.onnx", "single.onnx")
    )
    np.testing.assert_allclose(found, expected, atol=HALF_TOLERANCE)
    assert not np.array_equal(found, expected)


@pytest.mark.slow
def test_a_file_that_would_differ_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the old one")
    monkeypatch.setattr(export_module, "TOLERANCE", -1.0)
    with raises("model-file-differs", path):
        export(network("resnet1d-s"), metadata("resnet1d-s"), path)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]
