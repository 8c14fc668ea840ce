"""Pictures are what librosa, matplotlib and PIL draw, save and resize; and a model file draws the same."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import matplotlib
import music_like
import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from raising import raises

from genrelab.audio.decode import decode
from genrelab.lab.frontends import FRONTENDS, Frontend, Picture
from genrelab.lab.frontends.colours import Paint, colour_table
from genrelab.lab.frontends.picture import log_rows, resizing
from genrelab.lab.frontends.waveform_image import WaveformPicture, extremes

RATE = 22050
SIDE = 128


def music(seconds: float = 3.0) -> np.ndarray:
    """Tones, noise and a beat, louder towards the end."""
    wave = music_like.music(seconds, RATE)[0]
    return (wave * (0.3 + np.arange(wave.size) / RATE / seconds)).astype(np.float32)


def make(kind: str, *, height: int = SIDE, width: int = SIDE, **options: Any) -> Frontend:
    if kind == "picture":
        options.setdefault("of", {"kind": "mel"})
    options |= {"height": height, "width": width}
    return FRONTENDS.create(kind, options, sample_rate=RATE, channels=1)


def draw(wave: np.ndarray, kind: str, **options: Any) -> np.ndarray:
    """Return `[planes, height, width]`."""
    with torch.no_grad():
        picture: torch.Tensor = make(kind, **options)(torch.from_numpy(wave)[None, None])
    return picture[0].numpy()


def saved(plot: Callable[[Any], object]) -> np.ndarray:
    """Let matplotlib draw and save 400 x 400 pixels, let PIL resize them; return `[3, SIDE, SIDE]`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    plot(axes)
    axes.axis("off")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    picture = Image.open(file).convert("RGB")
    assert picture.size == (400, 400)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)).transpose(2, 0, 1) / 255


@settings(max_examples=50, deadline=None)
@given(size=st.integers(1, 300), count=st.integers(1, 200))
def test_resizing_is_torchs(size: int, count: int) -> None:
    picture = torch.randn(1, 1, size, 3, generator=torch.Generator().manual_seed(size))
    theirs = F.interpolate(picture, size=(count, 3), mode="bilinear", antialias=True)
    torch.testing.assert_close(resizing(size, count, like=picture) @ picture, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(128, 216), (1025, 130), (40, 90)])
def test_resizing_is_pils(height: int, width: int) -> None:
    picture = np.random.default_rng(0).random((height, width), dtype=np.float32)
    theirs = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    like = torch.zeros(())
    rows, columns = resizing(height, SIDE, like=like).numpy(), resizing(width, SIDE, like=like).numpy()
    np.testing.assert_allclose(rows @ picture @ columns.T, theirs, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(bands=st.integers(2, 1100), rows=st.integers(1, 200), rate=st.sampled_from([100, 8000, 22050, 96000]))
def test_rows_of_the_logarithmic_axis_are_averages(bands: int, rows: int, rate: int) -> None:
    matrix = log_rows(bands, rows, sample_rate=rate)
    assert matrix.shape == (rows, bands) and (matrix >= -1e-6).all()
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
    assert (np.diff(matrix @ np.arange(bands)) > -1e-3).all(), "frequency rises from row to row"


@pytest.mark.parametrize("colours", ["magma", "viridis"])
def test_colours_are_matplotlibs(colours: str) -> None:
    theirs = matplotlib.colormaps[colours](np.arange(256))[:, :3]
    np.testing.assert_allclose(colour_table(colours), theirs, atol=0.501 / 255)  # type: ignore[arg-type]
    bright = torch.rand(2, 1, 20, 30, generator=torch.Generator().manual_seed(0))
    painted = Paint(colours=colours, planes=3, values="unit")(bright)  # type: ignore[arg-type]
    nearest = matplotlib.colormaps[colours](np.rint(255 * bright[:, 0].numpy()).astype(int))[..., :3]
    np.testing.assert_allclose(painted.permute(0, 2, 3, 1), nearest, atol=4 / 255)
    ends = Paint(colours=colours, planes=3, values="unit")(torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2))  # type: ignore[arg-type]
    np.testing.assert_allclose(ends[0, :, 0].T, theirs[[0, -1]], atol=0.501 / 255)


def test_the_table_is_the_callers_own() -> None:
    colour_table("magma")[:] = 0
    assert colour_table("magma").max() > 0.9


