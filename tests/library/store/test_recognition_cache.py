"""What was recognized is not recognized again; what is new, changed or asked for otherwise is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tagged
from tiny_onnx import tone, write_tiny
from unprivileged import as_plain_user, open_folder

import genrelab.recognize.segment_sampling
from genrelab.library import CachedRecognizer, Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition, Recognizer, SheetTrack, cut_parts, scan


class Watched(Recognizer):
    """A recognizer that calls a function with the path of each file that it really recognizes."""

    def __init__(self, recognizer: Recognizer, watch: Callable[[Path], object]) -> None:
        super().__init__(recognizer.bundle, full=recognizer.full)
        self._watch = watch

    def recognize_found(self, file, stop=None, *, full=None) -> Recognition:
        record = super().recognize_found(file, stop, full=full)
        if isinstance(file, Path):
            self._watch(file)
        return record


class Counted:
    """A cached recognizer that lists the files it really recognizes."""

    def __init__(self, recognizer: Recognizer, library: Library, **options: object) -> None:
        self.done: list[str] = []
        watched = Watched(recognizer, lambda path: self.done.append(path.name))
        self.cached = CachedRecognizer(watched, library, **options)  # type: ignore[arg-type]

    def __call__(self, *paths: Path, jobs: int = 1) -> list[Recognition]:
        return list(self.cached.recognize_many(scan(paths), jobs=jobs))


@pytest.fixture
def counted(recognizer: Recognizer, library: Library) -> Counted:
    return Counted(recognizer, library)


@pytest.fixture
def songs(music: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(music, tmp_path / "songs"))


def test_a_second_run_does_nothing_and_returns_the_same(counted: Counted, songs: Path) -> None:
    first = counted(songs, jobs=3)
    assert sorted(counted.done) == ["a low.wav", "b.flac", "c.mp3", "d.ogg"]
    counted.done.clear()
    assert counted(songs, jobs=3) == first
    assert counted.done == []
    assert counted.cached.recalled == 4


def test_closing_stops_the_files_in_progress(recognizer: Recognizer, library: Library, songs: Path) -> None:
    stops = []

    class Stoppable(Recognizer):
        def recognize_found(self, file, stop=None, *, full=None) -> Recognition:
            stops.append(stop)
            return super().recognize_found(file, stop, full=full)

    records = CachedRecognizer(Stoppable(recognizer.bundle), library).recognize_many(scan([songs]))
    next(records)
    assert not any(stop.is_set() for stop in stops)
    records.close()
    assert stops and all(stop.is_set() for stop in stops)


def test_what_is_new_or_changed_is_done(counted: Counted, songs: Path) -> None:
    counted(songs)
    soundfile.write(songs / "new.wav", tone(3000.0), 8000)
    soundfile.write(songs / "a low.wav", tone(1000.0), 8000)
    counted.done.clear()
    answers = {said.path.name: said.genre for said in counted(songs)}
    assert counted.done == ["a low.wav", "new.wav"]
    assert (answers["a low.wav"], answers["new.wav"]) == ("middle", "high")


def test_moved_renamed_and_tagged_files_are_found_again(
    counted: Counted, songs: Path, library: Library
) -> None:
    before = {said.genre: said for said in counted(songs)}
    counted.done.clear()
    moved = songs / "elsewhere" / "other name.mp3"
    moved.parent.mkdir()
    (songs / "album" / "c.mp3").rename(moved)
    tagged.tag_id3(moved, 3, "Polka")
    (song,) = counted(moved)
    assert counted.done == []
    assert song.path == moved
    assert (song.genres, song.timeline) == (before["high"].genres, before["high"].timeline)
    names = [said.path.name for said in library.tracks.all()]
    assert names == ["a low.wav", "d.ogg", "b.flac", "other name.mp3"]  # moved, not doubled


def test_a_copy_gets_a_row_of_its_own(counted: Counted, songs: Path, library: Library) -> None:
    counted(songs)
    counted.done.clear()
    shutil.copy2(songs / "b.flac", songs / "copy.flac")
    counted(songs / "copy.flac")
    assert counted.done == []
    assert sum(said.genre == "middle" for said in library.tracks.all()) == 2


def test_a_copy_is_found_without_a_row_of_its_own(counted: Counted, songs: Path, library: Library) -> None:
    known = counted(songs / "a low.wav")[0]
    copy = songs / "copy.wav"
    shutil.copy(songs / "a low.wav", copy)
    before = library.database.rows("SELECT * FROM tracks")
    found = library.tracks.find(FileSnapshot(copy), adopt=False)
    assert found is not None
    assert (found.path, found.genre, found.confidence) == (copy, known.genre, known.confidence)
    (songs / "a low.wav").unlink()
    assert library.tracks.find(FileSnapshot(copy), adopt=False) is not None
    assert library.database.rows("SELECT * FROM tracks") == before


def test_a_touched_file_is_looked_at_but_not_done(counted: Counted, songs: Path) -> None:
    counted(songs)
    counted.done.clear()
    os.utime(songs / "b.flac")
    counted(songs)
    assert counted.done == []


def test_another_model_or_settings_or_again(
    recognizer: Recognizer, library: Library, songs: Path, tmp_path: Path
) -> None:
    other = Recognizer.load(write_tiny(tmp_path / "m.onnx", recipe="other"))
    runs = [
        (Counted(recognizer, library), 4),
        (Counted(recognizer, library, settings="fast"), 4),
        (Counted(recognizer, library, settings="fast"), 0),
        (Counted(other, library), 4),
        (Counted(other, library, again=True), 4),
        (Counted(other, library), 0),
    ]
    for run, expected in runs:
        said = run(songs)
        assert len(run.done) == expected
        assert {answer.model for answer in said} == {run.cached.recognizer.bundle.identity}
    assert len(list(library.tracks.all())) == 4  # a row a track


def test_everything_comes_back(counted: Counted, songs: Path, library: Library) -> None:
    wave = np.concatenate([tone(200.0, 3.0), np.zeros(8000, np.float32), tone(3000.0, 1.5)])
    soundfile.write(songs / "mixed.wav", wave, 8000)
    (first,) = counted(songs / "mixed.wav")
    (again,) = counted(songs / "mixed.wav")
    assert again == first
    assert [segment.genre for segment in again.timeline] == ["low", "low", "low", None, "high"]
    assert first.embedding is not None and first.embedding.dtype == np.float32
    stored = library.tracks.embedding(songs / "mixed.wav")
    assert stored is not None
    np.testing.assert_array_equal(stored, first.embedding)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(songs)
        (relative,) = counted(Path("mixed.wav"))
    assert relative.path == Path("mixed.wav") and relative.genres == first.genres


def test_the_embedding_is_the_mean_over_segments_that_vote(recognizer: Recognizer, tmp_path: Path) -> None:
    parts = [tone(200.0, 1.0), np.zeros(8000, np.float32), tone(3000.0, 1.0)]
    soundfile.write(tmp_path / "x.wav", np.concatenate(parts), 8000, subtype="FLOAT")
    expected = recognizer.bundle.predict(np.stack([parts[0][None], parts[2][None]]))[1].mean(axis=0)
    found = Recognizer(recognizer.bundle, batch_seconds=1.0)(tmp_path / "x.wav").embedding
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    soundfile.write(tmp_path / "s.wav", np.zeros(8000), 8000)
    assert recognizer(tmp_path / "s.wav").embedding is None


def test_broken_files_are_known_until_genrelab_or_they_change(
    counted: Counted, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = songs / "letter.mp3"
    letter.write_text("no music\n" * 100)
    (first,) = counted(letter)
    counted.done.clear()
    assert counted(letter) == [first]
    assert counted.done == []
    moved = letter.rename(songs / "moved.mp3")
    (said,) = counted(moved)
    assert said.error == str(first.error).replace("letter.mp3", "moved.mp3")
    assert counted.done == []
    monkeypatch.setattr("genrelab.__version__", "99.0")
    counted(moved)
    assert counted.done == ["moved.mp3"]
    moved.write_bytes((songs / "b.flac").read_bytes())
    assert counted(moved)[0].genre == "middle"


@pytest.mark.parametrize("name", ["two\nlines.wav", "b\udce9a\udcff.wav", "-x.wav", "a'b\"%.wav", " x .wav"])
@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_names_of_any_bytes(counted: Counted, songs: Path, library: Library, name: str) -> None:
    path = songs / name
    shutil.copy(songs / "a low.wav", path)
    (songs / f"broken {name}").write_text("no music")
    for _ in range(2):
        (said,), (broken,) = counted(path), counted(songs / f"broken {name}")
        assert (said.path, said.genre) == (path, "low")
        assert str(broken.error).startswith(f"{songs}/broken {name} ")
    assert path in [said.path for said in library.tracks.all([songs])]
    assert library.tracks.forget([path]) == 1


def test_links_lead_to_one_row(counted: Counted, songs: Path, library: Library) -> None:
    (songs / "link.flac").symlink_to(songs / "b.flac")
    (songs / "loop.flac").symlink_to(songs / "loop.flac")
    said = {answer.path.name: answer for answer in counted(songs)}
    assert counted.done.count("b.flac") + counted.done.count("link.flac") == 1
    assert said["link.flac"].genre == said["b.flac"].genre == "middle"
    assert "loop.flac" in str(said["loop.flac"].error)
    assert len(list(library.tracks.all())) == 4


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize("change", [grow, Path.unlink])
def test_a_file_that_changes_while_it_is_read_has_an_error_and_is_not_kept(
    recognizer: Recognizer, library: Library, songs: Path, change: Callable[[Path], object]
) -> None:
    record = CachedRecognizer(Watched(recognizer, change), library)(songs / "b.flac")
    assert record.genre is None and "b.flac" in str(record.error)
    assert list(library.tracks.all()) == []


def test_the_error_of_a_vanished_file_stays(
    recognizer: Recognizer, library: Library, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = library.tracks.find
    monkeypatch.setattr(library.tracks, "find", lambda *args: find(*args) or (songs / "b.flac").unlink())
    record = CachedRecognizer(recognizer, library)(songs / "b.flac")
    assert record.error == recognizer(songs / "b.flac").error
    assert list(library.tracks.all()) == []


def test_arrays_and_sections_of_files_are_recognized_and_not_kept(
    recognizer: Recognizer, library: Library, songs: Path
) -> None:
    cached = CachedRecognizer(recognizer, library)
    assert cached(tone(200.0), sample_rate=8000) == recognizer(tone(200.0), sample_rate=8000)
    section = SheetTrack(songs / "b.flac", songs / "a.cue", 1, start=0.5)
    assert cached(section) == recognizer(section)
    assert list(library.tracks.all()) == []
    whole = SheetTrack(songs / "b.flac", songs / "a.cue", 1)
    assert [cached(whole) for _ in range(2)] == [recognizer(whole)] * 2
    assert cached.recalled == 1


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_what_may_not_be_read_is_tried_again(recognizer: Recognizer, songs: Path) -> None:
    with open_folder() as folder:
        path = Path(shutil.copy(songs / "b.flac", folder))

        def look() -> list[object]:
            with Library(folder / "l.db") as library:
                counted = Counted(recognizer, library)
                (said,) = counted(path)
                return [said.genre, said.error, len(counted.done)]

        path.chmod(0)
        for _ in range(2):
            genre, error, done = as_plain_user(look)
            assert genre is None and str(path) in error and done == 1
        path.chmod(0o644)
        assert as_plain_user(look) == ["middle", None, 1]
        assert as_plain_user(look) == ["middle", None, 0]


def test_two_processes_share_a_library(tiny_model: Path, songs: Path, tmp_path: Path) -> None:
    for number in range(40):
        soundfile.write(songs / f"{number:02}.wav", tone(200.0, 0.5 + number / 100), 8000)
    command = [sys.executable, "-m", "genrelab", "recognize", songs, "--model", tiny_model, "--jobs", "2"]
    command += ["--library", tmp_path / "shared.db", "--format", "jsonl", "--quiet"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert outputs[0] == outputs[1] == outputs[2]
    with Library(tmp_path / "shared.db") as library:
        assert len(list(library.tracks.all())) == 44


def test_threads_share_a_library(recognizer: Recognizer, library: Library, tmp_path: Path) -> None:
    paths = []
    for number in range(60):
        paths.append(tmp_path / f"{number}.wav")
        soundfile.write(paths[-1], tone(200.0 + number), 8000)
    cached = CachedRecognizer(recognizer, library)
    records = list(cached.recognize_many(paths, jobs=8))
    assert [record.path for record in records] == paths
    assert {record.path for record in library.tracks.all()} == set(paths)
    assert list(cached.recognize_many(paths, jobs=8)) == records
    assert cached.recalled == len(paths)


@pytest.fixture
def long_song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is long where 3 s are heard first."""
    monkeypatch.setattr(genrelab.recognize.segment_sampling, "FIRST_SECONDS", 3.0)
    path = tmp_path / "long.wav"
    parts = [tone(200.0, 24.0), np.zeros(8000, np.float32), tone(3000.0, 15.0)]
    soundfile.write(path, np.concatenate(parts), 8000)
    return path


