"""The clips of `peers.py`: a table or a folder by genre, the labels, and the seeded choice."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import soundfile

from genrelab.audio.decode import decode
from genrelab.lab.corpora.artists import artist_key
from genrelab.printing import plain
from genrelab.recognize.scan import scan

RATE = 44_100


class Clip(NamedTuple):
    """A file with its labels (groups of genres), and the artist, or the file if there is none."""

    path: Path
    labels: tuple[str, ...]
    artist: str


def find_clips(place: Path, labels: Mapping[str, str], only: str = "") -> list[Clip]:
    """Return the clips that have a label.

    Parameters
    ----------
    place : Path
        A CSV table with the columns path, and source_genres or genre (several with `;` between), and artist
        if it is known; or a folder `genre/file`.
    labels : mapping of str to str
        Label in lower case -> group.
    only : str
        Beginning of the paths that count, relative to the table or the folder.
    """
    if place.is_dir():
        files = [each for each in scan([place]) if isinstance(each, Path)]
        rows = [(each, each.relative_to(place).parts[0], "") for each in files]
    elif place.is_file():
        with place.open(newline="", encoding="utf-8") as file:
            rows = [
                (
                    place.parent / row["path"],
                    row.get("source_genres") or row.get("genre") or "",
                    row.get("artist", ""),
                )
                for row in csv.DictReader(file)
            ]
    else:
        raise SystemExit(
            f"{plain(str(place))} is neither a table nor a folder. Give a CSV with path and genre"
        )
    base = place if place.is_dir() else place.parent
    clips = []
    for path, text, artist in rows:
        name = path.relative_to(base).as_posix()
        groups = {
            labels[each.strip().casefold()] for each in text.split(";") if each.strip().casefold() in labels
        }
        if groups and name.startswith(only):
            clips.append(Clip(path, tuple(sorted(groups)), artist or name))
    if not clips:
        raise SystemExit(f"no clip of {plain(str(place))} has a label that peers.yaml maps to a group")
    return clips


def by_others(clips: Sequence[Clip], table: Path, only: str) -> list[Clip]:
    """Leave out clips by artists of the table's other clips, those whose paths do not begin with `only`."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if not row["path"].startswith(only)]
    known = {artist_key(row.get("artist")) for row in rows} - {None}
    return [clip for clip in clips if artist_key(clip.artist) not in known]


def choose(clips: Sequence[Clip], per_label: int, seed: int) -> list[Clip]:
    """Choose up to so many clips of each label; a clip with several counts for the rarest of them."""
    counts = Counter(label for clip in clips for label in clip.labels)
    by_label: dict[str, list[Clip]] = {}
    for clip in clips:
        by_label.setdefault(min(clip.labels, key=lambda label: (counts[label], label)), []).append(clip)
    dice = random.Random(seed)
    chosen = []
    for label in sorted(by_label):
        chosen += dice.sample(by_label[label], min(per_label, len(by_label[label])))
    dice.shuffle(chosen)  # so that no label has the machine's busy minutes alone
    return chosen


def prepare(clip: Clip, path: Path) -> float:
    """Write a clip as mono WAV, which all recognizers read, and return its seconds."""
    waveform, rate = decode(clip.path, sample_rate=RATE, channels=1)
    soundfile.write(path, waveform.T, rate, subtype="PCM_16")
    return float(waveform.shape[-1] / rate)
