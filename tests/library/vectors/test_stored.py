"""The matrix beside a library: it follows the database, and nothing in its files is trusted."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from embedded import MODEL, add, best, clustered

from genrelab.library import Library
from genrelab.library.vectors import Vectors, build, open_vectors, opening, sketch, update

OTHER = f"n@{'2' * 12}"
COUNT, LENGTH = 600, 256


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small libraries are stored as large ones are."""
    monkeypatch.setattr(opening, "STORED_FROM", 1)
    monkeypatch.setattr(sketch, "SKETCHED_FROM", 200)
    monkeypatch.setattr(update, "_MOST_GONE", 20)


@pytest.fixture
def drawn() -> np.ndarray:
    return clustered(COUNT, LENGTH)


@pytest.fixture
def path(tmp_path: Path, drawn: np.ndarray) -> Path:
    add(tmp_path / "l.db", drawn)
    return tmp_path / "l.db"


def files(path: Path) -> dict[str, Path]:
    return {each.suffix: each for each in path.with_suffix(".vectors").iterdir()}


def names(path: Path, model: str = MODEL, *, query: np.ndarray, count: int = 10) -> list[str]:
    """Open the library and search; return the names of the tracks."""
    with Library(path, must_write=False) as library:
        vectors = open_vectors(library, model)
        if vectors is None:
            return []
        found = vectors.search(query[None].astype(np.float32), count).rows[0]
        return [
            Path(
                os.fsdecode(library.database.rows("SELECT path FROM tracks WHERE id = ?", (each,))[0][0])
            ).name
            for each in found.tolist()
            if each >= 0
        ]


def expected(drawn: np.ndarray, query: np.ndarray, count: int = 10, name: str = "t") -> list[str]:
    return [f"{name}{number:07}" for number in best(drawn, query, count)]


def never(*_: object, **__: object) -> None:
    raise AssertionError("the embeddings are not read")


