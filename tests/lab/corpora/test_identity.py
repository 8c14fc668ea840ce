"""Which recording a clip is: by id, file and part of it; neither place, nor label, nor change of sound."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from genrelab.lab.corpora.identity import collection_key, recording_keys
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.transforms.sound_changes import HighPass, Loudness
from genrelab.lab.corpora.transforms.transformed_corpus import derive, original_renderer
from genrelab.lab.corpora.types import Clip, Corpus


def test_keys_tell_recordings_apart_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"12345")
    (tmp_path / "longer.wav").write_bytes(b"123456")
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.copy(tmp_path / "a.wav", tmp_path / "elsewhere" / "b.wav"))
    clip = Clip("a", tmp_path / "a.wav", "jazz", "Ann", 1.0, 2.0)

    def key(**changes: object) -> str:
        changed = dataclasses.replace(clip, **changes)  # type: ignore[arg-type]
        return recording_keys(Corpus("x", ("jazz", "rock"), [changed]))[changed.id]

    assert key() == key(path=moved) == key(genre="rock") == key(artist=None) == key(start=1)
    others = [
        key(),
        key(id="b"),
        key(path=tmp_path / "longer.wav"),
        key(path=tmp_path / "absent.wav"),
        key(start=1.5),
        key(duration=None),
    ]
    assert len(set(others)) == len(others)
    assert recording_keys(Corpus("x", ("jazz",), [dataclasses.replace(clip, genre=None)])) == {}


def test_changed_sound_is_the_same_recording_and_other_music_is_not() -> None:
    corpus = load_corpus("synthetic:tracks=3,seconds=1")
    keys = recording_keys(corpus)
    changed = derive(derive(corpus, HighPass(30.0)), Loudness(-20.0))
    assert recording_keys(changed) == keys and original_renderer(changed) == corpus.renderer
    assert collection_key(recording_keys(changed)) == collection_key(keys)
    other = recording_keys(load_corpus("synthetic:tracks=3,seconds=1,seed=1"))
    assert other.keys() == keys.keys() and not set(other.values()) & set(keys.values())
    assert collection_key(other) != collection_key(keys)
    fewer = {key: value for key, value in keys.items() if not key.endswith("0002")}
    assert collection_key(fewer) != collection_key(keys)
