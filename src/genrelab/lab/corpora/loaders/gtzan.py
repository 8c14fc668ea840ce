"""GTZAN: 1,000 excerpts of 30 s, ten genres, 22,050 Hz mono (Tzanetakis and Cook, 2002).

Layout: copies differ in their folders (`blues/`, `genres/blues/`, `genres_original/blues/` or one flat
folder) and in their format (`.au`, `.wav`, `.flac`); the loader reads all of them. Faults: `jazz.00054` is
damaged in common copies, and the loader skips it if it cannot be decoded; Sturm (2013, arXiv:1306.1461) lists
the others. Split: `published` is the fault-filtered split of Kereliuk, Sturm and Larsen (2015), with 443
training, 197 validation and 290 test clips.
"""

from __future__ import annotations

import csv
import re
from importlib.resources import files
from pathlib import Path

from genrelab.audio.decode import AUDIO_SUFFIXES
from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import given_folder
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.corpora.verify import decoding_fault

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
EXPECTED_IDS = tuple(f"{genre}.{number:05d}" for genre in GENRES for number in range(100))

_CITATION = (
    "G. Tzanetakis and P. Cook, Musical genre classification of audio signals, IEEE Transactions on Speech "
    "and Audio Processing 10(5), 2002; faults: B. L. Sturm, The GTZAN dataset, 2013, arXiv:1306.1461; "
    "fault-filtered split: C. Kereliuk, B. L. Sturm and J. Larsen, Deep Learning and Music Adversaries, "
    "IEEE Transactions on Multimedia 17(11), 2015"
)
_KNOWN_DAMAGED = "jazz.00054"
_FILE_NAME = re.compile(rf"({'|'.join(GENRES)})\.(\d{{5}})")
_PREFERRED_SUFFIXES = (".au", ".wav", ".flac")  # the original format first
_DEEPEST = 3  # levels below the given folder to search


def load(path: str) -> Corpus:
    """Read a copy of GTZAN, whole or partial.

    Parameters
    ----------
    path : str
        The folder with the genre folders (or the flat files), or a folder up to three levels above it.

    Returns
    -------
    Corpus
        The clips from `blues.00000` to `rock.00099` that this copy has, with the artists of the packaged
        list; `skipped` lists the missing ones. Published splits: `published`, also named `fault-filtered`,
        restricted to the clips of this copy.

    Raises
    ------
    CorpusError
        If there is no clip of GTZAN, or there are two copies at the same depth.
    """
    found = _find_files(given_folder(path, corpus="gtzan"))
    skipped = {clip_id: "not in this copy" for clip_id in EXPECTED_IDS if clip_id not in found}
    if _KNOWN_DAMAGED in found:
        fault = decoding_fault(found[_KNOWN_DAMAGED])
        if fault is not None:
            skipped[_KNOWN_DAMAGED] = f"damaged, as in common copies: {fault}"
            del found[_KNOWN_DAMAGED]
    artists = {row["clip_id"]: row["artist"] or None for row in packaged_rows("gtzan-artists.csv")}
    clips = [
        Clip(id=clip_id, path=found[clip_id], genre=clip_id.partition(".")[0], artist=artists[clip_id])
        for clip_id in EXPECTED_IDS
        if clip_id in found
    ]
    split = fault_filtered(set(found))
    return Corpus(
        name="gtzan",
        genres=[genre for genre in GENRES if any(clip.genre == genre for clip in clips)],
        clips=clips,
        licence="unknown (research use)",
        citation=_CITATION,
        published_splits={"published": split, "fault-filtered": split},
        skipped=skipped,
    )


def fault_filtered(present: set[str]) -> Split:
    """Return the published split, restricted to some clips."""
    parts: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for row in packaged_rows("gtzan-fault-filtered.csv"):
        if row["clip_id"] in present:
            parts[row["part"]].append(row["clip_id"])
    count = sum(map(len, parts.values()))
    made = f"the fault-filtered split of Kereliuk, Sturm and Larsen, {count} of its 930 clips"
    return Split("published", parts["train"], parts["valid"], parts["test"], made)


def _find_files(start: Path) -> dict[str, Path]:
    """Return clip id -> file for the nearest copy at or below a folder."""
    level = [start]
    for _ in range(_DEEPEST + 1):
        copies = {folder: found for folder in level if (found := _files_of_copy(folder))}
        if len(copies) > 1:
            names = ", ".join(str(folder) for folder in copies)
            message = f"gtzan: {start} contains several copies of GTZAN. Choose one: {names}"
            raise CorpusError(message, code="gtzan-several-copies")
        if copies:
            return next(iter(copies.values()))
        level = sorted(p for f in level for p in f.iterdir() if p.is_dir() and not p.name.startswith("."))
    raise CorpusError(
        f"gtzan: no clip of GTZAN at or below {start}. Its files are named blues.00000.au (or .wav, .flac), "
        "in one folder per genre or all in one folder",
        code="gtzan-not-found",
    )


def _files_of_copy(folder: Path) -> dict[str, Path]:
    """Return clip id -> file for the genre folders of a folder, or else for the folder itself."""
    nested = [folder / genre for genre in GENRES if (folder / genre).is_dir()]
    found: dict[str, Path] = {}
    for place in nested or [folder]:
        for file in sorted(place.iterdir(), key=_preference):
            named = _FILE_NAME.fullmatch(file.stem)
            if named is None or file.suffix.lower() not in AUDIO_SUFFIXES:
                continue
            if not nested or named[1] == place.name:
                found.setdefault(file.stem, file)
    return {clip_id: found[clip_id] for clip_id in EXPECTED_IDS if clip_id in found}


def _preference(file: Path) -> tuple[int, str]:
    suffix = file.suffix.lower()
    known = suffix in _PREFERRED_SUFFIXES
    return (_PREFERRED_SUFFIXES.index(suffix) if known else len(_PREFERRED_SUFFIXES), file.name)


def packaged_rows(name: str) -> list[dict[str, str]]:
    """Read a table of the package: `gtzan-artists.csv` or `gtzan-fault-filtered.csv`."""
    text = files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
