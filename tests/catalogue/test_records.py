"""One function: files in, one row per file out, whatever is wrong with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from catalogue_rows import listed, row_of
from raising import raises
from s3_store import Store

from genrelab.catalogue.listing import list_files
from genrelab.catalogue.objects.object_file import ObjectFile
from genrelab.catalogue.records import failed, records
from genrelab.catalogue.schema import FILES, RECORDS
from genrelab.catalogue.settings import Settings
from genrelab.recognize import Recognizer


def test_rows_are_what_recognize_gives(music: Path, settings: Settings) -> None:
    files = listed(str(music))
    found = records(files, settings)
    assert found.schema == RECORDS and found.num_rows == files.num_rows == 6
    assert found.column("path_bytes").to_pylist() == files.column("path_bytes").to_pylist()
    recognizer = Recognizer.load(settings.model, threads=1)
    for name in ("high.flac", "low.flac", "song.mp3", "\x1b[31m\u202eevil\n.flac"):
        row, record = row_of(found, name), recognizer(music / name)
        shown = record.to_dict()
        assert (row["genre"], row["confidence"]) == (shown["genre"], shown["confidence"])
        assert (row["genres"], row["segments"], row["tags"]) == (shown["genres"], shown["timeline"], [])
        assert row["duration"] == shown["duration"] and row["model"] == shown["model"] == settings.identity
        assert record.embedding is not None
        assert np.array_equal(row["embedding"], record.embedding.astype(np.float16))
        assert (row["error_code"], row["remedy"], row["bytes_read"]) == (None, None, None)
        assert row["size"] == (music / name).stat().st_size
    assert row_of(found, "high.flac")["genre"] == "high"


def test_the_same_files_give_the_same_table(music: Path, settings: Settings) -> None:
    files = listed(str(music))
    assert records(files, settings).equals(records(files, settings))


def test_what_is_wrong_is_in_the_row(music: Path, settings: Settings) -> None:
    files = listed(str(music))
    (music / "low.flac").unlink()
    found = records(files, settings)
    for name, code in (
        ("broken.mp3", "audio-not-recognized"),
        ("empty.wav", "audio-empty"),
        ("low.flac", "audio-missing"),
    ):
        row = row_of(found, name)
        assert row["error_code"] == code and row["remedy"] and str(music / name) in row["error"]
        assert row["genre"] is None and row["embedding"] is None and row["model"] == settings.identity


def test_a_name_that_is_no_text_is_kept(music: Path, settings: Settings) -> None:
    name = b"\xff\xfe.flac"
    (music / "high.flac").rename(Path(str(music)) / name.decode("utf-8", "surrogateescape"))
    row = next(
        row for row in records(listed(str(music)), settings).to_pylist() if row["path_bytes"].endswith(name)
    )
    assert row["genre"] == "high" and row["path"].endswith("\\udcff\\udcfe.flac")


def test_objects_give_the_rows_of_local_files(music: Path, settings: Settings, store: Store) -> None:
    bucket = store.make_bucket("objects")
    for path in music.iterdir():
        if "\n" not in path.name:
            store.put(f"{bucket}/a b/{path.name}", path.read_bytes())
    here = records(listed(str(music)), settings)
    there = records(listed(f"{bucket}/a b"), settings)
    assert there.num_rows == 5
    same = [
        name for name in RECORDS.names if name not in ("path", "path_bytes", "version", "bytes_read", "error")
    ]
    for row in there.to_pylist():
        local = row_of(here, row["path"].rpartition("/")[2])
        assert {name: row[name] for name in same} == {name: local[name] for name in same}
        assert 0 <= row["bytes_read"] <= row["size"]


def test_objects_that_cannot_be_read(settings: Settings, store: Store) -> None:
    bucket = store.make_bucket("unreadable")
    store.put(f"{bucket}/a//empty-name.mp3", b"x")
    store.put(f"{bucket}/gone.mp3", b"x")
    files = listed(bucket)
    store.client.delete_object(Bucket="unreadable", Key="gone.mp3")
    codes = {row["path"]: row["error_code"] for row in records(files, settings).to_pylist()}
    assert codes == {f"{bucket}/a//empty-name.mp3": "object-name", f"{bucket}/gone.mp3": "object-missing"}


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_a_store_that_fails_amid_a_file_is_no_cut_off_file(
    suffix: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = tmp_path / f"sound.{suffix}"
    noise = np.random.default_rng(1).standard_normal(60 * 8000) * 0.1
    soundfile.write(sound, noise, 8000, format=suffix.upper())
    data = sound.read_bytes()

    def fetch(offset: int, count: int) -> bytes:
        if offset > 2 * len(data) // 3:
            raise OSError("connection lost")
        return data[offset : offset + count]

    def open_failing(address: str, *, approximate: bool) -> ObjectFile:
        return ObjectFile(address, len(data), fetch)

    monkeypatch.setattr("genrelab.catalogue.records.open_object", open_failing)
    address = f"s3://bucket/sound.{suffix}"
    file = {"path": address, "path_bytes": address.encode(), "size": len(data), "version": "time:1"}
    (row,) = records(pa.Table.from_pylist([file], schema=FILES), settings).to_pylist()
    assert row["error_code"] == "object-unreadable" and "connection lost" in row["error"]
    assert row["bytes_read"] > 0 and row["genre"] is None


def test_a_worker_refuses_another_model(settings: Settings) -> None:
    files = pa.Table.from_pylist([], schema=FILES)
    with raises("catalogue-other-model", "other", settings.identity):
        records(files, dataclasses.replace(settings, identity="other"))


def test_rows_of_a_worker_that_died(music: Path, settings: Settings) -> None:
    found = failed(listed(str(music)), settings, "worker-died")
    assert found.schema == RECORDS and set(found.column("error_code").to_pylist()) == {"worker-died"}


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"file_seconds": 0.0}, {"file_seconds": float("nan")}])
def test_settings_are_checked(wrong: dict[str, float]) -> None:
    code = f"catalogue-{next(iter(wrong)).replace('_', '-')}"
    with raises(code, next(iter(wrong.values()))):
        Settings(**wrong)  # type: ignore[arg-type]


def test_problems_of_a_listing_are_told(tmp_path: Path) -> None:
    told: list[str] = []
    assert list(list_files(str(tmp_path), problem=told.append)) == []
    assert len(told) == 1 and str(tmp_path) in told[0]
