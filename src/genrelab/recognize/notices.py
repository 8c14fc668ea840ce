"""From what is wrong with a file to what its record says of it."""

from __future__ import annotations

from pathlib import Path

from genrelab.audio.flaws import Flaws
from genrelab.recognize.recognition import Notice


def notices_of(flaws: Flaws) -> tuple[Notice, ...]:
    """Return what a record says of a file's flaws; nothing where there are none."""
    notices: list[Notice] = []
    if flaws.damaged:
        notices.append(Notice("damaged", flaws.describe_damage()))
    if flaws.cut is not None:
        notices.append(Notice("cut off", flaws.describe_cut()))
    if notices and flaws.messages:
        notices.append(Notice("decoder", f"the decoder says: {', '.join(flaws.messages)}"))
    return tuple(notices)


def error_of(path: Path, flaws: Flaws) -> str:
    """Return the error of a file of which too little is there to be recognized."""
    what = flaws.describe_cut() if flaws.cut is not None else flaws.describe_damage()
    return f"{path} is {what}. Get the whole file again."
