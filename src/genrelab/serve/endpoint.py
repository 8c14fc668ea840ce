"""One route of the HTTP interface: what it takes, what it returns, and what computes it.

The declaration is the only place that says so: requests are validated by it, and the OpenAPI document is
written from it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from genrelab.errors import GenrelabError
from genrelab.serve.problem import RequestError, error_response

if TYPE_CHECKING:
    from genrelab.serve.server import Server

PREFIX = "/api/v1"
ROUTE = "genrelab.route"
"""Key of the ASGI scope with the template of the route, such as `/tracks/{id}`, for the metrics."""
_MOST_BODY = 1 << 20  # bytes of JSON
_Model = TypeVar("_Model", bound=BaseModel)
Method = Literal["GET", "POST", "PUT", "DELETE"]


class Query(BaseModel):
    """The query parameters of a route; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(BaseModel):
    """The JSON body of a request; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """The JSON body of a response."""

    model_config = ConfigDict(frozen=True)


@dataclass(frozen=True)
class Call:
    """A validated request.

    Attributes
    ----------
    server : Server
    path : mapping of str to str
        The parameters in the path of the route.
    query, body : the classes that the endpoint declares, or None
    """

    server: Server
    path: dict[str, str] = field(default_factory=dict)
    query: Any = None
    body: Any = None


@dataclass(frozen=True)
class Endpoint:
    """A route.

    Attributes
    ----------
    method : str
    path : str
        Below `/api/v1`, such as `/tracks/{id}`.
    run : callable
        Takes a `Call` and returns an `Answer`, in a thread of its own. With `raw`, a coroutine that takes the
        `Server` and the Starlette `Request` and returns a Starlette `Response`.
    summary : str
        One sentence for the OpenAPI document.
    group : str
        Heading in the OpenAPI document.
    answer : class or None
        Of the response; None if it has no JSON body.
    query, body : class or None
    status : int
        Of a response without a problem.
    writes : bool
        Whether it changes files of the user: refused unless the server was started with `--allow-write`.
    raw : bool
    media_type : str
        Of the response; other than JSON only with `raw`.
    consumes : tuple of str
        Media types of the body of a `raw` route, such as `multipart/form-data`. A body of the type
        application/json is described by `body`.
    description : str
        Further sentences for the OpenAPI document.
    example : dict or None
        A JSON body to show there.
    further : tuple of int
        Other statuses of a response without a problem, for a `raw` route.
    """

    method: Method
    path: str
    run: Callable[..., Any]
    summary: str
    group: str
    answer: type[Answer] | None = None
    query: type[Query] | None = None
    body: type[Body] | None = None
    status: int = 200
    writes: bool = False
    raw: bool = False
    media_type: str = "application/json"
    consumes: tuple[str, ...] = ()
    description: str = ""
    example: dict[str, Any] | None = None
    further: tuple[int, ...] = ()

    def route(self, server: Server) -> Route:
        """Return the Starlette route."""

        async def respond(request: Request) -> Response:
            request.scope[ROUTE] = self.path
            try:
                return await self._respond(server, request)
            except GenrelabError as error:
                return error_response(error)

        return Route(PREFIX + self.path, respond, methods=[self.method])

    async def _respond(self, server: Server, request: Request) -> Response:
        if self.writes and not server.settings.allow_write:
            raise RequestError(
                "this server only reads",
                code="read-only-server",
                status=403,
                remedy="start it with --allow-write",
            )
        if self.raw:
            raw: Callable[..., Awaitable[Response]] = self.run
            return await raw(server, request)
        call = Call(
            server,
            {name: str(value) for name, value in request.path_params.items()},
            _query(self.query, request),
            await read_body(self.body, request) if self.body else None,
        )
        answer = await to_thread.run_sync(self.run, call, limiter=server.threads)
        if answer is None:
            return Response(status_code=204)
        return Response(answer.model_dump_json(), status_code=self.status, media_type="application/json")


def _query(wanted: type[Query] | None, request: Request) -> Query | None:
    if wanted is not None:
        return read_query(wanted, request)
    if request.query_params:
        raise _unknown("query parameter", next(iter(request.query_params)))
    return None


def read_query(wanted: type[_Model], request: Request) -> _Model:
    """Validate the query parameters; one that may be given several times is declared as a list or tuple.

    Raises
    ------
    RequestError
        If they are not as declared.
    """
    given = request.query_params
    values: dict[str, Any] = {}
    for name in given:
        several = given.getlist(name)
        many = name in wanted.model_fields and _is_list(wanted.model_fields[name].annotation)
        if not many and len(several) > 1:
            message = f"the query parameter {name!r} is given {len(several)} times"
            raise RequestError(message, code="query-twice", status=422)
        values[name] = several if many else several[0]
    return _validated(wanted, values, "query parameter")


def _is_list(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) in (list, tuple)


async def read_body(wanted: type[_Model], request: Request) -> _Model:
    """Read and validate a JSON body.

    Raises
    ------
    RequestError
        If it is not JSON, too long, or not as declared.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        message = "the body of this request must be JSON, with Content-Type: application/json"
        raise RequestError(message, code="body-not-json", status=415)
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BODY:
            message = f"the body of this request has more than {_MOST_BODY} bytes"
            raise RequestError(message, code="body-too-long", status=413)
    try:
        values = json.loads(bytes(content))
    except (ValueError, RecursionError) as error:
        raise RequestError("the body is not JSON", code="body-damaged", status=400) from error
    return _validated(wanted, values, "field")


def _validated(wanted: type[_Model], values: Any, what: str) -> _Model:
    try:
        return wanted.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        if first["type"] == "extra_forbidden":
            raise _unknown(what, place) from error
        message = f"{what} {place!r}: {first['msg']}" if place else f"the body: {first['msg']}"
        raise RequestError(message, code="request-invalid", status=422) from error


def _unknown(what: str, name: str) -> RequestError:
    return RequestError(f"there is no {what} {name!r} here", code="request-unknown-field", status=422)
