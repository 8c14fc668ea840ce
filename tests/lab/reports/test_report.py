from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from raising import raises
from report_pages import GENRES, HISTORY, NASTY, Page, example

from genrelab.errors import RunError
from genrelab.lab.metrics.bootstrap import percent
from genrelab.lab.metrics.predictions import Predictions
from genrelab.lab.metrics.scores import Evaluation, evaluate
from genrelab.lab.metrics.tag_predictions import TagPredictions
from genrelab.lab.metrics.tag_scores import TagEvaluation, evaluate_tags
from genrelab.lab.reports.report import MISTAKES, RunPage, write_report
from genrelab.lab.reports.tags import decimal
from genrelab.voting import VotingRule


def write(
    path: Path,
    predictions: Predictions | None = None,
    *,
    title: str = "A run",
    warnings: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
    history: Sequence[Mapping[str, float]] = (),
    recipe: str = "name: a",
    rule: VotingRule = "majority",
    severe: Sequence[str] = (),
    chosen_on: str = "valid",
    tags: TagEvaluation | None = None,
) -> tuple[str, Evaluation]:
    predictions = predictions or example()
    evaluation = evaluate(predictions, seed=0, resamples=100)
    page = RunPage(
        title=title,
        facts=facts if facts is not None else {"Corpus": "a corpus", "Seed": "0"},
        warnings=warnings,
        history=history,
        evaluation=evaluation,
        predictions=predictions,
        recipe_yaml=recipe,
        rule=rule,
        segment_seconds=5.0,
        severe=severe,
        chosen_on=chosen_on,
        tags=tags,
    )
    write_report(path, page)
    return path.read_text(encoding="utf-8"), evaluation


def test_figures_on_the_page_are_the_evaluations(tmp_path: Path) -> None:
    html, evaluation = write(tmp_path / "report.html", history=HISTORY)
    page = Page(html)
    scores = evaluation.track["majority"]
    value, low, high = scores.accuracy
    headline = f"{100 * value:.1f} % accuracy on 60 tracks (95 % interval {100 * low:.1f}–{100 * high:.1f})"
    words = page.words.replace("\N{NO-BREAK SPACE}", " ")
    assert headline in words
    assert "by majority vote over 3 segments of 5 s per track." in words

    levels = page.rows("Level")[1:]
    every = [evaluation.segment, evaluation.track["majority"], evaluation.track["mean"]]
    for row, level in zip(levels, every, strict=True):
        figures = level.accuracy, level.balanced_accuracy, level.top2_accuracy
        assert row[1:5] == [str(level.n), *map(percent, figures)]

    genres = page.rows("Genre")[1:]
    for row, (genre, figures) in zip(genres, scores.by_genre.items(), strict=True):
        assert row[:4] == [genre, str(figures.support), str(figures.predicted), percent(figures.recall)]
        assert row[5:] == [percent(figures.precision), percent(figures.f1)]


def test_headline_follows_the_rule(tmp_path: Path) -> None:
    rows = np.array([[0.6, 0.4, 0, 0], [0.6, 0.4, 0, 0], [0, 1.0, 0, 0]])
    disputed = Predictions(GENRES, ("a",) * 3, np.zeros(3), rows, {"a": "jazz"})
    html, _ = write(tmp_path / "report.html", disputed, rule="mean")
    words = Page(html).words.replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(r"100\.0 % accuracy on 1 tracks .* by mean probability", words)
    assert "No prediction was wrong." in words
    html, _ = write(tmp_path / "report.html", disputed, rule="majority")
    words = Page(html).words.replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(r"0\.0 % accuracy on 1 tracks .* by majority vote", words)
    assert "1 of 1 wrong predictions" in words


def test_one_artist_gives_no_interval(tmp_path: Path) -> None:
    rows = np.array([[0.9, 0.1, 0, 0], [0.9, 0.1, 0, 0]])
    truth, artists = {"a": "blues", "b": "jazz"}, {"a": "Ann", "b": "Ann"}
    html, _ = write(
        tmp_path / "report.html", Predictions(GENRES, ("a", "b"), np.zeros(2), rows, truth, artists)
    )
    assert "(no interval: all tracks are of one artist)" in html and "nan" not in html


