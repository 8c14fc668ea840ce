"""What a tag compares before and after a change: all but the genre, also what is no text."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import tagged

from genrelab.library.tags import read_tag
from genrelab.library.tags.entries.id3 import Id3

STREAM_PROPERTIES = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")  # ASF specification, section 3.3


def others(data: bytes, path: Path) -> Any:
    return read_tag(io.BytesIO(data), path).others()


def test_an_object_of_the_header_of_wma_is_part_of_it(tmp_path: Path) -> None:
    path = tagged.make(tmp_path, "wma")
    data = path.read_bytes()
    at = data.index(STREAM_PROPERTIES)
    size = int.from_bytes(data[at + 16 : at + 24], "little")
    for place in (at + 24, at + size - 1):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert others(changed, path) != others(data, path)


@pytest.mark.parametrize("suffix", ["wav", "aiff"])
def test_another_chunk_is_part_of_it(suffix: str, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, f"{suffix}-bare")
    data = path.read_bytes()
    assert others(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:], path) != others(data, path)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_an_id3_tag_of_padding_alone_holds_nothing_and_takes_a_genre(version: int) -> None:
    tag = b"ID3" + bytes([version, 0, 0, 0, 0, 1, 72]) + bytes(200)
    read = Id3.parse(tag)
    assert read.entries == [] and read.values() == ()
    read.set_values(["Ska"])
    again = Id3.parse(read.render())
    assert again.values() == ("Ska",) and len(read.render()) == len(tag)
