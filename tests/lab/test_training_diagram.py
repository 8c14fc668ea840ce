"""The picture and the page of a training against the folder that a training leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from doc_commands import ROOT
from scripts.diagrams import training

from genrelab.lab.corpora import Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs import file_names
from genrelab.lab.training.experiment import Experiment

LATER = {
    file_names.LABELS,
    file_names.FINAL,
    file_names.PRETRAINING,
}  # of `runs tag`, `finalize` and `pretrain`


@pytest.mark.slow
def test_a_run_leaves_the_files_of_the_picture(
    corpus: Corpus, split: Split, learnable: Callable[..., Recipe], tmp_path: Path
) -> None:
    run = run_experiment(
        Experiment(learnable("training.max_epochs=1"), corpus, split, 0), base=tmp_path, device="cpu"
    )
    drawn = {name for step in training.STEPS for name in step.writes}
    left = {f"{path.name}/" if path.is_dir() else path.name for path in run.folder.iterdir()}
    assert left == drawn - training.OPTIONAL
    known = {value for name, value in vars(file_names).items() if name.isupper()}
    assert known - LATER <= drawn


def test_the_page_names_every_file_and_step_of_the_picture() -> None:
    page = (ROOT / "docs" / "how" / "training.md").read_text(encoding="utf-8")
    steps = re.findall(r"^(\d+)\. \*\*(.+?)\.\*\*(.*?)(?=^\d+\. \*\*|\n\n)", page, re.M | re.S)
    assert [title for _, title, _ in steps] == [step.title for step in training.STEPS]
    for (number, _, text), step in zip(steps, training.STEPS, strict=True):
        assert set(step.writes) <= set(re.findall(r"`([^`]+)`", text)), f"{number}. {step.title}"
