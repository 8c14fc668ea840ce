"""Paper `mfcc-cqt`: the network on two pictures, its recipe, what it cuts out, how short sound may be."""

from __future__ import annotations

import math

import pytest
import torch
from raising import raises
from small_mfcc_cqt import CROP, RATE, SEGMENT, SHORTEST, small
from torch import Tensor, nn

from genrelab.lab.models import MODELS, GenreNetwork, build_network
from genrelab.lab.models.duration import shortest_samples
from genrelab.lab.models.mfcc_cqt import MfccCqt
from genrelab.lab.recipes import load_recipe

FULL = 5 * 22_050


def full() -> GenreNetwork:
    torch.manual_seed(0)
    return build_network(load_recipe("mfcc-cqt/cnn"), genres=10)


def body(*, frames: int = 100, **options: object) -> MfccCqt:
    torch.manual_seed(0)
    inputs = {"mfcc": (1, 36, frames), "cqt": (1, 36, frames)}
    options = {"width": 2, "combined": 4, "crop_frames": None, **options}
    made = MODELS.create("mfcc-cqt", options, inputs=inputs, genres=3)
    assert isinstance(made, MfccCqt)
    return made


def seen(net: MfccCqt, inputs: dict[str, Tensor]) -> list[Tensor]:
    """Return what each block gets to see."""
    found: list[Tensor] = []
    hooks = [
        block.register_forward_pre_hook(lambda _, given: found.append(given[0].detach()))
        for block in net.blocks
    ]
    net(inputs)
    for hook in hooks:
        hook.remove()
    return found


def ramps(items: int, frames: int = 100) -> dict[str, Tensor]:
    """Pictures in which every point holds its frame's number, the second with the sign changed."""
    ramp = torch.arange(float(frames)).expand(items, 1, 36, frames)
    return {"mfcc": ramp, "cqt": -ramp}


def test_the_recipe_has_the_figures_and_settings_of_the_paper() -> None:
    recipe = load_recipe("mfcc-cqt/cnn")
    figures = {(figure.corpus, figure.metric): figure.value for figure in recipe.reported}
    assert figures == {("gtzan", "valid_accuracy"): 0.745, ("gtzan", "track_accuracy"): 0.75}
    assert (recipe.audio.sample_rate, recipe.audio.channels) == (22_050, 1)
    assert (recipe.audio.segment_seconds, recipe.audio.padding) == (30.0, "none")
    assert recipe.inputs["mfcc"].options()["window"] == "hamming"
    assert {name: part.options()["normalize"] for name, part in recipe.inputs.items()} == {
        "mfcc": "rows",
        "cqt": "picture",
    }
    assert {name: [step.kind for step in steps] for name, steps in recipe.augment.inputs.items()} == {
        "mfcc": ["gaussian-noise"],
        "cqt": ["gaussian-noise"],
    }
    assert (recipe.training.optimizer, recipe.training.decay) == ("adam", "kernels")


def test_both_pictures_have_84_values_a_frame_and_5_seconds_have_216_frames() -> None:
    net = full()
    shapes = {key: each.output_shape(FULL) for key, each in net.frontends.items()}  # type: ignore[operator]
    assert list(shapes.values()) == [(1, 84, 216), (1, 84, 216)]
    assert load_recipe("mfcc-cqt/cnn").model.options()["crop_frames"] == 216


def test_the_size_is_that_of_the_filters_chosen() -> None:
    widths = [1, 16, 32, 64, 128, 256]
    pairs = list(zip(widths, widths[1:], strict=False))
    block = sum(9 * before * after + after + 2 * after for before, after in pairs)
    joined = 2 * 256 * 2  # two blocks, two bands left of 84
    expected = 2 * block + (3 * joined * 128 + 128) + (128 * 10 + 10)
    assert full().parameter_count() == expected == 1_181_258


def test_the_layers_stand_in_the_papers_order() -> None:
    five = [nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.BatchNorm2d] * 5
    blocks = list(body().blocks)
    assert len(blocks) == 2
    for block in blocks:
        assert [type(layer) for layer in block] == [*five, nn.Flatten]  # type: ignore[arg-type]


