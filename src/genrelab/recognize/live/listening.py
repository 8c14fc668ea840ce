"""Recognize live audio."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.audio.level import describe, usable
from genrelab.audio.mixing import mix
from genrelab.audio.resample import resample_blocks
from genrelab.bundle.metadata import BundleMetadata
from genrelab.errors import AudioError, UsageError
from genrelab.recognize.given import check_rate
from genrelab.recognize.live.ring_buffer import RingBuffer
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.recognizer import Recognizer

Waveform = npt.NDArray[np.float32]

LONG_SECONDS = 8.0
"""A result covers two segments by default, but only one that is longer than this."""

_JOIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """The result for the last seconds of live audio.

    Parameters
    ----------
    time : float
        Length of audio received so far, in seconds.
    start : float
        Start of the audio that the result covers, in seconds; it ends at `time`.
    recognition : Recognition
        The result, as for a file with that audio.
    behind : int
        Number of results skipped since the last one because the network was too slow.
    """

    time: float
    start: float
    recognition: Recognition
    behind: int = 0

    def to_dict(self, *, top: int | None = None) -> dict[str, Any]:
        """Return the record as a JSON object.

        Parameters
        ----------
        top : int > 0 or None
            Number of ranked genres to include; None means all.

        Returns
        -------
        dict
            Keys `time`, `start`, `genre`, `confidence`, `reason`, `genres`, `tags`, `behind`, `model`. Those
            in common with `Recognition.to_dict` have the same meaning.
        """
        record = self.recognition.to_dict(top=top, timeline=False)
        result = {key: record[key] for key in ("genre", "confidence", "reason", "genres", "tags")}
        times = {"time": round(self.time, 3), "start": round(self.start, 3)}
        return {**times, **result, "behind": self.behind, "model": record["model"]}


def listen(
    recognizer: Recognizer,
    blocks: Iterable[Waveform],
    sample_rate: int,
    *,
    every_seconds: float = 1.0,
    window_seconds: float | None = None,
) -> Iterator[Moment]:
    """Recognize the last seconds of live audio repeatedly.

    A background thread reads the audio, and its source never waits for the network. If the network is slower
    than the audio, results are skipped: no result is later than one step plus the time for one result. If the
    audio arrives faster than real time, the source waits instead. Memory is bounded by the window.

    Parameters
    ----------
    recognizer : Recognizer
    blocks : iterable of np.ndarray [shape=(channels, samples)], float32
        The audio in small blocks, of about a tenth of a second, with the full scale -1..1. The background
        thread reads them. While no audio arrives, yield an empty block from time to time: the thread can end
        only between two blocks.
    sample_rate : int > 0
        In Hz.
    every_seconds : float > 0
        Time between two results.
    window_seconds : float or None
        Length of audio that a result covers: the last whole segments, at the hop of the model. None means two
        segments, or one that is longer than `LONG_SECONDS`.

    Returns
    -------
    iterator of Moment
        One per step, and one for the rest after the last step. Audio shorter than a segment is processed like
        a short file. Close the iterator to stop early; the thread ends at the next block.

    Raises
    ------
    UsageError
        If a duration is not positive, the window is shorter than a segment, or the sample rate is invalid.
    AudioError
        While iterating, if no audio arrives, or a sample is not finite or is beyond
        `genrelab.audio.level.LOUDEST`.
    ModelFileError
        While iterating, if the network fails.

    Examples
    --------
    >>> for moment in listen(recognizer, blocks, 44100):  # doctest: +SKIP
    ...     print(moment.time, moment.recognition.genre)
    """
    metadata = recognizer.bundle.metadata
    window_seconds = _usual_window(metadata) if window_seconds is None else window_seconds
    for name, seconds in (("a step", every_seconds), ("a window", window_seconds)):
        if not (math.isfinite(seconds) and 0 < seconds <= 3600):
            message = f"{name} must be longer than 0 s and at most an hour, not {seconds} s"
            raise UsageError(message, code="listen-duration")
    window = round(window_seconds * metadata.sample_rate)
    if window < metadata.segment_samples:
        message = f"a window of {window_seconds} s is shorter than a segment ({metadata.segment_seconds} s)"
        raise UsageError(message, code="listen-window-short")
    sample_rate = check_rate(sample_rate)
    step = max(1, round(every_seconds * metadata.sample_rate))
    buffer = RingBuffer(metadata.channels, metadata.sample_rate, _whole(window, metadata), step)
    return _listen(recognizer, buffer, blocks, sample_rate)


def _listen(
    recognizer: Recognizer, buffer: RingBuffer, blocks: Iterable[Waveform], sample_rate: int
) -> Iterator[Moment]:
    metadata = recognizer.bundle.metadata
    reader = threading.Thread(
        target=_read, args=(buffer, blocks, sample_rate, metadata), name="listen", daemon=True
    )
    reader.start()
    any_sound = False
    try:
        while (seen := buffer.look()) is not None:
            samples, behind, sound = seen
            sound = sound[:, -_whole(sound.shape[1], metadata) :]
            record = recognizer(sound, sample_rate=metadata.sample_rate, full=True)
            seconds = samples / metadata.sample_rate
            yield Moment(seconds, seconds - (record.duration or 0.0), _without_arrays(record), behind)
            any_sound = True
    finally:
        buffer.stop()
        reader.join(_JOIN_SECONDS)  # Python must not exit while the resampler is running
    if not any_sound:
        raise AudioError("no audio arrived. Check its source.", code="listen-no-sound")


def _read(buffer: RingBuffer, blocks: Iterable[Waveform], sample_rate: int, metadata: BundleMetadata) -> None:
    """Convert the audio for the model until it ends; `look` raises any error."""
    try:
        wanted = takewhile(lambda _: not buffer.stopped, blocks)
        mixed = mix((_checked(block) for block in wanted if block.size), metadata.channels, sample_rate)
        for block in resample_blocks(mixed, sample_rate, metadata.sample_rate):
            if not buffer.put(block):
                return
        buffer.end()
    except Exception as error:  # raised again by `look`, in the thread that waits
        buffer.end(error)


def _checked(block: Waveform) -> Waveform:
    """Return a block, or raise an `AudioError` if it has invalid samples."""
    fits = usable(block)
    if not fits.all():
        message = f"the audio contains {describe(float(block.ravel()[fits.argmin()]))}"
        raise AudioError(message, code="listen-values")
    return block


def _usual_window(metadata: BundleMetadata) -> float:
    return metadata.segment_seconds * (1 if metadata.segment_seconds > LONG_SECONDS else 2)


def _whole(samples: int, metadata: BundleMetadata) -> int:
    """Return the number of samples in whole segments; all if they are fewer than one segment."""
    segment, hop = metadata.segment_samples, metadata.hop_samples
    return samples if samples < segment else segment + (samples - segment) // hop * hop


def _without_arrays(record: Recognition) -> Recognition:
    """Drop the arrays, which would fill the memory of a caller that keeps all results."""
    return dataclasses.replace(record, embedding=None, probabilities=None)
