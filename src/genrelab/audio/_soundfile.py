"""Decoder for what libsndfile reads: WAV, AU, FLAC, Ogg Vorbis, Opus, MP3, AIFF and more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile as sf

from genrelab.audio._frames import scan_mp3
from genrelab.audio._source import AudioInfo, Waveform
from genrelab.errors import AudioError

# Lossy decoders need some sound before the first sample that is right: MP3's bit reservoir reaches back
# over several frames, Vorbis and Opus overlap theirs (RFC 7845 asks for 80 ms).
_WARM_UP_SECONDS = 0.25
_LOSSY = {"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "VORBIS", "OPUS"}
# To seek costs about as much as to decode so much: over a shorter gap, reading on is cheaper.
_READ_ON_SECONDS = 0.5
_UNKNOWN_FRAMES = 1 << 48  # libsndfile puts the largest number where a FLAC does not state its length


class SoundFileSource:
    """A file that libsndfile reads."""

    def __init__(self, path: Path, handle: sf.SoundFile, seconds: float) -> None:
        self._handle = handle
        self.size = path.stat().st_size
        self.seekable = bool(handle.seekable())
        self.declared_seconds = seconds
        self.info = AudioInfo(path, handle.samplerate, handle.channels, seconds, _codec(handle))

    def read(self, first: int, count: int | None, block: int) -> Iterator[Waveform]:
        """Yield samples; see `Source.read`."""
        handle = self._handle
        if first >= handle.frames:
            return
        done = 0
        try:
            self._go(first)
            while count is None or done < count:
                samples = handle.read(
                    block if count is None else min(block, count - done), dtype="float32", always_2d=True
                )
                if len(samples) == 0:
                    break
                done += len(samples)
                yield np.ascontiguousarray(samples.T)
        except sf.LibsndfileError as error:
            raise AudioError(
                f"{self.info.path} is cut off or damaged: {self._good_seconds(first + done):.1f} s of "
                f"{self.declared_seconds:.1f} s could be decoded ({error.error_string}). "
                "Get or encode the file anew."
            ) from error

    def _go(self, first: int) -> None:
        """Bring the decoder to a sample's number."""
        handle, rate = self._handle, self.info.sample_rate
        warm_up = int(_WARM_UP_SECONDS * rate) if handle.subtype in _LOSSY else 0
        position = handle.tell()
        gap = first - position
        if not (warm_up if position else 0) <= gap <= _READ_ON_SECONDS * rate:
            gap = min(first, warm_up)
            handle.seek(first - gap)
        if gap:
            handle.read(gap, dtype="float32")

    def _good_seconds(self, position: int) -> float:
        """Find where decoding fails behind `position`, a block at most, in steps of a tenth of a second."""
        step = max(1, self.info.sample_rate // 10)
        with suppress(sf.LibsndfileError), _open(self.info.path) as handle:
            handle.seek(position)
            while len(handle.read(step, dtype="float32")):
                position += step
        return position / self.info.sample_rate

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def open_soundfile(path: Path) -> SoundFileSource | None:
    """Open a file with libsndfile; None if libsndfile refuses it or could not read it faithfully."""
    mp3 = scan_mp3(path)
    if mp3 is not None and (mp3.walk.cut or mp3.walk.junk or abs(mp3.missing) > 1):
        return None
    try:
        handle = _open(path)
    except sf.LibsndfileError:
        return None
    seconds = handle.frames / handle.samplerate
    faithful = handle.frames < _UNKNOWN_FRAMES
    if handle.format == "MP3":
        # Without a Xing header libsndfile guesses the length from the first frame, and reads no further
        # than it guessed: with a variable bit rate, half the music may be missing.
        faithful = mp3 is not None and (mp3.declared is not None or seconds >= mp3.seconds)
        if mp3 is not None and mp3.declared is None:
            seconds = mp3.seconds
    if not faithful:
        handle.close()
        return None
    return SoundFileSource(path, handle, seconds)


def _open(path: Path) -> sf.SoundFile:
    """Open by a descriptor, so that libsndfile reads nothing out of the name."""
    return sf.SoundFile(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), closefd=True)


def _codec(handle: sf.SoundFile) -> str:
    if handle.subtype.startswith("MPEG_LAYER"):
        return "mp3" if handle.subtype.endswith("_III") else "mp2"
    return "flac" if handle.format == "FLAC" else str(handle.subtype).lower()
