"""Identity of recordings, which distinguishes corpora of the same name.

The identity of a clip consists of its id, the size of its file, and its start and duration; for a clip
without a file, of its renderer. It depends neither on changes of the sound nor on the folder:
`mp3:gtzan:/data/GTZAN` contains the same recordings as `gtzan:/elsewhere/GTZAN`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from genrelab.lab.corpora.transforms.transformed_corpus import original_renderer
from genrelab.lab.corpora.types import Clip, Corpus


def recording_keys(corpus: Corpus) -> dict[str, str]:
    """Return clip id -> 16 hexadecimal digits that identify its recording, for clips with a genre or tags."""
    renderer = repr(original_renderer(corpus))
    return {clip.id: _key(clip, renderer) for clip in corpus.clips if clip.annotated}


def collection_key(keys: Mapping[str, str]) -> str:
    """Return 64 hexadecimal digits that identify a corpus, given its `recording_keys`."""
    return hashlib.sha256(json.dumps(sorted(keys.items())).encode()).hexdigest()


def _key(clip: Clip, renderer: str) -> str:
    part = [None if at is None else float(at) for at in (clip.start, clip.duration)]
    return hashlib.sha256(json.dumps([clip.id, _size(clip), *part, renderer]).encode()).hexdigest()[:16]


def _size(clip: Clip) -> int | None:
    try:
        return clip.path.stat().st_size if clip.path is not None else None
    except OSError:  # a missing file; decoding raises the error
        return None
