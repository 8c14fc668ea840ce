"""`genrelab model verify`: good files pass, and each fault fails the check that it is about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import hostile_onnx
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from raising import raises

from genrelab.bundle import bundle
from genrelab.bundle.bundle import Bundle
from genrelab.bundle.find import PACKAGED_MODEL
from genrelab.bundle.metadata import BundleMetadata
from genrelab.cli.main import main
from genrelab.share.verify import CHECKS, Verification, verify_model

node = helper.make_node


def states(found: Verification) -> dict[str, str]:
    return {check.name: check.state for check in found.checks}


def failing(found: Verification) -> tuple[str, str | None]:
    (failed,) = [check for check in found.checks if check.state == "failed"]
    assert failed.detail and "\n" not in failed.detail
    later = list(CHECKS)[list(CHECKS).index(failed.name) + 1 :]
    assert {states(found)[name] for name in later} <= {"not run"}
    return failed.name, failed.code


def save(program: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(program.SerializeToString())
    return path


@pytest.mark.parametrize("tags", [False, True])
def test_a_good_file_passes(tags: bool, tiny_model: Path, tagged_model: Path) -> None:
    path = tagged_model if tags else tiny_model
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    found = verify_model(path, sha256=digest.upper())
    assert found.passed and (found.sha256, found.bytes) == (digest, path.stat().st_size)
    assert found.model == Bundle.load(path).identity
    assert states(found) == {name: "not run" if name == "lengths" else "passed" for name in CHECKS}


@pytest.mark.slow(4)
def test_the_packaged_model_passes() -> None:
    found = verify_model(PACKAGED_MODEL)
    assert found.passed and [name for name, state in states(found).items() if state == "not run"] == [
        "sha256", "lengths"
    ]  # fmt: skip


def test_another_digest(tiny_model: Path) -> None:
    assert failing(verify_model(tiny_model, sha256="0" * 64)) == ("sha256", "model-sha256-differs")
    with raises("sha256-malformed", "12ab"):
        verify_model(tiny_model, sha256="12ab")


def test_files_that_are_no_model_files(tmp_path: Path, tiny: ModuleType) -> None:
    assert failing(verify_model(tmp_path / "none.onnx")) == ("file", "model-missing")
    assert failing(verify_model(tmp_path)) == ("file", "model-folder")
    (tmp_path / "text.onnx").write_text("no model")
    assert failing(verify_model(tmp_path / "text.onnx")) == ("format", "model-not-onnx")
    program = tiny.tiny_program(tiny.tiny_metadata(), text='{"genres": 1}')
    assert failing(verify_model(save(program, tmp_path))) == ("metadata", "model-metadata")


def test_a_file_that_is_cut_off(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "cut.onnx").write_bytes(tiny_model.read_bytes()[:-40])
    assert failing(verify_model(tmp_path / "cut.onnx")) == ("format", "model-not-onnx")


def answering(tiny: ModuleType, nodes: list[Any], constants: dict[str, Any]) -> onnx.ModelProto:
    """The tiny model whose outputs are made from its own ones, `own_probabilities` and `own_embedding`."""

    def change(graph: onnx.GraphProto) -> None:
        graph.node.extend(nodes)
        arrays = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
        graph.initializer.extend(arrays)

    return hostile_onnx.answering(change)


SAME = node("Identity", ["own_embedding"], ["embedding"])
PROBABILITIES = node("Identity", ["own_probabilities"], ["probabilities"])
NETWORKS: dict[str, tuple[list[Any], dict[str, Any], tuple[str, str]]] = {
    "sum of two": (
        [node("Add", ["own_probabilities", "own_probabilities"], ["probabilities"]), SAME],
        {},
        ("probabilities", "model-no-probabilities"),
    ),
    "not finite": (
        [PROBABILITIES, node("Div", ["own_embedding", "nothing"], ["embedding"])],
        {"nothing": np.float32(0)},
        ("values", "model-not-finite"),
    ),
    "loses a row": (
        [
            node("Slice", ["own_probabilities", "one", "far", "zero"], ["probabilities"]),
            node("Slice", ["own_embedding", "one", "far", "zero"], ["embedding"]),
        ],
        {},
        ("outputs", "model-output-shape"),
    ),
    "mixes the batch": (
        [
            node("CumSum", ["own_probabilities", "axis"], ["sums"]),
            node("Softmax", ["sums"], ["probabilities"], axis=1),
            SAME,
        ],
        {"axis": np.array(0)},
        ("batch", "model-batch-differs"),
    ),
    "random": (
        [
            PROBABILITIES,
            node("RandomNormalLike", ["own_embedding"], ["noise"]),
            node("Mul", ["noise", "little"], ["small"]),
            node("Add", ["own_embedding", "small"], ["embedding"]),
        ],
        {"little": np.float32(10)},
        ("batch", "model-batch-differs"),
    ),
    "ignores the sound": (
        [
            node("Mul", ["own_probabilities", "nothing"], ["zeros"]),
            node("Softmax", ["zeros"], ["probabilities"], axis=1),
            node("Mul", ["own_embedding", "nothing"], ["embedding"]),
        ],
        {"nothing": np.float32(0)},
        ("input", "model-input-differs"),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_that_do_something_else(name: str, tmp_path: Path, tiny: ModuleType) -> None:
    nodes, constants, expected = NETWORKS[name]
    found = verify_model(save(answering(tiny, nodes, constants), tmp_path))
    assert failing(found) == expected and not found.passed


def test_more_genres_than_outputs(tmp_path: Path, tiny: ModuleType) -> None:
    stated: BundleMetadata = tiny.tiny_metadata(genres=("a", "b", "c", "d"))
    assert failing(verify_model(save(tiny.tiny_program(stated), tmp_path))) == ("graph", "model-signature")


HOSTILE = [
    hostile_onnx.endless, hostile_onnx.growing, hostile_onnx.huge, hostile_onnx.growing_text,
    hostile_onnx.doubling_functions,
]  # fmt: skip


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_files_that_mean_harm_fail(
    make: Callable[[], onnx.ModelProto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "inference_seconds", lambda seconds: 0.5)
    name, code = failing(verify_model(save(make(), tmp_path)))
    assert name in ("format", "graph", "runs") and code is not None


def test_the_command(tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "verify", str(tiny_model)]) == 0
    shown = capsys.readouterr().out
    assert (
        all(name in shown for name in CHECKS) and hashlib.sha256(tiny_model.read_bytes()).hexdigest() in shown
    )
    assert main(["model", "verify", str(tiny_model), "--format=json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["passed"] and [check["name"] for check in record["checks"]] == list(CHECKS)
    (tmp_path / "bad.onnx").write_text("no model")
    assert main(["model", "verify", str(tmp_path / "bad.onnx")]) == 1
    assert main(["model", "verify", str(tmp_path / "bad.onnx"), "--format=json"]) == 1
    assert main(["model", "verify", str(tiny_model), "--sha256=x"]) == 2
