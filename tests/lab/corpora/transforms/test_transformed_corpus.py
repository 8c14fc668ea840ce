"""Collections with changed sound: what stays, what changes, against outside references."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from scipy import signal

from genrelab.audio.decode import decode
from genrelab.audio.encode import write_mp3
from genrelab.errors import AudioError, CorpusError, RecipeError
from genrelab.lab.corpora import load_corpus, make_split
from genrelab.lab.corpora.transforms.sound_changes import (
    SOUND_CHANGES,
    HighPass,
    Loudness,
    Mp3,
    PitchShift,
    SoundChange,
    TimeStretch,
    sound_change,
)
from genrelab.lab.corpora.transforms.transformed_corpus import changes_of, derive, original_name
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.training.store.audio_store import open_store, sound_key

RATE = 22050


def tone(hz: float, *, seconds: float = 1.0, rate: int = RATE, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pitch(waveform: np.ndarray, rate: int = RATE) -> float:
    """The strongest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(waveform.size), 8 * waveform.size))
    return float(np.argmax(spectrum)) * rate / (8 * waveform.size)


@pytest.fixture
def files(tmp_path: Path) -> Corpus:
    """Two genres of three files each; the first file of a genre is two clips."""
    rows = ["path,genre,clip_id,start,duration,artist"]
    for number, genre in enumerate(["low"] * 3 + ["high"] * 3):
        hz = (200 if genre == "low" else 2000) + 30 * number
        channels = [tone(hz, seconds=0.8), tone(1.5 * hz, seconds=0.8)][: 1 + number % 2]
        soundfile.write(tmp_path / f"{number}.wav", np.stack(channels, axis=1), RATE)
        whole = f"{number}.wav,{genre},c{number}"
        rows += (
            [f"{whole}a,0,0.4,Ann", f"{whole}b,0.4,0.4,Ann"] if number % 3 == 0 else [f"{whole},,,A{number}"]
        )
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    return load_corpus(f"table:{tmp_path / 'clips.csv'}")


def test_everything_but_the_sound_stays(files: Corpus) -> None:
    changed = derive(files, Loudness(-30.0))
    assert changed.name == f"{files.name}-loudness--30"
    assert (changed.genres, changed.clips, changed.licence) == (files.genres, files.clips, files.licence)
    for kind in ("random:50/0/50", "random:34/33/33"):
        ours, theirs = make_split(changed, kind, seed=3), make_split(files, kind, seed=3)
        assert ours == theirs, "clips of one file stay together, and the checks look at files"
    twice = derive(changed, Mp3())
    assert original_name(twice) == original_name(changed) == original_name(files) == files.name
    assert [change.name for change in changes_of(twice)] == ["loudness--30", "mp3-128"]
    assert changes_of(files) == ()


def test_the_store_holds_the_changed_sound_and_is_made_once(files: Corpus, cache: Path) -> None:
    changed = derive(files, Loudness(-30.0))
    calls: list[tuple[int, int]] = []

    def open_it(corpus: Corpus) -> Path:
        return open_store(corpus, sample_rate=RATE, channels=1, report=lambda *at: calls.append(at)).folder

    first = open_it(changed)
    assert len(calls) == len(files.clips)
    assert open_it(derive(files, Loudness(-30.0))) == first and len(calls) == len(files.clips)
    store = open_store(changed, sample_rate=RATE, channels=1)
    for clip in files.clips:
        assert clip.path is not None
        sound, _ = decode(clip.path, start=clip.start or 0.0, duration=clip.duration, channels=1)
        read = store.read(clip.id, 0, 10**6)
        assert read.shape == sound.shape
        assert 20 * np.log10(np.sqrt(np.mean(read**2))) == pytest.approx(-30.0, abs=0.05)
        assert np.corrcoef(read[0], sound[0])[0, 1] > 0.999
    assert {first, open_it(derive(files, Loudness(-31.0))), open_it(files)} == set(
        (cache / "stores").iterdir()
    )
    path = files.clips[0].path
    assert path is not None
    os.utime(path, ns=(1, 1))
    assert open_it(changed) != first, "a file that was written anew is heard anew"


