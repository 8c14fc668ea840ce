"""What a network's sinc filters make of a segment, beside the usual time-frequency pictures of it.

After figure 4 of paper `ms-sincresnet` (4.1): spectrogram, its harmonic and its percussive part
(Fitzgerald 2010, "Harmonic/percussive separation using median filtering"), mel spectrogram, and each
channel of the learned picture.
"""

from __future__ import annotations

import base64
import copy
import io
from collections.abc import Sequence
from html import escape
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genrelab.errors import CorpusError
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.frontends import Sinc
from genrelab.lab.frontends.mel import hz_to_mel, mel_filters, mel_to_hz
from genrelab.lab.frontends.sinc import SincFilters
from genrelab.lab.frontends.stft import PowerSpectrum
from genrelab.lab.layers.pooling import average_last
from genrelab.lab.recipes.schema import Audio
from genrelab.lab.reports.charts import ticks
from genrelab.lab.reports.filters import bands, bank_names, framed
from genrelab.lab.training.dataset import HeldOutDataset
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.train import labels_of

Floats = npt.NDArray[np.float64]

WINDOW, STEP = 512, 128  # samples; paper, 4.1
BANDS = 128  # of the mel spectrogram, as in the recipe resnet18-mel
RANGE_DB = 80.0
WIDTH, HEIGHT = 460, 214
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 28, 34
_MOST_ROWS, _MOST_COLUMNS = 320, 512  # pixels of an image: what a page has room for
_BRIGHTEST = 98.0  # percentile of a learned picture that gets the last colour

# Lightness (CIELAB's L*) rises evenly from 4 to 96.
COLOURS = ("#090d1f", "#1a2254", "#4f2f79", "#8c3a86", "#c74a79", "#ea6f67", "#f99e5b", "#facd69", "#fff5be")


