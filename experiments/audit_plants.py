"""Copies of real clips to plant in a corpus, for audit.py."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from genrelab.audio.decode import decode
from genrelab.audio.encode import mp3_rate, write_mp3
from genrelab.audio.resample import resample
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.types import Clip, Corpus, Waveform

SECONDS, CUT, SHORT_CUT = 30.0, 10.0, 2.5
COLLECTIONS = ("emotify", "allmusic-previews")


class Sound(NamedTuple):
    """A waveform `[channels, samples]` to write to a file."""

    waveform: Waveform
    rate: int
    bitrate: int | None = None  # of MP3, in kbit/s; None writes FLAC
    begin: float = 0.0  # start within the original, in seconds


Change = Callable[[Sound, np.random.Generator], Sound]


def _cut(seconds: float) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        length = round(seconds * sound.rate)
        start = int(rng.integers(0, sound.waveform.shape[1] - length + 1))
        cut = sound.waveform[:, start : start + length]
        return sound._replace(waveform=cut, begin=start / sound.rate)

    return change


def _mp3(kilobits: int) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        rate = mp3_rate(sound.rate)
        return sound._replace(
            waveform=resample(sound.waveform, sound.rate, rate), rate=rate, bitrate=kilobits
        )

    return change


def _gain(decibels: float) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        louder = sound.waveform * np.float32(10 ** (decibels / 20))
        return sound._replace(waveform=np.clip(louder, -1, 1))

    return change


def _speed(percent: float) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        rate = sound.rate * (1 + percent / 100)
        faster = soxr.resample(sound.waveform.T, rate, sound.rate, quality="HQ")
        return sound._replace(waveform=np.ascontiguousarray(faster.T))

    return change


def _noise(decibels: float) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        power = float(np.mean(np.square(sound.waveform, dtype=np.float64)))
        spread = (power * 10 ** (-decibels / 10)) ** 0.5
        return sound._replace(
            waveform=sound.waveform + rng.normal(0, spread, sound.waveform.shape).astype(np.float32)
        )

    return change


def _rate(rate: int) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        return sound._replace(waveform=resample(sound.waveform, sound.rate, rate), rate=rate)

    return change


# Name -> the changes in order, and the kind of pair that the audit should report.
PLANTS: dict[str, tuple[tuple[Change, ...], str]] = {
    "exact copy of the file": ((), "same file"),
    "same samples, another format": ((), "same samples"),
    "MP3, 64 kbit/s": ((_mp3(64),), "same recording"),
    "gain -12 dB": ((_gain(-12),), "same recording"),
    "gain +6 dB, clipped": ((_gain(6),), "same recording"),
    "16 kHz": ((_rate(16_000),), "same recording"),
    "cut, 10 s": ((_cut(CUT),), "other cut"),
    "cut, 10 s, -6 dB, MP3 64 kbit/s": ((_cut(CUT), _gain(-6), _mp3(64)), "other cut"),
    "cut, 2.5 s": ((_cut(SHORT_CUT),), "other cut"),
    "cut, 2.5 s, MP3 64 kbit/s": ((_cut(SHORT_CUT), _mp3(64)), "other cut"),
    "speed +1 %": ((_speed(1),), "other speed"),
    "speed -1 %": ((_speed(-1),), "other speed"),
    "speed +2 %": ((_speed(2),), "other speed"),
    "speed -2 %": ((_speed(-2),), "other speed"),
    "noise, 20 dB below": ((_noise(20),), "same recording"),
    "noise, 10 dB below": ((_noise(10),), "same recording"),
}


class Planted(NamedTuple):
    """A corpus with planted copies."""

    corpus: Corpus
    origin: dict[str, str]  # clip id -> id of the original clip
    plant: dict[str, str]  # id of a planted clip -> its name in PLANTS
    begin: dict[str, float]  # clip id -> start within the original, in seconds


def half_of(clip: Clip) -> str:
    """Return the half that a clip belongs to; all clips of an artist belong to one half."""
    digest = hashlib.sha256((artist_key(clip.artist) or clip.id).encode()).digest()
    return "choose" if digest[0] % 2 else "measure"


def plant(table: Path, folder: Path, *, half: str, originals: int, distractors: int, seed: int) -> Planted:
    """Write originals and planted copies into a folder."""
    rng = np.random.default_rng(seed)
    long = _half(table, COLLECTIONS, half)
    short = _half(table, ("gtzan-short",), half)
    chosen = [long[i] for i in rng.permutation(len(long))[: originals + distractors]]
    short = [short[i] for i in rng.permutation(len(short))[: originals + distractors]]
    planted = Planted(Corpus("planted", (), []), {}, {}, {})
    clips: list[Clip] = []

    def add(clip: Clip, path: Path, name: str | None = None, begin: float = 0.0) -> None:
        new = Clip(path.stem, path, None)
        clips.append(new)
        planted.origin[new.id], planted.begin[new.id] = clip.id, begin
        if name is not None:
            planted.plant[new.id] = name

    for number, clip in enumerate([*chosen, *short]):
        whole = Sound(*decode(file_of(clip), duration=SECONDS))
        path = folder / f"{number:04d}.flac"
        _write(path, whole)
        add(clip, path)
        is_short = number >= len(chosen)
        if (number - len(chosen) if is_short else number) >= originals:
            continue
        for place, (name, (changes, _)) in enumerate(PLANTS.items()):
            if is_short and ("cut" in name or "speed" in name):
                continue
            copy = folder / f"{number:04d}-{place:02d}.flac"
            sound = whole
            if name.startswith("exact"):
                shutil.copyfile(path, copy)
            elif name.startswith("same samples"):
                copy = copy.with_suffix(".wav")
                soundfile.write(copy, *soundfile.read(path, dtype="int16"))
            else:
                for change in changes:
                    sound = change(sound, rng)
                copy = copy.with_suffix(".mp3" if sound.bitrate else ".flac")
                _write(copy, sound)
            add(clip, copy, f"{name} (of 2 to 3 s)" if is_short else name, sound.begin)
    return planted._replace(corpus=Corpus("planted", (), clips))


def _half(table: Path, collections: tuple[str, ...], half: str) -> list[Clip]:
    corpus = load_corpus(f"table:{table}?corpus={','.join(collections)}")
    return [clip for clip in corpus.clips if half_of(clip) == half]


def file_of(clip: Clip) -> Path:
    """Return the file of a clip."""
    if clip.path is None:
        raise ValueError(f"{clip.id} has no file")
    return clip.path


def _write(path: Path, sound: Sound) -> None:
    if sound.bitrate is not None:
        write_mp3(path, sound.waveform, sound.rate, bitrate=sound.bitrate)
    else:
        soundfile.write(path, np.clip(sound.waveform.T, -1, 1), sound.rate, subtype="PCM_16")
