"""Read CUE sheets: their tracks as time spans of audio files.

A track starts at its INDEX 01. It ends at the INDEX 00 of the next track in the same file, or at its INDEX
01: the gap before a track belongs to no track. The last track of a file ends with the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from genrelab.audio.decode import AUDIO_SUFFIXES
from genrelab.recognize.inputs.list_file import ListFile, is_alike, shown
from genrelab.recognize.inputs.problem import Problem
from genrelab.recognize.inputs.sheet_track import SheetTrack

_FRAMES_PER_SECOND = 75
_TIME = re.compile(r"(\d{1,6}):(\d{1,2}):(\d{1,2})")
_KINDS = frozenset(("WAVE", "MP3", "AIFF", "FLAC", "BINARY", "MOTOROLA", "OGG", "APE", "WV", "AAC"))
_MOST_TEXT = 500  # characters of a title
_BEGIN, _GAP = 1, 0  # numbers of INDEX lines
_REMEDY = "Fix the sheet, or name the audio file itself."


@dataclass(slots=True)
class _Track:
    """A track of the sheet; `indices` maps the number of an INDEX to a file number and seconds."""

    number: int
    is_audio: bool
    performer: str | None
    title: str | None = None
    indices: dict[int, tuple[int, float]] = field(default_factory=dict)
    end: float | None = None


@dataclass(slots=True)
class _Sheet:
    """The contents of a sheet."""

    files: dict[str, int] = field(default_factory=dict)  # name -> number
    current: int = -1  # number of the current file
    performer: str | None = None
    tracks: list[_Track] = field(default_factory=list)


def read_cue(sheet: ListFile) -> Iterator[SheetTrack | Problem]:
    """Yield the tracks of a CUE sheet in order.

    Parameters
    ----------
    sheet : ListFile

    Yields
    ------
    SheetTrack or Problem
        A problem for each missing file, each track without a position, and a sheet without audio tracks. For
        a missing file, a file with the same name and another suffix is used, or, if the sheet has only one
        file, an audio file with the name of the sheet.
    """
    parsed = _parse(sheet.lines)
    _find_ends(parsed.tracks)
    names = list(parsed.files)
    found: dict[int, Path | None] = {}
    audio = [track for track in parsed.tracks if track.is_audio]
    if not audio:
        yield Problem(sheet.path, f"{sheet.path} contains no audio tracks. Name the audio file itself.")
    for track in audio:
        if _BEGIN not in track.indices:
            what = f"has no start for track {track.number} (INDEX 01 in a FILE)"
            yield Problem(sheet.path, f"{sheet.path} {what}. {_REMEDY}")
            continue
        file, start = track.indices[_BEGIN]
        if file not in found:
            found[file] = _find(sheet, names[file], only=len(names) == 1)
            if found[file] is None:
                missing = sheet.place(shown(names[file]))
                yield Problem(missing, f"{missing}, named in {sheet.path}, was not found. Check the sheet.")
        path = found[file]
        if path is None:
            continue
        if track.end is not None and track.end <= start:
            yield Problem(
                path, f"{sheet.path} has an end before the start of track {track.number}. {_REMEDY}"
            )
            continue
        yield SheetTrack(
            path,
            sheet.path,
            track.number,
            start=start,
            end=track.end,
            title=track.title,
            performer=track.performer,
            named=None if is_alike(path.stem, Path(_base_name(names[file])).stem) else shown(names[file]),
        )


def _parse(lines: list[str]) -> _Sheet:
    sheet = _Sheet()
    for line in lines:
        command, rest = _split(line)
        track = sheet.tracks[-1] if sheet.tracks else None
        match command.upper():
            case "FILE":
                name = _file_name(rest)
                sheet.current = sheet.files.setdefault(name, len(sheet.files))
            case "TRACK":
                number, kind = _split(rest)
                is_audio = kind.upper() in ("AUDIO", "")
                count = len(sheet.tracks) + 1
                sheet.tracks.append(_Track(_number(number, count), is_audio, sheet.performer))
            case "INDEX" if track is not None and sheet.current >= 0:
                number, clock = _split(rest)
                time = _TIME.fullmatch(clock)
                if time is not None:
                    minutes, seconds, frames = map(int, time.groups())
                    at = 60 * minutes + seconds + frames / _FRAMES_PER_SECOND
                    track.indices.setdefault(_number(number, -1), (sheet.current, at))
            case "TITLE" if track is not None:
                track.title = _text(rest)
            case "PERFORMER" if track is not None:
                track.performer = _text(rest)
            case "PERFORMER":
                sheet.performer = _text(rest)
    return sheet


def _find_ends(tracks: list[_Track]) -> None:
    """Set the end of each track: the start of the next one in its file, or of the gap before it."""
    begins: dict[int, float] = {}  # file -> start of the following track
    for track in reversed(tracks):
        if _BEGIN in track.indices:
            track.end = begins.get(track.indices[_BEGIN][0])
        for number in (_BEGIN, _GAP):
            if number in track.indices:
                file, seconds = track.indices[number]
                begins[file] = seconds


def _find(sheet: ListFile, name: str, *, only: bool) -> Path | None:
    base = _base_name(name)  # the folders are often those of another machine
    for place in dict.fromkeys((name, base)):
        found = sheet.find(place) if place else None
        if found is not None and found.is_file():
            return found
    for path in (sheet.place(name), sheet.place(base)):
        found = sheet.find_other_suffix(path)
        if found is not None:
            return found
    if not only:
        return None
    own = sheet.path.with_suffix("")  # `album.flac.cue` belongs to `album.flac`
    if own.suffix.lower() in AUDIO_SUFFIXES and own.is_file():
        return own
    return sheet.find_other_suffix(sheet.path)


def _base_name(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _split(text: str) -> tuple[str, str]:
    """Return the first word, and the rest."""
    first, *rest = text.split(maxsplit=1) or [""]
    return first, rest[0].strip() if rest else ""


def _file_name(rest: str) -> str:
    """Return the file name of a FILE line, with or without quotation marks and a file type."""
    quoted = re.match(r'"(.*)"', rest)
    if quoted is not None:
        return quoted[1]
    name, _, kind = rest.rpartition(" ")
    return name.strip() if kind.upper() in _KINDS and name else rest


def _text(rest: str) -> str | None:
    quoted = re.fullmatch(r'"(.*)"', rest)
    return (quoted[1] if quoted else rest)[:_MOST_TEXT] or None


def _number(text: str, otherwise: int) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else otherwise