def test_confusion_matrix_holds_counts_and_shares(tmp_path: Path) -> None:
    html, evaluation = write(tmp_path / "report.html")
    scores = evaluation.track["majority"]
    picture = re.search(r'<svg class="confusion".*?</svg>', html, re.DOTALL)
    assert picture is not None
    cells = list(ET.fromstring(picture.group()).iter("g"))
    assert len(cells) == 16
    for number, (title, _, shade, count) in enumerate(cells):
        i, j = divmod(number, 4)
        share = scores.shares[i][j]
        assert title.text == f"{GENRES[i]} predicted as {GENRES[j]}: {percent(share)}"
        assert float(shade.get("fill-opacity") or "") == pytest.approx(share.value, abs=5e-4)
        assert int(count.text or 0) == scores.confusion[i, j]


def test_mistakes_are_the_most_confident_ones(tmp_path: Path) -> None:
    predictions = example()
    html, _ = write(tmp_path / "report.html", predictions)
    rows = Page(html).rows("Track")[1:]
    tracks = predictions.tracks("majority")
    wrong = {
        clip: (p[order[0]], GENRES[order[0]])
        for clip, order, p, truth in zip(
            tracks.clip_ids, tracks.orders, tracks.probabilities, tracks.truth, strict=True
        )
        if order[0] != truth
    }
    expected = sorted(wrong, key=lambda clip: -wrong[clip][0])[:MISTAKES]
    assert [row[0] for row in rows] == expected
    for clip, true, predicted, confidence, _, artist in rows:
        assert true == predictions.truth[clip]
        assert predicted == wrong[clip][1]
        assert confidence.startswith(f"{100 * wrong[clip][0]:.1f}")
        assert artist == ("–" if predictions.groups[clip] == clip else f"artist of {clip}")


def test_no_mistake(tmp_path: Path) -> None:
    perfect = Predictions(GENRES, ("a",), np.zeros(1), np.array([[1.0, 0, 0, 0]]), {"a": "blues"})
    html, _ = write(tmp_path / "report.html", perfect)
    assert "No prediction was wrong." in html
    assert "over 1 segment of 5 s" in html


def test_text_from_outside_is_escaped(tmp_path: Path) -> None:
    genres = tuple(f"{NASTY}{i}" for i in range(4))
    html, _ = write(
        tmp_path / "report.html",
        example(genres, prefix=NASTY),
        title=NASTY,
        warnings=[NASTY],
        facts={NASTY: NASTY},
        history=HISTORY,
        recipe=NASTY,
    )
    page = Page(html)
    assert not page.all("script")
    assert "<script" not in html.lower()
    assert page.rows("Track")[1][0].startswith(NASTY)
    assert page.rows("Track")[1][1].startswith(NASTY)
    assert page.rows("Genre")[1][0] == genres[0]
    assert page.words.count(NASTY) > 60
    attributes = {name for _, attributes in page.elements for name in attributes}
    assert not {name for name in attributes if name.startswith("on")}


def test_text_that_is_not_utf8_does_not_break_the_page(tmp_path: Path) -> None:
    html, _ = write(tmp_path / "report.html", example(prefix="caf\udce9"))
    assert "caf\\udce90" in html


def test_page_stands_alone(tmp_path: Path) -> None:
    html, _ = write(tmp_path / "report.html", history=HISTORY, warnings=["a leak"])
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & {
        tag for tag, _ in page.elements
    }
    for _, attributes in page.elements:
        assert not {"src", "href", "xlink:href", "srcset", "action", "style"} & attributes.keys()
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in html


