"""A real server in a thread."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

from genrelab.serve.settings import ServeSettings
from genrelab.serve.start.run import Runner


class Running:
    """A real server on a free port, until `end`."""

    def __init__(self, model: Path, library: Path, **settings: Any) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        ready = threading.Event()
        given = ServeSettings(model=model, library=library, **settings)
        try:
            self.runner = Runner(given, self.listener, on_ready=ready.set)
        except BaseException:
            self.listener.close()
            raise
        self.server = self.runner.genrelab
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.runner.run_until_told, daemon=True)
        self.thread.start()
        assert ready.wait(30)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def end(self) -> None:
        self.runner.end()
        self.thread.join(60)
        self.listener.close()
        assert not self.thread.is_alive()
