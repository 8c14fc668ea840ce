"""Picture files, PNG and JPEG, as the pixels of clips; decoding is bounded.

Pictures come from anywhere, so that size and format are checked before any pixel is decoded.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.errors import AudioError, CorpusError
from genrelab.lab.corpora.paths import sound_file
from genrelab.lab.corpora.types import Clip, Waveform

if TYPE_CHECKING:
    from PIL.Image import Image

Plane = Literal["gray", "red", "green", "blue", "rgb"]
Pixels = npt.NDArray[np.uint8]

PICTURE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg"))
MOST_PIXELS = 2**24
"""Of a file: 4,096 x 4,096."""
MOST_BYTES = 2**26
"""Of a file: 64 MiB."""
_FORMATS = ("PNG", "JPEG")
_VERSION = 1  # of what becomes of a file; raising it changes every store and run
_OPENING = Lock()  # filters of warnings belong to the process


class PictureError(AudioError):
    """A picture cannot be read, or is not one that a network can take."""

    code = "picture-unreadable"


class Size(NamedTuple):
    """Rows and columns of a picture."""

    rows: int
    columns: int

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}"


class Box(NamedTuple):
    """Part of a picture, in pixels from its left and upper edge; right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        """The size of the part."""
        return Size(self.bottom - self.top, self.right - self.left)

    def __str__(self) -> str:
        return ",".join(map(str, self))


class Reading(NamedTuple):
    """How the files of a corpus become values.

    Attributes
    ----------
    size : Size
        Of the result; a picture of another size is resized (bilinear, antialiased).
    plane : {"gray", "red", "green", "blue", "rgb"}
        The values of a colour picture: brightness (ITU-R 601), one colour, or all three. Transparency is
        ignored.
    crop : Box or None
        The part of the file that is the picture.
    """

    size: Size
    plane: Plane = "gray"
    crop: Box | None = None

    @property
    def planes(self) -> Literal[1, 3]:
        """Values per pixel."""
        return 3 if self.plane == "rgb" else 1


@dataclass(frozen=True)
class PicturePixels:
    """Renderer that returns the pixels of a clip's picture in place of samples.

    The values 0..255 of the planes, row by row from the top, become -1..1; so the 16 bits of a store keep
    each of them.

    Parameters
    ----------
    reading : Reading
    """

    reading: Reading

    def __repr__(self) -> str:
        """Return what determines the pixels, which identifies stores and runs."""
        size, plane, crop = self.reading
        return f"PicturePixels({size}, {plane}, crop={crop}, version={_VERSION})"

    @property
    def values(self) -> int:
        """Values of a picture: the sample rate of a recipe for pictures."""
        rows, columns = self.reading.size
        return rows * columns * self.reading.planes

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> Waveform:
        """Return a picture as float32 `[1, values]` in -1..1.

        Raises
        ------
        PictureError
            If the file cannot be read.
        CorpusError
            If the sample rate differs from the number of values.
        """
        if sample_rate != self.values:
            raise CorpusError(
                f"a picture of {self.reading.size} has {self.values} values and no sound, and {sample_rate} "
                "samples per second were asked for. If a run on pictures of another size asks, give that "
                "size: pictures:PATH?size=172x173",
                code="pictures-sample-rate",
            )
        pixels = read_picture(sound_file(clip), self.reading)
        return (pixels.reshape(1, -1).astype(np.float32) - np.float32(127.5)) / np.float32(127.5)


def is_picture(file: Path) -> bool:
    """Tell whether a path is a picture by its suffix, and not hidden."""
    return not file.name.startswith(".") and file.suffix.lower() in PICTURE_SUFFIXES and file.is_file()


def picture_size(path: Path) -> Size:
    """Return the size of a picture, without decoding it.

    Raises
    ------
    PictureError
        If the file cannot be read, is neither PNG nor JPEG, or is too large.
    """
    with _opened(path) as image:
        return Size(image.height, image.width)


def read_picture(path: Path, reading: Reading) -> Pixels:
    """Decode a picture.

    Parameters
    ----------
    path : Path
    reading : Reading

    Returns
    -------
    np.ndarray [shape=(planes, rows, columns)], uint8
        Row 0 is the top of the picture. 16-bit grays are rounded down to 8 bits.

    Raises
    ------
    PictureError
        If the file cannot be read, is neither PNG nor JPEG, is too large, or the crop extends beyond it.
    """
    from PIL import Image

    with _opened(path) as image:
        crop, whole = reading.crop, Size(image.height, image.width)
        if crop is not None and (crop.right > whole.columns or crop.bottom > whole.rows):
            raise PictureError(
                f"{path} has {whole} pixels, and crop={crop} extends beyond them. Choose a smaller crop",
                code="picture-crop",
            )
        try:
            plain = _eight_bits(image, reading.plane)
            part = plain if crop is None else plain.crop(crop)
            rows, columns = reading.size
            if part.size != (columns, rows):
                part = part.resize((columns, rows), Image.Resampling.BILINEAR)
            pixels = np.asarray(part, dtype=np.uint8)
        except Exception as error:  # whatever the decoder raises for damaged data
            raise _unreadable(path, error) from error
    return pixels.transpose(2, 0, 1).copy() if pixels.ndim == 3 else pixels[None].copy()


def _eight_bits(image: Image, plane: Plane) -> Image:
    from PIL import Image as images

    if image.mode.startswith(("I", "F")):  # 16 bits
        image = images.fromarray((np.asarray(image).astype(np.int64).clip(0, 65_535) // 257).astype(np.uint8))
    if plane == "gray":
        # Through RGB, because a palette's entries and a transparent plane are no brightness.
        return image if image.mode == "L" else image.convert("RGB").convert("L")
    colours = image.convert("RGB")
    return colours if plane == "rgb" else colours.getchannel("RGB"[("red", "green", "blue").index(plane)])


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Open a picture, which reads its header; refuse one that is too large."""
    from PIL import Image

    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise PictureError(
                f"{path} has {size:,} bytes, more than the {MOST_BYTES:,} of a picture. Save it smaller",
                code="picture-too-large",
            )
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of so many pixels; they are counted below
            image = Image.open(path, formats=_FORMATS)
    except PictureError:
        raise
    except Exception as error:  # whatever the decoder raises for damaged data
        raise _unreadable(path, error) from error
    with image:
        if image.width * image.height > MOST_PIXELS:
            raise PictureError(
                f"{path} has {image.height} x {image.width} pixels, more than {MOST_PIXELS:,}. Save it "
                "smaller",
                code="picture-too-large",
            )
        yield image


def _unreadable(path: Path, error: Exception) -> PictureError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return PictureError(f"{path} cannot be read as a PNG or JPEG picture ({reason}). Save it again")
