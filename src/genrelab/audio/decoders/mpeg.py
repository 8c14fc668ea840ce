"""Decoder for MPEG audio: genrelab finds the frames, FFmpeg (PyAV) decodes them.

The position of every frame is known, so any sample can be reached without reading what precedes it, and
damage has a position. A frame that cannot be decoded becomes silence, so later samples keep their position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import av.error
import numpy as np

from genrelab.audio.channels import Waveform, match_channels
from genrelab.audio.containers.mpeg import DECODER_DELAY, MpegIndex
from genrelab.audio.containers.window import ReadableFile
from genrelab.audio.decoders.source import AudioInfo
from genrelab.audio.decoders.uniform import Piece, make_uniform, to_float
from genrelab.audio.flaws import Cut, Flaws
from genrelab.errors import AudioError

_DECODERS = {1: "mp1float", 2: "mp2float", 3: "mp3float"}
# A frame of layer III may use up to 511 bytes of earlier frames (its "bit reservoir"), not counting headers
# and side information (up to 38 bytes each); the transform overlaps two more frames.
_RESERVOIR = 511
_SIDE_BYTES = 38
_OVERLAP_FRAMES = 3
_READ_FRAMES = 256  # in memory at once


class MpegSource:
    """An MPEG audio file.

    Parameters
    ----------
    path : ReadableFile
    index : MpegIndex
        Where its frames are.
    flaws : Flaws
        Collects damage.
    """

    knows_its_end = True

    def __init__(self, path: ReadableFile, index: MpegIndex, flaws: Flaws) -> None:
        self._index = index
        self._undecodable: set[int] = set()
        self._file = path.open("rb")
        self.size = self._file.seek(0, 2)
        self.flaws = flaws
        self.seekable = index.uniform
        kind = index.kind
        begin = index.delay + DECODER_DELAY if index.delay else 0
        end = max(0, index.padding - DECODER_DELAY) if abs(index.missing) <= 1 and not index.cut else 0
        whole = len(index.offsets) * kind.samples
        if begin + end >= whole:
            begin = end = 0
        self._skip = begin
        self._samples = whole - begin - end
        self.declared_seconds = self._samples / kind.sample_rate
        self.info = AudioInfo(
            path, kind.sample_rate, index.channels, self.declared_seconds, f"mp{kind.layer}"
        )
        self._note_gaps()

    def _note_gaps(self) -> None:
        index, flaws = self._index, self.flaws
        damaged = index.damaged_frames
        for gap in index.gaps:
            share = max(1, round(damaged * gap.size / max(index.gap_bytes, 1)))
            flaws.add_damage(self._seconds_at(gap.frame), share)
        flaws.damaged_frames = max(flaws.damaged_frames, damaged)

    def _seconds_at(self, frame: int) -> float:
        kind = self._index.kind
        return (frame * kind.samples - self._skip) / kind.sample_rate

    def find_cut(self) -> Cut | None:
        """See `Source.find_cut`."""
        index = self._index
        if index.declared is None:
            return Cut("its last frame is incomplete", None, True) if index.cut else None
        unexplained = index.missing - index.damaged_frames
        if unexplained <= 1 or (index.n_gaps and not index.cut):  # else the missing frames are in gaps
            return None
        frames = f"it holds {len(index.offsets)} of {index.declared} frames"
        return Cut(frames, len(index.offsets) / index.declared, index.cut)

    def has_damage(self) -> bool:
        """See `Source.has_damage`."""
        return self._index.n_gaps > 0

    def tally(self, seconds: float) -> tuple[float, float]:
        """See `Source.tally`; frames that cannot be decoded were read as silence."""
        index = self._index
        frame = index.kind.samples / index.kind.sample_rate
        missing = max(index.damaged_frames, index.missing) * frame
        return seconds - len(self._undecodable) * frame, seconds + missing

    def read(self, first: int, count: int | None, block: int) -> Iterator[Waveform]:
        """Yield samples; see `Source.read`."""
        if self.seekable:
            yield from self._read_from(first, self._samples - first if count is None else count, block)
        else:
            yield from self._read_mixed(first, count)

    def _read_from(self, first: int, count: int, block: int) -> Iterator[Waveform]:
        """Yield blocks of a file whose frames are all of one kind; decoding begins a few frames earlier."""
        length = self._index.kind.samples
        begin = first + self._skip
        end = min(begin + count, self._skip + self._samples)
        if begin >= end:
            return
        number, last = begin // length, -(-end // length)
        batch = max(1, block // length)
        decoder = self._decoder()
        for _ in self._frames(decoder, self._warm_up(number), number):
            pass
        for start in range(number, last, batch):
            samples = self._decode_block(decoder, start, min(start + batch, last))
            offset = start * length
            yield samples[:, max(begin - offset, 0) : end - offset]

    def _decode_block(self, decoder: Any, begin: int, end: int) -> Waveform:
        """Decode consecutive frames; one that cannot be decoded becomes silence."""
        length = self._index.kind.samples
        block = np.zeros((self.info.channels, (end - begin) * length), np.float32)
        channels = list(block)
        at = 0
        for frame in self._frames(decoder, begin, end):
            if frame is not None:
                planes: Any = frame.planes
                if len(planes) == len(channels) and frame.samples == length:
                    for channel, plane in zip(channels, planes, strict=True):
                        channel[at : at + length] = np.frombuffer(plane, np.float32, length)
                else:  # from stereo to mono, or back
                    mixed = match_channels(to_float(frame), len(block))
                    block[:, at : at + mixed.shape[1]] = mixed[:, : block.shape[1] - at]
            at += length
        return block

    def _warm_up(self, frame: int) -> int:
        """Return the first frame to decode for an exact result at this one."""
        sizes = self._index.sizes
        need = _RESERVOIR if self._index.kind.layer == 3 else 0
        while frame > 0 and need > 0:
            frame -= 1
            need -= max(sizes[frame] - _SIDE_BYTES, 1)
        return max(0, frame - _OVERLAP_FRAMES)

    def _read_mixed(self, first: int, count: int | None) -> Iterator[Waveform]:
        """Yield pieces of a file whose frames are of several kinds, decoded from the beginning."""
        frames = self._frames(self._decoder(), 0, len(self._index.offsets))
        found = (Piece(frame.sample_rate, to_float(frame)) for frame in frames if frame is not None)
        position, end = -self._skip, None if count is None else first + count
        for samples in make_uniform(found, self.info.sample_rate, self.info.channels):
            start, position = position, position + samples.shape[1]
            if end is not None and start >= end:
                return
            if position > first:
                yield samples[:, max(first - start, 0) : None if end is None else end - start]

    def _decoder(self) -> Any:
        decoder = av.CodecContext.create(_DECODERS[self._index.kind.layer], "r")
        decoder.thread_count = 1
        return decoder

    def _frames(self, decoder: Any, begin: int, end: int) -> Iterator[av.AudioFrame | None]:
        """Yield each decoded frame; None for a frame that cannot be decoded."""
        decode, packet = decoder.decode, av.Packet
        for number, data in enumerate(self._bytes_of(begin, end), start=begin):
            try:
                decoded = decode(packet(data)) if data else []
            except av.error.InvalidDataError:
                decoded = []
            except av.error.FFmpegError as error:
                raise AudioError(
                    f"{self.info.path} cannot be decoded ({error.strerror}). Encode it again.",
                    code="audio-undecodable",
                ) from error
            if decoded:
                yield decoded[0]
                continue
            if number not in self._undecodable:
                self._undecodable.add(number)
                self.flaws.add_damage(self._seconds_at(number))
            yield None

    def _bytes_of(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the bytes of frames; adjacent frames are read together."""
        offsets, sizes = self._index.offsets, self._index.sizes
        while first < last:
            until = min(first + _READ_FRAMES, last)
            begin, span = offsets[first], sum(sizes[first:until])
            if offsets[until - 1] + sizes[until - 1] - begin != span:  # other bytes in between
                until, span = first + 1, sizes[first]
            self._file.seek(begin)
            data = self._file.read(span)
            at = 0
            for size in sizes[first:until]:
                yield data[at : at + size]
                at += size
            first = until

    def close(self) -> None:
        """Close the file."""
        self._file.close()
