"""ImageNet's weights to start with, from files and from the hub's cache."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
import torchvision
from networks_with_weights import State, last_map, picture, randomize, write
from raising import raises
from safetensors.torch import save_file
from torch import nn

from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.pretrained import load_pretrained, needs_calibration


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.pth"])
def test_all_weights_arrive(reference: nn.Module, state: State, tmp_path: Path, name: str) -> None:
    backbone = Backbone("resnet18")
    assert load_pretrained(nn.Sequential(backbone), write(state, tmp_path / name)) == []
    assert not needs_calibration(backbone)
    with torch.no_grad():
        torch.testing.assert_close(last_map(backbone), reference.forward_features(picture()))  # type: ignore[operator]


def test_half_precision_becomes_float32(state: State, tmp_path: Path) -> None:
    half = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    backbone = Backbone("resnet18")
    assert load_pretrained(backbone, write(half, tmp_path / "w.safetensors")) == []
    assert {parameter.dtype for parameter in backbone.parameters()} == {torch.float32}
    torch.testing.assert_close(backbone.net.conv1.weight, half["conv1.weight"].float())  # type: ignore[union-attr]


def test_torchvisions_names_fit(tmp_path: Path) -> None:
    theirs = torchvision.models.resnet18().eval()
    randomize(theirs, 2)
    backbone = Backbone("resnet18")
    assert load_pretrained(backbone, write(theirs.state_dict(), tmp_path / "w.pth")) == []
    body = nn.Sequential(*list(theirs.children())[:-2])
    with torch.no_grad():
        torch.testing.assert_close(last_map(backbone), body(picture()))


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_first_convolution_is_fitted_as_timm_fits_it(channels: int, state: State, tmp_path: Path) -> None:
    path = write(state, tmp_path / "w.safetensors")
    theirs = timm.create_model(
        "resnet18", pretrained=True, pretrained_cfg_overlay={"file": path}, in_chans=channels
    ).eval()
    backbone = Backbone("resnet18", channels=channels)
    (note,) = load_pretrained(backbone, path)
    assert "conv1.weight" in note and f"to fit {channels}" in note
    with torch.no_grad():
        torch.testing.assert_close(last_map(backbone, channels), theirs.forward_features(picture(channels)))


def test_missing_keys_start_at_random_and_are_named(state: State, tmp_path: Path) -> None:
    kept = {
        key: value
        for key, value in state.items()
        if not key.startswith(("layer4.1.bn2", "fc.")) and key not in ("layer4.0.conv1.weight", "bn1.bias")
    }
    backbone = Backbone("resnet18")
    before = copy.deepcopy(backbone.net.state_dict())
    path = write(kept, tmp_path / "w.safetensors")
    assert load_pretrained(backbone, path) == [
        f"resnet18: bn1.bias, layer4.0.conv1, layer4.1.bn2 start at random: not in {path}",
        f"resnet18: layer4.0.bn1 of {path} stand behind what starts at random; their statistics are to be "
        "calibrated on training clips before training",
    ]
    assert needs_calibration(backbone)
    after = backbone.net.state_dict()
    assert after["layer4.0.conv1.weight"].equal(before["layer4.0.conv1.weight"])
    assert after["layer4.1.conv1.weight"].equal(state["layer4.1.conv1.weight"])


def test_weights_that_do_not_fit_are_named_and_not_loaded(state: State, tmp_path: Path) -> None:
    state["conv1.weight"] = torch.zeros(64, 3, 3, 3)
    state["layer9.weight"] = torch.zeros(2)
    state["bn1.bias"][3] = torch.nan
    state["bn1.weight"] = state["bn1.weight"].int()
    backbone = Backbone("resnet18")
    before = copy.deepcopy(backbone.net.state_dict())
    path = write(state, tmp_path / "w.safetensors")
    with raises(
        "weights-do-not-fit",
        path,
        "unexpected layer9.weight",
        "of another shape conv1.weight (64, 3, 3, 3) instead of (64, 3, 7, 7)",
        "of another type bn1.weight",
        "not finite bn1.bias",
        "training.weights=none",
    ):
        load_pretrained(backbone, path)
    assert all(value.equal(before[key]) for key, value in backbone.net.state_dict().items())


def test_weights_of_another_network_do_not_fit(state: State, tmp_path: Path) -> None:
    path = write(state, tmp_path / "w.safetensors")
    with raises("weights-do-not-fit", "mobilenetv1_100", path):
        load_pretrained(Backbone("mobilenetv1_100"), path)


def test_a_classifier_alone_is_refused(state: State, tmp_path: Path) -> None:
    path = write({key: state[key] for key in ("fc.weight", "fc.bias")}, tmp_path / "w.safetensors")
    with raises("weights-do-not-fit", path):
        load_pretrained(Backbone("resnet18"), path)


def test_a_network_without_backbone_is_an_error() -> None:
    with raises("no-backbone", "training.weights"):
        load_pretrained(nn.Linear(2, 2), "imagenet")


class _Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("the pickle was run",))


def _damaged(path: Path) -> None:
    if path.name == "folder.pt":
        path.mkdir()
    elif path.name == "trap.pt":
        path.write_bytes(pickle.dumps({"conv1.weight": _Trap()}, protocol=2))
    elif path.name == "nested.pt":
        torch.save({"state_dict": {"conv1.weight": torch.zeros(2)}}, path)
    elif path.name == "list.pt":
        torch.save([torch.zeros(2)], path)
    elif path.name == "cut.pt":
        torch.save({"conv1.weight": torch.zeros(64)}, path)
        path.write_bytes(path.read_bytes()[:-300])
    elif path.name == "cut.safetensors":
        save_file({"conv1.weight": torch.zeros(64)}, path)
        path.write_bytes(path.read_bytes()[:-3])
    elif not path.name.startswith("missing"):
        path.write_bytes(b"no weights\n")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("missing.pt", "weights-missing"),
        ("folder.pt", "weights-missing"),
        ("trap.pt", "weights-damaged"),
        ("nested.pt", "weights-not-a-table"),
        ("list.pt", "weights-not-a-table"),
        ("cut.pt", "weights-damaged"),
        ("text.pt", "weights-damaged"),
        ("cut.safetensors", "weights-damaged"),
        ("text.safetensors", "weights-damaged"),
        ("weights.onnx", "weights-kind"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / name
    _damaged(path)
    with raises(code, path):
        load_pretrained(Backbone("resnet18"), str(path))


def test_imagenet_weights_come_from_the_cache(
    reference: nn.Module, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--timm--resnet18.a1_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots" / commit).mkdir(parents=True)
    write(state, repository / "snapshots" / commit / "model.safetensors")
    backbone = Backbone("resnet18")
    assert load_pretrained(backbone, "imagenet") == ["resnet18 starts from timm/resnet18.a1_in1k"]
    with torch.no_grad():
        torch.testing.assert_close(last_map(backbone), reference.forward_features(picture()))  # type: ignore[operator]


def test_without_a_network_imagenet_names_the_remedies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    quoted = ("timm/resnet18.a1_in1k", "training.weights=FILE", "training.weights=none")
    with raises("weights-download", *quoted):
        load_pretrained(Backbone("resnet18"), "imagenet")


def test_an_architecture_without_weights_is_an_error() -> None:
    with raises("no-imagenet-weights", "lcnet_035"):
        load_pretrained(Backbone("lcnet_035"), "imagenet")
