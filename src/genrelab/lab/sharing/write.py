"""Write the folder of a list: clips, split and leaks of a corpus, described in the format Croissant."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import genrelab
from genrelab.csv_text import csv_lines
from genrelab.drafts import Draft
from genrelab.errors import CorpusError
from genrelab.files import replace_text, text_bytes
from genrelab.lab.audit.audit import Audit, audit_corpus, parts_of
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.checksums import make_index
from genrelab.lab.corpora.splits.listed_split import CLIPS, FACTS
from genrelab.lab.corpora.splits.split_checks import EXAMPLES, shared_artists
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.findings import Finding
from genrelab.lab.findings.wording import checked
from genrelab.lab.sharing.croissant import CROISSANT, Described, croissant
from genrelab.lab.sharing.list_file import COLUMNS, ListFacts
from genrelab.printing import json_text

Artists = Literal["groups", "names", "none"]
Report = Callable[[str, int, int], None]

PAIRS = "pairs.csv"
PAIR_COLUMNS = (
    "first", "second", "kind", "score", "offset_seconds", "overlap_seconds", "speed", "first_part",
    "second_part", "crosses_parts",
)  # fmt: skip


@dataclass(frozen=True)
class Wishes:
    """How a list is written.

    Parameters
    ----------
    artists : {"groups", "names", "none"}
        Number the artists, so that nobody learns who they are, name them, or leave them out.
    audit : bool
        Whether to decode the clips: to find repeated recordings, and for lengths and digests of the sound.
    licence : str
        Of the list, such as `CC0-1.0`; a name or an address.
    url : str or None
        The page of the list.
    jobs : int > 0
        Clips processed in parallel.
    """

    artists: Artists = "groups"
    audit: bool = True
    licence: str = "unknown"
    url: str | None = None
    jobs: int = 1


def write_list(
    corpus: Corpus,
    split: Split | None,
    folder: Path,
    wishes: Wishes,
    *,
    overwrite: bool = False,
    report: Report | None = None,
) -> ListFacts:
    """Write `clips.csv`, `pairs.csv` (with an audit), `list.json` and `croissant.json`.

    Parameters
    ----------
    corpus : Corpus
    split : Split or None
        None lists the clips without parts.
    folder : Path
        Created if it does not exist.
    wishes : Wishes
    overwrite : bool
        Whether to replace files of an earlier list.
    report : callable or None
        Called with the current step, the number of finished items and their total.

    Returns
    -------
    ListFacts
        What `list.json` states.

    Raises
    ------
    CorpusError
        If the folder has a list that may not be replaced or cannot be written to, a file cannot be read, or
        the corpus is a table of descriptors and an audit is wanted.
    """
    _require_free(folder, overwrite=overwrite)
    files = _file_digests(corpus, report)
    found = audit_corpus(corpus, split=split, jobs=wishes.jobs, report=report) if wishes.audit else None
    labels = _artist_labels(corpus, wishes.artists)
    texts = {CLIPS: _clips(corpus, parts_of(split), found, labels, files)}
    if found is not None:
        texts[PAIRS] = _pairs(found)
    facts = ListFacts(
        corpus=corpus.name,
        kind=corpus.kind,
        genres=tuple(corpus.genres),
        licence=corpus.licence,
        citation=corpus.citation,
        split=None if split is None else _split_facts(corpus, split, labels),
        audit=None if found is None else _audit_facts(found),
        genrelab_version=genrelab.__version__,
    )
    texts[FACTS] = json_text(facts.model_dump(), indent=1) + "\n"
    described = Described(facts, {name: text_bytes(text) for name, text in texts.items()}, wishes)
    texts[CROISSANT] = json_text(croissant(described), indent=1) + "\n"
    with _writing(folder):
        for name in (CROISSANT, PAIRS):  # of an earlier list; the description is there when all else is
            (folder / name).unlink(missing_ok=True)
        for name, text in texts.items():
            replace_text(folder / name, text)
    return facts


def _require_free(folder: Path, *, overwrite: bool) -> None:
    """Make the folder, and raise unless a list can be written there: before hours of reading."""
    present = [name for name in (CLIPS, PAIRS, FACTS, CROISSANT) if os.path.lexists(folder / name)]
    if present and not overwrite:
        message = f"{folder / present[0]} is there already. Name another folder, or add --overwrite"
        raise CorpusError(message, code="list-exists")
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with Draft(folder):
            pass


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot write the list to {folder} ({error.strerror or error}). Name another folder"
        raise CorpusError(message, code="list-unwritable") from error


def _split_facts(corpus: Corpus, split: Split, labels: Mapping[str, str]) -> dict[str, Any]:
    findings = [_labelled(each, corpus, split, labels) for each in split.findings]
    return {
        "name": split.name,
        "made": split.made,
        "seed": split.seed,
        "clips": {part: len(getattr(split, part)) for part in ("train", "valid", "test")},
        "findings": [each.to_dict() for each in findings],
        "checks": checked(findings),
    }


def _labelled(found: Finding, corpus: Corpus, split: Split, labels: Mapping[str, str]) -> Finding:
    """Return a finding that calls artists as the table of the list does."""
    if found.kind != "artist" or not found.count:
        return found
    shared = shared_artists(corpus, split)[:EXAMPLES] if labels else []
    names = [f"{labels[each.clips[0].id]} ({', '.join(each.parts)})" for each in shared]
    return found.model_copy(update={"examples": tuple(names)})


def _audit_facts(found: Audit) -> dict[str, Any]:
    crossing = [pair for pair in found.repetitions if found.crosses(pair)]
    return {
        "repetitions": len(found.repetitions),
        "repetitions_in_two_parts": len(crossing),
        "artists_in_several_parts": len(found.artists),
        "unreadable": sum(fault.kind in ("unreadable", "cut off") for fault in found.faults),
        "to_leave_out": [each.clip_id for each in found.excluded],
    }


def _clips(
    corpus: Corpus,
    parts: Mapping[str, str],
    found: Audit | None,
    artists: Mapping[str, str],
    files: Mapping[str, str],
) -> str:
    sounds = found if corpus.kind == "audio" else None
    rows: list[Sequence[object]] = [COLUMNS]
    for clip in corpus.clips:
        seconds = None if sounds is None else sounds.seconds.get(clip.id)
        rows.append((
            clip.id, parts.get(clip.id), "; ".join(clip.genres), artists.get(clip.id),
            round(seconds, 3) if seconds else None, clip.start, clip.duration, files.get(clip.id),
            None if sounds is None else sounds.digests.get(clip.id),
        ))  # fmt: skip
    return csv_lines(rows, formulas=True)


def _artist_labels(corpus: Corpus, artists: Artists) -> dict[str, str]:
    """Return clip id -> name or number of its artist."""
    if artists == "none":
        return {}
    if artists == "names":
        return {clip.id: clip.artist for clip in corpus.clips if clip.artist}
    keys = {clip.id: key for clip in corpus.clips if (key := artist_key(clip.artist)) is not None}
    numbers = {
        key: f"artist-{number:04d}" for number, key in enumerate(dict.fromkeys(keys.values()), start=1)
    }
    return {clip_id: numbers[key] for clip_id, key in keys.items()}


def _file_digests(corpus: Corpus, report: Report | None) -> dict[str, str]:
    """Return clip id -> SHA-256 of its file; nothing for clips without files."""
    if any(clip.path is None for clip in corpus.clips):
        return {}
    return {clip_id: each.digest for clip_id, each in make_index(corpus, report=report).clips.items()}


def _pairs(found: Audit) -> str:
    return csv_lines([PAIR_COLUMNS, *_pair_rows(found)], formulas=True)


def _pair_rows(found: Audit) -> Iterator[Sequence[object]]:
    parts: Mapping[str, str] = found.parts
    for pair in found.pairs:
        yield (
            pair.first, pair.second, pair.kind, round(pair.score, 3), round(pair.offset, 2),
            round(pair.overlap, 2), round(pair.speed, 4), parts.get(pair.first), parts.get(pair.second),
            str(found.crosses(pair)).lower(),
        )  # fmt: skip
