"""What a test expects of an error: its code and the values that its message quotes, never its prose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from genrelab.errors import GenrelabError


@contextmanager
def raises(code: str, *quoted: object) -> Iterator[pytest.ExceptionInfo[GenrelabError]]:
    """Expect an error with a code, whose message quotes values: paths, names, numbers, options."""
    with pytest.raises(GenrelabError) as caught:
        yield caught
    message = str(caught.value)
    assert caught.value.code == code, f"code {caught.value.code!r}, not {code!r}: {message}"
    missing = [str(value) for value in quoted if str(value) not in message]
    assert not missing, f"the message does not quote {missing}: {message}"
