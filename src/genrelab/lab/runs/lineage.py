"""What a run, and the runs that made its initial weights, were trained on.

A training may begin with the weights of an earlier run, which may itself have begun with weights, and so on.
What any of them learned, the last one knows.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import NamedTuple

import yaml

from genrelab.bundle.metadata import DIGEST_DIGITS
from genrelab.errors import CorpusError, RunError
from genrelab.files import expand_home
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.splits.split_file import read_split
from genrelab.lab.runs import folders
from genrelab.lab.runs.known_recordings import UNLABELLED, Known, read_sounds
from genrelab.lab.runs.record import RunRecord, load_record

MOST_RUNS = 100
"""How many runs before one another are followed."""
_NO_MUSIC = ("none", "imagenet")
_UNKNOWN = "unknown"


class Learned(NamedTuple):
    """What a run was trained on, or chose its epoch by.

    Attributes
    ----------
    corpus : str
        Its name before any change of its sound; empty for a final training and a pretraining, which are not
        tested.
    clips : dict of str to Known
    weights : str
        Its own initial weights: `none`, `imagenet`, a file, or `unknown`.
    weights_sha256 : str or None
        Of that file, when it was used.
    folder : Path or None
        Where it lies.
    """

    corpus: str
    clips: dict[str, Known]
    weights: str = "none"
    weights_sha256: str | None = None
    folder: Path | None = None

    @property
    def artists(self) -> set[str]:
        """The artists of its clips as `artist_key` writes them."""
        return {key for each in self.clips.values() if (key := artist_key(each.artist)) is not None}

    @property
    def unnamed(self) -> int:
        """The number of clips whose artist is unknown."""
        return sum(artist_key(each.artist) is None for each in self.clips.values())


class Lineage(NamedTuple):
    """The runs that made some weights, the last one first.

    Attributes
    ----------
    runs : tuple of Learned
    lost : str or None
        The initial weights of the first of these runs, if what they were trained on cannot be found: their
        run folder was moved, deleted or replaced, or they never had one. None if everything is known.
    """

    runs: tuple[Learned, ...]
    lost: str | None


def learned_in(folder: Path) -> Learned | None:
    """Return what was trained on in a folder; None without a finished run, pretraining or final training."""
    try:
        corpus, parts = _about(folder)
        split = read_split(folder / folders.SPLIT, name="", made="")
        artists = _artists(folder)
    except (OSError, RunError, CorpusError, csv.Error, UnicodeDecodeError):
        return None
    known = read_sounds(folder)
    if known is None:
        sides = {"train": split.train, "valid": split.valid, "test": split.test}
        known = {key: Known(part, "", None) for part, ids in sides.items() for key in ids}
    clips = {
        key: each if each.artist else each._replace(artist=artists.get(key))
        for key, each in known.items()
        if each.part in parts
    }
    return Learned(corpus, clips, *_weights(folder), folder)


def lineage(weights: str, sha256: str | None = None) -> Lineage:
    """Follow initial weights to the runs that made them.

    Parameters
    ----------
    weights : str
        `none`, `imagenet`, or a file, as `training.weights` of a recipe names it.
    sha256 : str or None
        What the file must contain, if that is known: another run may lie in its folder meanwhile.
    """
    runs: list[Learned] = []
    seen: set[Path] = set()
    while weights not in _NO_MUSIC:
        file = _located(weights, sha256, runs[-1].folder if runs else None)
        found = None
        if file is not None and len(runs) < MOST_RUNS:
            # The file may be a link to the weights of a run.
            folders_of = dict.fromkeys((file.parent.resolve(), file.resolve().parent))
            found = next(
                (each for folder in folders_of if folder not in seen and (each := learned_in(folder))), None
            )
            seen.update(folders_of)
        if found is None:
            return Lineage(tuple(runs), weights)
        runs.append(found)
        weights, sha256 = found.weights, found.weights_sha256
    return Lineage(tuple(runs), None)


def _located(weights: str, sha256: str | None, run: Path | None) -> Path | None:
    """Return the file of initial weights of a run; None if it is gone or has other content.

    A relative path was relative to the folder in which the training was started: mostly the current one, or
    one that the run folder lies in.
    """
    if weights == _UNKNOWN:
        return None
    file = expand_home(weights)
    if sha256 is None:
        return file
    places = [file, *(folder / file for folder in (run.parents if run is not None else ()))]
    return next((place for place in places if _sha256(place) == sha256), None)


def learned_digests(folder: Path, *, on_test: bool, weights: str) -> tuple[str, ...]:
    """Return the digests of training clips that a model file keeps, see `BundleMetadata.learned`.

    Parameters
    ----------
    folder : Path
        The run's, with `sounds.csv`.
    on_test : bool
        Whether the test part chose the epoch.
    weights : str
        The initial weights; the training clips of the runs that made them count as well.
    """
    parts = _learned_parts(on_test)
    known = [each for each in (read_sounds(folder) or {}).values() if each.part in parts]
    known += [each for run in lineage(weights).runs for each in run.clips.values()]
    return tuple(sorted({each.sound[:DIGEST_DIGITS] for each in known if each.sound}))


def _learned_parts(on_test: bool) -> set[str]:
    return {"train", "valid", UNLABELLED, *(["test"] if on_test else [])}


def _about(folder: Path) -> tuple[str, set[str]]:
    """Return the name of the corpus, and the parts that were trained on or chose the epoch."""
    if any((folder / name).is_file() for name in (folders.FINAL, folders.PRETRAINING)):
        return "", _learned_parts(on_test=False)
    record = load_record(RunRecord, folder / folders.METRICS)
    return record.corpus.original, _learned_parts(record.chosen_on_test)


def _artists(folder: Path) -> dict[str, str]:
    """Return clip id -> artist of the labelled clips, as `split.csv` names them."""
    with (folder / folders.SPLIT).open(encoding="utf-8", newline="") as stream:
        return {row["clip_id"]: row.get("artist") or "" for row in csv.DictReader(stream)}


def _weights(folder: Path) -> tuple[str, str | None]:
    """Return the initial weights of a run, and their SHA-256 if they are a file.

    The recipe is read as plain YAML: to load it could need the plugins of the training.
    """
    try:
        written = yaml.safe_load((folder / folders.RECIPE).read_text(encoding="utf-8"))
        weights = str(written["training"]["weights"])
        file = folder / folders.WEIGHTS
        return weights, file.read_text(encoding="utf-8").strip() if file.is_file() else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return _UNKNOWN, None


def _sha256(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None
