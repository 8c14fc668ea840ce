"""Run a model on files and arrays."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt

from genrelab.audio.containers.window import ReadableFile
from genrelab.audio.decode import open_excerpts, stream
from genrelab.audio.excerpts import Excerpts
from genrelab.audio.flaws import Flaws
from genrelab.audio.segments import Waveform, segment_starts, stream_segments
from genrelab.bundle.bundle import Bundle
from genrelab.bundle.find import find_model
from genrelab.bundle.runtime import Provider
from genrelab.errors import AudioError, UsageError
from genrelab.recognize.aggregation import SegmentAggregator
from genrelab.recognize.arrays import array_blocks, array_excerpts
from genrelab.recognize.given import as_path
from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.notices import error_of, notices_of
from genrelab.recognize.prefetch import map_in_order, read_ahead
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.scan import Problem
from genrelab.recognize.segment_sampling import spread_starts
from genrelab.recognize.span import WHOLE, Span, about_track

Source = str | bytes | os.PathLike[str] | os.PathLike[bytes] | SheetTrack | npt.ArrayLike
"""What can be recognized: the path of a file, a track of a CUE sheet, or an array of samples."""

File = str | os.PathLike[str] | SheetTrack | Problem
"""What `scan` yields, or the path of a file as a text."""

ARRAY = Path("<array>")
"""The path in the record of an array."""

_LEAST_INTACT_SECONDS = 5.0  # of a damaged file, or one segment if that is shorter


class _Stopped(Exception):  # noqa: N818
    """The result is no longer wanted."""


class Recognizer:
    """A model that recognizes the genre of files and arrays.

    Parameters
    ----------
    bundle : Bundle
        The model.
    full : bool
        Whether to process whole files. Otherwise only segments spread over a long file are read: see
        `genrelab.recognize.segment_sampling`.
    batch_seconds : float > 0
        Length of audio in one batch of the network, approximately. It determines the memory in use.

    Examples
    --------
    >>> recognizer = Recognizer.load("model.onnx")  # doctest: +SKIP
    >>> recognizer("song.mp3").genre  # doctest: +SKIP
    'jazz'
    >>> recognizer(waveform, sample_rate=44100).genre  # doctest: +SKIP
    'jazz'
    """

    def __init__(self, bundle: Bundle, *, full: bool = False, batch_seconds: float = 30.0) -> None:
        if not batch_seconds > 0:
            raise UsageError(f"batch_seconds must be above 0, not {batch_seconds}", code="batch-seconds")
        self.bundle = bundle
        self.full = full
        self._batch = max(1, int(batch_seconds / bundle.metadata.segment_seconds))

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str] | None = None,
        *,
        full: bool = False,
        threads: int | None = None,
        provider: Provider = "cpu",
    ) -> Self:
        """Load a model file.

        Parameters
        ----------
        model : str, path-like or None
            The file; None means the one that `genrelab.bundle.find.find_model` returns.
        full : bool
            Whether to process whole files.
        threads : int > 0 or None
            CPU threads of the network per file; None means all cores.
        provider : {"cpu", "cuda", "tensorrt"}
            Where the network runs.

        Returns
        -------
        Recognizer

        Raises
        ------
        UsageError
            If no model is given and none is found, or the provider cannot be used here.
        ModelFileError
            If the file cannot be used.
        """
        return cls(Bundle.load(find_model(model), threads=threads, provider=provider), full=full)

    def __call__(
        self, source: Source, *, sample_rate: int | None = None, full: bool | None = None
    ) -> Recognition:
        """Recognize one file or array. Memory does not grow with the length of the file.

        Parameters
        ----------
        source : str, bytes, path-like, SheetTrack or np.ndarray [shape=(samples,) or (channels, samples)]
            An audio file, a track of a CUE sheet, or an array as
            `genrelab.recognize.arrays.array_blocks` takes it.
        sample_rate : int > 0 or None
            Of the array, in Hz. Required for an array, not allowed for a file.
        full : bool or None
            Whether to process all of it; None means the setting of the recognizer.

        Returns
        -------
        Recognition
            `error` is set if the file cannot be read to its end. The path of an array is `ARRAY`; all other
            fields equal those of a file with the same samples.

        Raises
        ------
        UsageError
            If the sample rate is missing for an array or given for a file, or the array is not audio.
        ModelFileError
            If the network fails.
        """
        path = as_path(source)
        if path is not None:
            if sample_rate is not None:
                message = f"{path} is a file and has its own sample rate. Omit sample_rate"
                raise UsageError(message, code="file-with-sample-rate")
            return self.recognize_found(path, full=full)
        if isinstance(source, SheetTrack):
            return self.recognize_found(source, full=full)
        array: Any = source
        if sample_rate is None:
            message = "an array needs its sample rate: recognizer(waveform, sample_rate=44100)"
            raise UsageError(message, code="array-without-sample-rate")
        form = {"to_rate": self.bundle.metadata.sample_rate, "to_channels": self.bundle.metadata.channels}
        if not (self.full if full is None else full):
            spread = array_excerpts(array, sample_rate, **form)
            record = self._process_spread(ARRAY, spread, threading.Event())
            if record is not None:
                return record
        return self._process(ARRAY, array_blocks(array, sample_rate, **form), threading.Event())

    def recognize_many(self, files: Iterable[File], *, jobs: int = 1) -> Iterator[Recognition]:
        """Recognize files, in the order given.

        Parameters
        ----------
        files : iterable of str, path-like, SheetTrack or Problem
            Audio files, such as `scan(["music"])` yields, and tracks of CUE sheets. A `Problem` becomes a
            record whose `error` is its message. The iterable is read only a few files ahead.
        jobs : int > 0
            How many files to recognize at once. With several, `load` the recognizer with `threads` set to
            the cores per job.

        Yields
        ------
        Recognition
            One per file. Closing the iterator stops files in progress after their current batch.

        Raises
        ------
        UsageError
            If `jobs` is not positive.
        ModelFileError
            If the network fails.
        """
        return map_in_order(self.recognize_found, (as_path(file) or file for file in files), jobs=jobs)

    def recognize_found(
        self, file: File | ReadableFile, stop: threading.Event | None = None, *, full: bool | None = None
    ) -> Recognition:
        """Recognize one of the things that `scan` yields, or a file that is no path.

        Parameters
        ----------
        file : str, path-like, SheetTrack, Problem or ReadableFile
            As `recognize_many` takes them, or an object in an object store.
        stop : threading.Event or None
            Setting it in another thread stops the work after the current batch.
        full : bool or None
            Whether to process the whole file; None means the setting of the recognizer.

        Returns
        -------
        Recognition

        Raises
        ------
        ModelFileError
            If the network fails.
        """
        stop = stop or threading.Event()
        if isinstance(file, Problem):
            return Recognition(file.path, self.bundle.identity, error=file.message)
        if isinstance(file, SheetTrack):
            span = Span(file.start, file.end)
            return about_track(self._recognize(file.path, stop, full=full, span=span), file)
        return self._recognize(Path(file) if isinstance(file, str | os.PathLike) else file, stop, full=full)

    def _recognize(
        self, file: ReadableFile, stop: threading.Event, *, full: bool | None = None, span: Span = WHOLE
    ) -> Recognition:
        metadata = self.bundle.metadata
        path = file if isinstance(file, Path) else Path(str(file))
        try:
            if not (self.full if full is None else full):
                record = self._recognize_spread(file, path, stop, span)
                if record is not None:
                    return record
            flaws = Flaws()
            form = {"sample_rate": metadata.sample_rate, "channels": metadata.channels}
            blocks = stream(file, **form, start=span.start, duration=span.duration, flaws=flaws)
            with closing(read_ahead(blocks)) as ahead:
                return self._with_flaws(file, self._process(path, ahead, stop), flaws)
        except AudioError as error:
            return Recognition(path, self.bundle.identity, error=str(error), error_code=error.code)
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror or error}"
            return Recognition(path, self.bundle.identity, error=message, error_code="audio-unreadable")

    def _recognize_spread(
        self, file: ReadableFile, path: Path, stop: threading.Event, span: Span
    ) -> Recognition | None:
        """Recognize a file from segments spread over it; None if the whole file is needed."""
        metadata = self.bundle.metadata
        form = {"sample_rate": metadata.sample_rate, "channels": metadata.channels}
        flaws = Flaws()
        try:
            with open_excerpts(file, **form, flaws=flaws) as found:
                sound = None if found is None else found.between(span.start, span.end)
                record = None if sound is None else self._process_spread(path, sound, stop)
                return record and self._with_flaws(file, record, flaws)
        except AudioError:  # reading the whole file shows which parts are intact
            return None

    def _with_flaws(self, file: ReadableFile, record: Recognition, flaws: Flaws) -> Recognition:
        """Add notices about flaws; it is an error if too little is intact."""
        notices = notices_of(flaws)
        too_little = flaws.present < min(_LEAST_INTACT_SECONDS, self.bundle.metadata.segment_seconds)
        if notices and (too_little or flaws.hopeless):
            code = "audio-cut-off" if flaws.cut is not None else "audio-damaged"
            message = error_of(file, flaws)
            return Recognition(record.path, record.model, error=message, error_code=code)
        return replace(record, notices=notices) if notices else record

    def _process_spread(self, path: Path, sound: Excerpts, stop: threading.Event) -> Recognition | None:
        """Recognize audio from segments spread over it; None if all of it is needed."""
        metadata = self.bundle.metadata
        length = metadata.segment_samples
        aggregator = SegmentAggregator(self.bundle)
        every = len(segment_starts(sound.samples, length, metadata.hop_samples))
        for starts in spread_starts(sound.samples, length, metadata.hop_samples, metadata.sample_rate):
            segments = ((start, sound.take(start, length)) for start in starts)
            for batch in self._batches(segments, stop):
                if any(segment.shape[-1] < length for _, segment in batch):
                    return None  # shorter than its header says
                aggregator.add(batch)
            if not starts:
                return None  # too short to sample
            if aggregator.is_clear(every):
                break
        return None if aggregator.silent else aggregator.result(path, seconds=sound.seconds)

    def _process(self, path: Path, blocks: Iterable[Waveform], stop: threading.Event) -> Recognition:
        """Recognize audio that has the model's sample rate and channels, as a whole."""
        metadata = self.bundle.metadata
        aggregator = SegmentAggregator(self.bundle)
        segments = stream_segments(
            aggregator.count(blocks),
            metadata.segment_samples,
            metadata.hop_samples,
            padding=metadata.filling,
            shortest=metadata.shortest_samples,
        )
        for batch in self._batches(segments, stop):
            aggregator.add(batch)
        return aggregator.result(path)

    def _batches(
        self, segments: Iterator[tuple[int, Waveform]], stop: threading.Event
    ) -> Iterator[list[tuple[int, Waveform]]]:
        while batch := list(islice(segments, self._batch)):
            if stop.is_set():
                raise _Stopped
            yield batch
