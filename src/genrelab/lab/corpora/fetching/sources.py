"""Where corpora can be had: archives, checksums with the place that published them, and terms.

A corpus whose makers give no licence has no source here, only the checksum of its archive: who has the
archive can check and unpack it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Algorithm = Literal["md5", "sha1", "sha256"]
_GIB = 2**30


@dataclass(frozen=True)
class Checksum:
    """A checksum of an archive.

    Attributes
    ----------
    algorithm : {"md5", "sha1", "sha256"}
    digest : str
        In hexadecimal digits.
    published : str
        Where it was published.
    """

    algorithm: Algorithm
    digest: str
    published: str


@dataclass(frozen=True)
class Archive:
    """A file to fetch, and to unpack if it is a ZIP or tar file.

    Attributes
    ----------
    name : str
        Of the file, without folders.
    url : str or None
        None if there is no lawful place.
    checksum : Checksum or None
        None if none was published; then size and structure are checked.
    size : int or None, in bytes
        None if it is not known before the server tells.
    most_bytes, most_files : int
        An archive that unpacks to more is refused.
    unverified : str
        Why there is no checksum.
    """

    name: str
    url: str | None
    checksum: Checksum | None = None
    size: int | None = None
    most_bytes: int = 64 * _GIB
    most_files: int = 100_000
    unverified: str = "no checksum is published"


@dataclass(frozen=True)
class Source:
    """A corpus to fetch.

    Attributes
    ----------
    name, title : str
    about : str
        Its size, in words.
    licence : str
        In a few words.
    terms : str
        What its publishers say about its use; shown before it is fetched.
    page : str
        The web page of its publishers.
    spec : str
        How to name it on the command line once it is there, with `{}` for the folder.
    archives : tuple of Archive
    record : str or None
        Address of a record of Zenodo that lists the files with their checksums, instead of `archives`.
    refused : str or None
        Why it cannot be fetched, only unpacked from an archive that is there.
    """

    name: str
    title: str
    about: str
    licence: str
    terms: str
    page: str
    spec: str
    archives: tuple[Archive, ...] = ()
    record: str | None = None
    refused: str | None = None


_FMA_URL = "https://os.unil.cloud.switch.ch/fma/"
_FMA_PAGE = "https://github.com/mdeff/fma"
_FMA_README = "README.md of github.com/mdeff/fma"
_FMA_TERMS = (
    "The metadata is released under the Creative Commons Attribution 4.0 International License (CC BY 4.0). "
    "The authors of the dataset do not hold the copyright on the audio; each track is distributed under the "
    "licence that its artist chose, which tracks.csv names (track, license). The dataset is meant for "
    "research. Whoever uses it is asked to cite: M. Defferrard, K. Benzi, P. Vandergheynst and X. Bresson, "
    "FMA: A dataset for music analysis, ISMIR 2017."
)


def _fma(name: str, sha1: str, *, most_bytes: int, most_files: int) -> Archive:
    checksum = Checksum("sha1", sha1, _FMA_README)
    return Archive(name, f"{_FMA_URL}{name}", checksum, None, most_bytes, most_files)


_METADATA = _fma(
    "fma_metadata.zip", "f0df49ffe5f2a6008d7dc83c6915b31835dfe733", most_bytes=4 * _GIB, most_files=100
)
_SMALL = _fma(
    "fma_small.zip", "ade154f733639d52e35e32f5593efe5be76c6d70", most_bytes=12 * _GIB, most_files=10_000
)
_MEDIUM = _fma(
    "fma_medium.zip", "c67b69ea232021025fca9231fc1c7c1a063ab50b", most_bytes=36 * _GIB, most_files=30_000
)
_FMA_LICENCE = "Creative Commons, each track its own; metadata CC BY 4.0"

SOURCES: dict[str, Source] = {
    each.name: each
    for each in (
        Source(
            "fma-small",
            "FMA-small",
            "7.2 GiB, and 342 MiB of metadata",
            _FMA_LICENCE,
            _FMA_TERMS,
            _FMA_PAGE,
            "fma-small:{}",
            (_METADATA, _SMALL),
        ),
        Source(
            "fma-medium",
            "FMA-medium",
            "22 GiB, and 342 MiB of metadata",
            _FMA_LICENCE,
            _FMA_TERMS,
            _FMA_PAGE,
            "fma-medium:{}",
            (_METADATA, _MEDIUM),
        ),
        Source(
            "fma-metadata",
            "the metadata of FMA",
            "342 MiB",
            "CC BY 4.0",
            _FMA_TERMS,
            _FMA_PAGE,
            "fma-small:{}",
            (_METADATA,),
        ),
        Source(
            "ismir2004",
            "ISMIR2004",
            "2,187 whole tracks",
            "CC BY-NC-SA 1.0 (Magnatune)",
            "The music is Magnatune's, under the Creative Commons Attribution-NonCommercial-ShareAlike 1.0 "
            "licence: name Magnatune and the artists, do not use it commercially, and share what you make of "
            "it under the same licence. Whoever uses it is asked to cite: P. Cano, E. Gómez, F. Gouyon, P. "
            "Herrera, M. Koppenberger, B. Ong, X. Serra, S. Streich and N. Wack, ISMIR 2004 audio "
            "description contest, MTG-TR-2006-02, 2006.",
            "https://zenodo.org/record/1302992",
            "ismir2004:{}",
            record="https://zenodo.org/api/records/1302992",
        ),
        Source(
            "gtzan",
            "GTZAN",
            "1.2 GB",
            "none was published",
            "No licence of GTZAN is known: its recordings were taken from CDs, radio and other sources, and "
            "nobody gave the right to distribute them. Find out whether you may use a copy where you are. "
            "Whoever uses it is asked to cite: G. Tzanetakis and P. Cook, Musical genre classification of "
            "audio signals, IEEE Transactions on Speech and Audio Processing 10(5), 2002.",
            "http://marsyas.info/downloads/datasets.html (no longer there)",
            "gtzan:{}",
            (
                Archive(
                    "genres.tar.gz",
                    None,
                    Checksum("md5", "5b3d6dddb579ab49814ab86dba69e7c7", "mirdata, datasets/gtzan_genre.py"),
                    None,
                    3 * _GIB,
                    2_000,
                ),
            ),
            refused="no lawful source of GTZAN is known: its makers give no licence, and their server no "
            "longer offers it",
        ),
    )
}
