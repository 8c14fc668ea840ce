"""Pictures of clips as the audit compares them: digests, and the fine structure that identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from genrelab.lab.audit.clip_analysis import ClipAnalysis, file_digest
from genrelab.lab.audit.faults import Fault
from genrelab.lab.corpora.loaders.picture_file import PictureError, PicturePixels, Size, read_picture
from genrelab.lab.corpora.paths import sound_file
from genrelab.lab.corpora.types import Clip, Corpus

BANDS, COLUMNS = 64, 172
_AROUND = 9  # bands, or columns: wider structure is the instrumentation and the loudness
_TOGETHER = 64  # pictures in memory before they become prints

Print = npt.NDArray[np.float16]
Report = Callable[[int, int], None]


class AnalyzedPicture(NamedTuple):
    """A clip, and the fine structure of its picture, `[BANDS, COLUMNS]`; None if there is none."""

    analysis: ClipAnalysis
    fine: Print | None


def analyze_pictures(corpus: Corpus, *, jobs: int, report: Report | None = None) -> list[AnalyzedPicture]:
    """Analyze all pictures of a corpus; an unreadable or empty one is a fault, not an error.

    Parameters
    ----------
    corpus : Corpus
        Of pictures.
    jobs : int > 0
        Pictures processed in parallel, in threads.
    report : callable or None
        Called with the number of finished pictures and the total.

    Returns
    -------
    list of AnalyzedPicture
        In the order of the corpus. The length of a picture is 1, its width.
    """
    renderer = corpus.renderer
    assert isinstance(renderer, PicturePixels)
    done: list[AnalyzedPicture] = []
    with ThreadPoolExecutor(jobs) as pool:
        for first in range(0, len(corpus.clips), _TOGETHER):
            for each in pool.map(
                lambda clip: _analyze(clip, renderer), corpus.clips[first : first + _TOGETHER]
            ):
                done.append(each)
                if report is not None:
                    report(len(done), len(corpus.clips))
    return done


def _analyze(clip: Clip, renderer: PicturePixels) -> AnalyzedPicture:
    path, reading = sound_file(clip), renderer.reading
    try:
        pixels = read_picture(path, reading)
        plane = reading.plane if reading.plane != "rgb" else "gray"
        small = read_picture(path, reading._replace(size=Size(BANDS, COLUMNS), plane=plane))
    except PictureError as error:
        fault = Fault(clip.id, "unreadable", str(error))
        return AnalyzedPicture(ClipAnalysis(clip, 0.0, None, None, None, [fault]), None)
    if pixels.min() == pixels.max():
        fault = Fault(clip.id, "silent", "the picture has one value everywhere")
        return AnalyzedPicture(ClipAnalysis(clip, 1.0, None, None, None, [fault]), None)
    digest = hashlib.sha256(f"{pixels.shape} ".encode() + pixels.tobytes()).hexdigest()
    return AnalyzedPicture(
        ClipAnalysis(clip, 1.0, None, file_digest(clip), digest, []), fine_structure(small[0])
    )


def fine_structure(pixels: npt.NDArray[np.uint8]) -> Print:
    """Return a picture without what clips of one style share: mean spectrum, loudness, broad shapes.

    Parameters
    ----------
    pixels : np.ndarray [shape=(bands, columns)], uint8

    Returns
    -------
    np.ndarray [shape=(bands, columns)], float16
        Its mean square is 1, or 0 if nothing is left.
    """
    rest = pixels.astype(np.float32)
    rest -= rest.mean(axis=1, keepdims=True)
    for axis in (0, 1):
        rest -= ndimage.uniform_filter1d(rest, _AROUND, axis=axis)
    power = float(np.sqrt(np.square(rest).mean()))
    return (rest / power if power > 1e-3 else np.zeros_like(rest)).astype(np.float16)
