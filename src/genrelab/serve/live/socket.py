"""The WebSocket of live audio: what a client may send, how much and how slowly."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from genrelab.errors import GenrelabError
from genrelab.printing import json_text
from genrelab.serve.endpoint import Body
from genrelab.serve.live.stream import LiveStream
from genrelab.serve.problem import Problem, RequestError, problem_of, problem_response
from genrelab.serve.server import Server

_TOO_MANY = 1013  # codes of a closed WebSocket: try again later
_WRONG = 1008
_SAMPLE_BYTES = 2
_MOST_EMPTY = 100  # frames in a row
_LONGEST_REASON = 100  # bytes; a close frame has room for 123


@dataclass(frozen=True)
class LiveLimits:
    """How much live audio a server takes.

    Attributes
    ----------
    sessions : int
        At once.
    frame_bytes : int
        Of one frame.
    silent_seconds : float
        How long a client may send nothing.
    slow_seconds : float
        How long a client may take no answer.
    longest_seconds : float
        Of a session.
    ahead_seconds : float
        How much audio a client may send before its time: faster clients wait, so that each costs the
        recognition of one second per second.
    """

    sessions: int = 4
    frame_bytes: int = 256 * 1024
    silent_seconds: float = 15.0
    slow_seconds: float = 10.0
    longest_seconds: float = 3600.0
    ahead_seconds: float = 10.0


class Start(Body):
    """The first frame, a text.

    Attributes
    ----------
    sample_rate : int
        Of the audio that follows, in Hz.
    """

    sample_rate: int = Field(ge=8000, le=192_000, strict=True)


class End(Body):
    """The last frame, a text: the audio is complete."""

    end: Literal[True]


class Live:
    """All live audio of a server.

    Parameters
    ----------
    server : Server
    limits : LiveLimits
    """

    def __init__(self, server: Server, limits: LiveLimits | None = None) -> None:
        self._server = server
        self.limits = limits or LiveLimits()
        self.sessions = 0

    async def serve(self, socket: WebSocket) -> None:
        """Serve one client until the audio ends."""
        if self.sessions >= self.limits.sessions:
            await _refuse(socket, self.limits.sessions)
            return
        self.sessions += 1
        try:
            await socket.accept()
            await _Session(self._server, socket, self.limits).run()
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: Starlette's about a socket that is closed
            pass
        finally:
            self.sessions -= 1


class _Session:
    """One client."""

    def __init__(self, server: Server, socket: WebSocket, limits: LiveLimits) -> None:
        self._server = server
        self._socket = socket
        self._limits = limits
        self._until = time.monotonic() + limits.longest_seconds

    async def run(self) -> None:
        try:
            start = await self._start()
            stream = LiveStream(lambda: self._server.recognizer, start.sample_rate)
            sending = asyncio.ensure_future(self._send(stream))
            receiving = asyncio.ensure_future(self._receive(stream, start.sample_rate))
            try:
                done, _ = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
                if receiving in done and receiving.exception() is None:
                    await sending  # the last answer
                for task in done:
                    task.result()
            finally:
                stream.close()
                for task in (sending, receiving):
                    task.cancel()
                await asyncio.gather(sending, receiving, return_exceptions=True)
        except GenrelabError as error:
            await self._end(problem_of(error))
            return
        await self._close(1000, "")

    async def _start(self) -> Start:
        frame = await self._frame()
        if not isinstance(frame, str):
            raise _wrong('the first frame must be a text: {"sample_rate": 48000}')
        start: Start = _parse(Start, frame)
        return start

    async def _receive(self, stream: LiveStream, rate: int) -> None:
        began, received = time.monotonic(), 0.0
        while True:
            await asyncio.sleep(received - self._limits.ahead_seconds - (time.monotonic() - began))
            frame = await self._frame()
            if isinstance(frame, str):
                _parse(End, frame)
                await stream.finish()
                return
            received += len(frame) / _SAMPLE_BYTES / rate
            await stream.feed(frame)

    async def _frame(self) -> str | bytes:
        """Return the next frame.

        Raises
        ------
        RequestError
            If it is too long or too late, the session is too long, or the server ends.
        """
        empty = 0
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), self._limits.silent_seconds)
            except TimeoutError as error:
                text = f"nothing was sent for {self._limits.silent_seconds:g} s"
                raise RequestError(text, code="live-silent", status=408) from error
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
            if self._server.ending.is_set():
                raise RequestError("the server ends", code="live-server-ends", status=503)
            if time.monotonic() > self._until:
                most = f"{self._limits.longest_seconds:g} s"
                raise RequestError(
                    f"live audio ends after {most}. Start again.", code="live-long", status=408
                )
            frame: str | bytes | None = message.get("bytes")
            frame = message.get("text") if frame is None else frame
            if frame is None:
                continue
            if len(frame) > self._limits.frame_bytes:
                text = f"a frame has more than {self._limits.frame_bytes} bytes"
                raise RequestError(text, code="live-frame-long", status=413)
            if frame:
                return frame
            empty += 1
            if empty > _MOST_EMPTY:
                raise _wrong("too many empty frames")

    async def _send(self, stream: LiveStream) -> None:
        async for answer in stream.answers():
            await self._text(answer)

    async def _text(self, content: dict[str, Any]) -> None:
        try:
            await asyncio.wait_for(self._socket.send_text(json_text(content)), self._limits.slow_seconds)
        except TimeoutError as error:
            raise WebSocketDisconnect(_WRONG, "too slow") from error

    async def _end(self, problem: Problem) -> None:
        """Tell the client what is wrong, and close."""
        await self._text(problem.model_dump(exclude_none=True))
        await self._close(_WRONG, problem.title)

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            reason = reason.encode()[:_LONGEST_REASON].decode("utf-8", "ignore")
            try:
                await asyncio.wait_for(self._socket.close(code, reason), self._limits.slow_seconds)
            except TimeoutError as error:
                raise WebSocketDisconnect(code, reason) from error


def _parse(kind: type[Any], text: str) -> Any:
    try:
        return kind.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise _wrong(f"{place}: {first['msg']}" if place else first["msg"]) from error
    except (ValueError, RecursionError) as error:
        raise _wrong("a text frame must be JSON") from error


def _wrong(message: str) -> RequestError:
    remedy = 'send {"sample_rate": 48000}, then frames of 16-bit PCM with one channel, then {"end": true}'
    return RequestError(message, code="live-frame", status=400, remedy=remedy)


async def _refuse(socket: WebSocket, most: int) -> None:
    problem = Problem(
        title=f"{most} clients send live audio already",
        status=503,
        code="live-too-many",
        remedy="close another page with the microphone, or try again later",
    )
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(problem_response(problem))
        return
    await socket.close(_TOO_MANY, problem.title)
