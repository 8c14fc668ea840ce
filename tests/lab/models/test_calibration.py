"""Batch norms that come folded into convolutions, and how they are calibrated."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import timm
import torch
from networks_with_weights import State, fold, last_map, picture, recognizer, waveforms, write
from raising import raises
from torch import nn

from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.pretrained import calibrate, load_pretrained, needs_calibration


@pytest.fixture
def folded(reference: nn.Module, tmp_path: Path) -> str:
    return write(fold(reference), tmp_path / "folded.safetensors")


def test_folded_batch_norms_are_noticed(reference: nn.Module, folded: str) -> None:
    backbone = Backbone("resnet18")
    (note,) = load_pretrained(backbone, folded)
    assert "20 batch norms" in note and "calibrated" in note
    assert needs_calibration(nn.Sequential(backbone))
    with torch.no_grad():
        expected = reference.forward_features(picture())  # type: ignore[operator]
    torch.testing.assert_close(last_map(backbone), expected, atol=1e-3, rtol=1e-3)


def test_norms_of_a_random_start_are_not_folded(tmp_path: Path) -> None:
    state = timm.create_model("resnet18", zero_init_last=False).state_dict()
    backbone = Backbone("resnet18")
    assert load_pretrained(backbone, write(state, tmp_path / "w.safetensors")) == []
    assert not needs_calibration(backbone)


def test_calibration_keeps_the_function_and_makes_training_start_from_it(folded: str) -> None:
    network = recognizer()
    load_pretrained(network, folded)
    network.eval()
    batches = [waveforms(0), waveforms(1, items=4)]
    with torch.no_grad():
        before = [network(batch).embedding for batch in batches]
        network.body.dropout.p = 0.0  # type: ignore[union-attr]
        uncalibrated = copy.deepcopy(network).train()(torch.cat(batches)).embedding
        calibrate(network, iter(batches))
        after = [network(batch).embedding for batch in batches]
        learning = copy.deepcopy(network).train()(torch.cat(batches)).embedding
    scale = torch.cat(before).abs().max()
    assert not needs_calibration(network)
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(other / scale, one / scale, atol=1e-4, rtol=0)
    # All batches together have the very mean and variance that calibration found.
    torch.testing.assert_close(learning / scale, torch.cat(before) / scale, atol=1e-3, rtol=0)
    assert ((uncalibrated - torch.cat(before)).abs().max() / scale) > 0.05


def test_calibrated_statistics_are_those_of_the_input(folded: str) -> None:
    network = recognizer()
    load_pretrained(network, folded)
    shift = network.body.backbones[0].net.bn1.bias.detach().clone()  # type: ignore[index,union-attr]
    batches = [waveforms(0), waveforms(1, items=1), waveforms(2, items=3)]
    calibrate(network, batches)
    net = network.body.backbones[0].net  # type: ignore[index,union-attr]
    with torch.no_grad():
        seen = net.conv1(network.inputs(torch.cat(batches))["mel"]).double()
    variance, mean = torch.var_mean(seen, dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(net.bn1.running_mean.double(), mean, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(net.bn1.running_var.double(), variance, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(net.bn1.weight.double(), (variance + 1e-5).sqrt(), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(net.bn1.bias.double(), shift + mean, atol=1e-5, rtol=1e-5)


def test_calibration_leaves_modes_and_other_norms_as_they_were(state: State, tmp_path: Path) -> None:
    folded = fold_without_last_stage(state, tmp_path)
    network = recognizer(2)
    load_pretrained(network, folded)
    first, second = network.body.backbones  # type: ignore[misc]
    network.train()
    second.eval()
    fresh = copy.deepcopy(first.net.layer4.state_dict())
    calibrate(network, [waveforms()])
    assert network.training and first.net.bn1.training and not second.net.bn1.training
    assert all(value.equal(fresh[key]) for key, value in first.net.layer4.state_dict().items())
    for backbone in (first, second):
        assert backbone.folded == () and not backbone.net.layer3[1].bn2.running_mean.eq(0).any()
        assert not backbone.net.bn1._forward_pre_hooks


def fold_without_last_stage(state: State, tmp_path: Path) -> str:
    net = timm.create_model("resnet18")
    net.load_state_dict(state)
    kept = {key: value for key, value in fold(net).items() if not key.startswith(("layer4", "fc"))}
    return write(kept, tmp_path / "part.safetensors")


def test_calibration_without_or_with_broken_input_changes_nothing(folded: str) -> None:
    network = recognizer()
    load_pretrained(network, folded)
    before = copy.deepcopy(network.state_dict())
    with raises("calibration-without-input"):
        calibrate(network, [])
    with raises("calibration-not-finite", "body.backbones.0.net.bn1"):
        calibrate(network, [torch.full((1, 1, 12000), torch.nan)])
    assert needs_calibration(network)
    assert all(value.equal(before[key]) for key, value in network.state_dict().items())


def test_without_folded_norms_no_batch_is_asked_for() -> None:
    calibrate(recognizer(), (pytest.fail("a batch was asked for") for _ in range(1)))


@pytest.mark.data
def test_published_weights_with_missing_layers(data_dir: Path) -> None:
    path = data_dir.parent / "weights" / "resnet18_imagenet_to_layer3.safetensors"
    if not path.is_file():
        pytest.skip("no weights beside the clips")
    network = recognizer()
    fitted, missing, calibration = load_pretrained(network, str(path))
    assert "summed to fit 1" in fitted and "16 batch norms" in calibration
    layers = [f"layer4.{block}.{layer}" for block in (0, 1) for layer in ("conv1", "bn1", "conv2", "bn2")]
    assert f"resnet18: {', '.join(layers)} start at random" in missing
    network.eval()
    with torch.no_grad():
        before = network(waveforms()).embedding
        calibrate(network, [waveforms()])
        after = network(waveforms()).embedding
    assert before.abs().max() > 0
    torch.testing.assert_close(after / before.abs().max(), before / before.abs().max(), atol=1e-4, rtol=0)
