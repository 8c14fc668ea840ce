"""A process that changes a song's tag, and kills a copy of itself at the n-th line of the code that does it.

One line on its standard input is one number; the answer is 1 if the copy lived, so that the code has no more
lines. A process of its own is small: copies of one that has imported PyTorch take more than twice as long.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from genrelab import drafts
from genrelab.library import Library, Tagger, TagPolicy
from genrelab.library.store import journal
from genrelab.library.tagging import safe_write

FILES = {safe_write.__file__, journal.__file__, drafts.__file__}


class Dying:
    """The process, as the tests use it."""

    def __init__(self, database: Path, song: Path, *, undo: bool) -> None:
        command = [sys.executable, __file__, str(database), str(song), str(int(undo))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def at(self, line: int) -> bool:
        """Begin the change and die at a line of it; return whether it came to its end before."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        answer = self._process.stdout.readline().strip()
        assert answer in ("0", "1"), f"the change ended with {answer or 'nothing'}"
        return answer == "1"

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)


def _change(database: Path, song: Path, line: int, *, undo: bool) -> None:
    steps = 0

    def trace(frame, event, argument):
        nonlocal steps
        if frame.f_code.co_filename not in FILES:
            return None
        if event in ("line", "return"):
            steps += 1
            if steps == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    with Library(database) as library:
        tagger = Tagger(library)
        sys.settrace(trace)
        (record,) = tagger.undo([song]) if undo else tagger.tag([song], TagPolicy("overwrite"), write=True)
        sys.settrace(None)
    assert record.status in ("written", "undone"), record


def _die(database: Path, song: Path, line: int, *, undo: bool) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        _change(database, song, line, undo=undo)
        code = 0
    finally:
        os._exit(code)


def main(database: Path, song: Path, undo: bool) -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        code = _die(database, song, int(line), undo=undo)
        print({0: 1, -signal.SIGKILL: 0}.get(code, f"code {code}"), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "1")
