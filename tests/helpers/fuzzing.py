"""A process that recognizes and tags damaged files, one for each line on its standard input.

It answers each with a line of JSON: what it said, how much memory it has taken, and what it did wrong.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import sys
import traceback
from pathlib import Path

import av.error
import tagged

import genrelab.recognize.segment_sampling
from genrelab.errors import GenrelabError
from genrelab.library import CachedRecognizer, Library, Tagger, TagPolicy, TagRecord
from genrelab.library.store.audio_digest import sound_digest
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.tags import FIELDS, Field, read_tag
from genrelab.recognize import Recognition, Recognizer
from genrelab.recognize.recognition import RankedGenre, TagScore

GENRE = "Fuzz"
"""What no file has as its genre, mood or grouping."""

TAGS = (TagScore("mood", GENRE, 0.9, True), TagScore("style", f"{GENRE} rock", 0.8, True))

_ADDRESSES = 4 * 2**30  # bytes that the process may ask for; threads alone reserve much


class Worker:
    """Recognizes and tags."""

    def __init__(self, model: Path, library: Library) -> None:
        genrelab.recognize.segment_sampling.FIRST_SECONDS = 1.0  # so that short files are heard in pieces
        self._library = library
        self._tagger = Tagger(library)
        self._recognizer = Recognizer.load(model, threads=1)
        self._cached = CachedRecognizer(self._recognizer, library)

    def recognize(self, path: Path) -> dict[str, object]:
        """Recognize a file through the library; a second time, the answer must be the same."""
        said = self._cached(path)
        faults = []
        if said.error is None and said.genre is None:
            faults.append("neither a result nor an error")
        if said.error is not None and not _explains(said.error, path):
            faults.append(f"an error that explains nothing: {said.error!r}")
        if self._cached(path) != said:
            faults.append("another answer the second time")
        return {"genre": said.genre, "error": said.error, "faults": faults}

    def tag(self, path: Path) -> dict[str, object]:
        """Show, write and take back all fields; a file is changed rightly or not at all."""
        ranked = (RankedGenre(GENRE, 0.9),)
        said = Recognition(path, "m@1", genre=GENRE, confidence=0.9, genres=ranked, tags=TAGS)
        self._library.tracks.store(FileSnapshot(path), said)
        whole, sound, heard = path.read_bytes(), sound_digest(path), _heard(path)
        wish, faults = TagPolicy("overwrite", fields=FIELDS), []
        (plan,) = self._tagger.tag([path], wish)
        if path.read_bytes() != whole:
            faults.append("changed by a dry run")
        (record,) = self._tagger.tag([path], wish, write=True)
        faults += _faults_of(plan) + _faults_of(record)
        if record.status != "written":
            if path.read_bytes() != whole:
                faults.append(f"changed though {record.status}: {record.note}")
            return {"tag": record.status, "note": record.note, "faults": faults}
        faults += _faults_of_change(path, sound, heard)
        if _genres(path) != record.after or record.after != (GENRE,):
            faults.append(f"{_genres(path)} was written, {record.after} told")
        for change in record.more:
            if _values(path, change.field) != change.after:
                faults.append(f"{change.field}: {_values(path, change.field)} written, {change.after} told")
        (undone,) = self._tagger.undo([path])
        faults += _faults_of(undone)
        if undone.status != "undone":
            faults.append(f"cannot be taken back: {undone.note}")
        faults += _faults_of_change(path, sound, heard)
        return {"tag": record.status, "same": path.read_bytes() == whole, "faults": faults}


def _explains(message: str, path: Path) -> bool:
    """Whether a message names the file, and then says more, in words for people."""
    rest = message.replace(str(path), "")
    nothing = ("None" in rest, "Traceback" in rest, " object at 0x" in rest)
    return str(path) in message and len(rest.split()) >= 4 and not any(nothing)


def _faults_of(record: TagRecord) -> list[str]:
    if record.status == "error" and not _explains(str(record.note), record.path):
        return [f"a note that explains nothing: {record.note!r}"]
    return []


def _faults_of_change(path: Path, sound: bytes, heard: str) -> list[str]:
    return [
        what
        for what, changed in (
            ("another sound by its digest", sound_digest(path) != sound),
            ("other samples as FFmpeg hears it", _heard(path) != heard),
            ("something is left beside it", os.listdir(path.parent) != [path.name]),
        )
        if changed
    ]


def _genres(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        return read_tag(file, path).genres


def _values(path: Path, field: Field) -> tuple[str, ...]:
    with path.open("rb") as file:
        return read_tag(file, path).values(field)


def _heard(path: Path) -> str:
    """Return a hash of what FFmpeg decodes, or that it does not."""
    try:
        return tagged.samples(path)
    except (av.error.FFmpegError, IndexError):  # no such file; none of its streams is sound
        return "nothing"


def peak_memory() -> int:
    """Return the most bytes that this process has held.

    Not `ru_maxrss`, which begins with what the process held that started this one.
    """
    with Path("/proc/self/status").open() as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def main(model: Path, database: Path) -> None:
    """Answer until the input ends."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    with Library(database) as library:
        worker = Worker(model, library)
        for line in sys.stdin.buffer:
            path = Path(os.fsdecode(line.rstrip(b"\n")))
            answer: dict[str, object] = {}
            faults: list[str] = []
            for act in (worker.recognize, worker.tag):
                try:
                    answer |= act(path)
                    faults += answer["faults"]  # type: ignore[operator]
                except GenrelabError as error:
                    faults.append(f"{act.__name__} raises {error}")
                except Exception:
                    faults.append(traceback.format_exc())
            memory = peak_memory()
            print(json.dumps({**answer, "faults": faults, "memory": memory}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
