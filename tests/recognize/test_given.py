"""What callers give for a file, an array, a sample rate: it works, or the error says what to give."""

from __future__ import annotations

import fractions
import io
import json
import os
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from raising import raises

from genrelab.audio.level import LOUDEST
from genrelab.recognize import Recognizer
from genrelab.recognize.given import HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS, check_rate
from genrelab.recognize.live.listening import listen
from genrelab.recognize.live.pcm import pcm_blocks


@pytest.fixture(scope="module")
def recognizer(tiny_model: Path) -> Recognizer:
    return Recognizer.load(tiny_model)


@pytest.fixture(autouse=True)
def _no_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


class Named:
    """Names a file by what it was made of."""

    def __init__(self, name: str | bytes) -> None:
        self.name = name

    def __fspath__(self) -> str | bytes:
        return self.name


@pytest.mark.parametrize("rate", [8000, 8000.0, np.int32(8000), np.float32(8000), fractions.Fraction(8000)])
def test_whole_numbers_are_rates(rate: Any, recognizer: Recognizer, tiny: ModuleType) -> None:
    assert recognizer(tiny.tone(200.0), sample_rate=rate).genre == "low"
    assert type(check_rate(rate)) is int


@pytest.mark.parametrize(
    "rate",
    [
        "44100", b"8000", True, 8000.5, 0, -8000, 1, LOWEST_RATE - 1, HIGHEST_RATE + 1, 10**9, 10**400,
        float("nan"), float("inf"), 8000j, [8000], np.array([8000]), "9" * 10_000,
    ],
    ids=lambda rate: repr(rate)[:20],
)  # fmt: skip
def test_what_is_no_rate_is_refused(rate: Any, recognizer: Recognizer, tiny: ModuleType) -> None:
    for full in (True, False):
        with raises("sample-rate", "100") as refused:
            recognizer(tiny.tone(200.0), sample_rate=rate, full=full)
        assert len(str(refused.value)) < 400
    with raises("sample-rate"):
        listen(recognizer, [], rate)


def test_an_array_needs_a_rate_and_a_file_has_one(
    recognizer: Recognizer, music: Path, tiny: ModuleType
) -> None:
    with raises("array-without-sample-rate"):
        recognizer(tiny.tone(200.0))
    with raises("file-with-sample-rate", "a low.wav"):
        recognizer(os.fsencode(music / "a low.wav"), sample_rate=8000)


def test_files_are_named_by_text_bytes_and_path_likes(recognizer: Recognizer, music: Path) -> None:
    path = music / "a low.wav"
    names = [path, str(path), os.fsencode(path), Named(str(path)), Named(os.fsencode(path))]
    assert [recognizer(name).genre for name in names] == ["low"] * 5
    many = [answer.path for answer in recognizer.recognize_many(names)]
    assert many == [path] * 5


@pytest.mark.parametrize(
    ("nothing", "code"),
    [(None, "source-none"), *((name, "source-empty-name") for name in ("", b"", Named("")))],
)
def test_nothing_names_no_file(nothing: Any, code: str, recognizer: Recognizer) -> None:
    with raises(code):
        recognizer(nothing)
    with raises(code):
        list(recognizer.recognize_many([nothing]))


def test_open_files_are_refused_by_their_kind(recognizer: Recognizer, music: Path) -> None:
    with (music / "a low.wav").open("rb") as file, (music / "a low.wav").open("rb", buffering=0) as raw:
        for opened in (file, raw, io.BytesIO(b"RIFF"), io.StringIO("RIFF")):
            for arguments in ({}, {"sample_rate": 8000}):
                with raises("source-open-file", type(opened).__name__):
                    recognizer(opened, **arguments)


def test_a_name_with_a_null_byte_is_an_error_of_its_record(recognizer: Recognizer) -> None:
    assert "null" in (recognizer("a\0b.wav").error or "")


