"""A corpus decoded once: int16 samples in one memory-mapped file, so that an epoch never decodes.

A store is a folder `samples.i16` (all clips one after the other, `[frames, channels]` interleaved,
little-endian) and `index.json` (what lies where). It is named by a hash of everything that decides its
content, so that a changed file, rate or corpus makes a new store and an old one is never wrong. Each clip's
samples, and the index, have checksums, which are verified whenever a store is opened: once a run.
Samples beyond full scale, which lossy decoders make, are cut to it: int16 has no room above.
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
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.training.store.build import (
    FORMAT,
    INDEX,
    SAMPLES,
    SCALE,
    Place,
    Report,
    Waveform,
    Which,
    build_store,
    remove_store,
    stored,
)
from genrelab.lab.training.store.checksums import checksum, unsealed

_ITEM_BYTES = 2
_WITHOUT_CHECKSUMS = 1
_MOST_READERS = 8  # each holds a clip in memory
_SOUND = 1  # of what decoding gives; another number makes all runs ones with other sound
_LOGGER = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return where stores lie unless told otherwise: `GENRELAB_CACHE`, or the user's cache folder."""
    return Path(os.environ.get("GENRELAB_CACHE") or platformdirs.user_cache_dir("genrelab"))


class DamagedStoreError(CorpusError):
    """A store's files are not as they were written."""


class OlderStoreError(DamagedStoreError):
    """A store has no checksums: nobody can say whether its files are as they were written."""


