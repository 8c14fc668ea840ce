"""Pictures of clips as the audit compares them: digests, and the fine structure that identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from genrelab.lab.audit.clip_analysis import ClipAnalysis, file_digest
from genrelab.lab.audit.faults import Fault
from genrelab.lab.corpora.loaders.picture_file import (
    Box,
    PictureError,
    PicturePixels,
    Pixels,
    Reading,
    Size,
    read_picture,
)
from genrelab.lab.corpora.paths import sound_file
from genrelab.lab.corpora.types import Clip, Corpus

BANDS, COLUMNS = 64, 172
_AROUND = 9  # bands, or columns: wider structure is the instrumentation and the loudness
_TOGETHER = 64  # pictures in memory before they become prints
_EVEN = 12  # between the values of a margin, which compression makes uneven
_LEAST_INSIDE = 0.25  # of rows, and of columns

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
    inside = content_box(corpus)
    done: list[AnalyzedPicture] = []
    with ThreadPoolExecutor(jobs) as pool:
        for first in range(0, len(corpus.clips), _TOGETHER):
            for each in pool.map(
                lambda clip: _analyze(clip, renderer.reading, inside), corpus.clips[first : first + _TOGETHER]
            ):
                done.append(each)
                if report is not None:
                    report(len(done), len(corpus.clips))
    return done


def content_box(corpus: Corpus) -> Box | None:
    """Return the part inside the margin that all pictures have, as of a plot; None without a margin.

    Equal margins would make all pictures alike. The margin consists of outer rows and columns that have the
    same value in all of up to 64 pictures of the corpus.
    """
    renderer = corpus.renderer
    assert isinstance(renderer, PicturePixels)
    lowest: Pixels | None = None
    highest: Pixels | None = None
    for clip in corpus.clips[:: max(1, len(corpus.clips) // _TOGETHER)][:_TOGETHER]:
        try:
            pixels = read_picture(sound_file(clip), _gray(renderer.reading))[0]
        except PictureError:
            continue
        if pixels.min() < pixels.max():
            lowest = pixels if lowest is None else np.minimum(lowest, pixels)
            highest = pixels if highest is None else np.maximum(highest, pixels)
    if lowest is None or highest is None:
        return None
    (top, bottom), (left, right) = (_inside(lowest, highest, axis=axis) for axis in (1, 0))
    rows, columns = lowest.shape
    if (bottom - top, right - left) == (rows, columns):
        return None
    enough = bottom - top >= _LEAST_INSIDE * rows and right - left >= _LEAST_INSIDE * columns
    return Box(left, top, right, bottom) if enough else None


def _inside(lowest: Pixels, highest: Pixels, *, axis: int) -> tuple[int, int]:
    """Return the first row (of axis 1; column of axis 0) that is no margin, and the one behind the last."""
    least, most = lowest.min(axis=axis).astype(int), highest.max(axis=axis).astype(int)
    uneven = most - least > _EVEN

    def margin(order: slice) -> int:
        """Count the outer lines that are even, and have the value of the outermost one."""
        kept = (
            uneven[order] | (most[order] - least[order][0] > _EVEN) | (most[order][0] - least[order] > _EVEN)
        )
        return int(kept.argmax()) if kept.any() else 0

    return margin(slice(None)), len(uneven) - margin(slice(None, None, -1))


def _gray(reading: Reading) -> Reading:
    return reading if reading.plane != "rgb" else reading._replace(plane="gray")


def _small(path: Path, reading: Reading, inside: Box | None) -> Pixels:
    """Return a picture without its margin, `[BANDS, COLUMNS]`."""
    from PIL import Image

    gray = _gray(reading)
    if inside is None:
        return np.asarray(read_picture(path, gray._replace(size=Size(BANDS, COLUMNS)))[0])
    part = Image.fromarray(read_picture(path, gray)[0]).crop(inside)
    return np.asarray(part.resize((COLUMNS, BANDS), Image.Resampling.BILINEAR), dtype=np.uint8)


def _analyze(clip: Clip, reading: Reading, inside: Box | None) -> AnalyzedPicture:
    path = sound_file(clip)
    try:
        pixels, small = read_picture(path, reading), _small(path, reading, inside)
    except PictureError as error:
        fault = Fault(clip.id, "unreadable", str(error))
        return AnalyzedPicture(ClipAnalysis(clip, 0.0, None, None, None, [fault]), None)
    if pixels.min() == pixels.max():
        fault = Fault(clip.id, "silent", "the picture has one value everywhere")
        return AnalyzedPicture(ClipAnalysis(clip, 1.0, None, None, None, [fault]), None)
    digest = hashlib.sha256(f"{pixels.shape} ".encode() + pixels.tobytes()).hexdigest()
    return AnalyzedPicture(
        ClipAnalysis(clip, 1.0, None, file_digest(clip), digest, []), fine_structure(small)
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
