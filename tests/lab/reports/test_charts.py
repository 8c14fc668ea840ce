from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from genrelab.lab.metrics.bootstrap import Estimate
from genrelab.lab.metrics.calibration import reliability
from genrelab.lab.metrics.predictions import Predictions
from genrelab.lab.metrics.scores import evaluate
from genrelab.lab.reports.charts import confusion_matrix, interval_bar, learning_curves, reliability_diagram
from genrelab.pages.svg import Drawing


def parsed(picture: Drawing | None) -> ET.Element:
    assert picture is not None
    return ET.fromstring(picture.__html__())


def points(svg: ET.Element, kind: str) -> list[tuple[float, float]]:
    path = next(p for p in svg.iter("path") if p.get("class") == f"curve {kind}")
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path.get("d") or "")]


def test_curves_follow_the_history() -> None:
    history = [{"train_loss": 2.0}, {"train_loss": 1.0, "best": 1.0}, {"train_loss": 0.0}]
    svg = parsed(learning_curves(history)[0])
    (x0, y0), (x1, y1), (x2, y2) = points(svg, "train")
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert y1 - y0 == pytest.approx(y2 - y1)
    assert y0 < y1 < y2  # downward on the screen
    best = next(line for line in svg.iter("line") if line.get("class") == "best")
    assert float(best.get("x1") or 0) == x1


def test_pictures_are_well_formed_and_inside_their_frame() -> None:
    genres = tuple(f"a rather long genre <{i}>" for i in range(20))
    predictions = Predictions(
        genres,
        genres,
        np.zeros(20),
        np.random.default_rng(0).dirichlet(np.ones(20), 20),
        {g: g for g in genres},
    )
    scores = evaluate(predictions, seed=0, resamples=10).track["mean"]
    svg = parsed(confusion_matrix(genres, scores))
    _, _, width, height = map(float, (svg.get("viewBox") or "").split())
    cells = [r for r in svg.iter("rect") if r.get("class") == "ground"]
    assert len(cells) == 400
    for cell in cells:
        assert 0 <= float(cell.get("x") or -1) <= width - float(cell.get("width") or 0)
        assert 0 <= float(cell.get("y") or -1) <= height - float(cell.get("height") or 0)


def test_interval_bar() -> None:
    svg = parsed(interval_bar(Estimate(0.5, 0.25, 1.0)))
    reach = next(line for line in svg.iter("line") if line.get("class") == "reach")
    assert (reach.get("x1"), reach.get("x2")) == ("32.0", "116.0")
    assert next(svg.iter("circle")).get("cx") == "60.0"
    assert len(parsed(interval_bar(Estimate(0.5, math.nan, math.nan)))) == 2
    assert interval_bar(Estimate(math.nan, math.nan, math.nan)) is None


def test_a_reliability_diagram_shows_each_bin_that_holds_answers() -> None:
    bins = reliability(np.array([0.32, 0.33, 0.95, 0.96, 0.97]), np.array([1, 0, 1, 1, 1], dtype=bool))
    svg = parsed(reliability_diagram(bins))
    dots = [{key: float(dot.attrib[key]) for key in ("cx", "cy", "r")} for dot in svg.iter("circle")]
    assert len(dots) == sum(each.tracks > 0 for each in bins)
    last = dots[-1]
    assert last["cy"] == min(dot["cy"] for dot in dots) and last["r"] == max(dot["r"] for dot in dots)
    assert "confidence 96%: 100% of 3 correct" in svg.attrib["aria-label"]
