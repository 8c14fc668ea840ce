"""A model that hears sound shorter than a segment as it is."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
import soundfile

from genrelab.bundle.bundle import Bundle
from genrelab.errors import ModelFileError, UsageError
from genrelab.recognize import Recognizer

RATE = 8000
LEAST = 1600  # samples


def any_length(tiny: ModuleType, path: Path, *, free: bool = True) -> Path:
    """Write the tiny model for sound of 0.2 to 1 s."""
    program = tiny.tiny_program(tiny.tiny_metadata(padding="none", shortest_seconds=0.2))
    if free:
        program.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "samples"
    onnx.save(program, path)
    return path


@pytest.fixture
def recognizer(tiny: ModuleType, tmp_path: Path) -> Recognizer:
    return Recognizer.load(any_length(tiny, tmp_path / "any.onnx"), threads=1)


def heard(recognizer: Recognizer, folder: Path, sound: np.ndarray) -> dict[str, float]:
    path = folder / f"{len(sound)}.wav"
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    record = recognizer(path)
    assert record.error is None
    assert record.duration == pytest.approx(len(sound) / RATE)
    return dict(record.genres)


def answer(recognizer: Recognizer, sound: np.ndarray) -> dict[str, float]:
    bundle = recognizer.bundle
    return dict(
        zip(bundle.metadata.genres, bundle.predict(sound[None, None])[0][0].astype(float), strict=True)
    )


def rising(seconds: float) -> np.ndarray:
    """A tone that rises, so that every piece of it sounds different."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * (300.0 + 900.0 * time) * time)).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.2, 0.33, 0.999, 1.0])
def test_short_audio_is_processed_without_padding(
    recognizer: Recognizer, tmp_path: Path, seconds: float
) -> None:
    sound = rising(seconds)
    assert heard(recognizer, tmp_path, sound) == pytest.approx(answer(recognizer, sound), abs=1e-6)


def test_no_silence_and_no_repetition_is_added(recognizer: Recognizer, tmp_path: Path) -> None:
    sound = rising(0.4)
    sound -= sound[-1]
    as_it_is = heard(recognizer, tmp_path, sound)
    for padded in (np.pad(sound, (0, 4800)), np.resize(sound, 8000)):
        assert answer(recognizer, padded) != pytest.approx(as_it_is, abs=1e-6)


def test_what_is_too_short_is_repeated_up_to_the_least_length(recognizer: Recognizer, tmp_path: Path) -> None:
    sound = rising(0.09)
    expected = answer(recognizer, np.resize(sound, LEAST))
    assert heard(recognizer, tmp_path, sound) == pytest.approx(expected, abs=1e-6)


def test_longer_audio_is_processed_in_segments(recognizer: Recognizer, tmp_path: Path) -> None:
    sound = rising(2.7)
    path = tmp_path / "x.wav"
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    timeline = recognizer(path).timeline
    assert [(segment.start, segment.end) for segment in timeline] == [(0.0, 1.0), (1.0, 2.0)]
    for number, segment in enumerate(timeline):
        expected = answer(recognizer, sound[8000 * number : 8000 * (number + 1)])
        assert segment[2:] == (max(expected, key=expected.__getitem__), pytest.approx(max(expected.values())))


def test_lengths_outside_the_limits_are_refused(recognizer: Recognizer) -> None:
    for samples in (LEAST - 1, 8001):
        with pytest.raises(UsageError, match=r"\[1 or more, 1, 1600 to 8000\], not \(1, 1, "):
            recognizer.bundle.predict(np.zeros((1, 1, samples), np.float32))


def test_a_graph_of_one_length_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"tensor\(float\) \['batch', 1, 'free'\]"):
        Bundle.load(any_length(tiny, tmp_path / "m.onnx", free=False))
