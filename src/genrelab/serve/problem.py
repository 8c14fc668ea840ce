"""Refusals of requests, as problem details (RFC 9457, `application/problem+json`)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse

from genrelab.errors import GenrelabError, LibraryError, MissingExtraError

_STATUSES = {"library-disk-full": 507, "library-value": 422}
_OF_SERVER: dict[type[GenrelabError], int] = {LibraryError: 503, MissingExtraError: 501}


class RequestError(GenrelabError):
    """A request cannot be served.

    Parameters
    ----------
    message : str
        What is wrong.
    code : str
    status : int
        The HTTP status.
    path : str or None
        The file or folder that it is about.
    remedy : str or None
        What helps.
    headers : dict of str to str or None
        Further headers of the response.
    """

    code = "request"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int = 400,
        path: str | None = None,
        remedy: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.path = path
        self.remedy = remedy
        self.headers = headers


class Problem(BaseModel):
    """A refused request.

    Attributes
    ----------
    title : str
        What is wrong, in a sentence.
    status : int
    code : str
        Stable name of the kind of problem, for programs.
    path : str or None
        The file or folder that it is about.
    remedy : str or None
        What helps.
    incident : str or None
        Number of a defect of the server; its log has the traceback.
    """

    type: str = "about:blank"
    title: str
    status: int
    code: str
    path: str | None = None
    remedy: str | None = None
    incident: str | None = None


def problem_of(error: GenrelabError) -> Problem:
    """Describe an error: a `RequestError` by its status, other errors of genrelab as their class says."""
    if isinstance(error, RequestError):
        path, remedy = (None if each is None else _unicode(each) for each in (error.path, error.remedy))
        return Problem(
            title=_unicode(str(error)), status=error.status, code=error.code, path=path, remedy=remedy
        )
    return Problem(title=_unicode(str(error)), status=_status(error), code=error.code)


def _status(error: GenrelabError) -> int:
    """Return 422 for what the request names; another status for what the server lacks."""
    if error.code in _STATUSES:
        return _STATUSES[error.code]
    return next((status for kind, status in _OF_SERVER.items() if isinstance(error, kind)), 422)


def _unicode(text: str) -> str:
    """Escape what UTF-8 cannot hold: bytes of file names, and halves of surrogate pairs in requests."""
    return text.encode("utf-8", "backslashreplace").decode()


def error_response(error: GenrelabError) -> JSONResponse:
    """Return the response to a request that failed with an error."""
    return problem_response(problem_of(error), getattr(error, "headers", None))


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the response to a refused request."""
    content: dict[str, Any] = problem.model_dump(exclude_none=True)
    return JSONResponse(
        content, status_code=problem.status, headers=headers, media_type="application/problem+json"
    )
