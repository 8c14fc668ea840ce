"""The files of the page: `/` and everything below `/static`; `/static/scatter` is shared with other pages.

Only files that lie in the folder when the server starts are served, from memory: no part of a request becomes
a path. They are compressed once.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from genrelab.pages.scatter import FOLDER as SCATTER
from genrelab.serve.endpoint import ROUTE
from genrelab.serve.problem import Problem, problem_response

STATIC = Path(__file__).parent / "static"

WAVESURFER_STYLE = "'sha256-Y/8t1dAKa3ay+RZEiEFEDr8dFiQhpaFvYXXUfT3p6ZU='"
"""The style that wavesurfer.js writes into its shadow root: a source of `style-src`."""

POLICY = (
    f"default-src 'self'; style-src 'self' {WAVESURFER_STYLE}; img-src 'self' data:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/plain; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_COMPRESSED = {".css", ".html", ".js", ".json", ".mjs", ".svg", ".txt", ".md", ".map"}
_HAS_VERSION = re.compile(r"[-.@]\d+\.\d+\.\d+\b")
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"  # the browser keeps it, and asks whether it is still the same


@dataclass(frozen=True)
class _File:
    content: bytes
    compressed: bytes | None
    kind: str
    tag: str
    caching: str


def page_routes() -> list[BaseRoute]:
    """Return the routes of `/` and `/static`."""

    async def index(request: Request) -> Response:
        return _respond(request, "/", "index.html")

    async def file(request: Request) -> Response:
        return _respond(request, "/static", request.path_params["name"])

    async def icon(request: Request) -> Response:
        return _respond(request, "/favicon.ico", "icon.svg")

    return [Route("/", index), Route("/favicon.ico", icon), Route("/static/{name:path}", file)]


def _respond(request: Request, route: str, name: str) -> Response:
    request.scope[ROUTE] = route
    try:
        path = _names()[name]
        found = _read(path, path.stat().st_mtime_ns)
    except (KeyError, OSError):  # no such file, or it was removed since
        problem = Problem(title="there is nothing at this address", status=404, code="not-found")
        return problem_response(problem)
    packed = found.compressed is not None and "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{found.tag}{"-gz" if packed else ""}"'
    headers = {"ETag": tag, "Cache-Control": found.caching, "Vary": "Accept-Encoding"}
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    if tag in known:
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    content = found.compressed if packed else found.content
    return Response(content, headers=headers, media_type=found.kind)


@cache
def _names() -> dict[str, Path]:
    """Return name -> path of each file of the page."""
    files = (path for path in STATIC.rglob("*") if path.is_file() and not path.is_symlink())
    found = {path.relative_to(STATIC).as_posix(): path for path in files}
    return found | {f"scatter/{path.name}": path for path in SCATTER.glob("*.js")}


@cache
def _read(path: Path, _modified: int) -> _File:
    """Read a file; again if it was modified. The tag is that of the content: wheels have no dates."""
    content = path.read_bytes()
    suffix = path.suffix.lower()
    return _File(
        content,
        gzip.compress(content, mtime=0) if suffix in _COMPRESSED else None,
        _TYPES.get(suffix, "application/octet-stream"),
        hashlib.sha256(content).hexdigest()[:32],
        _FOR_GOOD if _HAS_VERSION.search(path.name) else _ASK_AGAIN,
    )
