"""The report of a run: one HTML page that holds everything it shows.

The page loads nothing (its content security policy forbids it), runs no script, and escapes every text that
came from outside: clip ids, artists, genres, facts, the recipe.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

import numpy as np

from genrelab.errors import UsageError
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.findings.wording import because, checked, network_state, not_checked
from genrelab.lab.metrics.bootstrap import Estimate, percent
from genrelab.lab.metrics.predictions import Predictions, write_whole
from genrelab.lab.metrics.scores import Evaluation, LevelScores
from genrelab.lab.reports import charts
from genrelab.printing import plain_page
from genrelab.voting import VotingRule

#: How many of the most confident mistakes are listed.
MISTAKES = 20

RULE_NAMES: Mapping[VotingRule, str] = {"majority": "majority vote", "mean": "mean probability"}


def write_report(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    warnings: Sequence[str],
    history: Sequence[Mapping[str, float]],
    evaluation: Evaluation,
    predictions: Predictions,
    recipe_yaml: str,
    rule: VotingRule = "majority",
    segment_seconds: float | None = None,
    severe: Collection[str] = (),
    verdict: Verdict | None = None,
    findings: Sequence[Finding] = (),
    chosen_on: str = "valid",
    extra: Sequence[tuple[str, str]] = (),
) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        The `.html` file; replaced whole if it is there.
    title : str
        E.g. the recipe, the corpus and the split.
    facts : mapping of str to str
        What a reader needs to repeat the run: corpus, split, leak checks, seed, versions.
    warnings : sequence of str
        What makes the figures doubtful, e.g. leaks between training and test; shown first.
    history : sequence of mapping
        One an epoch (see `charts.learning_curves`); empty if nothing was trained.
    evaluation : Evaluation
        Of `predictions`.
    predictions : Predictions
        For the list of mistakes.
    recipe_yaml : str
        The recipe as used.
    rule : {"majority", "mean"}
        The voting rule of the headline, the confusion matrix and the mistakes.
    segment_seconds : float or None, in seconds
        Length of a segment, for the headline.
    severe : collection of str
        Those of `warnings` that take away the meaning of the figures; shown before the others, in red.
    verdict : Verdict or None
        Stands above everything else.
    findings : sequence of Finding
        What the run shows of its network; what became of it stands beside the verdict.
    chosen_on : {"valid", "test", "none"}
        The part that chose the epoch, whose figures `history` holds as `valid_...`.
    extra : sequence of (str, str)
        Further sections behind the mistakes: heading, which is escaped here, and HTML, which is taken as
        it is and loads nothing.

    Raises
    ------
    UsageError
        If `evaluation` is not of `predictions`.
    RunError
        If the file cannot be written.
    """
    scores = evaluation.track[rule]
    if evaluation.genres != predictions.genres or scores.n != len(predictions.clips):
        raise UsageError(
            f"the evaluation is of {scores.n} tracks, the predictions are of {len(predictions.clips)}; "
            "give the report the predictions that were evaluated"
        )
    curves = charts.learning_curves(history, chosen_on=chosen_on)
    sections = [
        "" if verdict is None else verdict_box(verdict, findings),
        _warnings([text for text in warnings if text in severe], "severe", "Do not trust these figures"),
        _warnings([text for text in warnings if text not in severe], "", "Read this first"),
        _headline(evaluation, predictions, rule, segment_seconds),
        _section("Segments and tracks", _levels(evaluation)),
        _section("Learning curves", _curves(history, curves)) if curves else "",
        _section("Which genres are taken for which", _confusion(evaluation, scores)),
        _section("Genre by genre", _by_genre(scores)),
        _section("The most confident mistakes", _mistakes(predictions, rule)),
        *(_section(heading, content) for heading, content in extra),
        _section("What was measured", _facts(facts)) if facts else "",
        _section("Recipe", f"<details><summary>As used</summary><pre>{escape(recipe_yaml)}</pre></details>"),
    ]
    page = Template(files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    html = page.substitute(title=escape(title), body="\n".join(filter(None, sections)))
    write_whole(path, plain_page(html).encode("utf-8"))


_VERDICTS = {
    "clean": ("clean", "Clean: no leak was found"),
    "not known": ("unknown", "Not known to be clean"),
    "leaks": ("leaks", "This result leaks"),
}


def verdict_box(verdict: Verdict, findings: Sequence[Finding] = ()) -> str:
    """Return a verdict as HTML: the word, what became of the network, why, and what nobody looked for."""
    kind, heading = _VERDICTS[verdict.state]
    if findings:
        kind, heading = f"{kind} broken", f"{heading}, and the network {network_state(findings)}"
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in because(verdict))
    return (
        f'<section class="verdict {kind}" aria-label="Verdict"><strong>{heading}</strong>'
        f"{f'<ul>{reasons}</ul>' if reasons else ''}"
        f"<p>Looked for: {escape('; '.join(checked(verdict.checked)))}.<br>"
        f"Not looked for: {escape('; '.join(not_checked(verdict)))}.</p></section>"
    )


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>"


