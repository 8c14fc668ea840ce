"""The kinds of split by name, such as `artist:70/10/20`, `random:70/30` or `kfold:0/10`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from genrelab.errors import CorpusError

DEFAULT_SHARES = (60, 20, 20)
MADE_KINDS = (
    "random",
    "random:70/10/20",
    "random:70/30",
    "artist",
    "artist:70/10/20",
    "artist:70/30",
    "kfold:0/10",
    "kfold:0+1/10",
    "artist-kfold:0/5",
    "artist-kfold:0+1/5",
    "file:split.csv",
)
MOST_FOLDS = 10_000

_PARTS = ("train", "valid", "test")
_PART_NAMES = {"train": "training", "valid": "validation", "test": "test"}

_SHARES = re.compile(r"(random|artist)(?::(\d+)/(\d+)(?:/(\d+))?)?")
_FOLDS = re.compile(r"(artist-)?kfold:(\d{1,9}(?:\+\d{1,9})*)/(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Shares:
    """Train, valid and test in fixed shares; two shares are train and test.

    Parameters
    ----------
    by_artist : bool
        Whether all clips of an artist are in one part.
    percent : tuple of int
        Train, valid and test; the sum is 100. A part with 0 is absent.
    """

    by_artist: bool
    percent: tuple[int, int, int]

    @property
    def described(self) -> str:
        """The shares and the parts, and which parts are absent."""
        named = [(percent, part) for percent, part in zip(self.percent, _PARTS, strict=True) if percent]
        absent = [
            f"no {_PART_NAMES[part]} part"
            for percent, part in zip(self.percent, _PARTS, strict=True)
            if not percent
        ]
        shares, parts = ("/".join(str(each[at]) for each in named) for at in (0, 1))
        return ", ".join([f"{shares} {parts}", *absent])

    @property
    def name(self) -> str:
        """Name that is safe as a folder name."""
        return "-".join(["artist" if self.by_artist else "random", *map(str, self.percent)])


@dataclass(frozen=True, slots=True)
class Folds:
    """The held-out folds of a cross-validation, mostly one.

    Parameters
    ----------
    by_artist : bool
        Whether all clips of an artist are in one part.
    held_out : tuple of int
        The held-out folds, counted from 0, in ascending order.
    of : int
        The number of folds.
    """

    by_artist: bool
    held_out: tuple[int, ...]
    of: int

    @property
    def name(self) -> str:
        """Name that is safe as a folder name."""
        return f"{'artist-' if self.by_artist else ''}kfold-{'+'.join(map(str, self.held_out))}of{self.of}"


def parse_kind(kind: str, *, published: list[str]) -> Shares | Folds:
    """Parse the name of a kind of split that is not published.

    Parameters
    ----------
    kind : str
        Such as `random`, `artist:70/10/20`, `random:70/30`, `kfold:0/10`, `kfold:0+1/10`.
    published : list of str
        Names of the corpus's published splits, for the message.

    Raises
    ------
    CorpusError
        If the kind is unknown, the shares do not sum to 100 or leave no clip for training, or a fold does
        not exist, is named twice, or every fold is held out.
    """
    shares = _SHARES.fullmatch(kind)
    if shares:
        given = [int(share) for share in shares.groups()[1:] if share is not None] or [*DEFAULT_SHARES]
        train, valid, test = (given[0], 0, given[1]) if len(given) == 2 else given
        if train + valid + test != 100 or not train:
            raise CorpusError(
                f"split {kind!r}: shares must sum to 100, with a training part. Three shares are train, "
                f"valid and test, as in {shares[1]}:60/20/20; two are train and test: {shares[1]}:70/30",
                code="split-shares",
            )
        return Shares(shares[1] == "artist", (train, valid, test))
    folds = _FOLDS.fullmatch(kind)
    if folds:
        return _folds(kind, folds)
    raise _unknown(kind, published)


def _folds(kind: str, found: re.Match[str]) -> Folds:
    held_out, of = [int(each) for each in found[2].split("+")], int(found[3])
    if not 2 <= of <= MOST_FOLDS:
        message = f"split {kind!r}: the number of folds must be 2 to {MOST_FOLDS}, not {of}"
        raise CorpusError(message, code="split-fold")
    if max(held_out) >= of:
        message = f"split {kind!r}: there is no fold {max(held_out)}; folds are 0 to {of - 1}"
        raise CorpusError(message, code="split-fold")
    repeated = next((each for each in held_out if held_out.count(each) > 1), None)
    if repeated is not None:
        message = f"split {kind!r}: fold {repeated} is named twice. Name each held-out fold once"
        raise CorpusError(message, code="split-fold-repeated")
    if len(held_out) == of:
        message = f"split {kind!r} holds out all {of} folds, so no clip is left to train on. Name fewer folds"
        raise CorpusError(message, code="split-all-folds")
    return Folds(found[1] is not None, tuple(sorted(held_out)), of)


def _unknown(kind: str, published: list[str]) -> CorpusError:
    valid = [*published, *MADE_KINDS]
    close = get_close_matches(kind, valid, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    message = f"unknown split {kind!r}. {hint}The splits of this corpus are {', '.join(valid)}"
    if kind == "published":
        message = f"this corpus has no published split. Its splits are {', '.join(valid)}"
    return CorpusError(message, code="split-unknown")
