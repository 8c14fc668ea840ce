"""Clips of at least a fixed length: silence fills up what is shorter, the same in training and in tests."""

from __future__ import annotations

import hashlib

import numpy as np

from genrelab.audio.pad import fit_length
from genrelab.lab.corpora.types import Waveform
from genrelab.lab.recipes.schema import Audio
from genrelab.lab.training.store.audio_store import AudioStore


class FilledStore(AudioStore):
    """A view of a store in which every clip has at least a fixed length.

    A shorter clip gets silence at random points (paper `soundfusion`, section IV.B). The points follow from
    the id of the clip: every read, run, seed and machine gives the same sound, as if it had been saved.

    Parameters
    ----------
    store : AudioStore
    least : int > 0
        Shortest length of a clip, in samples.
    """

    def __init__(self, store: AudioStore, least: int) -> None:
        vars(self).update(vars(store))
        self.least = least

    def frames(self, clip_id: str) -> int:
        """Return a clip's length in samples, silence included."""
        return max(super().frames(clip_id), self.least)

    def checksum(self, clip_id: str) -> str:
        """Return a checksum of a clip's samples, silence included: clips of equal sound differ in it."""
        own = super().checksum(clip_id)
        if super().frames(clip_id) >= self.least:
            return own
        whole = f"{own} {self.least} {clip_id}"
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()

    def read(self, clip_id: str, start: int, length: int) -> Waveform:
        """Return samples `start` to `start + length`, fewer at the end of the clip."""
        own = super().frames(clip_id)
        if own >= self.least:
            return super().read(clip_id, start, length)
        digest = hashlib.sha256(clip_id.encode("utf-8", "surrogatepass")).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        whole = fit_length(super().read(clip_id, 0, own), self.least, padding="random", rng=rng)
        return whole[:, start : start + length]


def filled(store: AudioStore, audio: Audio) -> AudioStore:
    """Return a store with clips of at least `audio.clip_seconds`; the store itself without this value."""
    return store if audio.clip_samples is None else FilledStore(store, audio.clip_samples)
