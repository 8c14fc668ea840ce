"""The files of the page."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import FileResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"

WAVESURFER_STYLE = "'sha256-5WTREA6gCSav8Ku8bnAZh5Gn7jbBKNXU7MfCLbfN8NQ='"
"""The style that wavesurfer.js writes into its shadow root: a source of `style-src`."""

POLICY = (
    f"default-src 'self'; style-src 'self' {WAVESURFER_STYLE}; img-src 'self' data:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page."""


def page_routes() -> list[BaseRoute]:
    """Return the routes of `/` and `/static`."""

    async def index(_: object) -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"Content-Security-Policy": POLICY})

    return [Route("/", index), Mount("/static", StaticFiles(directory=STATIC))]
