"""Making a store: decode a corpus into a folder that is seen whole or not at all.

A store is made in `.<its name>-<random>/store`, beside a lock that the maker holds as long as it lives,
and renamed when it is on the disk. Of a maker that was killed the folder is left and the lock is free:
the next one that makes the same store removes it.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.audio.channels import match_channels
from genrelab.audio.decode import stream
from genrelab.errors import AudioError, CorpusError
from genrelab.files import only_one
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.training.store.checksums import checksum, sealed

FORMAT = 2  # of the folder; 1 had no checksums
SCALE = 32767.0
SAMPLES = "samples.i16"
INDEX = "index.json"
_LOCK = "lock"
_DRAFT = "store"
Waveform = npt.NDArray[np.float32]
Report = Callable[[int, int], None]
Which = Literal["labelled", "unlabelled"]


class Place(NamedTuple):
    """Where a clip lies in the file of samples, and the checksum of its bytes there."""

    offset: int  # in int16 values
    frames: int
    channels: int
    checksum: str

    @property
    def end(self) -> int:
        """Where the next clip begins, in int16 values."""
        return self.offset + self.frames * self.channels


def stored(corpus: Corpus, which: Which) -> list[Clip]:
    """Return the clips that a store holds."""
    return [clip for clip in corpus.clips if (clip.genre is None) == (which == "unlabelled")]


def build_store(
    place: Path,
    corpus: Corpus,
    *,
    sample_rate: int,
    channels: int,
    jobs: int,
    which: Which = "labelled",
    report: Report | None = None,
) -> None:
    """Decode a corpus into a new store, and leave it if another process made the same one meanwhile.

    Parameters
    ----------
    place : Path
        The store's folder; folders above it are made.
    corpus : Corpus
    sample_rate : int > 0, in Hz
    channels : int
        1 or 2.
    jobs : int > 0
        Clips decoded at the same time.
    which : {"labelled", "unlabelled"}
        The clips of the corpus that are stored.
    report : callable or None
        Called with clips done and clips in all.

    Raises
    ------
    CorpusError
        If no clip at all could be decoded, or the store cannot be written.
    """
    with _draft(place) as folder:
        places: dict[str, Place] = {}
        skipped: dict[str, str] = {}
        offset = 0
        clips = stored(corpus, which)
        for done, (clip, made) in enumerate(_decoded(clips, corpus, sample_rate, channels, jobs), start=1):
            if isinstance(made, str):
                skipped[clip.id] = made
            else:
                content = made.astype("<i2", copy=False).tobytes()
                with _writing(place):
                    _append(folder / SAMPLES, content)
                places[clip.id] = Place(offset, made.shape[0], made.shape[1], checksum(content))
                offset = places[clip.id].end
            if report is not None:
                report(done, len(clips))
        if not places:
            first = next(iter(skipped.values()), f"it has no {which} clip")
            raise CorpusError(
                f"no clip of the corpus {corpus.name!r} can be used: {first}", code="store-empty"
            )
        index: dict[str, Any] = {"format": FORMAT, "places": places, "skipped": skipped}
        with _writing(place):
            _append(folder / SAMPLES, b"", sync=True)
            _append(folder / INDEX, sealed(index).encode(), sync=True)
            _publish(folder, place)


def remove_store(place: Path) -> None:
    """Remove a damaged store, or raise `CorpusError`."""
    with _writing(place), suppress(FileNotFoundError):  # another process may be at it, too
        shutil.rmtree(place)


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    """Say what to do when the disk is full, or the folder not ours."""
    try:
        yield
    except OSError as error:
        raise CorpusError(
            f"cannot write the store {place}: {error.strerror or error}; "
            "free space or set GENRELAB_CACHE to a folder with room",
            code="store-unwritable",
        ) from error


@contextmanager
def _draft(place: Path) -> Iterator[Path]:
    """Give a folder to make a store in, under a lock; nothing of it stays but what is renamed."""
    with ExitStack() as afterwards:
        with _writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(place)
            making = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
            afterwards.callback(shutil.rmtree, making, ignore_errors=True)
            afterwards.enter_context(only_one(making / _LOCK))
            (making / _DRAFT).mkdir()  # only now, under the lock: it is what leftovers are known by
        yield making / _DRAFT


def _remove_leftovers(place: Path) -> None:
    for draft in place.parent.glob(f".{glob.escape(place.name)}-*/{_DRAFT}"):
        with suppress(OSError):  # its maker lives, or another process removes it at this moment
            with only_one(draft.with_name(_LOCK)):
                pass
            shutil.rmtree(draft.parent, ignore_errors=True)


def _append(path: Path, content: bytes, *, sync: bool = False) -> None:
    with path.open("ab") as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def _publish(draft: Path, place: Path) -> None:
    try:
        draft.rename(place)
    except OSError:
        if not (place / INDEX).is_file():  # else another process was faster: its store is as good
            raise


def _decoded(
    clips: Sequence[Clip], corpus: Corpus, sample_rate: int, channels: int, jobs: int
) -> Iterator[tuple[Clip, npt.NDArray[np.int16] | str]]:
    """Give clips in order with their samples `[frames, channels]` or the reason why there are none."""

    def make(clip: Clip) -> npt.NDArray[np.int16] | str:
        try:
            blocks = [_to_int16(block) for block in _blocks(clip, corpus, sample_rate, channels)]
        except AudioError as error:
            return str(error)
        return np.concatenate(blocks) if blocks else "the clip holds no samples"

    with ThreadPoolExecutor(jobs) as pool:
        for first in range(0, len(clips), 4 * jobs):  # chunks: decoded clips must not pile up
            chunk = clips[first : first + 4 * jobs]
            yield from zip(chunk, pool.map(make, chunk), strict=True)


def _blocks(clip: Clip, corpus: Corpus, sample_rate: int, channels: int) -> Iterator[Waveform]:
    """Give a clip's sound block by block, with its own number of channels but at most `channels`."""
    if corpus.renderer is not None:
        yield corpus.renderer(clip, sample_rate, channels)
        return
    if clip.path is None:
        raise AudioError(
            f"clip {clip.id} of {corpus.name} has neither a file nor a renderer", code="clip-without-sound"
        )
    for block in stream(clip.path, start=clip.start or 0.0, duration=clip.duration, sample_rate=sample_rate):
        yield block if block.shape[0] <= channels else match_channels(block, channels)


def _to_int16(waveform: Waveform) -> npt.NDArray[np.int16]:
    samples: npt.NDArray[np.int16] = np.rint(np.clip(waveform.T, -1.0, 1.0) * SCALE).astype(np.int16)
    return samples
