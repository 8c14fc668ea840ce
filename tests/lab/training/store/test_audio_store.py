"""The store: its content, when it is built again, and how it handles broken files."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from raising import raises

from genrelab.audio.decode import decode
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.training.store.audio_store import AudioStore, open_store, sound_key


def write(path: Path, seconds: float, channels: int, *, rate: int = 22050, level: float = 0.4) -> None:
    rng = np.random.default_rng(len(path.name))
    soundfile.write(path, level * rng.uniform(-1, 1, (round(seconds * rate), channels)), rate)


@pytest.fixture
def files(tmp_path: Path) -> Corpus:
    write(tmp_path / "mono.wav", 1.0, 1)
    write(tmp_path / "stereo.flac", 0.7, 2)
    clips = [
        Clip("mono", tmp_path / "mono.wav", "a"),
        Clip("part", tmp_path / "mono.wav", "a", start=0.25, duration=0.5),
        Clip("stereo", tmp_path / "stereo.flac", "b"),
        Clip("unlabelled", tmp_path / "absent.wav", None),
    ]
    return Corpus("files", ("a", "b"), clips)


def test_holds_what_decoding_gives(files: Corpus, cache: Path) -> None:
    store = open_store(files, sample_rate=22050, channels=2)
    for clip in files.clips[:3]:
        assert clip.path is not None
        expected, _ = decode(clip.path, start=clip.start or 0.0, duration=clip.duration, channels=2)
        assert store.frames(clip.id) == expected.shape[1]
        read = store.read(clip.id, 0, expected.shape[1])
        assert read.dtype == np.float32 and read.shape == expected.shape
        np.testing.assert_allclose(read, expected, atol=0.51 / 32767)
        np.testing.assert_array_equal(store.read(clip.id, 100, 50), read[:, 100:150])
        assert store.read(clip.id, expected.shape[1] - 10, 50).shape == (2, 10)
    assert "unlabelled" not in store and not store.skipped


def test_resamples_and_mixes(files: Corpus, cache: Path) -> None:
    store = open_store(files, sample_rate=8000, channels=1)
    expected, _ = decode(files.clips[2].path or Path(), sample_rate=8000, channels=1)
    np.testing.assert_allclose(store.read("stereo", 0, 10**6), expected, atol=0.51 / 32767)


def test_is_built_once_and_again_after_a_change(files: Corpus, cache: Path) -> None:
    calls: list[tuple[int, int]] = []

    def open_it(corpus: Corpus = files, rate: int = 22050) -> Path:
        return open_store(corpus, sample_rate=rate, channels=1, report=lambda *at: calls.append(at)).folder

    first = open_it()
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert open_it() == first and len(calls) == 3
    assert open_it(rate=16000) != first and len(calls) == 6
    path = files.clips[0].path
    assert path is not None
    os.utime(path, ns=(1, 1))
    assert open_it() != first and len(calls) == 9


def test_a_generated_corpus_is_kept_by_its_generator(corpus: Corpus, cache: Path) -> None:
    first = open_store(corpus, sample_rate=8000, channels=1).folder
    assert corpus.renderer is not None
    other = dataclasses.replace(corpus, renderer=dataclasses.replace(corpus.renderer, seconds=1.0))  # type: ignore[type-var]
    assert open_store(other, sample_rate=8000, channels=1).folder != first


def test_a_broken_clip_is_named_and_the_others_are_there(files: Corpus, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp3").write_text("no music")
    clips = [
        Clip("broken", tmp_path / "broken.mp3", "a"),
        Clip("gone", tmp_path / "gone.wav", "a"),
        *files.clips,
    ]
    store = open_store(dataclasses.replace(files, clips=clips), sample_rate=22050, channels=1)
    assert set(store.skipped) == {"broken", "gone"}
    assert "broken.mp3" in store.skipped["broken"]
    assert {"mono", "part", "stereo"} == {clip.id for clip in files.clips if clip.id in store}


def test_nothing_usable_is_an_error_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    corpus = Corpus("empty", ("a",), [Clip("gone", tmp_path / "gone.wav", "a")])
    with raises("store-empty", "'empty'", "gone.wav"):
        open_store(corpus, sample_rate=8000, channels=1)
    assert list((cache / "stores").iterdir()) == []


def test_too_loud_samples_are_cut_to_full_scale(tmp_path: Path, cache: Path) -> None:
    loud = np.full((1000, 1), 1.7, dtype=np.float32)
    soundfile.write(tmp_path / "loud.wav", loud, 8000, subtype="FLOAT")
    corpus = Corpus("loud", ("a",), [Clip("loud", tmp_path / "loud.wav", "a")])
    store = open_store(corpus, sample_rate=8000, channels=1)
    np.testing.assert_array_equal(store.read("loud", 0, 1000), np.ones((1, 1000), dtype=np.float32))


def test_two_simultaneous_builders_agree(files: Corpus, cache: Path) -> None:
    """The slower one finds the faster one's store in place and uses it."""
    faster = open_store(files, sample_rate=22050, channels=1).folder
    kept = cache / "kept"
    shutil.move(faster, kept)

    def meanwhile(done: int, total: int) -> None:
        if done == total:
            shutil.copytree(kept, faster)

    store = open_store(files, sample_rate=22050, channels=1, report=meanwhile)
    assert store.folder == faster and "mono" in store
    assert [path.name for path in (cache / "stores").iterdir()] == [faster.name]


