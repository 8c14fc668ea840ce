"""The hash of a file's sound."""

from __future__ import annotations

from pathlib import Path

import pytest
import tagged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genrelab.library.store.audio_digest import sound_digest

CONTAINERS = sorted({container for container, _, _ in tagged.KINDS.values()})


@pytest.mark.parametrize("container", CONTAINERS)
def test_tags_do_not_change_it_and_sound_does(container: str, tmp_path: Path) -> None:
    kinds = [kind for kind, (own, _, _) in tagged.KINDS.items() if own == container]
    digests = {kind: sound_digest(tagged.make(tmp_path, kind)) for kind in kinds}
    assert len(set(digests.values())) == 1
    other = sound_digest(tagged.make(tmp_path, kinds[0], frequency=441.0))
    assert other != digests[kinds[0]]


def test_where_mp4_has_its_sound_does_not_count(tmp_path: Path) -> None:
    """The same encoded sound, with the tables behind it and before it."""
    behind, before = tagged.make(tmp_path, "m4a-bare"), tagged.make(tmp_path, "m4a-fast-bare")
    assert behind.read_bytes() != before.read_bytes()
    assert sound_digest(behind) == sound_digest(before)


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_byte_of_sound_counts(container: str, tmp_path: Path) -> None:
    path = tagged.write_sound(tmp_path / "x", container)
    whole, digest = path.read_bytes(), sound_digest(path)
    for place in (len(whole) // 2, len(whole) * 2 // 3):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        assert sound_digest(path) != digest


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("examples")
    kinds = ("mp3-all", "flac", "ogg", "opus", "m4a", "wma", "aiff", "wav")
    return {kind: tagged.make(folder, kind, seconds=0.2).read_bytes() for kind in kinds}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_have_one_too(data: st.DataObject, examples: dict[str, bytes], tmp_path: Path) -> None:
    whole = examples[data.draw(st.sampled_from(sorted(examples)))]
    cut = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for place in data.draw(st.lists(st.integers(0, 400), max_size=8)):
        if place < len(cut):
            cut[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "x"
    path.write_bytes(cut)
    assert len(sound_digest(path)) == 32
    assert sound_digest(path) == sound_digest(path)


def test_boxes_within_boxes_end(tmp_path: Path) -> None:
    """A thousand nested `trak` boxes: the file has the hash of its bytes, and the run goes on."""
    whole = tagged.make(tmp_path, "m4a-bare").read_bytes()
    nested = b""
    for _ in range(1000):
        nested = (len(nested) + 8).to_bytes(4, "big") + b"trak" + nested
    path = tmp_path / "nested.m4a"
    path.write_bytes(whole + (len(nested) + 8).to_bytes(4, "big") + b"moov" + nested)
    assert sound_digest(path) == sound_digest(path)
