"""The output of a network's sinc filters for one segment, beside the usual spectrograms of it.

After figure 4 of paper `ms-sincresnet` (4.1): spectrogram, its harmonic and its percussive part
(Fitzgerald 2010, "Harmonic/percussive separation using median filtering"), mel spectrogram, and each
channel of the learned spectrogram.
"""

from __future__ import annotations

import base64
import copy
import io
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from markupsafe import Markup
from torch import Tensor

from genrelab.errors import CorpusError
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.frontends import Sinc
from genrelab.lab.frontends.mel import hz_to_mel, mel_filters, mel_to_hz
from genrelab.lab.frontends.sinc import SincFilters
from genrelab.lab.frontends.stft import PowerSpectrum
from genrelab.lab.layers.pooling import average_last
from genrelab.lab.recipes.schema import Audio
from genrelab.lab.reports.filters import bands, bank_names
from genrelab.lab.training.dataset import HeldOutDataset
from genrelab.lab.training.experiment import labels_of
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.pages import svg
from genrelab.pages.render import render
from genrelab.pages.svg import Drawing, element

Floats = npt.NDArray[np.float64]

WINDOW, STEP = 512, 128  # samples; paper, 4.1
BANDS = 128  # of the mel spectrogram, as in the recipe resnet18-mel
RANGE_DB = 80.0
BRIGHTEST = 98.0  # percentile of a learned spectrogram that gets the last colour
_MOST_ROWS, _MOST_COLUMNS = 320, 512  # pixels of an image

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


class Spectrogram(NamedTuple):
    """A spectrogram, scaled for an image.

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

    It is one of the segments that a test uses, and padded as there if the clip is shorter.

    Raises
    ------
    CorpusError
        If the store holds none of the clips.
    """
    dataset = HeldOutDataset(store, labels_of(corpus, ids, store), audio)
    if not dataset.items:
        raise CorpusError(
            f"none of the {len(ids)} test clips of {corpus.name!r} is usable for the report",
            code="no-clip-to-show",
        )
    first = dataset.items[0].clip_id
    index = sum(item.clip_id == first for item in dataset.items) // 2
    waveform, label = dataset.waveform((0, index)), dataset.labels[first]
    start = dataset.items[index].start / audio.sample_rate
    return Segment(first, corpus.genres[label], start, waveform, audio.sample_rate)


