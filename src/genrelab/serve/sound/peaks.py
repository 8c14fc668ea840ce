"""The peaks of waveforms, decoded one file at a time, the last ones kept."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

import numpy as np
import numpy.typing as npt
from anyio import CapacityLimiter, to_thread

from genrelab.audio.playback.peaks import measure_peaks, reduce_peaks
from genrelab.errors import AudioError
from genrelab.library.store.listing.listed_track import path_text
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.serve.sound.opened import OpenedTrack
from genrelab.serve.sound.sending import named

_MOST_KEPT = 100  # files, of 32 KB each
_MOST_WAITING = 16  # requests
_LONGEST_SECONDS = 60.0  # to decode a file
_BUSY_SECONDS = 5

_Small = npt.NDArray[np.float16]


class PeakCache:
    """Measures peaks. One part of the server.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self._one = CapacityLimiter(1)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[bytes, int, int], _Small] = OrderedDict()

    async def find(self, track: OpenedTrack, points: int) -> list[list[float]]:
        """Return pairs of the lowest and the highest sample of consecutive pieces, in -1..1.

        Parameters
        ----------
        track : OpenedTrack
        points : int > 0
            Number of pieces; a very short file has fewer.

        Raises
        ------
        RequestError
            If too many requests wait (503), or the file is too long to be decoded in a minute (422).
        AudioError
            If nothing of the file can be decoded.
        """
        kept = self._known(track)
        if kept is None:
            if self._one.statistics().tasks_waiting >= _MOST_WAITING:
                raise RequestError(
                    "too many waveforms are being measured",
                    code="peaks-busy",
                    status=503,
                    remedy="try again soon",
                    headers={"Retry-After": str(_BUSY_SECONDS)},
                )
            kept = await to_thread.run_sync(self._measure, track, limiter=self._one)
        reduced = reduce_peaks(kept.astype(np.float32), points)
        pairs: list[list[float]] = np.round(reduced.astype(np.float64), 3).tolist()
        return pairs

    def _known(self, track: OpenedTrack) -> _Small | None:
        with self._lock:
            kept = self._kept.get(track.state)
            if kept is not None:
                self._kept.move_to_end(track.state)
            return kept

    def _measure(self, track: OpenedTrack) -> _Small:
        kept = self._known(track)  # another request may have waited for the same file
        if kept is not None:
            return kept
        end = time.monotonic() + _LONGEST_SECONDS
        try:
            found = measure_peaks(track.decodable, wanted=lambda: time.monotonic() < end)
        except AudioError as error:
            raise named(error, track) from error
        if found is None:
            raise RequestError(
                "the file is too long for a picture of its waveform",
                code="peaks-too-long",
                status=422,
                path=path_text(track.path),
                remedy="its timeline has the genres of all segments",
            )
        kept = found.astype(np.float16)
        with self._lock:
            self._kept[track.state] = kept
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return kept
