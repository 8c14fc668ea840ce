"""Read sound files: whole, a range of time, or block by block.

What a file is decides who reads it, not its name: libsndfile first, FFmpeg (PyAV) for what libsndfile
refuses. A range gives the same samples as a slice of the whole. Where a container states an encoder's
delay (MP3's LAME header, Ogg, MP4, Matroska), it is taken out. Raw AAC and MP3 in AVI or without
LAME header state none, so their sound begins one encoder delay late (about 1,000 to 2,100 samples); WMA
begins with the second block of the encoder, 2,048 samples early.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrelab.audio._source import AudioInfo, Source, Waveform
from genrelab.audio.channels import match_channels
from genrelab.audio.excerpts import Excerpts
from genrelab.audio.level import describe, usable
from genrelab.audio.resample import check_rates, resample_blocks
from genrelab.audio.truncation import clearly_short, find_cut
from genrelab.errors import AudioError, UsageError

__all__ = ["AUDIO_SUFFIXES", "AudioInfo", "Waveform", "decode", "open_excerpts", "probe", "stream"]

# fmt: off
AUDIO_SUFFIXES: frozenset[str] = frozenset((
    ".3gp", ".aac", ".aif", ".aifc", ".aiff", ".ape", ".asf", ".au", ".avi", ".caf", ".flac", ".flv",
    ".m4a", ".m4b", ".m4v", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".mpeg", ".mpg",
    ".oga", ".ogg", ".ogv", ".opus", ".rf64", ".snd", ".tta", ".w64", ".wav", ".wave", ".weba", ".webm",
    ".wma", ".wmv", ".wv",
))
# fmt: on
"""Lower-case suffixes of the files that a scan of a folder should try."""

# Large: soundfile seeks behind every block, which makes lossy decoders begin anew there.
_DECODE_BLOCK_SECONDS = 60.0

# Of a file that is read in pieces, the end is looked at from so far away, and so much of it must be there.
_END_SECONDS = 0.5
_END_PRESENT = 0.25

# In Hz, what is taken for true. To resample from a damaged header's 500 MHz takes a filter of minutes, and
# at 1 Hz a song would last for days.
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 6_144_000


@dataclass(frozen=True, slots=True)
class _Request:
    """What part of a file is wanted, and how."""

    start: float
    duration: float | None
    sample_rate: int | None
    channels: int | None
    block_seconds: float


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
    with closing(_open(Path(path))) as source:
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
    request = _check(path, _Request(start, duration, sample_rate, channels, _DECODE_BLOCK_SECONDS))
    with closing(_open(Path(path))) as source:
        blocks = list(_read(source, request))
        rate = sample_rate or source.info.sample_rate
    return (blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)), rate


def stream(
    path: str | os.PathLike[str],
    *,
    start: float = 0.0,
    duration: float | None = None,
    sample_rate: int | None = None,
    channels: int | None = None,
    block_seconds: float = 10.0,
) -> Iterator[Waveform]:
    """Read a sound file, or a range of it, in blocks; memory does not grow with the file.

    Parameters
    ----------
    path, start, duration, sample_rate, channels
        As `decode` takes them.
    block_seconds : float > 0
        About how long a block should be; the last one may be shorter.

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
    return _stream(Path(path), _check(path, _Request(start, duration, sample_rate, channels, block_seconds)))


