"""Changes to the sound of a whole corpus: MP3, tempo, pitch, inaudible frequencies, loudness.

A change maps a clip's waveform to another one. It is deterministic, so that the changed corpus can be stored.
A new change is one class in this file: a frozen dataclass, registered under its name, whose `repr` contains
everything that determines the sound.
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
    """A deterministic change of a clip's sound.

    Attributes
    ----------
    kind : str
        The name under which it is registered.
    of_the_file : bool
        Whether the change needs the rate and channels of the file. Other changes get the rate and channels of
        the recipe, which is faster.
    version : int
        Version of the implementation; raise it whenever the resulting sound changes.
    """

    kind: ClassVar[str]
    of_the_file: ClassVar[bool] = False
    version: ClassVar[int] = 1

    @abstractmethod
    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return the changed waveform `[channels, samples]`; the number of samples may differ.

        Raises
        ------
        AudioError
            If the change cannot be applied to this sound.
        """

    @property
    def name(self) -> str:
        """Kind and value, such as `mp3-64`: the suffix of the name of a changed corpus."""
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
        A bitrate that MP3 supports. Files whose sample rate does not allow it are skipped.
    """

    bitrate: int = 128
    kind = "mp3"
    of_the_file = True

    def __post_init__(self) -> None:
        if self.bitrate not in MP3_BITRATES:
            known = ", ".join(map(str, MP3_BITRATES))
            message = f"MP3 does not support {self.bitrate} kbit/s; use one of {known}"
            raise RecipeError(message, code="mp3-bitrate-unknown")

    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return the same number of samples, aligned with the input."""
        return through_mp3(waveform, sample_rate, bitrate=self.bitrate)


@SOUND_CHANGES.register("time-stretch")
@dataclass(frozen=True)
class TimeStretch(SoundChange):
    """Change the tempo at the same pitch (paper `mel-augmentation`, 3.2: 1.25 and 0.85).

    Parameters
    ----------
    factor : float, 0.1..10
        Above 1 is faster and shorter. The phase vocoder is `librosa.effects.time_stretch`.
    """

    factor: Annotated[float, Field(ge=0.1, le=10)]
    kind = "time-stretch"

    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return samples / factor samples."""
        from librosa import effects  # imported late, because it takes seconds

        stretched: Waveform = effects.time_stretch(waveform, rate=self.factor)
        return stretched


@SOUND_CHANGES.register("pitch-shift")
@dataclass(frozen=True)
class PitchShift(SoundChange):
    """Change the pitch at the same tempo (paper `mel-augmentation`, 3.2: 2 and -1).

    Parameters
    ----------
    semitones : float, -24..24
        The phase vocoder is `librosa.effects.pitch_shift`.
    """

    semitones: Annotated[float, Field(ge=-24, le=24)]
    kind = "pitch-shift"

    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return the same number of samples."""
        from librosa import effects  # imported late, because it takes seconds

        shifted: Waveform = effects.pitch_shift(waveform, sr=sample_rate, n_steps=self.semitones)
        return shifted


@SOUND_CHANGES.register("high-pass")
@dataclass(frozen=True)
class HighPass(SoundChange):
    """Remove frequencies below a limit, such as inaudible ones.

    A Butterworth filter of order 8, applied forwards and backwards: no delay, -6 dB at the limit, -96 dB an
    octave below it.

    Parameters
    ----------
    hz : float > 0, in Hz
        Below half the sample rate.
    """

    hz: Annotated[float, Field(gt=0)] = 20.0
    kind = "high-pass"

    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return the same number of samples."""
        if self.hz >= sample_rate / 2:
            message = f"a high-pass at {self.hz:g} Hz removes all sound; stay below {sample_rate / 2:g} Hz"
            raise AudioError(message, code="high-pass-above-nyquist")
        from scipy import signal

        sections = signal.butter(_HIGH_PASS_ORDER, self.hz, "highpass", fs=sample_rate, output="sos")
        mirrored = min(waveform.shape[1] - 1, round(3 * sample_rate / self.hz))  # samples at either end
        filtered = signal.sosfiltfilt(sections, waveform.astype(np.float64), padlen=mirrored)
        return np.asarray(filtered, dtype=np.float32)


@SOUND_CHANGES.register("loudness")
@dataclass(frozen=True)
class Loudness(SoundChange):
    """Scale each clip to the same root mean square over all samples and channels.

    Parameters
    ----------
    decibels : float, -60..0
        Relative to a square wave at full scale. A clip whose peaks would exceed full scale stays quieter,
        with its peak at full scale; silence stays silence.
    """

    decibels: Annotated[float, Field(ge=-60, le=0)] = -20.0
    kind = "loudness"

    def __call__(self, waveform: Waveform, sample_rate: int) -> Waveform:
        """Return the same number of samples."""
        power = float(np.mean(np.square(waveform, dtype=np.float64)))
        peak = float(np.max(np.abs(waveform)))
        if power == 0.0:
            return waveform
        gain = min(10.0 ** (self.decibels / 20.0) / power**0.5, 1.0 / peak)
        return np.asarray(waveform * gain, dtype=np.float32)


def sound_change(text: str) -> SoundChange:
    """Create a change from its name in a corpus spec.

    Parameters
    ----------
    text : str
        A registered name, optionally followed by `@` and options: `mp3`, `mp3@bitrate=64`.

    Raises
    ------
    RecipeError
        If the change or an option is unknown, or a value is invalid.

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
            message = f"write each option of {kind!r} once, as key=value, not {listed!r}"
            raise RecipeError(message, code="change-options")
        options[key] = value
    return SOUND_CHANGES.create(kind, options)
