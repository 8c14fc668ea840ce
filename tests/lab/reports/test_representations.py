from __future__ import annotations

import base64
import copy
import dataclasses
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from PIL import Image
from raising import raises

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.frontends import Sinc
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.reports.representations import (
    BANDS,
    STEP,
    WINDOW,
    Segment,
    colour_map,
    learned_spectrograms,
    middle_segment,
    representations,
    usual_spectrograms,
)
from genrelab.lab.runs.folders import Run
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import AudioStore, open_store

RATE = 16_000
TIME = np.arange(3 * RATE) / RATE


def tone(hertz: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * TIME)).astype(np.float32)


def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, TIME.size).astype(np.float32)


def sinc(filters: int = 16, lengths: tuple[int, ...] = (51, 101), frames: int | None = 128) -> Sinc:
    return Sinc(sample_rate=RATE, channels=1, filters=filters, lengths=list(lengths), frames=frames)


def segment(wave: np.ndarray, *, clip_id: str = "a/1", genre: str = "jazz") -> Segment:
    return Segment(clip_id, genre, 1.5, torch.from_numpy(wave)[None], RATE)


def images(html: str) -> list[np.ndarray]:
    """Return the pictures' colours, `[rows, columns, 3]` each, without the legend."""
    texts = re.findall(r'<image [^>]*href="data:image/png;base64,([^"]+)"/>', html)
    return [np.array(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")) for text in texts]


def test_spectrograms_are_librosas() -> None:
    wave = noise() + tone(440.0)
    spectrogram, harmonic, percussive, mel = usual_spectrograms(
        torch.from_numpy(wave)[None], sample_rate=RATE
    )
    magnitude = np.abs(librosa.stft(wave, n_fft=512, hop_length=128))
    power = librosa.power_to_db(magnitude**2, ref=np.max, top_db=80.0)
    np.testing.assert_allclose(80 * spectrogram.values - 80, power, atol=0.02)
    parts = librosa.decompose.hpss(magnitude)
    for picture, part in zip((harmonic, percussive), parts, strict=True):
        expected = librosa.power_to_db(part**2, ref=magnitude.max() ** 2, amin=1e-12, top_db=None)
        np.testing.assert_allclose(80 * picture.values - 80, expected.clip(-80, 0), atol=0.05)
    bands = librosa.feature.melspectrogram(y=wave, sr=RATE, n_fft=512, hop_length=128, n_mels=128)
    expected = librosa.power_to_db(bands, ref=np.max, top_db=80.0)
    np.testing.assert_allclose(80 * mel.values - 80, expected, atol=0.02)
    np.testing.assert_allclose(spectrogram.hertz, librosa.fft_frequencies(sr=RATE, n_fft=512))
    np.testing.assert_allclose(mel.hertz, librosa.mel_frequencies(130, fmin=0, fmax=8000)[1:-1])


def test_a_tone_is_harmonic_and_a_click_percussive() -> None:
    click = np.zeros_like(TIME, dtype=np.float32)
    click[RATE] = 0.9
    for wave, index in ((tone(440.0), 1), (click, 2)):
        pictures = usual_spectrograms(torch.from_numpy(wave)[None], sample_rate=RATE)
        assert pictures[index].values.max() > 0.99
        assert pictures[index].values.mean() > 8 * pictures[3 - index].values.mean()


def test_learned_spectrograms_are_the_front_ends() -> None:
    frontend = sinc().train()
    before = copy.deepcopy(frontend.state_dict())
    wave = torch.from_numpy(tone(1000.0) + noise())[None]
    first, second = learned_spectrograms(frontend, wave)
    assert first.title == "Learned, 51 taps" and second.title == "Learned, 101 taps"
    assert frontend.training
    for name, value in frontend.state_dict().items():
        assert torch.equal(value, before[name]), name
    with torch.inference_mode():
        expected = copy.deepcopy(frontend).eval()(wave[None])[0].numpy()
    for picture, channel in zip((first, second), expected, strict=True):
        scaled = np.clip(channel / np.percentile(channel, 98), 0, 1)
        np.testing.assert_allclose(picture.values, scaled, atol=1e-5)
        assert picture.hertz[picture.values.mean(axis=1).argmax()] == pytest.approx(1000.0, rel=0.15)
    assert learned_spectrograms(sinc(lengths=(51,), frames=None), wave) == []


def test_images_show_the_values_the_right_way_up() -> None:
    html = representations(segment(tone(2000.0)), sinc())
    shown = images(html)
    assert [image.shape[:2] for image in shown] == [(257, 376)] * 3 + [(128, 376)] + [(16, 128)] * 2
    brightness = shown[0].astype(int).sum(axis=2).mean(axis=1)
    assert brightness.argmax() == 256 - 64, "2,000 of 8,000 Hz lie in the lower half"
    assert tuple(shown[0][256 - 64, 188]) == tuple(colour_map()[255])


def test_the_page_names_what_it_shows() -> None:
    html = representations(segment(tone(2000.0), clip_id="<b>&", genre='"x'), sinc())
    assert "Seconds 1.5 to 4.5 of the test clip <strong>&lt;b&gt;&amp;</strong> (&#34;x)." in html
    assert html == representations(segment(tone(2000.0), clip_id="<b>&", genre='"x'), sinc()), (
        "nothing is random"
    )
    svgs = list(ET.fromstring(f"<div>{html.replace('<img', '<i').replace(CLOSE, CLOSED)}</div>").iter("svg"))
    labels = [svg.get("aria-label") or "" for svg in svgs]
    assert labels[0].startswith("Spectrogram of <b>&: brightest around 2,000 Hz and ")
    texts = ["".join(text.itertext()) for text in svgs[0].iter("text")]
    assert texts[0] == "Spectrogram"
    assert {"0", "2,000", "4,000", "6,000", "8,000", "0.5", "3"} <= set(texts)
    for svg in svgs:
        _, _, width, height = map(float, (svg.get("viewBox") or "").split())
        for text in svg.iter("text"):
            assert 0 <= float(text.get("x") or -1) <= width and 0 <= float(text.get("y") or -1) <= height


CLOSE, CLOSED = '"> The spectrograms', '"/> The spectrograms'


def test_without_frames_only_the_usual_spectrograms() -> None:
    html = representations(segment(noise()), sinc(lengths=(51,), frames=None))
    assert len(images(html)) == 4
    assert "which has no spectrogram" in html and "Learned" not in html


@pytest.mark.parametrize("samples", [1, 400, 48_000])
def test_silence_is_dark(samples: int) -> None:
    html = representations(segment(np.zeros(samples, dtype=np.float32)), sinc())
    shown = images(html)
    assert len(shown) == 6 and all(image.sum() for image in shown)
    assert all((image == colour_map()[0]).all() for image in shown[:4])
    assert "Spectrogram of a/1: silence." in html
    assert not re.search(r'="(nan|inf)', html)


def test_a_page_has_room_for_it() -> None:
    """Noise is the worst that can happen to a PNG."""
    html = representations(segment(noise()), sinc(160, (51, 101, 151), 1024))
    assert len(html) < 1_200_000
    assert images(html)[-1].shape == (160, 512, 3)
    wide = representations(segment(noise()), sinc(700, (51,), 2000))
    assert images(wide)[-1].shape == (320, 512, 3)


def test_colours_become_lighter_evenly() -> None:
    parts = colour_map() / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = 116 * np.cbrt(np.maximum(luminance, 0.008856)) - 16
    lightness = np.where(luminance > 0.008856, lightness, 903.3 * luminance)
    assert (np.diff(lightness) > 0).all()
    np.testing.assert_allclose(lightness, np.linspace(4, 96, 256), atol=2.0)


@pytest.fixture(scope="module")
def store(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> AudioStore:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENRELAB_CACHE", str(tmp_path_factory.mktemp("stores")))
        return open_store(corpus, sample_rate=8000, channels=1)


def test_the_middle_of_the_first_clip_there_is(
    store: AudioStore, corpus: Corpus, split: Split, tiny_recipe: Callable[..., Recipe]
) -> None:
    audio = tiny_recipe("audio.overlap=0.0").audio
    shown = middle_segment(store, corpus, split.test, audio)
    assert (shown.clip_id, shown.genre, shown.start, shown.seconds) == (split.test[0], "high", 0.5, 0.5)
    np.testing.assert_array_equal(shown.waveform.numpy(), store.read(split.test[0], 4000, 4000))
    long = audio.model_copy(update={"segment_seconds": 4.0})
    padded = middle_segment(store, corpus, split.test, long)
    assert (padded.start, padded.seconds) == (0.0, 4.0)
    assert not padded.waveform[:, 12_000:].any()
    gone = dataclasses.replace(corpus.clips[0], id="high-99")
    larger = dataclasses.replace(corpus, clips=[gone, *corpus.clips])
    assert middle_segment(store, larger, ["high-99", *split.test[1:]], audio).clip_id == split.test[1]
    with raises("no-clip-to-show", 1, larger.name):
        middle_segment(store, larger, ["high-99"], audio)


@pytest.mark.slow
def test_a_run_with_sinc_filters_shows_them(
    corpus: Corpus, split: Split, tiny_recipe: Callable[..., Recipe], run: Run, tmp_path: Path
) -> None:
    recipe = tiny_recipe(
        "name=tiny-sinc", "training.max_epochs=1", "augment=null",
        "inputs.mel={kind: sinc, filters: 8, lengths: [51, 51], frames: 64}",
    )  # fmt: skip
    made = run_experiment(Experiment(recipe, corpus, split, 0), base=tmp_path, device="cpu", model_file=False)
    page = (made.folder / "report.html").read_text(encoding="utf-8")
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    at = headings.index("Most confident mistakes")
    assert headings[at + 1 : at + 3] == ["One segment in pictures", "The learned filters"]
    assert len(images(page)) == 6 and f"<strong>{split.test[0]}</strong> (high)" in page
    assert "Filters of 51 taps (2 of 2)" in page
    assert "img-src data:" in page
    without = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "One segment in pictures" not in without and "data:image" not in without


def test_the_mel_picture_is_the_one_that_the_mel_baseline_sees() -> None:
    options = load_recipe("resnet18-mel").inputs["picture"].options()
    assert (options["n_fft"], options["hop_length"], options["n_mels"]) == (
        WINDOW,
        STEP,
        BANDS,
    )
