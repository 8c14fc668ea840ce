"""The figures of each paper, by number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from genrelab.errors import UsageError
from genrelab.lab.studies.figures.catalogue import Entry, command, label, paper
from genrelab.lab.studies.figures.material import Material
from genrelab.lab.studies.figures.papers import (
    fds,
    mel_augmentation,
    mfcc_cqt,
    ms_sincresnet,
    soundfusion,
)
from genrelab.lab.studies.figures.papers.content import Content, Draw
from genrelab.lab.studies.figures.papers.tables import draw_table
from genrelab.lab.studies.figures.plates import Drawn, Plate

FIGURES: Mapping[str, Mapping[str, Draw]] = {
    "soundfusion": soundfusion.FIGURES,
    "fds": fds.FIGURES,
    "ms-sincresnet": ms_sincresnet.FIGURES,
    "mel-augmentation": mel_augmentation.FIGURES,
    "mfcc-cqt": mfcc_cqt.FIGURES,
}


def draw_paper(name: str, numbers: Sequence[str], material: Material) -> tuple[Drawn, list[str]]:
    """Draw figures and tables of a paper.

    Parameters
    ----------
    name : str
        Short name of the paper.
    numbers : sequence of str
        Empty is all that the material suffices for.
    material : Material

    Returns
    -------
    drawn : Drawn
    left_out : list of str
        Why figures were left out, if no number was given: they lack runs, or the given ones do not fit.

    Raises
    ------
    UsageError
        If the paper has no such figure, or the runs for a figure with a given number lack or do not fit.
    """
    chosen = paper(name)
    plates: list[Plate] = []
    left_out: list[str] = []
    for number in chosen.chosen(numbers):
        entry = chosen.drawn[number]
        lacking = _lacking(name, number, entry, material)
        if lacking and numbers:
            raise UsageError(lacking, code="figure-needs-runs")
        if lacking:
            left_out.append(lacking)
            continue
        try:
            content = _drawer(name, number, entry)(material, entry)
        except UsageError as error:
            if numbers:
                raise
            left_out.append(f"{label(number)} is left out: {error}")
            continue
        plates.append(_plate(number, entry, content))
    return Drawn(chosen.title, plates), left_out


def _plate(number: str, entry: Entry, content: Content) -> Plate:
    title = f"{label(number)}. {entry.caption}"
    return Plate(number, title, content.pictures, content.tables, content.notes, wide=content.wide)


def _drawer(name: str, number: str, entry: Entry) -> Callable[[Material, Entry], Content]:
    return (
        draw_table if entry.reproduce is not None and number not in FIGURES[name] else FIGURES[name][number]
    )


def _lacking(name: str, number: str, entry: Entry, material: Material) -> str:
    """Return what a figure lacks, and how to get it; empty if nothing."""
    if entry.needs != "runs" or material.of(entry.recipes):
        return ""
    example = f"genrelab train {entry.recipes[0]} --corpus NAME:PATH"
    return (
        f"{label(number)} shows runs of {' or '.join(entry.recipes)}, and none was given. Train one with "
        f"`{example}`, then: {command(name, number)}"
    )
