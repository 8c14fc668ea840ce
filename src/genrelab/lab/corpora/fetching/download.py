"""Download a file over HTTP so that it can go on after any interruption.

What has arrived lies in `NAME.part`. The next call asks for the rest by a range request, on the condition
that the file on the server is still the same (`If-Range`). A server that ignores the range sends the whole
file, and the download starts again; one that breaks off is asked for the rest.
"""

from __future__ import annotations

import errno
import http.client
import json
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from genrelab.errors import CorpusError
from genrelab.files import replace_text

Report = Callable[[str, int, int], object]

TRIES = 5
"""How often a download goes on without having received anything new."""
PAUSE_SECONDS = 2.0
_TIMEOUT_SECONDS = 60.0
_BLOCK = 2**20
_MOST_REDIRECTS = 5
_MOST_LISTING = 4 * 2**20  # bytes of a JSON document
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
_COMPLETE = re.compile(r"bytes \*/(\d{1,19})")
_TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504))


class _BrokenOff(Exception):  # noqa: N818
    """The server stopped before the end; what arrived is kept."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow a few redirects, never from HTTPS to HTTP."""

    max_redirections = _MOST_REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request that follows."""
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in ("http", "https") or (before == "https" and after == "http"):
            raise CorpusError(
                f"{req.full_url} leads to {newurl}, which is not HTTPS; give a --mirror that you trust",
                code="fetch-redirect",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass(frozen=True)
class _Known:
    """What is known of the file on the server: `ETag` or date, and its size in bytes."""

    validator: str | None = None
    total: int | None = None


def download(url: str, target: Path, *, most_bytes: int, report: Report | None = None) -> Path:
    """Download a file, or the rest of it.

    Parameters
    ----------
    url : str
        Of HTTP or HTTPS.
    target : Path
        The finished file; until then it is `<target>.part`, which stays if the download fails.
    most_bytes : int
        A larger file is refused.
    report : callable or None
        Called with a word, the bytes that have arrived, and all.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    CorpusError
        If the URL cannot be used, the server refuses, breaks off again and again, or sends too much, or the
        disk is full.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise CorpusError(f"{url} is no address of HTTP; give one such as https://...", code="fetch-url")
    part = target.with_name(f"{target.name}.part")
    failures, before = 0, -1
    while True:
        try:
            _receive(url, part, most_bytes, target.name, report)
            break
        except _BrokenOff as error:
            arrived = part.stat().st_size if part.exists() else 0
            failures, before = (0 if arrived > before >= 0 else failures + 1), arrived
            if failures >= TRIES:
                raise CorpusError(
                    f"{url} broke off {failures} times ({error}); {arrived:,} bytes are kept in {part}. "
                    "Repeat the command later, which goes on from there",
                    code="fetch-broken-off",
                ) from error
            time.sleep(PAUSE_SECONDS)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise _full(part) from error
    part.replace(target)
    _about(part).unlink(missing_ok=True)
    return target


def read_json(url: str) -> Any:
    """Return a JSON document of at most 4 MiB.

    Raises
    ------
    CorpusError
        If it cannot be read.
    """
    try:
        with closing(_open(urllib.request.Request(url, headers={"Accept": "application/json"}))) as answer:
            body = answer.read(_MOST_LISTING + 1)
        if len(body) > _MOST_LISTING:
            raise ValueError(f"it has more than {_MOST_LISTING} bytes")
        return json.loads(body)
    except (OSError, ValueError, http.client.HTTPException, RecursionError) as error:
        raise CorpusError(
            f"cannot read the list of files {url}: {_why(error)}; try again later", code="fetch-listing"
        ) from error


