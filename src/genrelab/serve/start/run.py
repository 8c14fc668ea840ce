"""Run a server until a signal asks it to end."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

import uvicorn

from genrelab.serve.app import guarded_app
from genrelab.serve.guard.limits import MEBIBYTE, Limits
from genrelab.serve.server import Server
from genrelab.serve.settings import ServeSettings
from genrelab.serve.start.address import BACKLOG
from genrelab.serve.start.connections import guarded_protocol
from genrelab.system import ending_signals

_GRACE = 3  # seconds for requests in progress when the server ends


class Runner(uvicorn.Server):
    """A uvicorn server that tells when it is ready, and ends with success when a signal asks for it.

    Parameters
    ----------
    settings : ServeSettings
    listener : socket
        It listens.
    limits : Limits or None
    on_ready : callable
        Called once requests are answered.

    Raises
    ------
    GenrelabError
        If the library cannot be opened, or a part cannot be started.
    """

    def __init__(
        self,
        settings: ServeSettings,
        listener: socket.socket,
        limits: Limits | None = None,
        on_ready: Callable[[], object] = lambda: None,
    ) -> None:
        limits = limits or Limits()
        settings = replace(settings, port=listener.getsockname()[1])
        self.genrelab: Server
        app, self.genrelab = guarded_app(settings, limits)
        super().__init__(
            uvicorn.Config(
                app,
                http=guarded_protocol(limits),
                loop="asyncio",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.names),
                backlog=BACKLOG,
                timeout_keep_alive=limits.keep_alive_seconds,
                timeout_graceful_shutdown=_GRACE,
                h11_max_incomplete_event_size=limits.header_bytes,
                ws_max_size=MEBIBYTE,
                ws_per_message_deflate=False,
            )
        )
        self._listener, self._on_ready = listener, on_ready
        try:
            self.genrelab.start()
        except BaseException:
            self.genrelab.close()
            raise

    def run_until_told(self) -> None:
        """Serve until a signal or `end` asks to end."""
        self.run(sockets=[self._listener])

    def end(self) -> None:
        """Ask the server to end, from any thread."""
        self.genrelab.ending.set()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell that the server is ready."""
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End at the first signal; at a second one, do not wait for requests in progress."""
        if self.should_exit:
            self.force_exit = True
        self.end()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals; uvicorn would raise them again at the end, as a failure of the process."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in ending_signals()}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