def test_embeddings_are_read_once(path: Path, drawn: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(path, query=drawn[3]) == expected(drawn, drawn[3])
    assert set(files(path)) == {".f16", ".sketch", ".axes", ".rows", ".json", ".lock"}
    with monkeypatch.context() as patched:
        for module in (build, update, opening):
            patched.setattr(module, "read_rows", never)
        assert names(path, query=drawn[7]) == expected(drawn, drawn[7])
    shutil.rmtree(path.with_suffix(".vectors"))
    assert names(path, query=drawn[7]) == expected(drawn, drawn[7])


def test_new_tracks_are_appended(path: Path, drawn: np.ndarray) -> None:
    names(path, query=drawn[0])
    before = files(path)[".f16"]
    head = before.read_bytes()
    more = clustered(50, LENGTH, 1)
    add(path, more, name="new")
    assert names(path, query=more[4])[0] == "new0000004"
    assert names(path, query=drawn[4]) == expected(drawn, drawn[4])
    after = files(path)[".f16"]
    assert after == before and after.read_bytes()[: len(head)] == head
    assert after.stat().st_size == 2 * LENGTH * (COUNT + 50)


def test_tracks_that_are_gone_are_not_found_and_many_are_compacted(path: Path, drawn: np.ndarray) -> None:
    names(path, query=drawn[0])
    first = files(path)[".f16"]
    with Library(path) as library:
        assert library.tracks.forget(["/music/t0000005"]) == 1
    left = np.delete(np.arange(COUNT), 5)
    assert names(path, query=drawn[5]) == [f"t{left[each]:07}" for each in best(drawn[left], drawn[5])]
    assert files(path)[".f16"] == first
    with Library(path) as library:
        library.tracks.forget([f"/music/t{number:07}" for number in range(300)])
    assert names(path, query=drawn[400]) == [f"t{300 + each:07}" for each in best(drawn[300:], drawn[400])]
    assert files(path)[".f16"] != first
    assert files(path)[".f16"].stat().st_size == 2 * LENGTH * 300
    with Library(path) as library:
        library.tracks.forget()
    assert names(path, query=drawn[0]) == []
    add(path, drawn)
    assert names(path, query=drawn[0]) == expected(drawn, drawn[0])


def test_a_library_grows_until_it_has_a_sketch(tmp_path: Path, drawn: np.ndarray) -> None:
    path = tmp_path / "l.db"
    add(path, drawn[:100], name="a")
    assert names(path, query=drawn[0])[0] == "a0000000"
    assert ".sketch" not in files(path)
    add(path, drawn[100:], name="b")
    assert names(path, query=drawn[200])[0] == "b0000100"
    assert ".sketch" in files(path)


def test_models_have_matrices_of_their_own(path: Path, drawn: np.ndarray) -> None:
    other = clustered(COUNT, 300, 8)
    names(path, query=drawn[0])
    with Library(path) as library:  # half of the library is recognized again
        library.tracks.forget([f"/music/t{number:07}" for number in range(300)])
    add(path, other[:300], model=OTHER)
    assert names(path, OTHER, query=other[9]) == expected(other[:300], other[9])
    assert names(path, query=drawn[400]) == [f"t{300 + each:07}" for each in best(drawn[300:], drawn[400])]
    with Library(path) as library:
        library.tracks.forget()
    add(path, other, model=OTHER)
    assert names(path, query=drawn[0]) == []
    assert names(path, OTHER, query=other[9]) == expected(other, other[9])


def test_the_same_ids_and_recordings_with_other_embeddings_are_noticed(path: Path, drawn: np.ndarray) -> None:
    names(path, query=drawn[0])
    path.unlink()
    other = clustered(COUNT, LENGTH, 5)
    add(path, other)  # ids and hashes as before
    assert names(path, query=other[3]) == expected(other, other[3])


def test_a_library_that_another_one_is_copied_over(path: Path, drawn: np.ndarray, tmp_path: Path) -> None:
    names(path, query=drawn[0])
    other = clustered(COUNT, LENGTH, 6)
    add(tmp_path / "other.db", other, name="o")
    Library(path).close()
    with (tmp_path / "other.db").open("rb") as source, path.open("r+b") as target:
        shutil.copyfileobj(source, target)
    assert names(path, query=other[3]) == expected(other, other[3], name="o")


def test_a_backup_that_is_restored(path: Path, drawn: np.ndarray, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "backup")
    with Library(path) as library:
        library.tracks.forget([f"/music/t{number:07}" for number in range(500)])
    assert names(path, query=drawn[550]) == [f"t{500 + each:07}" for each in best(drawn[500:], drawn[550])]
    shutil.copy(tmp_path / "backup", path)
    assert names(path, query=drawn[3]) == expected(drawn, drawn[3])


def test_a_copy_of_library_and_folder_is_used(
    path: Path, drawn: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(path, query=drawn[0])
    (tmp_path / "b").mkdir()
    shutil.copy(path, tmp_path / "b")
    shutil.copytree(path.with_suffix(".vectors"), tmp_path / "b" / "l.vectors")
    monkeypatch.setattr(build, "read_rows", never)
    assert names(tmp_path / "b" / "l.db", query=drawn[3]) == expected(drawn, drawn[3])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x41
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as a copy program leaves it


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def into_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def into_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE = [flip, cut, empty, Path.unlink, into_a_pipe, into_a_link]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda each: each.__name__)
@pytest.mark.parametrize("suffix", [".f16", ".sketch", ".axes", ".rows", ".json"])
def test_damaged_files_are_made_again(
    path: Path, drawn: np.ndarray, suffix: str, damage: Callable[[Path], None]
) -> None:
    names(path, query=drawn[0])
    before = files(path)[suffix].read_bytes()
    damage(files(path)[suffix])
    for number in (0, 3):
        assert names(path, query=drawn[number]) == expected(drawn, drawn[number])
    left = [each for each in path.with_suffix(".vectors").glob(f"*{suffix}") if not each.is_symlink()]
    (again,) = (each for each in left if each.is_file())
    assert suffix == ".json" or again.read_bytes() == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("length", 128),
        ("length", 0),
        ("count", COUNT - 1),
        ("count", 10**12),
        ("count", -1),
        ("others", 5),
        ("key", "x" * 12),
        ("format", 2),
        ("generation", "../../../../etc"),
        ("version", "0" * 16),
        ("matrix", None),
        ("last", 3),
        ("surplus", 1),
    ],
)
def test_manifests_are_checked(path: Path, drawn: np.ndarray, key: str, value: object) -> None:
    names(path, query=drawn[0])
    manifest = files(path)[".json"]
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), key: value}))
    assert names(path, query=drawn[3]) == expected(drawn, drawn[3])


