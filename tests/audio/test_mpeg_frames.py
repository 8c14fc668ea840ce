"""The walk over the frames of MPEG audio: every frame is found, and what stands between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.audio.containers.mpeg import MOST_GAPS, Gap, index_mpeg
from genrelab.audio.decode import decode
from genrelab.audio.decoders.opening import open_source
from genrelab.audio.encode import write_mp3
from genrelab.audio.flaws import Flaws

Encoded = Callable[[str], Path]

# Version, layer, sample rate, kbit/s -> the header without protection, the bytes of a frame, its samples, as
# ISO/IEC 11172-3 and 13818-3 have them: samples of a frame, by 8, times bit rate over sample rate.
FRAMES = [
    (b"\xff\xfb\x90\x00", 417, 1152),  # MPEG 1 layer III, 44,100 Hz, 128 kbit/s
    (b"\xff\xfb\x92\x00", 418, 1152),  # the same, padded
    (b"\xff\xfb\xe4\x00", 960, 1152),  # 48,000 Hz, 320 kbit/s
    (b"\xff\xf3\x80\x00", 208, 576),  # MPEG 2 layer III, 22,050 Hz, 64 kbit/s
    (b"\xff\xe3\x48\x00", 288, 576),  # MPEG 2.5 layer III, 8,000 Hz, 32 kbit/s
    (b"\xff\xfd\xa4\x00", 576, 1152),  # MPEG 1 layer II, 48,000 Hz, 192 kbit/s
    (b"\xff\xf5\x80\x00", 417, 1152),  # MPEG 2 layer II, 22,050 Hz, 64 kbit/s
    (b"\xff\xff\xc4\x00", 384, 384),  # MPEG 1 layer I, 48,000 Hz, 384 kbit/s
]


def frame(header: bytes, size: int) -> bytes:
    return header + bytes(size - 4)


def index_of(tmp_path: Path, data: bytes, **options: bool):  # noqa: ANN201
    path = tmp_path / "x.mp3"
    path.write_bytes(data)
    return index_mpeg(path, **options)


@pytest.mark.parametrize(("header", "size", "samples"), FRAMES)
def test_sizes_of_frames(tmp_path: Path, header: bytes, size: int, samples: int) -> None:
    found = index_of(tmp_path, frame(header, size) * 7)
    assert found is not None
    assert found.offsets.tolist() == [size * number for number in range(7)]
    assert set(found.sizes) == {size} and found.kind.samples == samples
    assert (found.cut, found.gaps, found.uniform, found.declared) == (False, [], True, None)


@pytest.mark.parametrize("junk", [b"\0", b"foreign bytes", bytes(5000), b"\xff\xfb\x90\x00" + bytes(100)])
def test_a_gap_costs_no_other_frame(tmp_path: Path, junk: bytes) -> None:
    one = frame(b"\xff\xfb\x90\x00", 417)
    found = index_of(tmp_path, one * 5 + junk + one * 5)
    assert found is not None and len(found.offsets) in (10, 9)
    assert found.offsets[-1] == 9 * 417 + len(junk)
    assert found.n_gaps == 1 and not found.cut
    assert found.damaged_frames == max(1, round(found.gap_bytes / 417))


def test_a_header_that_is_damaged_costs_its_frame_alone(tmp_path: Path) -> None:
    one = frame(b"\xff\xfb\x90\x00", 417)
    data = bytearray(one * 9)
    data[4 * 417 + 1] = 0
    found = index_of(tmp_path, bytes(data))
    assert found is not None and len(found.offsets) == 8
    assert found.gaps == [Gap(4, 417)] and found.damaged_frames == 1


def test_tags_between_frames_are_no_damage(tmp_path: Path) -> None:
    one = frame(b"\xff\xfb\x90\x00", 417)
    id3 = b"ID3\4\0\0\0\0\1\0" + bytes(128)
    ape = (
        b"APETAGEX"
        + (2000).to_bytes(4, "little")
        + (32).to_bytes(4, "little")
        + bytes(4)
        + b"\0\0\0\xa0"
        + bytes(8)
    )
    tail = (
        b"APETAGEX"
        + (2000).to_bytes(4, "little")
        + (32).to_bytes(4, "little")
        + bytes(4)
        + b"\0\0\0\x80"
        + bytes(8)
    )
    for tags in (
        b"TAG" + bytes(125) + id3,
        id3,
        ape + tail,
        b"LYRICSBEGINwords000012LYRICS200TAG" + bytes(125),
    ):
        found = index_of(tmp_path, one * 4 + tags + one * 4 + b"TAG" + bytes(125))
        assert found is not None and len(found.offsets) == 8
        assert (found.gaps, found.cut) == ([], False)


def test_a_file_that_ends_inside_a_frame(tmp_path: Path) -> None:
    one = frame(b"\xff\xfb\x90\x00", 417)
    for left in (2, 3, 4, 100, 416):
        found = index_of(tmp_path, one * 6 + one[:left])
        assert found is not None and found.cut and len(found.offsets) == 6
    assert not index_of(tmp_path, one * 6).cut
    assert not index_of(tmp_path, one * 6 + bytes(300)).cut  # zeros are padding


def test_what_hangs_behind_is_told_if_it_is_much(tmp_path: Path) -> None:
    one = frame(b"\xff\xfb\x90\x00", 417)
    noise = np.random.default_rng(0).bytes(20_000)
    assert index_of(tmp_path, one * 6 + noise[:4000]).n_gaps == 0  # an unknown tag
    assert index_of(tmp_path, one * 6 + noise).n_gaps == 1
    assert index_of(tmp_path, one * 6 + bytes(20_000)).n_gaps == 0


def test_the_first_frame_is_looked_for_only_if_asked(tmp_path: Path) -> None:
    one = frame(b"\xff\xfb\x90\x00", 417)
    junk = np.random.default_rng(1).bytes(5000)
    assert index_of(tmp_path, junk + one * 9) is None
    found = index_of(tmp_path, junk + one * 9, anywhere=True)
    assert found is not None and len(found.offsets) == 9 and found.gaps == [Gap(0, 5000)]
    assert index_of(tmp_path, junk, anywhere=True) is None


def test_there_may_be_more_gaps_than_are_kept(tmp_path: Path) -> None:
    two = frame(b"\xff\xfb\x90\x00", 417) * 2
    found = index_of(tmp_path, (two + b"?") * (MOST_GAPS + 50) + two)
    assert found is not None
    assert (len(found.gaps), found.n_gaps) == (MOST_GAPS, MOST_GAPS + 50)
    assert len(found.offsets) == 2 * (MOST_GAPS + 51)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=40) | st.sampled_from([frame(*one[:2]) for one in FRAMES]), max_size=30))
def test_frames_never_overlap(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    path = tmp_path_factory.mktemp("x") / "x.mp3"
    path.write_bytes(data)
    for anywhere in (False, True):
        found = index_mpeg(path, anywhere=anywhere)
        if found is not None:
            ends = [offset + size for offset, size in zip(found.offsets, found.sizes, strict=True)]
            assert all(end <= begin for end, begin in zip(ends, list(found.offsets)[1:], strict=False))
            assert ends[-1] <= len(data)
            assert sum(found.sizes) + found.gap_bytes <= len(data)


def test_two_files_joined_are_heard_both(tmp_path: Path, encoded: Encoded) -> None:
    path = tmp_path / "joined.mp3"
    one, rate = decode(encoded("mp3"))
    path.write_bytes(encoded("mp3").read_bytes() * 2)
    flaws = Flaws()
    source = open_source(path, flaws)
    assert source.declared_seconds == pytest.approx(2 * one.shape[1] / rate, abs=0.1)
    source.close()
    both, _ = decode(path)
    assert not flaws.damaged
    assert np.allclose(both[:, : one.shape[1] - 2000], one[:, :-2000], atol=1e-5)


def test_joined_files_of_two_kinds(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * 48_000, dtype=np.float32) / 48_000)[None]
    write_mp3(tmp_path / "a.mp3", np.repeat(tone[:, : 3 * 44_100], 2, axis=0), 44_100, bitrate=128)
    write_mp3(tmp_path / "b.mp3", tone[:, : 3 * 22_050], 22_050, bitrate=64)
    path = tmp_path / "both.mp3"
    path.write_bytes((tmp_path / "a.mp3").read_bytes() + (tmp_path / "b.mp3").read_bytes())
    index = index_mpeg(path)
    assert index is not None and not index.uniform
    sound, rate = decode(path)
    assert (rate, sound.shape[0]) == (44_100, 2)
    assert sound.shape[1] / rate == pytest.approx(6.0, abs=0.15)
    part, _ = decode(path, start=2.0, duration=2.5)
    assert np.allclose(part, sound[:, 2 * rate : 2 * rate + part.shape[1]], atol=1e-5)


def test_the_same_samples_as_libsndfile(encoded: Encoded) -> None:
    """Its decoder is libmpg123: another walk, another decoder, the same gapless sound."""
    reference, rate = sf.read(encoded("mp3"), dtype="float32", always_2d=True)
    sound, own_rate = decode(encoded("mp3"))
    assert rate == own_rate and sound.shape == reference.T.shape
    assert np.abs(sound - reference.T).max() < 1e-4


def test_a_frame_that_cannot_be_decoded_is_silence_and_told(tmp_path: Path, encoded: Encoded) -> None:
    whole, rate = decode(encoded("mp3"))
    index = index_mpeg(encoded("mp3"))
    assert index is not None
    data = bytearray(encoded("mp3").read_bytes())
    begin, size = index.offsets[100], index.sizes[100]
    data[begin + 4 : begin + size] = b"\xff" * (size - 4)
    path = tmp_path / "x.mp3"
    path.write_bytes(data)
    sound, _ = decode(path)
    assert sound.shape == whole.shape
    around = slice(95 * 1152, 110 * 1152)
    assert np.allclose(np.delete(sound, around, axis=1), np.delete(whole, around, axis=1), atol=1e-5)
