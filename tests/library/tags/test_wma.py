"""WMA as FFmpeg, mutagen and others write it: the genre changes, every other byte of the header stays."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path

import av
import mutagen.asf
import pytest
import tagged
import tones
from raising import raises

from genrelab.library.tags.asf import AsfTag
from genrelab.library.tags.entries.asf import Attributes

FIELDS = {**tones.USUAL_FIELDS, "genre": "Dub"}


def written(path: Path, alter) -> bytes:
    """The bytes of a file with changed tags."""
    draft = io.BytesIO()
    with path.open("rb") as source:
        tag = AsfTag(source)
        alter(tag)
        tag.write(source, draft)
    return draft.getvalue()


def made_by_ffmpeg(path: Path, fields: dict[str, str], codec: str, *, cover: bool) -> Path:
    with av.open(str(path), "w", format="asf") as output:
        output.metadata.update(fields)
        sound = output.add_stream(codec, rate=44_100, layout="stereo")
        sound.bit_rate = 128_000
        picture = output.add_stream("png", rate=1, width=16, height=16, pix_fmt="rgb24") if cover else None
        if picture is not None:
            output.mux(picture.encode(av.VideoFrame(16, 16, "rgb24")))
            output.mux(picture.encode(None))
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=44_100)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 44_100, 0
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    return path


@pytest.mark.parametrize("codec", ["wmav1", "wmav2"])
@pytest.mark.parametrize("cover", [False, True])
def test_files_of_ffmpeg_with_every_usual_field(codec: str, cover: bool, tmp_path: Path) -> None:
    """Each field alone, each pair, and all of them: FFmpeg writes some into two objects."""
    pairs = itertools.combinations(FIELDS, 2)
    choices = [(), *((field,) for field in FIELDS), *pairs, tuple(FIELDS)]
    for number, names in enumerate(choices):
        fields = {name: FIELDS[name] for name in names}
        path = made_by_ffmpeg(tmp_path / f"{number}.wma", fields, codec, cover=cover)
        whole, seen, samples = path.read_bytes(), tagged.as_ffmpeg_sees(path), tagged.samples(path)
        by_mutagen, before = tagged.as_mutagen_sees(path), AsfTag(io.BytesIO(whole)).snapshot()
        for genres in (("Jazz",), ("Hip-Hop", "Größe ω")):
            path.write_bytes(written(path, lambda tag, genres=genres: tag.set(genres)))
            assert tagged.genres(path) == genres, names
            assert (tagged.as_ffmpeg_sees(path), tagged.samples(path)) == (seen, samples), names
            assert tagged.as_mutagen_sees(path) == by_mutagen, names
        path.write_bytes(written(path, lambda tag, before=before: tag.restore(before)))
        assert path.read_bytes() == whole, names


def test_the_length_that_the_header_states_is_right(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wma-ffmpeg")
    for genres in (("Jazz" * 1000,), ()):
        path.write_bytes(written(path, lambda tag, genres=genres: tag.set(genres)))
        data = path.read_bytes()
        properties = data.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
        assert int.from_bytes(data[properties + 40 : properties + 48], "little") == len(data)


@pytest.mark.parametrize("name", ["WM/Genre", "wm/genre", "GENRE", "Genre"])
def test_whatever_ffmpeg_shows_as_the_genre_is_one(name: str, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wma")
    file = mutagen.asf.ASF(path)
    file[name] = ["Dub"]
    file.save()
    with av.open(str(path)) as container:
        assert {key.lower(): value for key, value in container.metadata.items()}["genre"] == "Dub"
    whole = path.read_bytes()
    tag = AsfTag(io.BytesIO(whole))
    assert tag.genres == ("Dub",)
    before = tag.snapshot()
    path.write_bytes(written(path, lambda tag: tag.set(["Ska"])))
    assert tagged.genres(path) == ("Ska",)
    path.write_bytes(written(path, lambda tag: tag.restore(before)))
    assert path.read_bytes() == whole


def test_values_that_are_no_text() -> None:
    """A number counts as it is written, bytes do not; both come back."""
    name = "WM/Genre\0".encode("utf-16-le")
    head = struct.pack("<H", len(name)) + name
    number = head + struct.pack("<HHI", 3, 4, 17)
    some = head + struct.pack("<HH", 1, 2) + b"xy"
    found = Attributes(bytes(16), b"\2\0" + number + some + b"rest", long=False)
    assert found.values() == ("17",)
    before, rendered = found.snapshot(), found.render()
    found.set_values(["Jazz"])
    assert found.values() == ("Jazz",) and found.others() == ([], b"rest")
    found.restore(before)
    assert found.render() == rendered


def test_what_an_older_genrelab_took_down_can_be_undone(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wma-genre")
    old = {"values": [["Dub", None, None], ["Ska", 0, 0]]}
    path.write_bytes(written(path, lambda tag: tag.set(["Jazz"])))
    path.write_bytes(written(path, lambda tag: tag.restore(old)))
    assert tagged.genres(path) == ("Dub", "Ska")
    path.write_bytes(written(path, lambda tag: tag.restore({"values": []})))
    assert tagged.genres(path) == ()


def test_damaged_attributes_are_refused(tmp_path: Path) -> None:
    data = tagged.make(tmp_path, "wma-ffmpeg").read_bytes()
    content = data.index(bytes.fromhex("40a4d0d207e3d21197f000a0c95ea850"))
    for at, byte in ((24, 0xFF), (26, 0xF0)):  # how many there are; how long the first one's name is
        place = content + at
        with raises("tag-damaged"):
            AsfTag(io.BytesIO(data[: place + 1] + bytes([byte]) + data[place + 2 :]))
    with raises("tag-genre-too-long"):
        written(tmp_path / "wma-ffmpeg.wma", lambda tag: tag.set(["x" * 40_000]))
