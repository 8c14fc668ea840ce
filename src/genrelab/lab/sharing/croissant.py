"""The description of a list in the format Croissant 1.0, which dataset search engines and loaders read.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from genrelab.lab.corpora.splits.listed_split import CLIPS, FACTS
from genrelab.lab.sharing.list_file import ListFacts
from genrelab.printing import plain, shorten

CROISSANT = "croissant.json"
_LONGEST = 2_000  # characters of a text

_TERMS = (
    "citeAs", "column", "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references",
    "regex", "repeated", "replace", "separator", "source", "subField", "transform", "equivalentProperty",
    "samplingRate",
)  # fmt: skip
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{term: f"cr:{term}" for term in _TERMS},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "wd": "https://www.wikidata.org/wiki/",
}
_TYPES = {
    "seconds": "sc:Float", "start": "sc:Float", "duration": "sc:Float", "score": "sc:Float",
    "offset_seconds": "sc:Float", "overlap_seconds": "sc:Float", "speed": "sc:Float",
    "crosses_parts": "sc:Boolean",
}  # fmt: skip
_WHAT = {
    CLIPS: "One row per clip: part of the split, genre, artist, length, digests of file and sound.",
    "pairs.csv": "Clips that contain the same recording, and whether they are in two parts of the split.",
    FACTS: "The corpus, how the split was made, and what its checks and the audit found.",
}
_PARTS = (
    ("train", "cr:TrainingSplit"), ("valid", "cr:ValidationSplit"), ("test", "cr:TestSplit"),
)  # fmt: skip


class Published(Protocol):
    """Under which terms and where a list is published."""

    @property
    def licence(self) -> str:
        """Of the list."""
        ...

    @property
    def url(self) -> str | None:
        """Its page."""
        ...


@dataclass(frozen=True)
class Described:
    """A list that is described: its facts, the content of its files, and how it is published."""

    facts: ListFacts
    files: Mapping[str, bytes]
    published: Published


def croissant(described: Described) -> dict[str, Any]:
    """Return the description as a JSON-LD object."""
    facts = described.facts
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": _id(f"{facts.corpus}-{facts.split['name']}" if facts.split else facts.corpus),
        "description": " ".join(_description(facts)),
        "license": described.published.licence,
        **({"url": described.published.url} if described.published.url else {}),
        "citeAs": _text(facts.citation),
        "creator": {"@type": "sc:Organization", "name": f"genrelab {facts.genrelab_version}"},
        "datePublished": datetime.date.today().isoformat(),
        "version": f"{facts.format}.0.0",
        "distribution": [_file(name, content) for name, content in described.files.items()],
        "recordSet": [
            _parts(),
            *(
                _records(name, content.split(b"\n", 1)[0].decode().split(","))
                for name, content in described.files.items()
                if name.endswith(".csv")
            ),
        ],
    }


def _description(facts: ListFacts) -> Iterator[str]:
    yield f"A list of the clips of the music corpus {_text(facts.corpus)}, without the music."
    if facts.split is not None:
        yield f"Split {_text(facts.split['name'])}: {_text(facts.split['made'])}."
        yield from (_text(f"{question}: {answer}.") for question, answer in facts.split["checks"].items())
    if facts.audit is not None:
        yield f"The audit found {facts.audit['repetitions']} repeated recordings,"
        yield f"{facts.audit['repetitions_in_two_parts']} of them in two parts of the split."
    yield f"Licence of the music: {_text(facts.licence)}."


def _file(name: str, content: bytes) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": _WHAT[name],
        "contentUrl": name,
        "contentSize": f"{len(content)} B",
        "encodingFormat": "text/csv" if name.endswith(".csv") else "application/json",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _records(name: str, columns: list[str]) -> dict[str, Any]:
    record = name.removesuffix(".csv")
    return {
        "@type": "cr:RecordSet",
        "@id": record,
        "name": record,
        "description": _WHAT[name],
        **({"key": {"@id": f"{record}/clip_id"}} if "clip_id" in columns else {}),
        "field": [_field(record, name, column) for column in columns],
    }


def _field(record: str, file: str, column: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record}/{column}",
        "name": f"{record}/{column}",
        "dataType": _TYPES.get(column, "sc:Text"),
        "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
        **({"references": {"field": {"@id": "parts/name"}}} if column == "part" else {}),
    }


def _parts() -> dict[str, Any]:
    """Return the parts of a split, as Croissant names them."""
    return {
        "@type": "cr:RecordSet",
        "@id": "parts",
        "name": "parts",
        "description": "The parts of the split.",
        "dataType": "cr:Split",
        "key": {"@id": "parts/name"},
        "field": [
            {"@type": "cr:Field", "@id": "parts/name", "name": "parts/name", "dataType": "sc:Text"},
            {
                "@type": "cr:Field",
                "@id": "parts/url",
                "name": "parts/url",
                "dataType": ["sc:URL", "wd:Q3985153"],
            },
        ],
        "data": [{"parts/name": name, "parts/url": kind} for name, kind in _PARTS],
    }


def _id(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)[:200]


def _text(value: object) -> str:
    return shorten(plain(str(value)), _LONGEST)
