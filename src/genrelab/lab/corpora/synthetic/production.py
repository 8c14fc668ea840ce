"""Production of a mix: tone, room, compression, noise, level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrelab.lab.corpora.synthetic.noise import Hertz, Sound, band, generator, noise


@dataclass(frozen=True, slots=True)
class Production:
    """Sound of a recording, independent of the music; all genres draw from the same ranges.

    Parameters
    ----------
    tilt_db : float
        Gain per octave around 800 Hz.
    bump_hz, bump_db : float
        One broad resonance.
    low_cut_hz, high_cut_hz : float
        Pass band of the recording chain.
    room : float
        Factor on the parts' reverberation.
    ratio : float
        Compression; 1 is none.
    noise_db : float
        Noise floor relative to the music.
    level_db : float
        Root mean square of the result, relative to full scale.
    """

    tilt_db: float
    bump_hz: float
    bump_db: float
    low_cut_hz: float
    high_cut_hz: float
    room: float
    ratio: float
    noise_db: float
    level_db: float


def draw_production(artist: np.random.Generator, track: np.random.Generator) -> Production:
    """Draw a production around the artist's preferences."""
    return Production(
        tilt_db=artist.uniform(-1.3, 1.3) + track.normal(0, 0.4),
        bump_hz=float(np.exp(artist.uniform(np.log(150), np.log(5_000)))),
        bump_db=artist.uniform(-5, 5) + track.normal(0, 1),
        low_cut_hz=float(np.exp(artist.uniform(np.log(25), np.log(70)))),
        high_cut_hz=float(np.exp(artist.uniform(np.log(7_000), np.log(18_000)))),
        room=artist.uniform(0.4, 1.3),
        ratio=artist.uniform(1.0, 2.0) + track.uniform(0.0, 0.3),
        noise_db=artist.uniform(-66, -46) + track.normal(0, 2),
        level_db=track.uniform(-27, -15),
    )


def produce(
    dry: npt.NDArray[np.float32], send: Sound, production: Production, room_seconds: float, sample_rate: int
) -> npt.NDArray[np.float32]:
    """Turn a mix into a recording.

    Parameters
    ----------
    dry : np.ndarray [shape=(2, samples)]
        Left and right.
    send : np.ndarray [shape=(samples,)]
        Input of the reverberation.
    production : Production
    room_seconds : float > 0
        Time in which the reverberation decays by 60 dB.
    sample_rate : int > 0
        In Hz.

    Returns
    -------
    np.ndarray [shape=(2, samples)], float32
        With a peak of at most 0.98.
    """
    samples = dry.shape[1]
    impulse = _room(room_seconds, sample_rate)
    size = fast_length(samples + impulse.shape[1])
    gain = equalizer(np.arange(size // 2 + 1) * (sample_rate / size), production)
    wet_gain = (gain * production.room).astype(np.float32)
    sent = np.fft.rfft(send, size) * wet_gain
    mix = np.empty_like(dry)
    for side in range(2):
        spectrum = np.fft.rfft(dry[side], size) * gain.astype(np.float32)
        spectrum += sent * np.fft.rfft(impulse[side], size)
        mix[side] = np.fft.irfft(spectrum, size)[:samples]
    mix *= compression(mix, production.ratio, sample_rate)
    power = float(np.sqrt(np.mean(mix**2))) + 1e-12
    mix += _hiss(sample_rate, samples) * np.float32(power * 10 ** (production.noise_db / 20))
    target = 10 ** (production.level_db / 20) / power
    return mix * np.float32(min(target, 0.98 / (float(np.abs(mix).max()) + 1e-12)))


def equalizer(hz: Hertz, production: Production) -> npt.NDArray[np.float64]:
    """Return the gain of a production at some frequencies, `[bins]` -> `[bins]`."""
    octaves = np.log2(np.maximum(hz, 20.0) / 800)
    bump = np.exp(-0.5 * (octaves - np.log2(production.bump_hz / 800)) ** 2)
    curve = 10 ** ((production.tilt_db * octaves + production.bump_db * bump) / 20)
    low = (hz / production.low_cut_hz) ** 2
    gain = curve * low / (1 + low) / (1 + (hz / production.high_cut_hz) ** 6)
    return np.asarray(gain, dtype=np.float64)


def compression(mix: npt.NDArray[np.float32], ratio: float, sample_rate: int) -> Sound:
    """Return the gain that evens out loudness over about 0.3 s, `[2, samples]` -> `[samples]`."""
    samples = mix.shape[1]
    hop = max(1, sample_rate // 100)
    blocks = -(-samples // hop)
    power = np.zeros(blocks * hop, dtype=np.float32)
    power[:samples] = mix[0] ** 2 + mix[1] ** 2
    window = np.hanning(33)[1:-1]
    smooth = np.convolve(np.pad(power.reshape(blocks, hop).mean(axis=1), 15, mode="edge"), window, "valid")
    level = np.sqrt(smooth / window.sum()) + 1e-6
    gain = np.maximum(level / level.max(), 0.05) ** (1 / ratio - 1)
    curve = np.interp(np.arange(samples), (np.arange(blocks) + 0.5) * hop, gain)
    return np.asarray(curve, dtype=np.float32)


def fast_length(at_least: int) -> int:
    """Return a length with a fast Fourier transform: a power of two, times 1, 3, 5 or 9."""
    return min(odd << max(0, (-(-at_least // odd) - 1).bit_length()) for odd in (1, 3, 5, 9))


def _room(seconds: float, sample_rate: int) -> npt.NDArray[np.float32]:
    """Return a stereo impulse response with unit energy, `[2, samples]`."""
    sides = [noise(generator("room", s), seconds, sample_rate, band(180, 4_500)) for s in ("left", "right")]
    impulse = np.stack(sides)
    time = np.arange(impulse.shape[1]) / sample_rate
    impulse *= (np.exp(-6.9 * time / seconds) * np.minimum(1.0, time / 0.012)).astype(np.float32)
    return impulse / np.float32(np.sqrt((impulse**2).sum() / 2))


def _hiss(sample_rate: int, samples: int) -> npt.NDArray[np.float32]:
    """Return tape noise near a root mean square of 1, `[2, samples]`."""
    loop = noise(generator("tape"), 1.5, sample_rate, band(300, 9_000))
    return np.stack([np.resize(loop, samples), np.resize(np.roll(loop, loop.size // 2), samples)])
