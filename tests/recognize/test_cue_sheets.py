"""CUE sheets as input: which stretch of which file each track is, and that this stretch is heard."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_onnx import tone

import genrelab.recognize.segment_sampling
from genrelab.audio.decode import open_excerpts
from genrelab.recognize import Problem, Recognition, Recognizer, SheetTrack, cut_parts, scan
from genrelab.recognize.inputs.cue_sheet import read_cue
from genrelab.recognize.inputs.list_file import ListFile
from genrelab.recognize.writers.cue import cue_sheet

ALBUM = """REM GENRE "Pop Rock"
REM DATE 1999
PERFORMER "The Band"
TITLE "The Album"
FILE "album.flac" WAVE
  TRACK 01 AUDIO
    TITLE "First"
    INDEX 01 00:00:00
  TRACK 02 AUDIO
    TITLE "The \\"second\\" one"
    PERFORMER "Guest"
    FLAGS DCP
    ISRC USXXX9900001
    PREGAP 00:02:00
    INDEX 00 00:09:37
    INDEX 01 00:10:15
    INDEX 02 00:12:00
  TRACK 03 AUDIO
    INDEX 01 61:20:00
"""


def _tracks(text: str | bytes, folder: Path, name: str = "album.cue") -> list[SheetTrack | Problem]:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(content)
    return list(read_cue(ListFile(folder / name, content)))


def _places(found: list[SheetTrack | Problem]) -> list[tuple[object, ...]]:
    return [
        (found.path.name, found.number, found.start, found.end) if isinstance(found, SheetTrack) else ("!",)
        for found in found
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "album.flac").touch()
    return tmp_path


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_album_in_one_file(end: str, folder: Path) -> None:
    first, second, third = _tracks(ALBUM.replace("\n", end), folder)
    assert first == SheetTrack(
        folder / "album.flac",
        folder / "album.cue",
        1,
        start=0.0,
        end=9 + 37 / 75,
        title="First",
        performer="The Band",
    )
    assert isinstance(second, SheetTrack) and isinstance(third, SheetTrack)
    assert (second.start, second.end) == (10.2, 3680.0)
    assert (second.title, second.performer) == ('The \\"second\\" one', "Guest")
    assert (third.start, third.end, third.title, third.whole) == (3680.0, None, None, False)


def test_a_file_for_each_track(folder: Path) -> None:
    """With the gap before a track at the end of the file before, as EAC writes it."""
    for name in ("1.wav", "2.wav", "3.wav"):
        (folder / name).touch()
    text = """FILE "1.wav" WAVE
  TRACK 01 AUDIO
    INDEX 01 00:00:00
  TRACK 02 AUDIO
    INDEX 00 03:00:00
FILE "2.wav" WAVE
    INDEX 01 00:00:00
FILE "3.wav" WAVE
  TRACK 03 AUDIO
    INDEX 01 00:00:00
