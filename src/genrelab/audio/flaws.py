"""What is wrong with a sound file of which the sound can be read nevertheless."""

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

REST_MISSING = "the rest is missing or damaged"


class Cut(NamedTuple):
    """Why a file counts as cut off.

    Parameters
    ----------
    reason : str
        What shows it.
    share : float or None
        Which part of the file is there, 0..1; None where the file does not say how long it should be.
    certain : bool
        False where the difference may be too small to matter, which the length decides.
    """

    reason: str
    share: float | None
    certain: bool


def clearly_short(present: float, expected: float) -> bool:
    """Whether `present` seconds are more than half a second and more than 1 % less than `expected`."""
    return expected - present > max(_MIN_SECONDS, _MIN_SHARE * expected)


@dataclass(slots=True)
class Flaws:
    """What was found wrong with a file while it was read.

    Attributes
    ----------
    places : dict of float to int
        Where frames are damaged, in seconds from the beginning of what can be heard, and how many there; at
        most 1000 places.
    damaged_frames : int
        All of them.
    present : float
        Seconds of sound that are there.
    expected : float or None
        Seconds that should be there, if that is clearly more.
    cut : str or None
        Why the file counts as cut off; None if it does not.
    not_finite : tuple of float or None
        Where the first sample is that is no finite number, and how many seconds of such there are.
    messages : list of str
        What decoders said, each once.
    """

    places: dict[float, int] = field(default_factory=dict)
    damaged_frames: int = 0
    present: float = 0.0
    expected: float | None = None
    cut: str | None = None
    not_finite: tuple[float, float] | None = None
    messages: list[str] = field(default_factory=list)

    def add_damage(self, seconds: float, frames: int = 1) -> None:
        """Note that frames are damaged at a place; a place that is known already counts once."""
        place = round(max(seconds, 0.0), 3)
        if place in self.places:
            return
        self.damaged_frames += frames
        if len(self.places) < _MOST_PLACES:
            self.places[place] = frames

    def add_not_finite(self, place: float, seconds: float) -> None:
        """Note samples that are no finite numbers."""
        first, before = self.not_finite or (place, 0.0)
        self.not_finite = min(first, place), before + seconds

    def conclude(self, present: float, expected: float, cut: str | None, *, short: bool) -> None:
        """Note how much is there, after all of it was read.

        Parameters
        ----------
        present, expected : float, in seconds
        cut : str or None
            Why the file counts as cut off.
        short : bool
            Whether what is missing is clearly more than rounding.
        """
        end = present - _AT_THE_END_SECONDS
        if cut is None and short and self.places and all(place >= end for place in self.places):
            cut = REST_MISSING  # all of it is there up to a place, and nothing behind it
        if cut is not None:
            self.places = {place: count for place, count in self.places.items() if place < end}
            self.damaged_frames = sum(self.places.values())
        noticeable = short or (expected - present > _NOTICEABLE_SECONDS and not self.places and cut is None)
        self.present, self.cut = present - (self.not_finite or (0.0, 0.0))[1], cut
        self.expected = expected if noticeable else None

    def add_message(self, text: str) -> None:
        """Note what a decoder said."""
        if text not in self.messages and len(self.messages) < _MOST_MESSAGES:
            self.messages.append(text)

    @property
    def damaged(self) -> bool:
        """Whether something between the beginning and the end is damaged or missing."""
        return bool(self.places or self.not_finite) or (self.expected is not None and self.cut is None)

    def describe_damage(self) -> str:
        """Return what is damaged, such as `3 damaged frames at 0:31, 0:35 and 1:02`."""
        if self.not_finite is not None:
            place, seconds = self.not_finite
            return (
                f"{seconds:.2g} s from {_clock(place)} on are not finite (NaN or infinity), taken as silence"
            )
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
        """Return how much is missing at the end, such as `cut off: 60.0 s of about 240.0 s are there`."""
        return f"cut off: {self._amount()} ({self.cut})"

    def _amount(self) -> str:
        length = "an unknown length" if self.expected is None else f"about {self.expected:.1f} s"
        return f"{self.present:.1f} s of {length} could be decoded"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
