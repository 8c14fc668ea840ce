"""Clips that a split leaves out: a plain list, one clip id a line.

Empty lines are passed over, and so are lines that begin with `#`, unless such a line is the id of a clip.
`genrelab corpora audit` writes such a list, a person may edit it.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import examples
from genrelab.lab.corpora.types import Corpus


def read_exclusions(path: Path, corpus: Corpus) -> frozenset[str]:
    """Read a list of clips to leave out.

    Parameters
    ----------
    path : Path
        A text file in UTF-8.
    corpus : Corpus
        The corpus that the ids belong to.

    Returns
    -------
    frozenset of str
        Clip ids.

    Raises
    ------
    CorpusError
        If the file cannot be read, or names clips that the corpus does not have.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"{path} cannot be read as a list of clips to leave out ({error})", code="exclusions-unreadable"
        ) from error
    known = corpus.by_id()
    found = [line if line in known else line.strip() for line in lines]
    ids = [line for line in found if line in known or (line and not line.startswith("#"))]
    check_exclusions(corpus, ids, source=str(path))
    return frozenset(ids)


def check_exclusions(corpus: Corpus, ids: list[str], *, source: str) -> None:
    """Raise `CorpusError` if the corpus lacks one of the clips that are to be left out."""
    known = corpus.by_id()
    unknown = [clip_id for clip_id in dict.fromkeys(ids) if clip_id not in known]
    if unknown:
        close = get_close_matches(unknown[0], known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise CorpusError(
            f"{source} leaves out {examples(unknown)}, not in the corpus {corpus.name}{hint} "
            "Use the list that was made for this corpus",
            code="exclusion-unknown",
        )
