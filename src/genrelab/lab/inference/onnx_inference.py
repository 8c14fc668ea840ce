"""Predictions of a model file for the clips of a store, segment by segment, as in recognition."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genrelab.audio.pad import fit_length
from genrelab.audio.segments import Waveform, cut_segments
from genrelab.bundle.bundle import Bundle, Prediction
from genrelab.bundle.metadata import DIGEST_DIGITS, BundleMetadata
from genrelab.errors import CorpusError
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.store.facts import clip_facts

_BATCH_SECONDS = 30.0


def check_audio(corpus: Corpus, model: Path) -> None:
    """Refuse a corpus that is not audio.

    Raises
    ------
    CorpusError
        If it is a table of descriptors or pictures.
    """
    if corpus.kind != "audio":
        raise CorpusError(
            f"{model} takes sound, and {corpus.name} is not a corpus of sound. Give one; see "
            "`genrelab corpora list`",
            code="corpus-not-audio",
        )


def learned_clips(store: AudioStore, about: BundleMetadata) -> set[str]:
    """Return the clips of a store, at the model's sample rate, that the model was trained on."""
    kept = set(about.learned)
    return {key for key, each in clip_facts(store).items() if (each.digest or "")[:DIGEST_DIGITS] in kept}


def segments_of(store: AudioStore, clip_id: str, about: BundleMetadata) -> Waveform:
    """Return the segments of a clip as in recognition, `[segments, channels, samples]`."""
    wave = store.read(clip_id, 0, store.frames(clip_id))
    if wave.shape[-1] < about.segment_samples:
        return fit_length(wave, max(about.shortest_samples, wave.shape[-1]), padding=about.filling)[None]
    return cut_segments(wave, about.segment_samples, about.hop_samples, padding=about.filling)


def predict_segments(bundle: Bundle, segments: Waveform) -> Prediction:
    """Return the outputs of a model for segments `[segments, channels, samples]`, batch by batch."""
    size = max(1, int(_BATCH_SECONDS / bundle.metadata.segment_seconds))
    found = [bundle.predict(segments[at : at + size]) for at in range(0, len(segments), size)]
    return Prediction(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))
