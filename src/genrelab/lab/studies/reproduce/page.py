"""The page of a table made again: Markdown, CSV, HTML and the record behind them.

All three are made from the record alone, so that the same record gives the same page anywhere.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from genrelab.csv_text import csv_lines
from genrelab.files import replace_text
from genrelab.lab.findings import worst
from genrelab.lab.metrics.summary import figure as share
from genrelab.printing import plain, plain_page

RECORD = "record.json"
COLUMNS = (
    "row",
    "recipe",
    "parameters",
    "split",
    "figure",
    "paper",
    "ours",
    "difference",
    "seeds",
    "epochs",
    "minutes",
    "verdict",
    "state",
)
_NUMBERS = ("parameters", "paper", "ours", "difference", "seeds", "epochs", "minutes")


def write_page(record: Mapping[str, Any], folder: Path) -> None:
    """Write record.json, table.md, table.csv and table.html, each whole or not at all."""
    replace_text(folder / "table.md", markdown(record))
    replace_text(folder / "table.csv", comma_separated(record))
    replace_text(folder / "table.html", page(record))
    replace_text(folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def cells(record: Mapping[str, Any]) -> list[list[str]]:
    """Return the table's lines as text, in the order of `COLUMNS`: one a row, split and figure."""
    found = []
    for line in record["lines"]:
        for metric, each in line["figures"].items():
            ours, paper, seeds = each["ours"], each["paper"], list(each["by_seed"].values())
            found.append(
                [
                    line["row"],
                    line["recipe"],
                    "" if line["parameters"] is None else f"{line['parameters']:,}",
                    line["split"],
                    _label(metric, each),
                    "" if paper is None else f"{100 * paper['value']:.1f} %",
                    "" if ours is None else share(ours),
                    "" if None in (ours, paper) else f"{100 * (ours['value'] - paper['value']):+.1f}",
                    f"{len(seeds)}{f' ({100 * statistics.stdev(seeds):.1f})' if len(seeds) > 1 else ''}",
                    ", ".join(map(str, line["epochs"])),
                    f"{line['training_seconds'] / 60:.1f}",
                    line["verdict"]["verdict"]["state"] if line["verdict"] else "",
                    _state(line),
                ]
            )
    return found


def _label(metric: str, figure: Mapping[str, Any]) -> str:
    """Name a figure; what is called validation accuracy may be of the test part."""
    name = metric.replace("_", " ")
    return (
        f"{name} (in truth of the test part)" if name.startswith("valid") and figure["of"] == "test" else name
    )


def _state(line: Mapping[str, Any]) -> str:
    parts = [f"{len(line['runs'])} run{'' if len(line['runs']) == 1 else 's'}"]
    if line["failures"]:
        parts.append("failed")
    if line["open"]:
        parts.append(f"{line['open']} not begun")
    return ", ".join(parts)


