"""Folders of pictures: which layouts are found, what is refused, which pixels reach a network."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import draw, genres, structure
from PIL import Image
from raising import raises

from genrelab.lab.corpora import load_corpus, make_split, verify_corpus
from genrelab.lab.corpora.loaders.picture_file import (
    MOST_BYTES,
    Box,
    PicturePixels,
    Reading,
    Size,
    picture_size,
    read_picture,
)
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.training.store.audio_store import open_store, sound_key


def pixels_of(corpus: Corpus) -> PicturePixels:
    assert isinstance(corpus.renderer, PicturePixels)
    return corpus.renderer


def test_a_folder_per_genre(tmp_path: Path) -> None:
    genres(tmp_path / "My Pictures", "jazz", "rock")
    draw(tmp_path / "My Pictures/jazz/album/9.JPG", structure(9), format="JPEG")
    (tmp_path / "My Pictures/jazz/notes.txt").write_text("no picture")
    corpus = load_corpus(f"pictures:{tmp_path / 'My Pictures'}")
    assert (corpus.name, corpus.kind, corpus.genres) == ("my-pictures", "pictures", ["jazz", "rock"])
    assert [clip.id for clip in corpus.clips][:5] == ["jazz/0", "jazz/1", "jazz/2", "jazz/3", "jazz/album/9"]
    assert not corpus.published_splits and not corpus.skipped
    assert pixels_of(corpus).reading == Reading(Size(24, 40))


@pytest.mark.parametrize("name", ["{0}.{1:05}.png", "{0}{1:05}.png"])
def test_gtzan_is_known_by_its_names(tmp_path: Path, name: str) -> None:
    for genre in ("jazz", "blues"):
        for number in (0, 3):
            draw(tmp_path / "Data/images_original" / genre / name.format(genre, number), structure(number))
    (tmp_path / "Data/genres_original/blues").mkdir(parents=True)
    (tmp_path / "Data/genres_original/blues/blues.00000.wav").write_bytes(b"sound")
    corpus = load_corpus(f"pictures:{tmp_path}")
    assert corpus.name == "gtzan-pictures" and corpus.genres == ["blues", "jazz"]
    assert [clip.id for clip in corpus.clips] == ["blues.00000", "blues.00003", "jazz.00000", "jazz.00003"]
    assert corpus.by_id()["blues.00000"].artist == "John Lee Hooker"
    assert "blues.00000" in corpus.published_splits["fault-filtered"].valid  # as in the packaged list
    assert len(corpus.skipped) == 996 and corpus.skipped["rock.00099"] == "not in this copy"


def test_a_stray_picture_does_not_take_the_artists_from_gtzan(tmp_path: Path) -> None:
    for number in range(10):
        for genre in ("blues", "jazz"):
            draw(tmp_path / genre / f"{genre}.{number:05}.png", structure(number))
    draw(tmp_path / "jazz/cover.png", structure(90))
    draw(tmp_path / "jazz/blues.00099.png", structure(91))
    corpus = load_corpus(f"pictures:{tmp_path}")
    assert corpus.name == "gtzan-pictures" and len(corpus.clips) == 20
    assert corpus.by_id()["blues.00000"].artist == "John Lee Hooker"
    strays = {key for key, reason in corpus.skipped.items() if reason != "not in this copy"}
    assert strays == {"jazz/cover", "jazz/blues.00099"} and "fault-filtered" in corpus.published_splits
    for number in range(4):
        draw(tmp_path / f"rock/mine{number}.png", structure(95 + number))
    mixed = load_corpus(f"pictures:{tmp_path}")  # a corpus of its own
    assert mixed.name != "gtzan-pictures" and len(mixed.clips) == 26 and not mixed.published_splits


def test_the_real_pictures(data_dir: Path) -> None:
    corpus = load_corpus(f"pictures:{data_dir / 'gtzan-pictures'}")
    split = make_split(corpus, "fault-filtered", seed=0)
    assert [len(part) for part in (split.train, split.valid, split.test)] == [443, 197, 290]
    assert split.found("artist").count == 0 and len(corpus.clips) == 1000
    assert pixels_of(corpus).reading.size == Size(172, 173)


@pytest.mark.parametrize(
    ("parts", "sizes"),
    [
        (("training", "development", "evaluation"), (16, 2, 8)),  # the tenth: one of each genre
        (("train", "valid", "test"), (18, 8, 8)),
    ],
)
def test_parts_of_a_split_above_the_genres(
    tmp_path: Path, parts: tuple[str, str, str], sizes: tuple[int, int, int]
) -> None:
    for place, part in enumerate(parts):
        for genre in ("jazz", "rock"):
            for number in range(9 if place == 0 else 4):
                draw(tmp_path / "tree" / part / genre / f"{number}.png", structure(number + 50 * place))
    corpus = load_corpus(f"pictures:{tmp_path}")
    split = corpus.published_splits["published"]
    assert tuple(len(part) for part in (split.train, split.valid, split.test)) == sizes
    assert {clip.genre for clip in corpus.clips} == {"jazz", "rock"}
    assert all(key.startswith(f"{parts[1 if sizes[1] == 2 else 2]}/") for key in split.test)
    assert split.train[0].startswith(parts[0])


def test_one_of_two_test_parts_is_chosen(tmp_path: Path) -> None:
    for part in ("training", "development", "evaluation"):
        genres(tmp_path / part, "jazz", "rock")
    tested = load_corpus(f"pictures:{tmp_path}?test=evaluation").published_splits["published"].test
    assert {key.partition("/")[0] for key in tested} == {"evaluation"}
    with raises("pictures-test-part", "'nothing'", "development, evaluation"):
        load_corpus(f"pictures:{tmp_path}?test=nothing")


def test_pixels_reach_the_store_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path / "cache"))
    folder = genres(tmp_path / "p", "jazz", "rock", rows=16, columns=16)
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    draw(folder / "jazz/every.png", every)
    corpus = load_corpus(f"pictures:{folder}")
    store = open_store(corpus, sample_rate=256, channels=1)
    read = store.read("jazz/every", 0, 256).reshape(16, 16)
    np.testing.assert_allclose((read + 1) * 127.5, every, atol=0.01)
    with raises("pictures-sample-rate", "16x16", 256, 22050):
        pixels_of(corpus)(corpus.clips[0], 22050, 1)
    changed = load_corpus(f"pictures:{folder}?size=8x8")
    keys = {sound_key(each, sample_rate=256, channels=1) for each in (corpus, changed)}
    assert len(keys) == 2 and changed.name == "p-8x8"


def test_options_of_the_pixels(tmp_path: Path) -> None:
    coloured = np.stack([structure(1), structure(2), structure(3)], axis=-1)
    for name in ("jazz/a.png", "rock/b.png"):
        draw(tmp_path / "c" / name, coloured)
    red = load_corpus(f"pictures:{tmp_path / 'c'}?plane=red&crop=10,4,30,20")
    wave = pixels_of(red)(red.clips[0], 16 * 20, 1)
    np.testing.assert_array_equal(np.rint((wave.reshape(16, 20) + 1) * 127.5), structure(1)[4:20, 10:30])
    whole = load_corpus(f"pictures:{tmp_path / 'c'}?plane=rgb")
    wave = pixels_of(whole)(whole.clips[0], 3 * 24 * 40, 1)
    np.testing.assert_array_equal(np.rint((wave.reshape(3, 24, 40) + 1) * 127.5), coloured.transpose(2, 0, 1))
    gray = read_picture(whole.clips[0].path or Path(), Reading(Size(24, 40)))
    expected = coloured @ np.array([0.299, 0.587, 0.114])
    assert np.abs(gray[0] - expected).max() <= 1


def test_sixteen_bits_palettes_and_transparency(tmp_path: Path) -> None:
    deep = (structure(5).astype(np.int64) * 257 + 100).clip(max=65_535).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    reading = Reading(Size(24, 40))
    np.testing.assert_array_equal(read_picture(tmp_path / "deep.png", reading)[0], structure(5))
    gray = Image.fromarray(structure(5))
    gray.convert("P").save(tmp_path / "palette.png")
    gray.convert("RGBA").save(tmp_path / "clear.png")
    for name in ("palette.png", "clear.png"):
        assert np.abs(read_picture(tmp_path / name, reading)[0].astype(int) - structure(5)).max() <= 1


def test_sizes_that_differ_are_an_error_with_the_remedy(tmp_path: Path) -> None:
    folder = genres(tmp_path / "d", "jazz", "rock")
    draw(folder / "rock/small.png", structure(7, rows=10, columns=12))
    with raises("pictures-sizes-differ", "24x40 (8", "small.png", "?size=24x40"):
        load_corpus(f"pictures:{folder}")
    assert load_corpus(f"pictures:{folder}?size=24x40").name == "d-24x40"
    with raises("pictures-crop", "small.png", "10x12"):
        load_corpus(f"pictures:{folder}?crop=0,0,20,20")


@pytest.mark.parametrize(
    ("option", "code", "quoted"),
    [
        ("colour=red", "pictures-option-unknown", "'colour'"),
        ("red", "pictures-option-unknown", "'red'"),
        ("plane=cyan", "pictures-plane", "'cyan'"),
        ("size=0x12", "pictures-size", "'0x12'"),
        ("size=99999x2", "pictures-size", "99999x2"),
        ("size=4000x4000", "pictures-too-large", "16,000,000"),
        ("crop=1,2,3", "pictures-crop-invalid", "1,2,3"),
        ("crop=5,5,5,9", "pictures-crop-invalid", "5,5,5,9"),
    ],
)
def test_wrong_options(tmp_path: Path, option: str, code: str, quoted: str) -> None:
    folder = genres(tmp_path / "w", "jazz", "rock", clips=1)
    with raises(code, quoted):
        load_corpus(f"pictures:{folder}?{option}")


def test_what_is_no_folder_of_pictures(tmp_path: Path) -> None:
    with raises("corpus-path-missing", tmp_path / "nowhere"):
        load_corpus(f"pictures:{tmp_path / 'nowhere'}")
    with raises("pictures-not-found", tmp_path, "jazz"):
        load_corpus(f"pictures:{tmp_path}")
    genres(tmp_path / "a", "jazz", "rock")
    genres(tmp_path / "b", "jazz", "rock")
    with raises("pictures-several-copies", tmp_path / "a", tmp_path / "b"):
        load_corpus(f"pictures:{tmp_path}")
    draw(tmp_path / "a/jazz/0.jpg", structure(3))
    with raises("pictures-clip-twice", "jazz/0"):
        load_corpus(f"pictures:{tmp_path / 'a'}")


def test_excerpts_of_gtzans_clips_are_refused(tmp_path: Path) -> None:
    for genre in ("blues", "jazz"):
        draw(tmp_path / genre / f"{genre}.00000.1.png", structure(1))
    with raises("pictures-cut-of-clip", "00000.1.png"):
        load_corpus(f"pictures:{tmp_path}")


def bomb(rows: int, columns: int) -> bytes:
    """Return a PNG that claims many pixels in few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_damaged_and_hostile_files_are_left_out_by_name(tmp_path: Path) -> None:
    folder = genres(tmp_path / "h", "jazz", "rock")
    whole = io.BytesIO()
    Image.fromarray(structure(1, rows=300, columns=300)).save(whole, format="PNG")
    (folder / "jazz/bomb.png").write_bytes(bomb(60_000, 60_000))
    (folder / "jazz/large.png").write_bytes(bomb(5_000, 5_000))
    (folder / "jazz/text.png").write_text("no picture")
    (folder / "jazz/empty.jpg").touch()
    (folder / "jazz/other.png").write_bytes(b"GIF89a" + bytes(20))
    (folder / "rock/cut.png").write_bytes((folder / "rock/0.png").read_bytes()[:-300])
    with (folder / "rock/long.png").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    corpus = load_corpus(f"pictures:{folder}")
    left_out = {"jazz/bomb", "jazz/large", "jazz/text", "jazz/empty", "jazz/other", "rock/long"}
    assert set(corpus.skipped) == left_out
    assert all(str(folder / name) in corpus.skipped[name] for name in left_out)
    found = verify_corpus(corpus)
    assert set(found.unreadable) == {"rock/cut"} and found.readable == 8
    with raises("picture-too-large", "large.png", "16,777,216"):
        picture_size(folder / "jazz/large.png")
    with raises("picture-unreadable", "text.png"):
        picture_size(folder / "jazz/text.png")
    with raises("picture-crop", "0.png", "9,9,99,99"):
        read_picture(folder / "rock/0.png", Reading(Size(4, 4), crop=Box(9, 9, 99, 99)))


def test_no_readable_picture(tmp_path: Path) -> None:
    for name in ("jazz/a.png", "rock/b.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("no")
    with raises("pictures-none", tmp_path, "a.png"):
        load_corpus(f"pictures:{tmp_path}")