def test_a_full_answer_stands_for_a_spread_one_and_not_the_reverse(
    tiny_model: Path, library: Library, long_song: Path
) -> None:
    spread, full = (Recognizer.load(tiny_model, threads=1, full=way) for way in (False, True))
    runs = [(spread, 1), (spread, 0), (full, 1), (full, 0), (spread, 0)]
    said = []
    for recognizer, expected in runs:
        run = Counted(recognizer, library)
        said += run(long_song)
        assert len(run.done) == expected
    assert [one.full for one in said] == [False, False, True, True, True]
    assert said[0] == said[1]
    assert said[2] == said[3] == said[4]
    assert len(list(library.tracks.all())) == 1


def test_probabilities_of_full_answers_come_back(tiny_model: Path, library: Library, long_song: Path) -> None:
    full = Recognizer.load(tiny_model, threads=1, full=True)
    (first,) = Counted(full, library)(long_song)
    run = Counted(full, library, probabilities=True)
    (again,) = run(long_song)
    assert run.done == []
    assert first.probabilities is not None and again.probabilities is not None
    assert again.probabilities.dtype == first.probabilities.dtype == np.float16
    assert np.array_equal(again.probabilities, first.probabilities, equal_nan=True)
    assert np.isnan(again.probabilities).any()  # the second of silence
    assert [part.genre for part in cut_parts(again, min_seconds=5.0)] == ["low", "high"]
    assert cut_parts(again, min_seconds=5.0) == cut_parts(first, min_seconds=5.0)


