"""The pictures and tables of docs/how against the code that they describe."""

from __future__ import annotations

import re

import pytest
from doc_commands import ROOT
from scripts.diagrams import architecture, model_file
from scripts.diagrams.__main__ import DRAWN, PICTURES

from genrelab.bundle.metadata import BundleMetadata

HOW = ROOT / "docs" / "how"
NAMES = re.compile(r"`([\w.]+)`")


def first_cells(page: str, heading: str) -> list[str]:
    """Return the names in the first column of the table below a heading."""
    text = (HOW / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in NAMES.findall(cell)]


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_as_the_code_draws_it_now(name: str) -> None:
    drawn = (PICTURES / name).read_text(encoding="utf-8")
    assert drawn == DRAWN[name](), "draw it again: python -m scripts.diagrams"


def test_every_package_is_in_a_layer_and_no_other() -> None:
    layered = [
        name for wing in ("recognizer", "laboratory") for layer in architecture.layers(wing) for name in layer
    ]
    layered.remove(architecture.COMMANDS)  # it is above both
    assert sorted(layered) == sorted(architecture.rooms())


def test_what_both_wings_use_is_below_the_recognizer() -> None:
    shared = architecture.used_by_the_laboratory()
    assert {"genrelab.bundle", "genrelab.audio", "genrelab.errors"} <= shared
    assert not shared & {"genrelab.recognize", "genrelab.library", "genrelab.teach", "genrelab.serve"}


def test_the_page_has_a_row_for_every_package() -> None:
    rows = {f"genrelab.{name}" for name in first_cells("architecture.md", "The recognizer")}
    rows |= {f"genrelab.lab.{name}" for name in first_cells("architecture.md", "The laboratory")}
    assert rows == architecture.rooms()


def test_every_field_of_a_model_file_is_in_the_picture_and_on_the_page() -> None:
    fields = sorted(BundleMetadata.model_fields)
    assert sorted(field for group in model_file.FIELDS.values() for field in group) == fields
    assert sorted(first_cells("model-file.md", "Metadata")) == fields
    assert first_cells("model-file.md", "Inputs and outputs") == ["waveform", *model_file.SHAPES]
