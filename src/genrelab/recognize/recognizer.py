"""Run a model on files."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Self

import numpy.typing as npt

from genrelab.audio.decode import stream
from genrelab.audio.segments import Waveform, stream_segments
from genrelab.bundle.bundle import Bundle
from genrelab.bundle.find import find_model
from genrelab.errors import AudioError, UsageError
from genrelab.recognize.arrays import array_blocks
from genrelab.recognize.hearing import Hearing
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.scan import Problem

Through = Callable[[Path, Callable[[Path], Recognition]], Recognition]
"""Stands between a file and its recognition: gets the path and what recognizes it."""

ARRAY = Path("<array>")
"""What stands for the path in what is said about an array."""


class _Stopped(Exception):  # noqa: N818
    """Nobody wants the answer any more."""


class Recognizer:
    """A model that says of files and of arrays what genre they are.

    Parameters
    ----------
    bundle : Bundle
        The model.
    batch_seconds : float > 0
        About how much sound the network gets at once; memory grows with it, not with the files.

    Examples
    --------
    >>> recognizer = Recognizer.load("model.onnx")  # doctest: +SKIP
    >>> recognizer("song.mp3").genre  # doctest: +SKIP
    'jazz'
    >>> recognizer(waveform, sample_rate=44100).genre  # doctest: +SKIP
    'jazz'
    """

    def __init__(self, bundle: Bundle, *, batch_seconds: float = 30.0) -> None:
        if not batch_seconds > 0:
            raise UsageError(f"batch_seconds must be above 0, not {batch_seconds}")
        self.bundle = bundle
        self._batch = max(1, int(batch_seconds / bundle.metadata.segment_seconds))

    @classmethod
    def load(cls, model: str | os.PathLike[str] | None = None, *, threads: int | None = None) -> Self:
        """Read a model file.

        Parameters
        ----------
        model : str, path-like or None
            The file; None means what `genrelab.bundle.find.find_model` finds.
        threads : int > 0 or None
            CPU threads that one file uses; None means all cores.

        Returns
        -------
        Recognizer

        Raises
        ------
        UsageError
            If no model is named and none is found.
        ModelFileError
            If the file cannot be used.
        """
        return cls(Bundle.load(find_model(model), threads=threads))

    def __call__(
        self, source: str | os.PathLike[str] | npt.ArrayLike, *, sample_rate: int | None = None
    ) -> Recognition:
        """Recognize one file, in memory that does not grow with its length, or one array.

        Parameters
        ----------
        source : str, path-like or np.ndarray [shape=(samples,) or (channels, samples)]
            A sound file, or sound as `genrelab.recognize.arrays.array_blocks` takes it.
        sample_rate : int > 0 or None
            Of the array, in Hz; a file has its own.

        Returns
        -------
        Recognition
            With `error` set where the file cannot be read to its end. For an array its path is `ARRAY`; all
            else is what a file of the same samples gets.

        Raises
        ------
        UsageError
            If an array has no sample rate or a file is given one, or the array is no sound.
        ModelFileError
            If the network fails.
        """
        if isinstance(source, str | os.PathLike):
            if sample_rate is not None:
                raise UsageError(f"{os.fspath(source)} is a file and has its sample rate: leave it away")
            return self._recognize(Path(source), threading.Event())
        if sample_rate is None:
            raise UsageError("an array needs its sample rate: recognizer(waveform, sample_rate=44100)")
        metadata = self.bundle.metadata
        blocks = array_blocks(
            source, sample_rate, to_rate=metadata.sample_rate, to_channels=metadata.channels
        )
        return self._hear(blocks, threading.Event()).conclude(ARRAY)

    def recognize_many(
        self,
        files: Iterable[str | os.PathLike[str] | Problem],
        *,
        jobs: int = 1,
        through: Through | None = None,
    ) -> Iterator[Recognition]:
        """Recognize files, in the order given.

        Parameters
        ----------
        files : iterable of str, path-like or Problem
            Sound files, e.g. `scan(["music"])`; a `Problem` becomes a record with its message as error.
            The iterable is read no more than a few files ahead.
        jobs : int > 0
            How many files at once. With several, `load` the recognizer with `threads` set to the cores per
            job.
        through : callable or None
            Is asked for the answer to each file, by several threads at once, and may recognize it with the
            function that it gets: `genrelab.library.Memory` does so where nothing is known yet.

        Yields
        ------
        Recognition
            One for each file. Closing the iterator stops the files at work after their current batch.

        Raises
        ------
        UsageError
            If `jobs` is not positive.
        ModelFileError
            If the network fails.
        """
        if jobs < 1:
            raise UsageError(f"recognition needs at least 1 job, not {jobs}")
        return self._in_order(files, jobs, through)

    def _in_order(
        self, files: Iterable[str | os.PathLike[str] | Problem], jobs: int, through: Through | None
    ) -> Iterator[Recognition]:
        stop = threading.Event()
        waiting: deque[Future[Recognition]] = deque()
        pool = ThreadPoolExecutor(jobs, thread_name_prefix="recognize")
        try:
            for file in files:
                waiting.append(pool.submit(self._recognize_found, file, stop, through))
                if len(waiting) > 2 * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _recognize_found(
        self, file: str | os.PathLike[str] | Problem, stop: threading.Event, through: Through | None
    ) -> Recognition:
        if isinstance(file, Problem):
            return Recognition(file.path, self.bundle.identity, error=file.message)
        if through is None:
            return self._recognize(Path(file), stop)
        return through(Path(file), lambda path: self._recognize(path, stop))

    def _recognize(self, path: Path, stop: threading.Event) -> Recognition:
        metadata = self.bundle.metadata
        try:
            blocks = stream(path, sample_rate=metadata.sample_rate, channels=metadata.channels)
            return self._hear(blocks, stop).conclude(path)
        except AudioError as error:
            return Recognition(path, self.bundle.identity, error=str(error))
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror or error}"
            return Recognition(path, self.bundle.identity, error=message)

    def _hear(self, blocks: Iterable[Waveform], stop: threading.Event) -> Hearing:
        """Hear sound at the model's sample rate and channels to its end."""
        metadata = self.bundle.metadata
        hearing = Hearing(self.bundle)
        segments = stream_segments(
            hearing.listen(blocks),
            metadata.segment_samples,
            metadata.hop_samples,
            padding="repeat" if metadata.padding in ("repeat", "none") else "end",
            shortest=metadata.shortest_samples,
        )
        while batch := list(islice(segments, self._batch)):
            if stop.is_set():
                raise _Stopped
            hearing.judge(batch)
        return hearing
