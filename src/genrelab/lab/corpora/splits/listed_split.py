"""The split `file:PATH`: that of a list which somebody shares, or of another run."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

from genrelab.errors import CorpusError
from genrelab.files import expand_home, read_regular
from genrelab.lab.corpora.paths import examples
from genrelab.lab.corpora.splits.split_file import LARGEST, read_split
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.printing import plain, shorten

LISTED = "file:"
CLIPS, FACTS = "clips.csv", "list.json"
"""In the folder of a list: its clips, and what the table does not hold."""

_UNSAFE = re.compile(r"[^A-Za-z0-9.+-]+")
_LONGEST_NAME = 40


def listed_split(corpus: Corpus, path: str) -> Split:
    """Return the split of a list, restricted to the clips that this copy of the corpus has.

    Parameters
    ----------
    corpus : Corpus
    path : str
        A folder with `clips.csv`, or a CSV file with the columns `clip_id` and `part`.

    Returns
    -------
    Split
        Its name ends in a digest of the whole list. `made` says how many of its clips are there.

    Raises
    ------
    CorpusError
        If there is no such list, or the corpus lacks all clips of one of its parts.
    """
    given = expand_home(path)
    table = given / CLIPS if given.is_dir() else given
    if not table.is_file():
        message = f"there is no list {table}. Name a folder with {CLIPS}, or a CSV file"
        raise CorpusError(message, code="split-list-missing")
    name, made = _stated(given) if given.is_dir() else (table.stem, f"the list {plain(table.name)}")
    whole = read_split(table, name=name, made=made, others=True)
    parts = {"train": whole.train, "valid": whole.valid, "test": whole.test}
    _require_once(table, [clip_id for ids in parts.values() for clip_id in ids])
    known = corpus.by_id()
    here = {part: [clip_id for clip_id in ids if clip_id in known] for part, ids in parts.items()}
    for part, ids in parts.items():
        if ids and not here[part]:
            raise CorpusError(
                f"the corpus {corpus.name} has none of the {len(ids)} clips of the part {part} in {table}, "
                f"such as {examples(list(ids))}. Use the corpus of the list, with the same ids",
                code="split-list-foreign",
            )
    if not here["train"]:
        message = f"{table} has no clip in the part train. Make the list again, with a split"
        raise CorpusError(message, code="split-list-empty")
    listed, present = (sum(map(len, each.values())) for each in (parts, here))
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:6]
    return Split(
        name=f"{_safe(whole.name)}-{digest}",
        train=here["train"],
        valid=here["valid"],
        test=here["test"],
        made=f"{whole.made}, {present} of its {listed} clips",
    )


def _require_once(table: Path, ids: list[str]) -> None:
    if twice := [clip_id for clip_id, count in Counter(ids).items() if count > 1]:
        message = f"{table} has {examples(twice)} more than once. Each clip has one row"
        raise CorpusError(message, code="split-list-clip-twice")


def _stated(folder: Path) -> tuple[str, str]:
    """Return the name of the split of a list and how it was made, as far as the folder says it."""
    facts = folder / FACTS
    name, made = folder.resolve().name, f"the list {plain(folder.name)}"
    with suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
        split = json.loads(read_regular(facts, LARGEST))["split"]
        name, made = str(split["name"]), f"{made}: {shorten(plain(str(split['made'])))}"
    return name, made


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name).strip(".-")[:_LONGEST_NAME] or "list"
