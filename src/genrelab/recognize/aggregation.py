"""From the segments of one file to what is said about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrelab.audio.decode import Waveform
from genrelab.bundle.bundle import Bundle
from genrelab.recognize.recognition import UNSURE, RankedGenre, Reason, Recognition, Segment
from genrelab.recognize.segment_sampling import is_clear
from genrelab.voting import vote

SILENCE_DBFS = -60.0
"""A segment whose root mean square, padding included, is below it is silent and does not vote."""

_SILENT_POWER = 10.0 ** (SILENCE_DBFS / 10.0)


class SegmentAggregator:
    """One file being heard: keeps a few numbers a segment, no sound.

    Parameters
    ----------
    bundle : Bundle
        The model that judges.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._samples = 0
        self._starts: list[int] = []
        self._voting: list[bool] = []
        self._scores: list[npt.NDArray[np.float32]] = []  # of the segments that vote
        self._embeddings: npt.NDArray[np.float64] | float = 0.0  # of the same, their sum

    def count(self, blocks: Iterable[Waveform]) -> Iterator[Waveform]:
        """Pass blocks of the file on and count their samples."""
        for block in blocks:
            self._samples += block.shape[-1]
            yield block

    def add(self, segments: Sequence[tuple[int, Waveform]]) -> None:
        """Take segments, equally long: number of the first sample, waveform `[channels, n]`."""
        loud = [float(np.mean(np.square(wave, dtype=np.float64))) >= _SILENT_POWER for _, wave in segments]
        self._starts += [start for start, _ in segments]
        self._voting += loud
        if any(loud):
            voting = [wave for (_, wave), votes in zip(segments, loud, strict=True) if votes]
            scores, embeddings = self._bundle.predict(np.stack(voting))
            self._scores.append(scores)
            self._embeddings = self._embeddings + embeddings.sum(axis=0, dtype=np.float64)

    @property
    def silent(self) -> bool:
        """Whether no segment so far votes."""
        return not self._scores

    def is_clear(self, of: int) -> bool:
        """Return whether the other segments of the file's `of` would hardly change the answer.

        They might exchange the first genre and the second, or bring the first over or under the
        confidence from which on it is the answer.
        """
        metadata = self._bundle.metadata
        if self.silent:
            return False
        scores = np.concatenate(self._scores).astype(np.float64)
        first, second = vote(scores, rule=metadata.voting).order[:2]
        if metadata.voting == "majority":
            firsts = scores.argmax(axis=1)
            leads = (firsts == first).astype(np.float64) - (firsts == second)
        else:
            leads = scores[:, first] - scores[:, second]
        border = metadata.abstain_below
        return is_clear(leads, of) and (border == 0.0 or is_clear(scores[:, first] - border, of))

    def result(self, path: Path, *, seconds: float | None = None) -> Recognition:
        """Return what is said about the file, after its last segment.

        Parameters
        ----------
        path : Path
        seconds : float or None
            How long the file is if only some of its segments were judged; None if all passed `listen`.

        Returns
        -------
        Recognition
        """
        metadata = self._bundle.metadata
        if seconds is not None:
            self._samples = round(seconds * metadata.sample_rate)
        duration = self._samples / metadata.sample_rate if seconds is None else seconds
        every = self._every()
        if self.silent:
            return Recognition(
                path,
                self._bundle.identity,
                duration=duration,
                genre=UNSURE,
                confidence=0.0,
                timeline=self._timeline(every),
                reason="silent",
                full=seconds is None,
                probabilities=np.empty((len(self._starts), 0), np.float16),
            )
        scores = every[~np.isnan(every[:, 0])]
        answer = vote(scores, rule=metadata.voting)
        ranked = tuple(
            RankedGenre(metadata.genres[number], float(answer.probabilities[number]))
            for number in answer.order
        )
        reason: Reason | None = "low confidence" if ranked[0].probability < metadata.abstain_below else None
        return Recognition(
            path,
            self._bundle.identity,
            duration=duration,
            genre=UNSURE if reason else ranked[0].genre,
            confidence=ranked[0].probability,
            genres=ranked,
            timeline=self._timeline(every),
            reason=reason,
            full=seconds is None,
            embedding=np.asarray(self._embeddings / len(scores), dtype=np.float32),
            probabilities=every[:, answer.order].astype(np.float16),
        )

    def _every(self) -> npt.NDArray[np.float32]:
        """Return the probabilities of all segments in the order of time; of silent ones, no numbers."""
        every = np.full((len(self._starts), len(self._bundle.metadata.genres)), np.nan, np.float32)
        if self._scores:
            every[np.asarray(self._voting)] = np.concatenate(self._scores)
        return every[np.argsort(self._starts)]

    def _timeline(self, every: npt.NDArray[np.float32]) -> tuple[Segment, ...]:
        metadata = self._bundle.metadata
        rate, length = metadata.sample_rate, metadata.segment_samples
        timeline: list[Segment] = []
        for start, row in zip(sorted(self._starts), every, strict=True):
            end = min(start + length, self._samples) / rate
            if np.isnan(row[0]):
                timeline.append(Segment(start / rate, end, None, None))
            else:
                first = int(row.argmax())
                timeline.append(Segment(start / rate, end, metadata.genres[first], float(row[first])))
        return tuple(timeline)
