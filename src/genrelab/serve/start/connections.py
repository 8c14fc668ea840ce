"""Connections: how many, and how slow they may be.

uvicorn limits neither the time that a client takes for its request nor the number of open connections. This
protocol does. A client that sends its headers or its body too slowly, or takes nothing of its response, is
cut off. Of too many connections, the one that waits longest without a request is closed.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from genrelab.serve.guard.headers import SECURITY_HEADERS
from genrelab.serve.guard.limits import Limits

_REASONS = {400: b"Bad Request", 408: b"Request Timeout"}


def guarded_protocol(limits: Limits) -> type[H11Protocol]:
    """Return the protocol of one server: its connections count together."""

    class Protocol(_GuardedProtocol):
        _limits = limits
        _waiting = OrderedDict()

    return Protocol


class _GuardedProtocol(H11Protocol):
    _limits: ClassVar[Limits]
    _waiting: ClassVar[OrderedDict[_GuardedProtocol, None]]  # without a request, the longest first

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._reading: asyncio.TimerHandle | None = None  # what the client sends
        self._receives_body = False
        self._writing: asyncio.TimerHandle | None = None  # what the client takes
        self._received = 0
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._await_request()
        self._reading = self.loop.call_later(self._limits.header_seconds, self._late_header)
        while len(self.connections) > self._limits.connections:
            oldest = next(iter(self._waiting))  # this one, if all others have a request
            oldest._drop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._reading is None and self.conn.their_state is h11.IDLE:  # the next request begins
            self._reading = self.loop.call_later(self._limits.header_seconds, self._late_header)
        super().data_received(data)
        self._follow()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._forget()
        self._upgraded = True
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._watch_writing()
        if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
            self._stop_reading_timer()
            self._reading = self.loop.call_later(self._limits.linger_seconds, self._drop)
        elif self.conn.their_state is h11.IDLE:
            self._stop_reading_timer()
            self._await_request()
        else:
            self._follow()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "the request is not HTTP", "request-damaged")

    def _await_request(self) -> None:
        self._waiting[self] = None
        self._waiting.move_to_end(self)

    def _follow(self) -> None:
        """Set the timer that fits the state of the request."""
        if self._upgraded or self.transport.is_closing():
            return
        state, answered = self.conn.their_state, self.conn.our_state is h11.DONE
        if state is not h11.IDLE:
            self._waiting.pop(self, None)
        if state is h11.SEND_BODY:
            if not self._receives_body and not answered:
                self._stop_reading_timer()
                self._receives_body = True
                end = self.loop.time() + self._limits.request_seconds
                self._reading = self._next_look(end)
        elif state is not h11.IDLE or answered:
            self._stop_reading_timer()

    def _next_look(self, end: float) -> asyncio.TimerHandle:
        return self.loop.call_later(self._limits.body_seconds, self._look_at_body, self._received, end)

    def _look_at_body(self, before: int, end: float) -> None:
        slow = self._received - before < self._limits.body_bytes and not self.flow.read_paused
        if slow or self.loop.time() > end:
            self._drop()
        else:
            self._reading = self._next_look(end)

    def _late_header(self) -> None:
        self._reading = None
        if not self.transport.is_closing():
            self._refuse(408, "the request did not arrive in time", "request-slow")

    def _refuse(self, status: int, title: str, code: str) -> None:
        """Answer what never reaches the application, and close."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self._drop()
            return
        body = json.dumps({"type": "about:blank", "title": title, "status": status, "code": code}).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *SECURITY_HEADERS.items(),
        ]
        pieces = (
            h11.Response(status_code=status, headers=headers, reason=_REASONS[status]),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        self.transport.write(b"".join(self.conn.send(piece) or b"" for piece in pieces))
        self.transport.close()
        self._forget()
        self._watch_writing()

    def _watch_writing(self) -> None:
        if self._writing is None:
            self._writing = self.loop.call_later(self._limits.write_seconds, self._late_reader)

    def _late_reader(self) -> None:
        self._writing = None
        if self.transport.get_write_buffer_size():
            self._drop()

    def _drop(self) -> None:
        """Close the connection now, whatever is still to be sent."""
        self._forget()
        self.connections.discard(self)
        self.transport.abort()

    def _forget(self) -> None:
        self._waiting.pop(self, None)
        self._stop_reading_timer()
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _stop_reading_timer(self) -> None:
        self._receives_body = False
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