def changed(name: str, tone: Any) -> Any:
    """Return a tone as another kind of array, of the same sound."""
    fixed = tone.copy()
    fixed.setflags(write=False)
    return {
        "read-only": fixed,
        "list": tone.tolist(),
        "tuple": tuple(tone.tolist()),
        "float16": tone.astype(np.float16),
        "float64": tone.astype(np.float64),
        "long double": tone.astype(np.longdouble),
        "big-endian float": tone.astype(">f4"),
        "big-endian PCM": (tone * 32767).astype(">i2"),
        "strided": np.repeat(tone, 2)[::2],
        "reversed twice": tone[::-1].copy()[::-1],
        "64 channels": np.repeat(tone[None], MOST_CHANNELS, axis=0),
        "Fortran order": np.asfortranarray(np.stack([tone, tone])),
        "masked": np.ma.masked_array(tone),
        "memoryview": memoryview(fixed),
        "loud": tone / np.abs(tone).max() * LOUDEST,
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "read-only", "list", "tuple", "float16", "float64", "long double", "big-endian float",
        "big-endian PCM",
        "strided", "reversed twice", "64 channels", "Fortran order", "masked", "memoryview", "loud",
    ],
)  # fmt: skip
def test_arrays_of_every_make(name: str, recognizer: Recognizer, tiny: ModuleType) -> None:
    tone = tiny.tone(200.0)
    wanted = recognizer(tone, sample_rate=8000)
    answer = recognizer(changed(name, tone), sample_rate=8000)
    assert (answer.genre, answer.duration) == (wanted.genre, wanted.duration) == ("low", 2.0)
    assert answer.confidence == pytest.approx(wanted.confidence, abs=1e-3)


@pytest.mark.parametrize(
    ("sound", "code", "quoted"),
    [
        (np.zeros(9000, complex), "array-type", "complex128"),
        (np.zeros(9000, bool), "array-type", "bool"),
        (np.zeros(9000, np.int64), "array-type", "int64"),
        (np.zeros(9000, object), "source-no-array", "ndarray"),
        (np.zeros(9000, "M8[s]"), "array-type", "datetime64"),
        (["a", "b"], "array-type", "<U1"),
        ([1, 2, 3], "array-type", "int64"),
        ([[1.0], [1.0, 2.0]], "source-no-array", "list"),
        ({1.0, 2.0}, "source-no-array", "set"),
        ((x for x in [0.0]), "source-no-array", "generator"),
        (5, "array-shape", "[]"),
        (np.zeros(0), "array-shape", "[0]"),
        (np.zeros((1, 1, 9)), "array-shape", "[1, 1, 9]"),
        (np.zeros((MOST_CHANNELS + 1, 9000)), "array-channels", MOST_CHANNELS + 1),
        (np.zeros((9000, 2)), "array-transposed", "9000 channels of 2 samples"),
        (np.full(9000, np.nan), "array-values", ""),
        (np.full(9000, -np.inf), "array-values", ""),
        (np.full(9000, np.float32(3e38)), "array-values", "3.0e+38"),
        (np.full(9000, -1e300), "array-values", "-1.0e+300"),
        (np.full((2, 9000), LOUDEST * 1.01), "array-values", ""),
    ],
)
def test_what_is_no_sound_is_refused(sound: Any, code: str, quoted: object, recognizer: Recognizer) -> None:
    with raises(code, quoted):
        recognizer(sound, sample_rate=8000)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("full", [True, False])
def test_files_of_extreme_samples(
    channels: int, rate: int, full: bool, recognizer: Recognizer, tiny: ModuleType, tmp_path: Path
) -> None:
    tone = np.repeat(tiny.tone(200.0, 60.0, rate=rate, level=1.0)[:, None], channels, axis=1)
    for level, right in ((3e38, False), (1e20, False), (LOUDEST * 1.1, False), (LOUDEST, True), (50.0, True)):
        path = tmp_path / "loud.wav"
        soundfile.write(path, (tone * np.float32(level)).astype(np.float32), rate, subtype="FLOAT")
        answer = recognizer(path, full=full)
        if right:
            assert (answer.genre, answer.error) == ("low", None)
            assert answer.confidence is not None and answer.confidence > 0.99
        else:
            assert answer.genre is None and "far beyond the full scale" in (answer.error or "")
            assert str(path) in (answer.error or "")
        json.dumps(answer.to_dict(), allow_nan=False)


def test_raw_sound_of_extreme_samples_and_channels() -> None:
    for value in (3e38, -3e38, np.nan):
        with raises("raw-values", "f32le", 2):
            list(pcm_blocks([np.full(8, value, "<f4").tobytes()], "f32le", 2))
    for channels in (0, -1, MOST_CHANNELS + 1):
        with raises("raw-channels", MOST_CHANNELS, channels):
            pcm_blocks([], "s16le", channels)


@pytest.mark.parametrize("value", [3e38, np.nan, np.inf])
def test_live_sound_of_extreme_samples(value: float, recognizer: Recognizer) -> None:
    with raises("listen-values"):
        list(listen(recognizer, [np.full((2, 44100), value, np.float32)], 44100))