class Segment(NamedTuple):
    """A piece of a clip.

    Attributes
    ----------
    clip_id, genre : str
    start : float, in seconds
        Where it begins in the clip.
    waveform : Tensor [shape=(1, samples)]
    sample_rate : int, in Hz
    """

    clip_id: str
    genre: str
    start: float
    waveform: Tensor
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Length."""
        return self.waveform.shape[-1] / self.sample_rate


class Picture(NamedTuple):
    """A time-frequency picture.

    Attributes
    ----------
    title : str
    values : np.ndarray [shape=(bands, frames)]
        0 (dark) to 1 (bright), the lowest band first.
    hertz : np.ndarray [shape=(bands,)]
        Middle of each band.
    """

    title: str
    values: Floats
    hertz: Floats


def middle_segment(store: AudioStore, corpus: Corpus, ids: Sequence[str], audio: Audio) -> Segment:
    """Return the segment in the middle of the first of these clips that the store holds.

    It is one of those that a test hears, padded as there if the clip is shorter.

    Raises
    ------
    CorpusError
        If the store holds none of them.
    """
    dataset = HeldOutDataset(store, labels_of(corpus, ids, store), audio)
    if not dataset.items:
        raise CorpusError(f"none of the {len(ids)} clips of {corpus.name!r} to be shown can be used")
    first = dataset.items[0].clip_id
    index = sum(item.clip_id == first for item in dataset.items) // 2
    waveform, label = dataset[0, index]
    start = dataset.items[index].start / audio.sample_rate
    return Segment(first, corpus.genres[label], start, waveform, audio.sample_rate)


def usual_pictures(waveform: Tensor, *, sample_rate: int) -> list[Picture]:
    """Make spectrogram, harmonic and percussive spectrogram, and mel spectrogram, all in decibels.

    The first three share one scale: 0 dB is the loudest value of the spectrogram.

    Parameters
    ----------
    waveform : Tensor [shape=(1, samples)]
    sample_rate : int, in Hz

    Returns
    -------
    list of Picture
    """
    from librosa.decompose import hpss

    spectrum = PowerSpectrum(n_fft=WINDOW, hop_length=STEP, pad_mode="constant")(waveform[None])[0, 0]
    harmonic, percussive = hpss(spectrum.sqrt().double().numpy())
    power = spectrum.double().numpy()
    hertz = np.arange(WINDOW // 2 + 1) * sample_rate / WINDOW
    loudest = float(power.max())
    pictures = [
        _picture(title, decibels(_fitted(values), loudest=loudest), hertz)
        for title, values in (
            ("Spectrogram", power),
            ("Harmonic part", np.square(harmonic)),
            ("Percussive part", np.square(percussive)),
        )
    ]
    filters = mel_filters(
        sample_rate=sample_rate,
        n_fft=WINDOW,
        n_mels=BANDS,
        band=(0.0, sample_rate / 2),
    )
    mel = filters.astype(np.float64) @ power
    edges = np.linspace(0.0, hz_to_mel(sample_rate / 2, scale="slaney"), BANDS + 2)
    decibel = decibels(_fitted(mel), loudest=float(mel.max()))
    return [*pictures, _picture("Mel spectrogram", decibel, mel_to_hz(edges[1:-1], scale="slaney"))]


def learned_pictures(sinc: Sinc, waveform: Tensor) -> list[Picture]:
    """Make what a sinc front-end gives to the network behind it, one picture a filter length.

    Not in decibels but as it is, from 0 to the value that 98 % stay below.

    Parameters
    ----------
    sinc : Sinc
        Left as it is, whatever its mode and its device.
    waveform : Tensor [shape=(1, samples)]

    Returns
    -------
    list of Picture
        Empty if the front-end has no `frames`.
    """
    if sinc.frames is None:
        return []
    sinc = copy.deepcopy(sinc).cpu().eval()
    with torch.inference_mode():
        channels = sinc(waveform[None])[0].double().numpy()
    middles = [bands(cast(SincFilters, bank)).mean(axis=0) for bank in sinc.banks]
    pictures = []
    for name, channel, hertz in zip(bank_names(sinc.lengths), channels, middles, strict=True):
        values = _fitted(channel)
        top = float(np.percentile(values, _BRIGHTEST)) or float(values.max()) or 1.0
        pictures.append(_picture(f"Learned, {name}", np.clip(values / top, 0.0, 1.0), hertz))
    return pictures


def decibels(power: Floats, *, loudest: float) -> Floats:
    """Scale power to 0..1: 80 dB below `loudest` and less is 0, `loudest` is 1; silence is 0."""
    if loudest <= 0:
        return np.zeros_like(power)
    floor = 10 ** (-RANGE_DB / 10)
    return 1 + 10 * np.log10(np.clip(power / loudest, floor, 1.0)) / RANGE_DB


def _fitted(values: Floats) -> Floats:
    """Average neighbours until the picture is small enough for a page."""
    rows, columns = min(values.shape[0], _MOST_ROWS), min(values.shape[1], _MOST_COLUMNS)
    narrow = average_last(torch.from_numpy(values), columns)
    return np.ascontiguousarray(average_last(narrow.T, rows).T.numpy())


def _picture(title: str, values: Floats, hertz: Floats) -> Picture:
    return Picture(title, values, _fitted(hertz[:, None])[:, 0])


def representations(segment: Segment, sinc: Sinc) -> str:
    """Write the section of the report: every picture with the same time axis.

    Parameters
    ----------
    segment : Segment
    sinc : Sinc
        The trained front-end.

    Returns
    -------
    str
        HTML; images are inside, as PNG.
    """
    learned = learned_pictures(sinc, segment.waveform)
    pictures = [*usual_pictures(segment.waveform, sample_rate=segment.sample_rate), *learned]
    stop = segment.start + segment.seconds
    clip = f"<strong>{escape(segment.clip_id)}</strong> ({escape(segment.genre)})"
    seen = (
        "The learned pictures are what the network behind the filters sees: a row a filter, labelled with "
        f"the middle of its band, from 0 to the value that {_BRIGHTEST:g} % of the picture stay below."
        if learned
        else "The network takes its filters' output itself, which has no picture."
    )
    legend = f'<img class="colours" alt="dark to bright" src="{_png(np.linspace(0, 1, 256)[None])}">'
    return (
        f"<p>Seconds {segment.start:.1f} to {stop:.1f} of the test clip {clip}.</p>\n"
        f'<div class="panels">{"".join(_panel(picture, segment) for picture in pictures)}</div>\n'
        f'<p class="note">{legend} Spectrograms (window {WINDOW}, step {STEP} samples) from {RANGE_DB:g} dB '
        "below the loudest value of the spectrogram to that value; harmonic and percussive part by median "
        f"filtering of it; {BANDS} mel bands, below their own loudest value. {seen}</p>"
    )


def _panel(picture: Picture, segment: Segment) -> str:
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    width, height = right - _LEFT, bottom - _TOP
    rows = len(picture.hertz)
    marks = [
        f'<text class="title" x="0" y="14">{escape(picture.title)}</text>',
        f'<text class="axis" x="{right}" y="14" text-anchor="end">Hz by seconds</text>',
        f'<image x="{_LEFT}" y="{_TOP}" width="{width}" height="{height}" preserveAspectRatio="none" '
        f'href="{_png(picture.values[::-1])}"/>',
    ]
    for row in sorted({round(share * (rows - 1)) for share in (0, 0.25, 0.5, 0.75, 1)}):
        y = bottom - (row + 0.5) / rows * height
        marks.append(
            f'<text class="axis" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
            f"{picture.hertz[row]:,.0f}</text>"
        )
    times = [time for time in ticks(0, segment.seconds, count=6) if time <= segment.seconds]
    for time in times:
        x = _LEFT + time / segment.seconds * width
        anchor = "end" if x > right - 12 else "middle"
        marks.append(
            f'<text class="axis" x="{x:.1f}" y="{bottom + 16}" text-anchor="{anchor}">{time:g}</text>'
        )
    return framed(
        "heard", WIDTH, HEIGHT, f"{picture.title} of {segment.clip_id}: {_says(picture, segment)}", marks
    )


def _says(picture: Picture, segment: Segment) -> str:
    """Tell in words where a picture is brightest."""
    if not picture.values.any():
        return "nothing but silence."
    row = int(picture.values.mean(axis=1).argmax())
    column = int(picture.values.mean(axis=0).argmax())
    time = (column + 0.5) / picture.values.shape[1] * segment.seconds
    return f"brightest around {picture.hertz[row]:,.0f} Hz and {time:.2f} s."


def colour_map() -> npt.NDArray[np.uint8]:
    """Return 256 colours between those of `COLOURS`, `[256, 3]`."""
    anchors = np.array([list(bytes.fromhex(colour[1:])) for colour in COLOURS])
    at = np.linspace(0, len(anchors) - 1, 256)
    channels = [np.interp(at, np.arange(len(anchors)), channel) for channel in anchors.T]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8)


def _png(values: Floats) -> str:
    """Make a data URI of values in 0..1, the first row on top."""
    from PIL import Image

    numbers = np.round(255 * values).astype(np.uint8)
    image = Image.frombytes("P", (numbers.shape[1], numbers.shape[0]), numbers.tobytes())
    image.putpalette(colour_map().tobytes())
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
