"""Model files that mean harm end with an error, in bounded time and memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import hostile_onnx
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from raising import raises

from genrelab.bundle import bounded, bounds, bundle
from genrelab.bundle.bundle import Bundle
from genrelab.bundle.metadata import parse_metadata
from genrelab.errors import ModelFileError

SOUND = np.random.default_rng(0).normal(0, 0.1, (2, 1, 8000)).astype(np.float32)


def save(program: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(program.SerializeToString())
    return path


def refused(path: Path, code: str, *quoted: object) -> None:
    """A file is refused when it is loaded or first used, with one line that is not long."""
    with raises(code, path, *quoted) as caught:
        Bundle.load(path, threads=1).predict(SOUND)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 800


@pytest.mark.parametrize("make", [hostile_onnx.endless, hostile_onnx.endless_from_constants])
def test_an_endless_loop_is_stopped(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "inference_seconds", lambda seconds: 0.5)
    refused(save(make(), tmp_path), "model-too-slow", "0.5 s", "2 s")


def test_an_endless_operator_is_left_behind(tmp_path: Path) -> None:
    """In a process of its own: it ends although the operator does not."""
    path = save(hostile_onnx.one_endless_operator(), tmp_path)
    code = f"""
import sys
import numpy as np
from genrelab.bundle import bounded, bundle
bounded._FAREWELL_SECONDS = 0.1
bundle.inference_seconds = lambda seconds: 1.0
sys.excepthook = lambda kind, error, trace: print(error.code, error, flush=True)
bundle.Bundle.load({str(path)!r}, threads=1).predict(np.full((1, 1, 8000), 0.1, np.float32))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0, done.stderr  # onnxruntime may abort, as its thread still runs
    code, _, message = done.stdout.partition(" ")
    assert code == "model-too-slow" and str(path) in message


@pytest.mark.skipif(sys.platform != "linux", reason="the most memory of a process")
@pytest.mark.parametrize(
    "kind", ["growing", "huge", "huge_from_constants", "growing_text", "doubling_functions"]
)
def test_memory_is_bounded(kind: str, tmp_path: Path) -> None:
    """In a process of its own, which tells the most memory that it had."""
    path = save(getattr(hostile_onnx, kind)(), tmp_path)
    code = f"""

import numpy as np
from genrelab.bundle import bounded
from genrelab.bundle.bundle import Bundle
from genrelab.errors import ModelFileError
bounded.most_memory = lambda: 1 << 28
try:
    Bundle.load({str(path)!r}, threads=1).predict(np.full((2, 1, 8000), 0.1, np.float32))
except ModelFileError as error:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(peak.split()[1], error)  # getrusage would count what the parent had when it forked
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    most, _, message = done.stdout.partition(" ")
    assert str(path) in message
    assert int(most) < (1 << 19), "KiB: 256 MiB for the network, and Python with onnxruntime"


def test_the_bound_of_memory_is_that_of_the_machine() -> None:
    assert bounded.most_memory() <= bounds.MOST_MEMORY
    if sys.platform == "linux":
        present = next(line for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)
        assert bounded.most_memory() <= int(present.split()[1]) * 1024 // 2 + 4096


@pytest.mark.parametrize("kind", ["cast", "constant", "constants", "tensor", "operator"])
def test_texts_are_refused(kind: str, tmp_path: Path) -> None:
    refused(save(hostile_onnx.text_by(kind), tmp_path), "model-unsupported-graph")


def test_functions_are_refused(tmp_path: Path) -> None:
    refused(save(hostile_onnx.doubling_functions(), tmp_path), "model-unsupported-graph")


def test_a_file_of_five_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(5 * 10**9)  # sparse
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with raises("model-too-large", path, "5,000,000,000", f"{bounds.MOST_BYTES:,}"):
        Bundle.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 18


def own(name: str, value: Any) -> Any:
    """Return a change of a graph's output by adding or multiplying an array."""

    def change(graph: onnx.GraphProto) -> None:
        operator, array = value
        graph.initializer.append(numpy_helper.from_array(np.asarray(array, np.float32), "change"))
        graph.node.append(onnx.helper.make_node(operator, [f"own_{name}", "change"], [name]))
        other = {"probabilities": "embedding", "embedding": "probabilities"}[name]
        graph.node.append(onnx.helper.make_node("Identity", [f"own_{other}"], [other]))

    return change


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (("Add", [1.0, -1.0, 0.0]), False),  # sums to 1, and one is below 0
        (("Add", [0.002, -0.002, 0.0]), False),
        (("Mul", [3.0, 3.0, 3.0]), False),
        (("Mul", [0.0, 0.0, 0.0]), False),
        (("Mul", [np.nan, 1.0, 1.0]), False),
        (("Mul", [np.inf, 1.0, 1.0]), False),
        (("Add", [1e-5, -1e-5, 0.0]), True),
    ],
)
def test_what_is_no_probability_is_refused(value: Any, right: bool, tmp_path: Path) -> None:
    path = save(hostile_onnx.answering(own("probabilities", value)), tmp_path)
    high = 0.3 * np.sin(2 * np.pi * 3000 * np.arange(8000) / 8000).astype(np.float32)[None, None]
    if right:
        assert Bundle.load(path).predict(high)[0].argmax() == 2
    else:
        with raises("model-no-probabilities", path):
            Bundle.load(path).predict(high)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_embedding_is_finite(value: float, tmp_path: Path) -> None:
    path = save(hostile_onnx.answering(own("embedding", ("Mul", [value, 1.0]))), tmp_path)
    refused(path, "model-not-finite")


