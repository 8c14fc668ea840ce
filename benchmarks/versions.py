"""Recognition speed of this version of genrelab compared with another version.

Two child processes, one per version, recognize the songs of `library.py` on one core and take turns song by
song. They also hash the sound, as `genrelab recognize` does to keep its answers. The result is the ratio of
medians; the times themselves depend on the machine.

    git worktree add ../before v0.1.0
    python benchmarks/versions.py PATH/TO/clips.csv --model model.onnx --before ../before/src
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from machine import machine

from library import KINDS, make_songs

_CODE = """
import json, sys, time
from genrelab.library.REPLACED import sound_digest
from genrelab.recognize import Recognizer
recognizer = Recognizer.load(sys.argv[1], threads=1)
for line in sys.stdin:
    song = json.loads(line)
    began = time.perf_counter(), time.process_time()
    sound_digest(song)
    answer = recognizer(song)
    spent = time.perf_counter() - began[0], time.process_time() - began[1]
    print(json.dumps((*spent, answer.genres[0].genre if answer.genres else None)), flush=True)
"""


class Version:
    """A child process that recognizes songs with one version of genrelab."""

    def __init__(self, source: Path, model: Path) -> None:
        moved = (source / "genrelab" / "library" / "audio_digest.py").exists()
        digest = "audio_digest" if moved else "sound"
        if (source / "genrelab" / "library" / "store" / "audio_digest.py").exists():
            digest = "store.audio_digest"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE.replace("REPLACED", digest), str(model)],
            env={**os.environ, "PYTHONPATH": os.fspath(source), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def recognize(self, song: Path) -> tuple[float, float, str | None]:
        """Return wall-clock seconds, processor seconds and the most likely genre."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(str(song)) + "\n")
        self._process.stdin.flush()
        clock, processor, genre = json.loads(self._process.stdout.readline())
        return clock, processor, genre

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)


def compare(before: Path, now: Path, model: Path, songs: Sequence[Path], rounds: int) -> dict[str, Any]:
    """Time both versions in turn; return the ratios per file format and over all songs."""
    times: dict[tuple[str, Path], list[tuple[float, float]]] = defaultdict(list)
    genres: dict[tuple[str, Path], str | None] = {}
    versions = {"before": Version(before, model), "now": Version(now, model)}
    for turn in range(-1, rounds):  # the first round is a warm-up
        for song in songs if turn >= 0 else songs[: len(KINDS)]:
            for name, version in versions.items():
                clock, processor, genre = version.recognize(song)
                if turn >= 0:
                    times[name, song].append((clock, processor))
                    genres[name, song] = genre
    for version in versions.values():
        version.close()

    def total(name: str, kind: str | None, clock: bool) -> float:
        chosen = [song for song in songs if kind is None or _kind_of(song) == kind]
        return sum(statistics.median(each[not clock] for each in times[name, song]) for song in chosen)

    rows = {
        kind or "all": {
            "clock": total("before", kind, True) / total("now", kind, True),
            "processor": total("before", kind, False) / total("now", kind, False),
        }
        for kind in (*KINDS, None)
    }
    same = statistics.fmean(genres["before", song] == genres["now", song] for song in songs)
    return {"songs": len(songs), "rounds": rounds, "ratios": rows, "same_first_genre": same}


def _kind_of(song: Path) -> str:
    return song.name.partition(".")[2]


def main() -> None:
    """Print the table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path, help="table of real clips (clips.csv)")
    parser.add_argument("--model", type=Path, required=True, help="model file")
    parser.add_argument("--before", type=Path, required=True, help="folder src of the other version")
    parser.add_argument("--songs", type=int, default=24, help="number of songs")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds")
    parser.add_argument("--quick", action="store_true", help="few songs, one round: a smoke test")
    options = parser.parse_args()
    songs_wanted, rounds = (4, 1) if options.quick else (options.songs, options.rounds)
    now = Path(__file__).resolve().parents[1] / "src"
    with tempfile.TemporaryDirectory() as name:
        songs = make_songs(options.clips, Path(name), songs_wanted)
        result = compare(options.before.resolve(), now, options.model, songs, rounds)
    print("| songs per second, now / before | wall clock | processor |\n| --- | ---: | ---: |")
    for kind, row in result["ratios"].items():
        print(f"| {kind} | {row['clock']:.2f} | {row['processor']:.2f} |")
    print(f"\nSame most likely genre: {result['same_first_genre']:.0%} of {result['songs']} songs.")
    load = {"load_average": os.getloadavg()[0]} if hasattr(os, "getloadavg") else {}
    print(json.dumps({"benchmark": "versions", **result} | machine("onnxruntime", "av", "soundfile") | load))


if __name__ == "__main__":
    main()
