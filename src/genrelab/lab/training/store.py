"""A corpus decoded once: int16 samples in one memory-mapped file, so that an epoch never decodes.

A store is a folder `samples.i16` (all clips one after the other, `[frames, channels]` interleaved,
little-endian) and `index.json` (what lies where). It is named by a hash of everything that decides its
content, so that a changed file, rate or corpus makes a new store and an old one is never wrong.
Samples beyond full scale, which lossy decoders make, are cut to it: int16 has no room above.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import platformdirs

from genrelab.audio.channels import match_channels
from genrelab.audio.decode import stream
from genrelab.errors import AudioError, CorpusError
from genrelab.lab.corpora.types import Clip, Corpus

_FORMAT = 1
_SCALE = 32767.0
Waveform = npt.NDArray[np.float32]
Report = Callable[[int, int], None]


def cache_folder() -> Path:
    """Return where stores lie unless told otherwise: `GENRELAB_CACHE`, or the user's cache folder."""
    return Path(os.environ.get("GENRELAB_CACHE") or platformdirs.user_cache_dir("genrelab"))


class _Place(NamedTuple):
    offset: int  # in int16 values
    frames: int
    channels: int


class AudioStore:
    """Read a store; make one with `open_store`.

    Parameters
    ----------
    folder : Path
    sample_rate : int, in Hz
    channels : int
        What `read` gives. A clip of fewer channels is kept as it is and copied when read.
    """

    def __init__(self, folder: Path, *, sample_rate: int, channels: int) -> None:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.folder = folder
        self.sample_rate = sample_rate
        self.channels = channels
        self.skipped: dict[str, str] = index["skipped"]
        self._places = {clip: _Place(*place) for clip, place in index["places"].items()}
        size = (folder / "samples.i16").stat().st_size // 2
        self._samples = np.memmap(folder / "samples.i16", dtype="<i2", mode="r") if size else None

    def __contains__(self, clip_id: object) -> bool:
        return clip_id in self._places

    def frames(self, clip_id: str) -> int:
        """Return a clip's length in samples."""
        return self._places[clip_id].frames

    def read(self, clip_id: str, start: int, length: int) -> Waveform:
        """Return samples `start` to `start + length`, or fewer at the end.

        Returns
        -------
        np.ndarray [shape=(channels, samples)], float32 in -1..1
        """
        if self._samples is None:
            raise KeyError(clip_id)
        place = self._places[clip_id]
        stop = min(start + length, place.frames)
        begin, end = (place.offset + at * place.channels for at in (start, stop))
        block = self._samples[begin:end].reshape(-1, place.channels)
        return match_channels(
            np.ascontiguousarray(block.T, dtype=np.float32) / np.float32(_SCALE), self.channels
        )


def open_store(
    corpus: Corpus,
    *,
    sample_rate: int,
    channels: int,
    folder: Path | None = None,
    jobs: int | None = None,
    report: Report | None = None,
) -> AudioStore:
    """Return the store of a corpus, decoding it first unless that was done before.

    Parameters
    ----------
    corpus : Corpus
        Its labelled clips are stored.
    sample_rate : int > 0, in Hz
    channels : int
        1 or 2; a mono clip is stored once and doubled when read.
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
        If no clip at all could be decoded.
    """
    base = (folder or cache_folder()) / "stores"
    key = _key(corpus, sample_rate, channels)
    place = base / f"{corpus.name}-{sample_rate}-{channels}-{key[:16]}"
    if not (place / "index.json").is_file():
        base.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=base))
        try:
            _build(making, corpus, sample_rate, channels, jobs or os.cpu_count() or 1, report)
            _publish(making, place)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return AudioStore(place, sample_rate=sample_rate, channels=channels)


def _publish(making: Path, place: Path) -> None:
    try:
        making.rename(place)
    except OSError:
        if not (place / "index.json").is_file():  # else another process was faster: use its store
            raise


def _key(corpus: Corpus, sample_rate: int, channels: int) -> str:
    """Hash what decides the content of a store."""
    parts: list[Any] = [_FORMAT, corpus.name, sample_rate, channels, repr(corpus.renderer)]
    for clip in _stored(corpus):
        stamp: tuple[int, int] | None = None
        if clip.path is not None and clip.path.is_file():
            status = clip.path.stat()
            stamp = status.st_size, status.st_mtime_ns
        path = None if clip.path is None else os.fsencode(clip.path.absolute()).hex()
        parts.append([clip.id, path, stamp, clip.start, clip.duration])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _stored(corpus: Corpus) -> list[Clip]:
    return [clip for clip in corpus.clips if clip.genre is not None]


def _build(
    folder: Path, corpus: Corpus, sample_rate: int, channels: int, jobs: int, report: Report | None
) -> None:
    clips = _stored(corpus)
    places: dict[str, _Place] = {}
    skipped: dict[str, str] = {}
    offset = 0
    with (folder / "samples.i16").open("wb") as file:
        for done, (clip, made) in enumerate(_decoded(clips, corpus, sample_rate, channels, jobs), start=1):
            if isinstance(made, str):
                skipped[clip.id] = made
            else:
                made.astype("<i2", copy=False).tofile(file)
                places[clip.id] = _Place(offset, made.shape[0], made.shape[1])
                offset += made.size
            if report is not None:
                report(done, len(clips))
    if not places:
        first = next(iter(skipped.values()), "it has no labelled clip")
        raise CorpusError(f"no clip of the corpus {corpus.name!r} can be used: {first}")
    index: Mapping[str, Any] = {"format": _FORMAT, "places": places, "skipped": skipped}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


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
    if clip.path is None:
        if corpus.renderer is None:
            raise AudioError(f"clip {clip.id} of {corpus.name} has neither a file nor a renderer")
        yield corpus.renderer(clip, sample_rate, channels)
        return
    for block in stream(clip.path, start=clip.start or 0.0, duration=clip.duration, sample_rate=sample_rate):
        yield block if block.shape[0] <= channels else match_channels(block, channels)


def _to_int16(waveform: Waveform) -> npt.NDArray[np.int16]:
    samples: npt.NDArray[np.int16] = np.rint(np.clip(waveform.T, -1.0, 1.0) * _SCALE).astype(np.int16)
    return samples
