"""Damaged files of every format: each gets an answer soon, in bounded memory, and none is damaged further."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fuzzing
import numpy as np
import pytest
import tagged
import tones
from disks import quick_folder
from mutations import WAYS, mutate

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of processes")

SECONDS = 10.0  # for one file, to recognize it twice, tag it and take that back
START_SECONDS = 60.0
MEMORY = 600 * 2**20
TAGGED_KINDS = [*tagged.KINDS, *(kind for kind in tagged.RECORDED_KINDS if kind.startswith("mpc"))]
KINDS = [*TAGGED_KINDS, *tones.FURTHER_ENCODERS]
SONG_SECONDS = 2.6


class Child:
    """A process that works on damaged files; another one if it dies or hangs."""

    def __init__(self, *arguments: Path) -> None:
        self._command = [sys.executable, fuzzing.__file__, *map(str, arguments)]
        self._process: subprocess.Popen[bytes] | None = None
        # No pipe: it would be full of libmpg123's complaints.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115

    def ask(self, path: Path) -> dict[str, Any]:
        """Return what the process says about a file."""
        seconds = SECONDS
        if self._process is None:
            pipe = subprocess.PIPE
            self._said.truncate(0)
            self._process = subprocess.Popen(
                self._command, stdin=pipe, stdout=pipe, stderr=self._said, bufsize=0
            )
            seconds = START_SECONDS
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(os.fsencode(path) + b"\n")
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            return self._end(f"no answer after {seconds:.0f} s")
        line = self._process.stdout.readline()
        return json.loads(line) if line else self._end("the process died")

    def _end(self, fault: str) -> dict[str, Any]:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()
        fault = f"{fault} ({self._process.returncode}): {self._tail()}"
        self._process = None
        return {"faults": [fault], "memory": 0, "late": "no answer" in fault}

    def _tail(self) -> str:
        self._said.seek(0)
        return self._said.read()[-3000:].decode(errors="replace")

    def close(self) -> None:
        """End the process, which must be in good health."""
        if self._process is not None:
            self._process.communicate(timeout=START_SECONDS)
            assert self._process.returncode == 0, self._tail()
        self._said.close()


def make_songs(folder: Path) -> dict[str, tuple[bytes, str]]:
    """Return a file of each kind, and its suffix."""
    songs = {}
    for number, kind in enumerate(KINDS):
        frequency = (200.0, 1000.0, 3000.0)[number % 3]
        if kind in TAGGED_KINDS:
            path = tagged.make(folder, kind, frequency=frequency, seconds=SONG_SECONDS)
        else:
            name = f"{kind}.{kind.partition('-')[0]}"
            path = tagged.write_sound(folder / name, kind, frequency=frequency, seconds=SONG_SECONDS)
        songs[kind] = (path.read_bytes(), path.suffix)
    return songs


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


@pytest.mark.parametrize(
    "count",
    [
        20,
        pytest.param(240, marks=pytest.mark.slow(seconds=25)),
        pytest.param(2400, marks=pytest.mark.long(seconds=200)),
    ],
)
def test_damaged_files(count: int, tiny_model: Path) -> None:
    with quick_folder() as folder:
        _check_damaged_files(count, tiny_model, folder)


def _check_damaged_files(count: int, model: Path, scratch: Path) -> None:
    folder = scratch / "music"
    folder.mkdir()
    songs = make_songs(scratch)
    child = Child(model, scratch / "library.db")
    faults, outcomes, most = [], Counter(), 0
    kinds, ways = set(), set()
    for number in range(count):
        rng = np.random.default_rng([count, number])
        kind = KINDS[number % len(KINDS)]
        (data, suffix), (other, _) = songs[kind], songs[KINDS[int(rng.integers(len(KINDS)))]]
        damaged, how = mutate(data, other, rng)
        kinds.add(kind)
        ways.update(how.split(", "))
        path = folder / f"{number}{suffix}"
        path.write_bytes(damaged)
        answer = child.ask(path)
        if answer.get("late"):  # once more, lest the machine was busy with something else
            _remove(folder.iterdir())
            path.write_bytes(damaged)
            answer = child.ask(path)
        faults += [f"{number} {kind} ({how}): {fault}" for fault in answer["faults"]]
        outcomes[answer.get("genre") or "error", answer.get("tag")] += 1
        most = max(most, answer["memory"])
        _remove(folder.iterdir())
    child.close()
    assert not faults, "\n".join(faults)
    assert most < MEMORY
    assert len(kinds) == min(count, len(KINDS)) and ways == {way.__name__ for way in WAYS}
    # Damage that is always or never fatal would show little.
    for what, index in (("error", 0), ("written", 1)):
        share = sum(n for outcome, n in outcomes.items() if outcome[index] == what) / count
        assert 0.1 < share < 0.9, outcomes
