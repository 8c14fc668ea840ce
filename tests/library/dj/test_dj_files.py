"""Collections for DJ programs, read back by the libraries that others keep for their formats."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Literal
from xml.etree import ElementTree

import mutagen
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from pyrekordbox import RekordboxXml
from pyrekordbox.rbxml import decode_path
from raising import raises
from traktor_nml_utils import TraktorCollection

from genrelab.cli.main import main
from genrelab.library.dj.rekordbox import rekordbox_location, write_rekordbox
from genrelab.library.dj.target import check_target, write_for
from genrelab.library.dj.track import Cue, DjTrack, dj_tracks
from genrelab.library.dj.traktor import traktor_location, write_traktor
from genrelab.library.tagging.tag_plan import TagPolicy
from genrelab.recognize.recognition import RankedGenre, Recognition, Segment

TRACKS = (
    DjTrack(
        Path("/music/Tiësto & co/a #1 50%.mp3"),
        'A "quoted" <title> & more', "Tiësto", "Live", "Techno", 3600.4,
        (Cue(0.0, "house", 0), Cue(1204.25, "techno", 1), Cue(3000.0, "silence")), True,
    ),
    DjTrack(Path("/music/b.flac"), "b", "", "", "", None, (), False),
    DjTrack(Path("/music/日本/c.wav"), "c", "", "", "Techno", 10.0, (), True),
)  # fmt: skip


def test_rekordbox_xml_as_pyrekordbox_reads_it(tmp_path: Path) -> None:
    with (tmp_path / "genres.xml").open("wb") as out:
        write_rekordbox(TRACKS, out)
    xml = RekordboxXml(tmp_path / "genres.xml")
    assert xml.num_tracks == 3
    first, second, third = xml.get_tracks()
    assert (first.Name, first.Artist, first.Album, first.Genre) == (
        TRACKS[0].title, "Tiësto", "Live", "Techno",
    )  # fmt: skip
    assert (first.TotalTime, first.Kind) == (3600, "MP3 File")
    assert [(mark.Name, mark.Type, mark.Start, mark.Num) for mark in first.marks] == [
        ("house", "cue", 0.0, 0), ("techno", "cue", 1204.25, 1), ("silence", "cue", 3000.0, -1),
    ]  # fmt: skip
    found = [f"/{each.Location.removeprefix('/')}" for each in (first, second, third)]
    assert found == [os.fspath(track.path) for track in TRACKS]
    assert second.Genre is None and second.marks == []
    folder = xml.get_playlist("genrelab")
    assert [node.name for node in folder.get_playlists()] == ["Techno"]
    assert xml.get_playlist("genrelab", "Techno").get_tracks() == [1, 3]


def test_an_nml_file_as_traktor_nml_utils_reads_it(tmp_path: Path) -> None:
    with (tmp_path / "genres.nml").open("wb") as out:
        write_traktor(TRACKS, out)
    nml = TraktorCollection(tmp_path / "genres.nml").nml
    assert nml.version == 19 and nml.collection.entries == 3
    first, second, _ = nml.collection.entry
    assert (first.title, first.artist, first.album.title, first.info.genre) == (
        TRACKS[0].title, "Tiësto", "Live", "Techno",
    )  # fmt: skip
    assert (first.info.playtime, first.info.playtime_float) == (3600, 3600.4)
    assert (first.location.dir, first.location.file) == ("/:music/:Tiësto & co/:", "a #1 50%.mp3")
    assert [(cue.name, cue.type, cue.start, cue.hotcue) for cue in first.cue_v2] == [
        ("house", 0, 0.0, 0), ("techno", 0, 1204250.0, 1), ("silence", 0, 3000000.0, -1),
    ]  # fmt: skip
    assert second.info.genre is None
    (node,) = nml.playlists.node.subnodes.node
    assert (node.name, node.playlist.entries) == ("Techno", 2)
    keys = [entry.primarykey.key for entry in node.playlist.entry]
    assert keys[0] == "Macintosh HD/:music/:Tiësto & co/:a #1 50%.mp3"
    assert keys[0] == first.location.volume + first.location.dir + first.location.file


@pytest.mark.parametrize(
    ("path", "rekordbox", "traktor"),
    [
        (PurePosixPath("/a b/é.mp3"), "file://localhost/a%20b/%C3%A9.mp3", "Macintosh HD/:a b/:é.mp3"),
        (PurePosixPath("/Volumes/My USB/x.mp3"), "file://localhost/Volumes/My%20USB/x.mp3", "My USB/:x.mp3"),
        (PureWindowsPath(r"C:\Müsic\100%\a+b.mp3"), "file://localhost/C:/M%C3%BCsic/100%25/a%2Bb.mp3",
         "C:/:Müsic/:100%/:a+b.mp3"),
        (PureWindowsPath(r"D:\x.mp3"), "file://localhost/D:/x.mp3", "D:/:x.mp3"),
    ],
)  # fmt: skip
def test_locations(path: PurePath, rekordbox: str, traktor: str) -> None:
    assert rekordbox_location(path) == rekordbox
    assert traktor_location(path).key == traktor


@given(st.lists(st.text(st.characters(exclude_characters="/\0\\", codec="utf-8"), min_size=1), min_size=1))
def test_every_path_comes_back_from_a_location(names: list[str]) -> None:
    names = [name for name in names if name not in (".", "..")] or ["x"]
    location = rekordbox_location(PurePosixPath("/", *names))
    assert location.isascii()
    assert decode_path(location) == "/".join(names)


@given(st.text(min_size=1), st.text())
def test_any_text_makes_readable_files(title: str, genre: str) -> None:
    from genrelab.library.dj.track import text

    track = replace(TRACKS[1], title=text(title), genre=text(genre))
    for write in (write_rekordbox, write_traktor):
        out = io.BytesIO()
        write([track], out)
        root = ElementTree.fromstring(out.getvalue())
        assert any(text(title) in each.attrib.values() for each in root.iter())


def test_names_with_joiners_and_line_breaks_come_back(tmp_path: Path) -> None:
    """Persian words and families of emoji contain characters that a terminal must not show."""
    names = (
        "می\u200cخواهم",
        "👨\u200d👩\u200d👧",
        "two\nlines\tand\rtabs",
        "\u202eright to left",
        "\ue000 private",
    )
    tracks = [
        replace(TRACKS[1], path=Path(f"/music/{name}.mp3"), title=name, genre=name, cues=()) for name in names
    ]
    with (tmp_path / "d.nml").open("wb") as out:
        write_traktor(tracks, out)
    nml = TraktorCollection(tmp_path / "d.nml").nml
    assert [entry.title for entry in nml.collection.entry] == list(names)
    assert [entry.location.file for entry in nml.collection.entry] == [f"{name}.mp3" for name in names]
    keys = {node.name: node.playlist.entry[0].primarykey.key for node in nml.playlists.node.subnodes.node}
    assert keys == {name: f"Macintosh HD/:music/:{name}.mp3" for name in names}
    with (tmp_path / "d.xml").open("wb") as out:
        write_rekordbox(tracks, out)
    assert [track.Name for track in RekordboxXml(tmp_path / "d.xml").get_tracks()] == list(names)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode there")
def test_a_name_that_is_not_unicode_makes_readable_files() -> None:
    path = Path(os.fsdecode(b"/music/caf\xe9.mp3"))
    assert rekordbox_location(path) == "file://localhost/music/caf%E9.mp3"
    out = io.BytesIO()
    write_traktor([replace(TRACKS[1], path=path)], out)
    (place,) = ElementTree.fromstring(out.getvalue()).iter("LOCATION")
    assert place.get("FILE") == r"caf\udce9.mp3"


def _record(path: Path, genres: list[str]) -> Recognition:
    """A record of a whole file whose segments of 10 s have some genres."""
    known = ("house", "techno")
    timeline = tuple(Segment(10.0 * n, 10.0 * (n + 1), genre, 0.9) for n, genre in enumerate(genres))
    probabilities = np.array([[0.9, 0.1] if genre == "house" else [0.1, 0.9] for genre in genres], np.float16)
    ranked = tuple(RankedGenre(genre, 0.5) for genre in known)
    return Recognition(
        path, "m", 10.0 * len(genres), "house", 0.5, ranked, timeline, probabilities=probabilities
    )


def test_cues_are_where_parts_begin(tmp_path: Path) -> None:
    mix = _record(tmp_path / "mix.mp3", ["house"] * 12 + ["techno"] * 12)
    same = _record(tmp_path / "same.mp3", ["house"] * 12)
    sampled = replace(mix, full=False, probabilities=None)
    failed = replace(mix, error="damaged")
    found = list(dj_tracks([mix, same, sampled, failed], TagPolicy(spelling="plain"), hot=True))
    assert [(cue.seconds, cue.name, cue.hot) for cue in found[0].cues] == [
        (0.0, "house", 0), (120.0, "techno", 1),
    ]  # fmt: skip
    assert [track.cues for track in found[1:]] == [(), ()]
    assert [track.cut for track in found] == [True, True, False]
    assert {track.genre for track in found} == {"House"}


def test_only_eight_hot_cues(tmp_path: Path) -> None:
    genres = (["house"] * 4 + ["techno"] * 4) * 6
    (track,) = dj_tracks([_record(tmp_path / "mix.mp3", genres)], TagPolicy(), hot=True)
    assert [cue.hot for cue in track.cues] == [0, 1, 2, 3, 4, 5, 6, 7, -1, -1, -1, -1]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song, library = tmp_path / "Ä song.flac", f"--library={tmp_path / 'library.db'}"
    soundfile.write(song, np.random.default_rng(0).normal(0, 0.1, 22050 * 12).astype("float32"), 22050)
    tagged = mutagen.File(song)
    tagged["title"], tagged["artist"] = "Öne", "Ann"
    tagged.save()
    assert main(["recognize", str(song), library, "--quiet"]) == 1  # noise: unsure
    assert main(["library", "dj", "--to", str(tmp_path / "d.xml"), library]) == 0
    said = capsys.readouterr().err
    assert "1 track with 0 cue points exported" in said
    (track,) = RekordboxXml(tmp_path / "d.xml").get_tracks()
    assert (track.Name, track.Artist, track.Genre) == ("Öne", "Ann", None)
    assert f"/{track.Location.removeprefix('/')}" == str(song)
    assert main(["library", "dj", "--to", str(tmp_path / "d.nml"), library]) == 0  # the suffix says Traktor
    assert TraktorCollection(tmp_path / "d.nml").nml.collection.entry[0].location.file == song.name
    assert main(["library", "dj", "--to", str(tmp_path / "t.xml"), "--format=traktor", library]) == 0
    assert ElementTree.parse(tmp_path / "t.xml").getroot().tag == "NML"
    song.unlink()
    capsys.readouterr()
    assert main(["library", "dj", "--to", str(tmp_path / "d.xml"), library]) == 0
    said = capsys.readouterr().err
    assert "0 tracks" in said and "1 file left out" in said
    assert list(RekordboxXml(tmp_path / "d.xml").get_tracks()) == []
    assert main(["library", "dj", "--to", str(tmp_path / "d.xml"), "--min-part=0", library]) == 2


@pytest.mark.parametrize("format", ["rekordbox", "traktor"])
def test_only_files_of_genrelab_are_replaced(tmp_path: Path, format: Literal["rekordbox", "traktor"]) -> None:
    target = tmp_path / "collection.nml"
    check_target(target)  # there is none
    target.touch()
    check_target(target)  # nothing is lost
    with target.open("wb") as out:
        write_for(target, format)(TRACKS, out)
    check_target(target)
    target.write_bytes(target.read_bytes().replace(b"genrelab", b"www.native-instruments.com"))
    with raises("output-foreign", str(target)):
        check_target(target)


def test_the_command_keeps_the_collection_of_traktor(tmp_path: Path) -> None:
    target = tmp_path / "collection.nml"
    own = b'<?xml version="1.0"?>\n<NML VERSION="19"><HEAD COMPANY="www.native-instruments.com">'
    target.write_bytes(own)
    assert main(["library", "dj", "--to", str(target), f"--library={tmp_path / 'library.db'}"]) == 2
    assert target.read_bytes() == own


@pytest.mark.parametrize(
    ("name", "format", "tag"),
    [("a.nml", None, "NML"), ("A.NML", None, "NML"), ("a.xml", None, "DJ_PLAYLISTS"),
     ("a", None, "DJ_PLAYLISTS"),
     ("a.xml", "traktor", "NML"), ("a.nml", "rekordbox", "DJ_PLAYLISTS")],
)  # fmt: skip
def test_the_format_is_that_of_the_suffix_unless_given(
    name: str, format: Literal["rekordbox", "traktor"] | None, tag: str
) -> None:
    out = io.BytesIO()
    write_for(Path(name), format)(TRACKS, out)
    assert ElementTree.fromstring(out.getvalue()).tag == tag