class AudioStore:
    """Read a store; make one with `open_store`.

    Sent to another process it goes without the samples, which are opened there.

    Parameters
    ----------
    folder : Path
    sample_rate : int, in Hz
    channels : int
        What `read` gives. A clip of fewer channels is kept as it is and copied when read.

    Raises
    ------
    DamagedStoreError
        If the folder holds no whole store.
    CorpusError
        If it may not be read.
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
            raise DamagedStoreError(
                f"{folder} holds no whole store: {error}; delete it", code="store-incomplete"
            ) from error
        except OSError as error:
            raise _unreadable(folder, error) from error

    def verify(self, *, jobs: int = 1) -> None:
        """Compare the samples with their checksums, all of them.

        The file is read, not mapped: where the disk fails, that is an error and not the end of the process.

        Raises
        ------
        DamagedStoreError
            If they are not as they were written; the first such clip is named.
        CorpusError
            If they cannot be read.
        """
        try:
            with ThreadPoolExecutor(min(jobs, _MOST_READERS)) as pool:
                whole = pool.map(partial(_is_whole, self.folder / SAMPLES), self._places.values())
                damaged = [clip for clip, ok in zip(self._places, whole, strict=True) if not ok]
        except OSError as error:
            raise _unreadable(self.folder, error) from error
        if damaged:
            raise DamagedStoreError(
                f"the store {self.folder} is damaged: {len(damaged)} of {len(self._places)} clips are not "
                f"as they were written, e.g. {printable(damaged[0])}; delete it",
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
        """The ids of all clips, in the order in which they lie."""
        return tuple(self._places)

    def samples(self, clip_id: str) -> npt.NDArray[np.int16]:
        """Return a clip as it is kept, `[frames, channels]`, with one channel where its sound had one."""
        place = self._places[clip_id]
        return self._samples[place.offset : place.end].reshape(-1, place.channels)

    def frames(self, clip_id: str) -> int:
        """Return a clip's length in samples."""
        return self._places[clip_id].frames

    def read(self, clip_id: str, start: int, length: int) -> Waveform:
        """Return samples `start` to `start + length`, or fewer at the end.

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


def _is_whole(path: Path, place: Place) -> bool:
    with path.open("rb") as file:
        file.seek(place.offset * _ITEM_BYTES)
        return checksum(file.read((place.end - place.offset) * _ITEM_BYTES)) == place.checksum


def _read_index(folder: Path) -> tuple[dict[str, Place], dict[str, str]]:
    text = (folder / INDEX).read_text(encoding="utf-8")
    if json.loads(text)["format"] == _WITHOUT_CHECKSUMS:
        raise OlderStoreError(
            f"the store {folder} is of an earlier genrelab, without checksums; delete it",
            code="store-without-checksums",
        )
    index = unsealed(text)
    if index["format"] != FORMAT:
        raise ValueError(f"{INDEX} has the format {index['format']!r}, not {FORMAT}")
    places = {clip: Place(*place) for clip, place in dict(index["places"]).items()}
    return places, dict(index["skipped"])


def _open_samples(folder: Path, places: dict[str, Place]) -> npt.NDArray[np.int16]:
    """Map the file of samples, if it has the length that the index says."""
    values = max((place.end for place in places.values()), default=0)
    size = (folder / SAMPLES).stat().st_size
    if size != values * _ITEM_BYTES:
        raise ValueError(f"{SAMPLES} has {size} bytes, not {values * _ITEM_BYTES}")
    if not size:  # which cannot be mapped
        return np.empty(0, dtype="<i2")
    return np.memmap(folder / SAMPLES, dtype="<i2", mode="r")


def open_store(
    corpus: Corpus,
    *,
    sample_rate: int,
    channels: int,
    which: Which = "labelled",
    folder: Path | None = None,
    jobs: int | None = None,
    report: Report | None = None,
) -> AudioStore:
    """Return the store of a corpus, decoding it first unless that was done before.

    A damaged store, and one of an earlier genrelab without checksums, is made again, and a warning is logged
    that says so. A clip that could not be decoded stays skipped until a file of the
    corpus changes, also where the reason has passed, such as a network drive that was away: delete the
    store's folder, in `stores` below `GENRELAB_CACHE`, to try again.

    Parameters
    ----------
    corpus : Corpus
    sample_rate : int > 0, in Hz
    channels : int
        1 or 2; a mono clip is stored once and doubled when read.
    which : {"labelled", "unlabelled"}
        The clips of the corpus that are stored.
    folder : Path or None
        Where stores are kept; None is `cache_folder()`.
    jobs : int or None
        Clips decoded at the same time; None is the number of cores.
    report : callable or None
        Called with clips done and clips in all.

    Returns
    -------
    AudioStore
        `skipped` names the clips that could not be decoded, with the reason.

    Raises
    ------
    CorpusError
        If no clip at all could be decoded, or the store cannot be written or read.
    """
    key = _folder_key(corpus, sample_rate, channels, which)
    place = (folder or cache_folder()) / "stores" / f"{corpus.name}-{sample_rate}-{channels}-{key[:16]}"
    jobs = jobs or os.cpu_count() or 1
    if os.path.exists(place):  # False also where it may not be looked for; making it says so
        try:
            store = AudioStore(place, sample_rate=sample_rate, channels=channels)
            store.verify(jobs=jobs)
            return store
        except DamagedStoreError as error:
            _LOGGER.warning("%s", str(error).replace("; delete it", "; it is made again"))
            remove_store(place)
    build_store(
        place,
        corpus,
        sample_rate=sample_rate,
        channels=channels,
        jobs=jobs,
        which=which,
        report=report,
    )
    return AudioStore(place, sample_rate=sample_rate, channels=channels)


def sound_key(corpus: Corpus, *, sample_rate: int, channels: int, which: Which = "labelled") -> str:
    """Hash what decides how a corpus sounds: the same on every machine, and wherever its files lie.

    Parameters
    ----------
    corpus : Corpus
        Of these clips count id, size of the file, start and duration; not the genre, nor the
        path. Of its renderer counts the `repr`.
    sample_rate : int > 0, in Hz
    channels : int
        1 or 2.
    which : {"labelled", "unlabelled"}
        The clips of the corpus that are meant.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.
    """
    clips = [
        [clip.id, status and status.st_size, _number(clip.start), _number(clip.duration)]
        for clip in stored(corpus, which)
        for status in [_status(clip)]
    ]
    return _hash([_SOUND, sample_rate, channels, repr(corpus.renderer), clips])


def _folder_key(corpus: Corpus, sample_rate: int, channels: int, which: Which) -> str:
    """Hash what decides the content of a store: the sound, and which files, of when."""
    files = [
        [clip.path and os.fsencode(clip.path.absolute()).hex(), status and status.st_mtime_ns]
        for clip in stored(corpus, which)
        for status in [_status(clip)]
    ]
    sound = sound_key(corpus, sample_rate=sample_rate, channels=channels, which=which)
    return _hash([sound, corpus.name, files])


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)  # 10 and 10.0 are the same length, but not the same text


def _status(clip: Clip) -> os.stat_result | None:
    """Ask for a clip's file; None where there is none."""
    try:
        return clip.path.stat() if clip.path is not None and clip.path.is_file() else None
    except OSError:  # a folder that may not be entered; decoding will say so
        return None
