"""A tiny but real model file: it tells low, middle and high tones apart, so its answers are known.

It measures brightness, the mean step between neighbouring samples over the mean level: for a sine of
frequency f at rate r that is 2 sin(pi f / r). The nearest of three tones wins.
If the metadata have tags, their probabilities are those of the low, the middle and the high tone, in turn.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from genrelab.bundle.metadata import METADATA_KEY, BundleMetadata

RATE = 8000
TONES = {"low": 200.0, "middle": 1000.0, "high": 3000.0}
TAGS = (
    {"kind": "mood", "name": "calm", "measured": "labels", "auc": 0.81, "threshold": 0.5},
    {"kind": "style", "name": "punk", "measured": "teacher", "auc": 0.9, "threshold": 0.4},
    {"kind": "content", "name": "no music", "measured": "labels", "threshold": 0.5},
    {"kind": "genre", "name": "folk", "measured": "labels", "average_precision": 0.7, "threshold": 0.9},
)
"""Of a low, a middle, a high, and again a low tone."""


def tiny_metadata(**changes: Any) -> BundleMetadata:
    values: dict[str, Any] = {
        "genres": tuple(TONES),
        "sample_rate": RATE,
        "channels": 1,
        "segment_seconds": 1.0,
        "hop_seconds": 1.0,
        "recipe": "tiny",
        "created": datetime.date(2024, 5, 6),
        "genrelab_version": "0.1.0",
    }
    return BundleMetadata(**{**values, **changes})


def tiny_program(metadata: BundleMetadata, *, text: str | None = None) -> onnx.ModelProto:
    """Build the graph; `text` replaces the metadata's JSON."""
    constants = {
        "zero": np.array([0]),
        "one": np.array([1]),
        "minus_one": np.array([-1]),
        "far": np.array([2**40]),
        "last": np.array([2]),
        "rest": np.array([1, 2]),
        "tiny": np.array(1e-12, np.float32),
        "tones": (2 * np.sin(np.pi * np.array(list(TONES.values())) / RATE)).astype(np.float32)[None],
        "sharpness": np.array(-20.0, np.float32),
    }
    node = helper.make_node
    nodes = [
        node("Slice", ["waveform", "one", "far", "last"], ["later"]),
        node("Slice", ["waveform", "zero", "minus_one", "last"], ["sooner"]),
        node("Sub", ["later", "sooner"], ["step"]),
        node("Abs", ["step"], ["size"]),
        node("ReduceMean", ["size", "rest"], ["mean_step"], keepdims=0),
        node("Abs", ["waveform"], ["level"]),
        node("ReduceMean", ["level", "rest"], ["mean_level"], keepdims=0),
        node("Add", ["mean_level", "tiny"], ["safe_level"]),
        node("Div", ["mean_step", "safe_level"], ["ratio"]),
        node("Unsqueeze", ["ratio", "one"], ["brightness"]),
        node("Sub", ["brightness", "tones"], ["distance"]),
        node("Mul", ["distance", "distance"], ["squared"]),
        node("Mul", ["squared", "sharpness"], ["logits"]),
        node("Softmax", ["logits"], ["probabilities"], axis=1),
        node("Unsqueeze", ["mean_level", "one"], ["loudness"]),
        node("Concat", ["brightness", "loudness"], ["embedding"], axis=1),
    ]
    outputs = [
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 2]),
    ]
    if metadata.tags:
        constants["tag_genres"] = np.arange(len(metadata.tags)) % 3
        nodes.append(node("Gather", ["probabilities", "tag_genres"], ["tags"], axis=1))
        sizes = ["batch", len(metadata.tags)]
        outputs.append(helper.make_tensor_value_info("tags", TensorProto.FLOAT, sizes))
    shape = ["batch", metadata.channels, metadata.segment_samples]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, shape)],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    program = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(program, {METADATA_KEY: metadata.model_dump_json() if text is None else text})
    return program


def write_tiny(path: Path, **changes: Any) -> Path:
    onnx.save(tiny_program(tiny_metadata(**changes)), path)
    return path


def tone(frequency: float, seconds: float = 2.0, *, rate: int = RATE, level: float = 0.3) -> np.ndarray:
    """Return a sine `[samples]`."""
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a model file with the genres low, middle and high."""
    return write_tiny(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="session")
def tagged_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a model file with the tags of `TAGS`; a high tone is no music to it."""
    return write_tiny(tmp_path_factory.mktemp("tagged") / "tagged.onnx", tags=TAGS, no_music_above=0.5)


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sound files of known answers, and things that are none."""
    import soundfile

    folder = tmp_path_factory.mktemp("music")
    (folder / "album").mkdir()
    soundfile.write(folder / "a low.wav", tone(200.0), RATE)
    soundfile.write(folder / "b.flac", tone(1000.0, rate=22050), 22050)
    soundfile.write(folder / "album" / "c.mp3", tone(3000.0, 3.0, rate=44100), 44100)
    soundfile.write(folder / "album" / "d.ogg", np.stack([tone(200.0), tone(200.0)], axis=1), RATE)
    (folder / "album" / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / ".hidden.wav").write_bytes(b"RIFF")
    return folder
