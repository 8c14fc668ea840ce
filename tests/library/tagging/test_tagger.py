"""Writing genres into files and taking them back: what is chosen, what is refused, what is kept."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import mutagen.id3
import needs
import pytest
import tagged
from disks import limited
from raising import raises
from tagged import only

from genrelab.library import GenreMap, Library, Tagger, TagPolicy
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Problem, Recognition, scan
from genrelab.recognize.recognition import RankedGenre

Know = Callable[..., Path]
linux = pytest.mark.skipif(sys.platform != "linux", reason="links, permissions, file names of any bytes")


@pytest.fixture
def know(library: Library, tmp_path: Path) -> Know:
    """Make a file that the library has an answer to: rock 0.6, pop 0.3, jazz 0.1."""

    def know(kind: str, *, name: str | None = None, **said: object) -> Path:
        path = tagged.make(tmp_path, kind)
        if name is not None:
            path = path.rename(tmp_path / name)
        ranked = tuple(RankedGenre(*pair) for pair in (("rock", 0.6), ("pop", 0.3), ("jazz", 0.1)))
        answer = {"genre": "rock", "confidence": 0.6, "genres": ranked, **said}
        library.tracks.store(FileSnapshot(path), Recognition(path, "m@1", duration=1.0, **answer))  # type: ignore[arg-type]
        return path

    return know


def test_a_dry_run_changes_nothing(know: Know, tagger: Tagger, library: Library) -> None:
    path = know("flac")
    whole, status = path.read_bytes(), path.stat()
    record = only(tagger.tag([path], TagPolicy()))
    assert (record.status, record.before, record.after) == ("would write", (), ("rock",))
    assert record.confidence == 0.6
    assert path.read_bytes() == whole and path.stat() == status
    assert library.journal.count() == 0


@pytest.mark.parametrize(
    ("kind", "wish", "expected"),
    [
        ("flac", TagPolicy(), ("rock",)),
        ("flac-genre", TagPolicy(), None),
        ("wma-ffmpeg", TagPolicy(genres=2), ("rock", "pop")),
        ("mp3-v1", TagPolicy(), None),
        ("mp3-ape", TagPolicy(), None),
        ("flac-genre", TagPolicy("overwrite"), ("rock",)),
        ("flac-genre", TagPolicy("combine"), ("Dub", "Ska", "rock")),
        ("flac", TagPolicy("combine"), ("rock",)),
        ("flac", TagPolicy(genres=2), ("rock", "pop")),
        ("flac", TagPolicy(genres=3, min_confidence=0.3), ("rock", "pop")),
        ("flac", TagPolicy(min_confidence=0.61), None),
        ("mp3-23", TagPolicy(genres=2), ("rock/pop",)),
        ("mp3-24", TagPolicy(genres=2), ("rock", "pop")),
        ("mp3-23-genre", TagPolicy("combine", genres=2), ("Rock/pop",)),
        ("mp3-23-genre", TagPolicy("overwrite", genre_map=GenreMap({"rock": ("Rock",)})), None),
        ("flac", TagPolicy(genre_map=GenreMap({"rock": ()})), None),
        (
            "flac",
            TagPolicy(genre_map=GenreMap({"rock": ("Indie", "Rock")}, {"Rock": ("Popular",)})),
            ("Indie", "Rock", "Popular"),
        ),
    ],
)
def test_what_is_written(
    kind: str, wish: TagPolicy, expected: tuple[str, ...] | None, know: Know, tagger: Tagger
) -> None:
    path = know(kind)
    had = tagged.KINDS[kind][2]
    whole = path.read_bytes()
    plan = only(tagger.tag([path], wish))
    record = only(tagger.tag([path], wish, write=True))
    assert (plan.status, plan.after) == ("would write" if expected else "left", record.after)
    if expected is None:
        assert record.status == "left" and record.note and record.after == had
        assert path.read_bytes() == whole
        return
    assert (record.status, record.before, record.after) == ("written", had, expected)
    assert tagged.genres(path) == expected
    again = only(tagger.tag([path], wish, write=True))
    assert again.status == "left"  # writing twice is writing once
    undone = only(tagger.undo([path]))
    assert (undone.status, undone.before, undone.after) == ("undone", expected, had)
    assert tagged.genres(path) == (had if kind != "mp3-v1" else ())
    assert only(tagger.undo([path])).status == "left"


def test_unsure_errors_and_the_unknown(know: Know, tagger: Tagger, tmp_path: Path) -> None:
    unsure = know("flac", genre="unsure", reason="silent", genres=())
    broken = know("mp3-23", genre=None, confidence=None, genres=(), error=f"{tmp_path}/mp3-23.mp3 is cut off")
    new = tagged.make(tmp_path, "ogg")
    missing = Problem(tmp_path / "x", "x does not exist")
    found = {
        record.path: record for record in tagger.tag([unsure, broken, new, missing], TagPolicy(), write=True)
    }
    assert (found[unsure].status, found[unsure].note) == ("left", "unsure: silent")
    assert (found[broken].status, found[broken].note) == ("error", f"{broken} is cut off")
    assert (found[new].status, found[new].code) == ("error", "tag-not-in-library")
    assert found[tmp_path / "x"].note == "x does not exist"


def test_undo_goes_back_step_by_step(know: Know, tagger: Tagger) -> None:
    for kind in ("ogg", "m4a", "mp3-all"):
        path = know(kind)
        whole = path.read_bytes()
        wishes = [TagPolicy("overwrite"), TagPolicy("overwrite", genres=2), TagPolicy("overwrite", genres=3)]
        steps = [tagged.genres(path)]
        for wish in wishes:
            only(tagger.tag([path], wish, write=True))
            steps.append(tagged.genres(path))
        assert len(set(steps)) == 4
        while steps:
            assert tagged.genres(path) == steps.pop()
            record = only(tagger.undo([path]))
            assert record.status == ("undone" if steps else "left")
        if kind == "mp3-all":
            assert path.read_bytes() == whole


def test_undo_of_a_file_that_was_never_written_is_no_error(tagger: Tagger, tmp_path: Path) -> None:
    broken, empty = tmp_path / "broken.mp3", tmp_path / "empty.flac"
    broken.write_bytes(b"no music" * 99)
    empty.touch()
    found = [(record.status, record.note) for record in tagger.undo([broken, empty])]
    assert found == [("left", "nothing to undo")] * 2


def test_undo_refuses_what_others_changed(know: Know, tagger: Tagger) -> None:
    path = know("mp3-24-genre")
    only(tagger.tag([path], TagPolicy("overwrite"), write=True))
    tags = mutagen.id3.ID3(path)
    tags.add(mutagen.id3.TIT2(encoding=3, text="a new title"))
    tags.save()
    changed = path.read_bytes()
    record = only(tagger.undo([path]))
    assert (record.status, record.code) == ("error", "tag-undo-changed") and "--force" in str(record.note)
    assert path.read_bytes() == changed
    assert only(tagger.undo([path], force=True)).status == "undone"
    assert tagged.genres(path) == ("Krautrock",)
    assert str(mutagen.id3.ID3(path)["TIT2"]) == "a new title"


def test_undo_finds_moved_files(know: Know, tagger: Tagger, tmp_path: Path) -> None:
    path = know("flac-genre")
    whole = path.read_bytes()
    only(tagger.tag([path], TagPolicy("overwrite"), write=True))
    moved = path.rename(tmp_path / "moved.flac")
    assert only(tagger.undo([moved])).status == "undone"
    assert moved.read_bytes() == whole


def test_a_written_file_stays_known(know: Know, tagger: Tagger, library: Library) -> None:
    path = know("flac")
    only(tagger.tag([path], TagPolicy(), write=True))
    seen = FileSnapshot(path)
    seen.hash_sound = lambda: pytest.fail("the file was read anew")  # type: ignore[method-assign]
    assert library.tracks.find(seen) is not None


@linux
def test_permissions_owner_and_attributes_stay(know: Know, tagger: Tagger) -> None:
    path = know("flac")
    path.chmod(0o640)
    root = os.geteuid() == 0
    if root:
        os.chown(path, 1234, 4321)
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        needs.lacking("no extended attributes here")
    before = path.stat()
    os.utime(path, (1, 1))
    only(tagger.tag([path], TagPolicy(), write=True))
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert os.getxattr(path, "user.note") == b"kept"
    assert after.st_mtime > 1  # programs that look for changed files must find it


@linux
def test_links(know: Know, tagger: Tagger, tmp_path: Path) -> None:
    path = know("flac")
    (tmp_path / "links").mkdir()
    link, hard, loop = (tmp_path / "links" / name for name in ("soft.flac", "hard.flac", "loop.flac"))
    link.symlink_to(path)
    hard.hardlink_to(path)
    loop.symlink_to(loop)
    untagged = path.read_bytes()
    records = list(tagger.tag([link, path, loop], TagPolicy(), write=True))
    assert [record.status for record in records] == ["written", "left", "error"]
    assert "1 other name" in str(records[0].note)
    assert link.is_symlink() and tagged.genres(path) == ("rock",)
    assert hard.read_bytes() == untagged


@linux
@pytest.mark.parametrize("name", ["two\nlines.flac", "b\udce9a\udcff.flac", "-x.flac", "y" * 250 + ".flac"])
def test_names_of_any_bytes(name: str, know: Know, tagger: Tagger) -> None:
    path = know("flac", name=name)
    assert only(tagger.tag([path], TagPolicy(), write=True)).status == "written"
    assert tagged.genres(path) == ("rock",)
    assert only(tagger.undo([path])).status == "undone"
    assert os.listdir(path.parent) == [path.name]


@linux
def test_write_protected_files_are_left(know: Know, tagger: Tagger) -> None:
    path = know("flac")
    path.chmod(0o444)
    record = only(tagger.tag([path], TagPolicy(), write=True))
    assert (record.status, record.code) == ("error", "tag-file-read-only")
    assert tagged.genres(path) == () and os.listdir(path.parent) == [path.name]


@linux
def test_a_full_disk_leaves_everything_unchanged(know: Know, library: Library, tmp_path: Path) -> None:
    """The process may write no file as large as the song: as on a full disk, the draft stays incomplete."""
    path = know("wav-bare")
    whole = path.read_bytes()
    done = limited(100_000, "tag", path, "--write", "--library", library.path, "--format", "json")
    assert done.returncode == 1
    assert os.strerror(errno.EFBIG).encode() in done.stdout
    assert b"Traceback" not in done.stderr
    assert path.read_bytes() == whole and os.listdir(tmp_path) == [path.name]
    assert not library.journal.unfinished()


def test_a_file_that_vanishes_or_changes_meanwhile(
    know: Know, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, grown = know("flac"), know("mp3-23")
    sync = os.fsync

    def meanwhile(number: int) -> None:
        gone.unlink(missing_ok=True)
        with grown.open("ab") as file:
            file.write(b"more")
        sync(number)

    monkeypatch.setattr(os, "fsync", meanwhile)
    first, second = tagger.tag([gone, grown], TagPolicy(), write=True)
    assert first.status == second.status == "error"
    assert "No such file" in str(first.note)
    assert second.code in ("tag-not-in-library", "tag-file-changed")
    assert os.listdir(grown.parent) == [grown.name]
    assert tagged.genres(grown) == ()
    assert grown.read_bytes().endswith(b"more")


@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize("draft_is_there", [False, True])
def test_a_change_that_did_not_happen_is_forgotten(
    ready: bool, draft_is_there: bool, know: Know, tagger: Tagger, library: Library
) -> None:
    """Killed before the draft took the file's place, or once more while that was put right."""
    path = know("flac")
    whole = path.read_bytes()
    draft = path.with_name(".genrelab-0123456789abcdef.tmp")
    number = library.journal.begin(os.fsencode(path), os.fsencode(draft.name), bytes(32), {}, {})
    if ready:
        library.journal.make_ready(number, hashlib.sha256(whole).digest(), bytes(32))
    if draft_is_there:
        draft.write_bytes(b"another song")
    tagger.recover()
    assert not library.journal.unfinished() and library.journal.count() == 0
    assert os.listdir(path.parent) == [path.name] and path.read_bytes() == whole


