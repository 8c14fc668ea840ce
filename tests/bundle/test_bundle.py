from __future__ import annotations

import hashlib
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from raising import raises

from genrelab.bundle.bundle import Bundle
from genrelab.errors import ModelFileError


def _save(program: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(program, folder / "changed.onnx")
    return folder / "changed.onnx"


def test_predictions_are_those_of_the_formula(tiny: ModuleType, tiny_model: Path) -> None:
    waves = np.stack([tiny.tone(frequency, 1.0) for frequency in (3000.0, 200.0)])[:, None]
    probabilities, embeddings, _ = Bundle.load(tiny_model, threads=1).predict(waves)
    brightness = np.abs(np.diff(waves[:, 0])).mean(axis=1) / np.abs(waves[:, 0]).mean(axis=1)
    tones = 2 * np.sin(np.pi * np.array([200.0, 1000.0, 3000.0]) / 8000)
    logits = -20.0 * (brightness[:, None] - tones) ** 2
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(embeddings[:, 0], brightness, rtol=1e-4)
    assert probabilities.dtype == embeddings.dtype == np.float32


def test_identity_is_recipe_and_hash_of_the_bytes(tiny: ModuleType, tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "other name.bin"
    copy.write_bytes(tiny_model.read_bytes())
    digest = hashlib.sha256(tiny_model.read_bytes()).hexdigest()[:12]
    assert Bundle.load(tiny_model).identity == Bundle.load(copy).identity == f"tiny@{digest}"
    other = tiny.write_tiny(tmp_path / "other.onnx", abstain_below=0.5)
    assert Bundle.load(other).identity != Bundle.load(copy).identity


@pytest.mark.parametrize("shape", [(1, 8000), (0, 1, 8000), (1, 2, 8000), (1, 1, 7999)])
def test_other_shapes_are_refused(tiny_model: Path, shape: tuple[int, ...]) -> None:
    with raises("model-input-shape", 8000, shape):
        Bundle.load(tiny_model).predict(np.zeros(shape, np.float32))


def test_threads(tiny_model: Path) -> None:
    with raises("thread-count", 0):
        Bundle.load(tiny_model, threads=0)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "model-missing"),
        (b"", "model-empty"),
        (b"this is no model, it is a letter\n", "model-not-onnx"),
        (b"\x08\x07", "model-not-onnx"),
    ],
)
def test_what_is_no_model_file(tmp_path: Path, content: bytes | None, code: str) -> None:
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with raises(code, path):
        Bundle.load(path)


def test_a_folder(tmp_path: Path) -> None:
    with raises("model-folder", tmp_path):
        Bundle.load(tmp_path)


def test_cut_off_and_damaged(tiny_model: Path, tmp_path: Path) -> None:
    data = tiny_model.read_bytes()
    path = tmp_path / "m.onnx"
    for damaged in (data[: len(data) // 2], data[:-1], data.replace(b"Softmax", b"Softmin")):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match=re.escape(str(path))):
            Bundle.load(path)


def test_an_onnx_file_of_somebody_else(tiny: ModuleType, tmp_path: Path) -> None:
    program = tiny.tiny_program(tiny.tiny_metadata())
    del program.metadata_props[:]
    with raises("model-not-genrelab", "changed.onnx"):
        Bundle.load(_save(program, tmp_path))


def test_a_newer_file(tiny: ModuleType, tmp_path: Path) -> None:
    program = tiny.tiny_program(tiny.tiny_metadata(), text='{"format_version": 9}')
    with raises("model-newer", 9):
        Bundle.load(_save(program, tmp_path))


def test_other_files_are_never_opened(tiny: ModuleType, tmp_path: Path) -> None:
    program = tiny.tiny_program(tiny.tiny_metadata())
    path = tmp_path / "m.onnx"
    onnx.save(program, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").exists()
    with raises("model-external-data", path):
        Bundle.load(path)


def test_custom_operators_are_refused(tiny: ModuleType, tmp_path: Path) -> None:
    program = tiny.tiny_program(tiny.tiny_metadata())
    program.opset_import.append(helper.make_opsetid("com.example", 1))
    program.graph.node.append(helper.make_node("Fetch", ["waveform"], ["x"], domain="com.example"))
    with raises("model-custom-operator", "'Fetch'", "'com.example'"):
        Bundle.load(_save(program, tmp_path))


def test_names_are_checked(tiny: ModuleType, tmp_path: Path) -> None:
    program = tiny.tiny_program(tiny.tiny_metadata())
    program.graph.output[1].name = "brightness"
    with raises("model-signature", "brightness", "embedding"):
        Bundle.load(_save(program, tmp_path))


@pytest.mark.parametrize(
    "changes",
    [{"genres": ("a", "b")}, {"channels": 2}, {"segment_seconds": 2.0}, {"sample_rate": 16000}],
)
def test_a_graph_that_does_not_fit_its_metadata(
    tiny: ModuleType, tmp_path: Path, changes: dict[str, object]
) -> None:
    text = tiny.tiny_metadata(**changes).model_dump_json()
    with raises("model-signature", "changed.onnx"):
        Bundle.load(_save(tiny.tiny_program(tiny.tiny_metadata(), text=text), tmp_path))


def test_a_fixed_batch_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    program = tiny.tiny_program(tiny.tiny_metadata())
    program.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    with raises("model-signature", "waveform"):
        Bundle.load(_save(program, tmp_path))


def test_dynamic_samples_are_fine(tiny: ModuleType, tmp_path: Path) -> None:
    program = tiny.tiny_program(tiny.tiny_metadata())
    program.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "samples"
    bundle = Bundle.load(_save(program, tmp_path))
    assert bundle.predict(np.ones((2, 1, 8000), np.float32))[0].shape == (2, 3)


def test_numbers_that_are_no_probabilities(tiny: ModuleType, tmp_path: Path) -> None:
    program = tiny.tiny_program(tiny.tiny_metadata())
    softmax = next(node for node in program.graph.node if node.op_type == "Softmax")
    softmax.op_type = "Identity"
    del softmax.attribute[:]
    bundle = Bundle.load(_save(program, tmp_path))
    with raises("model-no-probabilities"):
        bundle.predict(np.ones((1, 1, 8000), np.float32))


def test_a_network_that_fails(tiny: ModuleType, tmp_path: Path) -> None:
    program = tiny.tiny_program(tiny.tiny_metadata())
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [7, 2])
    program.graph.initializer.append(shape)
    program.graph.node[-1].output[0] = "pair"
    program.graph.node.append(helper.make_node("Reshape", ["pair", "shape"], ["embedding"]))
    del program.graph.output[1].type.tensor_type.shape.dim[:]
    program.graph.output[1].type.tensor_type.shape.dim.add().dim_param = "batch"
    program.graph.output[1].type.tensor_type.shape.dim.add().dim_param = "d"
    program.graph.node[-1].input[1] = "shape"
    with raises("model-signature", "changed.onnx"):
        Bundle.load(_save(program, tmp_path)).predict(np.ones((1, 1, 8000), np.float32))
