"""Short-time Fourier transform, as `librosa.stft` computes it."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import FRONTENDS, FrameSamples, Frontend, check_choice
from genrelab.lab.frontends.decibel import Decibel
from genrelab.lab.frontends.fourier import MatrixPower, pays

PadMode = Literal["reflect", "constant"]
Window = Literal["hann", "hamming"]

_WINDOWS = {"hann": torch.hann_window, "hamming": torch.hamming_window}


class PowerSpectrum(nn.Module):
    """Squared magnitude of the centred short-time Fourier transform with a periodic window.

    Matches `abs(librosa.stft(y, n_fft=n_fft, hop_length=hop_length, window=window, pad_mode=pad_mode)) ** 2`.
    A model file uses two matrix products where these cost less than onnxruntime's transform.

    Parameters
    ----------
    n_fft : int > 0, in samples
        Length of the window and of the transform.
    hop_length : int > 0, in samples
        Hop between frames.
    pad_mode : {"reflect", "constant"}
        Padding at both ends: the mirrored signal or silence.
    window : {"hann", "hamming"}
    """

    window: Tensor

    def __init__(self, *, n_fft: int, hop_length: int, pad_mode: PadMode, window: Window = "hann") -> None:
        super().__init__()
        if n_fft < 2 or hop_length < 1:
            raise RecipeError(
                f"n_fft must be 2 or more and hop_length 1 or more, not {n_fft} and {hop_length}",
                code="stft-size",
            )
        check_choice("window", window, _WINDOWS)
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.pad_mode = pad_mode
        self.register_buffer("window", _WINDOWS[window](n_fft), persistent=False)
        exact = _WINDOWS[window](n_fft, dtype=torch.float64, device="cpu").numpy()
        self.products = MatrixPower(exact, hop_length=hop_length) if pays(n_fft, hop_length) else None

    def frames(self, samples: int) -> int:
        """Return the number of frames for a waveform of `samples` samples.

        Raises
        ------
        RecipeError
            If there are too few samples to mirror at the ends.
        """
        if self.pad_mode == "reflect" and samples <= self.n_fft // 2:
            raise RecipeError(
                f"pad_mode reflect mirrors n_fft // 2 = {self.n_fft // 2:,} samples at each end; a segment "
                f"of {samples:,} is too short. Raise audio.segment_seconds or lower n_fft",
                code="segment-too-short",
            )
        return 1 + samples // self.hop_length

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, channels, samples]` into `[batch, channels, 1 + n_fft // 2, frames]`."""
        batch, channels, samples = waveform.shape
        signal = waveform.reshape(batch * channels, samples)
        if self.products is not None and torch.compiler.is_exporting():
            padded = F.pad(signal[:, None], (self.n_fft // 2, self.n_fft // 2), mode=self.pad_mode)[:, 0]
            power: Tensor = self.products(padded, 1 + samples // self.hop_length)
        else:
            power = self._by_transform(signal)
        return power.reshape(batch, channels, power.shape[-2], power.shape[-1])

    def _by_transform(self, signal: Tensor) -> Tensor:
        spectrum = torch.stft(
            signal,
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            window=self.window,
            center=True,
            pad_mode=self.pad_mode,
            return_complex=True,
        )
        # view_as_real before the power: the exporter has no complex abs. Two squares, not `.sum(-1)`, which
        # would also change the memory layout and takes four times as long.
        parts = torch.view_as_real(spectrum)
        return parts[..., 0].square() + parts[..., 1].square()


@FRONTENDS.register("stft")
class Stft(Frontend):
    """Linear-frequency spectrogram in decibels.

    Matches `librosa.power_to_db(abs(librosa.stft(y)) ** 2, top_db=...)`; with `relative` it is
    `ref=np.max`, taken over all channels of the item.

    Parameters
    ----------
    channels : int > 0
        Channels of the waveform, one picture each.
    n_fft, hop_length : int > 0, in samples
        Window and step.
    pad_mode : {"reflect", "constant"}
        Padding at both ends.
    amin, top_db, relative, mean, std
        See `Decibel`.
    """

    fixed = True

    def __init__(
        self,
        *,
        channels: int,
        n_fft: FrameSamples = 2048,
        hop_length: FrameSamples = 512,
        pad_mode: PadMode = "constant",
        amin: float = 1e-10,
        top_db: float | None = 80.0,
        relative: bool = False,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.power = PowerSpectrum(n_fft=n_fft, hop_length=hop_length, pad_mode=pad_mode)
        self.decibel = Decibel(amin=amin, top_db=top_db, relative=relative, mean=mean, std=std)

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, channels, samples]` into `[batch, channels, 1 + n_fft // 2, frames]`."""
        decibel: Tensor = self.decibel(self.power(waveform))
        return decibel

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(channels, 1 + n_fft // 2, frames)`."""
        return self.channels, 1 + self.power.n_fft // 2, self.power.frames(samples)