def test_a_gray_picture_is_what_librosa_and_pil_make() -> None:
    wave = music()
    decibel = librosa.power_to_db(librosa.feature.melspectrogram(y=wave, sr=RATE), ref=np.max)
    bright = (decibel - decibel.min()) / (decibel.max() - decibel.min())
    theirs = Image.fromarray(bright[::-1].astype(np.float32)).resize((96, 64), Image.Resampling.BILINEAR)
    mine = draw(wave, "picture", height=64, width=96, planes=1)
    np.testing.assert_allclose(mine[0], np.asarray(theirs), atol=1e-4)
    three = draw(wave, "picture", height=64, width=96)
    assert three.shape == (3, 64, 96) and (three == mine).all()


def likeness(mine: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.corrcoef(mine.ravel(), theirs.ravel())[0, 1])


def test_a_coloured_picture_is_what_librosa_draws_and_pil_resizes() -> None:
    """Not to the pixel: theirs skips bins where ours averages them."""
    wave = music()
    decibel = librosa.amplitude_to_db(abs(librosa.stft(wave)), ref=np.max)
    mine = draw(wave, "picture", of={"kind": "stft", "relative": True}, axis="log", colours="magma")
    theirs = saved(
        lambda axes: librosa.display.specshow(decibel, sr=RATE, x_axis="time", y_axis="log", ax=axes)
    )
    assert likeness(mine, theirs) > 0.95
    assert likeness(np.roll(mine, 3, axis=1), theirs) < 0.9, "three rows too high"
    assert likeness(np.roll(mine, 3, axis=2), theirs) < 0.9, "three columns too late"


@pytest.mark.data
@pytest.mark.parametrize("genre", ["classical", "hiphop", "metal"])
def test_a_real_clips_picture_is_what_librosa_draws(genre: str, data_dir: Path) -> None:
    waves, _ = decode(data_dir / f"gtzan-clips/{genre}/{genre}.00000.flac", start=5.0, duration=5.0)
    decibel = librosa.amplitude_to_db(abs(librosa.stft(waves[0])), ref=np.max)
    mine = draw(waves[0], "picture", of={"kind": "stft", "relative": True}, axis="log", colours="magma")
    theirs = saved(
        lambda axes: librosa.display.specshow(decibel, sr=RATE, x_axis="time", y_axis="log", ax=axes)
    )
    assert likeness(mine, theirs) > 0.95 and abs(mine - theirs).mean() < 0.05


@pytest.mark.parametrize("axis", ["linear", "log"])
def test_high_tones_stand_at_the_top_and_late_ones_on_the_right(axis: str) -> None:
    time = np.arange(2 * RATE) / RATE
    late_and_high = np.where(time < 1, np.sin(2 * np.pi * 300 * time), np.sin(2 * np.pi * 8000 * time))
    picture = draw(late_and_high.astype(np.float32), "picture", of={"kind": "stft"}, planes=1, axis=axis)[0]
    early, late = picture[:, 32].argmax(), picture[:, 96].argmax()
    assert late < SIDE // 2 < early


def test_limits_in_decibels_are_the_ends_of_brightness() -> None:
    wave, stft = music(), {"kind": "stft", "relative": True, "top_db": 80.0}
    limits = {"low": -80.0, "high": 0.0, "planes": 1}
    free = draw(wave, "picture", of=stft, planes=1)
    np.testing.assert_allclose(draw(wave, "picture", of=stft, **limits), free, atol=1e-5)
    decibel = FRONTENDS.create("stft", {"relative": True}, sample_rate=RATE, channels=1)(
        torch.from_numpy(wave)[None, None]
    )
    expected = ((decibel + 40) / 20).clamp(0, 1).flip(-2)
    mine = draw(wave, "picture", of=stft, low=-40.0, high=-20.0, planes=1, height=1025, width=130)
    np.testing.assert_allclose(mine, expected[0], atol=1e-5)


def test_values_are_shifted_and_scaled() -> None:
    unit = draw(music(), "picture", colours="viridis")
    assert unit.min() >= 0 and unit.max() <= 1 and unit.max() - unit.min() > 0.5
    np.testing.assert_allclose(
        draw(music(), "picture", colours="viridis", values="signed"), 2 * unit - 1, atol=1e-6
    )
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    imagenet = draw(music(), "picture", colours="viridis", values="imagenet")
    np.testing.assert_allclose(imagenet, (unit - mean[:, None, None]) / std[:, None, None], atol=1e-5)


def test_silence_is_dark_and_items_are_independent() -> None:
    assert (draw(np.zeros(RATE, np.float32), "picture") == 0).all()
    loud = torch.from_numpy(music())[None, None]
    frontend = make("picture", colours="magma")
    alone, beside = frontend(loud), frontend(torch.cat([torch.zeros_like(loud), loud]))[1:]
    torch.testing.assert_close(alone, beside)


