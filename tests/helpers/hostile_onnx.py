"""Model files that mean harm: each is the tiny model with a few nodes more, and valid ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tiny_onnx import tiny_metadata, tiny_program

node = helper.make_node


def extended(nodes: list[onnx.NodeProto], constants: Mapping[str, Any]) -> onnx.ModelProto:
    """Return the tiny model with nodes that give `more`, a number that is added to its embeddings."""
    program = tiny_program(tiny_metadata())
    for each in program.graph.node:
        if each.output[0] == "embedding":
            each.output[0] = "own_embedding"
    program.graph.node.extend([*nodes, node("Add", ["own_embedding", "more"], ["embedding"])])
    arrays = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    program.graph.initializer.extend(arrays)
    return program


def _loop(step: list[onnx.NodeProto], constants: Mapping[str, Any], kind: int) -> onnx.GraphProto:
    """Return a loop's body that goes on for ever: from `x` it makes `y`."""
    value = helper.make_tensor_value_info
    taken = [value("i", TensorProto.INT64, []), value("c", TensorProto.BOOL, []), value("x", kind, None)]
    given = [value("c2", TensorProto.BOOL, []), value("y", kind, None)]
    arrays = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    return helper.make_graph([node("Identity", ["c"], ["c2"]), *step], "body", taken, given, arrays)


def _looping(step: list[onnx.NodeProto], constants: Mapping[str, Any], first: str) -> onnx.ModelProto:
    body = _loop(step, constants, TensorProto.FLOAT)
    nodes = [
        node("Loop", ["", "yes", first], ["looped"], body=body),
        node("ReduceMean", ["looped"], ["more"], keepdims=0),
    ]
    return extended(nodes, {"yes": np.array(True), "start": np.ones(1, np.float32)})


def endless() -> onnx.ModelProto:
    """A loop that never ends."""
    return _looping([node("Mul", ["x", "half"], ["y"])], {"half": np.float32(0.5)}, "mean_level")


def endless_from_constants() -> onnx.ModelProto:
    """A loop that never ends, of constants alone, which might be run when the file is loaded."""
    return _looping([node("Mul", ["x", "half"], ["y"])], {"half": np.float32(0.5)}, "start")


def growing() -> onnx.ModelProto:
    """A loop whose array doubles at each step."""
    return _looping([node("Concat", ["x", "x"], ["y"], axis=0)], {}, "mean_level")


def huge() -> onnx.ModelProto:
    """An array of 160 GB."""
    nodes = [
        node("Expand", ["mean_level", "shape"], ["big"]),
        node("ReduceMean", ["big"], ["more"], keepdims=0),
    ]
    return extended(nodes, {"shape": np.array([200_000, 200_000])})


def huge_from_constants() -> onnx.ModelProto:
    """An array of 40 GB, of constants alone."""
    ones = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        node("ConstantOfShape", ["shape"], ["big"], value=ones),
        node("ReduceMean", ["big"], ["more"], keepdims=0),
    ]
    return extended(nodes, {"shape": np.array([10**10])})


def one_endless_operator() -> onnx.ModelProto:
    """A single convolution of years, which onnxruntime does not stop."""
    nodes = [
        node("Reshape", ["mean_level", "one_each"], ["point"]),
        node("Expand", ["point", "signal"], ["long"]),
        node("Expand", ["point", "kernel"], ["wide"]),
        node("Conv", ["long", "wide"], ["sums"], kernel_shape=[30_000_000]),
        node("ReduceMean", ["sums"], ["more"], keepdims=0),
    ]
    shapes = {"one_each": [1, 1, 1], "signal": [1, 1, 60_000_000], "kernel": [1, 1, 30_000_000]}
    return extended(nodes, {name: np.array(shape) for name, shape in shapes.items()})


def growing_text() -> onnx.ModelProto:
    """A loop whose text doubles at each step, outside onnxruntime's own memory."""
    body = _loop([node("StringConcat", ["x", "x"], ["y"])], {}, TensorProto.STRING)
    nodes = [
        node("Cast", ["mean_level"], ["text"], to=TensorProto.STRING),
        node("Loop", ["", "yes", "text"], ["looped"], body=body),
        node("Shape", ["looped"], ["shape"]),
        node("Cast", ["shape"], ["more"], to=TensorProto.FLOAT),
    ]
    program = extended(nodes, {"yes": np.array(True)})
    program.opset_import[0].version = 20
    return program


def text_by(kind: str) -> onnx.ModelProto:
    """A model with a text that is made by `cast`, a `constant`, a `tensor` or an `operator`."""
    texts = helper.make_tensor("t", TensorProto.STRING, [1], [b"a"])
    made = {
        "cast": node("Cast", ["mean_level"], ["text"], to=TensorProto.STRING),
        "constant": node("Constant", [], ["text"], value_string="a"),
        "constants": node("Constant", [], ["text"], value_strings=["a"]),
        "tensor": node("Constant", [], ["text"], value=texts),
        "operator": node("LabelEncoder", ["zero"], ["text"], "x", domain="ai.onnx.ml", values_strings=["a"]),
    }[kind]  # fmt: skip
    return extended([made, node("Identity", ["mean_level"], ["more"])], {})


def doubling_functions(depth: int = 40) -> onnx.ModelProto:
    """Functions each of which calls the next one twice: 2**40 operators."""
    program = extended([node("f0", ["mean_level"], ["more"], domain="ai.onnx.ml")], {})
    for number in range(depth):
        inside = [node("Neg", ["a"], ["c"])]
        if number < depth - 1:
            called = f"f{number + 1}"
            inside = [
                node(called, ["a"], ["b"], domain="ai.onnx.ml"),
                node(called, ["b"], ["c"], domain="ai.onnx.ml"),
            ]
        versions = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
        program.functions.append(
            helper.make_function("ai.onnx.ml", f"f{number}", ["a"], ["c"], inside, versions)
        )
    return program


def answering(change: Callable[[onnx.GraphProto], None]) -> onnx.ModelProto:
    """The tiny model with other outputs: `change` gets the graph, whose own ones are `own_...`."""
    program = tiny_program(tiny_metadata())
    for each in program.graph.node:
        if each.output[0] in ("probabilities", "embedding"):
            each.output[0] = f"own_{each.output[0]}"
    change(program.graph)
    return program
