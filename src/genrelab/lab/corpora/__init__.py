"""Labelled corpora of music, and splits of them.

`load_corpus("gtzan:/data/GTZAN")` returns a `Corpus`, `make_split(corpus, "artist", seed=0)` a `Split`.
"""

from genrelab.lab.corpora.registry import CorpusKind, corpora, load_corpus
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.splits.split_checks import check_split
from genrelab.lab.corpora.splits.split_file import read_split, write_split
from genrelab.lab.corpora.types import Clip, Corpus, Renderer, Split
from genrelab.lab.corpora.verify import Verification, verify_corpus

__all__ = [
    "Clip",
    "Corpus",
    "CorpusKind",
    "Renderer",
    "Split",
    "Verification",
    "check_split",
    "corpora",
    "load_corpus",
    "make_split",
    "read_split",
    "verify_corpus",
    "write_split",
]
