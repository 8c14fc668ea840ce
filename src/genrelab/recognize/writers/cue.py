"""Write a CUE sheet of a file's parts, which players show as tracks."""

from __future__ import annotations

from genrelab.errors import UsageError
from genrelab.printing import plain
from genrelab.recognize.recognition import Part, Recognition
from genrelab.recognize.segmentation import MIN_PART_SECONDS, cut_parts

MOST_TRACKS = 99
"""The limit of CUE sheets."""

_FRAMES_PER_SECOND = 75


def cue_sheet(record: Recognition, sound: str, *, min_seconds: float = MIN_PART_SECONDS) -> str:
    """Return a CUE sheet with one track per part, titled with its genre.

    Parameters
    ----------
    record : Recognition
        From a `Recognizer`, without an error.
    sound : str
        The path of the audio file in the sheet, preferably relative to its folder.
    min_seconds : float > 0
        Minimum length of a part; doubled until there are at most `MOST_TRACKS` parts.

    Returns
    -------
    str
        Lines end with CR LF. Quotation marks in names become apostrophes because CUE sheets cannot contain
        them. Unprintable characters are escaped.

    Raises
    ------
    UsageError
        If the record has an error, or as `genrelab.recognize.segmentation.cut_parts` does.
    """
    parts = cut_parts(record, min_seconds=min_seconds)
    if not parts:
        message = f"{record.path} could not be recognized, so it has no CUE sheet"
        raise UsageError(message, code="cue-of-error")
    while len(parts) > MOST_TRACKS:
        min_seconds *= 2
        parts = cut_parts(record, min_seconds=min_seconds)
    lines = [
        f'TITLE "{_text(record.path.name)}"',
        f'FILE "{_text(sound)}" {_kind(sound)}',
        *(line for number, part in enumerate(parts, start=1) for line in _track(number, part)),
    ]
    return "".join(f"{line}\r\n" for line in lines)


def _track(number: int, part: Part) -> list[str]:
    frames = int(part.start * _FRAMES_PER_SECOND)
    minutes, frames = divmod(frames, 60 * _FRAMES_PER_SECOND)
    seconds, frames = divmod(frames, _FRAMES_PER_SECOND)
    return [
        f"  TRACK {number:02} AUDIO",
        f'    TITLE "{_text(part.genre or "silence")}"',
        f"    INDEX 01 {minutes:02}:{seconds:02}:{frames:02}",
    ]


def _kind(sound: str) -> str:
    """Return the file type; players accept `WAVE` for all formats without their own type."""
    suffix = sound.rpartition(".")[2].lower()
    return {"mp3": "MP3", "aif": "AIFF", "aiff": "AIFF"}.get(suffix, "WAVE")


def _text(text: str) -> str:
    return plain(text).replace('"', "'")
