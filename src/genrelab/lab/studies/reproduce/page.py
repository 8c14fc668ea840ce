"""The page of a reproduced table as Markdown, CSV and HTML, all made from its record alone."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genrelab.csv_text import csv_lines
from genrelab.errors import RunError
from genrelab.files import replace_text
from genrelab.lab.findings import State, worst
from genrelab.lab.metrics.summary import figure as share
from genrelab.lab.studies.reproduce.charts import record_charts, record_confusions
from genrelab.lab.studies.reproduce.figures import FORMAT
from genrelab.pages.render import render
from genrelab.printing import plain

RECORD = "record.json"
_FORMATS = (2, FORMAT)
_LARGEST = 64 * 2**20  # bytes of a record
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
NUMBERS = ("parameters", "paper", "ours", "difference", "seeds", "epochs", "minutes")


def write_page(record: Mapping[str, Any], folder: Path) -> None:
    """Write record.json, table.md, table.csv and table.html, each whole or not at all."""
    replace_text(folder / "table.md", markdown(record))
    replace_text(folder / "table.csv", comma_separated(record))
    replace_text(folder / "table.html", page(record))
    replace_text(folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def cells(record: Mapping[str, Any]) -> list[list[str]]:
    """Return the lines of the table in the order of `COLUMNS`, one per row, split and figure."""
    rows = []
    for line in record["lines"]:
        for metric, each in line["figures"].items():
            ours, paper, seeds = each["ours"], each["paper"], list(each["by_seed"].values())
            rows.append(
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
    return rows


def _label(metric: str, figure: Mapping[str, Any]) -> str:
    """Name a figure; a paper may call accuracy on the test part validation accuracy."""
    name = metric.replace("_", " ")
    tested = name.startswith("valid") and figure["of"] == "test"
    return f"{name} (measured on the test part)" if tested else name


def _state(line: Mapping[str, Any]) -> str:
    parts = [f"{len(line['runs'])} run{'' if len(line['runs']) == 1 else 's'}"]
    if line["failures"]:
        parts.append("failed")
    if line["open"]:
        parts.append(f"{line['open']} not started")
    return ", ".join(parts)


def remarks(record: Mapping[str, Any]) -> list[str]:
    """Return the limits of a comparison with the paper."""
    asked, corpora = record["asked"], record["corpora_of_the_paper"]
    tested = asked["tested_elsewhere_on"] or asked["corpus"]
    notes = []
    papers = {
        each["paper"]["corpus"]
        for line in record["lines"]
        for each in line["figures"].values()
        if each["paper"] is not None
    }
    if papers and tested not in papers:
        notes.append(
            f"The paper's figures are for {', '.join(sorted(papers))}, ours for {tested}, which has other "
            "music and other genres. The difference does not measure how well the paper was reproduced."
        )
    if len(corpora) > 1 and not asked["tested_elsewhere_on"]:
        notes.append(
            f"The paper tested on another corpus than it trained on ({corpora[1]}). These runs were tested "
            "on held-out clips of their own corpus; --test-corpus names another one."
        )
    if asked["budget"]:
        notes.append(f"The budget is smaller than the paper's: {'; '.join(asked['budget'])}.")
    if asked["changes"]:
        notes.append(f"Recipes were changed: {', '.join(asked['changes'])}.")
    starts: dict[str, list[str]] = {}
    for line in record["lines"]:
        if line["other_start"]:
            starts.setdefault(line["other_start"], []).append(line["recipe"].split("/")[1])
        notes += [f"{line['recipe']}: {reason}" for reason in line["failures"]]
    for start, rows in starts.items():
        notes.append(f"Started from {start}: {', '.join(dict.fromkeys(rows))}.")
    return [*notes, *_gathered(record, lambda line: line["warnings"])]


def verdicts(record: Mapping[str, Any]) -> list[str]:
    """Return the worst verdict of all lines, then the reasons."""
    counted = Counter(_states(record))
    if not counted:
        return []
    words = ", ".join(
        f"{counted[state]} {state}" for state in ("leaks", "not known", "clean") if counted[state]
    )
    why = _gathered(record, lambda line: line["verdict"]["verdict"]["because"] if line["verdict"] else [])
    return [f"Verdict: {worst(list(counted))} (lines: {words}).", *why]


def _states(record: Mapping[str, Any]) -> list[State]:
    return [line["verdict"]["verdict"]["state"] for line in record["lines"] if line["verdict"]]


def _gathered(record: Mapping[str, Any], texts: Callable[[Mapping[str, Any]], Sequence[str]]) -> list[str]:
    """Return the texts about lines, each once, with its lines unless it is about all of them."""
    lines: dict[str, list[str]] = {}
    for line in record["lines"]:
        for text in texts(line):
            lines.setdefault(text, []).append(f"{line['recipe'].split('/')[1]}, {line['split']}")
    everywhere = len(record["lines"])
    return [
        text if len(where) == everywhere else f"{text} ({'; '.join(where)})" for text, where in lines.items()
    ]


def protocol(record: Mapping[str, Any]) -> dict[str, str]:
    """Return how the paper measured, and how each kind of split was made and checked here."""
    facts = {"Paper": record["protocol"], "Corpus": record["asked"]["corpus"]}
    if record["asked"]["tested_elsewhere_on"]:
        facts["Tested on"] = record["asked"]["tested_elsewhere_on"]
    for line in record["lines"]:
        if line["runs"] and f"Split {line['split']}" not in facts:
            first = line["runs"][0]
            sizes = ", ".join(f"{count} {part}" for part, count in first["clips"].items())
            checks = "; ".join(f"{check}: {result}" for check, result in first["checks"].items())
            facts[f"Split {line['split']}"] = f"{first['made']} ({sizes} clips); {checks}"
            facts["Not checked"] = "; ".join(line["verdict"]["not_checked"])
    chosen = {
        "none: the last one is kept"
        if run["epoch"]["chosen_on"] == "none"
        else f"{run['epoch']['chosen_by']} on the {run['epoch']['chosen_on']} part"
        for line in record["lines"]
        for run in line["runs"]
    }
    facts["Epoch chosen by"] = "; ".join(sorted(chosen)) or "no run yet"
    devices = {device for line in record["lines"] for device in line["devices"]}
    facts["Trained on"] = "; ".join(sorted(devices)) or "no run yet"
    facts["Intervals"] = (
        "95 %, from resampling artists (or clips of unknown artist) with the predictions of all seeds"
    )
    facts["Seeds"] = "number of seeds; in brackets the standard deviation between them, in percentage points"
    facts["Minutes"] = "training time of all runs of a line, on a machine that also did other work"
    return facts


def markdown(record: Mapping[str, Any]) -> str:
    """Return the page as Markdown."""
    lines = [f"# {record['title']}", ""]
    worst_of_all, reasons = verdicts(record)[:1], verdicts(record)[1:]
    lines += [line for text in worst_of_all for line in (f"**{text}**", "")]
    lines += [f"- {text}" for text in reasons] + ([""] if reasons else [])
    lines += [f"- {text}" for text in remarks(record)] + ([""] if remarks(record) else [])
    lines.append("| " + " | ".join(COLUMNS) + " |")
    lines.append("| " + " | ".join("---:" if name in NUMBERS else "---" for name in COLUMNS) + " |")
    lines += [
        "| " + " | ".join(plain(text).replace("|", "\\|") for text in row) + " |" for row in cells(record)
    ]
    lines += ["", "## How it was measured", ""]
    lines += [f"- {name}: {text}" for name, text in protocol(record).items()]
    return "\n".join(lines) + "\n"


def comma_separated(record: Mapping[str, Any]) -> str:
    """Return the figures as CSV, unrounded, one line per row, split and figure."""
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
    """Return the page as HTML."""
    verdict = verdicts(record)
    return render(
        "lab/studies/reproduce/table.html",
        title=record["title"],
        verdict=verdict,
        state=worst(_states(record)) if verdict else "",
        remarks=remarks(record),
        columns=COLUMNS,
        run_columns=RUN_COLUMNS,
        numbers=[at for at, name in enumerate(COLUMNS) if name in NUMBERS],
        cells=cells(record),
        charts=record_charts(record),
        runs=run_rows(record),
        confusions=record_confusions(record),
        protocol=protocol(record),
    )


RUN_COLUMNS = ("recipe", "split", "figure", "runs", "mean", "deviation", "lowest", "highest", "each run")


def run_rows(record: Mapping[str, Any]) -> list[list[str]]:
    """Return the figures of single runs (folds and seeds) of each line that has several, in per cent."""
    rows = []
    for line in record["lines"]:
        names = [f"{run['split']} seed {run['seed']}" for run in line["runs"]]
        for metric, figure in line["figures"].items():
            values = [100 * each["value"] for each in figure["runs"]]
            if len(values) < 2:
                continue
            each_run = "; ".join(f"{name} {value:.1f}" for name, value in zip(names, values, strict=False))
            rows.append(
                [
                    line["recipe"],
                    line["split"],
                    _label(metric, figure),
                    str(len(values)),
                    f"{statistics.fmean(values):.1f}",
                    f"{statistics.stdev(values):.1f}",
                    f"{min(values):.1f}",
                    f"{max(values):.1f}",
                    each_run,
                ]
            )
    return rows


def read_record(path: Path) -> dict[str, Any]:
    """Read the record of a reproduced table.

    Raises
    ------
    RunError
        If it is not one, is damaged, or has a format that this version does not read.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST // 2**20} MiB")
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(
            f"cannot read {path}: {error}. `genrelab reproduce` writes it again",
            code="reproduce-record-unreadable",
        ) from error
    if not isinstance(record, dict) or not {"table", "lines", "format"} <= record.keys():
        raise _no_record(path)
    if record["format"] not in _FORMATS:
        raise RunError(
            f"{path} has the format {record['format']!r}; this version of genrelab reads "
            f"{' and '.join(map(str, _FORMATS))}. Reproduce the table again, or update genrelab",
            code="reproduce-record-format",
        )
    try:
        page(record)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _no_record(path) from error
    return record


def _no_record(path: Path) -> RunError:
    return RunError(
        f"{path} is not the record of a reproduced table; `genrelab reproduce` writes one",
        code="reproduce-record-unreadable",
    )
