"""Rates of one song and one core: decoding, the network, bytes read, vectors and stores.

The songs are those of benchmarks/library.py: real clips, repeated to four minutes, as MP3 with constant and
variable bit rate, FLAC and OGG. One thread recognizes each as `genrelab recognize` does; meanwhile the
processor time of the network, which contains the front-end, is measured apart. The rest is decoding,
resampling, choosing segments and describing the result. Bytes and requests are those of a file in an object
store, read as a catalogue reads it; the store is the local disk.
Then the results are stored: as rows of a library, as Parquet, and as vectors in which a search runs.

    python benchmarks/rates.py PATH/TO/clips.csv --model src/genrelab/bundle/packaged.onnx --json rates.json

The figures are inputs of experiments/scale_simulation.py.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine

from genrelab.audio.decode import stream
from genrelab.bundle.bundle import Bundle
from genrelab.catalogue.objects.object_file import ObjectFile
from genrelab.library import Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition, Recognizer
from library import KINDS, SONG_SECONDS, make_songs

PARQUET_ROWS = 2000
VECTORS = 100_000
_FRACTION = re.compile(r"\d\.\d{2,}")


class Watched:
    """A model whose processor time is added up."""

    def __init__(self, bundle: Bundle) -> None:
        self.seconds, self.segments = 0.0, 0
        predict = bundle.predict

        def watched(waveforms: np.ndarray[Any, Any]) -> Any:
            began = time.process_time()
            try:
                return predict(waveforms)
            finally:
                self.seconds += time.process_time() - began
                self.segments += len(waveforms)

        bundle.predict = watched  # type: ignore[method-assign]


def as_object(song: Path) -> ObjectFile:
    """Return a song as an object in a store, whose requests are reads of the local file."""

    def fetch(offset: int, count: int) -> bytes:
        with song.open("rb") as file:
            file.seek(offset)
            return file.read(count)

    return ObjectFile(f"s3://songs/{song.name}", song.stat().st_size, fetch)


def measure_songs(
    model: Path, songs: Sequence[Path], rounds: int
) -> tuple[dict[str, Any], list[Recognition]]:
    """Recognize each song in every round; return the figures, and the results of the last round."""
    bundle = Bundle.load(model, threads=1)
    recognizer = Recognizer(bundle)
    watched = Watched(bundle)
    form: dict[str, Any] = {
        "sample_rate": bundle.metadata.sample_rate,
        "channels": bundle.metadata.channels,
    }
    rows: dict[Path, list[dict[str, float]]] = defaultdict(list)
    results: list[Recognition] = []
    for turn in range(-1, rounds):  # the first is a warm-up
        results = []
        for song in songs if turn >= 0 else songs[: len(KINDS)]:
            watched.seconds, watched.segments = 0.0, 0
            began = time.process_time()
            results.append(recognizer(song))
            whole, network, segments = time.process_time() - began, watched.seconds, watched.segments
            began = time.process_time()
            for _ in stream(song, **form):
                pass
            row = {
                "recognize_s": whole,
                "network_s": network,
                "decoding_s": whole - network,
                "whole_decoding_s": time.process_time() - began,
                "segments": segments,
                "file_bytes": song.stat().st_size,
            }
            if turn >= 0:
                rows[song].append(row)
    for song in songs:  # as the workers of a catalogue read it
        distant = as_object(song)
        recognizer.recognize_found(distant)
        for row in rows[song]:
            row |= {"bytes_read": distant.bytes_read, "requests": distant.requests}
    keys = list(rows[songs[0]][0])
    medians = {
        song: {key: statistics.median(row[key] for row in rows[song]) for key in keys} for song in songs
    }
    figures: dict[str, Any] = {key: statistics.median(row[key] for row in medians.values()) for key in keys}
    figures["each"] = [{key: medians[song][key] for key in keys} | {"kind": _kind(song)} for song in songs]
    return figures, results


def _kind(song: Path) -> str:
    return song.name.partition(".")[2]


def measure_stores(
    songs: Sequence[Path], results: Sequence[Recognition], folder: Path, rows: int
) -> dict[str, Any]:
    """Store results often enough to measure it: in a library, as Parquet, as vectors."""
    snapshots = [FileSnapshot(song) for song in songs]
    with Library(folder / "rates.db") as library:
        began = time.process_time()
        for number in range(rows):
            library.tracks.store(snapshots[number % len(songs)], results[number % len(songs)])
        library_s = (time.process_time() - began) / rows
    found = {"library_rows_per_s": 1 / library_s, "embedding_length": _vector(results[0]).size}
    return found | _parquet(results) | _search(_vector(results[0]).size)


def _vector(result: Recognition) -> np.ndarray[Any, Any]:
    if result.embedding is None:
        raise SystemExit("the model file gives no embedding: name another one with --model")
    return np.asarray(result.embedding, np.float32)


def _parquet(results: Sequence[Recognition]) -> dict[str, float]:
    """Write a shard with what a result holds; numbers differ from row to row as those of real songs do."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = np.random.default_rng(0)
    vectors = [_vector(result) for result in results]
    records = []
    for number in range(PARQUET_ROWS):
        result = results[number % len(results)]
        vector = (vectors[number % len(results)] * draw.normal(1, 0.1, vectors[0].size)).astype(np.float16)
        text = _FRACTION.sub(
            lambda found: f"{draw.random():.{len(found[0]) - 2}f}", json.dumps(result.to_dict(), default=str)
        )
        records.append({"path": f"s3://music/{number:08}.mp3", "result": text, "embedding": vector})
    began, buffer = time.process_time(), io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), buffer, compression="zstd")
    seconds = time.process_time() - began
    return {
        "parquet_rows_per_s": PARQUET_ROWS / seconds,
        "parquet_bytes_per_row": buffer.tell() / PARQUET_ROWS,
    }


