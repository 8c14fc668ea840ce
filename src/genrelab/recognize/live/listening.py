"""Recognize sound while it comes."""

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

_FAREWELL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What the last seconds sound like.

    Parameters
    ----------
    time : float
        Seconds of sound that had come.
    start : float
        Where the sound begins that the answer is about; it ends at `time`.
    recognition : Recognition
        The answer that a file of that sound would get.
    behind : int
        How many answers were left out since the last one, for the network took too long.
    """

    time: float
    start: float
    recognition: Recognition
    behind: int = 0

    def to_dict(self, *, top: int | None = None) -> dict[str, Any]:
        """Return the record, as JSON has it.

        Parameters
        ----------
        top : int > 0 or None
            How many of the ranked genres; None means all.

        Returns
        -------
        dict
            Keys `time`, `start`, `genre`, `confidence`, `reason`, `genres`, `behind`, `model`; those that
            `Recognition.to_dict` has too mean the same.
        """
        record = self.recognition.to_dict(top=top, timeline=False)
        record = {key: record[key] for key in ("genre", "confidence", "reason", "genres")}
        times = {"time": round(self.time, 3), "start": round(self.start, 3)}
        return {**times, **record, "behind": self.behind, "model": record["model"]}


def listen(
    recognizer: Recognizer,
    blocks: Iterable[Waveform],
    sample_rate: int,
    *,
    every_seconds: float = 1.0,
    window_seconds: float | None = None,
) -> Iterator[Moment]:
    """Recognize the last seconds of sound again and again while it comes.

    A thread of its own takes the sound, so that its source never waits for the network. If the network
    takes longer than the sound, answers are left out: they are never late by more than one step and the
    time that one answer takes. Sound that comes faster than it is played is waited for instead. Memory is
    that of the window.

    Parameters
    ----------
    recognizer : Recognizer
    blocks : iterable of np.ndarray [shape=(channels, samples)], float32
        The sound, in small blocks (a tenth of a second, say), full scale -1..1; read by that thread. An empty
        block now and then, while no sound comes, lets that thread end when nobody wants answers any more.
    sample_rate : int > 0
        Of the sound, in Hz.
    every_seconds : float > 0
        From one answer to the next.
    window_seconds : float or None
        How much sound an answer is about; of it whole segments are heard, in the steps that the model has,
        back from the end. None is two segments.

    Returns
    -------
    iterator of Moment
        One for each step, and one for what is behind the last. While less than a segment has come, what is
        there is heard as a short file is. Close it to stop early; the thread ends when the next block comes.

    Raises
    ------
    UsageError
        If a time is not positive, the window is shorter than a segment, or the sample rate is none.
    AudioError
        While iterating, if no sound comes at all, or what comes holds what is no finite number or beyond
        `genrelab.audio.level.LOUDEST`.
    ModelFileError
        While iterating, if the network fails.

    Examples
    --------
    >>> for moment in listen(recognizer, blocks, 44100):  # doctest: +SKIP
    ...     print(moment.time, moment.recognition.genre)
    """
    metadata = recognizer.bundle.metadata
    window_seconds = 2 * metadata.segment_seconds if window_seconds is None else window_seconds
    for name, seconds in (("a step", every_seconds), ("a window", window_seconds)):
        if not (math.isfinite(seconds) and 0 < seconds <= 3600):
            raise UsageError(
                f"{name} must be longer than 0 s and at most an hour, not {seconds} s", code="listen-duration"
            )
    window = round(window_seconds * metadata.sample_rate)
    if window < metadata.segment_samples:
        raise UsageError(
            f"a window of {window_seconds} s is shorter than a segment of this model, "
            f"{metadata.segment_seconds} s. Use a longer one.",
            code="listen-window-short",
        )
    sample_rate = check_rate(sample_rate)
    step = max(1, round(every_seconds * metadata.sample_rate))
    recent = RingBuffer(metadata.channels, metadata.sample_rate, _whole(window, metadata), step)
    return _listen(recognizer, recent, blocks, sample_rate)


def _listen(
    recognizer: Recognizer, recent: RingBuffer, blocks: Iterable[Waveform], sample_rate: int
) -> Iterator[Moment]:
    metadata = recognizer.bundle.metadata
    reader = threading.Thread(
        target=_read, args=(recent, blocks, sample_rate, metadata), name="listen", daemon=True
    )
    reader.start()
    heard = False
    try:
        while (seen := recent.look()) is not None:
            moment, behind, sound = seen
            sound = sound[:, -_whole(sound.shape[1], metadata) :]
            answer = recognizer(sound, sample_rate=metadata.sample_rate, full=True)
            seconds = moment / metadata.sample_rate
            yield Moment(seconds, seconds - (answer.duration or 0.0), _bare(answer), behind)
            heard = True
    finally:
        recent.stop()
        reader.join(_FAREWELL_SECONDS)  # the resampler must not be at work when Python ends
    if not heard:
        raise AudioError("no audio arrived. Check its source.", code="listen-no-sound")


def _read(recent: RingBuffer, blocks: Iterable[Waveform], sample_rate: int, metadata: BundleMetadata) -> None:
    """Bring the sound to the model's form until it ends; what goes wrong is raised to who looks."""
    try:
        wanted = takewhile(lambda _: not recent.stopped, blocks)
        mixed = mix((_checked(block) for block in wanted if block.size), metadata.channels, sample_rate)
        for block in resample_blocks(mixed, sample_rate, metadata.sample_rate):
            if not recent.put(block):
                return
        recent.end()
    except Exception as error:
        recent.end(error)


def _checked(block: Waveform) -> Waveform:
    """Return a block of sound, or raise where it holds what is none."""
    fits = usable(block)
    if not fits.all():
        raise AudioError(
            f"the audio contains {describe(float(block.ravel()[fits.argmin()]))}", code="listen-values"
        )
    return block


def _whole(samples: int, metadata: BundleMetadata) -> int:
    """Return how many of the samples make whole segments; all of them if there are too few for one."""
    segment, hop = metadata.segment_samples, metadata.hop_samples
    return samples if samples < segment else segment + (samples - segment) // hop * hop


def _bare(answer: Recognition) -> Recognition:
    """Leave out what would grow if answers are kept."""
    return dataclasses.replace(answer, embedding=None, probabilities=None)
