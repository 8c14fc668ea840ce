"""Names that would steer a terminal if they were printed as they are."""

from __future__ import annotations

import os

from genrelab.printing import is_plain

EVIL = os.fsdecode(b"x\x1b[31m\x1b]0;t\x07\xc2\x9b[bold]\xe2\x80\xae\xe2\x80\x8b\xe2\x80\xa8\xff\r\n")
EVIL_TEXT = EVIL.encode("utf-8", "replace").decode()


def unprintable(text: bytes) -> set[str]:
    return {
        character for character in text.decode("utf-8") if character not in "\n" and not is_plain(character)
    }
