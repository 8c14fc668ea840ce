from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from raising import raises

from genrelab.lab.corpora import load_corpus


def write_tone(path: Path, *, hertz: float = 440.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds = np.arange(1600) / 8000
    sf.write(path, 0.3 * np.sin(2 * np.pi * hertz * seconds), 8000)
    return path


@pytest.fixture
def music(tmp_path: Path) -> Path:
    root = tmp_path / "My Music"
    write_tone(root / "jazz" / "b.wav")
    write_tone(root / "jazz" / "album" / "disc 1" / "a.FLAC")
    write_tone(root / "blues" / "c.ogg")
    return root


def test_reads_nested_albums_in_a_stable_order(music: Path) -> None:
    corpus = load_corpus(f"folder:{music}")
    assert [(clip.id, clip.genre) for clip in corpus.clips] == [
        ("blues/c.ogg", "blues"),
        ("jazz/b.wav", "jazz"),
        ("jazz/album/disc 1/a.FLAC", "jazz"),
    ]
    assert corpus.genres == ["blues", "jazz"]
    assert corpus.name == "my-music"
    assert all(clip.artist is None and clip.path is not None and clip.path.is_file() for clip in corpus.clips)


def test_passes_over_hidden_and_foreign_files(music: Path) -> None:
    before = load_corpus(f"folder:{music}").clips
    write_tone(music / "jazz" / "._b.wav")
    write_tone(music / "jazz" / ".trash" / "d.wav")
    write_tone(music / ".rock" / "e.wav")
    write_tone(music / "loose.wav")
    (music / "jazz" / "cover.jpg").write_bytes(b"x")
    (music / "booklets").mkdir()
    (music / "booklets" / "text.txt").write_text("x")
    corpus = load_corpus(f"folder:{music}")
    assert corpus.clips == before
    assert corpus.genres == ["blues", "jazz"]


@pytest.mark.parametrize("target", [".", "..", "../..", "album"])
def test_survives_links_that_lead_back(music: Path, target: str) -> None:
    before = load_corpus(f"folder:{music}").clips
    (music / "blues" / "loop").symlink_to(music / "blues" / target, target_is_directory=True)
    (music / "loop").symlink_to(music, target_is_directory=True)
    (music / "blues" / "itself.wav").symlink_to("itself.wav")
    assert load_corpus(f"folder:{music}").clips == before


def test_follows_links_to_music_elsewhere(music: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "disk" / "d.wav")
    (music / "rock").symlink_to(tmp_path / "disk", target_is_directory=True)
    assert load_corpus(f"folder:{music}").by_id()["rock/d.wav"].genre == "rock"


def test_a_file_reached_on_two_ways_is_one_clip(music: Path) -> None:
    (music / "jazz" / "z.wav").symlink_to(music / "jazz" / "b.wav")
    corpus = load_corpus(f"folder:{music}")
    assert len(corpus.clips) == 3
    assert corpus.skipped == {"jazz/z.wav": "the same file as jazz/b.wav"}


def test_one_genre_is_not_enough(tmp_path: Path) -> None:
    write_tone(tmp_path / "jazz" / "a.wav")
    with raises("folder-too-few-genres", tmp_path, "'jazz'"):
        load_corpus(f"folder:{tmp_path}")


def test_says_what_is_wrong_with_the_path(tmp_path: Path) -> None:
    file = write_tone(tmp_path / "a.wav")
    with raises("corpus-not-a-folder", file):
        load_corpus(f"folder:{file}")
    with raises("corpus-path-missing", tmp_path / "nowhere"):
        load_corpus(f"folder:{tmp_path / 'nowhere'}")
    with raises("corpus-path-not-given", "folder:"):
        load_corpus("folder:")
