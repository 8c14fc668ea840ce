"""What a decoder gives to `decode`: facts about the file, and its samples in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from genrelab.audio.flaws import Cut, Flaws

Waveform = npt.NDArray[np.float32]

AGAIN = "Get the file again, or encode it again."
"""What a user can do about a damaged file; messages end with it."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a sound file says about itself.

    Parameters
    ----------
    path : Path
        The file.
    sample_rate : int
        In Hz.
    channels : int
        As stored.
    duration : float or None
        In seconds; an estimate for raw AAC and for video containers, None where nothing is said.
    codec : str
        Lower-case name: `pcm_16`, `flac`, `vorbis`, `opus`, `mp3`, `aac`, `wmav2`, ...
    """

    path: Path
    sample_rate: int
    channels: int
    duration: float | None
    codec: str


class Source(Protocol):
    """An open sound file."""

    @property
    def info(self) -> AudioInfo:
        """What the file says about itself."""
        ...

    @property
    def size(self) -> int:
        """The bytes that the file had when it was opened."""
        ...

    @property
    def declared_seconds(self) -> float | None:
        """The length that the file firmly promises (no estimate), in seconds; None if it promises none."""
        ...

    @property
    def seekable(self) -> bool:
        """Whether samples are found by seeking; else all that lies before them is decoded."""
        ...

    @property
    def knows_its_end(self) -> bool:
        """Whether all that `declared_seconds` promises has been seen to be there."""
        ...

    @property
    def flaws(self) -> Flaws:
        """Where damage is noted when it is met."""
        ...

    def find_cut(self) -> Cut | None:
        """Return why the file counts as cut off; None if nothing speaks for it.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        ...

    def has_damage(self) -> bool:
        """Return whether the file is damaged somewhere, where that can be told without decoding it.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        ...

    def tally(self, seconds: float) -> tuple[float, float]:
        """Return how much sound is there and how much should be, after all of it was read.

        Parameters
        ----------
        seconds : float
            How much was read from the beginning to the end.

        Returns
        -------
        present, expected : float, in seconds
        """
        ...

    def read(self, first: int, count: int | None, block: int) -> Iterator[Waveform]:
        """Yield the samples from number `first` on, as `[channels, samples]`.

        May be called again if the file is seekable, cheapest in the order of time.

        Parameters
        ----------
        first : int >= 0
            Number of the first sample wanted.
        count : int > 0 or None
            How many samples are wanted; None means up to the end. Fewer come where the file ends.
        block : int > 0
            About how many samples a block should have.

        Raises
        ------
        AudioError
            If the data is damaged.
        """
        ...

    def close(self) -> None:
        """Close the file."""
        ...
