"""From the segments of one file to what is said about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrelab.audio.decode import Waveform
from genrelab.bundle.bundle import Bundle
from genrelab.recognize.recognition import UNSURE, RankedGenre, Reason, Recognition, Segment
from genrelab.voting import vote

SILENCE_DBFS = -60.0
"""A segment whose root mean square, padding included, is below it is silent and does not vote."""

_SILENT_POWER = 10.0 ** (SILENCE_DBFS / 10.0)


class Hearing:
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

    def listen(self, blocks: Iterable[Waveform]) -> Iterator[Waveform]:
        """Pass blocks of the file on and count their samples."""
        for block in blocks:
            self._samples += block.shape[-1]
            yield block

    def judge(self, segments: Sequence[tuple[int, Waveform]]) -> None:
        """Take the next segments, equally long: number of the first sample, waveform `[channels, n]`."""
        loud = [float(np.mean(np.square(wave, dtype=np.float64))) >= _SILENT_POWER for _, wave in segments]
        self._starts += [start for start, _ in segments]
        self._voting += loud
        if any(loud):
            voting = [wave for (_, wave), votes in zip(segments, loud, strict=True) if votes]
            scores, embeddings = self._bundle.predict(np.stack(voting))
            self._scores.append(scores)
            self._embeddings = self._embeddings + embeddings.sum(axis=0, dtype=np.float64)

    def conclude(self, path: Path) -> Recognition:
        """Return what is said about the file, after its last segment."""
        metadata = self._bundle.metadata
        duration = self._samples / metadata.sample_rate
        if not self._scores:
            return Recognition(
                path,
                self._bundle.identity,
                duration=duration,
                genre=UNSURE,
                confidence=0.0,
                timeline=self._timeline(np.empty((0, len(metadata.genres)))),
                reason="silent",
                probabilities=np.empty((len(self._starts), 0), np.float32),
            )
        scores = np.concatenate(self._scores)
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
            timeline=self._timeline(scores),
            reason=reason,
            embedding=np.asarray(self._embeddings / len(scores), dtype=np.float32),
            probabilities=self._probabilities(scores[:, answer.order]),
        )

    def _probabilities(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the scores with rows that are no numbers where a segment is silent."""
        every = np.full((len(self._voting), scores.shape[1]), np.nan, np.float32)
        every[np.asarray(self._voting)] = scores
        return every

    def _timeline(self, scores: npt.NDArray[np.floating]) -> tuple[Segment, ...]:
        metadata = self._bundle.metadata
        rate, length = metadata.sample_rate, metadata.segment_samples
        rows = iter(scores)
        timeline: list[Segment] = []
        for start, votes in zip(self._starts, self._voting, strict=True):
            end = min(start + length, self._samples) / rate
            if votes:
                row = next(rows)
                first = int(row.argmax())
                timeline.append(Segment(start / rate, end, metadata.genres[first], float(row[first])))
            else:
                timeline.append(Segment(start / rate, end, None, None))
        return tuple(timeline)
