"""Damage in a sound file that can still be decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

_MIN_SECONDS = 0.5
_MIN_SHARE = 0.01
_NAMED_PLACES = 3
_MOST_PLACES = 1000
_MOST_MESSAGES = 3
_AT_THE_END_SECONDS = 1.0
_NOTICEABLE_SECONDS = 0.02
_MOST_UNUSABLE = 0.1

REST_MISSING = "the rest is missing or damaged"


class Cut(NamedTuple):
    """Why a file counts as cut off.

    Parameters
    ----------
    reason : str
        The evidence.
    share : float or None
        The part of the file that is present, 0..1; None if the file does not state its full length.
    certain : bool
        False if the difference may be too small to matter; then the length in seconds decides.
    """

    reason: str
    share: float | None
    certain: bool


def clearly_short(present: float, expected: float) -> bool:
    """Whether `present` seconds are more than half a second and more than 1 % less than `expected`."""
    return expected - present > max(_MIN_SECONDS, _MIN_SHARE * expected)


@dataclass(slots=True)
class Flaws:
    """Damage found while a file was read.

    Attributes
    ----------
    places : dict of float to int
        Position in seconds from the first audible sample -> number of damaged frames; at most 1000 places.
    damaged_frames : int
        Their total.
    present : float
        Seconds of sound that could be decoded.
    expected : float or None
        Seconds that the file should have, if that is clearly more.
    cut : str or None
        Why the file counts as cut off; None if it does not.
    unusable : tuple of float, float and str, or None
        Position of the first unusable sample in seconds, seconds of unusable samples, and a description.
    messages : list of str
        Messages of decoders, without repetition.
    """

    places: dict[float, int] = field(default_factory=dict)
    damaged_frames: int = 0
    present: float = 0.0
    expected: float | None = None
    cut: str | None = None
    unusable: tuple[float, float, str] | None = None
    messages: list[str] = field(default_factory=list)

    def add_damage(self, seconds: float, frames: int = 1) -> None:
        """Add damaged frames at a position; a position counts once."""
        place = round(max(seconds, 0.0), 3)
        if place in self.places:
            return
        self.damaged_frames += frames
        if len(self.places) < _MOST_PLACES:
            self.places[place] = frames

    def add_unusable(self, place: float, seconds: float, what: str) -> None:
        """Add unusable samples: position and length in seconds, and a description."""
        if self.unusable is None:
            self.unusable = place, seconds, what
        else:
            first, before, description = self.unusable
            self.unusable = first, before + seconds, description

    def conclude(
        self, present: float, expected: float, cut: str | None, *, short: bool, declared: bool = False
    ) -> None:
        """Set the totals after the whole file was read.

        Parameters
        ----------
        present, expected : float, in seconds
        cut : str or None
            Why the file counts as cut off.
        short : bool
            Whether clearly more is missing than rounding explains.
        declared : bool
            Whether the file states its length.
        """
        end = present - _AT_THE_END_SECONDS
        if cut is None and short and self.places and all(place >= end for place in self.places):
            cut = REST_MISSING  # complete up to one position, and nothing after it
        if cut is None and not short and declared:  # a tag behind the sound was decoded as sound
            end = present - _NOTICEABLE_SECONDS
            self.places = {place: count for place, count in self.places.items() if place < end}
            self.damaged_frames = sum(self.places.values())
        if cut is not None:
            self.places = {place: count for place, count in self.places.items() if place < end}
            self.damaged_frames = sum(self.places.values())
        noticeable = short or (expected - present > _NOTICEABLE_SECONDS and not self.places and cut is None)
        self.present, self.cut = present - (self.unusable[1] if self.unusable else 0.0), cut
        self.expected = expected if noticeable else None

    def add_message(self, text: str) -> None:
        """Add the message of a decoder."""
        if text not in self.messages and len(self.messages) < _MOST_MESSAGES:
            self.messages.append(text)

    @property
    def hopeless(self) -> bool:
        """Whether too many samples are unusable to trust the others."""
        return self.unusable is not None and self.unusable[1] > _MOST_UNUSABLE * (
            self.present + self.unusable[1]
        )

    @property
    def damaged(self) -> bool:
        """Whether anything before the end is damaged or missing."""
        return bool(self.places or self.unusable) or (self.expected is not None and self.cut is None)

    def describe_damage(self) -> str:
        """Return a description of the damage, such as `3 damaged frames at 0:31, 0:35 and 1:02`."""
        if self.unusable is not None:
            place, seconds, what = self.unusable
            return f"{seconds:.2g} s from {_clock(place)} are unusable: {what}"
        if not self.places:
            return f"damaged: {self._amount()}"
        times = list(dict.fromkeys(_clock(seconds) for seconds in sorted(self.places)))
        if len(times) > _NAMED_PLACES:
            where = f"between {times[0]} and {times[-1]}"
        else:
            where = f"at {' and '.join(filter(None, (', '.join(times[:-1]), times[-1])))}"
        text = f"{self.damaged_frames} damaged frame{'s' * (self.damaged_frames > 1)} {where}"
        return text if self.expected is None or self.cut else f"{text}: {self._amount()}"

    def describe_cut(self) -> str:
        """Return what is missing at the end, such as `cut off: 60.0 s of about 240.0 s could be decoded`."""
        return f"cut off: {self._amount()} ({self.cut})"

    def _amount(self) -> str:
        length = "an unknown length" if self.expected is None else f"about {self.expected:.1f} s"
        return f"{self.present:.1f} s of {length} could be decoded"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
