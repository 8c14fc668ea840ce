"""What can be told of each clip of a store by itself: a digest of its sound, and how much of it is silence.

Made in one pass over the samples when it is first asked for, and kept beside them as `facts.json`, with a
checksum: a store never changes, so that the next run on it reads a small file.
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
    """What is known of a clip's sound.

    Attributes
    ----------
    digest : str or None
        Equal for clips whose samples are equal as they are kept, at the store's rate, in 16 bits: a file and
        its lossless copy, not an MP3 of it. Two equal channels are as good as one. None for digital silence.
    silent : float, 0..1
        Share of the time below -60 dB.
    """

    digest: str | None
    silent: float


def clip_facts(store: AudioStore, *, jobs: int | None = None) -> Mapping[str, ClipFacts]:
    """Return clip id -> what is known of its sound, for all clips of a store.

    Parameters
    ----------
    store : AudioStore
    jobs : int or None
        Clips looked at at the same time; None is the number of cores.
    """
    path = store.folder / FACTS
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = unsealed(path.read_text(encoding="utf-8"))
        if kept["format"] == _FORMAT and kept["clips"].keys() == set(store.clips):
            return {clip_id: ClipFacts(*facts) for clip_id, facts in kept["clips"].items()}
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        made = dict(
            zip(store.clips, pool.map(lambda clip_id: _look(store, clip_id), store.clips), strict=True)
        )
    with suppress(OSError):  # a store that may only be read
        replace_text(path, sealed({"format": _FORMAT, "clips": made}))
    return made


def _look(store: AudioStore, clip_id: str) -> ClipFacts:
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
