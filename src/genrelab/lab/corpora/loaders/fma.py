"""FMA: Creative Commons music of the Free Music Archive (Defferrard and others, ISMIR 2017).

The subset small has 8,000 clips of 30 s in eight balanced genres; the subset medium has 25,000 in sixteen
unbalanced genres and includes small. Layout: `fma_metadata/tracks.csv` contains labels, artists and the
official split; the audio is in `fma_small/000/000002.mp3` or `fma_medium/...`.

Faults of small: the files of the tracks 99134, 108925 and 133297 contain no audio, and the loader skips them.
It keeps 98565, 98567 and 98569, which last 1.6, 0.5 and 1.5 s (github.com/mdeff/fma, issue 8).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import given_folder
from genrelab.lab.corpora.types import Clip, Corpus, Split

_CITATION = (
    "M. Defferrard, K. Benzi, P. Vandergheynst and X. Bresson, FMA: A dataset for music analysis, ISMIR "
    "2017, arXiv:1612.01840"
)
_WITHOUT_AUDIO = frozenset({99134, 108925, 133297})
_SUBSETS = {"small": ("small",), "medium": ("small", "medium")}
_PARTS = {"training": "train", "validation": "valid", "test": "test"}
_COLUMNS = (
    ("set", "split"),
    ("set", "subset"),
    ("track", "genre_top"),
    ("artist", "name"),
    ("artist", "id"),
)


@dataclass(frozen=True, slots=True)
class _Track:
    number: int
    part: str
    genre: str
    artist: str | None


def load_small(path: str) -> Corpus:
    """Read FMA-small; see `load`."""
    return load(path, subset="small")


def load_medium(path: str) -> Corpus:
    """Read FMA-medium; see `load`."""
    return load(path, subset="medium")


def load(path: str, *, subset: str) -> Corpus:
    """Read a subset of FMA, whole or partial.

    Parameters
    ----------
    path : str
        The folder that contains `fma_metadata` and the audio folder, or the audio folder itself if
        `fma_metadata` is next to it.
    subset : {"small", "medium"}
        Medium includes small.

    Returns
    -------
    Corpus
        Clips `fma-000002` and so on, by track number. `skipped` lists tracks without audio or without a
        file. Published split: the official one, restricted to the clips of this copy.

    Raises
    ------
    CorpusError
        If the metadata is missing or differs from the published one, or the subset has no audio file.
    """
    root = given_folder(path, corpus=f"fma-{subset}")
    audio_folders = _audio_folders(root, subset)
    clips: list[Clip] = []
    skipped: dict[str, str] = {}
    parts: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for track in sorted(_tracks(_metadata(root), subset), key=lambda track: track.number):
        clip_id = f"fma-{track.number:06d}"
        if track.number in _WITHOUT_AUDIO:
            skipped[clip_id] = "its file holds no audio (known fault of the collection)"
            continue
        file = _audio_file(audio_folders, track.number)
        if file is None:
            skipped[clip_id] = "not in this copy"
            continue
        clips.append(Clip(id=clip_id, path=file, genre=track.genre, artist=track.artist))
        parts[track.part].append(clip_id)
    if not clips:
        raise CorpusError(
            f"fma-{subset}: no audio for its {len(skipped)} tracks below {root}. Unpack fma_{subset}.zip "
            f"there; its files are named fma_{subset}/000/000002.mp3",
            code="fma-without-audio",
        )
    split = Split(
        "published", parts["train"], parts["valid"], parts["test"], made=f"the official split of FMA-{subset}"
    )
    return Corpus(
        name=f"fma-{subset}",
        genres=sorted({clip.genre for clip in clips if clip.genre}),
        clips=clips,
        licence="Creative Commons, each track its own; metadata CC BY 4.0",
        citation=_CITATION,
        published_splits={"published": split},
        skipped=skipped,
    )


def _metadata(root: Path) -> Path:
    for folder in (root, root.resolve().parent):
        for file in (folder / "fma_metadata" / "tracks.csv", folder / "tracks.csv"):
            if file.is_file():
                return file
    message = f"fma: no fma_metadata/tracks.csv in {root} or its parent. Unpack fma_metadata.zip there"
    raise CorpusError(message, code="fma-metadata-missing")


def _audio_folders(root: Path, subset: str) -> list[Path]:
    names = [f"fma_{subset}", "fma_medium", "fma_small"]
    return [folder for folder in (root, *(root / name for name in names)) if folder.is_dir()]


def _audio_file(folders: list[Path], number: int) -> Path | None:
    name = f"{number:06d}"
    candidates = (folder / name[:3] / f"{name}.mp3" for folder in folders)
    return next((file for file in candidates if file.is_file()), None)


def _tracks(tracks_csv: Path, subset: str) -> Iterator[_Track]:
    """Yield the rows of a subset in `tracks.csv`, which begins with three header rows."""
    positions = _column_positions(tracks_csv)
    import pandas as pd  # here, because no other corpus needs it

    table = pd.read_csv(
        tracks_csv,
        skiprows=3,
        header=None,
        usecols=[0, *positions],
        dtype=str,
        keep_default_na=False,
        encoding="utf-8",
    )
    rows = zip(table[0], *(table[position] for position in positions), strict=True)
    for number, split, row_subset, genre, artist, artist_id in rows:
        if row_subset not in _SUBSETS[subset]:
            continue
        if not number.isdecimal() or split not in _PARTS or not genre:
            raise CorpusError(
                f"fma: {tracks_csv}, track {number!r}: split {split!r}, genre {genre!r} differ from "
                "the published metadata. Unpack fma_metadata.zip again",
                code="fma-track-unknown",
            )
        name = artist.strip() or (f"artist {artist_id}" if artist_id else None)
        yield _Track(int(number), _PARTS[split], genre, name)


def _column_positions(tracks_csv: Path) -> list[int]:
    with tracks_csv.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        head = [next(reader, []) for _ in range(3)]
    names = list(zip(head[0], head[1], strict=False))
    missing = [".".join(column) for column in _COLUMNS if column not in names]
    if missing or head[2][:1] != ["track_id"]:
        lacking = f"without {', '.join(missing)}" if missing else "without the third row 'track_id'"
        message = f"fma: {tracks_csv} is not the official metadata ({lacking}). Unpack fma_metadata.zip again"
        raise CorpusError(message, code="fma-header-unknown")
    return [names.index(column) for column in _COLUMNS]
