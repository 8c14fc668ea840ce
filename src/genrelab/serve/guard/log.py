"""The log of a server: escaped lines on standard error."""

from __future__ import annotations

import logging
import sys
import threading
import time

from genrelab.printing import plain

LOGGER = logging.getLogger("genrelab.serve")
ACCESS = logging.getLogger("genrelab.serve.access")
_OF_UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "websockets")


class _PlainFormatter(logging.Formatter):
    """One escaped line per record. Those of a traceback are indented, so that none imitates a record."""

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        lines = [f"{when} {plain(record.getMessage())}"]
        if record.exc_info:
            lines += [f"  {plain(line)}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(lines)


class _QuietHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Write to standard error; if that fails, as on a full disk, the server goes on."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Drop the record."""


def set_up_log(*, quiet: bool) -> None:
    """Log to standard error: errors, and one line per request unless `quiet`."""
    handler = _QuietHandler(sys.stderr)
    handler.setFormatter(_PlainFormatter())
    for name in (LOGGER.name, *_OF_UVICORN):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.ERROR)
    LOGGER.setLevel(logging.WARNING)
    ACCESS.setLevel(logging.ERROR if quiet else logging.INFO)
    threading.excepthook = _log_failure


def _log_failure(failure: threading.ExceptHookArgs) -> None:
    """Log what ended a thread; Python would print it without escapes."""
    name = "" if failure.thread is None else failure.thread.name
    if failure.exc_value is not None:
        LOGGER.error("the thread %s failed", name, exc_info=failure.exc_value)
