"""Paper `mel-augmentation`: sizes, stages, MobileNet's weights from Keras, a network's whole way."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from networks_with_weights import State, randomize, write
from raising import raises
from torch import Tensor, nn

from genrelab.bundle.bundle import Bundle
from genrelab.lab.augment import Pipeline
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.models import MODELS, Body, GenreNetwork, build_network
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.foreign_weights import renamed
from genrelab.lab.models.pretrained import calibrate, load_pretrained, needs_calibration
from genrelab.lab.models.weights_file import read_weights
from genrelab.lab.recipes import load_recipe, recipe_names
from genrelab.lab.recipes.schema import Training
from genrelab.lab.training.checkpoints import BEST, load_weights
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.export import TOLERANCE
from genrelab.lab.training.optimization.freezing import freeze_for
from genrelab.lab.training.optimization.schedule import learning_rate

PAPER = "mel-augmentation"
TRAINING = Training(learning_rate=1e-3, batch_size=32, max_epochs=24, frozen_epochs=12)


def body(kind: str, *, side: int = 256, planes: int = 3, genres: int = 10, **options: object) -> Body:
    return MODELS.create(kind, options, inputs={"picture": (planes, side, side)}, genres=genres)


def size(module: nn.Module) -> int:
    """Count as Keras does: the means and variances of batch norms too."""
    moments = [each for name, each in module.named_buffers() if name.endswith(("_mean", "_var"))]
    return sum(each.numel() for each in [*module.parameters(), *moments])


def trained(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters() if each.requires_grad)


def pictures(side: int = 64, planes: int = 3, items: int = 2, seed: int = 3) -> Tensor:
    """Smooth pictures in -1..1."""
    generator = torch.Generator().manual_seed(seed)
    coarse = 2 * torch.rand(items, planes, side // 8, side // 8, generator=generator) - 1
    return F.interpolate(coarse, (side, side), mode="bilinear")


def test_the_cnn_has_the_published_size_and_stages_exactly() -> None:
    with torch.device("meta"):
        net = body("mel-cnn", planes=1)
    assert size(net) == trained(net) == 15_764_554
    convolutions = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    assert [sum(each.numel() for each in layer.parameters()) for layer in convolutions] == [320, 18_496]
    dense = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    assert [sum(each.numel() for each in layer.parameters()) for layer in dense] == [15_745_088, 650]
    assert [layer.p for layer in net.modules() if isinstance(layer, nn.Dropout)] == [0.35] * 3
    shapes: list[tuple[int, ...]] = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.Flatten | nn.Linear):
            module.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    net({"picture": torch.zeros(1, 1, 256, 256, device="meta")})
    assert shapes == [
        (32, 254, 254), (32, 127, 127), (64, 125, 125), (64, 62, 62), (246_016,), (64,), (10,),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "total", "frozen"),
    [
        ({"architecture": "vgg16"}, 16_812_554, 2_097_866),
        ({"architecture": "mobilenetv1_100", "tensorflow": True}, 7_423_882, 4_195_018),
    ],
)
def test_transfer_has_the_published_sizes_exactly(
    options: dict[str, object], total: int, frozen: int
) -> None:
    with torch.device("meta"):
        net = body("flat-backbone", **options)
    weights = trained(net)
    assert size(net) == total
    freeze_for(net, TRAINING, 11)
    assert trained(net) == frozen
    freeze_for(net, TRAINING, 12)
    assert trained(net) == weights


def test_the_cnn_is_its_formula() -> None:
    torch.manual_seed(0)
    net = body("mel-cnn", side=30, planes=1, genres=4, filters=[3, 5], hidden=7).eval()
    state = net.state_dict()
    weights = [(state[key], state[key.replace("weight", "bias")]) for key in state if key.endswith("weight")]
    assert all((bias == 0).all() for _, bias in weights)
    for layer, inputs, outputs in zip(weights, (9, 27, 5 * 6 * 6, 7), (27, 45, 7, 4), strict=True):
        limit = (6 / (inputs + outputs)) ** 0.5  # Glorot's, Keras's default
        assert 0.8 * limit < layer[0].abs().max() <= limit
    picture = pictures(32, 1)[..., :30, :30]
    x = picture
    for weight, bias in weights[:2]:
        x = F.max_pool2d(F.conv2d(x, weight, bias).clamp_min(0), 2)
    embedding = F.linear(x.reshape(2, -1), *weights[2]).clamp_min(0)
    scores = net({"picture": picture})
    torch.testing.assert_close(scores.embedding, embedding)
    torch.testing.assert_close(scores.logits, F.linear(embedding, *weights[3]))


@pytest.mark.parametrize(
    ("kind", "side", "options", "code", "quoted"),
    [
        ("mel-cnn", 9, {}, "picture-too-small", "9 x 9"),
        ("mel-cnn", 64, {"filters": []}, "option-invalid", "filters"),
        ("flat-backbone", 16, {"architecture": "vgg16"}, "picture-too-small", "16 x 16"),
        ("flat-backbone", 64, {"architecture": "vgg61"}, "backbone-unknown", "vgg16"),
        (
            "flat-backbone",
            64,
            {"architecture": "resnet18", "tensorflow": True},
            "backbone-without-tensorflow",
            "tensorflow=false",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(
    kind: str, side: int, options: dict[str, object], code: str, quoted: str
) -> None:
    with torch.device("meta"), raises(code, quoted):
        body(kind, side=side, **options)


def numbered(seed: int = 1) -> State:
    """Weights of MobileNet v1 with its layers by number, as they are found for Keras's."""
    generator = torch.Generator().manual_seed(seed)
    widths = (32, 64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024)
    layers = {"conv1": ((32, 3, 3, 3), 32)}
    for number, (inputs, outputs) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        layers[f"b.{number}.0"] = ((inputs, 1, 3, 3), inputs)
        layers[f"b.{number}.1"] = ((outputs, inputs, 1, 1), outputs)
    state: State = {"fc.weight": torch.zeros(1000, 1024), "fc.bias": torch.zeros(1000)}
    for name, (shape, outputs) in layers.items():
        kernel, norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(outputs)
        randomize(norm, seed + len(state))
        kernel.weight.data = (
            torch.randn(shape, generator=generator) * (2.0 / torch.Size(shape[1:]).numel()) ** 0.5
        )
        state |= {f"{name}.0.weight": kernel.weight.data}
        state |= {f"{name}.1.{key}": value for key, value in norm.state_dict().items()}
    return state


