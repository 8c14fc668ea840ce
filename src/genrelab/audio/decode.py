"""Read sound files: whole, a range of time, or block by block.

What a file is decides who reads it, not its name: MPEG audio is walked frame by frame and decoded by
FFmpeg (PyAV); libsndfile reads most other formats, and FFmpeg what libsndfile refuses. A range gives the
same samples as a slice of the whole. Where a container states an encoder's delay (MP3's LAME header, Ogg,
MP4, Matroska), it is taken out. Raw AAC and MP3 in AVI or without LAME header state none, so their sound
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

from genrelab.audio.decoders.opening import open_source
from genrelab.audio.decoders.source import AGAIN, AudioInfo, Source, Waveform
from genrelab.audio.excerpts import Excerpts
from genrelab.audio.flaws import REST_MISSING, Flaws, clearly_short
from genrelab.audio.formats import AUDIO_SUFFIXES
from genrelab.audio.level import LOUDEST, describe, usable
from genrelab.audio.mixing import mix, mix_window
from genrelab.audio.resample import check_rates, resample_blocks
from genrelab.errors import AudioError, CutOffError, UsageError

__all__ = ["AUDIO_SUFFIXES", "AudioInfo", "Waveform", "decode", "open_excerpts", "probe", "stream"]

# Large: soundfile seeks behind every block, which makes lossy decoders begin anew there.
_DECODE_BLOCK_SECONDS = 60.0

# Of a file that is read in pieces, the end is looked at from so far away, and so much of it must be there.
_END_SECONDS = 0.5
_END_PRESENT = 0.25


@dataclass(frozen=True, slots=True)
class _Request:
    """What part of a file is wanted, and how."""

    start: float = 0.0
    duration: float | None = None
    sample_rate: int | None = None
    channels: int | None = None
    block_seconds: float = _DECODE_BLOCK_SECONDS
    flaws: Flaws | None = None


def probe(path: str | os.PathLike[str]) -> AudioInfo:
    """Read what a sound file says about itself.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    AudioInfo

    Raises
    ------
    AudioError
        If the file is missing, unreadable, empty, or no sound file.
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
    """Read a sound file, or a range of it, into memory.

    Parameters
    ----------
    path : str or path-like
    start : float >= 0
        Where to begin, in seconds.
    duration : float > 0 or None
        How much to read, in seconds; None means up to the end. Less comes where the file ends before.
    sample_rate : int > 0 or None
        Rate wanted, in Hz; None means the file's.
    channels : {1, 2} or None
        Channels wanted, made by `match_channels`; None means the file's.

    Returns
    -------
    waveform : np.ndarray [shape=(channels, samples)], float32
        Full scale is -1..1.
    sample_rate : int
        Its rate in Hz.

    Raises
    ------
    AudioError
        If the file is missing, not a file, unreadable, empty, no sound file, without an audio stream or a
        sample, damaged, cut off (looked for whenever reading comes to the end), holds values that are
        not finite, or the range makes no sense or begins behind the end.
    UsageError
        If the rate or the number of channels makes no sense.

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
    path: str | os.PathLike[str],
    *,
    block_seconds: float = 10.0,
    flaws: Flaws | None = None,
    **wanted: Unpack[Wanted],
) -> Iterator[Waveform]:
    """Read a sound file, or a range of it, in blocks; memory does not grow with the file.

    Parameters
    ----------
    path : str or path-like
    block_seconds : float > 0
        About how long a block should be; the last one may be shorter.
    flaws : Flaws or None
        Gets what is damaged or missing; all that can be decoded comes. None means that clear damage, and a
        file that is cut off, are errors.
    **wanted
        `start`, `duration`, `sample_rate` and `channels`, as for `decode`.

    Returns
    -------
    iterator of np.ndarray [shape=(channels, samples)], float32
        Together what `decode` gives. The file is open while the iterator is in use. That a file is cut
        off shows when its end is reached.

    Raises
    ------
    AudioError, UsageError
        As `decode` does: about the arguments at once, about the file while iterating.

    Examples
    --------
    >>> for block in stream("concert.flac", sample_rate=22050, channels=1):  # doctest: +SKIP
    ...     print(block.shape)
    """
    request = _check(path, _Request(block_seconds=block_seconds, flaws=flaws, **wanted))
    return _stream(Path(path), request)


@contextmanager
def open_excerpts(
    path: str | os.PathLike[str], *, sample_rate: int, channels: int, flaws: Flaws | None = None
) -> Iterator[Excerpts | None]:
    """Open a sound file to read pieces of it by seeking.

    That the file is whole is looked for in its headers and at its end; what is damaged in between shows
    only where it is read.

    Parameters
    ----------
    path : str or path-like
    sample_rate : int > 0
        Rate wanted, in Hz.
    channels : {1, 2}
        Channels wanted.
    flaws : Flaws or None
        Gets what is damaged or missing in MPEG audio, whose frames are all known. None means that it is an
        error, as it is for all other files.

    Yields
    ------
    Excerpts or None
        Pieces are equal to those of `decode`; they are cheapest in the order of time. None for a file that
        does not say for certain how long it is, or where its samples are, or is shorter than one sample:
        only reading all of it tells.

    Raises
    ------
    AudioError, UsageError
        As `decode` does, also while pieces are taken.

    Examples
    --------
    >>> with open_excerpts("song.mp3", sample_rate=16000, channels=1) as song:  # doctest: +SKIP
    ...     middle = song.take(song.samples // 2, 16000)
    """
    request = _check(path, _Request(sample_rate=sample_rate, channels=channels))
    with closing(open_source(Path(path), flaws, only_mpeg=True)) as source:
        seconds, rate = source.declared_seconds, source.info.sample_rate
        if seconds is None or not source.seekable:
            yield None
            return
        block = round(_DECODE_BLOCK_SECONDS * rate)

        def read(first: int, count: int) -> Waveform:
            noted = flaws if source.knows_its_end else None
            blocks = list(_checked(source, first, count, block, request.channels, noted))
            return np.concatenate([np.empty((channels, 0), np.float32), *blocks], axis=1)

        n_samples = round(seconds * rate)
        excerpts = Excerpts(read, n_samples, rate, sample_rate)
        if not excerpts.samples:
            yield None
            return
        if source.knows_its_end:
            _judge(source, seconds, flaws)
            yield excerpts
            return
        if source.has_damage():
            raise AudioError(f"{path} is damaged. {AGAIN}", code="audio-damaged")
        end = read(max(0, n_samples - round(_END_SECONDS * rate)), round(_END_SECONDS * rate))
        if end.shape[1] < min(n_samples, _END_PRESENT * rate):
            raise CutOffError(f"{path} is cut off: there is no sound at its end. Get the whole file again.")
        _judge(source, seconds, None)
        yield excerpts


def _stream(path: Path, request: _Request) -> Iterator[Waveform]:
    with closing(open_source(path, request.flaws)) as source:
        yield from _read(source, request)


def _check(path: str | os.PathLike[str], request: _Request) -> _Request:
    if not (math.isfinite(request.start) and request.start >= 0):
        raise AudioError(
            f"{os.fspath(path)} cannot be read from {request.start} s: give a start of at least 0 s",
            code="audio-start",
        )
    if request.duration is not None and not (math.isfinite(request.duration) and request.duration > 0):
        raise AudioError(
            f"{os.fspath(path)} cannot be read for {request.duration} s: give a duration above 0 s",
            code="audio-duration",
        )
    if not (math.isfinite(request.block_seconds) and request.block_seconds > 0):
        raise UsageError(
            f"a block must be longer than 0 s, not {request.block_seconds} s", code="block-length"
        )
    if request.channels not in (None, 1, 2):
        raise UsageError(
            f"sound can be read with 1 or 2 channels or as stored (None), not {request.channels}",
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
    """Yield the range at the file's own rate, and judge the file when its end is reached."""
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
        _judge(source, (first + done) / rate, request.flaws)
    elif first == 0:
        cut = source.find_cut()
        if cut is not None:
            raise CutOffError(f"{path} is cut off: {cut.reason}. Get the whole file again.")
        raise AudioError(f"{path} has no samples. {AGAIN}", code="audio-no-samples")
    else:
        length = "" if source.info.duration is None else f", which is {source.info.duration:.1f} s long"
        raise AudioError(
            f"{path}{length}, has no sound at {request.start} s. Give an earlier start.",
            code="audio-start-behind-end",
        )


def _checked(
    source: Source, first: int, count: int | None, block: int, channels: int | None, flaws: Flaws | None
) -> Iterator[Waveform]:
    """Yield samples as `Source.read` gives them, all of them usable, with the channels wanted."""
    rate = source.info.sample_rate
    begin, end = first, None if count is None else first + count
    if channels == 1 and source.info.channels > 1:  # how to mix is decided for whole windows
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
    """Pass samples on; those that are no sound are an error, or, where flaws are taken, silence."""
    rate = source.info.sample_rate
    for samples in blocks:
        if samples.size and not (samples.min() >= -LOUDEST and samples.max() <= LOUDEST):
            fits = usable(samples)
            channel, at = np.unravel_index(int(fits.argmin()), fits.shape)
            place = (position + int(at)) / rate
            what = describe(float(samples[channel, at]))
            if flaws is None:
                raise AudioError(
                    f"{source.info.path} has {what} at {place:.2f} s. Encode the file again.",
                    code="audio-unusable-samples",
                )
            flaws.add_unusable(place, int((~fits.all(axis=0)).sum()) / rate, what)
            samples = np.where(fits, samples, np.float32(0))
        position += samples.shape[1]
        yield samples


def _judge(source: Source, seconds: float, flaws: Flaws | None) -> None:
    """Say what is wrong with a file that gave `seconds` up to its end; raise it where there are no flaws."""
    path = source.info.path
    try:
        size = path.stat().st_size
        cut = source.find_cut()
    except OSError as error:
        raise AudioError(
            f"{path} vanished while it was read ({error.strerror}). Read it again when it is back.",
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
