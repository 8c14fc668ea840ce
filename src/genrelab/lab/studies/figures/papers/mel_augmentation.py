"""Figures of paper `mel-augmentation`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from genrelab.lab.frontends import FRONTENDS
from genrelab.lab.models.flow import Node
from genrelab.lab.models.layer_table import Layer, layers
from genrelab.lab.recipes import load_recipe
from genrelab.lab.reports.plots import Axis, Bar, Curve, bars, curves
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.figures.architecture import LEGEND, blocks, built, drawing
from genrelab.lab.studies.figures.augmentations import augmentation_plates
from genrelab.lab.studies.figures.catalogue import Entry
from genrelab.lab.studies.figures.inputs import network_of, outputs, pictures_of, rows_of, source
from genrelab.lab.studies.figures.material import Material, Song
from genrelab.lab.studies.figures.papers.by_genre import answers_of, genre_bars
from genrelab.lab.studies.figures.papers.content import Content, Draw
from genrelab.lab.studies.figures.papers.literature import literature
from genrelab.lab.studies.figures.papers.mfcc_cqt import mel_curve
from genrelab.lab.studies.figures.papers.results import described
from genrelab.lab.studies.figures.plates import Cell, Listing
from genrelab.lab.studies.figures.raster import Floats, heat_map
from genrelab.printing import counted

_RECIPE = "mel-augmentation/cnn"
_TRAINED, _CHECKED, _TESTED = 591, 993 - 591, 453  # clips of GTZAN, clips that validate, songs from elsewhere
_DYNAMIC = 8.0  # powers of ten below the loudest value that are drawn


def _spectrogram(kind: str, title: str, unit: str) -> Draw:
    def draw(material: Material, entry: Entry) -> Content:
        recipe = load_recipe(_RECIPE)
        audio, song = recipe.audio, material.song(entry.styles)
        options: dict[str, Any] = {"top_db": None} if unit == "ln power" else {"relative": True}
        frontend = FRONTENDS.create(kind, options, sample_rate=audio.sample_rate, channels=audio.channels)
        waveform = song.segment(audio)
        with torch.inference_mode():
            decibel = frontend(torch.from_numpy(waveform)[None])[0, 0].double().numpy()
        values: Floats = decibel * np.log(10) / 10 if unit == "ln power" else decibel
        rows = rows_of(frontend, values.shape[0], audio.sample_rate)
        top = float(values.max())
        limits = (max(float(values.min()), top - _DYNAMIC * np.log(10)), top) if unit == "ln power" else None
        seconds = waveform.shape[1] / audio.sample_rate
        return Content(
            [heat_map(title, values, rows, seconds=seconds, unit=unit, limits=limits)], notes=[_note(song)]
        )

    return draw


def _scales(material: Material, entry: Entry) -> Content:
    ratios = np.linspace(0.001, 1, 400)
    points = list(zip(ratios.tolist(), (20 * np.log10(ratios)).tolist(), strict=True))
    decibels = curves("Decibels: 20 lg(A / A0)", [Curve("dB", points)], Axis("amplitude A / A0"), Axis("dB"))
    return Content([mel_curve(), decibels])


def _method(material: Material, entry: Entry) -> Content:
    recipe = load_recipe(_RECIPE)
    audio = recipe.audio
    nodes = blocks(built(recipe), recipe)
    wave, picture = nodes[:2]
    samples = audio.segment_samples
    file = Node("sound file", (audio.channels, samples), ["decoded, mono", f"{audio.sample_rate:,} Hz"])
    mel = FRONTENDS.create("mel", {}, sample_rate=audio.sample_rate, channels=audio.channels)
    spectrogram = Node("mel spectrogram", mel.output_shape(samples), ["128 bands, decibels"], sources=[wave])
    wave.sources = [file]
    picture.title, picture.details = "gray picture", ["resized, least value 0, greatest 1"]
    picture.sources = [spectrogram]
    chart = drawing("From a sound file to a genre", [file, wave, spectrogram, picture, *nodes[2:]])
    return Content([chart], notes=[LEGEND])


def _input(material: Material, entry: Entry) -> Content:
    recipe = load_recipe(_RECIPE)
    song = material.song(entry.styles)
    found = outputs(network_of(recipe), song.segment(recipe.audio), recipe)
    pictures = [picture for given in found for picture in pictures_of(given, title=song.name)]
    return Content(pictures, notes=[_note(song)])


def _parts(material: Material, entry: Entry) -> Content:
    paper = literature("mel-augmentation")
    items = {name: count for name, count in paper["items"]}
    names = [
        *(f"training: {name}" for name in items),
        "validation: GTZAN clips",
        "test: songs from elsewhere",
    ]
    values: list[float | None] = [*items.values(), _CHECKED, _TESTED]
    series = {"paper": [Bar(value) for value in values]}
    notes = [
        "The paper trains on 6,537 items and does not print how many clips validate. It copied 993 clips, of "
        "which 402 are no training clips."
    ]
    for run in _runs(material, entry)[:1]:
        made, clips = _items_of(run), run.record.split.clips
        tested = answers_of(run)[-1]
        series["this run"] = [
            *(Bar(made.get(name)) for name in items),
            Bar(clips.get("valid")),
            Bar(len(tested.truth) if tested.elsewhere else None),
        ]
        notes.append(described([run]))
    chart = bars("Items by part", names, series, axis=Axis("items", lambda value: f"{value:,.0f}"))
    return Content([chart], notes=notes)


def _items_of(run: Run) -> dict[str, int]:
    """Return the training items of a run by kind: clips, and copies of each kind."""
    found = Counter({"GTZAN clips": run.record.split.clips.get("train", 0)})
    for copy in run.record.copies.made:
        found[str(copy["kind"]).replace("-", " ")] += int(copy["clips"])
    return dict(found)


def _augmented(material: Material, entry: Entry) -> Content:
    recipe = load_recipe(_RECIPE)
    shown = augmentation_plates(recipe, material, seed=0, style=entry.styles[0])
    notes = [f"{name} {text}" for name, text in shown.facts.items() if name.endswith(")")]
    return Content(
        [picture for plate in shown.plates for picture in plate.pictures],
        notes=[f"Song: {shown.facts['Song']}.", "; ".join(notes) + "."],
    )


def _by_genre(material: Material, entry: Entry) -> Content:
    pictures, notes = [], []
    for run in _runs(material, entry):
        for tested in answers_of(run):
            title = f"{run.recipe.name}, {tested.corpus}"
            pictures.append(genre_bars(title, tested))
            notes.append(
                f"{title}: {counted(len(tested.truth), 'track')}, top-1 {100 * tested.accuracy(1):.2f} %, "
                f"top-2 {100 * tested.accuracy(2):.2f} %."
            )
    return Content(pictures, notes=notes)


def _songs(material: Material, entry: Entry) -> Content:
    printed: dict[str, int] = literature("mel-augmentation")["songs"]
    columns = {"paper": printed}
    for run in _runs(material, entry)[:3]:
        tested = answers_of(run)[-1]
        if not tested.elsewhere:  # its own test part holds no songs from elsewhere
            continue
        names = [tested.genres[number] for number in tested.truth]
        columns[f"{tested.corpus}, tested by {run.recipe.name}"] = dict(Counter(names))
    genres = list(dict.fromkeys(name for column in columns.values() for name in column))
    rows: list[tuple[Cell, ...]] = [
        (genre, *(column.get(genre, 0) for column in columns.values())) for genre in genres
    ]
    rows.append(("all", *(sum(column.values()) for column in columns.values())))
    listing = Listing("Songs by genre", ("genre", *columns), rows, range(1, 1 + len(columns)))
    notes = ["Table 4 of the paper gives percentages of 448 songs, fourteen whole batches of 32, not of 453."]
    return Content(tables=[listing], notes=notes)


def _items(material: Material, entry: Entry) -> Content:
    printed = {name: count for name, count in literature("mel-augmentation")["items"]}
    columns: dict[str, dict[str, int]] = {"paper": printed}
    for run in _runs(material, entry)[:3]:
        columns[f"run with seed {run.record.seed} on {run.record.corpus.name}"] = _items_of(run)
    kinds = list(dict.fromkeys(name for column in columns.values() for name in column))
    rows: list[tuple[Cell, ...]] = [
        (kind, *(column.get(kind, 0) for column in columns.values())) for kind in kinds
    ]
    rows.append(("all", *(sum(column.values()) for column in columns.values())))
    listing = Listing("Training items", ("kind", *columns), rows, range(1, 1 + len(columns)))
    notes = [
        "1,986 stretched clips are two copies of 993 clips: the paper also learned copies of clips that it "
        "validated on. genrelab does so only with --set augment.copies_of=train+valid."
    ]
    return Content(tables=[listing], notes=notes)


def _layers(material: Material, entry: Entry) -> Content:
    recipe = load_recipe(_RECIPE)
    network = built(recipe)
    printed = literature("mel-augmentation")
    ours = [each for each in layers(network, recipe.audio) if each.kind != "ReLU"]
    rows, differing = [], []
    for (name, shape, count), layer in zip(printed["layers"], ours, strict=True):
        here = _last_channels(layer)
        rows.append(
            (
                name,
                shape,
                f"{count:,}",
                layer.kind,
                here,
                f"{layer.weights:,}",
                "yes" if count == layer.weights else "no",
            )
        )
        if count != layer.weights:
            differing.append(f"{name}: {count:,} in the paper, {layer.weights:,} here")
    total = network.parameter_count()
    rows.append(
        (
            "all",
            "",
            f"{printed['parameters']:,}",
            "",
            "",
            f"{total:,}",
            "yes" if total == printed["parameters"] else "no",
        )
    )
    headings = (
        "layer in the paper",
        "output",
        "parameters",
        "layer here",
        "output here",
        "weights here",
        "equal",
    )
    listing = Listing(
        "Layers as the paper prints them, and as built here; ReLU belongs to the layer before it",
        headings,
        rows,
        (2, 5),
    )
    notes = [f"{text}. The sum that the paper prints agrees with the second." for text in differing]
    return Content(tables=[listing], notes=notes)


def _last_channels(layer: Layer) -> str:
    """Return a shape with its channels last, as Keras prints it."""
    shape = (*layer.shape[1:], layer.shape[0]) if len(layer.shape) == 3 else layer.shape
    return " x ".join(f"{size:,}" for size in shape)


def _runs(material: Material, entry: Entry) -> list[Run]:
    return [run for runs in material.of(entry.recipes).values() for run in runs]


def _note(song: Song) -> str:
    return source(load_recipe(_RECIPE), song)


FIGURES: Mapping[str, Draw] = {
    "1": _spectrogram("stft", "Spectrogram, linear axis", "dB"),
    "2": _spectrogram("mel", "Mel spectrogram, logarithm of power", "ln power"),
    "3": _spectrogram("mel", "Mel spectrogram, decibels", "dB"),
    "4": _scales,
    "5": _method,
    "6": _input,
    "7": _parts,
    "8": _augmented,
    "9": _by_genre,
    "table-1": _songs,
    "table-2": _items,
    "table-3": _layers,
}