def test_a_matrix_that_agrees_with_no_track_is_noticed(path: Path, drawn: np.ndarray) -> None:
    """Someone wrote other numbers, with right checksums."""
    names(path, query=drawn[0])
    with Library(path) as library:
        vectors = open_vectors(library, MODEL)
        assert vectors is not None
        folder = opening.Folder(path, MODEL[-12:])
        stored = folder.read()
        assert stored is not None
    other = path.parent / "other.db"
    add(other, clustered(COUNT, LENGTH, 77))
    names(other, query=drawn[0])
    stranger = opening.Folder(other, MODEL[-12:]).read()
    assert stranger is not None
    for suffix in ("f16", "sketch", "axes", "rows"):
        theirs = next(other.with_suffix(".vectors").glob(f"*.{suffix}"))
        shutil.copy(theirs, files(path)[f".{suffix}"])
    folder.write(
        stranger.manifest.model_copy(
            update={"generation": stored.manifest.generation, "version": stored.manifest.version}
        )
    )
    assert names(path, query=drawn[3]) == expected(drawn, drawn[3])


@pytest.mark.parametrize("suffix", ["sketch", "axes"])
def test_a_sketch_of_something_else_is_noticed(path: Path, drawn: np.ndarray, suffix: str) -> None:
    """Someone wrote other numbers, with right checksums, so that near tracks would not be found."""
    names(path, query=drawn[0])
    folder = opening.Folder(path, MODEL[-12:])
    stored = folder.read()
    assert stored is not None and stored.manifest.sketch is not None
    file = files(path)[f".{suffix}"]
    lower = np.frombuffer(file.read_bytes(), np.float32) * np.float32(0.5)
    file.write_bytes(lower.tobytes())
    sums = [zlib.crc32(lower.tobytes())]
    changed = {"axes_sum": sums[0]}
    if suffix == "sketch":
        changed = {"sketch": stored.manifest.sketch.model_copy(update={"sums": sums})}
    folder.write(stored.manifest.model_copy(update=changed))
    os.utime(path)  # as if the library was unpacked together with the folder
    assert names(path, query=drawn[3]) == expected(drawn, drawn[3])
    assert (
        np.abs(np.frombuffer(files(path)[f".{suffix}"].read_bytes(), np.float32)).max() > np.abs(lower).max()
    )


def test_only_our_own_files_are_removed(path: Path, drawn: np.ndarray, tmp_path: Path) -> None:
    names(path, query=drawn[0])
    folder = path.with_suffix(".vectors")
    mine = files(path)[".f16"]
    left = folder / mine.name.replace(mine.stem[17:], "0" * 16)
    left.write_bytes(b"of a killed process")
    kept = [folder / "notes.txt", folder / f"{'0' * 16}-{'1' * 16}.f16", tmp_path / "target"]
    for each in kept:
        each.write_bytes(b"kept")
    link = folder / mine.name.replace(mine.stem[17:], "2" * 16)
    link.symlink_to(kept[-1])
    add(path, drawn[:1], name="new")
    names(path, query=drawn[0])
    assert not left.exists() and link.is_symlink() and all(each.read_bytes() == b"kept" for each in kept)


@pytest.mark.parametrize("block", ["a file", "a link"])
def test_a_folder_that_cannot_be_made_is_done_without(
    path: Path, drawn: np.ndarray, tmp_path: Path, block: str
) -> None:
    folder = path.with_suffix(".vectors")
    if block == "a file":
        folder.write_text("mine")
    else:
        (tmp_path / "mine").mkdir()
        folder.symlink_to(tmp_path / "mine")
    assert names(path, query=drawn[3]) == expected(drawn, drawn[3])
    assert folder.read_text() == "mine" if block == "a file" else not any((tmp_path / "mine").iterdir())


def test_an_open_library_follows_every_change(path: Path, drawn: np.ndarray) -> None:
    def found(library: Library) -> int:
        vectors = open_vectors(library, MODEL)
        assert isinstance(vectors, Vectors)
        assert open_vectors(library, MODEL) is vectors
        return len(vectors)

    with closing(Library(path)) as library:
        assert found(library) == COUNT
        add(path, drawn[:7], name="new")  # another connection
        assert found(library) == COUNT + 7
        library.tracks.forget(["/music/new0000001"])  # this one
        assert found(library) == COUNT + 6


def test_ids_are_not_given_twice(library: Library, tmp_path: Path) -> None:
    from genrelab.library.store.file_snapshot import FileSnapshot
    from genrelab.recognize import Recognition

    seen = set()
    for number in range(3):
        song = tmp_path / "song"
        song.write_text("the same")
        library.tracks.store(
            FileSnapshot(song), Recognition(song, "m", duration=1.0, genre="a", confidence=0.5)
        )
        ((found,),) = library.database.rows("SELECT id FROM tracks")
        seen.add(found)
        if number:
            library.tracks.forget()
    assert len(seen) == 3
