"""Every tag format: the genre is written and taken back, nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import tagged
from tagged import KINDS

from genrelab.library.sound import sound_digest
from genrelab.library.tags import read_tag, tag_errors

GENRES = ("Hip-Hop", "Größe ω")


def rewrite(path: Path, alter) -> dict:
    """Write a file anew with changed tags; return the snapshot from before."""
    draft = path.with_suffix(".draft")
    with path.open("rb") as source, draft.open("w+b") as file, tag_errors(path):
        tag = read_tag(source, path)
        before = tag.snapshot()
        alter(tag)
        tag.write(source, file)
    draft.replace(path)
    return before


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_write_and_take_back(kind: str, tmp_path: Path) -> None:
    path = tagged.make(tmp_path, kind)
    whole, had = path.read_bytes(), KINDS[kind][2]
    seen = (tagged.samples(path), tagged.as_ffmpeg_sees(path), tagged.as_ffprobe_sees(path))
    by_mutagen, sound = tagged.as_mutagen_sees(path), sound_digest(path)
    with path.open("rb") as file:
        tag = read_tag(file, path)
        assert tag.genres == had
        stored = tag.stored(GENRES)

    before = rewrite(path, lambda tag: tag.set(GENRES))
    with path.open("rb") as file:
        assert read_tag(file, path).genres == stored
    assert tagged.genres(path) == stored
    assert (tagged.samples(path), tagged.as_ffmpeg_sees(path), tagged.as_ffprobe_sees(path)) == seen
    assert sound_digest(path) == sound
    assert tagged.as_mutagen_sees(path) == by_mutagen

    rewrite(path, lambda tag: tag.restore(before))
    with path.open("rb") as file:
        assert read_tag(file, path).genres == had
    if not kind.startswith(("m4a", "wma", "oga", "ogg", "opus")):
        assert path.read_bytes() == whole
    assert (tagged.samples(path), tagged.as_ffmpeg_sees(path), tagged.as_ffprobe_sees(path)) == seen
    assert tagged.as_mutagen_sees(path) == by_mutagen
    assert sound_digest(path) == sound
