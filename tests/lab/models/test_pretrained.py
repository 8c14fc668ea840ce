"""Weights to start with: ImageNet's from files, from the hub's cache, with folded batch norms; a run's."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from genrelab.errors import RecipeError, RunError, UsageError
from genrelab.lab.augment import Pipeline
from genrelab.lab.frontends import FRONTENDS, Frontend
from genrelab.lab.models import Body, GenreNetwork, Scores
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.pretrained import calibrate, load_pretrained, needs_calibration

State = dict[str, Tensor]


def randomize(net: nn.Module, seed: int) -> None:
    """Give batch norms scales, shifts and statistics that differ from those of the start."""
    generator = torch.Generator().manual_seed(seed)
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for value, low, high in (
                (norm.weight.data, 0.5, 1.5),
                (norm.bias.data, -0.5, 0.5),
                (norm.running_mean, -0.3, 0.3),
                (norm.running_var, 0.5, 2.0),
            ):
                assert value is not None
                value.copy_(torch.rand(value.shape, generator=generator) * (high - low) + low)


def fold(net: nn.Module) -> State:
    """Return the state of a ResNet whose batch norms are moved into the convolutions before them."""
    state = {key: value.clone() for key, value in net.state_dict().items()}
    for key in list(state):
        if not key.endswith(".running_var"):
            continue
        norm = key.removesuffix(".running_var")
        convolution = norm.replace("bn", "conv") if "bn" in norm else norm[:-1] + "0"
        scale = state[f"{norm}.weight"] / (state[key] + 1e-5).sqrt()
        state[f"{convolution}.weight"] *= scale[:, None, None, None]
        state[f"{norm}.bias"] -= scale * state[f"{norm}.running_mean"]
        state[f"{norm}.weight"].fill_(1)
        state[f"{norm}.running_mean"].fill_(0)
        state[key].fill_(1)
    return state


@pytest.fixture(scope="module")
def reference() -> nn.Module:
    """A network that stands for a trained one, with its classifier."""
    torch.manual_seed(0)
    net = timm.create_model("resnet18")
    randomize(net, 1)
    return net.eval()


@pytest.fixture
def state(reference: nn.Module) -> State:
    return {key: value.clone() for key, value in reference.state_dict().items()}


def write(state: State, path: Path) -> str:
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return str(path)


def picture(channels: int = 3) -> Tensor:
    return torch.randn(2, channels, 64, 64, generator=torch.Generator().manual_seed(3))


def last_map(backbone: Backbone, channels: int = 3) -> Tensor:
    with torch.no_grad():
        result: Tensor = backbone.eval()(picture(channels))
    return result


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
        f"resnet18: bn1.bias, layer4.0.conv1, layer4.1.bn2 start at random: not in {path}"
    ]
    after = backbone.net.state_dict()
    assert after["layer4.0.conv1.weight"].equal(before["layer4.0.conv1.weight"])
    assert after["layer4.1.conv1.weight"].equal(state["layer4.1.conv1.weight"])


def test_what_does_not_fit_is_named_and_nothing_is_loaded(state: State, tmp_path: Path) -> None:
    state["conv1.weight"] = torch.zeros(64, 3, 3, 3)
    state["layer9.weight"] = torch.zeros(2)
    state["bn1.bias"][3] = torch.nan
    state["bn1.weight"] = state["bn1.weight"].int()
    backbone = Backbone("resnet18")
    before = copy.deepcopy(backbone.net.state_dict())
    path = write(state, tmp_path / "w.safetensors")
    with pytest.raises(RecipeError) as caught:
        load_pretrained(backbone, path)
    message = str(caught.value)
    for part in (
        path,
        "unexpected layer9.weight",
        "of another shape conv1.weight (64, 3, 3, 3) instead of (64, 3, 7, 7)",
        "of another type bn1.weight",
        "not finite bn1.bias",
        "a classifier was left out",
        "training.weights=none",
    ):
        assert part in message
    assert all(value.equal(before[key]) for key, value in backbone.net.state_dict().items())


def test_weights_of_another_network_do_not_fit(state: State, tmp_path: Path) -> None:
    path = write(state, tmp_path / "w.safetensors")
    with pytest.raises(RecipeError, match=r"do not fit mobilenetv1_100: unexpected .* and \d+ more"):
        load_pretrained(Backbone("mobilenetv1_100"), path)


def test_a_classifier_alone_is_no_start(state: State, tmp_path: Path) -> None:
    path = write({key: state[key] for key in ("fc.weight", "fc.bias")}, tmp_path / "w.safetensors")
    with pytest.raises(RecipeError, match=r"no key of the network \(a classifier was left out\)"):
        load_pretrained(Backbone("resnet18"), path)


def test_a_network_without_backbone_is_an_error() -> None:
    with pytest.raises(RecipeError, match="set training.weights to none"):
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
    "name",
    [
        "missing.pt",
        "folder.pt",
        "trap.pt",
        "nested.pt",
        "list.pt",
        "cut.pt",
        "text.pt",
        "cut.safetensors",
        "text.safetensors",
        "weights.onnx",
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    _damaged(path)
    with pytest.raises(RecipeError, match=rf"cannot read the weights .*{name}"):
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
    with pytest.raises(RecipeError) as caught:
        load_pretrained(Backbone("resnet18"), "imagenet")
    message = str(caught.value)
    for part in ("timm/resnet18.a1_in1k", "training.weights=FILE", "training.weights=none"):
        assert part in message


def test_an_architecture_without_weights_is_an_error() -> None:
    with pytest.raises(RecipeError, match="timm has no ImageNet weights for lcnet_035"):
        load_pretrained(Backbone("lcnet_035"), "imagenet")


class _Averaged(Body):
    def __init__(self, backbones: int = 1) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(Backbone("resnet18", channels=1) for _ in range(backbones))
        self.dropout = nn.Dropout(0.5)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        maps = [backbone(self.dropout(inputs["mel"])) for backbone in self.backbones]
        embedding = torch.cat(maps, dim=1).mean(dim=(2, 3))
        return Scores(embedding, embedding)


def recognizer(backbones: int = 1) -> GenreNetwork:
    torch.manual_seed(4)
    options = {"n_mels": 48, "n_fft": 512, "hop_length": 256, "mean": -40.0, "std": 20.0}
    mel = FRONTENDS.create("mel", options, sample_rate=8000, channels=1)
    return GenreNetwork({"mel": mel}, _Averaged(backbones), augment=Pipeline([]), input_augments={})


def waveforms(seed: int = 0, items: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    loudness = torch.logspace(-2, -0.5, items)[:, None, None]
    return loudness * torch.randn(items, 1, 12000, generator=generator)


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
    with pytest.raises(UsageError, match="at least one batch"):
        calibrate(network, [])
    with pytest.raises(RunError, match=r"no finite numbers at body\.backbones\.0\.net\.bn1"):
        calibrate(network, [torch.full((1, 1, 12000), torch.nan)])
    assert needs_calibration(network)
    assert all(value.equal(before[key]) for key, value in network.state_dict().items())


def test_without_folded_norms_no_batch_is_asked_for() -> None:
    calibrate(recognizer(), (pytest.fail("a batch was asked for") for _ in range(1)))


class _Dense(Body):
    """A body without a backbone."""

    def __init__(self, genres: int, hidden: int = 5) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(48, hidden), nn.BatchNorm1d(hidden))
        self.last = nn.Linear(hidden, genres)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        features = self.hidden(inputs["mel"].mean(dim=(1, 3)))
        return Scores(self.last(features), features)


def dense(genres: int, *, seed: int, hidden: int = 5) -> GenreNetwork:
    torch.manual_seed(seed)
    mel = recognizer().frontends["input_mel"]
    torch.manual_seed(seed)
    assert isinstance(mel, Frontend)
    return GenreNetwork({"mel": mel}, _Dense(genres, hidden), augment=Pipeline([]), input_augments={})


@pytest.fixture
def run() -> State:
    """The weights of a run with 10 genres."""
    network = dense(10, seed=1)
    network.train()(waveforms())
    return {key: value.clone() for key, value in network.state_dict().items()}


def test_the_weights_of_a_run_fill_a_network_without_backbone(run: State, tmp_path: Path) -> None:
    network = dense(10, seed=2)
    path = write(run, tmp_path / "best.safetensors")
    assert load_pretrained(network, path) == [f"the network starts from the run {path}"]
    assert not needs_calibration(network)
    assert all(value.equal(run[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("name", ["best.safetensors", "best.pt"])
def test_a_runs_classifier_of_other_genres_is_left_out(run: State, tmp_path: Path, name: str) -> None:
    network = dense(8, seed=2)
    before = copy.deepcopy(network.state_dict())
    path = write(run, tmp_path / name)
    assert load_pretrained(network, path) == [
        f"the network starts from the run {path}",
        f"body.last starts at random: in {path} it is for 10 genres",
    ]
    for key, value in network.state_dict().items():
        assert value.equal(before[key] if key.startswith("body.last.") else run[key])


def test_a_run_whose_hidden_layers_differ_is_no_start(run: State, tmp_path: Path) -> None:
    network = dense(8, seed=2, hidden=6)
    before = copy.deepcopy(network.state_dict())
    path = write(run, tmp_path / "best.safetensors")
    with pytest.raises(RecipeError) as caught:
        load_pretrained(network, path)
    for part in (
        path,
        "body.hidden.1.weight (5,) instead of (6,)",
        "body.last.weight (10, 5) instead of (8, 6)",
        "training.weights=none",
    ):
        assert part in str(caught.value)
    assert all(value.equal(before[key]) for key, value in network.state_dict().items())


def test_what_a_run_lacks_or_has_beside_is_named(run: State, tmp_path: Path) -> None:
    del run["body.hidden.0.bias"]
    run["body.extra"] = torch.zeros(2)
    run["body.hidden.1.bias"][0] = torch.inf
    path = write(run, tmp_path / "best.safetensors")
    with pytest.raises(RecipeError) as caught:
        load_pretrained(dense(8, seed=2), path)
    for part in ("unexpected body.extra", "not finite body.hidden.1.bias", "missing body.hidden.0.bias"):
        assert part in str(caught.value)


def test_only_a_linear_layer_counts_as_classifier(run: State, tmp_path: Path) -> None:
    network = dense(10, seed=2)
    network.body.gain = nn.BatchNorm1d(3)
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    for key in ("weight", "bias", "running_mean", "running_var"):
        weights[f"body.gain.{key}"] = torch.ones(4)
    path = write(weights, tmp_path / "best.safetensors")
    with pytest.raises(RecipeError, match=r"of another shape .*body\.gain\.weight \(4,\) instead of \(3,\)"):
        load_pretrained(network, path)


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