def test_spread_answers_keep_none_and_are_no_source_of_parts(
    tiny_model: Path, library: Library, long_song: Path
) -> None:
    spread, full = (Recognizer.load(tiny_model, threads=1, full=way) for way in (False, True))
    Counted(spread, library)(long_song)
    (kept,) = library.tracks.all()
    assert kept.probabilities is None
    run = Counted(full, library, probabilities=True)
    (said,) = run(long_song)
    assert run.done == ["long.wav"] and said.full


def test_silence_and_errors_are_known_with_probabilities_too(
    recognizer: Recognizer, library: Library, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(20_000), 8000)
    (tmp_path / "letter.wav").write_text("no music")
    Counted(recognizer, library)(tmp_path)
    run = Counted(Recognizer(recognizer.bundle, full=True), library, probabilities=True)
    said = {one.path.name: one for one in run(tmp_path)}
    assert run.done == []
    silent = said["silent.wav"]
    assert silent.probabilities is not None and silent.probabilities.shape == (2, 0)
    assert [part.genre for part in cut_parts(silent)] == [None]
    assert said["letter.wav"].error is not None


def test_a_result_of_an_old_library_is_repeated_for_parts_only(
    recognizer: Recognizer, library: Library, songs: Path
) -> None:
    Counted(recognizer, library)(songs)
    library.tracks._database.execute("UPDATE tracks SET probabilities = NULL")  # as an upgrade leaves them
    full = Recognizer(recognizer.bundle, full=True)
    for probabilities, expected in ((False, 0), (True, 4)):
        run = Counted(full, library, probabilities=probabilities)
        run(songs)
        assert len(run.done) == expected