def test_a_change_on_a_disk_that_is_away_waits(tagger: Tagger, library: Library, tmp_path: Path) -> None:
    library.journal.begin(
        os.fsencode(tmp_path / "away" / "x.flac"), b".genrelab-0123456789abcdef.tmp", bytes(32), {}, {}
    )
    tagger.recover()
    assert len(library.journal.unfinished()) == 1
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / ".genrelab-0123456789abcdef.tmp").touch()
    tagger.recover()
    assert not library.journal.unfinished() and os.listdir(tmp_path / "away") == []


def test_one_process_at_a_time(know: Know, tagger: Tagger, library: Library) -> None:
    path = know("flac")
    with tagger.alone(), Library(library.path) as other:
        with raises("library-tagging-elsewhere", library.path):
            list(Tagger(other).tag([path], TagPolicy(), write=True))
        Tagger(other).recover()  # does not disturb
        assert only(Tagger(other).tag([path], TagPolicy())).status == "would write"


def test_formats_without_tags_of_ours(know: Know, tagger: Tagger, library: Library, tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "x.au"
    soundfile.write(path, [0.1] * 8000, 8000)
    answer = Recognition(path, "m", genre="rock", confidence=0.9, genres=(RankedGenre("rock", 0.9),))
    library.tracks.store(FileSnapshot(path), answer)
    record = only(tagger.tag(scan([path]), TagPolicy(), write=True))
    assert record.status == "error" and "x.au" in str(record.note)