def keras_mobilenet(state: State, x: Tensor, *, blocks: int) -> Tensor:
    """MobileNet v1 as Keras has it, by its formula: what comes out of so many blocks."""

    def layer(name: str, x: Tensor, stride: int, groups: int) -> Tensor:
        kernel = state[f"{name}.0.weight"]
        if kernel.shape[-1] == 3:
            x = F.pad(x, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
        x = F.conv2d(x, kernel, stride=stride, groups=groups)
        mean, variance, scale, shift = (
            state[f"{name}.1.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (scale * (x - mean) / (variance + 1e-3).sqrt() + shift).clamp(0, 6)

    x = layer("conv1", x, 2, 1)
    for block in range(blocks):
        x = layer(f"b.{block}.0", x, 2 if block in (1, 3, 5, 11) else 1, x.shape[1])
        x = layer(f"b.{block}.1", x, 1, 1)
    return x


def test_mobilenet_by_number_is_kerass(tmp_path: Path) -> None:
    state = numbered()
    backbone = Backbone("mobilenetv1_100", tensorflow=True).eval()
    assert load_pretrained(backbone, write(state, tmp_path / "w.safetensors")) == []
    assert not needs_calibration(backbone)
    with torch.no_grad():
        ours, theirs = backbone(pictures()), keras_mobilenet(state, pictures(), blocks=13)
        other = Backbone("mobilenetv1_100").eval()
        notes = load_pretrained(other, str(tmp_path / "w.safetensors"))
        moved = other(pictures())
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    # PyTorch's padding and batch norms make another function of the same weights: that is said.
    assert "set model.tensorflow=true" in notes[0] and len(notes) == 1
    assert (moved - theirs).abs().max() > 0.1


def test_a_missing_kernel_is_named_and_the_norm_after_it_calibrated(tmp_path: Path) -> None:
    state = numbered()
    del state["b.12.1.0.weight"]
    path = write({key: value.half() for key, value in state.items()}, tmp_path / "w.safetensors")
    net = MODELS.create(
        "flat-backbone",
        {"architecture": "mobilenetv1_100", "tensorflow": True},
        inputs={"picture": (3, 64, 64)},
        genres=3,
    )
    network = GenreNetwork({"picture": _Shown()}, net, augment=Pipeline([]), input_augments={})
    notes = load_pretrained(network, path)
    assert notes[0] == (
        f"mobilenetv1_100: blocks.4.1.conv_pw (b.12.1.0 there) start at random: not in {path}"
    )
    assert "blocks.4.1.bn2" in notes[1] and len(notes) == 2
    last = network.body.backbone.net.blocks[4][1]  # type: ignore[union-attr, index]
    batches = [pictures(seed=seed, items=4).flatten(2) for seed in (1, 2)]
    scale = last.bn2.weight.clone()
    reached: list[Tensor] = []
    last.conv_pw.register_forward_hook(lambda _, __, out: reached.append(out))
    assert needs_calibration(network)
    calibrate(network, batches)
    assert not needs_calibration(network)
    values = torch.cat(reached).transpose(0, 1).flatten(1)
    torch.testing.assert_close(last.bn2.running_mean, values.mean(dim=1))
    torch.testing.assert_close(last.bn2.running_var, values.var(dim=1, correction=0))
    assert last.bn2.weight.equal(scale)
    assert network.training and last.bn2.training


class _Shown(nn.Module):
    """A picture that comes as its pixels in a row."""

    def forward(self, waveform: Tensor) -> Tensor:
        return waveform.unflatten(2, (64, 64))


def test_timms_own_weights_in_tensorflows_layers_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--timm--mobilenetv1_100.ra4_e3600_r224_in1k"
    for folder in ("refs", f"snapshots/{commit}"):
        (repository / folder).mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    state = timm.create_model("mobilenetv1_100").state_dict()
    write(state, repository / "snapshots" / commit / "model.safetensors")
    start, *notes = load_pretrained(Backbone("mobilenetv1_100"), "imagenet")
    assert start.endswith("ra4_e3600_r224_in1k") and not notes
    _, note = load_pretrained(Backbone("mobilenetv1_100", tensorflow=True), "imagenet")
    assert "set model.tensorflow=false" in note


def test_what_does_not_fit_by_number_is_named(tmp_path: Path) -> None:
    state = numbered()
    state["b.13.0.0.weight"] = torch.zeros(1)
    state["b.2.1.0.weight"] = torch.zeros(1)
    path = write(state, tmp_path / "w.safetensors")
    with raises("weights-do-not-fit", "b.13.0.0.weight", "blocks.1.1.conv_pw"):
        load_pretrained(Backbone("mobilenetv1_100"), path)
    with raises("weights-twice", "conv_stem.weight", "conv1.0.weight"):
        renamed(
            {"conv_stem.weight": state["fc.bias"], "conv1.0.weight": state["fc.bias"]},
            {"conv1.0": "conv_stem"},
        )


@pytest.mark.data
def test_the_published_weights_arrive(data_dir: Path) -> None:
    """The file of ImageNet weights beside the clips: all but one kernel; the same function up to block 11."""
    path = data_dir.parent / "weights" / "mobilenet_v1_imagenet.safetensors"
    if not path.is_file():
        pytest.skip("no ImageNet weights of MobileNet beside the clips")
    backbone = Backbone("mobilenetv1_100", tensorflow=True).eval()
    notes = load_pretrained(backbone, str(path))
    assert "blocks.4.1.conv_pw (b.12.1.0 there) start at random" in notes[0] and len(notes) == 2
    state, x = read_weights(path), pictures(256)
    reached: list[Tensor] = []
    block = backbone.net.get_submodule("blocks.4.0")
    block.register_forward_hook(lambda _, __, out: reached.append(out))
    with torch.no_grad():
        backbone(x)
        expected = keras_mobilenet(state, x, blocks=12)
        backbone.double()(x.double())
        exactly = keras_mobilenet(
            {key: value.double() for key, value in state.items()}, x.double(), blocks=12
        )
    assert expected.shape == (2, 1024, 8, 8) and 0.05 < (expected > 0).float().mean() < 0.6
    torch.testing.assert_close(reached[0], expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(reached[1], exactly, atol=1e-10, rtol=1e-10)


TABLES = {  # tables 4 and 5 as printed: top-1 and top-2 accuracy
    "cnn": (0.5290, 0.7188),
    "vgg16-transfer": (0.5625, 0.7276),
    "vgg16-fine-tuned": (0.5892, 0.7321),
    "mobilenet-transfer": (0.5803, 0.7388),
    "mobilenet-fine-tuned": (0.6250, 0.8013),
    "small-wav-rgb": (0.1744, 0.2913),
    "small-wav-gray": (0.2384, 0.4392),
    "small-mp3-rgb": (0.1721, 0.2626),
    "small-mp3-gray": (0.2273, 0.4061),
}


@pytest.mark.parametrize("name", TABLES)
def test_recipes_hold_the_papers_figures_and_training(name: str) -> None:
    recipe = load_recipe(f"{PAPER}/{name}")
    found = {(figure.corpus, figure.metric): figure.value for figure in recipe.reported}
    first, second = TABLES[name]
    assert found == {("spotify", "track_accuracy"): first, ("spotify", "track_top2_accuracy"): second}
    songs = 453 if name.startswith("small") else 448
    for share in TABLES[name]:  # rounded or cut off, they are shares of so many songs
        assert any(abs(share - count / songs) < 1e-4 for count in range(songs))
    training, picture = recipe.training, recipe.inputs["picture"].options()
    assert (training.optimizer, training.batch_size) == ("adam", 32)
    tuned, moved = name.endswith("tuned"), name.startswith(("vgg16", "mobilenet"))
    assert training.max_epochs == (24 if tuned else 12)
    assert (training.weights, training.frozen_epochs) == (("imagenet", 12) if moved else ("none", 0))
    rates = [learning_rate(training, epoch) for epoch in range(training.max_epochs)]
    first_rate = 1e-3 if moved else 1e-4  # 1e-3 switches off their dense layer
    assert rates == pytest.approx([first_rate] * 12 + [1e-4] * 12 * tuned)
    assert (picture["height"], picture["width"]) == (256, 256)
    assert picture["planes"] == (3 if moved or name.endswith("rgb") else 1)
    assert picture["values"] == {"v": "imagenet", "m": "signed"}.get(name[0] if moved else "", "unit")
    assert len(recipe.augment.copies) == (0 if name.startswith("small") else 6)
    assert recipe.model.options().get("tensorflow", False) == name.startswith("mobilenet")


def test_every_row_comes_with_genrelab() -> None:
    there = {name for name in recipe_names() if name.startswith(f"{PAPER}/")}
    assert there == {f"{PAPER}/{name}" for name in (*TABLES, "crnn")}  # crnn: the paper's future work


@pytest.mark.slow
def test_a_small_corpus_is_learned_measured_written_and_asked(
    corpus: Corpus, split: Split, tmp_path: Path, cache: Path
) -> None:
    small = [
        "audio.sample_rate=8000", "audio.segment_seconds=1.0", "augment=null", "model.filters=[8]",
        "inputs.picture.height=32", "inputs.picture.width=32", "inputs.picture.of.n_mels=40",
        "training.max_epochs=6", "training.batch_size=4", "training.learning_rate=0.001",
    ]  # fmt: skip
    recipe = load_recipe(f"{PAPER}/cnn", changes=small)
    run = run_experiment(Experiment(recipe, corpus, split, 0), base=tmp_path, device="cpu")
    track = run.record.evaluation.track["majority"]
    assert track.n == 6 and track.accuracy.value >= 4 / 6
    assert run.record.export_difference <= TOLERANCE
    network = build_network(recipe, genres=3).eval()
    load_weights(network, run.folder / BEST)
    waveforms = torch.from_numpy(np.random.default_rng(2).normal(0, 0.1, (3, 1, 8000)).astype(np.float32))
    probabilities, *_ = Bundle.load(run.folder / "model.onnx").predict(waveforms.numpy())
    with torch.no_grad():
        expected = network(waveforms).logits.softmax(-1).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=TOLERANCE)
