"""Decoder for formats that only FFmpeg reads: AAC, WMA, DSD, the sound of video files, unusual FLAC files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, islice
from typing import Any

import av
import av.error
import numpy as np

from genrelab.audio.channels import Waveform
from genrelab.audio.containers.window import ReadableFile, open_binary
from genrelab.audio.decoders.quiet_file import QuietFile
from genrelab.audio.decoders.source import AGAIN, AudioInfo
from genrelab.audio.decoders.truncation import find_cut
from genrelab.audio.decoders.uniform import Piece, make_uniform, to_float
from genrelab.audio.flaws import Cut, Flaws, clearly_short
from genrelab.errors import AudioError, UnsupportedFormatError

# Only media containers: playlists (hls, concat, dash, image sequences) would make FFmpeg open other files or
# the network.
_CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,asf_o,au,avi,bonk,caf,dsf,dts,dtshd,eac3,flac,flv,iff,ircam,loas,matroska,webm,"
    "mlp,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpc,mpc8,mpeg,mpegts,mxf,nistsphere,nut,ogg,oma,osq,qoa,rka,rm,shn,sox,"
    "tak,truehd,tta,voc,vqf,w64,wav,wavarc,wsd,wv,xwma"
)
_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
# AAC frames overlap, and spectral band replication depends on several earlier frames.
_WARM_UP_SECONDS = 0.5
# FFmpeg ends a list of up to this many planes with a null pointer; PyAV finds no end of a longer one.
_MOST_PLANES = 8
_FIRST_FRAMES = 16  # whose most common sample rate and channels become those of the file
# Formats whose header states the number of samples.
_COUNTING = {"mov", "tta", "wv", "ape", "mpc", "mpc8", "tak", "dsf"}
# Formats whose header states the length of the longest stream.
_TIMED = {"matroska", "asf"}
# A longer jump of the time stamps means missing sound; a shorter one is rounding.
_JUMP_SECONDS = 0.15
_LONGEST_JUMP_SECONDS = 3600.0
_PAUSING = {"opus", "amr_nb", "amr_wb"}  # codecs that leave out silence
_MOST_RETRIES = 100  # of a demuxer that gave up


class NotOpenedError(AudioError):
    """FFmpeg does not recognize the format of the file."""


class PyAvSource:
    """The default audio stream of a file that FFmpeg reads.

    Parameters
    ----------
    path : ReadableFile
    flaws : Flaws or None
        Collects damage. None means that clear damage is an error.
    """

    knows_its_end = False

    def __init__(self, path: ReadableFile, flaws: Flaws | None = None) -> None:
        self._path = path
        self._strict = flaws is None
        self.flaws = Flaws() if flaws is None else flaws
        self._lost = Fraction(0)
        self._file = open_binary(path)
        self._bytes: Any = QuietFile(self._file)
        self.size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> None:
        try:
            self._container = av.open(self._bytes, "r", options=_OPTIONS, metadata_errors="replace")
        except av.error.FFmpegError as error:
            raise NotOpenedError(
                f"{self._path} is not a sound file that can be read ({error.strerror}). If no player "
                "opens it either, get or encode it again.",
                code="audio-not-recognized",
            ) from error
        self.container = str(self._container.format.name)
        stream = self._stream = self._choose_stream()
        self._decoded = 0
        self._frames = self._decode()
        begun = list(islice(self._frames, _FIRST_FRAMES))
        if not begun:
            raise AudioError(
                f"{self._path} has no sound that can be decoded: 0 s of {_seconds(self._duration())}. "
                f"{AGAIN}",
                code="audio-undecodable",
            )
        shapes = Counter((frame.sample_rate, len(frame.layout.channels)) for frame in begun)
        self._shape = shapes.most_common(1)[0][0]
        self._origin = begun[0].pts or 0
        # MP4 lists every frame, and its time stamps usually count samples, so seeking is exact. Others round
        # or guess time stamps and are read from the beginning.
        kinds = set(self.container.split(","))
        listed = "mov" in kinds
        self._tick = stream.time_base * self._shape[0] if stream.time_base else Fraction(0)
        self.seekable = listed and 0 < self._tick <= 1
        exact = bool(kinds & _COUNTING) or (bool(kinds & _TIMED) and not self._container.streams.video)
        self.declared_seconds = self._duration() if exact else None
        self.info = AudioInfo(
            self._path, *self._shape, self._duration(), stream.codec_context.codec.canonical_name
        )
        self._begun: list[av.AudioFrame] | None = begun  # until `read` uses them

    def _choose_stream(self) -> Any:
        """Return the audio stream that is flagged as default, else the first that can be decoded."""
        streams = self._container.streams.audio
        if not streams:
            raise AudioError(
                f"{self._path} has no audio stream. Choose another file.", code="audio-no-stream"
            )
        usable = [stream for stream in streams if stream.codec_context is not None]
        if not usable:
            raise UnsupportedFormatError(
                f"{self._path} cannot be read: unsupported audio codec. Convert it to FLAC or MP3 first.",
                code="audio-codec-unsupported",
            )
        return next((stream for stream in usable if _is_default(stream)), usable[0])

    def _duration(self) -> float | None:
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        whole = self._container.duration
        return None if whole is None else whole / 1e6

    def find_cut(self) -> Cut | None:
        """See `Source.find_cut`."""
        return find_cut(self._path)

    def has_damage(self) -> bool:
        """See `Source.has_damage`."""
        return False

    def tally(self, seconds: float) -> tuple[float, float]:
        """See `Source.tally`."""
        expected = self.declared_seconds or seconds + float(self._lost)
        return seconds, expected if clearly_short(seconds, expected) else seconds

    def read(self, first: int, count: int | None, block: int) -> Iterator[Waveform]:
        """Yield samples; see `Source.read`."""
        rate = self._shape[0]
        held: list[Waveform] = []
        done = given = 0
        for start, waveform in self._positioned(first):
            begin = max(first - start, 0)
            end = waveform.shape[1] if count is None else min(waveform.shape[1], first + count - start)
            if begin < end:
                held.append(waveform[:, begin:end])
                done += end - begin
            if done - given >= block:
                yield np.concatenate(held, axis=1)
                held, given = [], done
            if count is not None and done >= count:
                break
        if held:
            yield np.concatenate(held, axis=1)
        self._check_read()
        lost = float(self._lost)
        if self._strict and clearly_short(done / rate, done / rate + lost):
            raise AudioError(
                f"{self._path} is damaged: {done / rate:.1f} s of {done / rate + lost:.1f} s could be "
                f"decoded. {AGAIN}",
                code="audio-damaged",
            )

    def _positioned(self, first: int) -> Iterator[tuple[int, Waveform]]:
        """Yield the number of a first sample and decoded sound, beginning before `first`."""
        target = first - int(_WARM_UP_SECONDS * self.info.sample_rate)
        position = 0
        begun, self._begun = self._begun or [], None
        if self.seekable and (target > 0 or not begun):
            self._container.seek(self._origin + int(max(0, target) / self._tick), stream=self._stream)
            self._frames = self._decode()
            begun = list(islice(self._frames, 1))
            if begun and begun[0].pts is not None:
                position = round((begun[0].pts - self._origin) * self._tick)
            self._decoded = position
        found = (self._piece(frame) for frame in chain(begun, self._frames))
        pieces = (piece for piece in found if piece is not None)
        for waveform in make_uniform(pieces, *self._shape):
            yield position, waveform
            position += waveform.shape[1]

    def _decode(self) -> Iterator[av.AudioFrame]:
        """Decode from the current position; collect what cannot be decoded."""
        expected: Fraction | None = None
        pausing = self._stream.codec_context.name in _PAUSING
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                if isinstance(error, MemoryError):
                    raise
                self._lose((packet.duration or 0) * (packet.time_base or Fraction(0)))
                expected = None
                continue
            for frame in frames:
                begin = None if frame.pts is None or not frame.time_base else frame.pts * frame.time_base
                if expected is not None and begin is not None and not pausing:
                    jump = begin - expected
                    if _JUMP_SECONDS < jump < _LONGEST_JUMP_SECONDS:
                        self._lose(jump)
                yield frame
                self._decoded += frame.samples
                expected = None if begin is None else begin + Fraction(frame.samples, frame.sample_rate)

    def _packets(self) -> Iterator[Any]:
        """Yield packets; retry when the demuxer gives up."""
        retries = 0
        while True:
            came = False
            try:
                for packet in self._container.demux(self._stream):
                    came = True
                    yield packet
                return
            except av.error.FFmpegError as error:
                self._check_read(error)
                if self._strict:
                    raise AudioError(
                        f"{self._path} is cut off or damaged ({error.strerror}). {AGAIN}",
                        code="audio-damaged",
                    ) from error
                self._lose(Fraction(0))
                retries += 1
                if not came or retries > _MOST_RETRIES:
                    return

    def _check_read(self, error: Exception | None = None) -> None:
        """Raise the error of the system if the file could not be read."""
        if self._bytes.error is not None:
            raise AudioError(
                f"{self._path} cannot be read: {self._bytes.error.strerror}", code="audio-unreadable"
            ) from error

    def _lose(self, seconds: Fraction) -> None:
        self._lost += seconds
        self.flaws.add_damage(self._decoded / (self._stream.rate or 1))

    def _piece(self, frame: av.AudioFrame) -> Piece | None:
        """Return a frame's sound; None for a damaged frame with too many channels."""
        channels = len(frame.layout.channels)
        if frame.format.is_planar and channels > _MOST_PLANES:
            if not self._strict and self._shape[1] <= _MOST_PLANES:
                self._lose(Fraction(frame.samples, frame.sample_rate))
                return None
            raise AudioError(
                f"{self._path} has {channels} channels; at most {_MOST_PLANES} can be read. If it has fewer, "
                "its header is damaged. Mix it down or encode it again.",
                code="audio-channels",
            )
        return Piece(frame.sample_rate, to_float(frame))

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        self._file.close()


def _is_default(stream: Any) -> bool:
    return bool(int(getattr(stream, "disposition", 0)) & 1)  # AV_DISPOSITION_DEFAULT


def _seconds(duration: float | None) -> str:
    return "an unknown length" if duration is None else f"{duration:.1f} s"
