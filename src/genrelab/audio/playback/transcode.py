"""Encode sound piece by piece in a format that browsers play. Memory does not grow with the file."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Literal, NamedTuple

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream

from genrelab.audio.channels import Waveform
from genrelab.audio.decode import probe, stream
from genrelab.audio.encode import mp3_rate
from genrelab.audio.flaws import Flaws
from genrelab.errors import AudioError

Encoding = Literal["ogg", "mp3", "flac"]
"""Opus in Ogg, which Safari plays since 18.4; MP3, which all play; FLAC, which loses nothing."""

_BLOCK_SECONDS = 5.0
_OPUS_RATE = 48_000
_HIGHEST_RATE = 96_000


class _Way(NamedTuple):
    media_type: str
    codec: str
    bit_rate: int  # in bit/s; 0 means that the codec has none


_WAYS: dict[Encoding, _Way] = {
    "ogg": _Way("audio/ogg", "libopus", 128_000),
    "mp3": _Way("audio/mpeg", "libmp3lame", 192_000),
    "flac": _Way("audio/flac", "flac", 0),
}


def encoded_type(encoding: Encoding) -> str:
    """Return the media type of an encoding."""
    return _WAYS[encoding].media_type


def transcode(path: str | os.PathLike[str], encoding: Encoding) -> Generator[bytes, None, None]:
    """Decode a sound file and encode it, piece by piece.

    Parameters
    ----------
    path : str or path-like
        The file is open while the iterator is in use.
    encoding : Encoding

    Yields
    ------
    bytes
        The next part of the encoded file: about five seconds of sound. The sound is mono or stereo, of at
        most 96 kHz; damaged parts are silent.

    Raises
    ------
    AudioError
        If nothing of the file can be decoded.
    """
    info = probe(path)
    rate = _rate(encoding, info.sample_rate)
    channels = min(info.channels, 2)
    blocks = stream(path, block_seconds=_BLOCK_SECONDS, sample_rate=rate, channels=channels, flaws=Flaws())
    try:
        with closing(_Sink()) as sink:
            yield from _encode(blocks, sink, encoding, rate)
    except av.error.FFmpegError as error:
        message = f"{os.fspath(path)} cannot be encoded as {encoding}: {error.strerror}"
        raise AudioError(message, code="audio-not-encoded") from error


def _rate(encoding: Encoding, rate: int) -> int:
    if encoding == "ogg":
        return _OPUS_RATE
    return mp3_rate(rate) if encoding == "mp3" else min(rate, _HIGHEST_RATE)


def _encode(blocks: Iterator[Waveform], sink: _Sink, encoding: Encoding, rate: int) -> Iterator[bytes]:
    way, done = _WAYS[encoding], 0
    first = next(blocks)
    layout = "mono" if len(first) == 1 else "stereo"
    with av.open(sink, "w", format=encoding) as container:
        output = container.add_stream(way.codec, rate=rate)
        assert isinstance(output, AudioStream)
        output.layout = layout
        if way.bit_rate:
            output.bit_rate = way.bit_rate
        block: Waveform | None = first
        while block is not None:
            samples = np.ascontiguousarray(np.clip(block, -1.0, 1.0))
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, done
            done += block.shape[1]
            container.mux(output.encode(frame))
            yield sink.take()
            block = next(blocks, None)
        container.mux(output.encode(None))
    yield sink.take()


class _Sink:
    """A file that cannot be sought: what was written waits until it is taken."""

    def __init__(self) -> None:
        self._parts = bytearray()

    def write(self, data: bytes) -> int:
        """Take what the encoder writes."""
        self._parts += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken = bytes(self._parts)
        self._parts.clear()
        return taken

    def close(self) -> None:
        """Forget what was not taken."""
        self._parts.clear()
