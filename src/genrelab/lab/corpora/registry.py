"""Corpora by name: `gtzan:/data/GTZAN` gives a `Corpus`.

A new corpus needs one module with a function `load(argument) -> Corpus`, and one entry below; a plugin
registers its own with `register_corpus`. A prefix changes the sound of any corpus, see `sound_changes`:
`mp3@bitrate=64:gtzan:/data/GTZAN`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from genrelab.errors import CorpusError, RecipeError
from genrelab.files import expand_home
from genrelab.lab.corpora.loaders import feature_table, fma, folder, gtzan, ismir2004, pictures, table
from genrelab.lab.corpora.transforms.sound_changes import SOUND_CHANGES, sound_change
from genrelab.lab.corpora.transforms.transformed_corpus import derive
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.registry import Names

Load = TypeVar("Load", bound=Callable[[str], Corpus])


@dataclass(frozen=True)
class CorpusKind:
    """A kind of corpus, named before the colon of a corpus spec.

    Parameters
    ----------
    name : str
    summary : str
        One line for lists.
    licence : str
        In a few words.
    spec : str
        Example of a complete spec.
    load : callable
        Text after the colon -> corpus.
    """

    name: str
    summary: str
    licence: str
    spec: str
    load: Callable[[str], Corpus]


def _load_synthetic(options: str) -> Corpus:
    from genrelab.lab.corpora import synthetic  # imported late, because only this corpus needs a synthesizer

    return synthetic.load(options)


CORPORA: Names[CorpusKind] = Names("corpus", group="genrelab.corpora")
_FMA_LICENCE = "Creative Commons, each track its own"
for _kind in (
    CorpusKind(
        "folder", "your own music, one folder per genre", "yours", "folder:/music/by-genre", folder.load
    ),
    CorpusKind("table", "a CSV file with one row per clip", "yours", "table:/music/clips.csv", table.load),
    CorpusKind(
        "features",
        "a CSV file with one row of descriptors per clip, instead of sound; recognizes GTZAN's",
        "that of the table",
        "features:/data/features_30_sec.csv",
        feature_table.load,
    ),
    CorpusKind(
        "pictures",
        "a folder of spectrogram pictures per genre, PNG or JPEG, instead of sound; recognizes GTZAN's",
        "that of the pictures",
        "pictures:/data/gtzan-pictures",
        pictures.load,
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
        "music composed by rules, for tests and first steps",
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
    """Return the kinds of corpus that `load_corpus` knows, in display order."""
    return tuple(kind for kind in map(CORPORA.get, CORPORA) if kind is not None)


def load_corpus(spec: str) -> Corpus:
    """Load a corpus by its spec.

    Parameters
    ----------
    spec : str
        `NAME:PATH` as on the command line, such as `folder:/music/by-genre`, `gtzan:/data/GTZAN`,
        `table:/music/clips.csv?corpus=mine`, or just `synthetic`. The prefix `CHANGE:` or
        `CHANGE@OPTION=VALUE:` changes the sound of the clips: `mp3@bitrate=64:gtzan:/data/GTZAN`. With
        several prefixes, the last one is applied first.

    Returns
    -------
    Corpus

    Raises
    ------
    CorpusError
        If the name or the change is unknown, or the corpus is missing or malformed.
    """
    name, _, argument = spec.partition(":")
    if (found := CORPORA.get(name)) is not None:
        return found.load(argument)
    kind = name.partition("@")[0]
    if kind in SOUND_CHANGES:
        return _load_changed(name, argument)
    if expand_home(spec).exists():
        message = f"{spec} lacks the kind of corpus. Write for example folder:{spec} or gtzan:{spec}"
        raise CorpusError(message, code="corpus-kind-not-given")
    close = get_close_matches(kind, [*CORPORA, *SOUND_CHANGES], n=3)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"The corpora are {', '.join(CORPORA)}"
    message = f"unknown corpus {name!r} in {spec!r}. {hint} (`--plugin FILE.py` adds your own)"
    raise CorpusError(message, code="corpus-unknown")


def _load_changed(change: str, spec: str) -> Corpus:
    if not spec:
        message = f"{change} changes the sound of a corpus; name one, as in {change}:gtzan:/data/GTZAN"
        raise CorpusError(message, code="change-without-corpus")
    try:
        made = sound_change(change)
    except RecipeError as error:
        raise CorpusError(f"{change}:{spec}: {error}", code="change-unusable") from error
    return derive(load_corpus(spec), made)
