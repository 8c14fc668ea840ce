"""A decoded corpus: int16 samples in one memory-mapped file, so that training decodes each clip only once.

A store is a folder with `samples.i16` (all clips one after another, `[frames, channels]` interleaved,
little-endian) and `index.json` (the position of each clip). Its name contains a hash of everything that
determines its content: a changed file, rate or corpus gives a new store, and an existing store is never out
of date. The samples of each clip and the index have checksums, which are verified whenever a store is
opened, once per run. Samples beyond full scale, which lossy decoders produce, are clipped.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from genrelab.audio.channels import match_channels
from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.types import Clip, Corpus, Waveform
from genrelab.lab.training.store.build import (
    FORMAT,
    INDEX,
    SAMPLES,
    SCALE,
    Place,
    Report,
    StoreContent,
    Which,
    build_store,
    remove_store,
    stored,
)
from genrelab.lab.training.store.checksums import checksum, unsealed

_ITEM_BYTES = 2
_WITHOUT_CHECKSUMS = 1
_MOST_READERS = 8  # each reader holds one clip in memory
_SOUND = 1  # version of the decoder's output; raising it changes every sound key
_LOGGER = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder of all caches: `GENRELAB_CACHE`, or the user's cache folder."""
    return Path(os.environ.get("GENRELAB_CACHE") or platformdirs.user_cache_dir("genrelab"))


class DamagedStoreError(CorpusError):
    """The files of a store differ from what was written."""


class OlderStoreError(DamagedStoreError):
    """A store has no checksums, so that its files cannot be verified."""


class AudioStore:
    """Reader of a store; `open_store` creates one.

    Pickling leaves out the samples; the receiving process maps them again.

    Parameters
    ----------
    folder : Path
    sample_rate : int, in Hz
    channels : int
        Channels that `read` returns. A mono clip is stored once and duplicated on reading.

    Raises
    ------
    DamagedStoreError
        If the folder holds no complete store.
    CorpusError
        If the folder cannot be read.
    """

    def __init__(self, folder: Path, *, sample_rate: int, channels: int) -> None:
        self.folder = folder
        self.sample_rate = sample_rate
        self.channels = channels
        self.skipped: dict[str, str]
        try:
            self._places, self.skipped = _read_index(folder)
            self._samples = _open_samples(folder, self._places)
        except DamagedStoreError:
            raise
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError) as error:
            message = f"the store {folder} is incomplete: {error}"
            raise DamagedStoreError(message, code="store-incomplete") from error
        except OSError as error:
            raise _unreadable(folder, error) from error

    def verify(self, *, jobs: int = 1) -> None:
        """Compare all samples with their checksums.

        Reads the file instead of mapping it: a failing disk then raises an error and does not kill the
        process.

        Raises
        ------
        DamagedStoreError
            If a clip differs from what was written; the message names the first one.
        CorpusError
            If the samples cannot be read.
        """
        try:
            with ThreadPoolExecutor(min(jobs, _MOST_READERS)) as pool:
                intact = pool.map(partial(_is_intact, self.folder / SAMPLES), self._places.values())
                damaged = [clip for clip, ok in zip(self._places, intact, strict=True) if not ok]
        except OSError as error:
            raise _unreadable(self.folder, error) from error
        if damaged:
            raise DamagedStoreError(
                f"the store {self.folder} is damaged: the checksums of {len(damaged)} of {len(self._places)} "
                f"clips do not match, such as {printable(damaged[0])}",
                code="store-damaged",
            )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_samples"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._samples = _open_samples(self.folder, self._places)

    def __contains__(self, clip_id: object) -> bool:
        return clip_id in self._places

    @property
    def clips(self) -> tuple[str, ...]:
        """The ids of all clips, in the order of the file."""
        return tuple(self._places)

    def samples(self, clip_id: str) -> npt.NDArray[np.int16]:
        """Return a clip's stored samples, `[frames, channels]`; a mono clip has one channel."""
        place = self._places[clip_id]
        return self._samples[place.offset : place.end].reshape(-1, place.channels)

    def frames(self, clip_id: str) -> int:
        """Return a clip's length in samples."""
        return self._places[clip_id].frames

    def checksum(self, clip_id: str) -> str:
        """Return the checksum of a clip's stored samples."""
        return self._places[clip_id].checksum

    def read(self, clip_id: str, start: int, length: int) -> Waveform:
        """Return samples `start` to `start + length`, fewer at the end of the clip.

        Returns
        -------
        np.ndarray [shape=(channels, samples)], float32 in -1..1
        """
        place = self._places[clip_id]
        stop = min(start + length, place.frames)
        begin, end = (place.offset + at * place.channels for at in (start, stop))
        block = self._samples[begin:end].reshape(-1, place.channels)
        return match_channels(
            np.ascontiguousarray(block.T, dtype=np.float32) / np.float32(SCALE), self.channels
        )


def _unreadable(folder: Path, error: OSError) -> CorpusError:
    return CorpusError(
        f"cannot read the store {folder}: {error.strerror or error}; "
        "change its permissions or set GENRELAB_CACHE to another folder",
        code="store-unreadable",
    )


