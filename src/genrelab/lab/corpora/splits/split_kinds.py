"""The kinds of split by name, such as `artist:70/10/20` or `kfold:0/10`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from genrelab.errors import CorpusError

DEFAULT_SHARES = (60, 20, 20)
MADE_KINDS = ("random", "random:70/10/20", "artist", "artist:70/10/20", "kfold:0/10", "artist-kfold:0/5")

_SHARES = re.compile(r"(random|artist)(?::(\d+)/(\d+)/(\d+))?")
_FOLDS = re.compile(r"(artist-)?kfold:(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Shares:
    """Train, valid and test in fixed shares.

    Parameters
    ----------
    by_artist : bool
        Whether all clips of an artist are in one part.
    percent : tuple of int
        Train, valid and test; the sum is 100.
    """

    by_artist: bool
    percent: tuple[int, int, int]

    @property
    def name(self) -> str:
        """Name that is safe as a folder name."""
        return "-".join(["artist" if self.by_artist else "random", *map(str, self.percent)])


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold of a cross-validation.

    Parameters
    ----------
    by_artist : bool
        Whether all clips of an artist are in one part.
    fold, of : int
        The held-out fold, counted from 0, and the number of folds.
    """

    by_artist: bool
    fold: int
    of: int

    @property
    def name(self) -> str:
        """Name that is safe as a folder name."""
        return f"{'artist-' if self.by_artist else ''}kfold-{self.fold}of{self.of}"


def parse_kind(kind: str, *, published: list[str]) -> Shares | Fold:
    """Parse the name of a kind of split that is not published.

    Parameters
    ----------
    kind : str
        Such as `random`, `artist:70/10/20`, `kfold:0/10`.
    published : list of str
        Names of the corpus's published splits, for the message.

    Raises
    ------
    CorpusError
        If the kind is unknown, the shares do not sum to 100 or leave no clip for training, or the fold does
        not exist.
    """
    shares = _SHARES.fullmatch(kind)
    if shares:
        percent = tuple(map(int, shares.groups()[1:])) if shares[2] else DEFAULT_SHARES
        train, valid, test = percent
        if train + valid + test != 100 or not train:
            raise CorpusError(
                f"split {kind!r}: shares must sum to 100, with a training part, as in {shares[1]}:60/20/20",
                code="split-shares",
            )
        return Shares(shares[1] == "artist", (train, valid, test))
    fold = _FOLDS.fullmatch(kind)
    if fold:
        number, of = int(fold[2]), int(fold[3])
        if of < 2 or number >= of:
            message = f"split {kind!r}: it needs 2 folds or more, and folds are 0 to {max(of - 1, 1)}"
            raise CorpusError(message, code="split-fold")
        return Fold(fold[1] is not None, number, of)
    raise _unknown(kind, published)


def _unknown(kind: str, published: list[str]) -> CorpusError:
    valid = [*published, *MADE_KINDS]
    close = get_close_matches(kind, valid, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    message = f"unknown split {kind!r}. {hint}The splits of this corpus are {', '.join(valid)}"
    if kind == "published":
        message = f"this corpus has no published split. Its splits are {', '.join(valid)}"
    return CorpusError(message, code="split-unknown")