def _receive(url: str, part: Path, most_bytes: int, name: str, report: Report | None) -> None:
    """Ask for what is lacking, and append it."""
    have = part.stat().st_size if part.is_file() else 0
    known = _read_about(part)
    if have and known.total == have:
        return
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", "User-Agent": "genrelab"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if known.validator:
            request.add_header("If-Range", known.validator)
    try:
        answer = _open(request)
    except urllib.error.HTTPError as error:
        _refused(error, url, part, have)
        return
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOff(_why(error)) from error
    with closing(answer):
        start, total = _placed(answer, have)
        if total is not None and total > most_bytes:
            raise CorpusError(
                f"{url} has {total:,} bytes, more than the {most_bytes:,} that are expected; nothing was "
                "downloaded. See whether the corpus has a newer release",
                code="fetch-too-large",
            )
        _require_room(part, (total or 0) - start)
        validator = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        usable = validator if validator and not validator.startswith("W/") else None
        replace_text(_about(part), json.dumps({"url": url, "validator": usable, "total": total}) + "\n")
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            arrived = _copy(answer, file, (start, most_bytes), lambda at: _say(report, name, at, total))
    if total is not None and arrived < total:
        raise _BrokenOff(f"{arrived:,} of {total:,} bytes arrived")


def _copy(answer: Any, file: IO[bytes], span: tuple[int, int], say: Callable[[int], object]) -> int:
    """Copy what a server sends, and return the size of the file then."""
    at, most = span
    while True:
        try:
            block = answer.read(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            partial = error.partial if isinstance(error, http.client.IncompleteRead) else b""
            file.write(partial[: most - at])
            raise _BrokenOff(_why(error)) from error
        if not block:
            return at
        if at + len(block) > most:
            raise CorpusError(
                f"the server sends more than the {most:,} bytes that are expected", code="fetch-too-large"
            )
        file.write(block)
        at += len(block)
        say(at)


def _placed(answer: Any, have: int) -> tuple[int, int | None]:
    """Return where the content of an answer starts, and the size of the whole file if it is known."""
    if answer.status == 206:
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != have:
            raise CorpusError(
                f"the server answers with another part than asked for "
                f"({answer.headers.get('Content-Range')!r}, not from {have}); delete the .part file, or give "
                "another --mirror",
                code="fetch-range",
            )
        return have, None if found[3] == "*" else int(found[3])
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isascii() and length.isdecimal() else None


def _refused(error: urllib.error.HTTPError, url: str, part: Path, have: int) -> None:
    """Deal with a status that is no success; return if the file is complete."""
    with closing(error):
        if error.code == 416:
            found = _COMPLETE.fullmatch(error.headers.get("Content-Range", ""))
            if found is not None and int(found[1]) == have:
                return
            part.unlink(missing_ok=True)  # it is longer than the file on the server, which is another one
            raise _BrokenOff("the file on the server is shorter than what arrived; it starts again")
        if error.code in _TRANSIENT:
            raise _BrokenOff(f"status {error.code}")
        raise CorpusError(
            f"{url} cannot be fetched: status {error.code} {error.reason}; see the page of the corpus, or "
            "give a --mirror",
            code="fetch-refused",
        ) from error


def _open(request: urllib.request.Request) -> Any:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener.open(request, timeout=_TIMEOUT_SECONDS)


def _about(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_about(part: Path) -> _Known:
    with suppress(OSError, ValueError, AttributeError):
        values = json.loads(_about(part).read_text(encoding="utf-8"))
        validator, total = values.get("validator"), values.get("total")
        return _Known(
            validator if isinstance(validator, str) and validator.isprintable() else None,
            total if isinstance(total, int) else None,
        )
    return _Known()


def _require_room(part: Path, more: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if more > free:
        raise CorpusError(
            f"{part.parent} has room for {free:,} bytes, and {more:,} more are needed; make room, or choose "
            "another --to",
            code="fetch-no-room",
        )


def _full(part: Path) -> CorpusError:
    return CorpusError(
        f"the disk of {part.parent} is full; make room and repeat the command, which goes on where it "
        "stopped",
        code="fetch-disk-full",
    )


def _say(report: Report | None, name: str, done: int, total: int | None) -> None:
    if report is not None and total:
        report(f"fetching {name}", done, total)


def _why(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or error) or type(error).__name__