def test_the_sound_key_knows_files_and_changes(files: Corpus, tmp_path: Path) -> None:
    def key(corpus: Corpus) -> str:
        return sound_key(corpus, sample_rate=RATE, channels=1)

    class Newer(Loudness):
        version = 2

    changed = derive(files, Loudness(-30.0))
    renamed = dataclasses.replace(files, name="other")
    assert key(changed) == key(derive(renamed, Loudness(-30.0)))
    longer = [dataclasses.replace(files.clips[0], duration=0.1), *files.clips[1:]]
    others = [
        files,
        derive(files, Loudness(-29.0)),
        derive(files, HighPass(20.0)),
        derive(derive(files, HighPass(20.0)), Loudness(-30.0)),
        derive(derive(files, Loudness(-30.0)), HighPass(20.0)),
        derive(dataclasses.replace(files, clips=longer), Loudness(-30.0)),
        derive(files, Newer(-30.0)),
    ]
    assert len({key(corpus) for corpus in (changed, *others)}) == 1 + len(others)


def test_mp3_is_made_of_the_file_and_not_of_what_the_recipe_hears(tmp_path: Path) -> None:
    """At the file's rate and channels, also behind another change; then it is resampled and mixed."""
    sound = np.stack([tone(330, rate=44100), tone(880, rate=44100)])
    soundfile.write(tmp_path / "a.wav", sound.T, 44100)
    (tmp_path / "clips.csv").write_text("path,genre\na.wav,x\n")
    corpus = load_corpus(f"mp3@bitrate=320:table:{tmp_path / 'clips.csv'}")
    assert corpus.renderer is not None, "320 kbit/s are not known below 32 kHz"
    got = corpus.renderer(corpus.clips[0], 8000, 1)
    stored, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    write_mp3(tmp_path / "a.mp3", stored.T, 44100, bitrate=320)
    expected, _ = decode(tmp_path / "a.mp3", sample_rate=8000, channels=1)
    np.testing.assert_allclose(got, expected[:, : got.shape[1]], atol=1e-4)
    assert got.shape == (1, 8000)
    for spec in ("loudness:mp3@bitrate=320", "mp3@bitrate=320:loudness"):
        both = load_corpus(f"{spec}:table:{tmp_path / 'clips.csv'}")
        assert both.renderer is not None
        assert both.renderer(both.clips[0], 8000, 2).shape == (2, 8000)


def test_a_generated_corpus_is_changed_too() -> None:
    plain = load_corpus("synthetic:tracks=3,seconds=1")
    changed = load_corpus("mp3@bitrate=32:synthetic:tracks=3,seconds=1")
    assert plain.renderer is not None and changed.renderer is not None
    before, after = (each.renderer(plain.clips[0], RATE, 2) for each in (plain, changed))  # type: ignore[misc]
    assert before.shape == after.shape and 0.8 < np.corrcoef(before[0], after[0])[0, 1] < 0.9999
    assert changed.name == "synthetic-mp3-32"
    assert dict(changed.published_splits) == dict(plain.published_splits)


def test_tempo_and_pitch_are_changed_one_by_one() -> None:
    """Against librosa, and against what the words mean."""
    sound = np.stack([tone(440.0), tone(660.0)])
    faster = TimeStretch(1.25)(sound, RATE)
    np.testing.assert_array_equal(faster, librosa.effects.time_stretch(sound, rate=1.25))
    assert faster.shape == (2, round(RATE / 1.25)) and faster.dtype == np.float32
    slower = TimeStretch(0.85)(sound, RATE)
    assert slower.shape == (2, round(RATE / 0.85))
    assert pitch(faster[1]) == pytest.approx(660.0, abs=2) and pitch(slower[0]) == pytest.approx(440.0, abs=2)
    for semitones in (2.0, -1.0):
        shifted = PitchShift(semitones)(sound, RATE)
        assert shifted.shape == sound.shape and shifted.dtype == np.float32
        assert pitch(shifted[0]) == pytest.approx(440.0 * 2 ** (semitones / 12), abs=2)
        np.testing.assert_array_equal(shifted, librosa.effects.pitch_shift(sound, sr=RATE, n_steps=semitones))


