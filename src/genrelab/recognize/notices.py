"""Describe the flaws of an audio file in its record."""

from __future__ import annotations

from genrelab.audio.containers.window import ReadableFile
from genrelab.audio.flaws import Flaws
from genrelab.recognize.recognition import Notice


def notices_of(flaws: Flaws) -> tuple[Notice, ...]:
    """Return the notices about a file's flaws; empty if there are none."""
    notices: list[Notice] = []
    if flaws.damaged:
        notices.append(Notice("damaged", flaws.describe_damage()))
    if flaws.cut is not None:
        notices.append(Notice("cut off", flaws.describe_cut()))
    if notices and flaws.messages:
        notices.append(Notice("decoder", f"decoder messages: {', '.join(flaws.messages)}"))
    return tuple(notices)


def error_of(path: ReadableFile, flaws: Flaws) -> str:
    """Return the error message for a file with too little intact audio."""
    if flaws.cut is not None:
        return f"{path} is {flaws.describe_cut()}. Get the complete file."
    return f"{path} cannot be recognized: {flaws.describe_damage()}. Get or encode the file again."
