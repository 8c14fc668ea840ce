from __future__ import annotations

import doctest
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

import genrelab.recognize.arrays
import genrelab.recognize.live.pcm
from genrelab.recognize import Recognition, Recognizer
from genrelab.recognize.recognizer import ARRAY

SUBTYPES = {"int16": "PCM_16", "int32": "PCM_32", "float32": "FLOAT", "float64": "DOUBLE", "uint8": "PCM_U8"}


@pytest.fixture(scope="module")
def recognizer(tiny_model: Path) -> Recognizer:
    return Recognizer.load(tiny_model, threads=1)


def essence(record: Recognition) -> tuple[object, ...]:
    assert record.embedding is not None and record.probabilities is not None
    return (
        *(record.genre, record.confidence, record.genres, record.timeline, record.duration, record.reason),
        *(record.embedding.tolist(), record.probabilities.tolist()),
    )


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("kind", SUBTYPES)
def test_exactly_what_a_file_of_these_samples_gets(
    recognizer: Recognizer, tmp_path: Path, rate: int, kind: str
) -> None:
    rng = np.random.default_rng(3)
    noise = rng.uniform(-0.9, 0.9, (2, round(12.3 * rate)))  # longer than a block of a file
    if kind.startswith("float"):
        samples = noise.astype(kind)
    elif kind == "uint8":
        samples = (128 + 100 * noise).astype(np.uint8)
    else:
        samples = (np.iinfo(kind).max * noise).astype(kind)
    path = tmp_path / "x.wav"
    if kind == "uint8":  # soundfile writes 8 bits from wider numbers only
        shifted = (samples.astype(np.int16) - 128) * 256
        soundfile.write(path, shifted.T, rate, subtype="PCM_U8")
    else:
        soundfile.write(path, samples.T, rate, subtype=SUBTYPES[kind])
    said = recognizer(samples, sample_rate=rate)
    assert essence(said) == essence(recognizer(path))
    assert said.path == ARRAY


def test_one_channel_in_all_ways(recognizer: Recognizer, tiny: ModuleType) -> None:
    tone = tiny.tone(1000.0, rate=44100)
    alone = essence(recognizer(tone, sample_rate=44100))
    assert alone[0] == "middle"
    for same in (tone[None], tone.tolist(), np.asfortranarray(np.stack([tone, tone])), tone[::-1][::-1]):
        assert essence(recognizer(same, sample_rate=44100)) == alone


def test_the_array_is_not_modified(recognizer: Recognizer, tiny: ModuleType) -> None:
    tone = tiny.tone(200.0)
    tone.setflags(write=False)
    before = tone.copy()
    recognizer(tone, sample_rate=8000)
    assert np.array_equal(tone, before)


@pytest.mark.parametrize(
    ("array", "code", "quoted"),
    [
        (np.zeros((44100, 2)), "array-transposed", "44100 channels of 2 samples"),
        (np.zeros(0), "array-shape", "[0]"),
        (np.zeros((2, 0)), "array-shape", "[2, 0]"),
        (np.zeros((1, 2, 3)), "array-shape", "[1, 2, 3]"),
        (np.float32(0.5), "array-shape", "[]"),
        (np.array([0.1, np.nan]), "array-values", ""),
        (np.array([[0.1, np.inf]]), "array-values", ""),
        (np.zeros(9, np.int64), "array-type", "int64"),
        (np.zeros(9, np.uint16), "array-type", "uint16"),
        (np.zeros(9, bool), "array-type", "bool"),
        (np.zeros(9, complex), "array-type", "complex128"),
        (["a", "b"], "array-type", "<U1"),
    ],
)
def test_what_is_no_sound(recognizer: Recognizer, array: object, code: str, quoted: str) -> None:
    with raises(code, quoted):
        recognizer(array, sample_rate=8000)  # type: ignore[arg-type]


def test_the_sample_rate_belongs_to_arrays(recognizer: Recognizer) -> None:
    with raises("array-without-sample-rate", "sample_rate=44100"):
        recognizer(np.zeros(9))
    with raises("file-with-sample-rate", "x.wav"):
        recognizer("x.wav", sample_rate=8000)
    with raises("sample-rate", 0):
        recognizer(np.zeros(9), sample_rate=0)


@settings(max_examples=25, deadline=None)
@given(
    channels=st.integers(1, 9),
    samples=st.integers(300, 5000),
    rate=st.integers(1000, 96000),
    seed=st.integers(0, 2**31),
)
def test_any_sound_gets_an_answer(
    recognizer: Recognizer, channels: int, samples: int, rate: int, seed: int
) -> None:
    sound = np.random.default_rng(seed).uniform(-1, 1, (channels, samples))
    said = recognizer(sound, sample_rate=rate)
    assert said.answered and said.duration == pytest.approx(samples / rate, abs=2 / 8000)


@pytest.mark.parametrize("module", [genrelab.recognize.arrays, genrelab.recognize.live.pcm])
def test_the_examples(module: ModuleType) -> None:
    assert doctest.testmod(module) == doctest.TestResults(0, doctest.testmod(module).attempted)
    assert doctest.testmod(module).attempted > 0
