"""The interface of decoders: facts about the file, and its samples in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from genrelab.audio.channels import Waveform
from genrelab.audio.containers.window import ReadableFile
from genrelab.audio.flaws import Cut, Flaws

AGAIN = "Get the file again, or encode it again."
"""The remedy for a damaged file, at the end of messages."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """Facts that a sound file states.

    Parameters
    ----------
    path : ReadableFile
        The file.
    sample_rate : int
        In Hz.
    channels : int
        As stored.
    duration : float or None
        In seconds; an estimate for raw AAC and video containers; None if unknown.
    codec : str
        Lower-case name: `pcm_16`, `flac`, `vorbis`, `opus`, `mp3`, `aac`, `wmav2`, ...
    """

    path: ReadableFile
    sample_rate: int
    channels: int
    duration: float | None
    codec: str


class Source(Protocol):
    """An open sound file."""

    @property
    def info(self) -> AudioInfo:
        """The facts that the file states."""
        ...

    @property
    def size(self) -> int:
        """The size in bytes when the file was opened."""
        ...

    @property
    def declared_seconds(self) -> float | None:
        """The exact length that the file states, in seconds; None for an estimate or nothing."""
        ...

    @property
    def seekable(self) -> bool:
        """Whether seeking is exact; else everything before a sample is decoded."""
        ...

    @property
    def knows_its_end(self) -> bool:
        """Whether all sound of `declared_seconds` is known to be present."""
        ...

    @property
    def flaws(self) -> Flaws:
        """Damage found so far."""
        ...

    def find_cut(self) -> Cut | None:
        """Return the evidence that the file is cut off; None if there is none.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        ...

    def has_damage(self) -> bool:
        """Return whether the file has damage that is known without decoding.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        ...

    def tally(self, seconds: float) -> tuple[float, float]:
        """Return how much sound is present and how much is expected, after reading to the end.

        Parameters
        ----------
        seconds : float
            Length that was read.

        Returns
        -------
        present, expected : float, in seconds
        """
        ...

    def read(self, first: int, count: int | None, block: int) -> Iterator[Waveform]:
        """Yield the samples from number `first` on, as `[channels, samples]`.

        A seekable file can be read several times; reading in order of time is cheapest.

        Parameters
        ----------
        first : int >= 0
            Number of the first sample.
        count : int > 0 or None
            Number of samples; None means to the end. Fewer are returned if the file ends earlier.
        block : int > 0
            Approximate samples of a block.

        Raises
        ------
        AudioError
            If the data is damaged.
        """
        ...

    def close(self) -> None:
        """Close the file."""
        ...
