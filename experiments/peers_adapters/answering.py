"""What all adapters do: read paths from standard input, answer each with one line of JSON.

An adapter runs in the environment of its recognizer, so this file needs Python 3.7 and the standard library
alone. The first line that it writes says that the recognizer is ready, and with which versions. What the
recognizer itself prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Callable, Dict  # noqa: UP035 - Python 3.7

Recognize = Callable[[str], Dict[str, float]]  # noqa: UP006


def peak_memory() -> int:
    """Return the most bytes that this process has held.

    Linux tells it for this program alone; elsewhere it includes what the starting process held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def answer(load: Callable[[], Recognize], versions: Callable[[], dict[str, str]]) -> None:
    """Answer until the input ends.

    Parameters
    ----------
    load : callable
        Imports and loads the recognizer; returns what maps a path to the score of each of its tags.
    versions : callable
        Returns package -> version; called after `load`.
    """
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    recognize = load()
    ready = {"ready": True, "python": platform.python_version(), "versions": versions(), **_spent(0.0)}
    print(json.dumps(ready), file=replies, flush=True)
    for line in sys.stdin:
        began, spent = time.perf_counter(), time.process_time()
        said: dict[str, object]
        try:
            said = {"scores": {tag: float(score) for tag, score in recognize(line.rstrip("\n")).items()}}
        except Exception as error:  # whatever a recognizer raises is its answer for this clip
            said = {"error": f"{type(error).__name__}: {error}"[:300]}
        reply = {**said, "seconds": time.perf_counter() - began, **_spent(spent)}
        print(json.dumps(reply), file=replies, flush=True)


def _spent(since: float) -> dict[str, float]:
    return {"cpu_seconds": time.process_time() - since, "memory": peak_memory()}