def test_the_sound_key_knows_neither_place_nor_time_nor_genre(files: Corpus, tmp_path: Path) -> None:
    def key(corpus: Corpus, sample_rate: int = 22050, channels: int = 1) -> str:
        return sound_key(corpus, sample_rate=sample_rate, channels=channels)

    def with_first(**changes: object) -> Corpus:
        return dataclasses.replace(
            files,
            clips=[dataclasses.replace(files.clips[0], **changes), *files.clips[1:]],  # type: ignore[arg-type]
        )

    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.copy(tmp_path / "mono.wav", tmp_path / "elsewhere" / "other.wav"))
    os.utime(moved, ns=(1, 1))
    write(tmp_path / "longer.wav", 1.1, 1)
    first = key(files)
    assert len(first) == 64 and int(first, 16)
    assert key(with_first(path=moved, genre="b", artist="somebody")) == first
    assert key(dataclasses.replace(files, name="renamed")) == first
    others = [
        key(files, sample_rate=16000),
        key(files, channels=2),
        key(with_first(path=tmp_path / "longer.wav")),
        key(with_first(path=tmp_path / "absent.wav")),
        key(with_first(id="changed")),
        key(with_first(start=0.5)),
        key(with_first(duration=0.5)),
        key(with_first(genre=None)),
        key(dataclasses.replace(files, renderer=write)),  # type: ignore[arg-type]
    ]
    assert len({first, *others}) == 1 + len(others)
    assert key(with_first(duration=1)) == key(with_first(duration=1.0))


def cut_samples(folder: Path) -> None:
    os.truncate(folder / "samples.i16", (folder / "samples.i16").stat().st_size - 2)


def cut_index(folder: Path) -> None:
    os.truncate(folder / "index.json", 40)


def empty_index(folder: Path) -> None:
    (folder / "index.json").write_text("[]")


def other_format(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(index | {"format": 0}))


def no_index(folder: Path) -> None:
    (folder / "index.json").unlink()


def no_samples(folder: Path) -> None:
    (folder / "samples.i16").unlink()


