"""`sounds.csv` of a run folder: which recording each clip was, and a digest of how it sounded.

With it a finished run can tell its own clips from those of another collection of the same name, and can find
in other collections what it learned; so can its model file.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from genrelab.bundle.metadata import DIGEST_DIGITS
from genrelab.csv_text import csv_lines
from genrelab.errors import CorpusError, RunError
from genrelab.files import replace_text
from genrelab.lab.corpora.splits.split_file import read_split
from genrelab.lab.corpora.types import Split
from genrelab.lab.runs import folders

SOUNDS = "sounds.csv"
UNLABELLED = "unlabelled"
_COLUMNS = ("clip_id", "part", "recording", "sound")


class Known(NamedTuple):
    """A clip of a run.

    Attributes
    ----------
    part : str
        `train`, `valid`, `test`, or `unlabelled`: learned without a genre.
    recording : str
        See `genrelab.lab.corpora.identity.recording_keys`; empty where an earlier genrelab kept nothing, and
        of clips without a genre.
    sound : str or None
        See `genrelab.lab.training.store.facts.ClipFacts`; None for silence and clips that were not usable.
    """

    part: str
    recording: str
    sound: str | None


def write_sounds(
    folder: Path,
    split: Split,
    recordings: Mapping[str, str],
    digests: Mapping[str, str | None],
    unlabelled: Mapping[str, str | None] | None = None,
) -> None:
    """Write the clips of a split to a run folder, and those without a genre that were learned beside it.

    Parameters
    ----------
    folder : Path
    split : Split
    recordings : mapping
        Clip id -> recording.
    digests, unlabelled : mapping
        Clip id -> digest, of labelled clips and of those without a genre.
    """
    rows: list[Sequence[str]] = [_COLUMNS]
    for part, ids in (("train", split.train), ("valid", split.valid), ("test", split.test)):
        rows += [(key, part, recordings[key], digests.get(key) or "") for key in ids]
    rows += [(key, UNLABELLED, "", digest or "") for key, digest in (unlabelled or {}).items()]
    replace_text(folder / SOUNDS, csv_lines(rows, formulas=True))


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
        about = json.loads((folder / folders.METRICS).read_text(encoding="utf-8"))
        split = read_split(folder / folders.SPLIT, name="", made="")
        corpus, on_test = about["corpus"], about["epoch"]["chosen_on"] == "test"
    except (OSError, ValueError, KeyError, TypeError, CorpusError):
        return None
    known = read_sounds(folder)
    if known is None:
        parts = {"train": split.train, "valid": split.valid, "test": split.test}
        known = {key: Known(part, "", None) for part, ids in parts.items() for key in ids}
    of = _learned_parts(on_test)
    clips = {key: each for key, each in known.items() if each.part in of}
    return Learned(corpus.get("original", corpus["name"]), clips)


def learned_digests(folder: Path, *, on_test: bool, weights: Path | None) -> tuple[str, ...]:
    """Return what a model file keeps of what its network learned, see `BundleMetadata.learned`.

    Parameters
    ----------
    folder : Path
        The run's, with `sounds.csv`.
    on_test : bool
        Whether the test part chose the epoch.
    weights : Path or None
        The file that the training started with; if it is of a run, what that run learned counts as well.
    """
    parts = _learned_parts(on_test)
    known = [each for each in (read_sounds(folder) or {}).values() if each.part in parts]
    before = None if weights is None else learned_in(weights.parent)
    known += before.clips.values() if before is not None else ()
    return tuple(sorted({each.sound[:DIGEST_DIGITS] for each in known if each.sound}))


def _learned_parts(on_test: bool) -> set[str]:
    return {"train", "valid", UNLABELLED, *(["test"] if on_test else [])}
