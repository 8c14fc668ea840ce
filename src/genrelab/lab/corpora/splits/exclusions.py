"""Exclusion lists: a text file with the clips that a split leaves out, one clip id per line.

Empty lines and lines that begin with `#` are ignored, unless the line is the id of a clip. `genrelab corpora
audit` writes such a list, and you can edit it.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import examples
from genrelab.lab.corpora.types import Corpus


def read_exclusions(path: Path, corpus: Corpus) -> frozenset[str]:
    """Read an exclusion list.

    Parameters
    ----------
    path : Path
        A text file in UTF-8.
    corpus : Corpus

    Returns
    -------
    frozenset of str
        Clip ids.

    Raises
    ------
    CorpusError
        If the file cannot be read, or lists clips that the corpus does not have.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read as a list of clips to exclude ({error})"
        raise CorpusError(message, code="exclusions-unreadable") from error
    known = corpus.by_id()
    stripped = [line if line in known else line.strip() for line in lines]
    ids = [line for line in stripped if line in known or (line and not line.startswith("#"))]
    check_exclusions(corpus, ids, source=str(path))
    return frozenset(ids)


def check_exclusions(corpus: Corpus, ids: list[str], *, source: str) -> None:
    """Raise `CorpusError` if the corpus lacks an excluded clip; `source` names the list in the message."""
    known = corpus.by_id()
    unknown = [clip_id for clip_id in dict.fromkeys(ids) if clip_id not in known]
    if unknown:
        close = get_close_matches(unknown[0], known, n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise CorpusError(
            f"{source} excludes {examples(unknown)}, which the corpus {corpus.name} does not have. {hint}"
            "Use the list of this corpus",
            code="exclusion-unknown",
        )
