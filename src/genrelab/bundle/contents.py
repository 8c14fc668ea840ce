"""What an ONNX file refers to, read from its bytes before anything is run.

Model files are untrusted. An ONNX file can refer to other files (external data) and to operators of loaded
libraries (custom domains); both are detected here by walking the protocol buffer, without the package `onnx`.
Field numbers: onnx.proto (github.com/onnx/onnx); encoding: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from genrelab.bundle.bounds import MOST_FIELDS, MOST_NESTING

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Message -> field number -> its message, for every path to a tensor or a node.
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
_ATTRIBUTE_NAME, _ATTRIBUTE_NUMBER = 1, 3
_TENSOR_TYPE, _STRING_TYPE = 2, 8
_TEXTS = {
    "node": {_NODE_OPERATOR, _NODE_DOMAIN},
    "property": {_PROPERTY_KEY, _PROPERTY_VALUE},
    "attribute": {_ATTRIBUTE_NAME},
}

# Texts grow outside the limited memory, and no recognizer of sound needs them.
_TEXT_ATTRIBUTES = frozenset({"value_string", "value_strings"})
_TEXT_OPERATORS = frozenset(
    {
        "StringConcat", "StringSplit", "StringNormalizer", "RegexFullMatch", "TfIdfVectorizer",
        "LabelEncoder", "CategoryMapper", "ZipMap", "DictVectorizer",
    }
)  # fmt: skip


class WireError(ValueError):
    """The bytes are not a protocol buffer, or end too early."""


@dataclass
class Contents:
    """What an ONNX file refers to.

    Attributes
    ----------
    properties : dict of str to str
        The metadata.
    has_graph : bool
        Whether there is a graph; a file that is not ONNX has none.
    external_data : bool
        Whether values of a tensor are in another file.
    domains : dict of str to str
        Domain of used operators -> one of its operators.
    functions : bool
        Whether there are functions (operators made of others); a few can expand to an endless number.
    texts : bool
        Whether operators process text.
    """

    properties: dict[str, str] = field(default_factory=dict)
    has_graph: bool = False
    external_data: bool = False
    domains: dict[str, str] = field(default_factory=dict)
    functions: bool = False
    texts: bool = False


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
        If the bytes are not a protocol buffer, end too early, or have too many or too deeply nested messages.
    """
    contents = Contents()
    waiting = [("model", memoryview(data), 0)]  # no recursion: the file decides the depth
    fields = 0
    while waiting:
        kind, message, depth = waiting.pop()
        if depth > MOST_NESTING:
            raise WireError(f"more than {MOST_NESTING} nested messages")
        children = _CHILDREN.get(kind, {})
        texts: dict[int, str] = {}
        numbers: dict[int, int] = {}
        for number, value in _fields(message):
            fields += 1
            if fields > MOST_FIELDS:
                raise WireError(f"more than {MOST_FIELDS:,} fields")
            if value is None:
                continue
            if isinstance(value, int):
                numbers[number] = value & 0xFFFFFFFF  # other readers use an int32
            elif number in children:
                waiting.append((children[number], value, depth + 1))
                contents.has_graph |= kind == "model" and number == 7
                contents.functions |= children[number] == "function"
            elif kind == "tensor":
                contents.external_data |= number == _TENSOR_EXTERNAL_DATA
            elif number in _TEXTS.get(kind, ()):
                texts[number] = bytes(value).decode("utf-8", errors="replace")
        _note(contents, kind, texts, numbers)
    return contents


def _note(contents: Contents, kind: str, texts: dict[int, str], numbers: dict[int, int]) -> None:
    """Add the facts of a message's own fields to the contents."""
    if kind == "node":
        operator = texts.get(_NODE_OPERATOR, "")
        contents.domains[texts.get(_NODE_DOMAIN, "")] = operator
        contents.texts |= operator in _TEXT_OPERATORS
    elif kind == "attribute":
        name = texts.get(_ATTRIBUTE_NAME, "")
        contents.texts |= name in _TEXT_ATTRIBUTES
        contents.texts |= name == "to" and numbers.get(_ATTRIBUTE_NUMBER) == _STRING_TYPE
    elif kind == "tensor":
        contents.external_data |= bool(numbers.get(_TENSOR_DATA_LOCATION))
        contents.texts |= numbers.get(_TENSOR_TYPE) == _STRING_TYPE
    elif kind == "property":
        contents.properties[texts.get(_PROPERTY_KEY, "")] = texts.get(_PROPERTY_VALUE, "")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview | None]]:
    """Yield number and value of each field of a message; None for fixed-size numbers."""
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
        yield number, message[position : position + size] if wire == _BYTES else None
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
