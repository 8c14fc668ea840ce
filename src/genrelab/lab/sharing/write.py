"""Write the folder of a list: clips, split and leaks of a corpus, described in the format Croissant."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import genrelab
from genrelab.csv_text import csv_lines
from genrelab.errors import CorpusError
from genrelab.files import replace_text, text_bytes
from genrelab.lab.audit.audit import Audit, audit_corpus, parts_of
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.splits.listed_split import CLIPS, FACTS
from genrelab.lab.corpora.types import Clip, Corpus, Split
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
    present = [name for name in (CLIPS, PAIRS, FACTS, CROISSANT) if (folder / name).exists()]
    if present and not overwrite:
        message = f"{folder / present[0]} is there already. Name another folder, or add --overwrite"
        raise CorpusError(message, code="list-exists")
    found = audit_corpus(corpus, split=split, jobs=wishes.jobs, report=report) if wishes.audit else None
    texts = {CLIPS: _clips(corpus, split, found, wishes.artists)}
    if found is not None:
        texts[PAIRS] = _pairs(found)
    facts = ListFacts(
        corpus=corpus.name,
        kind=corpus.kind,
        genres=tuple(corpus.genres),
        licence=corpus.licence,
        citation=corpus.citation,
        split=None if split is None else _split_facts(split),
        audit=None if found is None else _audit_facts(found),
        genrelab_version=genrelab.__version__,
    )
    texts[FACTS] = json_text(facts.model_dump(), indent=1) + "\n"
    described = Described(facts, {name: text_bytes(text) for name, text in texts.items()}, wishes)
    texts[CROISSANT] = json_text(croissant(described), indent=1) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if found is None:
            (folder / PAIRS).unlink(missing_ok=True)  # of an earlier list
        for name, text in texts.items():
            replace_text(folder / name, text)
    except OSError as error:
        message = f"cannot write the list to {folder} ({error.strerror or error}). Name another folder"
        raise CorpusError(message, code="list-unwritable") from error
    return facts


def _split_facts(split: Split) -> dict[str, Any]:
    return {
        "name": split.name,
        "made": split.made,
        "seed": split.seed,
        "clips": {part: len(getattr(split, part)) for part in ("train", "valid", "test")},
        "findings": [each.to_dict() for each in split.findings],
        "checks": checked(split.findings),
    }


def _audit_facts(found: Audit) -> dict[str, Any]:
    crossing = [pair for pair in found.repetitions if found.crosses(pair)]
    return {
        "repetitions": len(found.repetitions),
        "repetitions_in_two_parts": len(crossing),
        "artists_in_several_parts": len(found.artists),
        "unreadable": sum(fault.kind in ("unreadable", "cut off") for fault in found.faults),
        "to_leave_out": [each.clip_id for each in found.excluded],
    }


def _clips(corpus: Corpus, split: Split | None, found: Audit | None, artists: Artists) -> str:
    parts, groups = parts_of(split), _artist_labels(corpus, artists)
    rows: list[Sequence[object]] = [COLUMNS]
    hashed: dict[Path, str] = {}
    for clip in corpus.clips:
        seconds = found.seconds.get(clip.id) if found is not None and not found.of_pictures else None
        rows.append((
            clip.id, parts.get(clip.id), "; ".join(clip.genres), groups.get(clip.id),
            round(seconds, 3) if seconds else None, clip.start, clip.duration, _file_digest(clip, hashed),
            None if found is None else found.digests.get(clip.id),
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


def _file_digest(clip: Clip, known: dict[Path, str]) -> str | None:
    if clip.path is None:
        return None
    if clip.path not in known:
        known[clip.path] = file_sha256(clip.path)
    return known[clip.path]


def file_sha256(path: Path) -> str:
    """Return the digest of a clip's file; a `CorpusError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be read: {error.strerror}. `genrelab corpora verify` lists all such clips",
            code="list-clip-unreadable",
        ) from error


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