"""
    found = _tracks(text, folder)
    assert _places(found) == [("1.wav", 1, 0.0, 180.0), ("2.wav", 2, 0.0, None), ("3.wav", 3, 0.0, None)]
    assert [track.whole for track in found if isinstance(track, SheetTrack)] == [False, True, True]


def test_two_files_of_several_tracks(folder: Path) -> None:
    (folder / "B.flac").touch()
    text = "".join(
        f'FILE "{file}" WAVE\nTRACK {number:02} AUDIO\nINDEX 01 {minute:02}:00:00\n'
        for number, (file, minute) in enumerate(
            [("album.flac", 0), ("album.flac", 3), ("B.flac", 0), ("B.flac", 4)], start=1
        )
    )
    assert _places(_tracks(text, folder)) == [
        ("album.flac", 1, 0.0, 180.0),
        ("album.flac", 2, 180.0, None),
        ("B.flac", 3, 0.0, 240.0),
        ("B.flac", 4, 240.0, None),
    ]


@pytest.mark.parametrize(
    ("line", "real"),
    [
        ('FILE "album.wav" WAVE', "album.flac"),
        ('FILE "ALBUM.WAV" WAVE', "album.flac"),
        ('FILE "C:\\rips\\album.wav" WAVE', "album.flac"),
        ('FILE "\\\\nas\\rips\\album.flac" WAVE', "album.flac"),
        ('FILE "CDImage.wav" WAVE', "album.flac"),
        ("FILE album.flac WAVE", "album.flac"),
        ("file album.flac", "album.flac"),
        ('\tFILE\t"album.flac"\tWAVE', "album.flac"),
        ('FILE "album.flac"', "album.flac"),
        ('FILE "a "live" one.mp3" MP3', 'a "live" one.mp3'),
        ("FILE two words.mp3 MP3", "two words.mp3"),
    ],
)
def test_the_file_is_found(line: str, real: str, folder: Path) -> None:
    (folder / real).touch()
    (track,) = _tracks(f"{line}\nTRACK 01 AUDIO\nINDEX 01 00:01:00\n", folder)
    assert isinstance(track, SheetTrack), track.message
    assert track.path == folder / real
    assert track.named == ("CDImage.wav" if "CDImage" in line else None)


def test_a_sheet_beside_its_file_by_name(folder: Path) -> None:
    text = 'FILE "CDImage.wav" WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00\n'
    (folder / "x.ape").touch()
    assert _places(_tracks(text, folder, "x.ape.cue")) == [("x.ape", 1, 0.0, None)]
    assert _places(_tracks(text, folder, "y.cue")) == [("!",)]
    two = text + text.replace("CDImage", "other").replace("01 AUDIO", "02 AUDIO")
    assert _places(_tracks(two, folder)) == [("!",), ("!",)]  # which of them the file would be is not known


def test_a_folder_of_another_machine(folder: Path) -> None:
    """The named file beside the sheet comes before one that is called alike."""
    (folder / "album.ape").touch()
    text = 'FILE "C:\\rips\\album.flac" WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00\n'
    assert _places(_tracks(text, folder)) == [("album.flac", 1, 0.0, None)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(encoding: str, folder: Path) -> None:
    (folder / "Café.flac").touch()
    text = 'FILE "Café.flac" WAVE\nTRACK 01 AUDIO\nTITLE "Déjà vu"\nINDEX 01 00:00:00\n'
    (track,) = _tracks(text.encode(encoding), folder)
    assert isinstance(track, SheetTrack)
    assert (track.path.name, track.title, track.named) == ("Café.flac", "Déjà vu", None)


def test_that_another_file_was_taken_is_a_warning(tiny_model: Path, album: Path) -> None:
    text = album.read_text().replace("album.wav", "C:\\CDImage.wav")
    album.write_text(text)
    for record in Recognizer.load(tiny_model).recognize_many(scan([album])):
        (notice,) = record.notices
        assert notice.kind == "playlist"
        assert str(album) in notice.text and "C:\\CDImage.wav" in notice.text
        assert not record.damaged


def test_an_unknown_encoding_still_finds_the_only_file(folder: Path) -> None:
    text = 'FILE "альбом.wav" WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00\n'
    assert _places(_tracks(text.encode("cp1251"), folder)) == [("album.flac", 1, 0.0, None)]


def test_tracks_without_a_position_are_problems(folder: Path) -> None:
    text = """FILE "album.flac" WAVE
TRACK 01 AUDIO
INDEX 01 00:20:00
TRACK 02 AUDIO
INDEX 01 00:10:00
TRACK 03 AUDIO
INDEX 00 00:30:00
TRACK 04 AUDIO
INDEX 01 1:2
FILE "none.flac" WAVE
TRACK 05 AUDIO
INDEX 01 00:00:00
TRACK 06 AUDIO
INDEX 01 00:10:00
"""
    found = _tracks(text, folder)
    assert _places(found) == [("!",), ("album.flac", 2, 10.0, 30.0), ("!",), ("!",), ("!",)]
    messages = [one.message for one in found if isinstance(one, Problem)]
    for message, part in zip(messages, ("track 1", "track 3", "track 4", "none.flac"), strict=True):
        assert part in message and str(folder) in message


@pytest.mark.parametrize(
    "text", ["", "words\n", 'FILE "album.flac" WAVE\n', "TRACK 01 MODE1/2352\n", "\x1b[31m"]
)
def test_a_sheet_without_tracks(text: str, folder: Path) -> None:
    (problem,) = _tracks(text, folder)
    assert isinstance(problem, Problem) and str(problem.path) in problem.message


def test_data_tracks_are_left_out(folder: Path) -> None:
    text = """FILE "album.flac" WAVE
TRACK 01 AUDIO
INDEX 01 00:00:00
TRACK 02 MODE2/2352
INDEX 01 00:30:00
"""
    assert _places(_tracks(text, folder)) == [("album.flac", 1, 0.0, 30.0)]


@pytest.mark.slow
def test_a_huge_sheet_takes_no_long_time(folder: Path) -> None:
    lines = [f'FILE "{n}.wav" WAVE\nTRACK {n} AUDIO\nINDEX 01 00:00:00\n' for n in range(20_000)]
    assert len(_tracks("".join(lines), folder)) == 20_000


# What is heard.


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Ten seconds low, ten middle, twenty high, at a rate that is not the model's."""
    rate = 44100
    sound = [tone(200.0, 10.0, rate=rate), tone(1000.0, 10.0, rate=rate), tone(3000.0, 20.0, rate=rate)]
    soundfile.write(tmp_path / "album.flac", np.concatenate(sound), rate)
    (tmp_path / "album.cue").write_text(
        'FILE "album.wav" WAVE\n'
        'TRACK 01 AUDIO\nTITLE "One"\nINDEX 01 00:00:00\n'
        "TRACK 02 AUDIO\nINDEX 00 00:09:00\nINDEX 01 00:10:00\n"
        "TRACK 03 AUDIO\nINDEX 01 00:20:00\n"
    )
    return tmp_path / "album.cue"


