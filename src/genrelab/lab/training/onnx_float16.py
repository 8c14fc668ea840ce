"""Half-precision weights in a model file: half the size, with computation in single precision."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_LEAST = 1024  # values; a smaller table is not worth a node
_BODY = "network.body."  # not the front-ends: rounded Fourier kernels and filters would leak into quiet bands


def halve_weights(program: onnx.ModelProto) -> None:
    """Store large weights of a network as float16, each with a node that converts it to float32 when loaded.

    Parameters
    ----------
    program : onnx.ModelProto
        Changed in place. Weights of front-ends, and weights outside the range of float16, stay unchanged.
    """
    graph = program.graph
    casts = []
    for tensor in graph.initializer:
        if not tensor.name.startswith(_BODY) or tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < _LEAST or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name, half = tensor.name, f"{tensor.name}.half"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