def _warnings(warnings: Sequence[str], kind: str, heading: str) -> str:
    if not warnings:
        return ""
    items = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    return (
        f'<aside class="{f"warnings {kind}".strip()}" aria-label="{heading}"><strong>{heading}</strong>'
        f"<ul>{items}</ul></aside>"
    )


def _headline(
    evaluation: Evaluation, predictions: Predictions, rule: VotingRule, segment_seconds: float | None
) -> str:
    scores = evaluation.track[rule]
    accuracy = scores.accuracy
    length = "" if segment_seconds is None else f" of {segment_seconds:g} s"
    each = statistics.median(Counter(predictions.clip_ids).values())
    common = int(scores.confusion.sum(axis=1).max()) / scores.n
    return (
        f'<p class="headline"><strong>{_share(accuracy.value)}</strong> of {scores.n} tracks recognized '
        f"({_interval_words(evaluation, accuracy.low, accuracy.high)}), by {RULE_NAMES[rule]} over "
        f"{each:g} {'segment' if each == 1 else 'segments'}{length} a track.</p>\n"
        f"<p>Mean recall of the genres: {percent(scores.balanced_accuracy)}. The true genre is first or "
        f"second for {percent(scores.top2_accuracy)} of the tracks. Always saying the most frequent of these "
        f"{len(evaluation.genres)} genres would be right for {_share(common)}.</p>\n"
        f'<p class="note">Figures in brackets are {100 * evaluation.confidence:g} % intervals from '
        f"{evaluation.resamples} bootstrap resamples of the {scores.groups} artists (a track of unknown "
        "artist counts as an artist of its own). They tell how far a figure may move with other music of the "
        "same kind, not with another training seed.</p>"
    )


def _share(value: float) -> str:
    return percent(Estimate(value, math.nan, math.nan))


def _interval_words(evaluation: Evaluation, low: float, high: float) -> str:
    if np.isnan(low):
        return "no interval: all tracks are of one artist"
    return f"{100 * evaluation.confidence:g} % interval {100 * low:.1f}–{100 * high:.1f}"


def _levels(evaluation: Evaluation) -> str:
    levels = [
        ("segments", evaluation.segment),
        *((f"tracks, {RULE_NAMES[rule]}", scores) for rule, scores in evaluation.track.items()),
    ]
    rows = [
        (
            name,
            f"{scores.n}",
            percent(scores.accuracy),
            percent(scores.balanced_accuracy),
            percent(scores.top2_accuracy),
            "–" if scores.log_loss is None else f"{scores.log_loss.value:.3f}",
        )
        for name, scores in levels
    ]
    header = ("Level", "Number", "Accuracy", "Balanced accuracy", "Top-2 accuracy", "Log loss")
    return _table(
        "Each segment for itself; tracks under both voting rules", header, rows, numbers=range(1, 6)
    )


