"""RIFF's `LIST INFO` in WAV: its genre is read, written and taken back; all else stays bit for bit."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import av
import needs
import pytest
import tagged
from hypothesis import example, given
from hypothesis import strategies as st

from genrelab.library.tags import read_tag
from genrelab.library.tags.chunks import WavTag
from genrelab.library.tags.entries.riff_info import Info


def change(path: Path, alter) -> dict:
    """Change a file's tags; return the snapshot from before."""
    draft = io.BytesIO()
    with path.open("rb") as source:
        tag = read_tag(source, path)
        before = tag.snapshot()
        alter(tag)
        tag.write(source, draft)
    path.write_bytes(draft.getvalue())
    return before


def tags_of(path: Path) -> WavTag:
    with path.open("rb") as file:
        return WavTag(file)


def by_ffprobe(path: Path) -> str | None:
    """The genre as ffprobe shows it, which in 5.1 looks at ID3v2 only where there is no `LIST INFO`."""
    needs.program("ffprobe")
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", str(path)]
    shown = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    return shown["format"].get("tags", {}).get("genre")


def by_ffmpeg(path: Path) -> str | None:
    with av.open(str(path)) as container:
        return container.metadata.get("genre")


@pytest.mark.parametrize("kind", ["wav-bare", "wav-info", "wav-info-genre", "wav-all"])
def test_every_player_sees_the_genre(kind: str, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, kind)
    whole = path.read_bytes()
    before = change(path, lambda tag: tag.set(["Jazz"]))
    assert by_ffprobe(path) == by_ffmpeg(path) == "Jazz"
    assert tagged.genres(path) == ("Jazz",)
    change(path, lambda tag: tag.restore(before))
    assert path.read_bytes() == whole


def test_no_list_is_made(tmp_path: Path) -> None:
    """With a list that has a genre alone, FFmpeg 5.1 would not show the rest of ID3v2 any more."""
    for kind in ("wav", "wav-bare"):
        path = tagged.make(tmp_path, kind)
        change(path, lambda tag: tag.set(["Jazz"]))
        assert b"LIST" not in path.read_bytes() and by_ffmpeg(path) == "Jazz"
    assert by_ffprobe(path) == "Jazz"


def test_id3_wins_and_all_count(tmp_path: Path) -> None:
    tag = tags_of(tagged.make(tmp_path, "wav-all"))
    assert (tag.genres, tag.everywhere("genre")) == (("Dub",), ("Dub", "Ska"))
    assert tags_of(tagged.make(tmp_path, "wav-info-genre")).genres == ("Dub",)


@pytest.mark.parametrize(
    ("separator", "expected"), [("/", "Dub/Ska"), (";", "Dub;Ska"), ("; ", "Dub; Ska"), ("\0", "Dub; Ska")]
)
def test_several_genres_are_one_text(separator: str, expected: str, tmp_path: Path) -> None:
    def alter(tag: WavTag) -> None:
        tag.id3v23_separator = separator
        tag.set(["Dub", "Ska"])

    path = tagged.make(tmp_path, "wav-info")
    change(path, alter)
    assert by_ffprobe(path) == expected


@pytest.mark.parametrize(
    ("title", "genre", "expected"),
    [
        (b"plain", "Größe", "Größe".encode()),
        ("Wörter".encode(), "Größe", "Größe".encode()),
        (b"W\xf6rter", "Größe", b"Gr\xf6\xdfe"),  # as Windows writes it in the West
        (b"W\xf6rter", "ロック", "ロック".encode()),
    ],
)
def test_encodings(title: bytes, genre: str, expected: bytes, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wav-bare")
    tagged.tag_info(path, title=title)
    whole = path.read_bytes()
    before = change(path, lambda tag: tag.set([genre]))
    assert b"IGNR" + (len(expected) + 1).to_bytes(4, "little") + expected + b"\0" in path.read_bytes()
    assert tags_of(path).everywhere("genre") == (genre, genre)
    change(path, lambda tag: tag.restore(before))
    assert path.read_bytes() == whole


def test_a_genre_that_is_not_utf8(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wav-bare")
    tagged.tag_info(path, genre=b"Gr\xf6\xdfe")
    assert tags_of(path).genres == ("Größe",)


def test_several_lists_and_several_entries(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wav-bare")
    tagged.tag_info(path, genre=b"Dub")
    tagged.tag_info(path, genre=b"Ska", title=b"another")
    whole = path.read_bytes()
    before = change(path, lambda tag: tag.set(["Jazz"]))
    assert path.read_bytes().count(b"IGNR\5\0\0\0Jazz\0") == 2
    change(path, lambda tag: tag.restore(before))
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "data",
    [
        b"adtlIGNR\4\0\0\0Dub\0",  # a list of another kind
        b"INFOIGNR\xff\0\0\0Dub\0",  # says more than it has
        b"INFOISFT\3\0\0\0ab\0IGNR\4\0\0\0Dub\0",  # no zero to make it even
    ],
)
def test_lists_that_are_none_stay(data: bytes, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wav-bare")
    whole = path.read_bytes()
    chunk = b"LIST" + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)
    size = (len(whole) - 8 + len(chunk)).to_bytes(4, "little")
    path.write_bytes(whole[:4] + size + whole[8:36] + chunk + whole[36:])
    odd = path.read_bytes()
    assert tags_of(path).genres == ()
    before = change(path, lambda tag: tag.set(["Jazz"]))
    assert chunk in path.read_bytes()
    change(path, lambda tag: tag.restore(before))
    assert path.read_bytes() == odd


def test_what_an_older_genrelab_took_down_leaves_lists_alone(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wav-info-genre")
    whole = path.read_bytes()
    change(path, lambda tag: tag.restore({"id3v2": None}))
    assert path.read_bytes() == whole


@given(
    st.lists(st.tuples(st.sampled_from([b"INAM", b"IGNR", b"ISFT"]), st.binary(max_size=9)), max_size=5),
    st.binary(max_size=7),
    st.text(max_size=9).filter(lambda text: "\0" not in text),
)
@example([(b"INAM", b"\x80")], b"", "\xc2\xa0")  # as Windows-1252 it would be read as UTF-8 again
def test_any_list(pieces: list[tuple[bytes, bytes]], rest: bytes, genre: str) -> None:
    body = b"".join(
        name + len(text).to_bytes(4, "little") + text + bytes(len(text) % 2) for name, text in pieces
    )
    data = b"INFO" + body + rest
    if not Info.is_one(data):
        return
    info = Info(data)
    assert info.render() == data
    before, others = info.snapshot(), info.others()
    info.set_genre(genre)
    again = Info(info.render())
    assert again.values() == (genre,) and again.others() == others
    again.restore(before)
    assert again.render() == data
