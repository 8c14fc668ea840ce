"""Mel spectrogram, as `librosa.feature.melspectrogram` computes it."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import FRONTENDS, FrameSamples, Frontend
from genrelab.lab.frontends.decibel import Decibel
from genrelab.lab.frontends.stft import PadMode, PowerSpectrum, Window

MelScale = Literal["slaney", "htk"]
Floats = npt.NDArray[np.float64]

# Slaney's scale is linear below 1 kHz (200/3 Hz per mel) and logarithmic above (27 mels per factor of 6.4).
_SLANEY_HZ_PER_MEL = 200.0 / 3.0
_SLANEY_BREAK_HZ = 1000.0
_SLANEY_BREAK_MEL = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL
_SLANEY_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(hz: npt.ArrayLike, *, scale: MelScale) -> Floats:
    """Convert frequencies in Hz to mels (`librosa.hz_to_mel`)."""
    hz = np.asarray(hz, dtype=np.float64)
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))
    above = _SLANEY_BREAK_MEL + np.log(np.maximum(hz, 1e-12) / _SLANEY_BREAK_HZ) / _SLANEY_LOG_STEP
    return np.where(hz < _SLANEY_BREAK_HZ, hz / _SLANEY_HZ_PER_MEL, above)


def mel_to_hz(mel: npt.ArrayLike, *, scale: MelScale) -> Floats:
    """Convert mels to frequencies in Hz (`librosa.mel_to_hz`)."""
    mel = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
    above = _SLANEY_BREAK_HZ * np.exp(_SLANEY_LOG_STEP * (mel - _SLANEY_BREAK_MEL))
    return np.where(mel < _SLANEY_BREAK_MEL, mel * _SLANEY_HZ_PER_MEL, above)


def mel_filters(
    *,
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    band: tuple[float, float],
    scale: MelScale = "slaney",
    area_norm: bool = True,
) -> npt.NDArray[np.float32]:
    """Return triangular mel filters (`librosa.filters.mel`).

    Parameters
    ----------
    sample_rate : int > 0, in Hz
    n_fft : int > 0, in samples
    n_mels : int > 0
        Number of filters.
    band : tuple of float, in Hz
        Outer edges of the first and the last filter.
    scale : {"slaney", "htk"}
    area_norm : bool
        Divide each filter by half its width in Hz (librosa's `norm="slaney"`); else peaks are 1.

    Returns
    -------
    np.ndarray [shape=(n_mels, 1 + n_fft // 2)]
    """
    bins = np.linspace(0.0, sample_rate / 2.0, 1 + n_fft // 2)
    low, high = (hz_to_mel(edge, scale=scale) for edge in band)
    edges = mel_to_hz(np.linspace(low, high, n_mels + 2), scale=scale)
    widths = np.diff(edges)
    slopes = edges[:, None] - bins[None, :]
    rising = -slopes[:-2] / widths[:-1, None]
    falling = slopes[2:] / widths[1:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if area_norm:
        filters *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return filters.astype(np.float32)


@FRONTENDS.register("mel")
class MelSpectrogram(Frontend):
    """Mel spectrogram in decibels, one picture per channel.

    Matches `librosa.power_to_db(librosa.feature.melspectrogram(y, sr=sample_rate, htk=..., norm=...,
    pad_mode=...))`. With `scale="htk"`, `area_norm=False`, `pad_mode="reflect"` and no `top_db` it is
    torchaudio's `MelSpectrogram` followed by `AmplitudeToDB`, which paper `soundfusion` (IV.B) used.

    Parameters
    ----------
    sample_rate : int > 0, in Hz
    channels : int > 0
        Of the waveform.
    n_fft, hop_length : int > 0, in samples
    n_mels : int > 0
    window : {"hann", "hamming"}
    fmin : float >= 0, in Hz
    fmax : float or None, in Hz
        None is half the sample rate.
    scale : {"slaney", "htk"}
    area_norm : bool
        See `mel_filters`.
    pad_mode : {"reflect", "constant"}
    amin, top_db, relative, mean, std
        See `Decibel`.

    Raises
    ------
    RecipeError
        If the band is empty or extends above half the sample rate.
    """

    fixed = True

    filters: Tensor

    def __init__(
        self,
        *,
        sample_rate: int,
        channels: int,
        n_fft: FrameSamples = 2048,
        hop_length: FrameSamples = 512,
        n_mels: Annotated[int, Field(gt=0, le=2048)] = 128,
        window: Window = "hann",
        fmin: float = 0.0,
        fmax: float | None = None,
        scale: MelScale = "slaney",
        area_norm: bool = True,
        pad_mode: PadMode = "constant",
        amin: float = 1e-10,
        top_db: float | None = 80.0,
        relative: bool = False,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> None:
        super().__init__()
        top = sample_rate / 2 if fmax is None else fmax
        if not 0 <= fmin < top <= sample_rate / 2:
            raise RecipeError(
                f"mel band {fmin}..{top} Hz does not fit a sample rate of {sample_rate} Hz", code="mel-band"
            )
        if n_mels < 1:
            raise RecipeError(f"n_mels must be 1 or more, not {n_mels}", code="option-not-positive")
        self.channels = channels
        self.n_mels = n_mels
        self.power = PowerSpectrum(n_fft=n_fft, hop_length=hop_length, pad_mode=pad_mode, window=window)
        self.decibel = Decibel(amin=amin, top_db=top_db, relative=relative, mean=mean, std=std)
        filters = mel_filters(
            sample_rate=sample_rate,
            n_fft=n_fft,
            n_mels=n_mels,
            band=(fmin, top),
            scale=scale,
            area_norm=area_norm,
        )
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, channels, samples]` into `[batch, channels, n_mels, frames]`."""
        decibel: Tensor = self.decibel(torch.matmul(self.filters, self.power(waveform)))
        return decibel

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(channels, n_mels, frames)`."""
        return self.channels, self.n_mels, self.power.frames(samples)