def test_five_seconds_leave_13_steps_and_half_a_minute_80() -> None:
    net = full().eval()
    found: list[tuple[int, ...]] = []
    for module in net.modules():
        if isinstance(module, nn.Flatten | nn.Conv1d):
            module.register_forward_hook(lambda _, __, out: found.append(tuple(out.shape[1:])))
    with torch.no_grad():
        for frames in (216, 1292):
            scores = net.body({name: torch.zeros(1, 1, 84, frames) for name in ("mfcc", "cqt")})
    assert found == [(512, 13), (512, 13), (128, 13), (512, 80), (512, 80), (128, 80)]
    assert scores.logits.shape == (1, 10) and scores.embedding.shape == (1, 128)


def test_the_end_is_what_the_paper_says_in_other_words() -> None:
    """Concatenation, conv1d, ReLU, max_pool1d, mean over time, linear."""
    net = body().eval()
    generator = torch.Generator().manual_seed(0)
    inputs = {name: torch.randn(2, 1, 36, 75, generator=generator) for name in ("mfcc", "cqt")}
    with torch.no_grad():
        scores = net(inputs)
        joined = torch.cat([net.blocks[0](inputs["mfcc"]), net.blocks[1](inputs["cqt"])], dim=1)
        pooled = nn.functional.max_pool1d(net.combine(joined).relu(), 2)
        torch.testing.assert_close(scores.embedding, pooled.mean(dim=-1))
        torch.testing.assert_close(scores.logits, net.classify(pooled.mean(dim=-1)))


def test_training_cuts_the_same_frames_out_of_both_pictures_and_others_of_each_item() -> None:
    net = body(crop_frames=CROP).train()
    torch.manual_seed(5)
    first, second = seen(net, ramps(32))
    assert first.shape == second.shape == (32, 1, 36, CROP)
    assert torch.equal(first, -second)
    starts = first[:, 0, 0, 0]
    assert torch.equal(first[:, 0, 7], starts[:, None] + torch.arange(float(CROP)))
    assert len(starts.unique()) > 15 and starts.min() >= 0 and starts.max() <= 100 - CROP
    torch.manual_seed(5)
    assert torch.equal(seen(net, ramps(32))[0], first)
    assert not torch.equal(seen(net, ramps(32))[0], first), "drawn anew for every batch"


def test_every_place_can_be_drawn() -> None:
    net = body(crop_frames=98).train()
    torch.manual_seed(0)
    starts = seen(net, ramps(64))[0][:, 0, 0, 0]
    assert set(starts.tolist()) == {0.0, 1.0, 2.0}


def test_nothing_is_cropped_in_evaluation_or_without_a_size() -> None:
    assert seen(body(crop_frames=CROP).eval(), ramps(2))[0].shape[-1] == 100
    assert seen(body(crop_frames=None).train(), ramps(2))[0].shape[-1] == 100


def test_noise_falls_on_every_point_of_both_pictures_in_training_alone() -> None:
    net = build_network(small(), genres=3)
    generator = torch.Generator().manual_seed(1)
    sound = 0.1 * torch.randn(4, 1, SEGMENT, generator=generator)
    plain = net.eval().inputs(sound)
    net.train().seed(0)
    noisy = net.inputs(sound)
    noise = {key: noisy[key] - plain[key] for key in plain}
    for each in noise.values():
        assert (each != 0).float().mean() > 0.99
        assert each.std().item() == pytest.approx(0.1, rel=0.05)
    mixed = torch.stack([noise["mfcc"].flatten(), noise["cqt"].flatten()])
    assert torch.corrcoef(mixed)[0, 1].abs() < 0.03


def test_all_weights_learn() -> None:
    net = build_network(small(), genres=3).train()
    sound = 0.1 * torch.randn(4, 1, SEGMENT, generator=torch.Generator().manual_seed(1))
    nn.functional.cross_entropy(net(sound).logits, torch.tensor([0, 1, 2, 0])).backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None and weight.grad.abs().sum() > 0, name


def test_the_shortest_sound_is_the_shortest_that_works() -> None:
    recipe = small()
    net = build_network(recipe, genres=3).eval()
    assert shortest_samples(net, recipe.audio) == SHORTEST
    with torch.no_grad():
        assert net(torch.randn(2, 1, SHORTEST)).logits.isfinite().all()
        with pytest.raises(RuntimeError):
            net(torch.randn(2, 1, SHORTEST - 1))
    build_network(small(f"audio.segment_seconds={SHORTEST / RATE}", "model.crop_frames=null"), genres=3)
    shorter = small(f"audio.segment_seconds={(SHORTEST - 1) / RATE}", "model.crop_frames=null")
    with raises("picture-too-small", "36 x 31", "audio.segment_seconds"):
        build_network(shorter, genres=3)
    assert shortest_samples(full(), load_recipe("mfcc-cqt/cnn").audio) == 31 * 512  # 0.72 s


