from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from genrelab.bundle.bounds import MOST_FIELDS, MOST_NESTING
from genrelab.bundle.contents import WireError, examine


def _model(*nodes: onnx.NodeProto, initializers: list[TensorProto] | None = None) -> onnx.ModelProto:
    return helper.make_model(helper.make_graph(list(nodes), "g", [], [], initializers or []))


def _external(name: str = "w") -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), name)
    onnx.external_data_helper.set_external_data(tensor, location="/etc/passwd")
    tensor.data_location = TensorProto.EXTERNAL
    return tensor


def test_the_metadata_is_what_onnx_reads(tiny: ModuleType) -> None:
    program = tiny.tiny_program(tiny.tiny_metadata())
    contents = examine(program.SerializeToString())
    assert contents.properties == {entry.key: entry.value for entry in program.metadata_props}
    assert contents.has_graph
    assert not contents.external_data
    assert set(contents.domains) == {""}


def test_external_data_of_weights() -> None:
    assert examine(_model(initializers=[_external()]).SerializeToString()).external_data


def test_external_data_is_found_wherever_a_tensor_can_be() -> None:
    constant = helper.make_node("Constant", [], ["c"], value=_external())
    inner = helper.make_graph([constant], "inner", [], [])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    sparse = onnx.SparseTensorProto()
    sparse.values.CopyFrom(_external())
    in_sparse = _model()
    in_sparse.graph.sparse_initializer.append(sparse)
    in_function = _model()
    in_function.functions.append(helper.make_function("own", "f", [], ["c"], [constant], []))
    in_training = _model()
    in_training.training_info.add().algorithm.CopyFrom(inner)
    for model in (_model(constant), _model(branch), in_sparse, in_function, in_training):
        assert examine(model.SerializeToString()).external_data


def test_a_location_without_the_mark_counts_too() -> None:
    tensor = _external()
    tensor.data_location = TensorProto.DEFAULT
    assert examine(_model(initializers=[tensor]).SerializeToString()).external_data


def test_custom_operators_are_found_in_branches() -> None:
    inner = helper.make_graph([helper.make_node("Steal", [], ["c"], domain="evil")], "inner", [], [])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    assert examine(_model(branch).SerializeToString()).domains == {"": "If", "evil": "Steal"}


def test_deep_nesting_is_no_recursion() -> None:
    message = b""
    for levels in range(1, 3001):  # attribute 5 of a node, graph 6 of an attribute, node 1 of a graph
        for field in (6, 5, 1):
            message = bytes([field << 3 | 2]) + _size(len(message)) + message
        if levels == MOST_NESTING // 3:
            assert examine(bytes([7 << 3 | 2]) + _size(len(message)) + message).has_graph
    with pytest.raises(WireError, match=str(MOST_NESTING)):
        examine(bytes([7 << 3 | 2]) + _size(len(message)) + message)


@pytest.mark.slow
def test_endless_many_fields_are_not_counted_to_their_end() -> None:
    nodes = b"\x0a\x00" * (MOST_FIELDS - 1)  # node 1 of a graph, empty
    assert examine(b"\x3a" + _size(len(nodes)) + nodes).has_graph
    fixed = b"\x0d" + bytes(4)
    numbers = b"\x08\x01"
    for each in (nodes, fixed * MOST_FIELDS, numbers * MOST_FIELDS):
        with pytest.raises(WireError, match=f"{MOST_FIELDS:,}"):
            examine(b"\x3a" + _size(2 * len(each)) + 2 * each)


def test_numbers_are_taken_as_readers_take_them() -> None:
    for extra in (0, 2**32, 2**63):
        tensor = b"\x10" + _size(8 + extra)  # data_type, of 32 bits
        graph = b"\x2a" + _size(len(tensor)) + tensor
        assert examine(b"\x3a" + _size(len(graph)) + graph).texts


def _size(number: int) -> bytes:
    digits = []
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_cut_off(tiny_model: Path, share: float) -> None:
    data = tiny_model.read_bytes()
    with pytest.raises(WireError):
        examine(data[: int(share * len(data))])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        contents = examine(data)
    except WireError:
        return
    try:
        parsed = onnx.ModelProto.FromString(data)
    except Exception:
        return  # protobuf is stricter: it checks text and kinds too
    assert contents.has_graph or not parsed.HasField("graph")
