"""One stream of live audio: bytes go in, answers come out, and a thread recognizes in between."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from genrelab.errors import AudioError, GenrelabError
from genrelab.recognize.live.listening import Moment, listen
from genrelab.recognize.live.pcm import pcm_blocks
from genrelab.recognize.recognition import UNSURE
from genrelab.serve.guard.log import LOGGER
from genrelab.serve.problem import RequestError

if TYPE_CHECKING:
    from genrelab.recognize.recognizer import Recognizer

_MOST_PIECES = 64  # that wait for recognition; then the client waits
_MOST_ANSWERS = 8  # that wait for the client; then the oldest is dropped
_LOOK_SECONDS = 0.1
_FULL_SCALE = 32768.0
_RANKED = 5


class LiveStream:
    """A stream of 16-bit PCM with one channel.

    Parameters
    ----------
    load : callable
        Returns the recognizer; it is called in the thread.
    sample_rate : int > 0
        In Hz.
    """

    def __init__(self, load: Callable[[], Recognizer], sample_rate: int) -> None:
        self._load = load
        self._rate = sample_rate
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_MOST_PIECES)
        self._closed = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._answers: deque[dict[str, Any] | GenrelabError | None] = deque(maxlen=_MOST_ANSWERS)
        self._answered = asyncio.Event()
        self._level = _Level()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    async def feed(self, piece: bytes) -> None:
        """Take audio; waits while too much of it is not recognized yet. A sample may span two pieces."""
        self._level.add(piece)
        await self._put(piece)

    async def finish(self) -> None:
        """Mark the end of the audio; a last answer follows."""
        await self._put(None)

    async def _put(self, piece: bytes | None) -> None:
        while not self._closed.is_set():
            try:
                self._pieces.put_nowait(piece)
                return
            except queue.Full:
                await asyncio.sleep(_LOOK_SECONDS)

    async def answers(self) -> AsyncIterator[dict[str, Any]]:
        """Yield an answer about once a second of audio, until the audio ends.

        Yields
        ------
        dict
            `seconds` (of audio so far), `genre` (`unsure` if none is clear enough), `confidence`, `reason`,
            `ranked` (a list of `genre` and `probability`), `level` (root mean square since the last answer,
            0..1) and `behind` (answers left out because recognition is slower than the audio).

        Raises
        ------
        GenrelabError
            If the audio cannot be recognized.
        """
        while True:
            await self._answered.wait()
            self._answered.clear()
            while self._answers:
                answer = self._answers.popleft()
                if answer is None:
                    return
                if isinstance(answer, GenrelabError):
                    raise answer
                yield answer

    def close(self) -> None:
        """Stop recognizing."""
        self._closed.set()

    def _run(self) -> None:
        try:
            recognizer = self._load()
            blocks = pcm_blocks(self._arriving(), "s16le", 1)
            with closing(_moments(recognizer, blocks, self._rate)) as moments:
                for moment in moments:
                    if self._closed.is_set():
                        break
                    self._answer(_described(moment, self._level.take()))
        except AudioError as error:
            self._answer(None if error.code == "listen-no-sound" else error)
        except GenrelabError as error:
            self._answer(error)
        except Exception:
            LOGGER.exception("live audio failed")
            message = "recognition failed through a defect of genrelab; the log of the server says more"
            self._answer(RequestError(message, code="live-defect", status=500))
        finally:
            self._closed.set()
            self._answer(None)

    def _arriving(self) -> Iterator[bytes]:
        while not self._closed.is_set():
            try:
                piece = self._pieces.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                yield b""
                continue
            if piece is None:
                return
            yield piece

    def _answer(self, answer: dict[str, Any] | GenrelabError | None) -> None:
        def put() -> None:
            self._answers.append(answer)
            self._answered.set()

        try:
            self._loop.call_soon_threadsafe(put)
        except RuntimeError:  # the server has ended
            self._closed.set()


def _moments(recognizer: Recognizer, blocks: Iterator[Any], rate: int) -> Any:
    return listen(recognizer, blocks, rate)


def _described(moment: Moment, level: float) -> dict[str, Any]:
    record = moment.recognition
    return {
        "seconds": round(moment.time, 3),
        "genre": record.genre or UNSURE,
        "confidence": None if record.confidence is None else round(record.confidence, 6),
        "reason": record.reason,
        "ranked": [
            {"genre": genre, "probability": round(probability, 6)}
            for genre, probability in record.genres[:_RANKED]
        ],
        "level": round(level, 6),
        "behind": moment.behind,
    }


class _Level:
    """Root mean square of 16-bit samples; one thread adds, another takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._odd = b""
        self._sum, self._count = 0.0, 0

    def add(self, piece: bytes) -> None:
        piece = self._odd + piece
        whole = len(piece) - len(piece) % 2
        self._odd = piece[whole:]
        samples = np.frombuffer(piece[:whole], "<i2").astype(np.float64) / _FULL_SCALE
        with self._lock:
            self._sum += float(samples @ samples)
            self._count += samples.size

    def take(self) -> float:
        with self._lock:
            level = float(np.sqrt(self._sum / self._count)) if self._count else 0.0
            self._sum, self._count = 0.0, 0
        return level
