"""Defects in the server: a number for the client, the traceback for the log."""

from __future__ import annotations

import secrets

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genrelab.errors import GenrelabError
from genrelab.serve.guard.log import LOGGER
from genrelab.serve.problem import Problem, problem_of, problem_response


class Incidents:
    """Answer requests that raise, as ASGI middleware.

    An error of genrelab is a problem with its own status. Any other is status 500 with a random number; the
    traceback appears in the log, beside that number.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in ("http.response.start", "websocket.accept")
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            return
        except GenrelabError as error:
            problem = problem_of(error)
        except Exception as error:
            number = secrets.token_hex(6)
            LOGGER.error(
                "incident %s: %s %s", number, scope.get("method", "-"), scope["path"], exc_info=error
            )
            problem = Problem(
                title=f"the server failed; its log tells why, at incident {number}",
                status=500,
                code="incident",
                incident=number,
                remedy="report it with the lines of the log",
            )
        else:
            return
        if started:  # uvicorn closes the connection, so that the client sees that something is missing
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1011})
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1011})
            return
        await problem_response(problem)(scope, receive, send)