def test_an_embedding_has_one_size_and_no_huge_one(tmp_path: Path) -> None:
    def change(graph: onnx.GraphProto) -> None:
        node = onnx.helper.make_node
        graph.node.append(node("Identity", ["own_probabilities"], ["probabilities"]))
        graph.node.append(node("Transpose", ["waveform"], ["turned"], perm=[1, 2, 0]))  # [1, samples, batch]
        graph.node.append(node("ReduceMean", ["turned", "zero_one"], ["halves"], keepdims=0))  # [batch]
        graph.initializer.append(numpy_helper.from_array(np.array([0, 1]), "zero_one"))
        graph.node.append(node("Shape", ["halves"], ["batch"]))
        graph.node.append(node("Concat", ["batch", "batch"], ["square"], axis=0))
        graph.node.append(node("Expand", ["one_f", "square"], ["embedding"]))
        graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), "one_f"))
        graph.output[1].type.tensor_type.shape.dim[1].dim_param = "d"

    model = Bundle.load(save(hostile_onnx.answering(change), tmp_path))
    assert model.predict(SOUND)[1].shape == (2, 2)
    with raises("model-output-shape", "(3, 3) and (3, 3)", 3):
        model.predict(np.concatenate([SOUND, SOUND[:1]]))

    def grow(graph: onnx.GraphProto) -> None:
        node = onnx.helper.make_node
        graph.node.append(node("Identity", ["own_probabilities"], ["probabilities"]))
        graph.node.append(node("Tile", ["own_embedding", "times"], ["embedding"]))
        graph.initializer.append(numpy_helper.from_array(np.array([1, bounds.MOST_EMBEDDING]), "times"))
        graph.output[1].type.tensor_type.shape.dim[1].dim_param = "d"

    refused(save(hostile_onnx.answering(grow), tmp_path), "model-output-shape")


@pytest.mark.parametrize(
    ("changes", "quoted"),
    [
        ({"segment_seconds": 1e-9, "hop_seconds": 1e-9}, "segment_seconds"),
        ({"segment_seconds": 601.0}, "segment_seconds"),
        ({"hop_seconds": 0.0099}, "1/100"),
        ({"hop_seconds": 0.0}, "hop_seconds"),
        ({"sample_rate": 384_000, "segment_seconds": 99.0}, "33,554,432"),
        ({"sample_rate": 999}, "sample_rate"),
        ({"sample_rate": 10**9}, "sample_rate"),
        ({"channels": 3}, "channels"),
        ({"genres": [str(number) for number in range(2001)]}, "genres"),
        ({"genres": ["a", "b" * 201]}, "genres.1"),
        ({"genres": ["a", "b\x1b[31m"]}, "genres.1"),
        ({"recipe": "r" * 201}, "recipe"),
        ({"k" * 100_000: 1}, "kkk... (100000 characters)"),
        ({"voting": "v" * 100_000}, "voting"),
        ({"format_version": 10**400}, "pip install --upgrade genrelab"),
        ({"results": [{"deep": json.loads("[" * 300 + "]" * 300)}]}, "metadata"),
        ({"learned": ["0" * 12] * 1_200_000}, "16,777,216"),
        ({"segment_seconds": float("nan")}, "segment_seconds"),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_bounds_of_metadata(changes: dict[str, Any], quoted: str, tiny: ModuleType) -> None:
    values = {**json.loads(tiny.tiny_metadata().model_dump_json()), **changes}
    with pytest.raises(ModelFileError) as caught:
        parse_metadata(json.dumps(values), path="x.onnx")
    message = str(caught.value)
    assert quoted in message and "x.onnx" in message and len(message) < 1000


def test_metadata_at_the_bounds_is_taken(tiny: ModuleType) -> None:
    changes = {
        "genres": [str(number) for number in range(bounds.MOST_GENRES)],
        "recipe": "r" * bounds.LONGEST_NAME,
        "hop_seconds": 0.01,
        "learned": ["0" * 12] * 1_000_000,
    }
    values = {**json.loads(tiny.tiny_metadata().model_dump_json()), **changes}
    assert len(parse_metadata(json.dumps(values), path="x.onnx").learned) == 1_000_000


def test_long_names_are_shortened_in_messages(tiny: ModuleType, tmp_path: Path) -> None:
    long = "n" * 100_000
    program = tiny.tiny_program(tiny.tiny_metadata())
    program.graph.node[0].domain = program.graph.node[0].op_type = long
    refused(save(program, tmp_path), "model-custom-operator", "(100000 characters)")
    program = tiny.tiny_program(tiny.tiny_metadata())
    program.graph.output[0].name = long
    refused(save(program, tmp_path), "model-unusable")
    program = tiny.tiny_program(tiny.tiny_metadata())
    program.graph.node[0].op_type = long
    refused(save(program, tmp_path), "model-unusable")
    program = tiny.tiny_program(tiny.tiny_metadata())
    program.graph.output[0].type.tensor_type.shape.dim[1].dim_param = long
    program.graph.output[0].type.tensor_type.shape.dim.add().dim_param = long
    refused(save(program, tmp_path), "model-signature")


def test_a_call_within_its_time_gives_what_it_gives() -> None:
    assert bounded.call_within(lambda: 5, 10.0, stop=lambda: None) == 5
    with pytest.raises(ZeroDivisionError):
        bounded.call_within(lambda: 1 / 0, 10.0, stop=lambda: None)
    stopped: list[bool] = []
    with pytest.raises(TimeoutError):
        bounded.call_within(
            lambda: [time.sleep(0.01) for _ in range(500) if not stopped],
            0.05,
            stop=lambda: stopped.append(True),
        )
    assert stopped == [True]
