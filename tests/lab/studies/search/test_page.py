"""The order of trials, the choice, and what tables, pictures and the page say of them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from genrelab.lab.recipes import load_recipe
from genrelab.lab.studies.search import Outcome, Plan, settle
from genrelab.lab.studies.search.charts import Point, effect, scatter
from genrelab.lab.studies.search.outputs import write_outcome
from genrelab.lab.studies.search.page import page
from genrelab.lab.studies.search.study import Figure, Result, Trial
from genrelab.lab.studies.search.table import cells, comma_separated, markdown, text, to_dict
from genrelab.pages.svg import Drawing

FACTS = {"Corpus": "tones <&>; licence: none", "Split": "fixed: by hand"}


def result(accuracy: float | None, loss: float | None, *, size: int = 1000, test: float = 0.5) -> Result:
    figure = Figure(value=test, low=test - 0.1, high=test + 0.1)
    return Result(
        run="trials/x", valid_accuracy=accuracy, valid_loss=loss, epoch=2, epochs=4,
        seconds_per_epoch=size / 1e4, network="resnet2d" if size < 5000 else "resnet1d",
        parameters=size, device="cpu, 32-true", test={"segment": figure, "track": figure},
        warnings=["A <b>doubt</b>."],
    )  # fmt: skip


def outcome_of(results: Sequence[Sequence[Result | str]], *, seeds: int = 1, **plan: Any) -> Outcome:
    """The outcome of a search over widths, with a result or a failure a seed."""
    widths = list(range(2, 2 + len(results)))
    written: dict[str, Any] = {"recipe": "resnet2d-s", "grid": {"model.width": widths}, **plan}
    searched = settle(Plan(seeds=seeds, **written))
    trials = []
    for number, found in enumerate(results, start=1):
        values = searched.values_of(number, [], seed=0)
        trial = Trial(number=number, values=values)
        trial.results = {seed: each for seed, each in enumerate(found) if isinstance(each, Result)}
        trial.failed = {seed: each for seed, each in enumerate(found) if isinstance(each, str)}
        trials.append(trial)
    return Outcome.of(searched, trials, range(seeds), facts=FACTS)


MIXED = [
    [result(0.6, 1.0, test=0.875)],
    [result(0.7, 0.9, size=9000, test=0.1)],
    ["no | memory"],
    [result(0.7, 0.8, test=0.2)],
    [],
]


def test_the_best_by_validation_comes_first_whatever_the_test_says() -> None:
    outcome = outcome_of(MIXED)
    assert [row.number for row in outcome.rows] == [4, 2, 1, 3, 5], "the lower loss decides between equals"
    assert outcome.best is outcome.rows[0]
    assert [row.number for row in outcome.failed] == [3] and not outcome.complete
    assert outcome.rows[3].state == "seed 0 failed: no | memory" and outcome.rows[4].state == "0 of 1 seeds"
    by_loss = outcome_of([[result(0.9, 1.0)], [result(0.1, 0.5)], [result(0.5, None)]], monitor="valid_loss")
    assert [row.number for row in by_loss.rows] == [2, 1, 3]
    assert by_loss.rows[2].state == "valid_loss is not a finite number" and by_loss.complete


def test_a_trial_counts_when_all_its_seeds_are_done() -> None:
    lucky, steady = [result(0.9, 1.0)], [result(0.6, 1.0), result(0.5, 1.0)]
    outcome = outcome_of([lucky, steady, [result(0.8, 1.0), "died"]], seeds=2)
    assert outcome.best is not None and outcome.best.number == 2
    assert outcome.best.score == pytest.approx(0.55)
    assert (outcome.best.lowest, outcome.best.highest) == (0.5, 0.6)
    assert {row.number: row.state for row in outcome.rows} == {
        1: "1 of 2 seeds", 2: "done", 3: "seed 1 failed: died",
    }  # fmt: skip
    assert "55.0 % (50.0-60.0)" in text(outcome)


def test_tables_say_the_same() -> None:
    outcome = outcome_of(MIXED)
    header, rows = cells(outcome)
    assert header == [
        "trial",
        "width",
        "valid accuracy",
        "valid loss",
        "epochs",
        "parameters",
        "s/epoch",
        "state",
    ]
    assert rows[0] == ["4", "5", "70.0 %", "0.800", "4", "1,000", "0.1", "done"]
    assert [line.split()[0] for line in text(outcome).splitlines()] == ["trial", "4", "2", "1", "3", "5"]
    assert markdown(outcome).splitlines()[5].endswith(r"| seed 0 failed: no \| memory |")
    read = list(csv.DictReader(io.StringIO(comma_separated(outcome))))
    assert [row["model.width"] for row in read] == ["2", "3", "4", "5", "6"]
    assert [row["valid_accuracy"] for row in read] == ["0.6", "0.7", "", "0.7", ""]
    plain = json.loads(json.dumps(to_dict(outcome)))
    assert [trial["trial"] for trial in plain["trials"]] == [1, 2, 3, 4, 5]
    assert plain["best"]["values"] == {"model.width": 5}
    assert plain["best"]["test"]["track"]["mean"] == 0.2


def test_test_figures_of_the_others_are_shown_only_where_asked_for() -> None:
    hidden, shown = outcome_of(MIXED), outcome_of(MIXED, test_figures=True)
    for told in (text(hidden), comma_separated(hidden), json.dumps(to_dict(hidden)["trials"]), page(hidden)):
        assert "87.5" not in told and "0.875" not in told
    assert "test" not in comma_separated(hidden).splitlines()[0]
    assert (
        "87.5 %" in text(shown)
        and "0.875" in comma_separated(shown)
        and "test_segment_accuracy" in comma_separated(shown)
    )
    assert "Test accuracy by size and time" in page(shown) and "Test accuracy by size" not in page(hidden)
    assert shown.best is not None and shown.best.number == 4, "they do not change the choice"


class Balance(HTMLParser):
    """Checks that every element that is opened is closed, innermost first."""

    empty = {"meta", "circle", "path", "line", "br"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.empty:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("results", [MIXED, [[]], [["all"], ["failed"]]])
def test_the_page_is_whole_and_loads_nothing(results: Sequence[Sequence[Result | str]]) -> None:
    html = page(outcome_of(results))
    check = Balance()
    check.feed(html)
    assert check.open == []
    assert "<script" not in html and "http" not in html.replace("http-equiv", "") and "$" not in html
    assert "tones &lt;&amp;&gt;" in html and "<b>doubt" not in html


def test_the_page_shows_the_choice_and_the_doubts() -> None:
    html = page(outcome_of(MIXED))
    assert "<strong>width = 5</strong> has the best validation accuracy, 70.0 %, of 4 trials." in html
    assert "20.0 % (10.0-30.0) of tracks" in html
    assert "The search is not finished: 4 of 5 trials are." in html
    assert "Trial 3 has no result: seed 0 failed: no | memory." in html
    assert "A &lt;b&gt;doubt&lt;/b&gt;." in html
    assert "against parameters" in html and "against seconds per epoch" in html
    assert "resnet1d" in html, "kinds of networks have a series each"
    assert re.findall(r'<tr class="(\w+)">\s*<th[^>]*>(\d+)', html) == [
        ("chosen", "4"), ("failed", "3"), ("failed", "5"),
    ]  # fmt: skip
    one_size = page(outcome_of([[result(0.6, 1.0)], [result(0.7, 1.0)]]))
    assert "against parameters" not in one_size


def test_the_best_recipe_can_be_read_and_says_where_it_comes_from(tmp_path: Path) -> None:
    outcome = outcome_of(MIXED)
    write_outcome(outcome, tmp_path)
    best = load_recipe(str(tmp_path / "best.yaml"))
    assert best == outcome.best_recipe()
    assert best.model.options()["width"] == 5 and best.reported == () and best.parameters is None
    assert best.sources["model.width"] == (
        "The search resnet2d-s: the best valid_accuracy of 5 trials "
        "(tones <&>; licence: none; fixed: by hand)"
    )
    assert "model.width" not in best.assumed and "model.dropout" in best.assumed
    assert {path.name for path in tmp_path.iterdir()} == {
        "best.yaml", "search.csv", "search.html", "search.json", "search.md",
    }  # fmt: skip
    write_outcome(outcome_of([[]]), tmp_path / ".")
    assert json.loads((tmp_path / "search.json").read_text())["best"] is None


def drawn(picture: Drawing) -> str:
    return picture.__html__()


def places(picture: str) -> list[tuple[float, float]]:
    return [
        (float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="4.5"', picture)
    ]


def test_a_scatter_puts_points_where_they_belong() -> None:
    points = [Point(100, 0.2, "small"), Point(1000, 0.4, "middle", best=True), Point(10_000, 0.6, "large <")]
    picture = drawn(scatter("Size", "parameters", "accuracy", {"a": points}, log=True))
    (x1, y1), (x2, y2), (x3, y3) = places(picture)
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.2) and x1 < x2, "decades are equally long"
    assert y1 - y2 == pytest.approx(y2 - y3, abs=0.2) and y1 > y2, "up is more"
    assert picture.count('class="ring"') == 1 and "large &lt;" in picture and ">1k<" in picture
    plain = places(drawn(scatter("Size", "parameters", "accuracy", {"a": points})))
    assert plain[1][0] - plain[0][0] < (plain[2][0] - plain[1][0]) / 5
    two = drawn(scatter("Size", "parameters", "accuracy", {"a": points[:2], "b": points[2:]}, log=True))
    assert ">a</text>" in two and ">b</text>" in two
    lone = drawn(scatter("Size", "parameters", "accuracy", {"a": points[:1]}, log=True))
    assert "nan" not in lone and "inf" not in lone


def test_an_effect_draws_means() -> None:
    points = [Point(0, 0.2, ""), Point(0, 0.4, ""), Point(2, 0.6, "")]
    picture = drawn(effect("count", "accuracy", ["1", "2", "3"], points))
    assert "1: 0.3, 3: 0.6" in picture, "a value without a trial has no mean"
    (line,) = re.findall(r'class="means" d="M[\d.]+ ([\d.]+)L[\d.]+ ([\d.]+)"', picture)
    heights = [y for _, y in places(picture)]
    assert float(line[0]) == pytest.approx((heights[0] + heights[1]) / 2, abs=0.1)
    assert float(line[1]) == heights[2]
    apart = drawn(effect("kind", "accuracy", ["a", "b", "c"], points, ordered=False))
    assert apart.count('class="means"') == picture.count('class="means"') - 1, (
        "words have no line between them"
    )
    slanted = drawn(effect("recipe", "accuracy", [f"soundfusion/resnet{i}d-s" for i in range(6)], points))
    assert "rotate(-40)" in slanted and "…" in slanted
