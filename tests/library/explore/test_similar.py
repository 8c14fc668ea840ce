"""Which tracks are found to be similar, and which are left out."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile
from raising import raises
from sklearn.metrics.pairwise import cosine_similarity
from tiny_onnx import tone, write_tiny

from genrelab.library import CachedRecognizer, Library
from genrelab.library.explore.embeddings import count_models, read_embeddings
from genrelab.library.explore.similar import (
    ReferenceTrack,
    SimilarQuery,
    find_reference,
    find_similar,
    find_similar_to,
)
from genrelab.library.store.database import Database
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition, Recognizer, scan

Put = Callable[..., Path]


@pytest.fixture
def put(library: Library, tmp_path: Path) -> Put:
    """Put a file of its own bytes into the library, with an embedding that a test chooses."""

    def put(
        name: str, embedding: list[float] | None, *, genre: str = "rock", model: str = "m", sound: str = ""
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sound or name)
        vector = None if embedding is None else np.array(embedding, dtype=np.float32)
        said = Recognition(path, model, duration=60.0, genre=genre, confidence=0.5, embedding=vector)
        library.tracks.store(FileSnapshot(path), said)
        return path

    return put


def reference(library: Library, path: Path) -> ReferenceTrack:
    def never() -> Recognizer:
        raise AssertionError("it is known")

    return find_reference(library, path, never)


@pytest.mark.parametrize("numbers", [[0.0, 0.0], [1e-30, 0.0]])
def test_an_embedding_without_direction_is_not_compared(
    library: Library, put: Put, numbers: list[float]
) -> None:
    put("a", [1.0, 0.0])
    path = put("b", numbers)
    with raises("track-silent", path):
        reference(library, path)


def names(found) -> list[str]:
    return [track.path.name for track in found.tracks]


def test_the_order_is_that_of_scikit_learn(put: Put, library: Library) -> None:
    vectors = np.random.default_rng(5).standard_normal((40, 7)).astype(np.float32)
    vectors *= np.linspace(0.1, 50, 40, dtype=np.float32)[:, None]  # length does not count
    paths = [put(f"{number:02}", list(map(float, vector))) for number, vector in enumerate(vectors)]
    wanted = cosine_similarity(vectors[:1], vectors[1:])[0]
    found = find_similar(library, reference(library, paths[0]), count=39)
    assert names(found) == [f"{1 + number:02}" for number in np.argsort(-wanted)]
    np.testing.assert_allclose([track.similarity for track in found.tracks], np.sort(wanted)[::-1], atol=1e-6)
    assert names(find_similar(library, reference(library, paths[0]), count=3)) == names(found)[:3]


def test_blocks_change_nothing(put: Put, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(6).standard_normal((11, 3))
    paths = [put(f"{number:02}", list(vector)) for number, vector in enumerate(vectors)]
    whole = find_similar(library, reference(library, paths[4]))
    monkeypatch.setattr("genrelab.library.explore.embeddings.BLOCK", 3)
    assert [len(tracks) for tracks, _ in read_embeddings(library, "m")] == [3, 3, 3, 2]
    assert find_similar(library, reference(library, paths[4])).tracks == whole.tracks


def test_equally_similar_tracks_come_in_the_order_of_paths(put: Put, library: Library) -> None:
    for name in ("b", "c", "a", "x"):
        put(name, [1.0, 1.0])
    assert names(find_similar(library, reference(library, put("q", [2.0, 2.0])))) == ["a", "b", "c", "x"]


def test_other_models_and_what_has_no_embedding_are_counted(put: Put, library: Library) -> None:
    query = put("q", [1.0, 0.0])
    put("near", [1.0, 0.1])
    put("other", [1.0, 0.0], model="another")
    put("longer", [1.0, 0.0, 0.0], model="another")
    put("silent", None)
    put("nothing", [0.0, 0.0])
    put("broken", [float("nan"), 1.0])
    found = find_similar(library, reference(library, query))
    assert names(found) == ["near"]
    assert (found.others, found.without, found.vanished) == (2, 1, 0)
    assert [tuple(count) for count in count_models(library)] == [("m", 5, 1), ("another", 2, 0)]


def test_a_damaged_row_spoils_nothing(put: Put, library: Library) -> None:
    query, near = put("q", [1.0, 0.0]), put("near", [1.0, 0.1])
    odd = put("odd", [1.0, 0.0])
    with Database(library.path) as database:
        database.execute("UPDATE tracks SET embedding = x'0102' WHERE path = ?", (os.fsencode(odd),))
    assert [track.path for track in find_similar(library, reference(library, query)).tracks] == [near]


def test_the_same_recording_is_listed_once(put: Put, library: Library) -> None:
    query = put("q", [1.0, 0.0])
    twin = put("twin of q", [1.0, 0.0], sound="q")
    put("far", [0.0, 1.0])
    put("b", [1.0, 0.2], sound="song")
    copy = put("copies/b", [1.0, 0.2], sound="song")
    gone = put("copies/c", [1.0, 0.2], sound="song")
    gone.unlink()
    found = find_similar(library, reference(library, query))
    assert names(found) == ["b", "far"]
    assert found.tracks[0].also == (copy,) and found.tracks[1].also == ()
    assert found.same == (twin,)


def test_files_that_are_gone_make_room_for_others(put: Put, library: Library) -> None:
    query = put("q", [1.0, 0.0])
    for number in range(4):
        put(f"{number}", [1.0, 0.1 * number])
    (query.parent / "1").unlink()
    found = find_similar(library, reference(library, query), count=2)
    assert names(found) == ["0", "2"] and found.vanished == 1


def test_genre_and_folders(put: Put, library: Library, tmp_path: Path) -> None:
    query = put("q", [1.0, 0.0], genre="jazz")
    put("album/1", [1.0, 0.1], genre="rock")
    put("album/2", [1.0, 0.2], genre="jazz")
    put("album two/3", [1.0, 0.3], genre="jazz")
    track = reference(library, query)
    assert names(find_similar(library, track, same_genre=True)) == ["2", "3"]
    assert names(find_similar(library, track, folders=[tmp_path / "album"])) == ["1", "2"]
    assert names(
        find_similar(library, track, folders=[tmp_path / "album" / "2", tmp_path / "album two"])
    ) == [*("2", "3")]
    (tmp_path / "link").symlink_to(tmp_path / "album")
    assert names(find_similar(library, track, folders=[tmp_path / "link"], same_genre=True)) == ["2"]
    unsure = reference(library, put("u", [1.0, 0.0], genre="unsure"))
    with raises("genre-unsure", "--same-genre"):
        find_similar(library, unsure, same_genre=True)


def test_a_new_track_is_recognized_and_kept_if_wanted(
    library: Library, recognizer: Recognizer, music: Path, tmp_path: Path
) -> None:
    list(CachedRecognizer(recognizer, library).recognize_many(scan([music])))
    new = tmp_path / "new.wav"
    soundfile.write(new, tone(2800.0), 8000)
    for keep in (False, False, True):
        assert library.tracks.embedding(new) is None
        track = find_reference(library, new, lambda: recognizer, keep=keep)
        assert find_similar(library, track).tracks[0].path == Path(
            os.path.realpath(music / "album" / "c.mp3")
        )
    np.testing.assert_array_equal(library.tracks.embedding(new), track.embedding)
    assert reference(library, new).recognition == track.recognition


def test_another_model_recognizes_a_known_track_again(
    library: Library, recognizer: Recognizer, music: Path, tmp_path: Path
) -> None:
    song = Path(shutil.copy(music / "b.flac", tmp_path))
    first = find_reference(library, song, lambda: recognizer)
    other = Recognizer.load(write_tiny(tmp_path / "other.onnx", recipe="other"))
    second = find_reference(library, song, lambda: other, model=other.bundle.identity)
    assert first.recognition.model != second.recognition.model == other.bundle.identity
    assert reference(library, song).recognition.model == other.bundle.identity


def test_what_cannot_be_compared(library: Library, recognizer: Recognizer, tmp_path: Path) -> None:
    silent, words = tmp_path / "silent.wav", tmp_path / "words.mp3"
    soundfile.write(silent, np.zeros(8000), 8000)
    words.write_text("these are words\n" * 100)
    for _ in range(2):  # new, then known
        with raises("track-silent", silent):
            find_reference(library, silent, lambda: recognizer)
        with raises("track-not-recognized", words):
            find_reference(library, words, lambda: recognizer)
    for path in (tmp_path / "none.mp3", tmp_path):
        with raises("track-unreadable", path):
            find_reference(library, path, lambda: recognizer)


@pytest.mark.slow
def test_fifty_thousand_tracks(library: Library, put: Put) -> None:
    query = put("q", [1.0] + [0.0] * 63)
    vectors = np.random.default_rng(0).standard_normal((50_000, 64)).astype("<f4")
    vectors[31_000, :] = [5.0] + [0.0] * 63
    here = os.fsencode(query.parent)
    rows = (
        (here + b"/%d" % number, number.to_bytes(32, "big"), vector.tobytes())
        for number, vector in enumerate(vectors)
    )
    with closing(sqlite3.connect(library.path)) as connection, connection:
        connection.executemany(
            "INSERT INTO tracks (path, size, mtime_ns, sound, model, settings, version, genre, confidence, "
            "genres, timeline, embedding) VALUES (?, 1, 1, ?, 'm', '', '', 'x', 1, '[]', x'', ?)",
            rows,
        )
    (query.parent / "31000").touch()
    start = time.process_time()
    found = find_similar(library, reference(library, query), count=1)
    assert names(found) == ["31000"] and found.tracks[0].similarity == pytest.approx(1.0)
    assert time.process_time() - start < 5.0  # measured: 0.3 s; a query for each track would take longer


def test_several_references_by_their_mean_or_by_any(put: Put, library: Library) -> None:
    angles = {"a": 0, "b": 90, "between": 45, "near a": 5, "near b": 80, "far": 200}
    paths = {
        name: put(name, [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], genre=name[-1])
        for name, degrees in angles.items()
    }
    put("copy of a", [1.0, 0.0], sound="a", genre="a")
    given = [reference(library, paths[name]) for name in ("a", "b")]
    mean = find_similar_to(library, given, SimilarQuery())
    assert names(mean) == ["between", "near b", "near a", "far"]
    cosines = np.cos(np.radians([0, 35, 40, 155]))
    assert [track.similarity for track in mean.tracks] == pytest.approx(list(cosines), abs=1e-6)
    nearest = find_similar_to(library, given, SimilarQuery(to_any=True))
    assert names(nearest) == ["near a", "near b", "between", "far"]
    assert [path.name for path in nearest.same] == ["copy of a"] == [path.name for path in mean.same]
    alike = find_similar_to(library, given, SimilarQuery(same_genre=True))
    assert names(alike) == ["near b", "near a"]
    alone = find_similar_to(library, given[:1], SimilarQuery(count=2))
    assert alone == find_similar(library, given[0], count=2)


def test_references_that_cannot_be_compared_with_each_other(put: Put, library: Library) -> None:
    one = reference(library, put("one", [1.0, 0.0]))
    opposite = reference(library, put("opposite", [-2.0, 0.0]))
    strange = reference(library, put("strange", [1.0, 0.0], model="another"))
    longer = reference(library, put("longer", [1.0, 0.0, 0.0]))
    with raises("similar-tracks-opposite", "--any"):
        find_similar_to(library, [one, opposite], SimilarQuery())
    assert find_similar_to(library, [one, opposite], SimilarQuery(to_any=True)).tracks == ()
    for other in (strange, longer):
        with raises("similar-models-differ", one.path, other.path):
            find_similar_to(library, [one, other], SimilarQuery())
