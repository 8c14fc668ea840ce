"""Which recording a clip is, so that two collections of one name are not taken for one.

What counts is a clip's id, the size of its file, and the part of it that is the clip; of clips without a
file, what makes their sound. Changes of the sound do not count, nor where a file lies:
`mp3:gtzan:/data/GTZAN` holds the same recordings as `gtzan:/elsewhere/GTZAN`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from genrelab.lab.corpora.transforms.transformed_corpus import original_renderer
from genrelab.lab.corpora.types import Clip, Corpus


def recording_keys(corpus: Corpus) -> dict[str, str]:
    """Return clip id -> 16 hexadecimal digits that name its recording, for the labelled clips."""
    renderer = repr(original_renderer(corpus))
    return {clip.id: _key(clip, renderer) for clip in corpus.clips if clip.genre is not None}


def collection_key(keys: Mapping[str, str]) -> str:
    """Return 64 hexadecimal digits that name a collection, of what `recording_keys` returned for it."""
    return hashlib.sha256(json.dumps(sorted(keys.items())).encode()).hexdigest()


def _key(clip: Clip, renderer: str) -> str:
    part = [None if at is None else float(at) for at in (clip.start, clip.duration)]
    return hashlib.sha256(json.dumps([clip.id, _size(clip), *part, renderer]).encode()).hexdigest()[:16]


def _size(clip: Clip) -> int | None:
    try:
        return clip.path.stat().st_size if clip.path is not None else None
    except OSError:  # it is not there; decoding says so
        return None
