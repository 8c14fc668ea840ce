"""A folder of music: one folder per genre, with albums nested below in any way.

The genre of a file is the first folder below the root. The loader does not guess artists from folder names,
and splits cannot keep the clips of an artist together; use a `table` for that.

Licence and citation: those of the files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import folder_safe, given_folder, is_audio, printable
from genrelab.lab.corpora.types import Clip, Corpus


def load(path: str) -> Corpus:
    """Read a folder that contains one folder per genre.

    The loader ignores hidden files and folders, and files without the suffix of a sound file. It follows
    links to folders, except links that form a loop. A file that is reachable by two paths is one clip, and
    `skipped` lists the other path.

    Parameters
    ----------
    path : str
        The folder.

    Returns
    -------
    Corpus
        Genres in alphabetical order. The id of a clip is its path below the folder, with forward slashes and
        with bytes outside UTF-8 escaped (see `printable`).

    Raises
    ------
    CorpusError
        If the folder is missing or contains fewer than two genres with audio.
    """
    root = given_folder(path, corpus="folder")
    clips: list[Clip] = []
    skipped: dict[str, str] = {}
    first_seen: dict[Path, str] = {}
    for genre_folder in genre_folders(root):
        for file in files_below(genre_folder, is_audio):
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
            f"folder: {root} must contain at least two genres, each a folder with audio files "
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


def genre_folders(root: Path) -> list[Path]:
    """Return the folders in a folder, sorted, without hidden ones and links that form a loop."""
    own = root.resolve()
    above = {own, *own.parents}  # a link to any of these is a loop, not a genre
    return sorted(
        p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".") and p.resolve() not in above
    )


def files_below(genre_folder: Path, wanted: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield the wanted files below the folder of a genre, sorted; each folder is visited once."""
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
            if wanted(Path(folder, name)):
                yield Path(folder, name)
