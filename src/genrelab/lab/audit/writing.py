"""The files of an audit: page, tables of pairs and faults, exclusion list, and everything as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from genrelab.csv_text import csv_lines
from genrelab.errors import CorpusError
from genrelab.files import replace_text
from genrelab.lab.audit.audit import Audit
from genrelab.lab.audit.page import page

PAGE, PAIRS, FAULTS, EXCLUDE, RECORD = "audit.html", "pairs.csv", "faults.csv", "exclude.txt", "audit.json"

_PAIR_COLUMNS = (
    "first", "second", "kind", "score", "offset_seconds", "start_seconds", "overlap_seconds", "speed",
    "gain_db", "matched_peaks", "first_part", "second_part", "crosses_parts", "first_genre", "second_genre",
    "labels_differ", "first_artist", "second_artist",
)  # fmt: skip


def write_audit(folder: Path, audit: Audit) -> None:
    """Write `audit.html`, `pairs.csv`, `faults.csv`, `exclude.txt` and `audit.json`, or replace them.

    Parameters
    ----------
    folder : Path
        Created if it does not exist.
    audit : Audit

    Raises
    ------
    CorpusError
        If the folder cannot be written to.
    """
    texts = {
        PAIRS: _pairs(audit),
        FAULTS: csv_lines(
            [("clip_id", "kind", "detail")]
            + [(each.clip_id, each.kind, each.detail) for each in audit.faults]
        ),
        EXCLUDE: exclusion_text(audit),
        RECORD: json.dumps(audit.to_dict(), indent=2, ensure_ascii=False) + "\n",
        PAGE: page(audit),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            replace_text(folder / name, text)
    except OSError as error:
        message = f"cannot write the audit to {folder} ({error.strerror or error}). Choose another --out"
        raise CorpusError(message, code="audit-unwritable") from error


def exclusion_text(audit: Audit) -> str:
    """Return the exclusion list for `read_exclusions`, with the reasons as comments."""
    lines = [f"# Clips of {audit.corpus.name} to leave out: {len(audit.excluded)} of {len(audit.clips)}."]
    for each in audit.excluded:
        lines += [f"# {' '.join(each.reason.split())}", each.clip_id]
    return "\n".join(lines) + "\n"


def _pairs(audit: Audit) -> str:
    rows: list[Sequence[object]] = [_PAIR_COLUMNS]
    for pair in audit.pairs:
        first, second = audit.clips[pair.first], audit.clips[pair.second]
        seconds = (pair.offset, 2), (pair.start, 2), (pair.overlap, 2), (pair.speed, 4), (pair.gain, 1)
        rows.append((
            pair.first, pair.second, pair.kind, _number(pair.score, 3),
            *("" if audit.of_pictures else _number(*each) for each in seconds),
            pair.matched,
            audit.parts.get(pair.first, ""), audit.parts.get(pair.second, ""), _yes(audit.crosses(pair)),
            first.genre or "", second.genre or "", _yes(audit.labels_differ(pair)),
            first.artist or "", second.artist or "",
        ))  # fmt: skip
    return csv_lines(rows)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _number(value: float, digits: int) -> Decimal:
    """Return a number with a fixed number of decimal places."""
    return Decimal(f"{value:.{digits}f}")
