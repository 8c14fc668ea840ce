"""Averages over time of a recording's descriptors, as librosa computes them.

The network of Parul Pandey ("Music Genre Classification with Python", Towards Data Science), with which
paper `mfcc-cqt` (5.2) compares its own, uses only these numbers of a recording.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from genrelab.lab.frontends.base import FRONTENDS, Frontend
from genrelab.lab.frontends.decibel import Decibel
from genrelab.lab.frontends.mel import mel_filters
from genrelab.lab.frontends.mfcc import cosine_transform
from genrelab.lab.frontends.stft import PowerSpectrum

N_MFCC = 20
DESCRIPTORS = (
    "chroma_stft",
    "rms",
    "spectral_centroid",
    "spectral_bandwidth",
    "rolloff",
    "zero_crossing_rate",
    *(f"mfcc{number}" for number in range(1, N_MFCC + 1)),
)
"""Names of the outputs, in order, as in the published tables of GTZAN."""

_FRAME, _HOP = 2048, 512  # samples
_N_MELS = 128
_N_CHROMA = 12
_ROLLOFF_SHARE = 0.85  # of a frame's summed magnitudes
_LEAST_CROSSING = 1e-10  # samples nearer to zero have no sign
_TINY = float(np.finfo(np.float32).tiny)  # smaller sums are not divided by

_LOWEST_A_HZ = 27.5
_CENTRE_OCTAVE = 5.0  # octaves above the lowest A, where the chroma filters are strongest
_OCTAVE_WIDTH = 2.0


def chroma_filters(*, sample_rate: int, n_fft: int) -> npt.NDArray[np.float32]:
    """Return the matrix that folds a spectrum into twelve pitch classes (`librosa.filters.chroma`, tuning 0).

    Parameters
    ----------
    sample_rate : int > 0, in Hz
    n_fft : int > 0, in samples

    Returns
    -------
    np.ndarray [shape=(12, 1 + n_fft // 2)]
        From C to B.
    """
    hertz = np.linspace(0.0, sample_rate, n_fft, endpoint=False)[1:]
    semitones = _N_CHROMA * np.log2(hertz / _LOWEST_A_HZ)
    semitones = np.concatenate([[semitones[0] - 1.5 * _N_CHROMA], semitones])  # 0 Hz has no pitch
    widths = np.concatenate([np.maximum(np.diff(semitones), 1.0), [1.0]])
    half = _N_CHROMA // 2
    distance = np.mod(semitones[None, :] - np.arange(_N_CHROMA)[:, None] + half, _N_CHROMA) - half
    weights = np.exp(-0.5 * (2.0 * distance / widths) ** 2)
    weights /= np.linalg.norm(weights, axis=0)
    weights *= np.exp(-0.5 * ((semitones / _N_CHROMA - _CENTRE_OCTAVE) / _OCTAVE_WIDTH) ** 2)
    from_c = np.roll(weights, -3, axis=0)  # octaves were counted from A
    return np.ascontiguousarray(from_c[:, : 1 + n_fft // 2], dtype=np.float32)


@FRONTENDS.register("descriptors")
class Descriptors(Frontend):
    """26 numbers of a recording: the averages over time of six descriptors and 20 MFCCs.

    Matches the means of librosa 0.11's `feature.chroma_stft(tuning=0)`, `rms`, `spectral_centroid`,
    `spectral_bandwidth`, `spectral_rolloff`, `zero_crossing_rate` and each row of `mfcc`, all with their
    defaults: frames of 2,048 samples every 512, of the channels' mean. librosa's own default estimates
    the tuning of every recording; here all are taken to be tuned to 440 Hz.

    The numbers have different units (Hz, shares, decibels): a network must standardize them.

    Parameters
    ----------
    sample_rate : int > 0, in Hz
    """

    fixed = True

    chroma: Tensor
    mel: Tensor
    cosines: Tensor
    hertz: Tensor

    def __init__(self, *, sample_rate: int) -> None:
        super().__init__()
        self.hertz_per_bin = sample_rate / _FRAME
        self.power = PowerSpectrum(n_fft=_FRAME, hop_length=_HOP, pad_mode="constant")
        self.decibel = Decibel(top_db=80.0)
        mel = mel_filters(
            sample_rate=sample_rate,
            n_fft=_FRAME,
            n_mels=_N_MELS,
            band=(0.0, sample_rate / 2),
        )
        fixed = {
            "chroma": chroma_filters(sample_rate=sample_rate, n_fft=_FRAME),
            "mel": mel,
            "cosines": cosine_transform(size=_N_MELS, count=N_MFCC),
            "hertz": np.arange(1 + _FRAME // 2, dtype=np.float32)[:, None] * np.float32(self.hertz_per_bin),
        }
        for name, values in fixed.items():
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, channels, samples]` into `[batch, 1, 26]`, in the order of `DESCRIPTORS`."""
        mono = waveform.mean(dim=1, keepdim=True)
        power = self.power(mono)  # [batch, 1, bins, frames]
        averages = [
            self._chroma(power),
            _rms(mono),
            *self._shape(power.sqrt()),
            _zero_crossing_rate(mono),
            self._cepstrum(power),
        ]
        return torch.cat(averages, dim=-1)

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(1, 26)` for any length."""
        return 1, len(DESCRIPTORS)

    def _chroma(self, power: Tensor) -> Tensor:
        """Average twelve pitch classes, each frame relative to its strongest."""
        classes = torch.matmul(self.chroma, power)
        relative = classes / _divisor(classes.amax(dim=-2, keepdim=True))
        return relative.mean(dim=(-2, -1)).unsqueeze(-1)

    def _shape(self, magnitude: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Average centroid, bandwidth and roll-off of the spectrum, in Hz."""
        shares = magnitude / _divisor(magnitude.sum(dim=-2, keepdim=True))
        centroid = (shares * self.hertz).sum(dim=-2, keepdim=True)
        bandwidth = (shares * (self.hertz - centroid).square()).sum(dim=-2).sqrt()
        below = magnitude.cumsum(dim=-2)
        bins = (below < _ROLLOFF_SHARE * below[..., -1:, :]).to(magnitude.dtype).sum(dim=-2)
        rolloff = bins * self.hertz_per_bin
        return _over_time(centroid.squeeze(-2)), _over_time(bandwidth), _over_time(rolloff)

    def _cepstrum(self, power: Tensor) -> Tensor:
        """Average the MFCCs; as they are a linear change of decibels, those can be averaged before."""
        decibels: Tensor = self.decibel(torch.matmul(self.mel, power))
        # Not a matrix product, whose last bits depend on the number of items.
        return (decibels.mean(dim=-1).unsqueeze(-2) * self.cosines).sum(dim=-1)


def _divisor(sums: Tensor) -> Tensor:
    """Return divisors for sums: 1 instead of a sum near zero, as in silence."""
    return torch.where(sums > _TINY, sums, torch.ones_like(sums))


def _over_time(values: Tensor) -> Tensor:
    return values.mean(dim=-1, keepdim=True)


def _rms(mono: Tensor) -> Tensor:
    """Average the root mean square of frames; silence lies beyond both ends."""
    padded = F.pad(mono, (_FRAME // 2, _FRAME // 2))
    return _over_time(F.avg_pool1d(padded.square(), _FRAME, _HOP).sqrt())


def _zero_crossing_rate(mono: Tensor) -> Tensor:
    """Average the share of samples whose sign differs from the previous sample in the frame."""
    padded = F.pad(mono, (_FRAME // 2, _FRAME // 2), mode="replicate")
    negative = (padded < -_LEAST_CROSSING).to(mono.dtype)
    crossings = (negative[..., 1:] - negative[..., :-1]).abs()
    return _over_time(F.avg_pool1d(crossings, _FRAME - 1, _HOP)) * ((_FRAME - 1) / _FRAME)
