"""Mel-frequency cepstral coefficients, as `librosa.feature.mfcc` computes them."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import FRONTENDS, FrameSamples, Frontend
from genrelab.lab.frontends.mel import MelScale, MelSpectrogram
from genrelab.lab.frontends.normalize import Normalization, Normalize
from genrelab.lab.frontends.stft import PadMode, Window

Bands = Annotated[int, Field(gt=0, le=2048)]


def cosine_transform(*, size: int, count: int) -> npt.NDArray[np.float32]:
    """Return the first rows of the orthonormal discrete cosine transform of type II.

    Matches `scipy.fft.dct(x, type=2, norm="ortho")[:count]` as a matrix.

    Parameters
    ----------
    size : int > 0
        Values that the transform takes.
    count : int, 1 to `size`
        Coefficients that it gives.

    Returns
    -------
    np.ndarray [shape=(count, size)]
    """
    row, column = np.arange(count)[:, None], np.arange(size)[None, :]
    matrix = np.sqrt(2.0 / size) * np.cos(np.pi * row * (2 * column + 1) / (2 * size))
    matrix[0] /= np.sqrt(2.0)
    return np.asarray(matrix, dtype=np.float32)


@FRONTENDS.register("mfcc")
class Mfcc(Frontend):
    """Mel-frequency cepstral coefficients, one picture per channel.

    Matches `librosa.feature.mfcc(y=y, sr=sample_rate, n_mfcc=..., n_fft=..., hop_length=..., n_mels=...,
    window=..., htk=..., mel_norm=...)`. Zheng et al., "Neural Network for Music Style Recognizing", 2.1 to
    2.6 and 4.3, take 84 coefficients from Hamming windows and `normalize="rows"`.

    The loudness of a recording changes only the first coefficient, by a constant that `rows` removes
    (but for `amin`).

    Parameters
    ----------
    sample_rate : int > 0, in Hz
    channels : int > 0
        Of the waveform.
    n_mfcc : int, 1 to `n_mels`
        Coefficients, from the lowest on.
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
    amin, top_db
        See `Decibel`.
    normalize : {"none", "rows", "picture"}
        See `Normalize`.

    Raises
    ------
    RecipeError
        If the band is empty or reaches beyond half the sample rate, or if there are more coefficients
        than mel bands.
    """

    fixed = True

    cosines: Tensor

    def __init__(
        self,
        *,
        sample_rate: int,
        channels: int,
        n_mfcc: Bands = 84,
        n_fft: FrameSamples = 2048,
        hop_length: FrameSamples = 512,
        n_mels: Bands = 128,
        window: Window = "hann",
        fmin: float = 0.0,
        fmax: float | None = None,
        scale: MelScale = "slaney",
        area_norm: bool = True,
        pad_mode: PadMode = "constant",
        amin: float = 1e-10,
        top_db: float | None = 80.0,
        normalize: Normalization = "none",
    ) -> None:
        super().__init__()
        if not 1 <= n_mfcc <= n_mels:
            raise RecipeError(f"n_mfcc must be 1 to n_mels = {n_mels}, not {n_mfcc}", code="mfcc-count")
        self.n_mfcc = n_mfcc
        self.mel = MelSpectrogram(
            sample_rate=sample_rate,
            channels=channels,
            n_fft=n_fft,
            hop_length=hop_length,
            n_mels=n_mels,
            window=window,
            fmin=fmin,
            fmax=fmax,
            scale=scale,
            area_norm=area_norm,
            pad_mode=pad_mode,
            amin=amin,
            top_db=top_db,
        )
        self.normalize = Normalize(normalize)
        cosines = cosine_transform(size=n_mels, count=n_mfcc)
        self.register_buffer("cosines", torch.from_numpy(cosines), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, channels, samples]` into `[batch, channels, n_mfcc, frames]`."""
        coefficients: Tensor = self.normalize(torch.matmul(self.cosines, self.mel(waveform)))
        return coefficients

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(channels, n_mfcc, frames)`."""
        channels, _, frames = self.mel.output_shape(samples)
        return channels, self.n_mfcc, frames
