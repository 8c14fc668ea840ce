"""A folder of music: one folder a genre, albums nested below as they like.

The genre of a file is the first folder below the root. Artists are not guessed from folder names, so a
split cannot keep an artist on one side; use a `table` for that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from genrelab.audio.decode import AUDIO_SUFFIXES
from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import folder_safe, given_folder, printable
from genrelab.lab.corpora.types import Clip, Corpus


def load(path: str) -> Corpus:
    """Read a folder that holds one folder a genre.

    Hidden files and folders, and files that are not audio by their suffix, are passed over. Links to
    folders are followed; a link that leads back to where it came from is not. A file that is reached on
    two ways is one clip, the other way is listed in `skipped`.

    Parameters
    ----------
    path : str
        The folder.

    Returns
    -------
    Corpus
        Genres in alphabetical order; a clip's id is its path below the folder, with forward slashes and
        with bytes that are no UTF-8 spelt out (see `printable`).

    Raises
    ------
    CorpusError
        If the folder is missing or holds fewer than two genres with audio.
    """
    root = given_folder(path, corpus="folder")
    clips: list[Clip] = []
    skipped: dict[str, str] = {}
    first_seen: dict[Path, str] = {}
    for genre_folder in _genre_folders(root):
        for file in _audio_files(genre_folder):
            clip_id = printable(file.relative_to(root).as_posix())
            first = first_seen.setdefault(file.resolve(), clip_id)
            if first != clip_id:
                skipped[clip_id] = f"the same file as {first}"
                continue
            clips.append(Clip(id=clip_id, path=file, genre=printable(genre_folder.name)))
    genres = sorted({clip.genre for clip in clips if clip.genre})
    if len(genres) < 2:
        found = f"only {genres[0]!r}" if genres else "none"
        raise CorpusError(
            f"folder: {root} must hold at least two genres, one folder with audio files for each "
            f"(such as {root.name}/jazz/song.mp3); found {found}",
            code="folder-too-few-genres",
        )
    return Corpus(
        name=folder_safe(root.resolve().name),
        genres=genres,
        clips=clips,
        licence="unknown (that of the files)",
        citation="none (a folder of your own)",
        skipped=skipped,
    )


def _genre_folders(root: Path) -> list[Path]:
    own = root.resolve()
    above = {own, *own.parents}  # a link to any of these is a loop, not a genre
    return sorted(
        p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".") and p.resolve() not in above
    )


def _audio_files(genre_folder: Path) -> Iterator[Path]:
    """Yield the audio files below a genre's folder, sorted, each folder entered once."""
    own = genre_folder.resolve()
    entered = {own, *own.parents}  # a link to any of these is a loop
    for folder, below, names in os.walk(genre_folder, followlinks=True):
        enter = []
        for name in sorted(below):
            target = Path(folder, name).resolve()
            if not name.startswith(".") and target not in entered:
                entered.add(target)
                enter.append(name)
        below[:] = enter
        for name in sorted(names):
            file = Path(folder, name)
            if not name.startswith(".") and file.suffix.lower() in AUDIO_SUFFIXES and file.is_file():
                yield file