@pytest.mark.parametrize(
    "of", [{"kind": "sinc", "filters": 8, "lengths": [51], "frames": 64}, {"kind": "cqt"}]
)
def test_pictures_of_a_tracks_segments_are_those_of_each(of: dict[str, Any]) -> None:
    frontend = make("picture", of=of, height=32, width=32).eval()
    assert frontend.shares_tracks == frontend.of.shares_tracks  # type: ignore[union-attr]
    track, starts, samples = torch.from_numpy(music())[None], [0, 10_000, 40_000], 20_000
    with torch.no_grad():
        shared = frontend.of_track(track, starts, samples)
        each = frontend(torch.stack([track[:, start : start + samples] for start in starts]))
    torch.testing.assert_close(shared, each, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "code", "quoted"),
    [
        ({"colours": "magma", "planes": 1}, "colours-need-planes", "planes=3"),
        ({"values": "imagenet", "planes": 1}, "values-need-colour", "planes=3"),
        ({"planes": 2}, "picture-planes option-invalid", "planes"),
        ({"colours": "jet"}, "option-not-one-of option-invalid", "colours"),
        ({"values": "percent"}, "option-not-one-of option-invalid", "values"),
        ({"axis": "mel"}, "option-not-one-of option-invalid", "axis"),
        ({"axis": "log"}, "picture-axis", "axis=log"),
        ({"low": 0.0, "high": 0.0}, "decibel-range", "0.0 and 0.0"),
        ({"of": {"n_mels": 3}}, "picture-of-nothing", "`of`"),
        ({"of": {"kind": "mell"}}, "kind-unknown", "'mel'"),
        ({"of": {"kind": "mel", "n_mel": 3}}, "option-unknown", "'n_mels'"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], code: str, quoted: str) -> None:
    options = {"of": {"kind": "mel"}, "height": 8, "width": 8, **options}
    direct, *checked = code.split()
    with raises(direct, quoted):
        Picture(sample_rate=RATE, channels=1, **options)
    with raises(*checked or [direct], quoted):
        FRONTENDS.create("picture", options, sample_rate=RATE, channels=1)


@pytest.mark.parametrize("side", [0, -1, 5000])
@pytest.mark.parametrize("kind", ["picture", "waveform-picture"])
def test_impossible_sizes_are_refused(kind: str, side: int) -> None:
    for sides in ({"height": side}, {"width": side}):
        with raises("option-invalid", f"'{next(iter(sides))}' = {side}"):
            make(kind, **sides)


def test_inputs_that_are_not_one_plane_are_refused() -> None:
    for kind, options in (("picture", {"of": {"kind": "mel"}}), ("waveform-picture", {})):
        sizes = {"height": 8, "width": 8}
        with raises("picture-channels", 2, "audio.channels=1"):
            FRONTENDS.create(kind, {**options, **sizes}, sample_rate=RATE, channels=2)
    for of in ({"kind": "waveform"}, {"kind": "sinc", "lengths": [51, 51]}):
        with raises("picture-shape", of["kind"]):
            make("picture", of=of).output_shape(RATE)
    with raises("segment-too-short", "1,000"):
        make("picture", of={"kind": "mel", "pad_mode": "reflect"}).output_shape(1000)


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(["picture", "waveform-picture"]),
    samples=st.integers(1, 20_000),
    batch=st.integers(1, 3),
    height=st.integers(1, 50),
    width=st.integers(1, 50),
)
def test_output_shape_tells_the_truth(kind: str, samples: int, batch: int, height: int, width: int) -> None:
    frontend = make(kind, height=height, width=width)
    made = frontend(0.1 * torch.randn(batch, 1, samples, generator=torch.Generator().manual_seed(0)))
    assert made.shape == (batch, *frontend.output_shape(samples))
    assert made.min() >= -1e-5 and made.max() <= 1 + 1e-5


@settings(max_examples=60, deadline=None)
@given(samples=st.integers(1, 400), columns=st.integers(1, 90), seed=st.integers(0, 99))
def test_ranges_hold_all_samples_and_meet(samples: int, columns: int, seed: int) -> None:
    curve = torch.randn(2, samples, generator=torch.Generator().manual_seed(seed))
    least, greatest = extremes(curve, columns)
    for column in range(columns):
        begin, end = column * samples // columns, (column + 1) * samples // columns
        part = curve[:, begin : min(max(begin, end) + 1, samples)]
        assert torch.equal(least[:, column], part.amin(dim=1))
        assert torch.equal(greatest[:, column], part.amax(dim=1))
    assert (least[:, 1:] <= greatest[:, :-1]).all() and (greatest[:, 1:] >= least[:, :-1]).all()


