"""The split `file:PATH`: that of a list which somebody shares, or of another run."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path

from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import examples
from genrelab.lab.corpora.splits.split_file import read_split
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.printing import plain, shorten

LISTED = "file:"
CLIPS, FACTS = "clips.csv", "list.json"
"""In the folder of a list: its clips, and what the table does not hold."""

LARGEST = 256 * 2**20
"""Bytes of a file of a list."""

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
    given = Path(path).expanduser()
    table = given / CLIPS if given.is_dir() else given
    require_size(table)
    name, made = _stated(given) if given.is_dir() else (table.stem, f"the list {table.name}")
    whole = read_split(table, name=name, made=made, others=True)
    parts = {"train": whole.train, "valid": whole.valid, "test": whole.test}
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


def require_size(path: Path) -> None:
    """Raise a `CorpusError` if a file of a list is missing or too large."""
    try:
        size = path.stat().st_size
    except OSError as error:
        message = f"there is no list {path} ({error.strerror}). Name a folder with {CLIPS}, or a CSV file"
        raise CorpusError(message, code="split-list-missing") from error
    if size > LARGEST:
        message = (
            f"the list {path} has {size:,} bytes, more than {LARGEST:,}. Check that it is the right file"
        )
        raise CorpusError(message, code="split-list-too-large")


def _stated(folder: Path) -> tuple[str, str]:
    """Return the name of the split of a list and how it was made, as far as the folder says it."""
    facts = folder / FACTS
    name, made = folder.resolve().name, f"the list {folder.name}"
    with suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
        if facts.stat().st_size <= LARGEST:
            split = json.loads(facts.read_text(encoding="utf-8"))["split"]
            name, made = str(split["name"]), f"{made}: {shorten(plain(str(split['made'])))}"
    return name, made


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name).strip(".-")[:_LONGEST_NAME] or "list"