def test_high_pass_takes_what_no_ear_hears_and_nothing_else() -> None:
    low, high = tone(5.0, seconds=4.0), tone(100.0, seconds=4.0)
    filtered = HighPass(20.0)((low + high)[None], RATE)
    middle = slice(RATE, -RATE)
    np.testing.assert_allclose(filtered[0, middle], high[middle], atol=1e-3)
    offset = HighPass(20.0)(np.full((2, RATE), 0.5, np.float32), RATE)
    assert np.abs(offset).max() < 1e-3
    sections = signal.butter(8, 20.0, "highpass", fs=RATE, output="sos")
    _, response = signal.sosfreqz(sections, [20.0, 10.0, 40.0], fs=RATE)
    for hz, gain in zip((20.0, 10.0, 40.0), np.abs(response) ** 2, strict=True):
        sent = tone(hz, seconds=6.0)
        got = HighPass(20.0)(sent[None], RATE)[0]
        inside = slice(2 * RATE, -2 * RATE)
        assert np.std(got[inside]) / np.std(sent[inside]) == pytest.approx(float(gain), abs=2e-3)
    assert HighPass(20.0)(tone(100.0)[None, :1], RATE).shape == (1, 1)
    with pytest.raises(AudioError, match="nothing above 30000 Hz.*below 11025"):
        HighPass(30000.0)(high[None], RATE)


def test_loudness_is_one_and_nothing_is_clipped() -> None:
    sound = np.stack([tone(440.0, level=0.01), tone(660.0, level=0.05)])
    louder = Loudness(-20.0)(sound, RATE)
    assert np.sqrt(np.mean(louder.astype(np.float64) ** 2)) == pytest.approx(0.1)
    np.testing.assert_allclose(louder / louder.max(), sound / sound.max(), atol=1e-6)
    clicks = np.zeros((1, RATE), np.float32)
    clicks[0, ::5000] = 0.5
    assert np.abs(Loudness(-10.0)(clicks, RATE)).max() == pytest.approx(1.0)
    silence = np.zeros((1, 10), np.float32)
    np.testing.assert_array_equal(Loudness(-10.0)(silence, RATE), silence)


@pytest.mark.parametrize(
    ("change", "name"),
    [(Mp3(), "mp3-128"), (TimeStretch(0.85), "time-stretch-0.85"), (PitchShift(-1), "pitch-shift--1")],
)
def test_a_change_names_itself(change: SoundChange, name: str) -> None:
    assert change.name == name
    assert change.kind in SOUND_CHANGES.names()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mp4@bitrate=64", "unknown change of sound 'mp4'; did you mean 'mp3'"),
        ("mp3@bitrat=64", "no option 'bitrat'; did you mean 'bitrate'"),
        ("mp3@64", "key=value, not '64'"),
        ("mp3@bitrate=64,bitrate=32", "once each"),
        ("mp3@bitrate=100", r"does not know 100 kbit/s; take one of 8, .* 96, 112"),
        ("mp3@bitrate=high", "valid integer"),
        ("time-stretch", "needs the option.* factor"),
        ("time-stretch@factor=0", "greater than or equal to 0.1"),
        ("pitch-shift@semitones=nan", "finite"),
        ("high-pass@hz=-5", "greater than 0"),
        ("loudness@decibels=3", "less than or equal to 0"),
    ],
)
def test_wrong_changes_are_told_with_the_remedy(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        sound_change(text)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("time-strech@factor=2:synthetic", "Did you mean time-stretch"),
        ("mp3@bitrate=65:synthetic", "mp3@bitrate=65:synthetic: MP3 does not know 65"),
        ("mp3", "say of which one, such as mp3:gtzan"),
        ("mp3:gtzn:/data", "unknown corpus 'gtzn'.*Did you mean gtzan"),
    ],
)
def test_wrong_specs_are_told_with_the_remedy(spec: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        load_corpus(spec)


def test_a_path_with_an_at_sign_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "me@home"
    folder.mkdir()
    with pytest.raises(CorpusError, match="is a path alone"):
        load_corpus(str(folder))


def test_clips_that_cannot_be_changed_are_named(files: Corpus, cache: Path) -> None:
    with pytest.raises(CorpusError, match="22050 Hz .*320 kbit/s"):
        open_store(derive(files, Mp3(320)), sample_rate=RATE, channels=1)