def test_a_mirrored_waveform_is_what_librosa_draws() -> None:
    wave = music()

    def plot(axes: Any) -> None:
        librosa.display.waveshow(wave / abs(wave).max(), sr=RATE, color="#1f77b4", linewidth=0.7, ax=axes)
        axes.set(xlim=(0, wave.size / RATE), ylim=(-SIDE / (SIDE - 1), SIDE / (SIDE - 1)))

    mine, theirs = draw(wave, "waveform-picture", mirrored=True), saved(plot)
    assert likeness(mine, theirs) > 0.95 and abs(mine - theirs).mean() < 0.04
    np.testing.assert_allclose(mine, mine[:, ::-1], atol=1e-5)


def inked(picture: np.ndarray) -> np.ndarray:
    """Return which pixels are covered for the most part."""
    return np.asarray(picture[0] < 0.5 + 0x1F / 510)


def test_a_waveform_is_drawn_from_its_least_to_its_greatest_value() -> None:
    lower_half = -np.abs(music())
    picture = inked(draw(lower_half, "waveform-picture"))
    assert not picture[: SIDE // 2 - 1].any() and picture[SIDE // 2 + 1 :].any()
    assert picture[SIDE // 2].mean() > 0.9 and picture.any(axis=0).all()
    steps = np.repeat([0.5, -1.0], 5000).astype(np.float32)
    picture = inked(draw(steps, "waveform-picture", width=10, height=101))
    assert picture[25, :5].all() and picture[100, 5:].all()
    assert picture.sum() == 10, "two lines"
    joint = draw(steps, "waveform-picture", width=10, height=101)[0, 27:99]
    a_quarter = 1 - 0.25 * (1 - 0x1F / 255)
    np.testing.assert_allclose(joint.min(axis=1), a_quarter, atol=1e-5)
    assert (joint < 1).sum() == joint.shape[0], "one stroke joins them"


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_waveforms_picture_does_not_know_how_loud_it_was(mirrored: bool) -> None:
    loud = draw(music(), "waveform-picture", mirrored=mirrored)
    np.testing.assert_allclose(draw(0.01 * music(), "waveform-picture", mirrored=mirrored), loud, atol=1e-3)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("faint", [0.0, 1e-11])
def test_silence_is_a_flat_line(mirrored: bool, faint: float) -> None:
    wave = np.full(RATE, faint, np.float32)
    picture = draw(wave, "waveform-picture", height=51, mirrored=mirrored)
    ink = np.array([0x1F, 0x77, 0xB4], np.float32) / 255
    np.testing.assert_allclose(picture[:, 25], np.repeat(ink[:, None], SIDE, axis=1), atol=2e-3)
    assert (np.delete(picture, [24, 25, 26], axis=1) == 1).all()


ONNX: list[Any] = [
    ("picture", {"of": {"kind": "stft", "relative": True}, "axis": "log", "colours": "magma"}),
    pytest.param(
        "picture",
        {"of": {"kind": "mel"}, "planes": 1, "values": "signed", "low": -60.0},
        marks=pytest.mark.slow,
    ),
    ("waveform-picture", {"values": "imagenet", "mirrored": True}),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "options"), ONNX)
def test_onnxruntime_draws_what_torch_draws(kind: str, options: dict[str, Any]) -> None:
    frontend = make(kind, height=32, width=40, **options).eval()
    wave = torch.from_numpy(music(1.0))
    waves = torch.stack([wave, wave.flip(0), 0.01 * wave, torch.zeros_like(wave)])[:, None]
    program = torch.onnx.export(
        frontend,
        (waves[:2],),
        input_names=["waveform"],
        dynamic_shapes={"waveform": {0: torch.export.Dim("batch", min=1, max=64)}},
        opset_version=18,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    theirs = np.asarray(session.run(None, {"waveform": waves.numpy()})[0])
    assert np.abs(theirs - frontend(waves).numpy()).max() < 1e-4


def test_the_mirrored_option_belongs_to_waveforms() -> None:
    plain, mirrored = (
        WaveformPicture(channels=1, height=8, width=8, mirrored=each) for each in (False, True)
    )
    above = torch.linspace(0, 1, 1000).reshape(1, 1, -1)
    assert not torch.equal(plain(above), mirrored(above))
    torch.testing.assert_close(mirrored(above), mirrored(-above))