def test_the_front_end_can_need_longer_sound_than_the_body() -> None:
    recipe = small("inputs.cqt.fmin=20.0", "inputs.cqt.bins_per_octave=12")
    net = build_network(recipe, genres=3)
    ratio = 2 ** (2 / 12)
    longest_kernel = math.ceil(RATE / 20.0 * (ratio + 1) / (ratio - 1))
    assert shortest_samples(net, recipe.audio) == longest_kernel > SHORTEST


def test_other_paddings_fill_a_whole_segment() -> None:
    for padding in ("end", "repeat", "random"):
        recipe = small(f"audio.padding={padding}")
        assert shortest_samples(build_network(recipe, genres=3), recipe.audio) == SEGMENT


def test_other_networks_refuse_sound_of_any_length() -> None:
    with raises("padding-none", "audio.padding"):
        build_network(load_recipe("resnet2d-s", changes=["audio.padding=none"]), genres=3)


@pytest.mark.parametrize(
    "inputs",
    [
        {"mfcc": (1, 84, 300)},
        {"a": (1, 84, 300), "b": (1, 84, 300), "c": (1, 84, 300)},
        {"a": (1, 84, 300), "b": (1, 80, 300)},
        {"a": (1, 84, 300), "b": (1, 84, 299)},
        {"a": (1, 84, 300), "b": (1, 30_000)},
    ],
)
def test_anything_but_two_like_pictures_is_refused(inputs: dict[str, tuple[int, ...]]) -> None:
    with raises("model-inputs", *inputs):
        MODELS.create("mfcc-cqt", {}, inputs=inputs, genres=3)


@pytest.mark.parametrize(
    ("shape", "options", "code", "quoted"),
    [
        ((1, 31, 300), {}, "picture-too-small", "31 x 300"),
        ((1, 84, 31), {"crop_frames": None}, "picture-too-small", "84 x 31"),
        ((1, 84, 200), {}, "crop-frames", "216"),
        ((1, 84, 200), {"crop_frames": 31}, "crop-frames", "32 to 200"),
        ((1, 84, 200), {"width": 0}, "option-invalid", "'width' = 0"),
    ],
)
def test_what_does_not_fit_is_refused(
    shape: tuple[int, ...], options: dict[str, object], code: str, quoted: str
) -> None:
    with raises(code, quoted):
        MODELS.create("mfcc-cqt", options, inputs={"a": shape, "b": shape}, genres=3)


def test_pictures_of_two_channels_and_the_least_size_are_taken() -> None:
    inputs = {"a": (2, 32, 32), "b": (1, 32, 32)}
    net = MODELS.create("mfcc-cqt", {"width": 2, "crop_frames": 32}, inputs=inputs, genres=3).train()
    given = {name: torch.randn(2, *shape) for name, shape in inputs.items()}
    assert net(given).logits.shape == (2, 3)


def test_the_layout_in_memory_changes_rounding_alone() -> None:
    inputs = {"mfcc": (1, 32, 64), "cqt": (1, 32, 64)}
    used, plain = (
        MODELS.create("mfcc-cqt", {"width": 2, "crop_frames": None}, inputs=inputs, genres=3)
        for _ in range(2)
    )
    plain.load_state_dict(used.state_dict())
    plain.to(memory_format=torch.contiguous_format)
    pictures = {name: torch.randn(4, *shape) for name, shape in inputs.items()}
    outputs, gradients = [], []
    for net in (used.train(), plain.train()):
        scores = net(pictures)
        torch.autograd.backward(scores.logits.logsumexp(dim=1).sum())
        outputs.append(scores.logits.detach())
        gradients.append([each.grad for each in net.parameters()])
    maps = [net.blocks[0][:4](pictures["mfcc"]) for net in (used, plain)]
    assert [each.is_contiguous(memory_format=torch.channels_last) for each in maps] == [True, False]
    torch.testing.assert_close(outputs[0], outputs[1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-3, rtol=1e-3)