def test_page_is_accessible(tmp_path: Path) -> None:
    html, _ = write(tmp_path / "report.html", history=HISTORY, warnings=["a leak"])
    page = Page(html)
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")[:1]) == 1
    for picture in page.all("svg"):
        assert (picture.get("role") == "img" and picture.get("aria-label")) or picture[
            "aria-hidden"
        ] == "true"
    for heading in page.all("th"):
        assert heading["scope"] in {"col", "row"}
    widths = [{len(row) for row in table} for table in page.tables]
    assert all(len(width) == 1 for width in widths)
    labels = [picture.get("aria-label") or "" for picture in page.all("svg")]
    assert any(label.startswith("Loss by epoch: training from 2 to 0.2") for label in labels)
    assert any("Epoch 8 was kept." in label for label in labels)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_that_of_wcag_aa(tmp_path: Path) -> None:
    """Text has at least 4.5 to 1 in the light and in the dark scheme; lines of curves at least 3 to 1."""
    html, _ = write(tmp_path / "report.html")
    schemes = [
        dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{.*?\}", html, re.S)
    ]
    assert len(schemes) == 2
    for scheme in schemes:
        for text, ground, least in (
            *((text, "paper", 4.5) for text in ("ink", "soft", "accent", "alarm")),
            ("alarm", "alarm-paper", 4.5),
            ("caution", "caution-paper", 4.5),
            ("ink", "shade", 4.5),
            ("ink", "raised", 4.5),
            ("second", "paper", 3.0),
            ("shade", "paper", 3.0),
        ):
            dark, light = sorted((luminance(scheme[text]), luminance(scheme[ground])))
            assert (light + 0.05) / (dark + 0.05) >= least, (text, ground)


def test_warnings_come_first(tmp_path: Path) -> None:
    html, _ = write(tmp_path / "report.html", warnings=["12 clips on both sides", "few clips"])
    assert html.index("12 clips on both sides") < html.index('class="headline"')
    assert Page(html).all("aside")
    calm, _ = write(tmp_path / "calm.html")
    assert not Page(calm).all("aside")


def test_a_severe_warning_is_red_and_before_the_others(tmp_path: Path) -> None:
    html, _ = write(
        tmp_path / "report.html", warnings=["few clips", "worthless <b>"], severe=["worthless <b>"]
    )
    first, second = Page(html).all("aside")
    assert first["class"] == "warnings severe" and first["aria-label"] == "Do not trust these figures"
    assert second["class"] == "warnings"
    boxes = re.findall(r"<aside.*?</aside>", html, re.S)
    assert ["worthless &lt;b&gt;" in box for box in boxes] == [True, False]
    assert ["few clips" in box for box in boxes] == [False, True]
    rule = re.search(r"\n\.severe \{(.*?)\}", html, re.S)
    assert rule is not None and html.index("\n.warnings {") < rule.start(), "the later rule wins"
    assert "background: var(--alarm-paper); color: var(--alarm);" in rule.group(1)
    blocks = re.findall(r":root \{.*?\}", html, re.S)
    assert len(blocks) == 2
    for block in blocks:
        colours = dict(re.findall(r"--([\w-]+): #(\w{6})", block))
        red, green, blue = (int(colours["alarm"][i : i + 2], 16) for i in (0, 2, 4))
        assert red > 1.5 * green and red > 1.5 * blue
        red, green, blue = (int(colours["caution"][i : i + 2], 16) for i in (0, 2, 4))
        assert green > 1.5 * blue, "other warnings are amber"


def test_curves_name_the_part_that_chose(tmp_path: Path) -> None:
    for part, name in (("valid", "validation"), ("test", "test")):
        html, _ = write(tmp_path / "report.html", history=HISTORY, chosen_on=part)
        curves = [picture.get("aria-label") or "" for picture in Page(html).all("svg")]
        assert any(f", {name} from 2 to 1.1" in label for label in curves)


def test_without_training_there_are_no_curves(tmp_path: Path) -> None:
    html, _ = write(tmp_path / "report.html", history=[])
    assert "Learning curves" not in html
    assert '<svg class="curves"' not in html


