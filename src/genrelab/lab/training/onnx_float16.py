"""Half-precision weights in a model file: half its size, computed in single precision as before."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_LEAST = 1024  # values; smaller tables are not worth a node
_BODY = "network.body."  # not the front-ends: rounded Fourier kernels and filters would leak into quiet bands


def halve_weights(program: onnx.ModelProto) -> None:
    """Keep a network's large weights as float16, each with a node that makes it float32 when loaded.

    Parameters
    ----------
    program : onnx.ModelProto
        Changed in place. Weights of front-ends stay as they are, and so does what has values beyond
        float16's range.
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