def usual_spectrograms(waveform: Tensor, *, sample_rate: int) -> list[Spectrogram]:
    """Make spectrogram, harmonic and percussive spectrogram, and mel spectrogram, all in decibels.

    The first three share one scale: 0 dB is the loudest value of the spectrogram.

    Parameters
    ----------
    waveform : Tensor [shape=(1, samples)]
    sample_rate : int, in Hz

    Returns
    -------
    list of Spectrogram
    """
    from librosa.decompose import hpss

    spectrum = PowerSpectrum(n_fft=WINDOW, hop_length=STEP, pad_mode="constant")(waveform[None])[0, 0]
    harmonic, percussive = hpss(spectrum.sqrt().double().numpy())
    power = spectrum.double().numpy()
    hertz = np.arange(WINDOW // 2 + 1) * sample_rate / WINDOW
    loudest = float(power.max())
    spectrograms = [
        _spectrogram(title, decibels(_fitted(values), loudest=loudest), hertz)
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
    return [*spectrograms, _spectrogram("Mel spectrogram", decibel, mel_to_hz(edges[1:-1], scale="slaney"))]


def learned_spectrograms(sinc: Sinc, waveform: Tensor) -> list[Spectrogram]:
    """Make the input of the network behind a sinc front-end, one spectrogram per filter length.

    Values are linear, from 0 to their 98th percentile.

    Parameters
    ----------
    sinc : Sinc
        Unchanged, whatever its mode and its device.
    waveform : Tensor [shape=(1, samples)]

    Returns
    -------
    list of Spectrogram
        Empty if the front-end has no `frames`.
    """
    if sinc.frames is None:
        return []
    sinc = copy.deepcopy(sinc).cpu().eval()
    with torch.inference_mode():
        channels = sinc(waveform[None])[0].double().numpy()
    middles = [bands(cast(SincFilters, bank)).mean(axis=0) for bank in sinc.banks]
    spectrograms = []
    for name, channel, hertz in zip(bank_names(sinc.lengths), channels, middles, strict=True):
        values = _fitted(channel)
        top = float(np.percentile(values, BRIGHTEST)) or float(values.max()) or 1.0
        spectrograms.append(_spectrogram(f"Learned, {name}", np.clip(values / top, 0.0, 1.0), hertz))
    return spectrograms


def decibels(power: Floats, *, loudest: float) -> Floats:
    """Scale power to 0..1: `loudest` is 1, 80 dB below it and less is 0, silence is 0."""
    if loudest <= 0:
        return np.zeros_like(power)
    floor = 10 ** (-RANGE_DB / 10)
    return 1 + 10 * np.log10(np.clip(power / loudest, floor, 1.0)) / RANGE_DB


def _fitted(values: Floats) -> Floats:
    """Average neighbours until an image of the values is small enough for a page."""
    rows, columns = min(values.shape[0], _MOST_ROWS), min(values.shape[1], _MOST_COLUMNS)
    narrow = average_last(torch.from_numpy(values), columns)
    return np.ascontiguousarray(average_last(narrow.T, rows).T.numpy())


def _spectrogram(title: str, values: Floats, hertz: Floats) -> Spectrogram:
    return Spectrogram(title, values, _fitted(hertz[:, None])[:, 0])


def representations(segment: Segment, sinc: Sinc) -> Markup:
    """Return the report section on a segment: every spectrogram with the same time axis.

    Parameters
    ----------
    segment : Segment
    sinc : Sinc
        The trained front-end.

    Returns
    -------
    Markup
        HTML with the images inside, as PNG.
    """
    learned = learned_spectrograms(sinc, segment.waveform)
    spectrograms = [*usual_spectrograms(segment.waveform, sample_rate=segment.sample_rate), *learned]
    return render(
        "lab/reports/representations.html",
        segment=segment,
        pictures=[_draw(each, segment) for each in spectrograms],
        colours=_png(np.linspace(0, 1, 256)[None]),
        learned=bool(learned),
        window=WINDOW,
        step=STEP,
        range_db=RANGE_DB,
        bands=BANDS,
        brightest=BRIGHTEST,
    )


def _draw(spectrogram: Spectrogram, segment: Segment) -> Drawing:
    picture = Drawing("spectrogram", 460, 214, margins=(46, 12, 28, 34))
    height, rows = picture.bottom - picture.top, len(spectrogram.hertz)
    picture.title(spectrogram.title, note="Hz by seconds")
    picture.add(
        element("image", x=picture.left, y=picture.top, width=picture.right - picture.left, height=height,
                preserveAspectRatio="none", href=_png(spectrogram.values[::-1]))
    )  # fmt: skip
    marked = sorted({round(share * (rows - 1)) for share in (0, 0.25, 0.5, 0.75, 1)})
    y = svg.linear(-0.5, rows - 0.5, picture.bottom, picture.top)
    picture.y_axis(((y(row), f"{spectrogram.hertz[row]:,.0f}") for row in marked), grid=False)
    x = svg.linear(0.0, segment.seconds, picture.left, picture.right)
    times = [time for time in svg.ticks(0, segment.seconds, count=6) if time <= segment.seconds]
    picture.x_axis((x(time), f"{time:g}") for time in times)
    picture.label = f"{spectrogram.title} of {segment.clip_id}: {_brightest(spectrogram, segment)}"
    return picture


def _brightest(spectrogram: Spectrogram, segment: Segment) -> str:
    """Return where a spectrogram is brightest, in words."""
    values = spectrogram.values
    if not values.any():
        return "silence."
    row, column = int(values.mean(axis=1).argmax()), int(values.mean(axis=0).argmax())
    time = (column + 0.5) / values.shape[1] * segment.seconds
    return f"brightest around {spectrogram.hertz[row]:,.0f} Hz and {time:.2f} s."


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