@pytest.mark.parametrize(
    "history",
    [
        [{"train_loss": 1.5}],
        [{"epoch": 0.0, "train_loss": float("nan")}, {"epoch": 1.0, "train_loss": 0.5}],
        [{"train_loss": 2.0}, {"train_loss": float("inf")}, {"train_loss": 1.0}],
        [{"train_loss": 0.0, "train_accuracy": 0.0}, {"train_loss": 0.0, "train_accuracy": 0.0}],
    ],
    ids=["one epoch", "nan first", "inf between", "all zero"],
)
def test_odd_histories_are_drawn(tmp_path: Path, history: list[dict[str, float]]) -> None:
    html, _ = write(tmp_path / "report.html", history=history)
    page = Page(html)
    curves = [picture for picture in page.all("svg") if picture.get("class") == "curves"]
    assert curves
    paths = [path["d"] or "" for path in page.all("path")]
    assert all(paths)
    assert not re.search("nan|inf", " ".join(paths))


def test_other_predictions_are_refused(tmp_path: Path) -> None:
    evaluation = evaluate(example(clips=10), seed=0, resamples=10)
    page = RunPage(title="", evaluation=evaluation, predictions=example(), recipe_yaml="")
    with raises("report-of-other-predictions", 10, 60):
        write_report(tmp_path / "report.html", page)


def test_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    html, _ = write(path)
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(RunError, match="nowhere"):
        write(tmp_path / "nowhere" / "report.html")


def tag_evaluation(*, teacher: bool) -> TagEvaluation:
    """Return figures of two moods that exclude each other, a genre, and a style that nobody labelled."""
    rng = np.random.default_rng(0)
    tags = ("mood:sad", "mood:calm", "style:punk", f"genre:{NASTY.replace(':', '')}")
    truth = np.full((60, 4), -1)
    truth[:, 0] = rng.random(60) < 0.4
    truth[:, 1] = 1 - truth[:, 0]
    truth[:40, 3] = rng.random(40) < 0.3
    values = 0.7 * rng.random((60, 4)) + 0.3 * (truth == 1)
    taught = np.full((60, 4), np.nan)
    taught[:, 2] = values[::-1, 2]
    clips = tuple(f"clip{number}" for number in range(60))
    predictions = TagPredictions(tags, clips, truth, values, teacher=taught if teacher else None)
    return evaluate_tags(predictions, seed=0, resamples=100)


def test_tags_are_sorted_by_kind_then_auc(tmp_path: Path) -> None:
    tags = tag_evaluation(teacher=True)
    page = Page(write(tmp_path / "report.html", tags=tags)[0])
    header, *rows = page.rows("Tag")
    moods = sorted(("mood:sad", "mood:calm"), key=lambda tag: -tags.tags[tag].auc.value)
    nasty = next(tag for tag in tags.tags if tag.startswith("genre:"))
    assert [row[0] for row in rows] == [nasty, *moods, "style:punk"]
    for row in rows:
        scores = tags.tags[row[0]]
        assert row[1:5] == [
            str(scores.positives),
            str(scores.negatives),
            decimal(scores.auc),
            decimal(scores.average_precision),
        ]
        assert row[5] == f"{scores.positives / (scores.positives + scores.negatives):.2f}"
    assert header[6:] == ["Correlation", "Against"]
    assert [row[7] for row in rows] == ["labels", "labels", "labels", "teacher"]
    punk = tags.tags["style:punk"].spearman
    assert punk is not None and [row[6] for row in rows] == ["–", "–", "–", decimal(punk)]
    assert "not whether the teacher is right" in page.words
    assert f"AUC {decimal(tags.mean_auc)}" in page.words

    kind = page.rows("Kind")[1]
    mood = tags.kinds["mood"]
    assert kind[:5] == ["mood", "sad, calm", "60", percent(mood.accuracy), percent(mood.balanced_accuracy)]


def test_without_a_teacher_there_is_no_word_about_one(tmp_path: Path) -> None:
    html, _ = write(tmp_path / "report.html", tags=tag_evaluation(teacher=False))
    page = Page(html)
    header, *rows = page.rows("Tag")
    assert header[-1] == "AUC, 0–1" and "teacher" not in page.words
    assert "style:punk" not in [row[0] for row in rows], "it was not measured"
    assert "nan" not in page.words


def test_without_tags_there_is_no_section_about_them(tmp_path: Path) -> None:
    page = Page(write(tmp_path / "report.html")[0])
    assert "Tags" not in page.words and not [table for table in page.tables if table[0][0] == "Tag"]
