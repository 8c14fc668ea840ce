"""A real HTTP server on loopback that serves files, well or badly."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """What a server does.

    Attributes
    ----------
    files : dict of str to bytes
        Path -> content.
    ranges : bool
        Whether it honours range requests.
    cuts : list of int
        After so many bytes of the next answers it closes the connection.
    statuses : list of int
        The next answers are only these.
    redirects : dict of str to str
        Path -> address.
    etag : str or None
    length : bool
        Whether it tells the size.
    wrong_range : bool
        Whether it answers range requests with another range.
    asked : list of (str, str or None)
        Path and range of each request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    etag: str | None = '"one"'
    length: bool = True
    wrong_range: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def archive_server(behaviour: Behaviour) -> Iterator[str]:
    """Run a server until the end of the block; yield its address with a slash at the end."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            behaviour.asked.append((self.path, asked))
            if behaviour.statuses:
                self.send_error(behaviour.statuses.pop(0))
            elif self.path in behaviour.redirects:
                self.send_response(302)
                self.send_header("Location", behaviour.redirects[self.path])
                self.end_headers()
            elif self.path not in behaviour.files:
                self.send_error(404)
            else:
                self.answer(behaviour.files[self.path], asked)

        def answer(self, content: bytes, asked: str | None) -> None:
            condition = self.headers.get("If-Range")
            found = re.fullmatch(r"bytes=(\d+)-", asked or "")
            start = 0
            if found and behaviour.ranges and condition in (None, behaviour.etag):
                start = int(found[1])
                if start >= len(content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(content)}")
                    self.end_headers()
                    return
                self.send_response(206)
                first = start + 1 if behaviour.wrong_range else start
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            if behaviour.etag:
                self.send_header("ETag", behaviour.etag)
            if behaviour.length:
                self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            cut = behaviour.cuts.pop(0) if behaviour.cuts else len(content)
            self.wfile.write(content[start : start + cut])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
