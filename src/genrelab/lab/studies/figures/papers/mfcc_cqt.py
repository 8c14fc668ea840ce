"""Figures of paper `mfcc-cqt`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch

from genrelab.lab.frontends import FRONTENDS, Frontend
from genrelab.lab.frontends.mel import hz_to_mel, mel_filters
from genrelab.lab.frontends.stft import PowerSpectrum
from genrelab.lab.models.flow import Node
from genrelab.lab.recipes import load_recipe
from genrelab.lab.reports.plots import Axis, Curve, curves, histogram, number
from genrelab.lab.studies.figures.architecture import LEGEND, blocks, built, drawing, layer_listing
from genrelab.lab.studies.figures.catalogue import Entry
from genrelab.lab.studies.figures.inputs import rows_of, source
from genrelab.lab.studies.figures.material import Material, Song
from genrelab.lab.studies.figures.papers.content import Content, Draw
from genrelab.lab.studies.figures.papers.literature import literature
from genrelab.lab.studies.figures.papers.results import (
    accuracies,
    confusion_of,
    described,
    mean_text,
)
from genrelab.lab.studies.figures.raster import Floats, heat_map
from genrelab.lab.studies.reproduce.charts import confusion_in_per_cent
from genrelab.pages.svg import Drawing

_RECIPE = "mfcc-cqt/cnn"
_BANK_FFT, _BANK_FILTERS, _SHOWN = 512, 26, (8, 20)  # paper, 2.3
_CLIP = 3.0
_NOTHING = 1e-6  # a mean below it is a rounding error


def _scheme(material: Material, entry: Entry) -> Content:
    recipe = load_recipe(_RECIPE)
    network = built(recipe)
    picture = drawing(f"Network of {recipe.name}", blocks(network, recipe))
    return Content([picture], [layer_listing(network, recipe)], [LEGEND])


def _part(*, block: bool) -> Draw:
    def draw(material: Material, entry: Entry) -> Content:
        recipe = load_recipe(_RECIPE)
        nodes = blocks(built(recipe), recipe)
        joined = next(at for at, node in enumerate(nodes) if node.title == "concatenation")
        shown: list[Node] = nodes[joined:]
        if block:
            shown = [
                node for node in nodes[:joined] if node.title == "mfcc" or node.name.startswith("blocks.0")
            ]
        caption = (
            "The block of the MFCC picture; that of the constant-Q picture is equal"
            if block
            else "Behind both blocks"
        )
        return Content([drawing(caption, shown)], notes=[LEGEND])

    return draw


def mel_curve() -> Drawing:
    """Draw the mel scale by frequency, `2595 lg(1 + f / 700)`."""
    hertz = np.linspace(0, 11_025, 300)
    points = list(zip(hertz.tolist(), hz_to_mel(hertz, scale="htk").tolist(), strict=True))
    return curves(
        "Mel scale: 2595 lg(1 + f / 700)", [Curve("mel", points)], Axis("Hz"), Axis("mel"), from_zero=True
    )


def _mel_curve(material: Material, entry: Entry) -> Content:
    return Content([mel_curve()])


def _bank(material: Material, entry: Entry) -> Content:
    """Draw 26 filters of 257 points, and the power of a window in the middle of the song through them."""
    recipe = load_recipe(_RECIPE)
    rate, song = recipe.audio.sample_rate, material.song(entry.styles)
    waveform = song.segment(recipe.audio)
    spectrum = PowerSpectrum(
        n_fft=_BANK_FFT, hop_length=_BANK_FFT // 2, pad_mode="constant", window="hamming"
    )
    with torch.inference_mode():
        power = spectrum(torch.from_numpy(waveform)[None])[0, 0].double().numpy()
    frame = power[:, power.shape[1] // 2]
    filters = mel_filters(
        sample_rate=rate,
        n_fft=_BANK_FFT,
        n_mels=_BANK_FILTERS,
        band=(0.0, rate / 2),
        scale="htk",
        area_norm=False,
    ).astype(np.float64)
    hertz = np.linspace(0, rate / 2, len(frame))
    level = 10 * np.log10(np.maximum(frame, frame.max() * 1e-8) / frame.max())

    def through(weights: Floats) -> Floats:
        return np.where(
            weights > 0, 10 * np.log10(np.maximum(weights * frame, frame.max() * 1e-8) / frame.max()), np.nan
        )

    def chart(title: str, values: list[Floats], unit: str) -> Drawing:
        lines = [Curve(title, list(zip(hertz.tolist(), each.tolist(), strict=True))) for each in values]
        return one_colour(title, lines, unit)

    pictures = [
        chart(f"a) {_BANK_FILTERS} filters of {len(frame)} points", list(filters), "weight"),
        chart("b) power spectrum of a window", [level], "dB"),
    ]
    for letter, place in zip("ce", _SHOWN, strict=True):
        weights = filters[place - 1]
        pictures.append(chart(f"{letter}) filter {place}", [weights], "weight"))
        pictures.append(
            chart(f"{chr(ord(letter) + 1)}) power through filter {place}", [through(weights)], "dB")
        )
    energies = filters @ frame
    total = 10 * np.log10(np.maximum(energies, 1e-12) / energies.max())
    points = [(float(at + 1), float(value)) for at, value in enumerate(total)]
    pictures.append(
        curves(
            "Energy of each filter", [Curve("energy", points)], Axis("filter"), Axis("dB"), size=(440, 240)
        )
    )
    where = song.start + waveform.shape[1] / rate / 2
    return Content(
        pictures, notes=[source(recipe, song), f"The window of {_BANK_FFT} samples is at {where:.1f} s."]
    )


def one_colour(title: str, lines: list[Curve], unit: str) -> Drawing:
    """Draw curves over frequency in one colour, as one curve with gaps between them."""
    points = [point for line in lines for point in (*line.points, (line.points[-1][0], float("nan")))]
    return curves(
        title, [Curve(title, points)], Axis("Hz", ends=(0.0, points[-2][0])), Axis(unit), size=(440, 240)
    )


def _stage(kind: str, **changes: Any) -> tuple[Frontend, str]:
    """Return a front-end of the recipe with other options."""
    recipe = load_recipe(_RECIPE)
    part = recipe.inputs[kind]
    options = part.options() | changes
    return FRONTENDS.create(
        part.kind, options, sample_rate=recipe.audio.sample_rate, channels=recipe.audio.channels
    ), kind


_STAGES: Mapping[str, tuple[str, dict[str, Any], str, str]] = {
    "mfcc": ("mfcc", {"normalize": "none"}, "MFCCs", "dB"),
    "mfcc-rows": ("mfcc", {}, "MFCCs after normalization of each row", "deviations"),
    "amplitude": ("cqt", {"output": "magnitude", "normalize": "none"}, "Constant-Q amplitudes", "amplitude"),
    "decibel": ("cqt", {"normalize": "none"}, "Constant-Q decibels", "dB"),
    "cqt": ("cqt", {}, "Constant-Q picture after normalization", "deviations"),
}


def _values(stage: str, song: Song) -> tuple[Floats, Frontend, float]:
    kind, changes, _, _ = _STAGES[stage]
    frontend, _ = _stage(kind, **changes)
    audio = load_recipe(_RECIPE).audio
    waveform = song.segment(audio)
    with torch.inference_mode():
        picture = frontend(torch.from_numpy(waveform)[None])[0, 0]
    return cast(Floats, picture.double().numpy()), frontend, waveform.shape[1] / audio.sample_rate


def _picture(stage: str, song: Song, title: str = "") -> Drawing:
    values, frontend, seconds = _values(stage, song)
    _, _, name, unit = _STAGES[stage]
    limits = (-_CLIP, _CLIP) if unit == "deviations" else None
    rows = rows_of(frontend, values.shape[0], load_recipe(_RECIPE).audio.sample_rate)
    return heat_map(title or name, values, rows, seconds=seconds, unit=unit, limits=limits)


def _shown(stage: str) -> Draw:
    def draw(material: Material, entry: Entry) -> Content:
        song = material.song(entry.styles)
        return Content([_picture(stage, song)], notes=[_note(song)])

    return draw


def _counted(stage: str) -> Draw:
    def draw(material: Material, entry: Entry) -> Content:
        song = material.song(entry.styles)
        values, _, _ = _values(stage, song)
        _, _, name, unit = _STAGES[stage]
        inside = float(np.mean(np.abs(values) <= _CLIP))
        mean = 0.0 if abs(values.mean()) < _NOTHING else float(values.mean())
        said = f"Mean {number(mean)}, deviation {values.std():.3g}"
        share = f"; {100 * inside:.1f} % of the values lie between −3 and 3" if unit == "deviations" else ""
        return Content(
            [histogram(name, values, unit=unit, note="values")], notes=[f"{said}{share}. {_note(song)}"]
        )

    return draw


def _examples(stage: str) -> Draw:
    def draw(material: Material, entry: Entry) -> Content:
        songs = material.several(entry.styles)
        return Content(
            [_picture(stage, song, title=song.name) for song in songs],
            notes=[_note(song) for song in songs],
            wide=True,
        )

    return draw


def _note(song: Song) -> str:
    return source(load_recipe(_RECIPE), song)


def _confusion(number: str) -> Draw:
    def draw(material: Material, entry: Entry) -> Content:
        printed = literature("mfcc-cqt")
        counts = np.array(printed[number])
        pictures = [confusion_in_per_cent(printed["genres"], counts, title="In the paper, per cent")]
        notes = [f"First: as printed in the paper, {np.trace(counts)} of {counts.sum()} correct."]
        runs = material.of(entry.recipes).get(entry.recipes[0], [])
        if runs:
            pictures.append(confusion_of(runs, "track", title="These runs, per cent"))
            notes.append(
                f"Second: {described(runs)} Accuracy of tracks: {mean_text(accuracies(runs, 'track'))}."
            )
        else:
            notes.append(f"No run of {entry.recipes[0]} was given with --run.")
        return Content(pictures, notes=notes, wide=True)

    return draw


FIGURES: Mapping[str, Draw] = {
    "1": _scheme,
    "2": _mel_curve,
    "3": _bank,
    "4": _shown("mfcc"),
    "5": _counted("mfcc"),
    "6": _shown("mfcc-rows"),
    "7": _counted("mfcc-rows"),
    "8": _examples("mfcc-rows"),
    "9": _shown("amplitude"),
    "10": _counted("amplitude"),
    "11": _shown("decibel"),
    "12": _counted("decibel"),
    "13": _shown("cqt"),
    "14": _counted("cqt"),
    "15": _examples("cqt"),
    "16": _part(block=True),
    "17": _part(block=False),
    "18": _confusion("18"),
    "19": _confusion("19"),
}
