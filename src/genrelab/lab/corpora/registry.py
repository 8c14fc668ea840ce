"""Corpora by name: `gtzan:/data/GTZAN` in, a `Corpus` out.

A new corpus is one module with a function `load(argument) -> Corpus` and one entry below; a plugin registers
its own with `register_corpus`. A change of sound may precede any spec, see `sound_changes`:
`mp3@bitrate=64:gtzan:/data/GTZAN`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from genrelab.errors import CorpusError, RecipeError
from genrelab.lab.corpora.loaders import feature_table, fma, folder, gtzan, ismir2004, table
from genrelab.lab.corpora.transforms.sound_changes import SOUND_CHANGES, sound_change
from genrelab.lab.corpora.transforms.transformed_corpus import derive
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.registry import Names

Load = TypeVar("Load", bound=Callable[[str], Corpus])


@dataclass(frozen=True)
class CorpusKind:
    """What can stand before the colon of a corpus spec.

    Parameters
    ----------
    name : str
        The name itself.
    summary : str
        One line for lists.
    licence : str
        What may be done with it, in a few words.
    spec : str
        An example of a whole spec.
    load : callable
        Takes what stands after the colon, returns the corpus.
    """

    name: str
    summary: str
    licence: str
    spec: str
    load: Callable[[str], Corpus]


def _load_synthetic(options: str) -> Corpus:
    from genrelab.lab.corpora import synthetic  # here, because no other corpus needs a synthesizer

    return synthetic.load(options)


CORPORA: Names[CorpusKind] = Names("corpus", group="genrelab.corpora")
_FMA_LICENCE = "Creative Commons, each track its own"
for _kind in (
    CorpusKind(
        "folder", "your own music, one folder a genre", "yours", "folder:/music/by-genre", folder.load
    ),
    CorpusKind("table", "a CSV file with a row a clip", "yours", "table:/music/clips.csv", table.load),
    CorpusKind(
        "features",
        "a CSV file of descriptors in place of sound, a row a clip; GTZAN's is known",
        "that of the table",
        "features:/data/features_30_sec.csv",
        feature_table.load,
    ),
    CorpusKind(
        "gtzan",
        "GTZAN: 1,000 clips of 30 s, 10 genres, with its fault-filtered split",
        "unknown (research use)",
        "gtzan:/data/GTZAN",
        gtzan.load,
    ),
    CorpusKind(
        "fma-small",
        "FMA-small: 8,000 clips of 30 s, 8 genres",
        _FMA_LICENCE,
        "fma-small:/data/fma",
        fma.load_small,
    ),
    CorpusKind(
        "fma-medium",
        "FMA-medium: 25,000 clips of 30 s, 16 genres",
        _FMA_LICENCE,
        "fma-medium:/data/fma",
        fma.load_medium,
    ),
    CorpusKind("fma", "short for fma-small", _FMA_LICENCE, "fma:/data/fma", fma.load_small),
    CorpusKind(
        "ismir2004",
        "ISMIR2004: 1,458 whole tracks, 6 genres, with the contest's split",
        "CC BY-NC-SA 1.0",
        "ismir2004:/data/ISMIR2004",
        ismir2004.load,
    ),
    CorpusKind(
        "synthetic",
        "music made by rules on the spot, for trying things out",
        "free",
        "synthetic:tracks=30,seconds=10,seed=0",
        _load_synthetic,
    ),
):
    CORPORA.add(_kind.name, _kind)


def register_corpus(name: str, *, summary: str, licence: str, spec: str) -> Callable[[Load], Load]:
    """Return a decorator that registers a function `load(argument) -> Corpus`; see `CorpusKind`."""

    def add(load: Load) -> Load:
        CORPORA.add(name, CorpusKind(name, summary, licence, spec, load))
        return load

    return add


def corpora() -> tuple[CorpusKind, ...]:
    """Return the kinds of corpus that `load_corpus` knows, in the order for lists."""
    return tuple(kind for kind in map(CORPORA.get, CORPORA) if kind is not None)


def load_corpus(spec: str) -> Corpus:
    """Load a corpus by its spec.

    Parameters
    ----------
    spec : str
        `NAME:PATH` as on the command line, such as `folder:/music/by-genre`, `gtzan:/data/GTZAN`,
        `table:/music/clips.csv?corpus=mine`, or `synthetic` alone. In front, `CHANGE:` or
        `CHANGE@OPTION=VALUE:` gives the same clips with changed sound: `mp3@bitrate=64:gtzan:/data/GTZAN`;
        of several, the one nearest to the corpus is made first.

    Returns
    -------
    Corpus

    Raises
    ------
    CorpusError
        If the name or the change is unknown, or the corpus is not where or how it should be.
    """
    name, _, argument = spec.partition(":")
    if (found := CORPORA.get(name)) is not None:
        return found.load(argument)
    kind = name.partition("@")[0]
    if kind in SOUND_CHANGES:
        return _load_changed(name, argument)
    if Path(spec).expanduser().exists():
        raise CorpusError(f"{spec} is a path alone. Say what it is, such as folder:{spec} or gtzan:{spec}")
    close = get_close_matches(kind, [*CORPORA, *SOUND_CHANGES], n=3)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(CORPORA)}"
    raise CorpusError(f"unknown corpus {name!r} in {spec!r}. {hint} (`--plugin FILE.py` adds your own)")


def _load_changed(change: str, spec: str) -> Corpus:
    if not spec:
        raise CorpusError(
            f"{change} changes the sound of a corpus; say of which one, such as {change}:gtzan:/data/GTZAN"
        )
    try:
        made = sound_change(change)
    except RecipeError as error:
        raise CorpusError(f"{change}:{spec}: {error}") from error
    return derive(load_corpus(spec), made)
