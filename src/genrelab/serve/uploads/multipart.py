"""Receive uploaded files: from the connection into the temporary folder, bounded while they arrive."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from anyio import CapacityLimiter, to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from genrelab.printing import plain
from genrelab.serve.problem import RequestError
from genrelab.serve.uploads.temp import TempFolder

FIELD = "file"
MOST_FILES = 100
_MOST_HEADERS = 8  # of a part
_MOST_HEADER_BYTES = 4096
_MOST_FIELD_BYTES = 16  # of a value other than a file
_LONGEST_NAME = 200
_WRITE_BYTES = 1 << 20  # before a thread writes them


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file.

    Attributes
    ----------
    made : str
        Its name in the temporary folder.
    name : str
        What the client calls it, for display only: without folders, on one line, not too long.
    """

    made: str
    name: str


@dataclass
class Form:
    """What a request of the type multipart/form-data brought."""

    uploads: list[Upload] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)


async def receive_form(
    request: Request,
    temp: TempFolder,
    *,
    most_bytes: int,
    fields: frozenset[str],
    threads: CapacityLimiter,
) -> Form:
    """Receive a form with files.

    Parameters
    ----------
    request : Request
    temp : TempFolder
        Where the files go. If the request is refused or breaks off, none stays.
    most_bytes : int
        Of all files together.
    fields : frozenset of str
        The names that other fields may have.
    threads : CapacityLimiter

    Returns
    -------
    Form

    Raises
    ------
    RequestError
        If the form is damaged, breaks off, has too many or too large files or unknown fields, or the disk is
        full.
    """
    receiver = _Receiver(temp, most_bytes, fields, _boundary(request))
    try:
        async for chunk in request.stream():
            receiver.parse(chunk)
            if receiver.waiting >= _WRITE_BYTES:
                await to_thread.run_sync(receiver.write, limiter=threads)
        await to_thread.run_sync(receiver.write, limiter=threads)
        receiver.finish()
    except BaseException as error:
        with suppress(OSError):
            receiver.discard()
        if isinstance(error, ClientDisconnect):
            message = "the connection broke off during the upload"
            raise RequestError(message, code="upload-broken-off", status=400) from error
        raise
    return receiver.form


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not re.fullmatch(rb"[ -~]{1,70}", boundary):
        raise _damaged("its Content-Type has no usable boundary")
    return boundary


class _Receiver:
    """Takes a form apart; what belongs to files waits for `write`, which a thread calls."""

    def __init__(self, temp: TempFolder, most_bytes: int, fields: frozenset[str], boundary: bytes) -> None:
        self.form = Form()
        self.waiting = 0
        self._temp = temp
        self._most = most_bytes
        self._fields = fields
        self._received = 0
        self._pieces: list[bytes | None] = []  # None ends a file
        self._names: list[str] = []
        self._file: tuple[str, BinaryIO] | None = None
        self._made: list[str] = []
        self._header = [bytearray(), bytearray()]
        self._disposition = b""
        self._part: str | None = None  # the field that is no file
        self._value = bytearray()
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
            max_header_count=_MOST_HEADERS,
            max_header_size=_MOST_HEADER_BYTES,
        )

    def parse(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _damaged(plain(str(error))) from error

    def finish(self) -> None:
        if not self._ended:
            raise _damaged("it ends before its last boundary")
        if not self.form.uploads:
            message = f"the form has no field {FIELD!r} with a file"
            raise RequestError(message, code="upload-missing", status=422, remedy="curl -F file=@song.mp3")

    def _begin_part(self) -> None:
        self._disposition = b""
        self._part = None

    def _end_header(self) -> None:
        name, value = map(bytes, self._header)
        if name.lower() == b"content-disposition":
            self._disposition = value
        self._header[0].clear()
        self._header[1].clear()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name == FIELD and b"filename" in options:
            if len(self._names) >= MOST_FILES:
                raise RequestError(
                    f"an upload may have {MOST_FILES} files",
                    code="upload-too-many",
                    status=413,
                    remedy="send the files in several requests",
                )
            self._names.append(shown_name(options[b"filename"]))
        elif name in self._fields and name not in self.form.values:
            self._part = name
            self._value.clear()
        else:
            shown = plain(name)[:_LONGEST_NAME]
            message = f"there is no field {shown!r} here, or it brings no file, or it is repeated"
            raise RequestError(message, code="upload-field", status=422)

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._part is not None:
            self._value += data[start:end]
            if len(self._value) > _MOST_FIELD_BYTES:
                message = f"the field {self._part!r} is longer than {_MOST_FIELD_BYTES} bytes"
                raise RequestError(message, code="upload-field-long", status=413)
            return
        self._received += end - start
        if self._received > self._most:
            raise RequestError(
                f"an upload may have {self._most} bytes",
                code="upload-too-large",
                status=413,
                remedy="send fewer files at once, or start the server with a larger --max-upload",
            )
        self._pieces.append(data[start:end])
        self.waiting += end - start

    def _end_part(self) -> None:
        if self._part is not None:
            self.form.values[self._part] = self._value.decode("utf-8", "replace")
        else:
            self._pieces.append(None)

    def _end(self) -> None:
        self._ended = True

    def write(self) -> None:
        """Write what waits; called in a thread while nothing else happens."""
        pieces, self._pieces, self.waiting = self._pieces, [], 0
        try:
            for piece in pieces:
                if self._file is None:
                    name = self._names[len(self._made)]
                    self._file = self._temp.new(name)
                    self._made.append(self._file[0])
                if piece is not None:
                    self._temp.reserve(self._file[0], len(piece))
                    self._file[1].write(piece)
                    continue
                made, file = self._file
                file.close()
                self.form.uploads.append(Upload(made, self._names[len(self._made) - 1]))
                self._file = None
        except OSError as error:
            raise RequestError(
                f"the upload cannot be stored: {error.strerror or error}",
                code="upload-unstored",
                status=507,
                remedy="free some space in the temporary folder of the server (TMPDIR)",
            ) from error

    def discard(self) -> None:
        """Remove all files of the form."""
        if self._file is not None:
            with suppress(OSError):
                self._file[1].close()
        for made in self._made:
            self._temp.remove(made)


def shown_name(name: bytes) -> str:
    """Return the name of an upload for display: its last part, on one line, not too long."""
    text = name.decode("utf-8", "replace")
    last = plain(re.split(r"[/\\]", text)[-1]).strip()
    if len(last) > _LONGEST_NAME:  # with its suffix
        last = f"{last[: _LONGEST_NAME - 20]}...{last[-10:]}"
    return last or "upload"


def _damaged(why: str) -> RequestError:
    return RequestError(f"the form is damaged: {why}", code="upload-damaged", status=400)
