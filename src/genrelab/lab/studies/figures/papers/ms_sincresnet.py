"""Figures of paper `ms-sincresnet`."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Mapping
from typing import cast

import numpy as np
import torch

from genrelab.lab.frontends import Sinc
from genrelab.lab.frontends.sinc import SincFilters
from genrelab.lab.models import GenreNetwork
from genrelab.lab.models.ms_sincresnet import SincResNet
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.reports.filters import bank_names, drawn, moves
from genrelab.lab.reports.plots import Bar, bars
from genrelab.lab.reports.representations import RANGE_DB, learned_spectrograms, usual_spectrograms
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.figures.architecture import LEGEND, blocks, built, drawing, layer_listing
from genrelab.lab.studies.figures.catalogue import Entry
from genrelab.lab.studies.figures.curves import history_chart, run_names
from genrelab.lab.studies.figures.inputs import frontends_of, network_of, outputs, pictures_of, source
from genrelab.lab.studies.figures.material import Material
from genrelab.lab.studies.figures.papers.content import Content, Draw
from genrelab.lab.studies.figures.papers.literature import literature
from genrelab.lab.studies.figures.papers.results import accuracies, described, mean_text
from genrelab.lab.studies.figures.plates import Listing
from genrelab.lab.studies.figures.raster import Rows, counted_rows, heat_map
from genrelab.pages.svg import Drawing

_RECIPE = "ms-sincresnet/ms-sincresnet-160-spp"
_INPUT = "picture"


def _network(material: Material, entry: Entry) -> Content:
    recipe = load_recipe(_RECIPE)
    network = built(recipe)
    picture = drawing(f"Network of {recipe.name}", blocks(network, recipe))
    return Content([picture], [layer_listing(network, recipe)], [LEGEND])


def _trained(material: Material, entry: Entry) -> tuple[Recipe, GenreNetwork, str]:
    """Return the network of the first run, or that of the recipe before training, and a note on which."""
    runs = [run for each in material.of(entry.recipes).values() for run in each]
    if runs:
        run: Run = runs[0]
        return run.recipe, run.network(), f"Trained: {described([run])}"
    recipe = load_recipe(_RECIPE)
    note = "Before training: no run was given. --run names one, whose trained filters are drawn then."
    return recipe, network_of(recipe), note


def _filters(material: Material, entry: Entry) -> Content:
    recipe, network, note = _trained(material, entry)
    sinc = cast(Sinc, frontends_of(network)[_INPUT])
    initial = cast(Sinc, frontends_of(network_of(recipe))[_INPUT])
    pictures: list[Drawing] = []
    for name, old, new in zip(bank_names(sinc.lengths), initial.banks, sinc.banks, strict=True):
        before, after = cast(SincFilters, old), cast(SincFilters, new)
        pictures.append(drawn(name, before, after, moves(before, after)))
    song = material.song(entry.styles)
    for given in outputs(network, song.segment(recipe.audio), recipe):
        pictures += pictures_of(given, title="Output")
    return Content(pictures, notes=[note, source(recipe, song)], wide=True)


def _pyramid(material: Material, entry: Entry) -> Content:
    recipe, network, note = _trained(material, entry)
    song = material.song(entry.styles)
    body = cast(SincResNet, network.body)
    waveform = torch.from_numpy(song.segment(recipe.audio))[None]
    with torch.inference_mode():
        maps = body.backbone(network.inputs(waveform)[_INPUT])
        parts = {"Last maps": maps, "Whole": body.pool.whole(maps), "Quarters": body.pool.quarters(maps)}  # type: ignore[operator]
    seconds = waveform.shape[-1] / recipe.audio.sample_rate
    limits = (float(maps[0].mean(dim=0).min()), float(maps[0].mean(dim=0).max()))
    pictures: list[Drawing] = [
        heat_map(
            f"{name}, {value.shape[1]} x {value.shape[2]} x {value.shape[3]}",
            np.asarray(value[0].mean(dim=0).double()),
            counted_rows("row", value.shape[2]),
            seconds=seconds,
            unit="mean",
            limits=limits,
        )
        for name, value in parts.items()
    ]
    nodes = blocks(network, recipe)
    start = next(at for at, node in enumerate(nodes) if node.name.startswith("pool.")) - 1
    steps = copy.copy(nodes[start:])
    pictures.append(drawing("From the last maps to the genres", steps))
    values = sum(value[0].numel() for name, value in parts.items() if name != "Last maps")
    return Content(
        pictures,
        notes=[
            f"Means over all channels; the {values:,} pooled values are the input of the dense layers.",
            note,
            source(recipe, song),
        ],
    )


def _representations(material: Material, entry: Entry) -> Content:
    recipe, network, note = _trained(material, entry)
    sinc = cast(Sinc, frontends_of(network)[_INPUT])
    song, rate = material.song(entry.styles), recipe.audio.sample_rate
    waveform = torch.from_numpy(song.segment(recipe.audio))
    seconds = waveform.shape[-1] / rate
    pictures: list[Drawing] = [
        heat_map(
            f"{'abcd'[at]}) {each.title}",
            RANGE_DB * (each.values - 1),
            Rows("Hz", each.hertz),
            seconds=seconds,
            unit="dB",
        )
        for at, each in enumerate(usual_spectrograms(waveform, sample_rate=rate))
    ]
    pictures += [
        heat_map(f"e) {each.title}", each.values, Rows("Hz", each.hertz), seconds=seconds, unit="of the top")
        for each in learned_spectrograms(sinc, waveform)
    ]
    explained = (
        "Windows of 512 samples every 128; harmonic and percussive parts by median filters (Fitzgerald 2010)."
    )
    return Content(pictures, notes=[explained, note, source(recipe, song)], wide=True)


def _losses(material: Material, entry: Entry) -> Content:
    runs = [run for each in material.of(entry.recipes).values() for run in each]
    names = run_names(runs)
    pictures = [history_chart(runs, names, column) for column in ("train_loss", "valid_accuracy")]
    return Content([each for each in pictures if each is not None], notes=[described([run]) for run in runs])


def _systems(corpus: str) -> Draw:
    def draw(material: Material, entry: Entry) -> Content:
        rows: list[tuple[str, ...]] = []
        groups, found = [], []
        for name, value in literature("ms-sincresnet")[corpus]:
            rows.append((name, f"{100 * value:.2f} %", "literature"))
            groups.append(name)
            found.append(Bar(value))
        marked = range(len(rows))
        runs = [
            run
            for each in material.of(entry.recipes).values()
            for run in each
            if run.record.corpus.original.startswith(corpus)
        ]
        ours = [Bar(None) for _ in groups]
        if runs:
            values = accuracies(runs, "track")
            rows.append(("MS-SincResNet, these runs", mean_text(values), described(runs)))
            groups.append("MS-SincResNet, these runs")
            found.append(Bar(None))
            ours.append(Bar(statistics.fmean(values), folds=tuple(values)))
        listing = Listing(
            f"Accuracy of tracks on {corpus}. Rows in italics are literature, as the paper prints it",
            ("system", "accuracy", "from"),
            rows,
            (1,),
            marked,
        )
        notes = [] if runs else [f"No run of {entry.recipes[0]} on {corpus} was given with --run."]
        notes.append("Each system was measured by its authors with splits of their own.")
        chart = bars(
            f"Accuracy on {corpus}",
            groups,
            {"literature": found, "these runs": ours} if runs else {"literature": found},
        )
        return Content([chart], [listing], notes)

    return draw


FIGURES: Mapping[str, Draw] = {
    "1": _network,
    "2": _filters,
    "3": _pyramid,
    "4": _representations,
    "5": _losses,
    "table-2": _systems("gtzan"),
    "table-3": _systems("ismir2004"),
}
