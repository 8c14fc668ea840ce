"""Links from a report to the sound files of its clips: they play what is there, and copy nothing."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from genrelab.lab.corpora.types import Clip


def sound_link(page: Path, clip: Clip | None) -> str | None:
    """Return the URL of a clip's file, for a page.

    It is relative where page and file have a folder in common, so that both can be moved together; otherwise,
    and if the page is reached through a link, it starts with `file:`. A clip that is a part of its file is a
    media fragment, `#t=10,40`, in seconds.

    Parameters
    ----------
    page : Path
        The HTML file that links.
    clip : Clip or None

    Returns
    -------
    str or None
        None without a file, or if it is gone.
    """
    if clip is None or clip.path is None:
        return None
    file = Path(os.path.abspath(clip.path))
    if not file.is_file():
        return None
    return _url(Path(os.path.abspath(page.parent)), file) + _fragment(clip)


def _url(folder: Path, file: Path) -> str:
    shared = os.path.commonpath([folder, file]) if folder.drive == file.drive else ""
    if len(Path(shared).parts) < 2 or folder.resolve() != folder:
        return file.as_uri()
    relative = Path(os.path.relpath(file, folder)).as_posix()
    steps = "" if relative.startswith("../") else "./"  # a name with a colon must not look like a scheme
    return steps + quote(os.fsencode(relative))


def _fragment(clip: Clip) -> str:
    if clip.start is None and clip.duration is None:
        return ""
    start = clip.start or 0.0
    end = "" if clip.duration is None else f",{start + clip.duration:.6g}"
    return f"#t={start:.6g}{end}"