def _curves(history: Sequence[Mapping[str, float]], curves: str) -> str:
    marked = any(row.get("best") for row in history)
    note = "The dotted line marks the epoch whose weights were kept." if marked else ""
    return f'<div class="panels">{curves}</div><p class="note">{note}</p>'


def _confusion(evaluation: Evaluation, scores: LevelScores) -> str:
    picture = charts.confusion_matrix(evaluation.genres, scores)
    return (
        "<p>A row holds the tracks of one genre. The number in a cell counts them; its shade is their share "
        "of the row.</p>"
        f"{_scrolling('Confusion matrix', picture)}"
    )


def _by_genre(scores: LevelScores) -> str:
    rows = [
        (
            genre,
            f"{figures.support}",
            f"{figures.predicted}",
            percent(figures.recall),
            percent(figures.precision),
            percent(figures.f1),
        )
        for genre, figures in scores.by_genre.items()
    ]
    bars = [charts.interval_bar(figures.recall) for figures in scores.by_genre.values()]
    header = ("Genre", "Tracks", "Said", "Recall", "Precision", "F1")
    caption = "Recall: how many of a genre were found. Precision: how many of those said to be it are it."
    return _table(caption, header, rows, numbers=range(1, 6), pictures_after={3: ("Recall, 0–100 %", bars)})


def _mistakes(predictions: Predictions, rule: VotingRule) -> str:
    answers = predictions.tracks(rule)
    said = answers.orders[:, 0]
    confidence = answers.probabilities[np.arange(len(said)), said]
    wrong = np.flatnonzero(said != answers.truth)
    if not wrong.size:
        return "<p>No track was wrong.</p>"
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    rows = [
        (
            answers.clip_ids[i],
            predictions.genres[answers.truth[i]],
            predictions.genres[said[i]],
            _share(confidence[i]),
            _share(answers.probabilities[i, answers.truth[i]]),
            "–" if answers.groups[i] == answers.clip_ids[i] else answers.groups[i],
        )
        for i in worst
    ]
    header = ("Track", "True", "Said", "Confidence", "Probability of the truth", "Artist")
    caption = f"{len(rows)} of {wrong.size} wrong tracks; a wrong label is worth looking for among them"
    return _table(caption, header, rows, numbers=(3, 4), long=(0, 5))


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>\n'
        for name, value in facts.items()
    )
    return f'<table class="facts"><tbody>\n{rows}</tbody></table>'


def _table(
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[int] = (),
    long: Iterable[int] = (),
    pictures_after: Mapping[int, tuple[str, Sequence[str]]] | None = None,
) -> str:
    """Make a table of texts, which are escaped here; the first column names the row.

    `numbers` and `long` are columns to align right and to break anywhere; `pictures_after` puts a column of
    ready-made SVG, with its heading, after a column.
    """
    extra = pictures_after or {}
    kind = {**dict.fromkeys(long, ' class="long"'), **dict.fromkeys(numbers, ' class="number"')}

    def line(texts: Sequence[str], number: int | None) -> str:
        cells = []
        for column, text in enumerate(texts):
            tag, scope = ("th", ' scope="col"') if number is None else ("td", "")
            if number is not None and column == 0:
                tag, scope = "th", ' scope="row"'
            cells.append(f"<{tag}{scope}{kind.get(column, '')}>{escape(text)}</{tag}>")
            if column in extra:
                heading, drawn = extra[column]
                cells.append(
                    f'<th scope="col">{escape(heading)}</th>'
                    if number is None
                    else f"<td>{drawn[number]}</td>"
                )
        return f"<tr>{''.join(cells)}</tr>"

    body = "\n".join(line(row, number) for number, row in enumerate(rows))
    table = (
        f"<table><caption><span>{escape(caption)}</span></caption>\n<thead>{line(header, None)}</thead>\n"
        f"<tbody>\n{body}\n</tbody></table>"
    )
    return _scrolling(caption, table)


def _scrolling(label: str, content: str) -> str:
    """Let wide content scroll sideways in its own box, which the keyboard can reach."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">{content}</div>'