@contextmanager
def open_excerpts(
    path: str | os.PathLike[str], *, sample_rate: int, channels: int
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
    request = _check(path, _Request(0.0, None, sample_rate, channels, _DECODE_BLOCK_SECONDS))
    with closing(_open(Path(path))) as source:
        seconds, rate = source.declared_seconds, source.info.sample_rate
        if seconds is None or not source.seekable:
            yield None
            return
        block = round(_DECODE_BLOCK_SECONDS * rate)

        def read(first: int, count: int) -> Waveform:
            blocks = list(_checked(source, first, count, block, request.channels))
            return np.concatenate([np.empty((channels, 0), np.float32), *blocks], axis=1)

        n_samples = round(seconds * rate)
        excerpts = Excerpts(read, n_samples, rate, sample_rate)
        if not excerpts.samples:
            yield None
            return
        end = read(max(0, n_samples - round(_END_SECONDS * rate)), round(_END_SECONDS * rate))
        if end.shape[1] < min(n_samples, _END_PRESENT * rate):
            raise AudioError(f"{path} is cut off: there is no sound at its end. Get the whole file again.")
        _check_whole(source, seconds)
        yield excerpts


def _stream(path: Path, request: _Request) -> Iterator[Waveform]:
    with closing(_open(path)) as source:
        yield from _read(source, request)


def _check(path: str | os.PathLike[str], request: _Request) -> _Request:
    if not (math.isfinite(request.start) and request.start >= 0):
        raise AudioError(
            f"{os.fspath(path)} cannot be read from {request.start} s: give a start of 0 s or later"
        )
    if request.duration is not None and not (math.isfinite(request.duration) and request.duration > 0):
        raise AudioError(
            f"{os.fspath(path)} cannot be read for {request.duration} s: give a duration above 0 s"
        )
    if not (math.isfinite(request.block_seconds) and request.block_seconds > 0):
        raise UsageError(f"a block must be longer than 0 s, not {request.block_seconds} s")
    if request.channels not in (None, 1, 2):
        raise UsageError(f"sound is read with 1 or 2 channels or as stored (None), not {request.channels}")
    if request.sample_rate is not None:
        check_rates(request.sample_rate)
    return request


def _open(path: Path) -> Source:
    _check_file(path)
    try:
        from genrelab.audio._soundfile import open_soundfile

        source: Source | None = open_soundfile(path)
        if source is None:
            from genrelab.audio._pyav import PyAvSource

            source = PyAvSource(path)
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror}") from error
    except AudioError as error:
        cut = find_cut(path)
        if cut is not None:
            raise AudioError(f"{path} is cut off: {cut.reason}. Get the whole file again.") from error
        raise
    rate = source.info.sample_rate
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        source.close()
        raise AudioError(
            f"{path} states a sample rate of {rate} Hz, which no music has: its header is damaged. Get or "
            "encode the file anew."
        )
    return source


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise AudioError(f"{path} does not exist. Check the path.") from error
    except (OSError, ValueError) as error:
        raise AudioError(f"{path} cannot be read: {error}. Check the path and its permissions.") from error
    if stat.S_ISDIR(status.st_mode):
        raise AudioError(f"{path} is a folder, not a sound file. Name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise AudioError(f"{path} is not a regular file. Copy the sound into one first.")
    if status.st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes). Get the file again.")
    if not os.access(path, os.R_OK):
        raise AudioError(f"{path} may not be read. Change its permissions.")


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
            "Get or encode the file anew, or ask for a longer range."
        )


def _read_native(source: Source, request: _Request) -> Iterator[Waveform]:
    """Yield the range at the file's own rate, and judge the file when its end is reached."""
    path, rate = source.info.path, source.info.sample_rate
    first = round(request.start * rate)
    count = None if request.duration is None else max(1, round(request.duration * rate))
    done = 0
    for block in _checked(
        source, first, count, max(1, round(request.block_seconds * rate)), request.channels
    ):
        done += block.shape[1]
        yield block
    if count is not None and done == count:
        return
    if done:
        _check_whole(source, (first + done) / rate)
    elif first == 0:
        raise AudioError(f"{path} holds no samples. Get or encode the file anew.")
    else:
        length = "" if source.info.duration is None else f", which is {source.info.duration:.1f} s long"
        raise AudioError(f"{path}{length}, has nothing at {request.start} s. Give an earlier start.")


def _checked(
    source: Source, first: int, count: int | None, block: int, channels: int | None
) -> Iterator[Waveform]:
    """Yield samples as `Source.read` gives them, all of them usable, with the channels wanted."""
    position, rate = first, source.info.sample_rate
    for samples in source.read(first, count, block):
        fits = usable(samples)
        if not fits.all():
            channel, at = np.unravel_index(int(fits.argmin()), fits.shape)
            raise AudioError(
                f"{source.info.path} holds {describe(float(samples[channel, at]))} at "
                f"{(position + int(at)) / rate:.2f} s. Encode the file anew."
            )
        position += samples.shape[1]
        yield samples if channels is None else match_channels(samples, channels)


def _check_whole(source: Source, seconds: float) -> None:
    """Raise where a file that gave `seconds` up to its end should have given clearly more, or has changed."""
    path, expected, reason = source.info.path, source.declared_seconds, "the rest is missing or damaged"
    try:
        size = path.stat().st_size
        cut = find_cut(path)
    except OSError as error:
        raise AudioError(
            f"{path} vanished while it was read ({error.strerror}). Read it again when it is back."
        ) from error
    if size != source.size:
        raise AudioError(
            f"{path} changed while it was read: it had {source.size} bytes and has {size} now. Read it again "
            "when it is complete."
        )
    if cut is not None:
        reason = cut.reason
        expected = max(expected or 0.0, seconds / cut.share if cut.share else 0.0)
    short = expected is not None and clearly_short(seconds, expected)
    if short or (cut is not None and cut.certain):
        length = f"about {expected:.1f} s" if short else "an unknown length"
        raise AudioError(
            f"{path} is cut off: {seconds:.1f} s of {length} could be decoded ({reason}). Get the whole file "
            "again, or ask for a range of time that is there."
        )
