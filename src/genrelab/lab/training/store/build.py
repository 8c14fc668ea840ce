"""Build a store: decode a corpus into a folder that appears only when it is complete.

The builder writes to `.<store name>-<random>/store`, next to a lock that it holds while it runs, and renames
the folder once everything is on disk. A killed builder leaves a folder whose lock is free; the next process
that builds the same store removes it.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.audio.channels import match_channels
from genrelab.audio.decode import stream
from genrelab.errors import AudioError, CorpusError
from genrelab.files import only_one
from genrelab.lab.corpora.paths import sound_file
from genrelab.lab.corpora.types import Clip, Corpus, Waveform
from genrelab.lab.training.store.checksums import checksum, sealed

FORMAT = 2  # version of the folder's layout; version 1 had no checksums
SCALE = 32767.0
SAMPLES = "samples.i16"
INDEX = "index.json"
_LOCK = "lock"
_DRAFT = "store"
Report = Callable[[int, int], None]
Which = Literal["labelled", "unlabelled"]


class Place(NamedTuple):
    """The position of a clip in the sample file, and the checksum of its bytes."""

    offset: int  # in int16 values
    frames: int
    channels: int
    checksum: str

    @property
    def end(self) -> int:
        """The offset of the next clip, in int16 values."""
        return self.offset + self.frames * self.channels


def stored(corpus: Corpus, which: Which) -> list[Clip]:
    """Return the clips of a corpus that a store holds."""
    return [clip for clip in corpus.clips if (clip.genre is None) == (which == "unlabelled")]


@dataclass(frozen=True)
class StoreContent:
    """What a store holds.

    Parameters
    ----------
    corpus : Corpus
    sample_rate : int > 0, in Hz
    channels : int
        1 or 2.
    which : {"labelled", "unlabelled"}
        Which clips of the corpus.
    """

    corpus: Corpus
    sample_rate: int
    channels: int
    which: Which

    @property
    def clips(self) -> list[Clip]:
        """The clips to store, in the order of the corpus."""
        return stored(self.corpus, self.which)


def build_store(place: Path, content: StoreContent, *, jobs: int, report: Report | None = None) -> None:
    """Decode clips into a new store. If another process builds the same store first, keep that one.

    Parameters
    ----------
    place : Path
        The store's folder; missing parent folders are created.
    content : StoreContent
    jobs : int > 0
        Clips decoded in parallel.
    report : callable or None
        Called with the number of finished clips and the total.

    Raises
    ------
    CorpusError
        If no clip can be decoded, or the store cannot be written.
    """
    with _draft(place) as folder:
        places: dict[str, Place] = {}
        skipped: dict[str, str] = {}
        offset = 0
        clips = content.clips
        for done, (clip, decoded) in enumerate(_decoded(content, jobs), start=1):
            if isinstance(decoded, str):
                skipped[clip.id] = decoded
            else:
                data = decoded.astype("<i2", copy=False).tobytes()
                with _writing(place):
                    _append(folder / SAMPLES, data)
                places[clip.id] = Place(offset, decoded.shape[0], decoded.shape[1], checksum(data))
                offset = places[clip.id].end
            if report is not None:
                report(done, len(clips))
        if not places:
            first = next(iter(skipped.values()), f"it has no {content.which} clip")
            message = f"no clip of the corpus {content.corpus.name!r} can be used: {first}"
            raise CorpusError(message, code="store-empty")
        index: dict[str, Any] = {"format": FORMAT, "places": places, "skipped": skipped}
        with _writing(place):
            _append(folder / SAMPLES, b"", sync=True)
            _append(folder / INDEX, sealed(index).encode(), sync=True)
            _publish(folder, place)


def remove_store(place: Path) -> None:
    """Remove a damaged store.

    Raises
    ------
    CorpusError
        If it cannot be removed.
    """
    with _writing(place), suppress(FileNotFoundError):  # another process may remove it too
        shutil.rmtree(place)


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    """Turn an error of the disk into one that names the store and the remedy."""
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
    """Yield a locked draft folder; only what is renamed away outlives the block."""
    with ExitStack() as afterwards:
        with _writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(place)
            draft = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
            afterwards.callback(shutil.rmtree, draft, ignore_errors=True)
            afterwards.enter_context(only_one(draft / _LOCK))
            (draft / _DRAFT).mkdir()  # after locking, because this folder identifies leftovers
        yield draft / _DRAFT


def _remove_leftovers(place: Path) -> None:
    for draft in place.parent.glob(f".{glob.escape(place.name)}-*/{_DRAFT}"):
        with suppress(OSError):  # its builder is still running, or another process is removing it
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
        if not (place / INDEX).is_file():  # otherwise another process finished first with the same content
            raise


def _decoded(content: StoreContent, jobs: int) -> Iterator[tuple[Clip, npt.NDArray[np.int16] | str]]:
    """Yield each clip with its samples `[frames, channels]`, or with the reason why it has none."""

    def decode(clip: Clip) -> npt.NDArray[np.int16] | str:
        try:
            blocks = [_to_int16(block) for block in _blocks(clip, content)]
        except AudioError as error:
            return str(error)
        return np.concatenate(blocks) if blocks else "the clip holds no samples"

    clips = content.clips
    with ThreadPoolExecutor(jobs) as pool:
        for first in range(0, len(clips), 4 * jobs):  # chunks bound the number of decoded clips in memory
            chunk = clips[first : first + 4 * jobs]
            yield from zip(chunk, pool.map(decode, chunk), strict=True)


def _blocks(clip: Clip, content: StoreContent) -> Iterator[Waveform]:
    """Yield a clip's sound block by block, with its own number of channels up to the store's."""
    rate, channels = content.sample_rate, content.channels
    if content.corpus.renderer is not None:
        yield content.corpus.renderer(clip, rate, channels)
        return
    for block in stream(sound_file(clip), start=clip.start or 0.0, duration=clip.duration, sample_rate=rate):
        yield block if block.shape[0] <= channels else match_channels(block, channels)


def _to_int16(waveform: Waveform) -> npt.NDArray[np.int16]:
    samples: npt.NDArray[np.int16] = np.rint(np.clip(waveform.T, -1.0, 1.0) * SCALE).astype(np.int16)
    return samples
