"""Combine the predictions of one file's segments into one recognition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrelab.audio.decode import Waveform
from genrelab.bundle.bundle import Bundle
from genrelab.recognize.recognition import UNSURE, RankedGenre, Reason, Recognition, Segment, TagScore
from genrelab.recognize.segment_sampling import is_clear
from genrelab.voting import vote

SILENCE_DBFS = -60.0
"""A segment is silent and does not vote if its root mean square, including padding, is below this level."""

_SILENT_POWER = 10.0 ** (SILENCE_DBFS / 10.0)


class SegmentAggregator:
    """Collects the predictions for the segments of one file; keeps no audio.

    Parameters
    ----------
    bundle : Bundle
        The model.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._samples = 0
        self._starts: list[int] = []
        self._voting: list[bool] = []
        self._scores: list[npt.NDArray[np.float32]] = []  # of the voting segments
        self._embeddings: npt.NDArray[np.float64] | float = 0.0  # sum over the voting segments
        self._tags: npt.NDArray[np.float64] | float = 0.0  # likewise
        self._no_music: list[npt.NDArray[np.float32]] = []  # of the voting segments, if the model detects it
        self._no_music_column = bundle.metadata.no_music_column

    def count(self, blocks: Iterable[Waveform]) -> Iterator[Waveform]:
        """Yield the blocks of the file and count their samples."""
        for block in blocks:
            self._samples += block.shape[-1]
            yield block

    def add(self, segments: Sequence[tuple[int, Waveform]]) -> None:
        """Run the model on segments of equal length, given as first sample and waveform `[channels, n]`."""
        loud = [float(np.mean(np.square(wave, dtype=np.float64))) >= _SILENT_POWER for _, wave in segments]
        self._starts += [start for start, _ in segments]
        self._voting += loud
        if any(loud):
            voting = [wave for (_, wave), votes in zip(segments, loud, strict=True) if votes]
            found = self._bundle.predict(np.stack(voting))
            self._scores.append(found.probabilities)
            self._embeddings = self._embeddings + found.embeddings.sum(axis=0, dtype=np.float64)
            self._tags = self._tags + found.tags.sum(axis=0, dtype=np.float64)
            if self._no_music_column is not None:
                self._no_music.append(found.tags[:, self._no_music_column])

    @property
    def silent(self) -> bool:
        """Whether all segments so far are silent."""
        return not self._scores

    def is_clear(self, of: int) -> bool:
        """Return whether more of the file's `of` segments are unlikely to change the genre.

        They could swap the first two genres, or move the confidence across the abstention threshold of the
        first one, or the probability of no music across its threshold. If there clearly is no music, the
        genres do not matter.
        """
        metadata = self._bundle.metadata
        if self.silent:
            return False
        if metadata.no_music_above is not None:
            excess = np.concatenate(self._no_music).astype(np.float64) - metadata.no_music_above
            if not is_clear(excess, of):
                return False
            if excess.mean() >= 0.0:
                return True
        scores = np.concatenate(self._scores).astype(np.float64)
        first, second = vote(scores, rule=metadata.voting).order[:2]
        if metadata.voting == "majority":
            firsts = scores.argmax(axis=1)
            leads = (firsts == first).astype(np.float64) - (firsts == second)
        else:
            leads = scores[:, first] - scores[:, second]
        threshold = metadata.threshold_of(metadata.genres[first])
        return is_clear(leads, of) and (threshold == 0.0 or is_clear(scores[:, first] - threshold, of))

    def result(self, path: Path, *, seconds: float | None = None) -> Recognition:
        """Return the recognition of the file, after its last segment.

        Parameters
        ----------
        path : Path
        seconds : float or None
            Duration of the file if only some of its segments were added; None if all blocks passed `count`.

        Returns
        -------
        Recognition
        """
        metadata = self._bundle.metadata
        if seconds is not None:
            self._samples = round(seconds * metadata.sample_rate)
        duration = self._samples / metadata.sample_rate if seconds is None else seconds
        every = self._probabilities()
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
        winner = vote(scores, rule=metadata.voting)
        ranked = tuple(
            RankedGenre(metadata.genres[number], float(winner.probabilities[number]))
            for number in winner.order
        )
        reason = self._reason(ranked[0])
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
            tags=self._tag_scores(music=reason != "no music"),
            embedding=np.asarray(self._embeddings / len(scores), dtype=np.float32),
            probabilities=every[:, winner.order].astype(np.float16),
        )

    def _reason(self, first: RankedGenre) -> Reason | None:
        """Return why the model abstains; None if it does not."""
        metadata = self._bundle.metadata
        if metadata.no_music_above is not None:
            mean = float(np.concatenate(self._no_music).mean(dtype=np.float64))
            if mean >= metadata.no_music_above:
                return "no music"
        return "low confidence" if first.probability < metadata.threshold_of(first.genre) else None

    def _tag_scores(self, *, music: bool) -> tuple[TagScore, ...]:
        """Return the tags for users, most likely first; without music none is present."""
        voting = sum(len(scores) for scores in self._scores)
        means = np.atleast_1d(self._tags / voting).tolist()  # empty without tags
        scores = [
            TagScore(tag.kind, tag.name, mean, music and mean >= tag.threshold)
            for tag, mean in zip(self._bundle.metadata.tags, means, strict=True)
            if tag.for_users
        ]
        return tuple(sorted(scores, key=lambda score: -score.probability))

    def _probabilities(self) -> npt.NDArray[np.float32]:
        """Return the probabilities [shape=(segments, genres)] in order of time; NaN for silent segments."""
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
