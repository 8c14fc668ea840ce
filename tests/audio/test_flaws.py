"""What is said about damage: places, amounts, cuts; and damage in other formats than MPEG audio."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from raising import raises

from genrelab.audio.containers.ogg import survey_ogg
from genrelab.audio.decode import decode, stream
from genrelab.audio.decoders.quiet_file import QuietFile
from genrelab.audio.flaws import Flaws, clearly_short

Encoded = Callable[[str], Path]


def flaws_of(path: Path) -> tuple[float, Flaws]:
    """Read a file to its end; return its seconds at 8 kHz and its flaws."""
    flaws = Flaws()
    samples = sum(block.shape[1] for block in stream(path, sample_rate=8000, channels=1, flaws=flaws))
    return samples / 8000, flaws


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ({31.4: 1}, "1 damaged frame at 0:31"),
        ({31.4: 1, 62.0: 2}, "3 damaged frames at 0:31 and 1:02"),
        ({1.0: 1, 31.4: 1, 3723.0: 1}, "3 damaged frames at 0:01, 0:31 and 1:02:03"),
        ({1.0: 1, 2.0: 1, 3.0: 1, 190.0: 5}, "8 damaged frames between 0:01 and 3:10"),
        ({31.2: 1, 31.4: 1}, "2 damaged frames at 0:31"),
    ],
)
def test_places(places: dict[float, int], words: str) -> None:
    flaws = Flaws()
    for place, frames in places.items():
        flaws.add_damage(place, frames)
        flaws.add_damage(place, frames)  # met again
    flaws.conclude(240.0, 240.0, None, short=False)
    assert flaws.damaged and flaws.describe_damage() == words


def test_much_that_is_lost_is_told_with_the_amount() -> None:
    flaws = Flaws()
    flaws.add_damage(20.0, 230)
    flaws.conclude(234.0, 240.0, None, short=True)
    assert flaws.describe_damage() == "230 damaged frames at 0:20: 234.0 s of about 240.0 s could be decoded"
    assert flaws.cut is None


def test_nothing_behind_a_place_is_a_cut() -> None:
    flaws = Flaws()
    flaws.add_damage(99.5)
    flaws.conclude(100.0, 240.0, None, short=True)
    assert not flaws.damaged and flaws.describe_cut().startswith("cut off: 100.0 s of about 240.0 s")
    between = Flaws()
    between.add_damage(50.0)
    between.conclude(100.0, 240.0, None, short=True)
    assert between.damaged and between.cut is None


def test_a_tag_taken_for_sound_at_the_very_end_is_no_damage() -> None:
    for place, is_damage in ((239.99, False), (239.0, True)):
        flaws = Flaws()
        flaws.add_damage(place)
        flaws.conclude(240.0, 240.0, None, short=False, declared=True)
        assert flaws.damaged is is_damage


@pytest.mark.parametrize(
    ("present", "expected", "short"),
    [(239.0, 240.0, False), (237.5, 240.0, True), (9.6, 10.0, False), (9.4, 10.0, True), (11.0, 10.0, False)],
)
def test_what_is_clearly_short(present: float, expected: float, short: bool) -> None:
    assert clearly_short(present, expected) is short


@pytest.mark.parametrize("kind_of", ["ogg", "opus"])
def test_damaged_pages_of_ogg(kind_of: str, encoded: Encoded, tmp_path: Path) -> None:
    whole = encoded(kind_of).read_bytes()
    assert survey_ogg(encoded(kind_of)) == ((), False)
    path = tmp_path / f"x.{kind_of}"
    pages = [at for at in range(len(whole)) if whole[at : at + 4] == b"OggS"]
    assert len(pages) >= 4
    changed = bytearray(whole)
    changed[(pages[-2] + pages[-1]) // 2] ^= 1  # one bit in the last page but one
    path.write_bytes(changed)
    survey = survey_ogg(path)
    assert len(survey.damaged) == 1 and not survey.chained
    path.write_bytes(whole[: pages[-2]] + whole[pages[-1] :])  # a page is missing
    assert len(survey_ogg(path).damaged) == 1
    path.write_bytes(whole * 2)
    assert survey_ogg(path) == ((), True)


@pytest.mark.parametrize("kind_of", ["flac", "ogg", "m4a", "wma", "mkv", "aac"])
def test_a_hole_is_told_and_the_rest_is_heard(kind_of: str, encoded: Encoded, tmp_path: Path) -> None:
    data = bytearray(encoded(kind_of).read_bytes())
    begin = len(data) * 2 // 5
    data[begin : begin + len(data) // 5] = bytes(len(data) // 5)
    path = tmp_path / f"x.{kind_of}"
    path.write_bytes(data)
    seconds, flaws = flaws_of(path)
    assert 3.5 < seconds < 6.2
    assert flaws.damaged and flaws.cut is None
    assert any(1.0 < place < 5.5 for place in flaws.places), flaws


@pytest.mark.parametrize("kind_of", ["wav", "au", "aiff", "flac", "ogg", "mp3", "wma", "mkv", "aac"])
def test_a_cut_is_told_and_the_rest_is_heard(kind_of: str, encoded: Encoded, tmp_path: Path) -> None:
    whole, rate = decode(encoded(kind_of))
    data = encoded(kind_of).read_bytes()
    path = tmp_path / f"x.{kind_of}"
    path.write_bytes(data[: len(data) * 3 // 4])
    seconds, flaws = flaws_of(path)
    assert 0.5 < seconds / (whole.shape[1] / rate) < 0.95
    assert flaws.cut is not None and flaws.present == pytest.approx(seconds, abs=0.1)
    with raises("audio-damaged" if kind_of == "flac" else "audio-cut-off", path):
        decode(path)


def test_whole_files_have_no_flaws(kind: str, encoded: Encoded) -> None:
    _, flaws = flaws_of(encoded(kind))
    assert (flaws.damaged, flaws.cut, flaws.expected) == (False, None, None)


def test_a_jump_of_the_time_stamps_is_a_loss(tmp_path: Path) -> None:
    path = tmp_path / "x.mka"
    with av.open(str(path), "w", format="matroska") as output:
        sound = output.add_stream("flac", rate=8000, layout="mono")
        for number in range(60):
            frame = av.AudioFrame.from_ndarray(np.full((1, 800), number, np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 8000, 800 * (number + (10 if number >= 30 else 0))
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    _, flaws = flaws_of(path)
    assert list(flaws.places) == [pytest.approx(3.0, abs=0.6)]


def test_a_file_that_ffmpeg_may_ask_anything() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    file = QuietFile(io.BytesIO(b"abcdef"))
    assert file.seek(2) == 2 and file.read(2) == b"cd" and file.tell() == 4
    assert file.seek(-3) < 0 and file.seek(2**70) < 0 and file.error is None
    broken = QuietFile(Failing())
    assert broken.read(10) == b"" and broken.error is not None and broken.error.errno == 5


def test_a_disk_that_fails_is_an_error_of_the_file(encoded: Encoded, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = 0

    def read(self: QuietFile, size: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads > 4:
            self.error = OSError(5, "Input/output error")
            return b""
        return self._file.read(size)

    monkeypatch.setattr(QuietFile, "read", read)
    with raises("audio-unreadable", "signal.wma", "Input/output error"):
        list(stream(encoded("wma"), flaws=Flaws()))