def _search(length: int) -> dict[str, float]:
    """Compare a query with every row of a matrix, in blocks, on one thread."""
    matrix = np.random.default_rng(0).standard_normal((VECTORS, length), np.float32).astype(np.float16)
    query = matrix[0].astype(np.float32)
    took = []
    for _ in range(3):
        began = time.process_time()
        for first in range(0, VECTORS, 4096):
            matrix[first : first + 4096].astype(np.float32) @ query
        took.append(time.process_time() - began)
    return {"vectors_per_s": VECTORS / statistics.median(took), "vector_bytes": 2.0 * length}


def print_tables(result: dict[str, Any]) -> None:
    """Print the tables for people."""
    print("| kind | recognize | decoding | network | whole file decoded | read from a store | requests |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind in [*KINDS, "all"]:
        rows = [row for row in result["each"] if kind in ("all", row["kind"])]
        if not rows:
            continue

        def median(key: str, rows: list[dict[str, float]] = rows) -> float:
            return statistics.median(row[key] for row in rows)

        read = f"{statistics.median(row['bytes_read'] / row['file_bytes'] for row in rows):.0%}"
        read += f" of {median('file_bytes') / 1e6:.1f} MB"
        times = [median(key) for key in ("recognize_s", "decoding_s", "network_s", "whole_decoding_s")]
        cells = [kind, *(f"{each:.3f} s" for each in times), read, f"{median('requests'):.0f}"]
        print(f"| {' | '.join(cells)} |")
    print("\nProcessor time of one thread, medians; songs of four minutes.\n")
    print("| store | rate per core |\n| --- | ---: |")
    print(f"| rows into a library | {result['library_rows_per_s']:,.0f}/s |")
    print(f"| rows into Parquet, {result['parquet_bytes_per_row']:,.0f} bytes each | "
          f"{result['parquet_rows_per_s']:,.0f}/s |")  # fmt: skip
    print(f"| vectors compared with a query, {result['vector_bytes']:,.0f} bytes each | "
          f"{result['vectors_per_s']:,.0f}/s |")  # fmt: skip


def main() -> None:
    """Print the tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path, help="table of real clips (clips.csv)")
    parser.add_argument("--model", type=Path, required=True, help="model file")
    parser.add_argument("--songs", type=int, default=24, help="number of songs")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds")
    parser.add_argument("--json", type=Path, help="also write the line of JSON to this file")
    parser.add_argument("--quick", action="store_true", help="four songs, one round: a smoke test")
    options = parser.parse_args()
    wanted, rounds, rows = (4, 1, 50) if options.quick else (options.songs, options.rounds, 1000)
    with tempfile.TemporaryDirectory() as name:
        songs = make_songs(options.clips, Path(name), wanted)
        figures, results = measure_songs(options.model, songs, rounds)
        figures |= measure_stores(songs, results, Path(name), rows)
    result: dict[str, Any] = {
        "benchmark": "rates",
        "songs": len(songs),
        "rounds": rounds,
        "song_seconds": SONG_SECONDS,
        "network_share": figures["network_s"] / figures["recognize_s"],
        **figures,
    }
    print_tables(result)
    line = json.dumps(result | machine("numpy", "onnxruntime", "soundfile", "av", "pyarrow"))
    if options.json:
        options.json.write_text(line + "\n", encoding="utf-8")
    print(line)


if __name__ == "__main__":
    main()