def overwrite_half(folder: Path) -> None:
    path = folder / "samples.i16"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(bytes(size - size // 2))


def flip_one_bit_of_the_last_sample(folder: Path) -> None:
    path = folder / "samples.i16"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def move_a_clip(folder: Path) -> None:
    """Let two clips of the index lie in each other's place; the file of samples is as it was."""
    index = json.loads((folder / "index.json").read_text())
    places = index["places"]
    places["mono"], places["part"] = places["part"], places["mono"]
    (folder / "index.json").write_text(json.dumps(index))


def forget_a_clip(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    del index["places"]["mono"]
    (folder / "index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    "damage",
    [
        cut_samples,
        cut_index,
        empty_index,
        other_format,
        no_index,
        no_samples,
        overwrite_half,
        flip_one_bit_of_the_last_sample,
        move_a_clip,
        forget_a_clip,
    ],
    ids=lambda f: f.__name__,
)
def test_a_damaged_store_is_built_again_with_a_warning(
    files: Corpus, cache: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    store = open_store(files, sample_rate=22050, channels=1)
    whole = store.read("stereo", 0, 10**6)
    index = (store.folder / "index.json").read_bytes()
    damage(store.folder)
    again = open_store(files, sample_rate=22050, channels=1)
    np.testing.assert_array_equal(again.read("stereo", 0, 10**6), whole)
    assert (again.folder / "index.json").read_bytes() == index
    assert list((cache / "stores").iterdir()) == [again.folder]
    (warning,) = caplog.messages
    assert str(store.folder) in warning


def test_a_store_without_checksums_is_built_again(
    files: Corpus, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The layout of earlier versions: places of three numbers, nothing to verify them by."""
    store = open_store(files, sample_rate=22050, channels=1)
    index = json.loads((store.folder / "index.json").read_text())
    older = {
        "format": 1,
        "places": {clip: place[:3] for clip, place in index["places"].items()},
        "skipped": {},
    }
    (store.folder / "index.json").write_text(json.dumps(older))
    with raises("store-without-checksums", store.folder):
        AudioStore(store.folder, sample_rate=22050, channels=1)
    again = open_store(files, sample_rate=22050, channels=1)
    assert json.loads((again.folder / "index.json").read_text()) == index
    (warning,) = caplog.messages
    assert str(store.folder) in warning


def test_an_intact_store_is_read_without_a_warning(
    files: Corpus, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        open_store(files, sample_rate=22050, channels=1)
    assert not caplog.messages


def test_the_sound_of_a_run_does_not_change_with_the_layout_of_stores(corpus: Corpus) -> None:
    """Run folders hold this key: another one would refuse to go on with all runs that there are."""
    assert sound_key(corpus, sample_rate=8000, channels=1).startswith("be5cdd3d3e9269c4")


def test_is_pickled_without_its_samples(tmp_path: Path, cache: Path) -> None:
    write(tmp_path / "long.wav", 30.0, 1)
    corpus = Corpus("long", ("a",), [Clip("long", tmp_path / "long.wav", "a")])
    store = open_store(corpus, sample_rate=22050, channels=2)
    assert (store.folder / "samples.i16").stat().st_size > 1_000_000
    sent = pickle.dumps(store)
    assert len(sent) < 100_000
    received = pickle.loads(sent)
    np.testing.assert_array_equal(received.read("long", 5, 10**6), store.read("long", 5, 10**6))
    assert received.folder == store.folder and received.frames("long") == store.frames("long")


IN_ANOTHER_PROCESS = """
import sys, time
from pathlib import Path
from genrelab.errors import CorpusError
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.training.store.audio_store import open_store

clips = [Clip(name, Path(sys.argv[1]) / "mono.wav", "a") for name in ("one", "two")]
corpus = Corpus("twice", ("a",), clips)
"""


def test_leftovers_of_a_killed_builder_are_removed_but_not_those_of_a_running_one(
    files: Corpus, cache: Path
) -> None:
    assert files.clips[0].path is not None
    folder = files.clips[0].path.parent
    clips = [Clip(name, folder / "mono.wav", "a") for name in ("one", "two")]
    corpus = Corpus("twice", ("a",), clips)
    code = f"""{IN_ANOTHER_PROCESS}
def wait(done, total):
    print("first clip is done", flush=True)
    time.sleep(100)

open_store(corpus, sample_rate=8000, channels=1, report=wait)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE) as builder:
        assert builder.stdout is not None
        assert builder.stdout.readline().startswith(b"first clip")
        (left,) = (cache / "stores").iterdir()
        store = open_store(corpus, sample_rate=8000, channels=1)
        assert set((cache / "stores").iterdir()) == {left, store.folder}
        assert (left / "store" / "samples.i16").stat().st_size > 0
        builder.kill()
    shutil.rmtree(store.folder)
    again = open_store(corpus, sample_rate=8000, channels=1)
    assert list((cache / "stores").iterdir()) == [again.folder]
    assert {path.name for path in again.folder.iterdir()} == {"samples.i16", "index.json"}


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes")
def test_a_full_disk_is_named_with_the_remedy(files: Corpus, cache: Path) -> None:
    """A limit on the size of files stands for the disk that is full."""
    assert files.clips[0].path is not None
    code = f"""{IN_ANOTHER_PROCESS}
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    open_store(corpus, sample_rate=8000, channels=1)
except CorpusError as error:
    print(error.code, error)
"""
    command = [sys.executable, "-c", code, str(files.clips[0].path.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("store-unwritable ")
    assert str(cache / "stores" / "twice-8000-1-") in done.stdout, done.stderr
    assert "GENRELAB_CACHE" in done.stdout
    assert list((cache / "stores").iterdir()) == []


def test_a_cache_that_cannot_be_is_named(
    files: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path / "mono.wav"))
    with raises("store-unwritable", tmp_path / "mono.wav", "GENRELAB_CACHE"):
        open_store(files, sample_rate=8000, channels=1)
