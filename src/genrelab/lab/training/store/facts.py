"""Facts about each clip of a store: a digest of its sound, and its share of silence.

The first request computes them in one pass over the samples and writes `facts.json`, with a checksum, next to
the samples. A store never changes, so that later runs only read this small file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from genrelab.files import replace_text
from genrelab.lab.audit.faults import silent_share
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.store.build import SCALE
from genrelab.lab.training.store.checksums import sealed, unsealed

FACTS = "facts.json"
_FORMAT = 1


class ClipFacts(NamedTuple):
    """Facts about a clip's sound.

    Attributes
    ----------
    digest : str or None
        Equal for clips with equal stored samples, at the store's rate in 16 bits: a file and its lossless
        copy, but not its MP3. Two equal channels count as one. None for digital silence.
    silent : float, 0..1
        Share of the time below -60 dB.
    """

    digest: str | None
    silent: float


def clip_facts(store: AudioStore, *, jobs: int | None = None) -> Mapping[str, ClipFacts]:
    """Return clip id -> facts about its sound, for all clips of a store.

    Parameters
    ----------
    store : AudioStore
    jobs : int or None
        Clips processed in parallel; None is the number of cores.
    """
    path = store.folder / FACTS
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored = unsealed(path.read_text(encoding="utf-8"))
        if stored["format"] == _FORMAT and stored["clips"].keys() == set(store.clips):
            return {clip_id: ClipFacts(*facts) for clip_id, facts in stored["clips"].items()}
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        found = pool.map(lambda clip_id: _facts_of(store, clip_id), store.clips)
        facts = dict(zip(store.clips, found, strict=True))
    with suppress(OSError):  # a read-only store
        replace_text(path, sealed({"format": _FORMAT, "clips": facts}))
    return facts


def _facts_of(store: AudioStore, clip_id: str) -> ClipFacts:
    samples = store.samples(clip_id)
    if samples.shape[1] == 2 and np.array_equal(samples[:, 0], samples[:, 1]):
        samples = samples[:, :1]
    waveform = np.ascontiguousarray(samples.T, dtype=np.float32) / np.float32(SCALE)
    silent = silent_share(waveform, store.sample_rate) if len(samples) else 1.0
    if not samples.any():
        return ClipFacts(None, silent)
    shape = f"{samples.shape} ".encode()
    return ClipFacts(
        hashlib.sha256(shape + np.ascontiguousarray(samples).tobytes()).hexdigest(), round(silent, 4)
    )