def remarks(record: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know before the figures."""
    asked, theirs = record["asked"], record["corpora_of_the_paper"]
    tested = asked["tested_elsewhere_on"] or asked["corpus"]
    found = []
    papers = {
        each["paper"]["corpus"]
        for line in record["lines"]
        for each in line["figures"].values()
        if each["paper"] is not None
    }
    if papers and tested not in papers:
        found.append(
            f"The paper's figures are for {', '.join(sorted(papers))}, ours for {tested}: other music, other "
            "genres. The difference is no measure of how well the paper was reproduced."
        )
    if len(theirs) > 1 and not asked["tested_elsewhere_on"]:
        found.append(
            f"The paper tested on another corpus than it trained on ({theirs[1]}); these runs were tested on "
            "clips of their own corpus. --test-corpus names another."
        )
    if asked["budget"]:
        found.append(f"With less than the paper spent: {'; '.join(asked['budget'])}.")
    if asked["changes"]:
        found.append(f"Recipes were changed: {', '.join(asked['changes'])}.")
    starts: dict[str, list[str]] = {}
    for line in record["lines"]:
        if line["other_start"]:
            starts.setdefault(line["other_start"], []).append(line["recipe"].split("/")[1])
        found += [f"{line['recipe']}: {reason}" for reason in line["failures"]]
    for start, rows in starts.items():
        found.append(f"Started from {start}: {', '.join(dict.fromkeys(rows))}.")
    return [*found, *_told(record, lambda line: line["warnings"])]


def verdicts(record: Mapping[str, Any]) -> list[str]:
    """Return how far the figures can be believed: the worst verdict of all lines, then why."""
    lines = [line["verdict"]["verdict"] for line in record["lines"] if line["verdict"]]
    if not lines:
        return []
    counted = Counter(each["state"] for each in lines)
    words = ", ".join(
        f"{counted[state]} {state}" for state in ("leaks", "not known", "clean") if counted[state]
    )
    why = _told(record, lambda line: line["verdict"]["verdict"]["because"] if line["verdict"] else [])
    return [f"Verdict: {worst(list(counted))} (lines: {words}).", *why]


def _told(record: Mapping[str, Any], texts: Callable[[Mapping[str, Any]], Sequence[str]]) -> list[str]:
    """Gather what is said of lines, each text once, with the lines if it is not said of all."""
    told: dict[str, list[str]] = {}
    for line in record["lines"]:
        for text in texts(line):
            told.setdefault(text, []).append(f"{line['recipe'].split('/')[1]}, {line['split']}")
    everywhere = len(record["lines"])
    return [
        text if len(where) == everywhere else f"{text} ({'; '.join(where)})" for text, where in told.items()
    ]


def protocol(record: Mapping[str, Any]) -> dict[str, str]:
    """Return how the paper measured, and how each kind of split here was made and checked."""
    facts = {"The paper": record["protocol"], "Corpus here": record["asked"]["corpus"]}
    if record["asked"]["tested_elsewhere_on"]:
        facts["Tested on"] = record["asked"]["tested_elsewhere_on"]
    for line in record["lines"]:
        if line["runs"] and f"Split {line['split']}" not in facts:
            first = line["runs"][0]
            sizes = ", ".join(f"{count} {part}" for part, count in first["clips"].items())
            checks = "; ".join(f"{looked_for}: {what}" for looked_for, what in first["checks"].items())
            facts[f"Split {line['split']}"] = f"{first['made']} ({sizes} clips); {checks}"
            facts["Not looked for"] = "; ".join(line["verdict"]["not_checked"])
    chosen = {
        f"{run['epoch']['chosen_by']} on the {run['epoch']['chosen_on']} part"
        for line in record["lines"]
        for run in line["runs"]
    }
    facts["Epoch chosen by"] = "; ".join(sorted(chosen)) or "nothing yet"
    devices = {device for line in record["lines"] for device in line["devices"]}
    facts["Trained on"] = "; ".join(sorted(devices)) or "nothing yet"
    facts["Intervals"] = (
        "95 %, by resampling artists (or clips of unknown artist) with all that any seed said of them"
    )
    facts["Seeds"] = "how many, and in brackets the standard deviation between them in points"
    facts["Minutes"] = "of training, all runs of a line together, on a machine that did other things as well"
    return facts


def markdown(record: Mapping[str, Any]) -> str:
    """Return the page as Markdown."""
    lines = [f"# {record['title']}", ""]
    lines += [*(f"**{text}**" if at == 0 else f"- {text}" for at, text in enumerate(verdicts(record))), ""]
    lines += [f"- {text}" for text in remarks(record)] + ([""] if remarks(record) else [])
    lines.append("| " + " | ".join(COLUMNS) + " |")
    lines.append("| " + " | ".join("---:" if name in _NUMBERS else "---" for name in COLUMNS) + " |")
    lines += [
        "| " + " | ".join(plain(text).replace("|", "\\|") for text in row) + " |" for row in cells(record)
    ]
    lines += ["", "## How it was measured", ""]
    lines += [f"- {name}: {text}" for name, text in protocol(record).items()]
    return "\n".join(lines) + "\n"


def comma_separated(record: Mapping[str, Any]) -> str:
    """Return the figures as CSV, unrounded: a line a row, split and figure."""
    rows: list[Sequence[object]] = [
        ["recipe", "sound", "split", "figure", "of", "paper", "ours", "low", "high", "difference", "seeds"]
        + ["runs", "parameters", "training_seconds", "verdict"]
    ]
    for line in record["lines"]:
        for metric, each in line["figures"].items():
            ours, paper = each["ours"] or {}, (each["paper"] or {}).get("value")
            value = ours.get("value")
            difference = None if value is None or paper is None else value - paper
            numbers = [paper, value, ours.get("low"), ours.get("high"), difference]
            rows.append(
                [line["recipe"], line["sound"], line["split"], metric, each["of"], *numbers]
                + [len(each["by_seed"]), len(line["runs"]), line["parameters"], line["training_seconds"]]
                + [line["verdict"]["verdict"]["state"] if line["verdict"] else None]
            )
    return csv_lines(rows)


def page(record: Mapping[str, Any]) -> str:
    """Return the page as HTML: like a run's report, with nothing loaded and no script."""
    body = [_verdict(record), _warnings(remarks(record)), _table(cells(record)), _facts(protocol(record))]
    template = files("genrelab.lab.reports").joinpath("report.html").read_text(encoding="utf-8")
    html = Template(template).substitute(title=escape(record["title"]), body="\n".join(filter(None, body)))
    return plain_page(html)


def _verdict(record: Mapping[str, Any]) -> str:
    told = verdicts(record)
    if not told:
        return ""
    state = worst([line["verdict"]["verdict"]["state"] for line in record["lines"] if line["verdict"]])
    why = "".join(f"<li>{escape(text)}</li>" for text in told[1:])
    kind = {"not known": "unknown"}.get(state, state)
    return (
        f'<section class="verdict {kind}" aria-label="Verdict"><strong>{escape(told[0])}</strong>'
        f"{f'<ul>{why}</ul>' if why else ''}</section>"
    )


def _warnings(texts: Sequence[str]) -> str:
    if not texts:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return (
        '<aside class="warnings" aria-label="Read this first"><strong>Read this first</strong>'
        f"<ul>{items}</ul></aside>"
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    def line(texts: Sequence[str], tag: str) -> str:
        each = (
            f'<{tag} class="{"number" if name in _NUMBERS else ""}">{escape(text)}</{tag}>'
            for name, text in zip(COLUMNS, texts, strict=True)
        )
        return f"<tr>{''.join(each)}</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return (
        "<section>\n<h2>The table</h2>\n"
        '<div class="scroll" role="region" tabindex="0" aria-label="The table">'
        f"<table><thead>{line(COLUMNS, 'th')}</thead>\n<tbody>\n{body}\n</tbody></table></div>\n</section>"
    )


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    return f"<section>\n<h2>How it was measured</h2>\n<dl>{rows}</dl>\n</section>"
