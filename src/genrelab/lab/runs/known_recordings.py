"""`sounds.csv` of a run folder: the recording of each clip, and a digest of its sound.

With it a finished run tells its own clips from those of another collection of the same name, and finds its
training clips in other collections. So does its model file.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from genrelab.bundle.metadata import DIGEST_DIGITS
from genrelab.csv_text import csv_lines
from genrelab.errors import CorpusError, RunError
from genrelab.files import replace_text
from genrelab.lab.corpora.splits.split_file import read_split
from genrelab.lab.runs import folders
from genrelab.lab.runs.record import RunRecord, load_record
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.facts import clip_facts

SOUNDS = "sounds.csv"
UNLABELLED = "unlabelled"
_COLUMNS = ("clip_id", "part", "recording", "sound")


class Known(NamedTuple):
    """A clip of a run.

    Attributes
    ----------
    part : str
        `train`, `valid`, `test`, or `unlabelled`: trained on without a genre and a place in the split.
    recording : str
        See `genrelab.lab.corpora.identity.recording_keys`; empty for clips without a genre and tags, and in
        runs of earlier versions.
    sound : str or None
        See `genrelab.lab.training.store.facts.ClipFacts`; None for silence and unusable clips.
    """

    part: str
    recording: str
    sound: str | None


def write_sounds(folder: Path, experiment: Experiment) -> None:
    """Write the clips of a training to its folder, also those outside the split that were trained on."""
    rows: list[Sequence[str]] = [_COLUMNS]
    split, recordings, facts = experiment.split, experiment.recordings, experiment.facts
    digests = {key: each.digest or "" for key, each in facts.items()}
    for part, ids in (("train", split.train), ("valid", split.valid), ("test", split.test)):
        rows += [(key, part, recordings[key], digests.get(key, "")) for key in ids]
    divided = {row[0] for row in rows[1:]}
    unlabelled = [key for key in experiment.unlabelled if key not in divided]
    if unlabelled:
        others = clip_facts(experiment.unlabelled_store)
        rows += [(key, UNLABELLED, "", others[key].digest or "") for key in unlabelled if key in others]
    replace_text(folder / SOUNDS, csv_lines(rows, formulas=True))


def read_sounds(folder: Path) -> dict[str, Known] | None:
    """Return clip id -> what is known of it; None for runs of earlier versions, which kept nothing.

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
        raise RunError(
            f"cannot read {path}: {error}; train the run again with --restart", code="sounds-unreadable"
        ) from error


class Learned(NamedTuple):
    """What a run was trained on, or chose its epoch by.

    Attributes
    ----------
    corpus : str
        Its name before any change of its sound.
    clips : dict of str to Known
    """

    corpus: str
    clips: dict[str, Known]


def learned_in(folder: Path) -> Learned | None:
    """Return what the run in a folder was trained on; None if it holds no finished run."""
    try:
        record = load_record(RunRecord, folder / folders.METRICS)
        split = read_split(folder / folders.SPLIT, name="", made="")
    except (OSError, RunError, CorpusError):
        return None
    known = read_sounds(folder)
    if known is None:
        parts = {"train": split.train, "valid": split.valid, "test": split.test}
        known = {key: Known(part, "", None) for part, ids in parts.items() for key in ids}
    of = _learned_parts(record.chosen_on_test)
    clips = {key: each for key, each in known.items() if each.part in of}
    return Learned(record.corpus.original, clips)


def learned_digests(folder: Path, *, on_test: bool, weights: Path | None) -> tuple[str, ...]:
    """Return the digests of training clips that a model file keeps, see `BundleMetadata.learned`.

    Parameters
    ----------
    folder : Path
        The run's, with `sounds.csv`.
    on_test : bool
        Whether the test part chose the epoch.
    weights : Path or None
        The file of initial weights; if it is of a run, the training clips of that run count as well.
    """
    parts = _learned_parts(on_test)
    known = [each for each in (read_sounds(folder) or {}).values() if each.part in parts]
    before = None if weights is None else learned_in(weights.parent)
    known += before.clips.values() if before is not None else ()
    return tuple(sorted({each.sound[:DIGEST_DIGITS] for each in known if each.sound}))


def _learned_parts(on_test: bool) -> set[str]:
    return {"train", "valid", UNLABELLED, *(["test"] if on_test else [])}
