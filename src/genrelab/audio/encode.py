"""Encode a waveform as MP3 and decode it again, to simulate a collection of MP3 files.

The encoder is LAME in FFmpeg's libraries (PyAV); the decoder is `genrelab.audio.decode`. The file states
the encoder delay, so length and alignment are kept.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import av
import av.error
import numpy as np

from genrelab.audio.channels import Waveform
from genrelab.audio.decode import decode
from genrelab.audio.resample import resample
from genrelab.errors import AudioError, UsageError

# ISO/IEC 11172-3 and 13818-3, layer III. LAME limits MPEG 2.5, which is no standard, to 64 kbit/s.
_MPEG1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG25 = (8, 16, 24, 32, 40, 48, 56, 64)
_BITRATES = {
    **dict.fromkeys((8000, 11025, 12000), _MPEG25),
    **dict.fromkeys((16000, 22050, 24000), _MPEG2),
    **dict.fromkeys((32000, 44100, 48000), _MPEG1),
}
MP3_BITRATES = tuple(sorted({*_MPEG1, *_MPEG2}))
"""All bit rates of MP3 in kbit/s; each sample rate supports some of them."""


def mp3_rate(sample_rate: int) -> int:
    """Return the lowest MP3 sample rate that is not below this one; 48 kHz at most."""
    return next((rate for rate in _BITRATES if rate >= sample_rate), max(_BITRATES))


def write_mp3(path: Path, waveform: Waveform, sample_rate: int, *, bitrate: int) -> None:
    """Write an MP3 file of constant bit rate.

    Parameters
    ----------
    path : Path
    waveform : np.ndarray [shape=(channels, samples)], float32
        One or two channels.
    sample_rate : int, in Hz
        A sample rate of MP3; see `mp3_rate`.
    bitrate : int, in kbit/s

    Raises
    ------
    AudioError
        If MP3 does not support the sample rate, or the bit rate at this sample rate.
    UsageError
        If the waveform is empty or has more than two channels.
    """
    if waveform.ndim != 2 or waveform.shape[0] not in (1, 2) or not waveform.shape[1]:
        raise UsageError(
            f"MP3 takes [1 or 2 channels, samples], not {waveform.shape}",
            code="waveform-shape",
        )
    known = _BITRATES.get(sample_rate)
    if known is None:
        raise AudioError(
            f"MP3 cannot have a sample rate of {sample_rate} Hz; resample to one of "
            f"{', '.join(map(str, _BITRATES))} Hz",
            code="mp3-sample-rate",
        )
    if bitrate not in known:
        raise AudioError(
            f"MP3 at {sample_rate} Hz cannot have {bitrate} kbit/s; use one of {', '.join(map(str, known))}",
            code="mp3-bitrate",
        )
    try:
        with av.open(str(path), "w", format="mp3") as file:
            stream = file.add_stream("libmp3lame", rate=sample_rate)
            stream.bit_rate = bitrate * 1000
            stream.layout = layout = "mono" if waveform.shape[0] == 1 else "stereo"
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(waveform), format="fltp", layout=layout)
            frame.sample_rate = sample_rate
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    except av.error.FFmpegError as error:
        raise AudioError(
            f"{path} cannot be written as MP3: {error.strerror}", code="audio-unwritable"
        ) from error


def through_mp3(waveform: Waveform, sample_rate: int, *, bitrate: int) -> Waveform:
    """Encode a waveform as MP3 and decode it again.

    Parameters
    ----------
    waveform : np.ndarray [shape=(channels, samples)], float32
        One or two channels.
    sample_rate : int > 0, in Hz
        A rate that MP3 does not support is resampled to the next higher one and back.
    bitrate : int, in kbit/s

    Returns
    -------
    np.ndarray [shape=(channels, samples)], float32
        As long as the input and aligned with it. Samples may exceed full scale.

    Raises
    ------
    AudioError, UsageError
        As `write_mp3` does.

    Examples
    --------
    >>> tone = 0.5 * np.sin(np.arange(22050, dtype=np.float32) / 10)[None]
    >>> through_mp3(tone, 22050, bitrate=64).shape
    (1, 22050)
    """
    encoded_rate = mp3_rate(sample_rate)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.mp3"
        write_mp3(path, resample(waveform, sample_rate, encoded_rate), encoded_rate, bitrate=bitrate)
        decoded, _ = decode(path)
    restored = resample(decoded, encoded_rate, sample_rate)[:, : waveform.shape[1]]
    return np.pad(restored, ((0, 0), (0, waveform.shape[1] - restored.shape[1])))
