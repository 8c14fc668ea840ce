"""Figures of paper `fds`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genrelab.lab.recipes import load_recipe
from genrelab.lab.reports.plots import Bar, bars
from genrelab.lab.studies.figures.catalogue import Entry
from genrelab.lab.studies.figures.inputs import network_of, outputs, pictures_of, source
from genrelab.lab.studies.figures.material import Material
from genrelab.lab.studies.figures.papers.content import Content, Draw
from genrelab.lab.studies.figures.papers.results import accuracies, confusion_of, described, mean_text
from genrelab.lab.studies.figures.papers.tables import table_content
from genrelab.pages.svg import Drawing

_LENGTHS = ("3s", "5s", "10s")
_MODELS = {"cnn": "CNN", "resnet18": "ResNet18", "late-fusion": "late fusion"}
#: Accuracy of segments in the authors' script that draws their figure 2b; the text prints none.
AUTHORS = {
    "cnn": {"3s": 0.70, "5s": 0.73, "10s": 0.76},
    "resnet18": {"3s": 0.80, "5s": 0.80, "10s": 0.72},
    "late-fusion": {"5s": 0.804},
}


def _segment(material: Material, entry: Entry) -> Content:
    recipe = load_recipe("fds/late-fusion-5s")
    song = material.song(entry.styles)
    found = outputs(network_of(recipe), song.segment(recipe.audio), recipe)
    titles = ("a) spectrogram", "b) waveform")
    pictures: list[Drawing] = []
    for title, given in zip(titles, found, strict=True):
        pictures += pictures_of(given, title=title)
    return Content(pictures, notes=[source(recipe, song), "Both pictures are as the network gets them."])


def _confusion(material: Material, entry: Entry) -> Content:
    runs = material.of(entry.recipes)[entry.recipes[0]]
    note = f"{described(runs)} Accuracy of segments: {mean_text(accuracies(runs, 'segment'))}."
    return Content([confusion_of(runs, "segment")], notes=[note])


def _by_length(material: Material, entry: Entry) -> Content:
    record = material.record(str(entry.reproduce))
    lines = {line["recipe"]: line for line in record["lines"]} if record else {}
    series = {
        f"segments of {length.removesuffix('s')} s": [_bar(lines, model, length) for model in _MODELS]
        for length in _LENGTHS
    }
    chart = bars(
        "Accuracy of segments by length", list(_MODELS.values()), series,
        note="line: in the authors' script",
    )  # fmt: skip
    whole = table_content(material, entry)
    notes = [
        "The text of the paper prints no figure. The lines across the bars are those of the script with "
        "which the authors draw their figure; it holds late fusion on 5 s alone.",
        *whole.notes,
    ]
    return Content([chart], whole.tables, notes)


def _bar(lines: Mapping[str, Mapping[str, Any]], model: str, length: str) -> Bar:
    paper = AUTHORS[model].get(length)
    line = lines.get(f"fds/{model}-{length}")
    figure = line["figures"]["segment_accuracy"] if line else None
    if figure is None or figure["ours"] is None:
        return Bar(None, paper=paper)
    ours, runs = figure["ours"], figure["runs"]
    folds: Sequence[float] = [each["value"] for each in runs]
    return Bar(ours["value"], ours["low"], ours["high"], tuple(folds), paper)


FIGURES: Mapping[str, Draw] = {"1": _segment, "2a": _confusion, "2b": _by_length}
