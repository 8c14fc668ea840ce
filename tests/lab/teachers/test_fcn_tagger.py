"""The tagger as a teacher: as published, for segments and views, and files of weights that are not one."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from published_fcn import CHANNELS, TAGS, published, reference, write_published
from raising import raises
from scipy.signal import resample
from torch import Tensor

from genrelab.audio.decode import decode
from genrelab.lab.teachers import FcnTagger, load_teacher
from genrelab.lab.teachers.load import read_tag_names
from genrelab.lab.training.distillation.teacher_set import NamedTeacher, resampled

SECOND = 16_000
SEGMENT = 81_920  # 5.12 s


def sound(views: int, samples: int, seed: int = 1) -> Tensor:
    return 0.2 * torch.randn(views, samples, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return published()


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> FcnTagger:
    found = load_teacher(write_published(tmp_path_factory.mktemp("teacher") / "small.safetensors"))
    assert isinstance(found, FcnTagger)
    return found


def named(teacher: FcnTagger) -> NamedTeacher:
    return NamedTeacher("small", "0" * 64, teacher)


@pytest.mark.parametrize("samples", [20.48 * SECOND, 29 * SECOND, 23.7 * SECOND])
def test_it_computes_what_was_published(
    teacher: FcnTagger, weights: dict[str, Tensor], samples: float
) -> None:
    waveform = sound(2, int(samples))
    wanted, found = reference(weights, waveform), teacher(waveform)
    for name in ("multi", "pen", "tags"):
        torch.testing.assert_close(found[name], wanted[name], atol=1e-4, rtol=1e-4)
    lengths = {name: each.shape[2 if name in teacher.of_maps else -1] for name, each in found.items()}
    assert lengths == teacher.sizes
    assert teacher.sizes == {
        "layers": sum(CHANNELS[:4]), "multi": sum(CHANNELS), "pen": CHANNELS[-1], "tags": len(TAGS),
        **{f"map{number}": CHANNELS[number - 1] for number in (1, 2, 3, 4)},
    }  # fmt: skip


def test_maps_of_segments_have_the_averages_of_the_layers(teacher: FcnTagger) -> None:
    """Segments of 5.12 s: 80 frames after the first pooling, one after the fourth."""
    found = teacher(sound(2, 4 * SEGMENT), segments=4)
    shapes = [tuple(found[name].shape[-2:]) for name in teacher.of_maps]
    assert shapes == [(48, 80), (24, 20), (12, 5), (4, 1)]
    averages = torch.cat([found[name].mean(dim=(-2, -1)) for name in teacher.of_maps], dim=-1)
    torch.testing.assert_close(averages, found["layers"])


def test_maps_that_segments_do_not_divide_are_left_out(teacher: FcnTagger) -> None:
    found = teacher(sound(1, 5 * SEGMENT), segments=2)  # 400, 100, 25 and 5 frames
    assert [name for name in found if name in teacher.of_maps] == ["map1", "map2"]


def test_maps_of_low_layers_need_less_sound(teacher: FcnTagger) -> None:
    second = sound(2, 64 * 256)
    assert teacher.least_samples({"map1", "map3"}) == second.shape[-1]
    assert teacher.least_samples({"map4"}) == SEGMENT
    for more in (None, {"map3", "tags"}, {"layers"}):
        assert teacher.least_samples(more) == teacher.shortest
    found = named(teacher).ask(second[:, None], sample_rate=SECOND, arrays={"map1", "map3"})
    assert {key: tuple(each.shape) for key, each in found.items()} == {
        "map1": (2, 1, CHANNELS[0], 48, 16),
        "map3": (2, 1, CHANNELS[2], 12, 1),
    }
    longer = teacher(torch.cat([second, sound(2, 64 * 256, seed=2)], dim=1), arrays={"map1"})["map1"]
    inside = slice(0, 14)  # frames that what follows does not reach
    torch.testing.assert_close(found["map1"][..., inside], longer[..., inside], atol=1e-5, rtol=1e-4)


def test_only_what_is_asked_for_is_returned(teacher: FcnTagger) -> None:
    assert set(teacher(sound(1, 4 * SEGMENT), 4, {"map2", "tags"})) == {"map2", "tags"}


def test_silence_is_finite(teacher: FcnTagger, weights: dict[str, Tensor]) -> None:
    silence = torch.zeros(1, 20 * SECOND + SECOND)
    torch.testing.assert_close(
        teacher(silence)["multi"], reference(weights, silence)["multi"], atol=1e-4, rtol=1e-4
    )


def test_segments_average_to_the_whole(teacher: FcnTagger) -> None:
    found = teacher(sound(2, 4 * SEGMENT), segments=4)
    four = sum(CHANNELS[:4])
    assert found["layers"].shape == (2, 4, four) and found["layers"].std(dim=1).max() > 1e-3
    torch.testing.assert_close(found["layers"].mean(dim=1), found["multi"][:, :four], atol=1e-5, rtol=1e-5)


def test_a_segment_is_described_by_its_own_sound(teacher: FcnTagger) -> None:
    loud = sound(1, 4 * SEGMENT)
    loud[:, SEGMENT : 2 * SEGMENT] *= 0.01
    changed = loud.clone()
    changed[:, 2 * SEGMENT + 8_000 : 3 * SEGMENT - 8_000] = 0.0
    before, after = (teacher(each, segments=4)["layers"][0] for each in (loud, changed))
    moved = (before - after).abs().amax(dim=1)
    assert moved[2] > 10 * moved[0] and moved[2] > 1e-2


def test_a_teacher_does_not_learn(teacher: FcnTagger) -> None:
    teacher.train()
    assert not teacher.training and not any(each.requires_grad for each in teacher.parameters())
    view = sound(1, 4 * SEGMENT).requires_grad_()
    assert not teacher(view)["tags"].requires_grad


def test_sound_that_is_too_short_is_repeated(teacher: FcnTagger) -> None:
    short = sound(2, 2 * SEGMENT)[:, None]
    found = named(teacher).ask(short, sample_rate=SECOND, segments=2)
    wanted = teacher(short[:, 0].repeat(1, 2), segments=4)
    torch.testing.assert_close(found["multi"], wanted["multi"])
    torch.testing.assert_close(found["layers"], wanted["layers"][:, :2])
    tiny = named(teacher).ask(short[..., :5000], sample_rate=SECOND)
    times = math.ceil(teacher.shortest / 5000)
    torch.testing.assert_close(tiny["pen"], teacher(short[:, 0, :5000].repeat(1, times))["pen"])
    assert tiny["layers"].shape[1] == 1


def test_channels_are_averaged_and_another_rate_is_resampled(teacher: FcnTagger) -> None:
    noise = sound(1, 21 * SECOND)
    faster = torch.from_numpy(resample(noise.numpy(), 21 * 22_050, axis=-1))
    left_louder = torch.stack([1.5 * faster, 0.5 * faster], dim=1)
    found = named(teacher).ask(left_louder, sample_rate=22_050)
    for name, wanted in teacher(noise).items():
        torch.testing.assert_close(found[name], wanted, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("rate", "to", "samples"), [(22_050, 16_000, 4410), (8000, 16_000, 999)])
def test_it_is_resampled_as_scipy_does(rate: int, to: int, samples: int) -> None:
    waves = sound(2, samples)
    wanted = resample(waves.double().numpy(), round(samples * to / rate), axis=-1)
    found = resampled(waves, rate, to).numpy()
    assert found.shape == wanted.shape
    inner = slice(20, -20)  # scipy halves the highest frequency, which is heard at the edges
    np.testing.assert_allclose(found[:, inner], wanted[:, inner], atol=0.02)


Change = Callable[[dict[str, Tensor]], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.pop("layer3.bn.bias"),
        lambda found: found.update(extra=torch.zeros(3)),
        lambda found: found.update({"layer2.conv.weight": torch.zeros(6, 5, 3, 3)}),
        lambda found: found.update({"layer2.conv.weight": torch.zeros(6)}),
        lambda found: found.update({"layer2.conv.bias": torch.zeros(5)}),
        lambda found: found.update({"layer2.bn.running_var": torch.ones(5)}),
        lambda found: found.update({"spec_bn.weight": torch.ones(2)}),
        lambda found: found.update({"spec.mel_scale.fb": torch.zeros(257, 128)}),
        lambda found: found.update({"dense.weight": torch.zeros(4, 9)}),
        lambda found: found.update({"dense.bias": torch.zeros(4, 1)}),
        lambda found: found.update({"dense.bias": torch.tensor(0.0)}),
    ],
)
def test_weights_of_something_else_are_no_teacher(
    change: Change, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    other = dict(weights)
    change(other)
    file = write_published(tmp_path / "other.safetensors", other)
    with raises("teacher-unknown", file, "fcn-tagger", "plugin"):
        load_teacher(file)


@pytest.mark.parametrize(
    ("key", "value"),
    [("layer2.bn.weight", math.nan), ("dense.bias", math.inf), ("layer4.bn.running_var", -1.0)],
)
def test_weights_that_are_not_finite_are_refused(
    key: str, value: float, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    broken = {**weights, key: weights[key].clone()}
    broken[key][0] = value
    file = write_published(tmp_path / "broken.safetensors", broken)
    with raises("teacher-not-finite", file):
        load_teacher(file)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with raises("weights-missing", tmp_path / "no.safetensors"):
        load_teacher(tmp_path / "no.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    with raises("weights-damaged", tmp_path / "torn.safetensors"):
        load_teacher(tmp_path / "torn.safetensors")


def test_the_names_of_tags_fit_or_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "tags.txt"
    file.write_text("calm\n  female vocalists \n\nR&B\n", encoding="utf-8")
    assert read_tag_names(file, count=3) == ("calm", "female vocalists", "R&B")
    with raises("tag-names-count", file, 3, 4):
        read_tag_names(file, count=4)
    file.write_text("calm\ncalm\nloud\n", encoding="utf-8")
    with raises("tag-names-count", file, 2, 3):
        read_tag_names(file, count=3)
    file.write_bytes(b"\xff\xfe")
    with raises("tag-names-unreadable", file):
        read_tag_names(file, count=1)
    with raises("tag-names-unreadable", tmp_path):
        read_tag_names(tmp_path, count=1)


@pytest.fixture(scope="module")
def real(data_dir: Path) -> Path:
    """The folder of the published weights and their stored answers, beside that of the real clips."""
    folder = data_dir.parent / "teacher"
    if not (folder / "msd_fcn.safetensors").is_file() or not (folder / "embeddings.npz").is_file():
        pytest.skip("no published weights: put the folder `teacher` beside that of the real clips")
    return folder


@pytest.mark.slow
@pytest.mark.data
def test_the_real_weights_give_the_stored_answers(real: Path, data_dir: Path) -> None:
    teacher = load_teacher(real / "msd_fcn.safetensors")
    with np.load(real / "embeddings.npz") as stored:
        names, multi, pen, tags = (stored[key] for key in ("names", "multi", "pen", "tags"))
    once = [row for row, name in enumerate(names) if (names == name).sum() == 1]
    length, differences = 29 * SECOND, []
    for part, ending in (("gtzan-short", ".flac"), ("allmusic-previews", ".mp3")):
        rows = [row for row in once if names[row].startswith(part) and names[row].endswith(ending)]
        chosen = rows[:: len(rows) // 10][:10]
        for row in chosen:
            (mono,), _ = decode(data_dir / str(names[row]), sample_rate=SECOND, channels=1)
            start = max(0, (len(mono) - length) // 2)
            window = np.clip(mono[start : start + length], -1.0, 1.0)
            window = np.resize(window, length) if len(window) < length else window
            found = {key: each[0].numpy() for key, each in teacher(torch.from_numpy(window)[None]).items()}
            differences.append(
                [
                    np.abs(found["multi"][:448] - multi[row, :448]).max(),
                    np.abs(found["tags"] - tags[row]).max(),
                    np.abs(found["pen"] - pen[row]).mean(),
                ]
            )
    lossless, lossy = np.array(differences).reshape(2, 10, 3)
    assert (lossless < [1e-3, 1e-3, 5e-3]).all()
    # Decoders of MP3 differ, so that some clips sound a little different.
    assert (np.median(lossy, axis=0) < [2e-3, 2e-3, 1e-2]).all()
