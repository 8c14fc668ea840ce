from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from raising import raises

from genrelab.serve.guard.roots import Roots


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A root `music` with a file, links inside and outside, and a secret beside it."""
    music = tmp_path / "music"
    (music / "album").mkdir(parents=True)
    (music / "album" / "song.mp3").write_bytes(b"song")
    (tmp_path / "secret.mp3").write_bytes(b"secret")
    (tmp_path / "music-other").mkdir()
    (tmp_path / "music-other" / "secret.mp3").write_bytes(b"secret")
    (music / "inside").symlink_to("album")
    (music / "out").symlink_to("..")
    (music / "out.mp3").symlink_to(tmp_path / "secret.mp3")
    (music / "dangling").symlink_to(tmp_path / "missing")
    (music / "circle").symlink_to("circle")
    return music


SPELLINGS = [
    "..", "../", "../secret.mp3", "album/../../secret.mp3", "./../secret.mp3", "album/./.././../secret.mp3",
    "....//../../secret.mp3", "..//secret.mp3", "/", "/etc/passwd", "//etc/passwd",
    "///etc/passwd", "/proc/self/environ", "/proc/self/root/etc/passwd", "/dev/zero", "{parent}/secret.mp3",
    "{root}/../secret.mp3", "{root}-other/secret.mp3", "{root}/album/../../music-other/secret.mp3",
    "album/song.mp3\0.txt", "\0", "", "../secret.mp3\0", "..\\secret.mp3", "album\\..\\..\\secret.mp3",
    "C:\\Windows\\win.ini", "C:/Windows/win.ini", "c:secret.mp3", "\\\\server\\share\\x.mp3",
    "//server/share",
    "\\\\?\\C:\\x.mp3", "\\\\.\\pipe\\x", "~/secret.mp3", "~root/.bashrc", "file:///etc/passwd",
    "http://example.org/x.mp3", "out/secret.mp3", "out.mp3", "out/music-other/secret.mp3",
    "dangling", "inside/../../secret.mp3", "x" * 5000, "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS, ids=range(len(SPELLINGS)))
def test_nothing_outside_a_root_is_resolved(world: Path, spelling: str) -> None:
    text = spelling.replace("{root}", str(world)).replace("{parent}", str(world.parent))
    with raises("outside-roots") as caught:
        Roots([world]).resolve(text)
    assert caught.value.status == 403
    assert str(world) in caught.value.remedy


@pytest.mark.parametrize(
    "spelling",
    ["%2e%2e/secret.mp3", "%252e%252e%252fsecret.mp3", "..%2fsecret.mp3", "..%c0%afsecret.mp3",
     "\uff0e\uff0e/secret.mp3", "\u2024\u2024/secret.mp3", "..\u2215secret.mp3", "...", "..;/secret.mp3",
     "file:../secret.mp3", "circle/../../music"],
)  # fmt: skip
def test_spellings_that_mean_nothing_here_stay_inside(world: Path, spelling: str) -> None:
    found = Roots([world]).resolve(spelling)
    assert found.is_relative_to(world) and not found.is_file()


@pytest.mark.parametrize(
    "spelling",
    [
        "album/song.mp3",
        "{root}/album/song.mp3",
        "inside/song.mp3",
        "album/../album//./song.mp3",
        "{link}/album/song.mp3",
    ],
)
def test_files_under_a_root_are_found_by_any_spelling(world: Path, spelling: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(world)
    text = spelling.replace("{root}", str(world)).replace("{link}", str(link))
    assert Roots([link]).resolve(text) == world / "album" / "song.mp3"


def test_folders_and_files_to_be_made_are_resolved(world: Path) -> None:
    roots = Roots([world])
    assert roots.resolve(".") == roots.resolve(str(world)) == world
    assert roots.resolve("album/new.m3u8") == world / "album" / "new.m3u8"


def test_a_relative_path_means_the_root_that_has_it(world: Path, tmp_path: Path) -> None:
    roots = Roots([world, tmp_path / "music-other"])
    assert roots.resolve("secret.mp3") == tmp_path / "music-other" / "secret.mp3"
    assert roots.resolve("new.m3u8") == world / "new.m3u8"


@pytest.mark.parametrize(("on_disk", "named"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_names_in_the_other_normal_form_are_found(world: Path, on_disk: str, named: str) -> None:
    (world / unicodedata.normalize(on_disk, "Björk.mp3")).touch()  # type: ignore[arg-type]
    found = Roots([world]).resolve(unicodedata.normalize(named, "Björk.mp3"))  # type: ignore[arg-type]
    assert found.is_file()


@pytest.mark.parametrize("name", ["a\\b.mp3", "C:x.mp3", "~x.mp3", "..\\x.mp3", "new\nline.mp3"])
def test_strange_names_that_exist_are_found(world: Path, name: str) -> None:
    (world / name).touch()
    assert Roots([world]).resolve(name) == world / name


def test_names_that_are_not_unicode_are_found(world: Path) -> None:
    name = os.fsdecode(b"\xff.mp3")
    (world / name).touch()
    assert Roots([world]).resolve(name) == world / name


def test_pipes_and_links_in_a_circle_are_refused(world: Path) -> None:
    os.mkfifo(world / "pipe.mp3")
    for name in ("pipe.mp3", "circle"):
        with raises("path-special", name):
            Roots([world]).resolve(name)


def test_without_roots_nothing_is_resolved(world: Path) -> None:
    for text in ("song.mp3", str(world), "."):
        with raises("outside-roots"):
            Roots([]).resolve(text)


def test_holds(world: Path) -> None:
    roots = Roots([world])
    assert roots.holds(os.fsencode(world / "album" / "song.mp3"))
    assert not roots.holds(world / "out.mp3")
    assert not roots.holds(world.parent / "secret.mp3")
    assert not roots.holds("a\0b")
