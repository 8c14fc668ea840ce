"""Decoder for what only FFmpeg reads: AAC, WMA, the sound of video files, odd MP3s and FLACs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np

from genrelab.audio._source import AudioInfo, Waveform
from genrelab.audio.truncation import clearly_short
from genrelab.errors import AudioError

# Only plain media containers: playlists and lists of files (hls, concat, dash, image sequences) would make
# FFmpeg open further files or the network.
_CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpc,"
    "mpc8,mpeg,mpegts,ogg,rm,tak,tta,w64,wav,wv"
)
_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
# AAC overlaps its frames, and spectral band replication has a memory of some frames.
_WARM_UP_SECONDS = 0.5
# FFmpeg ends a list of up to so many planes with a null pointer; of a longer one PyAV does not find the end.
_MOST_PLANES = 8
# Integer samples by type: the value of silence, and full scale.
_SCALES = {
    "uint8": (128.0, 2.0**7),
    "int16": (0.0, 2.0**15),
    "int32": (0.0, 2.0**31),
    "int64": (0.0, 2.0**63),
}


class PyAvSource:
    """A file that FFmpeg reads; its first audio stream."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lost = Fraction(0)
        self._file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), "rb")
        self.size = os.fstat(self._file.fileno()).st_size
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> None:
        try:
            self._container = av.open(self._file, "r", options=_OPTIONS, metadata_errors="replace")
        except av.error.FFmpegError as error:
            raise AudioError(
                f"{self._path} is not a sound file that can be read ({error.strerror}). "
                "Check that it opens in a player; else get or encode it anew."
            ) from error
        if not self._container.streams.audio:
            raise AudioError(f"{self._path} holds no audio stream. Choose a file with sound.")
        stream = self._stream = self._container.streams.audio[0]
        self._frames = self._decode()
        first = next(self._frames, None)
        if first is None:
            raise AudioError(
                f"{self._path} holds no sound that can be decoded: 0 s of {_seconds(self._duration())}. "
                "Get or encode the file anew."
            )
        self._origin = first.pts or 0
        self._shape = (first.sample_rate, len(first.layout.channels))
        # MP4 and its kin list every frame, and their time stamps usually count samples: one can seek. Other
        # containers round time stamps or guess them, and are read from the beginning to be exact.
        listed = "mov" in self._container.format.name.split(",")
        self._tick = stream.time_base * first.sample_rate if stream.time_base else Fraction(0)
        self.seekable = listed and 0 < self._tick <= 1
        self.declared_seconds = self._duration() if listed else None
        self.info = AudioInfo(
            self._path, *self._shape, self._duration(), stream.codec_context.codec.canonical_name
        )
        self._first: av.AudioFrame | None = first  # until it is read

    def _duration(self) -> float | None:
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        whole = self._container.duration
        return None if whole is None else whole / 1e6

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
        lost = float(self._lost)
        if clearly_short(done / rate, done / rate + lost):
            raise AudioError(
                f"{self._path} is damaged: {done / rate:.1f} s of {done / rate + lost:.1f} s could be "
                "decoded. Get or encode the file anew."
            )

    def _positioned(self, first: int) -> Iterator[tuple[int, Waveform]]:
        """Yield decoded frames with the number of their first sample, from before `first` on."""
        target = first - int(_WARM_UP_SECONDS * self.info.sample_rate)
        position = 0
        frame, self._first = self._first, None
        if self.seekable and (target > 0 or frame is None):
            self._container.seek(self._origin + int(max(0, target) / self._tick), stream=self._stream)
            self._frames = self._decode()
            frame = next(self._frames, None)
            if frame is not None and frame.pts is not None:
                position = round((frame.pts - self._origin) * self._tick)
        while frame is not None:
            waveform = self._waveform(frame)
            yield position, waveform
            position += waveform.shape[1]
            frame = next(self._frames, None)

    def _decode(self) -> Iterator[av.AudioFrame]:
        """Decode from where the container stands, counting what cannot be decoded."""
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.error.InvalidDataError:
                    self._lost += (packet.duration or 0) * (packet.time_base or Fraction(0))
        except av.error.FFmpegError as error:
            raise AudioError(
                f"{self._path} is cut off or damaged ({error.strerror}). Get or encode the file anew."
            ) from error

    def _waveform(self, frame: av.AudioFrame) -> Waveform:
        channels = len(frame.layout.channels)
        if frame.format.is_planar and channels > _MOST_PLANES:
            raise AudioError(
                f"{self._path} has {channels} channels; up to {_MOST_PLANES} can be read. If it has "
                "fewer, its header is damaged. Mix or encode it anew."
            )
        if (frame.sample_rate, channels) != self._shape:
            raise AudioError(
                f"{self._path} changes from {self._shape[0]} Hz and {self._shape[1]} channels to "
                f"{frame.sample_rate} Hz and {channels} in the middle. Encode it anew with one of them."
            )
        samples = frame.to_ndarray()
        if not frame.format.is_planar:
            samples = samples.reshape(-1, channels).T
        zero, full_scale = _SCALES.get(samples.dtype.name, (0.0, 1.0))
        return ((samples - zero) / full_scale).astype(np.float32)

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        self._file.close()


def _seconds(duration: float | None) -> str:
    return "an unknown length" if duration is None else f"{duration:.1f} s"
