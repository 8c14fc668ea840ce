"""New heads on programs of other kinds: half precision, taught before, with subgraphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from teaching import run
from tiny_onnx import tiny_metadata, tiny_program

from genrelab.bundle.bundle import Bundle
from genrelab.bundle.metadata import TrainingCorpus
from genrelab.teach.fit.discriminant import Linear
from genrelab.teach.head import Head, Statement, write_taught

ABOUT = TrainingCorpus(name="own examples (2 tracks, 2 genres)", licence="the user's own", citation="taught")
WAVES = np.random.default_rng(0).normal(0, 0.1, (4, 1, 8000)).astype(np.float32)


def half_precision(path: Path) -> Path:
    """Write a model whose embedding passes half precision weights."""
    program = tiny_program(tiny_metadata())
    graph = program.graph
    for node in graph.node:
        if "embedding" in node.output:
            node.output[0] = "whole"
    weights = numpy_helper.from_array(np.array([[1, 0.5, 2], [0.25, 1, 0]], np.float16), "half_weights")
    graph.initializer.append(weights)
    graph.node.extend(
        [
            helper.make_node("Cast", ["whole"], ["half"], to=TensorProto.FLOAT16),
            helper.make_node("MatMul", ["half", "half_weights"], ["half_embedding"]),
            helper.make_node("Cast", ["half_embedding"], ["embedding"], to=TensorProto.FLOAT),
        ]
    )
    for output in graph.output:
        if output.name == "embedding":
            output.type.tensor_type.shape.dim[1].dim_value = 3
    onnx.save(program, path)
    return path


def head(size: int, *genres: str) -> Head:
    rng = np.random.default_rng(3)
    linear = Linear(rng.normal(size=(size, len(genres))), rng.normal(size=len(genres)))
    return Head(genres, linear, 2.0, 0.4)


def teach(base: Path, target: Path, new: Head) -> Bundle:
    write_taught(target, Bundle.load(base), base, new, Statement("mine", ABOUT, {"corpus": "own"}))
    return Bundle.load(target)


def expected(bundle: Bundle, new: Head) -> np.ndarray:
    logits = new.linear.scores(bundle.predict(WAVES).embeddings)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_half_precision(tmp_path: Path) -> None:
    base = half_precision(tmp_path / "half.onnx")
    new = head(3, "one", "two", "three", "four")
    taught = teach(base, tmp_path / "mine.onnx", new)
    assert np.array_equal(taught.predict(WAVES).embeddings, Bundle.load(base).predict(WAVES).embeddings)
    assert np.allclose(taught.predict(WAVES).probabilities, expected(taught, new), atol=1e-5)


def test_a_taught_model_is_taught_again(tiny_model: Path, tmp_path: Path) -> None:
    first = teach(tiny_model, tmp_path / "first.onnx", head(2, "one", "two"))
    second = teach(tmp_path / "first.onnx", tmp_path / "second.onnx", head(2, "three", "four", "five"))
    assert second.metadata.base == first.metadata.base == Bundle.load(tiny_model).identity
    assert second.metadata.genres == ("three", "four", "five")
    assert len([each for each in second.metadata.corpora if each.citation == ABOUT.citation]) == 1
    names = [node.name for node in onnx.load(tmp_path / "second.onnx").graph.initializer]
    assert len([name for name in names if "logits" in name]) == 2  # those of the first head are gone


def test_the_old_head_is_removed(tiny_model: Path, tmp_path: Path) -> None:
    teach(tiny_model, tmp_path / "mine.onnx", head(2, "one", "two"))
    graph = onnx.load(tmp_path / "mine.onnx").graph
    assert "tones" not in {each.name for each in graph.initializer}
    assert {"squared", "logits"}.isdisjoint(name for node in graph.node for name in node.output)
    onnx.checker.check_model(onnx.load(tmp_path / "mine.onnx"), full_check=True)


def test_a_model_file_says_what_it_is(tiny_model: Path, tmp_path: Path) -> None:
    taught = teach(tiny_model, tmp_path / "mine.onnx", head(2, "one", "two"))
    about = taught.metadata
    assert about.format_version == 3 and about.recipe == "mine" and about.abstain_below == 0.4
    assert about.voting == "mean" and about.temperature == 2.0
    assert str(tmp_path) not in about.model_dump_json()
    assert run("model", "info", tmp_path / "mine.onnx") == 0
