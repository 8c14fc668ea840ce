"""The OpenAPI 3.1 document, written from the declared endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import genrelab
from genrelab.serve.endpoint import PREFIX, Endpoint, Query
from genrelab.serve.problem import Problem

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_SCHEMA = "#/components/schemas/{model}"
_JSON = "application/json"
_PROBLEM_JSON = "application/problem+json"
_MULTIPART = "multipart/form-data"
_BINARY: dict[str, Any] = {"type": "string", "contentMediaType": "application/octet-stream"}
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"file": {"type": "array", "items": _BINARY, "minItems": 1}},
    "required": ["file"],
}
_GROUPS = {"server": "State of the server, models, and who may use it."}
_ABOUT = (
    "Recognize the genre of music, look through the library, and write tags and playlists. "
    "Refusals are problem details (RFC 9457) with a stable `code`, and a `remedy` where one is known."
)


def openapi(endpoints: Iterable[Endpoint], *, needs_token: bool, cookie: str) -> dict[str, Any]:
    """Return the document.

    Parameters
    ----------
    endpoints : iterable of Endpoint
    needs_token : bool
        Whether requests need a token, or the cookie of a session.
    cookie : str
        Its name.

    Returns
    -------
    dict
        As JSON has it.
    """
    routes = list(endpoints)
    schemas = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for each in routes:
        path = _PARAMETER.sub(r"{\1}", each.path)
        paths.setdefault(path, {})[each.method.lower()] = _operation(each, schemas)
    groups = dict.fromkeys(each.group for each in routes)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "genrelab",
            "version": genrelab.__version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": PREFIX}],
        "tags": [_tag(name) for name in groups],
        "paths": paths,
        "components": {"schemas": schemas.components, "responses": {"Problem": _problem_response()}},
    }
    if needs_token:
        document["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": cookie},
        }
        document["security"] = [{"token": []}, {"session": []}]
    return document


class _Schemas:
    """JSON schemas of all classes, with names that are unique in the document."""

    def __init__(self, routes: list[Endpoint]) -> None:
        wanted: dict[tuple[type[BaseModel], Any], None] = {(Problem, "serialization"): None}
        for each in routes:
            if each.answer is not None:
                wanted[each.answer, "serialization"] = None
            if each.body is not None:
                wanted[each.body, "validation"] = None
        self._of, document = models_json_schema(list(wanted), ref_template=_SCHEMA)
        self.components: dict[str, Any] = document.get("$defs", {})

    def answer(self, model: type[BaseModel]) -> dict[str, Any]:
        return self._of[model, "serialization"]

    def body(self, model: type[BaseModel]) -> dict[str, Any]:
        return self._of[model, "validation"]


def _operation(each: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    text = each.description
    if each.writes:
        text = f"{text} Only a server that was started with --allow-write does this.".strip()
    operation: dict[str, Any] = {
        "operationId": _identifier(each),
        "summary": each.summary,
        "tags": [each.group],
        "parameters": [*_path_parameters(each), *_query_parameters(each.query)],
        "responses": {
            **{str(status): _response(each, schemas) for status in (each.status, *each.further)},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if text:
        operation["description"] = text
    body = _request_body(each, schemas)
    if body:
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _identifier(each: Endpoint) -> str:
    """Return a name for the operation, such as `get_tracks_id`."""
    return re.sub(r"\W+", "_", f"{each.method.lower()}_{each.path}").strip("_").replace("__", "_")


def _path_parameters(each: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(each.path)
    ]


def _query_parameters(query: type[Query] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    schema = query.model_json_schema()
    shared = schema.get("$defs", {})
    needed = set(schema.get("required", ()))
    found = []
    for name, of_field in schema.get("properties", {}).items():
        content = _without_references(of_field, shared)
        parameter = {"name": name, "in": "query", "required": name in needed, "schema": content}
        if "description" in content:
            parameter["description"] = content["description"]
        found.append(parameter)
    return found


def _without_references(schema: Any, shared: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if reference:
            return _without_references(shared[reference.rpartition("/")[2]], shared)
        return {key: _without_references(value, shared) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_without_references(each, shared) for each in schema]
    return schema


def _request_body(each: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    kinds = each.consumes or ((_JSON,) if each.body is not None else ())
    content: dict[str, Any] = {}
    for kind in kinds:
        if kind == _JSON and each.body is not None:
            content[kind] = {"schema": schemas.body(each.body)}
            if each.example is not None:
                content[kind]["example"] = each.example
        else:
            content[kind] = {"schema": _FORM if kind == _MULTIPART else _BINARY}
    return content


def _response(each: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    if each.answer is not None:
        return {"description": "Done.", "content": {_JSON: {"schema": schemas.answer(each.answer)}}}
    if each.status == 204 or not each.raw:
        return {"description": "Done."}
    schema = {"type": "object"} if each.media_type == _JSON else {"type": "string"}
    return {"description": "Done.", "content": {each.media_type: {"schema": schema}}}


def _problem_response() -> dict[str, Any]:
    schema = {"$ref": _SCHEMA.format(model="Problem")}
    example = {
        "type": "about:blank",
        "title": "'../x.mp3' is not under a folder that this server may read",
        "status": 403,
        "code": "outside-roots",
        "path": "../x.mp3",
        "remedy": "name a path under /music",
    }
    return {"description": "Refused.", "content": {_PROBLEM_JSON: {"schema": schema, "example": example}}}


def _tag(name: str) -> dict[str, str]:
    return {"name": name, "description": _GROUPS[name]} if name in _GROUPS else {"name": name}
