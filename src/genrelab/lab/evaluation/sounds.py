"""`sounds.csv` of a run folder: which recording each clip was, and a digest of how it sounded.

With it a finished run can tell its own clips from those of another collection of the same name, and can find
in other collections what it learned.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from genrelab.errors import CorpusError, RunError
from genrelab.files import replace_text
from genrelab.lab.corpora.split_file import read_split
from genrelab.lab.corpora.types import Split
from genrelab.lab.evaluation import runs

SOUNDS = "sounds.csv"
_COLUMNS = ("clip_id", "part", "recording", "sound")


class Known(NamedTuple):
    """A clip of a run.

    Attributes
    ----------
    part : str
        `train`, `valid` or `test`.
    recording : str
        See `genrelab.lab.corpora.identity.recording_keys`; empty where an earlier genrelab kept nothing.
    sound : str or None
        See `genrelab.lab.training.store_facts.ClipFacts`; None for silence and clips that were not usable.
    """

    part: str
    recording: str
    sound: str | None


def write_sounds(
    folder: Path, split: Split, recordings: Mapping[str, str], digests: Mapping[str, str | None]
) -> None:
    """Write the clips of a split to a run folder."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for part, ids in (("train", split.train), ("valid", split.valid), ("test", split.test)):
        writer.writerows((key, part, recordings[key], digests.get(key) or "") for key in ids)
    replace_text(folder / SOUNDS, stream.getvalue())


def read_sounds(folder: Path) -> dict[str, Known] | None:
    """Return clip id -> what is known of it; None for a run of an earlier genrelab, which kept nothing.

    Raises
    ------
    RunError
        If the file cannot be read.
    """
    path = folder / SOUNDS
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream)
            return {
                row["clip_id"]: Known(row["part"], row["recording"], row["sound"] or None) for row in rows
            }
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise RunError(f"cannot read {path}: {error}; train the run again with --restart") from error


class Learned(NamedTuple):
    """What a run learned, or chose its epoch by.

    Attributes
    ----------
    corpus : str
        What it was called before any change of its sound.
    clips : dict of str to Known
    """

    corpus: str
    clips: dict[str, Known]


def learned_in(folder: Path) -> Learned | None:
    """Return what the run in a folder learned; None if it holds no finished run."""
    try:
        about = json.loads((folder / runs.METRICS).read_text(encoding="utf-8"))
        split = read_split(folder / runs.SPLIT, name="", made="")
        corpus, on_test = about["corpus"], about["epoch"]["chosen_on"] == "test"
    except (OSError, ValueError, KeyError, TypeError, CorpusError):
        return None
    known = read_sounds(folder)
    if known is None:
        parts = {"train": split.train, "valid": split.valid, "test": split.test}
        known = {key: Known(part, "", None) for part, ids in parts.items() for key in ids}
    of = {"train", "valid", "test"} if on_test else {"train", "valid"}
    clips = {key: each for key, each in known.items() if each.part in of}
    return Learned(corpus.get("original", corpus["name"]), clips)
