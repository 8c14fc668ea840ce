"""`sounds.csv` of a run folder: recording, artist and a digest of the sound of each clip.

With it a finished run tells its own clips from those of another collection of the same name, and finds its
training clips and their artists in other collections. Its model file keeps the digests.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from genrelab.csv_text import csv_lines
from genrelab.errors import RunError
from genrelab.files import replace_text
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.facts import clip_facts

SOUNDS = "sounds.csv"
UNLABELLED = "unlabelled"
_COLUMNS = ("clip_id", "part", "recording", "sound", "artist")


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
    artist : str or None
        None if unknown; runs of earlier versions kept none here (`split.csv` names those of labelled clips).
    """

    part: str
    recording: str
    sound: str | None
    artist: str | None = None


def write_sounds(folder: Path, experiment: Experiment) -> None:
    """Write the clips of a training to its folder, also those outside the split that were trained on."""
    rows: list[Sequence[str]] = [_COLUMNS]
    split, recordings, facts = experiment.split, experiment.recordings, experiment.facts
    digests = {key: each.digest or "" for key, each in facts.items()}

    def artist(key: str) -> str:
        return experiment.clips[key].artist or ""

    for part, ids in (("train", split.train), ("valid", split.valid), ("test", split.test)):
        rows += [(key, part, recordings.get(key, ""), digests.get(key, ""), artist(key)) for key in ids]
    divided = {row[0] for row in rows[1:]}
    unlabelled = [key for key in experiment.unlabelled if key not in divided]
    if unlabelled:
        others = clip_facts(experiment.unlabelled_store)
        rows += [
            (key, UNLABELLED, "", others[key].digest or "", artist(key))
            for key in unlabelled
            if key in others
        ]
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
                row["clip_id"]: Known(
                    row["part"], row["recording"], row["sound"] or None, row.get("artist") or None
                )
                for row in rows
            }
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise RunError(
            f"cannot read {path}: {error}; train the run again with --restart", code="sounds-unreadable"
        ) from error
