"""Readers: one row per file, and clear errors for what is no catalogue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from catalogue_rows import rows
from raising import raises

from genrelab.catalogue import manifest, reader, shards
from genrelab.catalogue.manifest import begin_run, make_catalogue, read_runs
from genrelab.catalogue.reader import read_catalogue
from genrelab.catalogue.records import failed
from genrelab.catalogue.resume import KnownKeys, path_keys
from genrelab.catalogue.schema import FILES
from genrelab.catalogue.settings import Settings
from genrelab.catalogue.shards import ShardWriter
from genrelab.catalogue.storage import Storage, _local_names


def write(place: Path, generation: int, names: list[str], size: int = 1) -> None:
    """Add a shard of error rows about files."""
    storage = Storage.at(str(place))
    make_catalogue(storage)
    files = pa.Table.from_pylist(
        [{"path": name, "path_bytes": name.encode(), "size": size, "version": "time:1"} for name in names],
        schema=FILES,
    )
    writer = ShardWriter(storage, generation, rows=1000)
    writer.add(failed(files, Settings(identity="m"), "worker-died"))
    writer.flush()


def test_the_row_of_the_latest_run_counts_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 2, ["b", "c"], size=22)
    write(tmp_path, 1, ["a", "b"], size=11)  # written later, by a run that began earlier
    write(tmp_path, 2, ["c"], size=23)  # two runs at once: the later one
    assert {row["path"]: row["size"] for row in rows(tmp_path)} == {"a": 11, "b": 22, "c": 23}
    assert len(rows(tmp_path)) == 3


def test_a_run_after_the_largest_number_of_eight_digits(tmp_path: Path) -> None:
    write(tmp_path, 99_999_999, ["a"])
    storage = Storage.at(str(tmp_path))
    assert begin_run(storage, {}).generation == 100_000_000
    write(tmp_path, 100_000_000, ["a", "b"], size=2)
    assert {row["path"]: row["size"] for row in rows(tmp_path)} == {"a": 2, "b": 2}
    assert begin_run(storage, {}).generation == 100_000_001


def test_memory_of_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    times = pa.array([0] * 2000, pa.timestamp("us", "UTC"))

    def tables(*_: object, jobs: int) -> Iterator[pa.Table]:
        for shard in range(50):
            paths = pa.array([b"%d/%d" % (shard, row) for row in range(2000)])
            yield pa.table({"path_bytes": paths, "generation": pa.array([1] * 2000), "written_at": times})

    monkeypatch.setattr(reader, "_tables", tables)
    tracemalloc.start()
    try:
        found = reader._newest(Storage.at("unused"), [])
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(map(len, found)) == 100_000 and most < 120 * 100_000


def test_columns(tmp_path: Path) -> None:
    write(tmp_path, 1, ["a"])
    (table,) = read_catalogue(str(tmp_path), columns=["size", "path"])
    assert set(table.column_names) == {"size", "path"}
    with raises("catalogue-column", "nonsense"):
        list(read_catalogue(str(tmp_path), columns=["nonsense"]))


def test_pyarrow_reads_all_shards_as_one_dataset(tmp_path: Path) -> None:
    write(tmp_path, 1, ["a", "b"])
    write(tmp_path, 2, ["b"])
    assert pq.read_table(tmp_path / "shards").num_rows == 3


def test_foreign_files_beside_the_shards_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, 1, ["a"])
    (tmp_path / "shards" / "notes.parquet").write_bytes(b"no shard")
    (tmp_path / "shards" / ".genrelab-0123456789abcdef.tmp").write_bytes(b"draft")
    assert len(rows(tmp_path)) == 1


def test_damaged_shards_are_named(tmp_path: Path) -> None:
    write(tmp_path, 1, ["a"])
    (shard,) = (tmp_path / "shards").iterdir()
    good = shard.read_bytes()
    for content in (b"", good[:-5], good[:200] + bytes(50) + good[250:], b"PAR1PAR1"):
        shard.write_bytes(content)
        with raises("catalogue-shard", shard):
            rows(tmp_path)
    pq.write_table(pa.table({"path": ["x"]}), shard)
    with raises("catalogue-shard", shard):
        rows(tmp_path)


def test_a_newer_catalogue_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 1, ["a"])
    monkeypatch.setattr(shards, "SCHEMA_VERSION", 0)
    with raises("catalogue-newer", "schema 1"):
        rows(tmp_path)
    monkeypatch.setattr(manifest, "SCHEMA_VERSION", 0)
    with raises("catalogue-newer", tmp_path / "catalogue.json"):
        rows(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, '{"format": "genrelab catalogue"}', "\xff"])
def test_manifests_that_are_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "catalogue.json").write_bytes(text.encode("latin-1"))
    with raises("catalogue-manifest", tmp_path / "catalogue.json"):
        make_catalogue(Storage.at(str(tmp_path)))


def test_a_file_of_any_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "_MOST_BYTES", 10)
    (tmp_path / "catalogue.json").write_bytes(bytes(11))
    with raises("catalogue-file-too-large", tmp_path / "catalogue.json", 10):
        make_catalogue(Storage.at(str(tmp_path)))


def test_generations_grow_and_broken_entries_of_runs_are_shown(tmp_path: Path) -> None:
    storage = Storage.at(str(tmp_path))
    write(tmp_path, 41, ["a"])
    assert begin_run(storage, {}).generation == 42
    entry = begin_run(storage, {})
    assert entry.generation == 43
    (tmp_path / entry.name).write_text("{")
    assert [(run.generation, run.facts.get("state")) for run in read_runs(storage)] == [
        (42, "running"),
        (43, None),
    ]
    assert json.loads((tmp_path / "catalogue.json").read_text())["schema_version"] == 1


def test_known_keys_are_those_that_were_added() -> None:
    known = KnownKeys()
    for start in range(0, 3000, 100):
        known.add(path_keys(pa.array([str(number).encode() for number in range(start, start + 100)])))
    found = known.has(path_keys(pa.array([str(number).encode() for number in range(2990, 3010)])))
    assert np.array_equal(found, [True] * 10 + [False] * 10) and known.count == 3000


def test_each_key_is_merged_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = path_keys(pa.array([str(number).encode() for number in range(4096)]))
    merged = 0

    def counted(arrays: list[np.ndarray]) -> np.ndarray:
        nonlocal merged
        merged += sum(map(len, arrays))
        return concatenate(arrays)

    concatenate = np.concatenate
    monkeypatch.setattr(np, "concatenate", counted)
    known = KnownKeys()
    for number in range(len(keys)):
        known.add(keys[number : number + 1])
    assert known.has(keys).all() and merged < 24 * len(keys)  # 2 log2(n) of them


def test_a_file_that_vanishes_hides_no_other(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.parquet").touch()
    with os.scandir(tmp_path) as entries:
        order = [entry.name for entry in entries]
    found = _local_names(str(tmp_path))
    assert next(found).name == order[0]
    (tmp_path / order[1]).unlink()
    assert [stored.name for stored in found] == order[2:]


def test_without_pyarrow_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from genrelab.cli.main import main\n"
        "sys.exit(main(['catalogue', 'report', 'x']))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 1 and "genrelab[cluster]" in done.stderr and "Traceback" not in done.stderr
