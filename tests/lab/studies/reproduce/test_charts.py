"""Charts, single runs and confusion matrices of a reproduced table's page."""

from __future__ import annotations

from typing import Any

from genrelab.lab.studies.reproduce.charts import record_charts, record_confusions
from genrelab.lab.studies.reproduce.page import page, run_rows

VERDICT = {"verdict": {"state": "clean", "because": []}, "not_checked": []}


def record(**changes: Any) -> dict[str, Any]:
    """Return the record of a row with two folds."""
    runs = [
        {
            "split": f"kfold-{fold}of2",
            "seed": 0,
            "made": "by hand",
            "clips": {"test": 4},
            "checks": {},
            "epoch": {"chosen_by": "valid_loss", "chosen_on": "valid"},
        }
        for fold in (0, 1)
    ]
    figure = {
        "of": "test",
        "paper": {"corpus": "gtzan", "value": 0.9},
        "ours": {"value": 0.6, "low": 0.5, "high": 0.7},
        "by_seed": {"0": 0.6},
        "runs": [{"items": 4, "value": 0.5}, {"items": 4, "value": 0.75}],
    }
    line = {
        "recipe": "a/b",
        "row": "Table 1",
        "split": "kfold:*/2",
        "figures": {"track_accuracy": figure},
        "parameters": 1,
        "epochs": [1],
        "training_seconds": 1.0,
        "devices": ["cpu"],
        "runs": runs,
        "verdict": VERDICT,
        "warnings": [],
        "failures": [],
        "open": 0,
        "other_start": None,
    }
    return {
        "format": 3,
        "table": "t",
        "title": "T <x>",
        "paper": "p",
        "protocol": "how",
        "corpora_of_the_paper": ["gtzan"],
        "lines": [line | changes],
        "asked": {"corpus": "gtzan", "budget": [], "changes": [], "tested_elsewhere_on": None},
    }


CONFUSION = {"genres": ["jazz", "rock"], "counts": [[3, 1], [0, 0]]}


def test_folds_have_a_mean_and_a_deviation() -> None:
    ((recipe, split, figure, *numbers, each),) = run_rows(record())
    assert (recipe, split, figure) == ("a/b", "kfold:*/2", "track accuracy")
    assert numbers == ["2", "62.5", "17.7", "50.0", "75.0"]
    assert each == "kfold-0of2 seed 0 50.0; kfold-1of2 seed 0 75.0"


def test_a_single_run_has_no_deviation() -> None:
    one = record()
    one["lines"][0]["runs"].pop()
    one["lines"][0]["figures"]["track_accuracy"]["runs"].pop()
    assert run_rows(one) == []


def test_a_bar_has_its_interval_its_folds_and_the_papers_figure() -> None:
    (chart,) = record_charts(record())
    drawn = str(chart.__html__())
    assert drawn.count('class="fold"') == 2 and drawn.count('class="papers"') == 1
    assert drawn.count('class="whisker"') == 1 and "b: 60 %" in (chart.label or "")
    nothing = record()["lines"][0]["figures"]["track_accuracy"] | {"ours": None, "runs": []}
    (chart,) = record_charts(record(figures={"track_accuracy": nothing}))
    assert "90.0 paper" in str(chart.__html__()), "a hollow bar of the paper's figure"


def test_confusion_matrices_are_in_per_cent_and_absent_in_older_records() -> None:
    (matrix,) = record_confusions(record(confusion=CONFUSION))
    drawn = str(matrix.__html__())
    assert (
        ">75<" in drawn
        and ">25<" in drawn
        and "jazz: 3 of 4 correct. rock: 0 of 0 correct." in (matrix.label or "")
    )
    assert record_confusions(record()) == []


def test_the_page_shows_all_of_it_escaped() -> None:
    html = page(record(confusion=CONFUSION))
    for heading in ("Charts", "Single runs", "Confusion matrices"):
        assert f"<h2>{heading}</h2>" in html
    assert "T &lt;x&gt;" in html and "<x>" not in html
