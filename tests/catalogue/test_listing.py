"""What a listing may be, and what it may contain."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from catalogue_rows import listed, refuse
from raising import raises
from s3_store import Store

from genrelab.catalogue.listing import ScanOptions, list_files
from genrelab.catalogue.schema import FILES
from genrelab.errors import UsageError


def paths(table: pa.Table) -> list[str]:
    return table.column("path").to_pylist()


def test_a_folder_is_scanned_as_recognize_does(music: Path) -> None:
    (music / ".hidden.mp3").write_bytes(b"x")
    (music / "notes.txt").write_bytes(b"x")
    found = listed(str(music))
    assert found.schema == FILES and found.num_rows == 6
    assert all(path.startswith(str(music)) for path in paths(found))
    size = dict(zip(paths(found), found.column("size").to_pylist(), strict=True))
    assert size[str(music / "empty.wav")] == 0
    assert listed(str(music), scan=ScanOptions(exclude=("*.flac",))).num_rows == 3


def test_relative_and_absolute_names_of_a_folder_are_the_same(
    music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(music.parent)
    assert listed("music").equals(listed(str(music)))


def test_a_prefix_lists_sounds_below_it(store: Store) -> None:
    bucket = store.make_bucket("listing")
    names = ["x/a.mp3", "x/y/b.flac", "x/y/z/c.wav", "x/y//empty.mp3", "x/y/../up.mp3", "x/ü %20+#?.mp3"]
    for name in [*names, "x/.hidden.mp3", "x/notes.txt", "other/d.mp3"]:
        store.put(f"{bucket}/{name}", b"12345")
    found = listed(f"{bucket}/x/")
    assert sorted(paths(found)) == sorted(f"{bucket}/{name}" for name in names)
    assert set(found.column("size").to_pylist()) == {5}
    assert all(version.startswith("time:") for version in found.column("version").to_pylist())
    one = listed(f"{bucket}/x/a.mp3").to_pylist()
    assert one == [row for row in found.to_pylist() if row["path"] == f"{bucket}/x/a.mp3"]
    assert paths(listed(f"{bucket}/x/a.mp3")) == [f"{bucket}/x/a.mp3"]
    with raises("catalogue-storage", f"{bucket}/none"):
        listed(f"{bucket}/none")
    with raises("catalogue-storage", "s3://no-such-bucket"):
        listed("s3://no-such-bucket/x")


def test_tables_in_a_folder_and_in_a_store(music: Path, tmp_path: Path, store: Store) -> None:
    bucket = store.make_bucket("tables")
    store.put(f"{bucket}/set/a.mp3", b"123")
    table = pa.table(
        {
            "file": ["a.mp3", f"{bucket}/set/a.mp3", str(music / "high.flac"), "b.mp3"],
            "size": [3, None, None, 9],
        }
    )
    pq.write_table(table, tmp_path / "list.parquet")
    store.put(f"{bucket}/set/list.parquet", (tmp_path / "list.parquet").read_bytes())
    found = listed(f"{bucket}/set/list.parquet", path_column="file")
    assert paths(found) == [
        f"{bucket}/set/a.mp3",
        f"{bucket}/set/a.mp3",
        str(music / "high.flac"),
        f"{bucket}/set/b.mp3",
    ]
    assert found.column("size").to_pylist() == [3, 3, (music / "high.flac").stat().st_size, 9]
    here = listed(str(tmp_path / "list.parquet"), path_column="file")
    assert paths(here)[0] == str(tmp_path / "a.mp3")
    with raises("listing-column", "path", "file"):
        listed(str(tmp_path / "list.parquet"))


def test_versions_that_a_table_states(tmp_path: Path) -> None:
    moment = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    table = {"bucket": ["bu-cket"] * 2, "key": ["a b/c.mp3", "d.mp3"], "size": [1, 2], "e_tag": ["abc", None]}
    pq.write_table(pa.table({**table, "last_modified_date": [moment] * 2}), tmp_path / "inventory.parquet")
    found = listed(str(tmp_path / "inventory.parquet"))
    assert paths(found) == ["s3://bu-cket/a b/c.mp3", "s3://bu-cket/d.mp3"]
    assert found.column("version").to_pylist() == ["etag:abc", f"time:{int(moment.timestamp())}000000000"]
    (tmp_path / "list.csv").write_text('path,size,etag\n"a,b.mp3",7,"x"\n')
    assert listed(str(tmp_path / "list.csv")).column("version").to_pylist() == ["etag:x"]


def test_paths_that_cannot_be_paths_are_rows(tmp_path: Path) -> None:
    wrong = ["", "../../etc/passwd", "http://host/a.mp3", "s3:///key", "nul\0.mp3", "x" * 5000, "a/../b.mp3"]
    pq.write_table(pa.table({"path": [*wrong, None, "ok.mp3"]}), tmp_path / "list.parquet")
    found = listed(str(tmp_path / "list.parquet"))
    assert found.column("error_code").to_pylist() == [*["listing-path"] * 8, None]
    assert all(len(text) < 1000 for text in found.column("error").to_pylist()[:-1])
    (tmp_path / "list.csv").write_bytes(b"path\n\xff\xfe.mp3\n")
    assert listed(str(tmp_path / "list.csv")).column("path_bytes").to_pylist()[0].endswith(b"/\xff\xfe.mp3")


def test_keys_are_read_as_they_are_written(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_bytes(b"bucket,key,size,etag\nbucket,001,1,x\nbucket,true,1,x\nbucket,caf\xe9,1,x\n")
    found = listed(str(table))
    assert paths(found)[:2] == ["s3://bucket/001", "s3://bucket/true"]
    assert found.column("error_code").to_pylist() == [None, None, "listing-path"]
    names = pa.array([b"ok.mp3", b"caf\xe9.mp3"]).view(
        pa.string()
    )  # text in name only, as some programs write
    pq.write_table(pa.table({"path": names}), tmp_path / "list.parquet")
    exact = listed(str(tmp_path / "list.parquet")).column("path_bytes").to_pylist()
    assert exact == [bytes(tmp_path / "ok.mp3"), bytes(tmp_path) + b"/caf\xe9.mp3"]


def test_a_name_that_is_no_key_is_a_row(store: Store) -> None:
    bucket = store.make_bucket("names")
    store.put(f"{bucket}/set/a.mp3", b"123")
    store.put(f"{bucket}/set/list.csv", b"path\ncaf\xe9.mp3\na.mp3\n")
    found = listed(f"{bucket}/set/list.csv")
    assert found.column("error_code").to_pylist() == ["listing-path", None]
    assert found.column("size").to_pylist() == [None, 3]


def test_passwords_in_addresses_are_not_repeated(tmp_path: Path) -> None:
    address = "s3://NAME:PASS/WORD@bucket/x"
    with pytest.raises(UsageError) as caught:
        list_files(address, problem=refuse)
    assert "s3://***@bucket/x" in str(caught.value) and "WORD" not in str(caught.value)
    (tmp_path / "list.csv").write_text(f"path\n{address}\n")
    (error,) = listed(str(tmp_path / "list.csv")).column("error").to_pylist()
    assert "s3://***@bucket/x" in error and "WORD" not in error


@pytest.mark.parametrize("name", ["list.parquet", "list.csv"])
def test_damaged_tables(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"PAR1" + bytes(100) if name.endswith("parquet") else b'path,size\na.mp3,1,2,3\n"b')
    with raises("listing-damaged", path):
        listed(str(path))


def test_what_is_no_listing(music: Path, tmp_path: Path) -> None:
    with raises("listing-kind", music / "high.flac"):
        list_files(str(music / "high.flac"), problem=refuse)  # at once: nothing may be written before
    with raises("listing-missing", tmp_path / "none"):
        list_files(str(tmp_path / "none"), problem=refuse)
    for address in ("s3://", "s3:///key", "gs://bucket/x", "https://host/x"):
        with raises("catalogue-place", address):
            list_files(address, problem=refuse)