def _is_intact(path: Path, place: Place) -> bool:
    with path.open("rb") as file:
        file.seek(place.offset * _ITEM_BYTES)
        return checksum(file.read((place.end - place.offset) * _ITEM_BYTES)) == place.checksum


def _read_index(folder: Path) -> tuple[dict[str, Place], dict[str, str]]:
    text = (folder / INDEX).read_text(encoding="utf-8")
    if json.loads(text)["format"] == _WITHOUT_CHECKSUMS:
        message = f"the store {folder} comes from an earlier genrelab and has no checksums"
        raise OlderStoreError(message, code="store-without-checksums")
    index = unsealed(text)
    if index["format"] != FORMAT:
        raise ValueError(f"{INDEX} has the format {index['format']!r}, not {FORMAT}")
    places = {clip: Place(*place) for clip, place in dict(index["places"]).items()}
    return places, dict(index["skipped"])


def _open_samples(folder: Path, places: dict[str, Place]) -> npt.NDArray[np.int16]:
    """Map the sample file, after comparing its length with the index."""
    values = max((place.end for place in places.values()), default=0)
    size = (folder / SAMPLES).stat().st_size
    if size != values * _ITEM_BYTES:
        raise ValueError(f"{SAMPLES} has {size} bytes, not {values * _ITEM_BYTES}")
    if not size:  # an empty file cannot be mapped
        return np.empty(0, dtype="<i2")
    return np.memmap(folder / SAMPLES, dtype="<i2", mode="r")


def open_store(
    corpus: Corpus,
    *,
    sample_rate: int,
    channels: int,
    which: Which = "labelled",
    verify: bool = True,
    report: Report | None = None,
) -> AudioStore:
    """Return the store of a corpus; decode the corpus first if there is no store yet.

    Stores are kept in `stores` below `cache_folder()`. A damaged store, or one of an earlier genrelab without
    checksums, is built again, with a warning in the log. A clip that could not be decoded stays skipped until
    a file of the corpus changes, even if the cause was temporary, such as a missing network drive: delete the
    store's folder to try again.

    Parameters
    ----------
    corpus : Corpus
    sample_rate : int > 0, in Hz
    channels : int
        1 or 2; a mono clip is stored once and doubled when read.
    which : {"labelled", "unlabelled"}
        Which clips of the corpus to store.
    verify : bool
        Whether to compare an existing store with its checksums; another process may just have done it.
    report : callable or None
        Called with the number of finished clips and the total.

    Returns
    -------
    AudioStore
        `skipped` maps the clips that could not be decoded to the reason.

    Raises
    ------
    CorpusError
        If no clip can be decoded, or the store cannot be written or read.
    """
    content = StoreContent(corpus, sample_rate, channels, which)
    name = f"{corpus.name}-{sample_rate}-{channels}-{_folder_key(content)[:16]}"
    place = cache_folder() / "stores" / name
    jobs = os.cpu_count() or 1
    if os.path.exists(place):  # also False without permission to look; building then raises the error
        try:
            store = AudioStore(place, sample_rate=sample_rate, channels=channels)
            if verify:
                store.verify(jobs=jobs)
            return store
        except DamagedStoreError as error:
            _LOGGER.warning("%s; decoding the corpus again", error)
            remove_store(place)
    build_store(place, content, jobs=jobs, report=report)
    return AudioStore(place, sample_rate=sample_rate, channels=channels)


def sound_key(corpus: Corpus, *, sample_rate: int, channels: int, which: Which = "labelled") -> str:
    """Hash what determines how a corpus sounds; the key does not depend on the machine or the folder.

    Parameters
    ----------
    corpus : Corpus
        The key covers id, file size, start and duration of the clips and the `repr` of the renderer, but not
        genre or path.
    sample_rate : int > 0, in Hz
    channels : int
        1 or 2.
    which : {"labelled", "unlabelled"}
        Which clips of the corpus.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.
    """
    clips = [
        [clip.id, status and status.st_size, _as_float(clip.start), _as_float(clip.duration)]
        for clip in stored(corpus, which)
        for status in [_status(clip)]
    ]
    return _hash([_SOUND, sample_rate, channels, repr(corpus.renderer), clips])


def _folder_key(content: StoreContent) -> str:
    """Hash what determines the content of a store: the sound, and path and time of each file."""
    files = [
        [clip.path and os.fsencode(clip.path.absolute()).hex(), status and status.st_mtime_ns]
        for clip in content.clips
        for status in [_status(clip)]
    ]
    rate, channels = content.sample_rate, content.channels
    sound = sound_key(content.corpus, sample_rate=rate, channels=channels, which=content.which)
    return _hash([sound, content.corpus.name, files])


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _as_float(value: float | None) -> float | None:
    return None if value is None else float(value)  # 10 and 10.0 are equal, but not in JSON


def _status(clip: Clip) -> os.stat_result | None:
    """Return the status of a clip's file, None without a file."""
    try:
        return clip.path.stat() if clip.path is not None and clip.path.is_file() else None
    except OSError:  # no permission; decoding raises the error
        return None
