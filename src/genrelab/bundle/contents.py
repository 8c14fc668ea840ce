"""What an ONNX file refers to, read from its bytes before anything is run.

A model file comes from outside. ONNX lets one point to other files (external data) and to operators
that only a loaded library knows (custom domains); both are found here, without the package `onnx`, by
walking the protocol buffer. Field numbers are those of onnx.proto (github.com/onnx/onnx), the encoding
is that of protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Message -> number of a field -> the message that it holds: every way that leads to a tensor or a node.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 14: "property", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_PROPERTY_KEY, _PROPERTY_VALUE = 1, 2


class WireError(ValueError):
    """The bytes are not a protocol buffer, or end too early."""


@dataclass
class Contents:
    """What was found in an ONNX file.

    Attributes
    ----------
    properties : dict of str to str
        The metadata.
    has_graph : bool
        Whether there is a graph at all; what is no ONNX file has none.
    external_data : bool
        Whether a tensor's values are in another file.
    domains : dict of str to str
        Domain of operators that are used -> one of the operators.
    """

    properties: dict[str, str] = field(default_factory=dict)
    has_graph: bool = False
    external_data: bool = False
    domains: dict[str, str] = field(default_factory=dict)


def examine(data: bytes) -> Contents:
    """Read what an ONNX file refers to.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    Contents

    Raises
    ------
    WireError
        If the bytes are not a protocol buffer, or end too early.
    """
    contents = Contents()
    waiting = [("model", memoryview(data))]  # no recursion: nesting comes from outside
    while waiting:
        kind, message = waiting.pop()
        children = _CHILDREN.get(kind, {})
        texts: dict[int, str] = {}
        for number, value in _fields(message):
            if isinstance(value, int):
                if kind == "tensor" and number == _TENSOR_DATA_LOCATION and value:
                    contents.external_data = True
            elif number in children:
                waiting.append((children[number], value))
                contents.has_graph |= kind == "model" and number == 7
            elif kind == "tensor":
                contents.external_data |= number == _TENSOR_EXTERNAL_DATA
            elif kind in ("node", "property"):
                texts[number] = bytes(value).decode("utf-8", errors="replace")
        if kind == "node":
            contents.domains[texts.get(_NODE_DOMAIN, "")] = texts.get(_NODE_OPERATOR, "")
        elif kind == "property":
            contents.properties[texts.get(_PROPERTY_KEY, "")] = texts.get(_PROPERTY_VALUE, "")
    return contents


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field of a message; fixed-size numbers are passed over."""
    position, end = 0, len(message)
    while position < end:
        tag, position = _varint(message, position)
        number, wire = (tag & 0xFFFFFFFF) >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire == _BYTES:
            size, position = _varint(message, position)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise WireError(f"a field of the unknown kind {wire}")
        if position + size > end:
            raise WireError("the data ends in the middle of a value")
        if wire == _BYTES:
            yield number, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise WireError("the data ends in the middle of a number")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise WireError("a number of more than ten bytes")
