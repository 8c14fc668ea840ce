"""Decode sound files: whole, a range of time, or block by block.

The content of a file, not its name, decides which decoder reads it: MPEG audio is walked frame by frame and
decoded by FFmpeg (PyAV); libsndfile reads most other formats, and FFmpeg reads what libsndfile rejects. A
range has the same samples as a slice of the whole. An encoder delay that the container states (LAME header,
Ogg, MP4, Matroska) is removed. Raw AAC and MP3 in AVI or without LAME header state none, so their sound
begins one encoder delay late (about 1,000 to 2,100 samples); WMA begins with the second block of the
encoder, 2,048 samples early.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from genrelab.audio.channels import Waveform
from genrelab.audio.containers.window import RangedFile, ReadableFile
from genrelab.audio.decoders.opening import open_source
from genrelab.audio.decoders.source import AGAIN, AudioInfo, Source
from genrelab.audio.excerpts import Excerpts
from genrelab.audio.flaws import REST_MISSING, Flaws, clearly_short
from genrelab.audio.formats import AUDIO_SUFFIXES
from genrelab.audio.level import LOUDEST, describe, usable
from genrelab.audio.mixing import mix, mix_window
from genrelab.audio.resample import check_rates, resample_blocks
from genrelab.errors import AudioError, CutOffError, UsageError

__all__ = ["AUDIO_SUFFIXES", "AudioInfo", "Waveform", "decode", "open_excerpts", "probe", "stream"]

AnyFile = str | os.PathLike[str] | ReadableFile

# Large, because soundfile seeks after every block, which restarts lossy decoders.
_DECODE_BLOCK_SECONDS = 60.0

# A file to read in pieces is checked at its end: this part is read, and this much of it must be present.
_END_SECONDS = 0.5
_END_PRESENT = 0.25


@dataclass(frozen=True, slots=True)
class _Request:
    """What part of a file to read, and how."""

    start: float = 0.0
    duration: float | None = None
    sample_rate: int | None = None
    channels: int | None = None
    block_seconds: float = _DECODE_BLOCK_SECONDS
    flaws: Flaws | None = None


def probe(path: str | os.PathLike[str]) -> AudioInfo:
    """Return the facts that a sound file states.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    AudioInfo

    Raises
    ------
    AudioError
        If the file is missing, unreadable, empty, or not a sound file.
    """
    with closing(open_source(Path(path))) as source:
        return source.info


def decode(
    path: str | os.PathLike[str],
    *,
    start: float = 0.0,
    duration: float | None = None,
    sample_rate: int | None = None,
    channels: int | None = None,
) -> tuple[Waveform, int]:
    """Decode a sound file, or a range of it, into memory.

    Parameters
    ----------
    path : str or path-like
    start : float >= 0
        In seconds.
    duration : float > 0 or None
        In seconds; None means to the end. The result is shorter if the file ends earlier.
    sample_rate : int > 0 or None
        In Hz; None keeps the file's rate.
    channels : {1, 2} or None
        Mixed by `match_channels`; None keeps the file's channels.

    Returns
    -------
    waveform : np.ndarray [shape=(channels, samples)], float32
        Full scale is -1..1.
    sample_rate : int
        Its rate in Hz.

    Raises
    ------
    AudioError
        If the file is missing, not a regular file, unreadable, empty, not a sound file, without an audio
        stream or samples, damaged, cut off (checked whenever the end is reached), has values that are not
        finite, or the range is invalid or begins after the end.
    UsageError
        If the rate or the number of channels is invalid.

    Examples
    --------
    >>> waveform, rate = decode("song.mp3", start=30.0, duration=3.0, channels=1)  # doctest: +SKIP
    """
    request = _check(path, _Request(start, duration, sample_rate, channels))
    with closing(open_source(Path(path))) as source:
        blocks = list(_read(source, request))
        rate = sample_rate or source.info.sample_rate
    return (blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)), rate


class Wanted(TypedDict, total=False):
    """What part of a file to read, and how: the keyword arguments of `decode`."""

    start: float
    duration: float | None
    sample_rate: int | None
    channels: int | None


def stream(
    path: AnyFile,
    *,
    block_seconds: float = 10.0,
    flaws: Flaws | None = None,
    **wanted: Unpack[Wanted],
) -> Iterator[Waveform]:
    """Decode a sound file, or a range of it, in blocks; memory does not grow with the file.

    Parameters
    ----------
    path : str, path-like or ReadableFile
    block_seconds : float > 0
        Approximate length of a block; the last one may be shorter.
    flaws : Flaws or None
        Collects damage; everything that can be decoded is returned. None means that clear damage, or a file
        that is cut off, is an error.
    **wanted
        `start`, `duration`, `sample_rate` and `channels`, as for `decode`.

    Returns
    -------
    iterator of np.ndarray [shape=(channels, samples)], float32
        Together equal to the result of `decode`. The file is open while the iterator is in use. A cut-off
        file is noticed when its end is reached.

    Raises
    ------
    AudioError, UsageError
        As `decode` does: for the arguments immediately, for the file while iterating.

    Examples
    --------
    >>> for block in stream("concert.flac", sample_rate=22050, channels=1):  # doctest: +SKIP
    ...     print(block.shape)
    """
    request = _check(path, _Request(block_seconds=block_seconds, flaws=flaws, **wanted))
    return _stream(_readable(path), request)


@contextmanager
def open_excerpts(
    path: AnyFile, *, sample_rate: int, channels: int, flaws: Flaws | None = None
) -> Iterator[Excerpts | None]:
    """Open a sound file to read excerpts by seeking.

    Headers and the end show whether the file is complete; damage in between is noticed only where it is read.

    Parameters
    ----------
    path : str, path-like or ReadableFile
    sample_rate : int > 0
        In Hz.
    channels : {1, 2}
        Mixed by `match_channels`.
    flaws : Flaws or None
        Collects damage in MPEG audio, whose frames are all known. None means that damage is an error, as it
        is for all other files.

    Yields
    ------
    Excerpts or None
        Excerpts equal slices of `decode`; reading them in order of time is cheapest. None for a file that
        must be read whole: it does not reliably state its length or the position of its samples, or is
        shorter than one sample.

    Raises
    ------
    AudioError, UsageError
        As `decode` does, also while excerpts are read.

    Examples
    --------
    >>> with open_excerpts("song.mp3", sample_rate=16000, channels=1) as song:  # doctest: +SKIP
    ...     middle = song.take(song.samples // 2, 16000)
    """
    request = _check(path, _Request(sample_rate=sample_rate, channels=channels))
    with closing(open_source(_readable(path), flaws, for_excerpts=True)) as source:
        seconds, rate = source.declared_seconds, source.info.sample_rate
        if seconds is None or not source.seekable:
            yield None
            return
        block = round(_DECODE_BLOCK_SECONDS * rate)
        n_samples = round(seconds * rate)

        def read(first: int, count: int) -> Waveform:
            if isinstance(path, RangedFile):
                path.expected = round(count / n_samples * source.size)
            noted = flaws if source.knows_its_end else None
            blocks = list(_checked(source, first, count, block, request.channels, noted))
            return np.concatenate([np.empty((channels, 0), np.float32), *blocks], axis=1)

        excerpts = Excerpts(read, n_samples, rate, sample_rate)
        if not excerpts.samples:
            yield None
            return
        if source.knows_its_end:
            _check_end(source, seconds, flaws)
            yield excerpts
            return
        if source.has_damage():
            raise AudioError(f"{path} is damaged. {AGAIN}", code="audio-damaged")
        end = read(max(0, n_samples - round(_END_SECONDS * rate)), round(_END_SECONDS * rate))
        if end.shape[1] < min(n_samples, _END_PRESENT * rate):
            raise CutOffError(f"{path} is cut off: there is no sound at its end. Get the whole file again.")
        _check_end(source, seconds, None)
        yield excerpts


def _readable(path: AnyFile) -> ReadableFile:
    return Path(path) if isinstance(path, str | os.PathLike) else path


def _stream(path: ReadableFile, request: _Request) -> Iterator[Waveform]:
    with closing(open_source(path, request.flaws)) as source:
        yield from _read(source, request)


def _check(path: AnyFile, request: _Request) -> _Request:
    if not (math.isfinite(request.start) and request.start >= 0):
        raise AudioError(
            f"{_readable(path)} cannot be read from {request.start} s: give a start of at least 0 s",
            code="audio-start",
        )
    if request.duration is not None and not (math.isfinite(request.duration) and request.duration > 0):
        raise AudioError(
            f"{_readable(path)} cannot be read for {request.duration} s: give a duration above 0 s",
            code="audio-duration",
        )
    if not (math.isfinite(request.block_seconds) and request.block_seconds > 0):
        raise UsageError(f"block_seconds must be above 0, not {request.block_seconds}", code="block-length")
    if request.channels not in (None, 1, 2):
        raise UsageError(
            f"channels must be 1, 2 or None, not {request.channels}",
            code="channel-count",
        )
    if request.sample_rate is not None:
        check_rates(request.sample_rate)
    return request


def _read(source: Source, request: _Request) -> Iterator[Waveform]:
    info = source.info
    rate = request.sample_rate or info.sample_rate
    empty = True
    for block in resample_blocks(_read_native(source, request), info.sample_rate, rate):
        empty = False
        yield block
    if empty:
        raise AudioError(
            f"{info.path} is shorter than one sample at {rate} Hz (its own rate is {info.sample_rate} Hz). "
            "Get the file again, encode it again, or ask for a longer range.",
            code="audio-too-short",
        )


def _read_native(source: Source, request: _Request) -> Iterator[Waveform]:
    """Yield the range at the file's own rate, and check the file when its end is reached."""
    path, rate = source.info.path, source.info.sample_rate
    first = round(request.start * rate)
    count = None if request.duration is None else max(1, round(request.duration * rate))
    done = 0
    for block in _checked(
        source, first, count, max(1, round(request.block_seconds * rate)), request.channels, request.flaws
    ):
        done += block.shape[1]
        yield block
    if count is not None and done == count:
        if request.flaws is not None:
            request.flaws.conclude(done / rate, done / rate, None, short=False)
        return
    if done:
        _check_end(source, (first + done) / rate, request.flaws)
    elif first == 0:
        cut = source.find_cut()
        if cut is not None:
            raise CutOffError(f"{path} is cut off: {cut.reason}. Get the whole file again.")
        raise AudioError(f"{path} has no samples. {AGAIN}", code="audio-no-samples")
    else:
        length = "" if source.info.duration is None else f", which is {source.info.duration:.1f} s long"
        raise AudioError(
            f"{path}{length}, has no sound at {request.start} s. Start earlier.",
            code="audio-beyond-end",
        )


def _checked(
    source: Source, first: int, count: int | None, block: int, channels: int | None, flaws: Flaws | None
) -> Iterator[Waveform]:
    """Yield the samples of `Source.read`, all of them usable, mixed to the requested channels."""
    rate = source.info.sample_rate
    begin, end = first, None if count is None else first + count
    if channels == 1 and source.info.channels > 1:  # mixing is chosen per window
        window = mix_window(rate)
        begin = first // window * window
        end = None if end is None else -(-end // window) * window
    found = source.read(begin, None if end is None else end - begin, block)
    left = count
    for mixed in mix(_usable(found, source, begin, flaws), channels, rate):
        samples = mixed[:, max(first - begin, 0) :][:, :left]
        begin += mixed.shape[1]
        if samples.shape[1]:
            left = None if left is None else left - samples.shape[1]
            yield samples


def _usable(
    blocks: Iterator[Waveform], source: Source, position: int, flaws: Flaws | None
) -> Iterator[Waveform]:
    """Yield samples; unusable ones are an error, or silence if flaws are collected."""
    rate = source.info.sample_rate
    for samples in blocks:
        if samples.size and not (samples.min() >= -LOUDEST and samples.max() <= LOUDEST):
            fits = usable(samples)
            channel, at = np.unravel_index(int(fits.argmin()), fits.shape)
            place = (position + int(at)) / rate
            what = describe(float(samples[channel, at]))
            if flaws is None:
                raise AudioError(
                    f"{source.info.path} has {what} at {place:.2f} s. Encode it again.",
                    code="audio-unusable",
                )
            flaws.add_unusable(place, int((~fits.all(axis=0)).sum()) / rate, what)
            samples = np.where(fits, samples, np.float32(0))
        position += samples.shape[1]
        yield samples


def _check_end(source: Source, seconds: float, flaws: Flaws | None) -> None:
    """Record the damage of a file that was read to its end; raise an error if no flaws are collected."""
    path = source.info.path
    try:
        size = path.stat().st_size
        cut = source.find_cut()
    except OSError as error:
        raise AudioError(
            f"{path} vanished while it was read ({error.strerror}). Read it again.",
            code="audio-vanished",
        ) from error
    if size != source.size:
        raise AudioError(
            f"{path} changed while it was read: it had {source.size} bytes and now has {size}. Read it again "
            "when it is complete.",
            code="audio-changed",
        )
    present, expected = source.tally(seconds)
    if cut is not None and cut.share:
        whole = present / cut.share
        if not (cut.certain or clearly_short(present, whole)):
            cut = None
        expected = max(expected, whole)
    short = clearly_short(present, expected)
    reason = cut.reason if cut is not None and (short or cut.certain) else None
    found = source.flaws
    declared = source.declared_seconds is not None and not source.knows_its_end
    found.conclude(present, expected, reason, short=short, declared=declared)
    if flaws is None and (short or reason):
        length = f"about {expected:.1f} s" if short else "an unknown length"
        raise CutOffError(
            f"{path} is cut off: {present:.1f} s of {length} could be decoded ({reason or REST_MISSING}). "
            "Get the whole file again, or ask for a range of time that is there."
        )
