"""The commands and Python examples of README and of the pages on music libraries, run as a reader would."""

from __future__ import annotations

import glob
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from doc_commands import ROOT, Shown, blocks, shown

from genrelab import Recognizer
from genrelab.cli.main import main

LABORATORY = {
    "bench", "compare", "corpora", "demo", "evaluate", "figures", "finalize", "fuse", "pretrain", "reproduce",
    "runs", "search", "train",
}  # fmt: skip
ELSEWHERE = {
    "teach",  # tests/teach/test_docs.py runs it on music with tags
    "review",  # likewise
    "playlist",  # the model here knows no jazz: tests/cli/test_playlist.py
    "serve",  # runs until it is told to end: tests/serve/test_serve_command.py
    "watch",  # likewise: tests/cli/test_watch.py
}
README, USE = ROOT / "README.md", ROOT / "docs" / "use"
MADE = {  # what the commands of a page write
    "recognize.md": ["genres.jsonl"],
    "albums.md": ["albums.csv"],
    "choose.md": ["calm.m3u8", "punk.html"],
    "dj.md": ["genres.xml", "genres.nml"],
    "map.md": ["library-map.html", "jazz.html", "tracks.parquet"],
    "mixes.md": ["mix.mp3.svg", "mix.mp3.cue"],
    "similar.md": ["like.m3u8"],
    "start.md": ["piece.mp3"],
}


def runs_here(command: Shown) -> bool:
    """Return whether a command is run by this file, and not only parsed by tests/test_docs.py."""
    if command.page.name == "teach.md":
        return False  # tests/teach/test_docs.py runs all of it
    if command.words[1:3] == ("demo", "--compose"):
        return True
    return command.whole and command.words[1] not in LABORATORY | ELSEWHERE


PAGES = [
    page
    for page in (README, ROOT / "docs" / "start.md", *sorted(USE.glob("*.md")))
    if any(map(runs_here, shown(page)))
]


@pytest.fixture
def desk(tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all files that the pages name, and a home with music."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    tiny.write_tiny(tmp_path / "model.onnx")
    tiny.write_tiny(tmp_path / "mine.onnx", tags=tiny.TAGS)
    monkeypatch.setenv("GENRELAB_MODEL", str(tmp_path / "model.onnx"))
    songs = ["song.mp3", "live recording.wav", "mix.mp3", "mix.flac"]
    folders = ("Music", home / "Music", "new")
    songs += [f"{music}/{name}.flac" for music in folders for name in ("blues", "jazz")]
    songs += [f"{home}/Music/{folder}/song.flac" for folder in ("Audiobooks", "Podcasts", "jazz", "old")]
    for number, song in enumerate(songs):
        path = Path(song)
        path.parent.mkdir(parents=True, exist_ok=True)
        pitches = (200.0 + number, 3000.0) if path.stem == "mix" else (1000.0 + number,)
        seconds = 25.0 if path.stem == "mix" else 3.0
        rate = 44100 if path.suffix == ".mp3" else 8000
        sound = np.concatenate([tiny.tone(pitch, seconds, rate=rate) for pitch in pitches])
        soundfile.write(path, sound, rate)
    Path("genres.yaml").write_text("names:\n  middle: Rock\n")
    return tmp_path


def give_tags(desk: Path, tiny: ModuleType) -> None:
    """Give the model the tags that the page on the library names; all are present in all tracks."""
    labels = ("style:punk", "mood:calm", "genre:folk", "genre:rock", "genre:metal")
    kinds = (label.split(":") for label in labels)
    tags = [{"kind": kind, "name": name, "measured": "labels", "threshold": 0.0} for kind, name in kinds]
    tiny.write_tiny(desk / "model.onnx", tags=tags)


def arguments(command: Shown) -> list[str]:
    """Return the words behind the program's name as a shell would give them."""
    words = [os.path.expanduser(word) for word in command.words[1:]]
    return [each for word in words for each in (sorted(glob.glob(word)) if "*" in word else []) or [word]]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow(5)] * (page.name == "start.md"), id=page.name)
        for page in PAGES
    ],
)
def test_the_commands_run(desk: Path, tiny: ModuleType, page: Path) -> None:
    if page.parent == USE:  # the reader has a library, and a model with tags
        give_tags(desk, tiny)
        assert main(["recognize", str(desk / "home" / "Music"), "song.mp3", "mix.mp3"]) == 0
    for command in filter(runs_here, shown(page)):
        if command.words[1] != "listen":
            assert main(arguments(command)) == 0, command
        elif "--raw" in command.words:
            sound = (tiny.tone(1000.0, 5.0, rate=44100) * 32767).astype("<i2").repeat(2).tobytes()
            program = [sys.executable, "-m", "genrelab", *command.words[1:]]
            done = subprocess.run(program, input=sound, capture_output=True)
            assert done.returncode == 0 and b"middle" in done.stdout, command
        else:
            continue  # a microphone
    assert set(MADE.get(page.name, ())) <= set(os.listdir(desk))


def test_the_pages_that_run_are_many() -> None:
    assert README in PAGES and len(PAGES) >= 15
    assert MADE.keys() <= {page.name for page in PAGES}


def test_python_in_the_readme(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks(README, "python")
    exec(compile(example, str(README), "exec"), {})
    answer, *ranked = capsys.readouterr().out.splitlines()
    assert answer.split(" - ")[0] == "middle"
    assert [line.split()[0] for line in ranked][0] == "middle" and len(ranked) == 3


def test_python_in_the_page_on_the_library(
    desk: Path, tiny: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    give_tags(desk, tiny)
    Path("Music/song.mp3").write_bytes(Path("song.mp3").read_bytes())
    names: dict[str, object] = {}
    page = USE / "python.md"
    start = page.read_text(encoding="utf-8").index("\n## The library")
    examples = [
        each for each in blocks(page, "python") if page.read_text(encoding="utf-8").index(each) > start
    ]
    assert len(examples) == 3
    for example in examples:
        exec(compile(example, str(page), "exec"), names)
    printed = capsys.readouterr().out
    assert "written" in printed and "Music/song.mp3 middle" in printed
    assert "('mood', ('calm',))" in printed and "song.mp3 middle (TagScore(" in printed
    assert Path("map.html").stat().st_size


@pytest.mark.data
def test_the_output_in_the_readme(data_dir: Path) -> None:
    table = next(block for block in blocks(README) if block.startswith("$ genrelab recognize Music"))
    recognizer = Recognizer.load()
    shown_genres, found = {}, {}
    for line in table.splitlines()[2:]:
        name, _, genre, *_ = line.split()
        stem = Path(name).stem
        shown_genres[stem] = genre.rstrip(":")
        found[stem] = recognizer(data_dir / "gtzan-clips" / stem / f"{stem}.00000.flac").genre
    assert found == shown_genres and len(found) == 10
