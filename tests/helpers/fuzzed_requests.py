"""Requests drawn from an OpenAPI document: mostly what it allows, at times what it does not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

HOSTILE = st.sampled_from(
    ["", "0", "-1", "1e309", "NaN", "null", "true", "[]", "{}", "../../etc/passwd", "..\\..\\x", "\0",
     "%00", "%2e", "a" * 5000, "'; DROP TABLE tracks; --", "<script>alert(1)</script>", "\u202e", "9" * 400,
     "-0", "🎵", "*", "%", "genre=", "genre=rock|", "mood=calm>2", "LIKE '%", "/", "//", ".", "~", "\r\nx: y"]
)  # fmt: skip
TEXT = st.one_of(HOSTILE, st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=5,
)


@dataclass(frozen=True)
class Drawn:
    method: str
    address: str
    body: bytes | None
    headers: dict[str, str]


def requests(
    document: dict[str, Any], method: str, path: str, known: tuple[str, ...] = ()
) -> st.SearchStrategy[Drawn]:
    """Return a strategy for requests to one operation of a document.

    `known` are identifiers that exist; half of those in paths are of them.
    """
    identifiers = st.one_of(st.sampled_from(known), TEXT) if known else TEXT
    operation = document["paths"][path][method]
    prefix = document["servers"][0]["url"]

    @st.composite
    def draw_request(draw: st.DrawFn) -> Drawn:
        address, query = path, []
        for parameter in operation["parameters"]:
            name = parameter["name"]
            if parameter["in"] == "path":
                address = address.replace(f"{{{name}}}", quote(draw(identifiers), safe=""))
            elif parameter["required"] or draw(st.booleans()):
                value = draw(values(parameter["schema"], document))
                many = value if isinstance(value, list) else [value]
                query += [(name, each if isinstance(each, str) else json.dumps(each)) for each in many]
        if draw(st.integers(0, 9)) == 0:
            query.append((draw(TEXT), draw(TEXT)))
        body, headers = draw(bodies(operation.get("requestBody", {}).get("content", {}), document))
        text = urlencode(query, errors="replace")
        return Drawn(method.upper(), f"{prefix}{address}" + (f"?{text}" if text else ""), body, headers)

    return draw_request()


@st.composite
def bodies(
    draw: st.DrawFn, content: dict[str, Any], document: dict[str, Any]
) -> tuple[bytes | None, dict[str, str]]:
    if not content:
        return None, {}
    kind = draw(st.sampled_from(sorted(content)))
    if kind == "application/json":
        value = draw(values(content[kind]["schema"], document))
        text = json.dumps(value).encode() if draw(st.integers(0, 19)) else draw(st.binary(max_size=50))
        return text, {"content-type": kind}
    if kind == "multipart/form-data":
        name = draw(TEXT).replace('"', "").replace("\r", "").replace("\n", "")[:300]
        part = f'--B\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        sound = draw(st.binary(max_size=300))
        whole = part.encode() + sound + b"\r\n--B--\r\n"
        if draw(st.integers(0, 4)) == 0:
            whole = whole[: draw(st.integers(0, len(whole)))]
        return whole, {"content-type": "multipart/form-data; boundary=B"}
    return draw(st.binary(max_size=300)), {"content-type": kind}


def values(schema: Any, document: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for values: nine in ten as the schema allows."""
    return st.integers(0, 9).flatmap(lambda dice: _fitting(schema, document) if dice else ANYTHING)


def _fitting(schema: Any, document: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        place = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        return _fitting(place, document)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return st.one_of([_fitting(each, document) for each in schema[key]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _of_type(schema, document)


def _of_type(schema: Any, document: dict[str, Any]) -> st.SearchStrategy[Any]:
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        needed = set(schema.get("required", ()))
        of = {name: values(each, document) for name, each in schema["properties"].items()}
        return st.fixed_dictionaries(
            {name: each for name, each in of.items() if name in needed},
            optional={name: each for name, each in of.items() if name not in needed},
        )
    if kind == "array":
        return st.lists(values(schema.get("items", {}), document), max_size=4)
    if kind == "integer":
        low, high = int(schema.get("minimum", -3)), int(schema.get("maximum", 1 << 40))
        return st.integers(low, max(low, high))
    if kind == "number":
        return st.one_of(st.floats(), st.floats(-1, 2))
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    return TEXT if kind == "string" else ANYTHING