@pytest.mark.parametrize("full", [False, True])
def test_each_track_is_processed_alone(
    full: bool, tiny_model: Path, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genrelab.recognize.segment_sampling, "FIRST_SECONDS", 2.0)
    recognizer = Recognizer.load(tiny_model, full=full)
    said = list(recognizer.recognize_many(scan([album]), jobs=2))
    assert [record.genre for record in said] == ["low", "middle", "high"]
    assert [record.duration for record in said] == pytest.approx([9.0, 10.0, 20.0], abs=1e-3)
    assert [record.full for record in said] == [full] * 3
    tracks = [record.track for record in said if record.track is not None]
    assert [track.start for track in tracks] == [0.0, 10.0, 20.0]
    assert [track.end for track in tracks] == pytest.approx([9.0, 20.0, 40.0], abs=1e-3)
    assert all(segment.genre == record.genre for record in said for segment in record.timeline)
    assert {record.warning for record in said} == {None}
    assert recognizer(tracks[1]).genre == "middle"


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "wav", "aiff"])
def test_tracks_of_other_formats(suffix: str, tiny_model: Path, album: Path) -> None:
    sound, rate = soundfile.read(album.with_suffix(".flac"))
    soundfile.write(album.with_suffix(f".{suffix}"), sound, rate)
    album.with_suffix(".flac").unlink()
    said = list(Recognizer.load(tiny_model).recognize_many(scan([album])))
    assert [(record.path.suffix, record.genre) for record in said] == [
        (f".{suffix}", genre) for genre in ("low", "middle", "high")
    ]
    assert [record.duration for record in said] == pytest.approx([9.0, 10.0, 20.0], abs=0.05)


def test_pieces_of_a_stretch_are_those_of_the_whole(album: Path) -> None:
    with open_excerpts(album.with_suffix(".flac"), sample_rate=16000, channels=1) as whole:
        assert whole is not None
        part = whole.between(10.2, 20.4)
        assert part is not None and part.samples == 163_200 and part.seconds == pytest.approx(10.2)
        np.testing.assert_array_equal(part.take(1000, 500), whole.take(164_200, 500))
        assert part.take(163_100, 500).shape == (1, 100)  # nothing behind its end
        assert part.take(163_200, 500).shape == (1, 0)
        inner = part.between(1.0, 2.0)
        assert inner is not None
        np.testing.assert_array_equal(inner.take(0, 500), whole.take(179_200, 500))
        last = whole.between(30.0, 99.0)
        assert last is not None and last.seconds == pytest.approx(10.0) and last.samples == 160_000
        assert whole.between(40.0, None) is None and whole.between(99.0, None) is None


def test_a_sheet_that_is_longer_than_its_file(tiny_model: Path, album: Path) -> None:
    album.write_text(
        'FILE "album.flac" WAVE\nTRACK 01 AUDIO\nINDEX 01 00:30:00\n'
        "TRACK 02 AUDIO\nINDEX 01 00:50:00\nTRACK 03 AUDIO\nINDEX 01 01:00:00\n"
    )
    short, beyond, last = Recognizer.load(tiny_model).recognize_many(scan([album]))
    assert (short.genre, short.duration) == ("high", pytest.approx(10.0, abs=1e-3))
    assert all(place in str(short.warning) for place in ("track 1", "50.0 s", "40.0 s"))
    for record in (beyond, last):
        assert record.genre is None and record.error is not None and "album.flac" in record.error
        assert record.track is not None and "50.0 s" in str(beyond.error)


def test_the_record(tiny_model: Path, album: Path) -> None:
    first, second, _ = Recognizer.load(tiny_model).recognize_many(scan([album]))
    assert first.to_dict()["track"] == {
        "sheet": os.fspath(album),
        "number": 1,
        "title": "One",
        "performer": None,
        "start": 0.0,
        "end": 9.0,
    }
    assert second.to_dict()["track"]["start"] == 10.0
    assert first.to_dict()["path"] == os.fspath(album.with_suffix(".flac"))
    assert Recognition(album, "m").to_dict()["track"] is None


def test_a_sheet_that_genrelab_wrote(tiny_model: Path, album: Path) -> None:
    """What `--cue` writes can be recognized again: the same genres in the same places."""
    recognizer = Recognizer.load(tiny_model, full=True)
    mix = recognizer(album.with_suffix(".flac"))
    parts = cut_parts(mix, min_seconds=5.0)
    album.write_text(cue_sheet(mix, "album.flac", min_seconds=5.0), encoding="utf-8", newline="")
    said = list(recognizer.recognize_many(scan([album])))
    assert [record.genre for record in said] == [part.genre for part in parts] == ["low", "middle", "high"]
    assert [record.track.title for record in said if record.track] == ["low", "middle", "high"]
