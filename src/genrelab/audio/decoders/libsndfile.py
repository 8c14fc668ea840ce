"""Decoder for formats that libsndfile reads: WAV, AU, FLAC, Ogg Vorbis, Opus, AIFF and more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import soundfile as sf

from genrelab.audio.channels import Waveform
from genrelab.audio.containers.ogg import survey_ogg
from genrelab.audio.containers.window import ReadableFile
from genrelab.audio.decoders.quiet_file import QuietFile
from genrelab.audio.decoders.source import AGAIN, AudioInfo
from genrelab.audio.decoders.truncation import find_cut
from genrelab.audio.flaws import Cut, Flaws
from genrelab.errors import AudioError, CutOffError

# Lossy decoders need earlier sound for an exact first sample: frames of Vorbis and Opus overlap (RFC 7845
# requires 80 ms).
_WARM_UP_SECONDS = 0.25
_LOSSY = {"VORBIS", "OPUS"}
# Seeking costs about as much as decoding this length, so a shorter gap is read.
_READ_ON_SECONDS = 0.5
_UNKNOWN_FRAMES = 1 << 48  # libsndfile returns the largest number for a FLAC file without a stated length


class SoundFileSource:
    """A file that libsndfile reads.

    Parameters
    ----------
    path : ReadableFile
    handle : soundfile.SoundFile
    flaws : Flaws or None
        Collects damage; FFmpeg continues where libsndfile gives up. None means that damage is an error.
    damaged_pages : tuple of int
        Positions of damaged pages of an Ogg file, as its codec counts.
    """

    knows_its_end = False

    def __init__(
        self,
        path: ReadableFile,
        handle: sf.SoundFile,
        flaws: Flaws | None,
        damaged_pages: tuple[int, ...] = (),
    ) -> None:
        self._handle = handle
        self._damaged_pages = damaged_pages
        self._reads_on = flaws is not None
        self.flaws = Flaws() if flaws is None else flaws
        self.size = path.stat().st_size
        self.seekable = bool(handle.seekable())
        self.declared_seconds = handle.frames / handle.samplerate
        self.info = AudioInfo(path, handle.samplerate, handle.channels, self.declared_seconds, _codec(handle))

    def find_cut(self) -> Cut | None:
        """See `Source.find_cut`."""
        return find_cut(self.info.path)

    def has_damage(self) -> bool:
        """See `Source.has_damage`."""
        return bool(self._damaged_pages)

    def tally(self, seconds: float) -> tuple[float, float]:
        """See `Source.tally`."""
        rate = 48_000 if self._handle.subtype == "OPUS" else self.info.sample_rate
        for position in self._damaged_pages:
            self.flaws.add_damage(position / rate)
        return seconds, self.declared_seconds

    def read(self, first: int, count: int | None, block: int) -> Iterator[Waveform]:
        """Yield samples; see `Source.read`."""
        handle = self._handle
        if first >= handle.frames:
            return
        end = handle.frames if count is None else min(handle.frames, first + count)
        position = first
        try:
            self._go(first)
            while position < end:
                samples = handle.read(min(block, end - position), dtype="float32", always_2d=True)
                if len(samples) == 0:
                    break
                position += len(samples)
                yield np.ascontiguousarray(samples.T)
        except sf.LibsndfileError as error:
            reason = error.error_string.removeprefix("Error : ").rstrip(".")
            if not self._reads_on:
                text = (
                    f"{self.info.path} is cut off or damaged: {self._good_seconds(position):.1f} s of "
                    f"{self.declared_seconds:.1f} s could be decoded ({reason}). {AGAIN}"
                )
                if self.find_cut() is None:
                    raise AudioError(text, code="audio-damaged") from error
                raise CutOffError(text) from error
            self.flaws.add_damage(self._good_seconds(position))
            self.flaws.add_message(reason)
        if position < end and self._reads_on:
            yield from self._read_on(position, end - position, block)

    def _read_on(self, position: int, count: int, block: int) -> Iterator[Waveform]:
        """Yield what FFmpeg decodes after the position where libsndfile gave up."""
        from genrelab.audio.decoders.pyav import PyAvSource

        try:
            other = PyAvSource(self.info.path, self.flaws)
        except AudioError:
            return  # nothing more can be read
        with closing(other):
            if (other.info.sample_rate, other.info.channels) == (self.info.sample_rate, self.info.channels):
                yield from other.read(position, count, block)

    def _go(self, first: int) -> None:
        """Move the decoder to a sample."""
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
        """Return where decoding fails after `position`, in steps of a tenth of a second."""
        step = max(1, self.info.sample_rate // 10)
        with suppress(sf.LibsndfileError), _open(self.info.path) as handle:
            handle.seek(position)
            while len(handle.read(step, dtype="float32")):
                position += step
        return position / self.info.sample_rate

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def open_soundfile(path: ReadableFile, flaws: Flaws | None = None) -> SoundFileSource | None:
    """Open a file with libsndfile; None if libsndfile rejects it or would not read it correctly."""
    try:
        handle = _open(path)
    except sf.LibsndfileError:
        return None
    # Its decoder of MPEG audio prints warnings.
    if handle.frames >= _UNKNOWN_FRAMES or handle.format == "MP3":
        handle.close()
        return None
    if handle.format != "OGG":
        return SoundFileSource(path, handle, flaws)
    survey = survey_ogg(path, checksums=flaws is not None)
    # libsndfile would read only the first of several recordings, and nothing if the last page is missing.
    if survey.chained or not handle.frames:
        handle.close()
        return None
    return SoundFileSource(path, handle, flaws, survey.damaged)


def _open(path: ReadableFile) -> sf.SoundFile:
    """Open by descriptor, because libsndfile interprets some file names."""
    if not isinstance(path, Path):
        return sf.SoundFile(QuietFile(path.open("rb")))
    return sf.SoundFile(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), closefd=True)


def _codec(handle: sf.SoundFile) -> str:
    return "flac" if handle.format == "FLAC" else str(handle.subtype).lower()
