"""What a report shows beside the figures: sound files, folds, reliability, and trainings of one epoch."""

from __future__ import annotations

import os
import statistics
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urljoin, urlsplit

import pytest
from report_pages import HISTORY, NASTY, Page, example

from genrelab.lab.corpora.types import Clip
from genrelab.lab.metrics.calibration import calibration_error, confidences
from genrelab.lab.metrics.scores import evaluate
from genrelab.lab.reports.charts import learning_curves
from genrelab.lab.reports.folds import fold_rows
from genrelab.lab.reports.report import RunPage, write_report
from genrelab.lab.reports.sound_links import sound_link
from genrelab.lab.runs.figures import Figure
from genrelab.lab.runs.record import LevelFigures


def written(path: Path, **more: Any) -> Page:
    predictions = more.pop("predictions", None) or example()
    evaluation = evaluate(predictions, seed=0, resamples=100)
    page = RunPage(
        title="A run", evaluation=evaluation, predictions=predictions, recipe_yaml="name: a", **more
    )
    write_report(path, page)
    return Page(path.read_text(encoding="utf-8"))


def target(page: Path, link: str) -> Path:
    """Return the file that a browser opens for a link on a page."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(urljoin(page.as_uri(), link)).path)))


NAMES = (
    "a b#c?d%20.mp3",
    NASTY.replace("/", "") + ".wav",
    "http:x.mp3",
    os.fsdecode(b"\xff\xe2\x80\xae.mp3"),
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["music", "runs/a"])
def test_a_link_leads_to_the_file_whatever_its_name(tmp_path: Path, name: str, place: str) -> None:
    page, file = tmp_path / "runs" / "a" / "report.html", tmp_path / place / name
    page.parent.mkdir(parents=True)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"sound")
    link = sound_link(page, Clip("x", file, "rock"))
    assert link is not None and link.startswith("../" if place == "music" else "./")
    assert target(page, link) == file
    assert link.isascii() and not set(link) & set("<>\"' \n")


def test_a_part_of_a_file_starts_there(tmp_path: Path) -> None:
    file = tmp_path / "song.mp3"
    file.write_bytes(b"sound")
    page = tmp_path / "report.html"
    assert sound_link(page, Clip("x", file, "rock", start=12.5, duration=30.0)) == "./song.mp3#t=12.5,42.5"
    assert sound_link(page, Clip("x", file, "rock", start=12.5)) == "./song.mp3#t=12.5"
    assert sound_link(page, Clip("x", file, "rock", duration=3.0)) == "./song.mp3#t=0,3"


def test_a_file_that_is_gone_or_none_has_no_link(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    for clip in (
        None,
        Clip("x", None, "rock"),
        Clip("x", tmp_path / "gone.mp3", "rock"),
        Clip("x", tmp_path, "a"),
    ):
        assert sound_link(page, clip) is None


def test_a_page_behind_a_link_names_files_in_full(tmp_path: Path) -> None:
    file = tmp_path / "song.mp3"
    file.write_bytes(b"sound")
    (tmp_path / "deep" / "runs").mkdir(parents=True)
    (tmp_path / "runs").symlink_to(tmp_path / "deep" / "runs")
    assert sound_link(tmp_path / "runs" / "report.html", Clip("x", file, "rock")) == file.as_uri()


def test_mistakes_play_and_others_are_plain(tmp_path: Path) -> None:
    predictions = example()
    there = {clip: tmp_path / f"{clip}.mp3" for clip in predictions.clips[:30]}
    for file in there.values():
        file.write_bytes(b"sound")
    clips = {clip: Clip(clip, there.get(clip), genre) for clip, genre in predictions.truth.items()}
    page = written(tmp_path / "report.html", clips=clips, predictions=predictions)
    links = page.all("a")
    wrong = {row[0] for row in page.rows("Track")[1:]}
    assert links and {unquote(link["href"] or "")[2:-4] for link in links} == wrong & there.keys()
    assert "A link opens the file" in page.words and not page.all("audio")
    assert "A link opens" not in written(tmp_path / "report.html", predictions=predictions).words


def test_a_name_in_a_link_is_escaped(tmp_path: Path) -> None:
    predictions = example(prefix=NASTY)
    file = tmp_path / "x.mp3"
    file.write_bytes(b"sound")
    clips = {clip: Clip(clip, file, genre) for clip, genre in predictions.truth.items()}
    page = written(tmp_path / "report.html", clips=clips, predictions=predictions)
    assert not page.all("script") and page.rows("Track")[1][0].startswith(NASTY)


def test_the_reliability_diagram_is_of_the_headline(tmp_path: Path) -> None:
    predictions = example()
    page = written(tmp_path / "report.html", predictions=predictions, rule="mean")
    error = calibration_error(*confidences(predictions.tracks("mean")))
    words = page.words.replace("\N{NO-BREAK SPACE}", " ")
    assert f"over 15 bins: {100 * error:.1f} %." in words
    dots = [each for each in page.all("circle") if each.get("class") == "shade"]
    assert dots


def level(accuracy: float, n: int = 10) -> LevelFigures:
    figure = Figure(value=accuracy, low=accuracy - 0.1, high=accuracy + 0.1)
    undefined = Figure(value=None, low=None, high=None)
    return LevelFigures(
        n=n, groups=n, accuracy=figure, balanced_accuracy=figure, top2_accuracy=undefined, log_loss=None,
        by_genre={}, confusion={},
    )  # fmt: skip


def test_folds_their_mean_and_their_spread(tmp_path: Path) -> None:
    shares = [0.5, 0.6, 0.8]
    folds = {f"kfold-{number}of3": level(share) for number, share in enumerate(shares)}
    *rows, last = fold_rows(folds)
    assert [row.fold for row in rows] == list(folds) and rows[
        2
    ].accuracy == "80.0\N{NO-BREAK SPACE}% (70.0–90.0)"
    spread = f"63.3 ± {100 * statistics.stdev(shares):.1f}"
    assert spread == "63.3 ± 15.3" and last.accuracy == f"{spread}\N{NO-BREAK SPACE}%"
    assert last.top2_accuracy == "–" and rows[0].top2_accuracy == "–"
    table = written(tmp_path / "report.html", folds=folds).rows("Fold")
    assert len(table) == 5 and table[1][:2] == ["kfold-0of3", "10"]
    one = written(tmp_path / "report.html", folds={"kfold-0of3": level(0.5)})
    assert "Folds" not in one.words


def test_one_epoch_is_marked_and_not_drawn_as_a_curve() -> None:
    loss, accuracy, rate = learning_curves(HISTORY[:1])
    assert loss.label == "Loss after the only epoch: training 2, validation 2."
    assert rate.label == "Learning rate after the only epoch: 0.001."
    picture = ET.fromstring(accuracy.__html__())
    assert {"0.2", "training", "validation"} <= {text.text for text in picture.iter("text")}
    assert not [line for line in picture.iter("line") if line.get("class") == "best"]
    marks = [path.get("d") or "" for path in picture.iter("path")]
    assert len(marks) == 2 and len({mark.split()[0] for mark in marks}) == 2


def test_epochs_are_counted_from_1() -> None:
    loss = learning_curves(HISTORY)[0]
    assert loss.label is not None and loss.label.endswith("Epoch 8 was kept.")
