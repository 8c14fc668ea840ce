"""Changes to the sound of a whole collection: MP3, tempo, pitch, what lies below hearing, loudness.

A change takes a clip's waveform and gives another. It draws nothing at random, so that a changed collection
can be kept. A new change is one class here: a frozen dataclass, registered under its name, whose `repr` names
all that decides the sound.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from genrelab.audio.encode import MP3_BITRATES, through_mp3
from genrelab.errors import AudioError, RecipeError
from genrelab.lab.corpora.types import Waveform
from genrelab.lab.registry import Registry

_HIGH_PASS_ORDER = 8


@dataclass(frozen=True)
class SoundChange(ABC):
    """A change of one clip's sound, the same whenever it is made.

    Attributes
    ----------
    kind : str
        The name under which it is registered.
    of_the_file : bool
        Whether it must meet the sound at the file's own rate and channels. The others meet it at the rate
        and channels that the recipe hears, which is faster.
    version : int
        Of the way in which the sound is made; raised whenever that changes what is heard.
    """

    kind: ClassVar[str]
    of_the_file: ClassVar[bool] = False
    version: ClassVar[int] = 1

    @abstractmethod
    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return `[channels, samples]` changed; the number of samples may be another.

        Raises
        ------
        AudioError
            If this sound cannot be changed so.
        """

    @property
    def name(self) -> str:
        """Kind and value, e.g. `mp3-64`: what a changed collection is called behind its own name."""
        values = (getattr(self, each.name) for each in fields(self))
        return "-".join([self.kind, *(f"{value:g}" for value in values)])


SOUND_CHANGES: Registry[SoundChange] = Registry("change of sound")


@SOUND_CHANGES.register("mp3")
@dataclass(frozen=True)
class Mp3(SoundChange):
    """Encode as MP3 with LAME and decode again (paper `mel-augmentation`, table 5: "converted to MP3").

    Parameters
    ----------
    bitrate : int, in kbit/s
        One that MP3 knows at the file's sample rate; a file for which it does not is left out.
    """

    bitrate: int = 128
    kind = "mp3"
    of_the_file = True

    def __post_init__(self) -> None:
        if self.bitrate not in MP3_BITRATES:
            known = ", ".join(map(str, MP3_BITRATES))
            raise RecipeError(
                f"MP3 does not know {self.bitrate} kbit/s; take one of {known}", code="mp3-bitrate-unknown"
            )

    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return as many samples, aligned with those that came."""
        return through_mp3(waveform, sample_rate, bitrate=self.bitrate)


@SOUND_CHANGES.register("time-stretch")
@dataclass(frozen=True)
class TimeStretch(SoundChange):
    """Make faster or slower at the same pitch (paper `mel-augmentation`, 3.2: 1.25 and 0.85).

    Parameters
    ----------
    factor : float, 0.1..10
        Above 1 is faster and shorter, as in `librosa.effects.time_stretch`, whose phase vocoder it is.
    """

    factor: Annotated[float, Field(ge=0.1, le=10)]
    kind = "time-stretch"

    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return samples / factor samples."""
        from librosa import effects  # here, because importing it takes seconds

        stretched: Waveform = effects.time_stretch(waveform, rate=self.factor)
        return stretched


@SOUND_CHANGES.register("pitch-shift")
@dataclass(frozen=True)
class PitchShift(SoundChange):
    """Make higher or lower at the same tempo (paper `mel-augmentation`, 3.2: 2 and -1).

    Parameters
    ----------
    semitones : float, -24..24
        As in `librosa.effects.pitch_shift`, whose phase vocoder it is.
    """

    semitones: Annotated[float, Field(ge=-24, le=24)]
    kind = "pitch-shift"

    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return as many samples."""
        from librosa import effects  # here, because importing it takes seconds

        shifted: Waveform = effects.pitch_shift(waveform, sr=sample_rate, n_steps=self.semitones)
        return shifted


@SOUND_CHANGES.register("high-pass")
@dataclass(frozen=True)
class HighPass(SoundChange):
    """Take away what lies below a frequency, such as what no ear hears.

    A Butterworth filter of order 8, run forwards and backwards: no delay, -6 dB at the frequency, -96 dB an
    octave below it.

    Parameters
    ----------
    hz : float > 0, in Hz
        Below half the sample rate.
    """

    hz: Annotated[float, Field(gt=0)] = 20.0
    kind = "high-pass"

    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return as many samples."""
        if self.hz >= sample_rate / 2:
            raise AudioError(
                f"sound of {sample_rate} Hz has nothing above {self.hz:g} Hz; give high-pass a frequency "
                f"below {sample_rate / 2:g} Hz",
                code="high-pass-above-nyquist",
            )
        from scipy import signal

        sections = signal.butter(_HIGH_PASS_ORDER, self.hz, "highpass", fs=sample_rate, output="sos")
        mirrored = min(waveform.shape[1] - 1, round(3 * sample_rate / self.hz))  # samples at either end
        filtered = signal.sosfiltfilt(sections, waveform.astype(np.float64), padlen=mirrored)
        return np.asarray(filtered, dtype=np.float32)


@SOUND_CHANGES.register("loudness")
@dataclass(frozen=True)
class Loudness(SoundChange):
    """Bring every clip to one root mean square over all its samples and channels.

    Parameters
    ----------
    decibels : float, -60..0
        Below full scale, where a square wave of full scale has 0. A clip whose peaks would pass full scale
        stays softer, with its peak there; silence stays silence.
    """

    decibels: Annotated[float, Field(ge=-60, le=0)] = -20.0
    kind = "loudness"

    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return as many samples."""
        power = float(np.mean(np.square(waveform, dtype=np.float64)))
        peak = float(np.max(np.abs(waveform)))
        if power == 0.0:
            return waveform
        gain = min(10.0 ** (self.decibels / 20.0) / power**0.5, 1.0 / peak)
        return np.asarray(waveform * gain, dtype=np.float32)


def sound_change(text: str) -> SoundChange:
    """Make a change as a corpus spec names it.

    Parameters
    ----------
    text : str
        A registered name, and behind an `@` its options: `mp3`, `mp3@bitrate=64`.

    Raises
    ------
    RecipeError
        If there is no such change or option, or it cannot have that value.

    Examples
    --------
    >>> sound_change("mp3@bitrate=64")
    Mp3(bitrate=64)
    """
    kind, _, listed = text.partition("@")
    options: dict[str, str] = {}
    for item in filter(None, listed.split(",")):
        key, equals, value = item.partition("=")
        if not equals or key in options:
            raise RecipeError(
                f"options of {kind!r} are written once each, as key=value, not {listed!r}",
                code="change-options",
            )
        options[key] = value
    return SOUND_CHANGES.create(kind, options)
