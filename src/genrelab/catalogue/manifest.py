"""The manifest of a catalogue: what it is, and which runs made it."""

from __future__ import annotations

import datetime
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

import genrelab
from genrelab.catalogue.schema import SCHEMA_VERSION
from genrelab.catalogue.shards import list_shards
from genrelab.catalogue.storage import Storage
from genrelab.errors import CatalogueError
from genrelab.printing import json_text

MANIFEST = "catalogue.json"
RUNS = "runs"
_FORMAT = "genrelab catalogue"
_RUN_NAME = re.compile(r"run-(\d{8,18})-[0-9a-f]{32}\.json", re.ASCII)
_MOST_BYTES = 16 * 2**20


@dataclass(slots=True)
class RunEntry:
    """One run, as the manifest has it.

    Parameters
    ----------
    generation : int > 0
        Its number; rows of later runs replace those of earlier ones.
    name : str
        Its file below the catalogue.
    facts : dict
        `listing`, `engine`, `model`, `workers`, `state` (`running`, `finished` or `interrupted`), `started`,
        `ended`, `files`, `errors`, `shards` (name -> rows). A run that was killed stays `running`.
    """

    generation: int
    name: str
    facts: dict[str, Any] = field(default_factory=dict)


def check_catalogue(storage: Storage) -> None:
    """Raise an error unless there is a catalogue that this genrelab can read.

    Raises
    ------
    CatalogueError
        If there is none, it is newer, or its manifest is damaged.
    """
    content = storage.read(MANIFEST, _MOST_BYTES)
    if content is None:
        message = (
            f"{storage.place} contains no catalogue. Make one: genrelab catalogue run LISTING --to PLACE"
        )
        raise CatalogueError(message, code="catalogue-missing")
    facts = _parse(content)
    address = storage.address(MANIFEST)
    version = facts.get("schema_version") if facts is not None else None
    if facts is None or facts.get("format") != _FORMAT or type(version) is not int:
        message = f"{address} is not the manifest of a catalogue. Name another place."
        raise CatalogueError(message, code="catalogue-manifest")
    if version > SCHEMA_VERSION:
        message = (
            f"{address} has schema {version}; this genrelab reads up to {SCHEMA_VERSION}. Update genrelab."
        )
        raise CatalogueError(message, code="catalogue-newer")


def make_catalogue(storage: Storage) -> None:
    """Make a catalogue in an empty place, or check the one that is there.

    Raises
    ------
    CatalogueError
        As `check_catalogue` does, or if the place contains something else.
    """
    if storage.read(MANIFEST, _MOST_BYTES) is None:
        if not storage.is_empty():
            message = f"{storage.place} is neither empty nor a catalogue. Name another place."
            raise CatalogueError(message, code="catalogue-foreign")
        facts = {"format": _FORMAT, "schema_version": SCHEMA_VERSION, "genrelab": genrelab.__version__}
        storage.write(MANIFEST, _text(facts), overwrite=True)  # several runs write the same
    check_catalogue(storage)


def begin_run(storage: Storage, facts: dict[str, Any]) -> RunEntry:
    """Enter a run with the next generation.

    Raises
    ------
    CatalogueError
        If the place cannot be read or written.
    """
    numbers = [shard.generation for shard in list_shards(storage)]
    numbers += [int(match[1]) for match in map(_RUN_NAME.fullmatch, _run_names(storage)) if match]
    generation = max(numbers, default=0) + 1
    entry = RunEntry(generation, f"{RUNS}/run-{generation:08}-{secrets.token_hex(16)}.json")
    entry.facts = {**facts, "genrelab": genrelab.__version__, "state": "running", "started": _now()}
    storage.write(entry.name, _text(entry.facts))
    return entry


def end_run(storage: Storage, entry: RunEntry, facts: dict[str, Any]) -> None:
    """Enter how a run ended.

    Raises
    ------
    CatalogueError
        If the place cannot be written.
    """
    entry.facts = {**entry.facts, **facts, "ended": _now()}
    storage.write(entry.name, _text(entry.facts), overwrite=True)


def read_runs(storage: Storage) -> list[RunEntry]:
    """Return the runs, oldest first; an entry that cannot be read has no facts.

    Raises
    ------
    CatalogueError
        If the place cannot be read.
    """
    runs = []
    for name in _run_names(storage):
        match = _RUN_NAME.fullmatch(name)
        if match is not None:
            content = storage.read(f"{RUNS}/{name}", _MOST_BYTES)
            facts = None if content is None else _parse(content)
            runs.append(RunEntry(int(match[1]), f"{RUNS}/{name}", facts or {}))
    return runs


def _run_names(storage: Storage) -> list[str]:
    return [stored.name for stored in storage.names(RUNS)]


def _parse(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(facts: dict[str, Any]) -> bytes:
    return json_text(facts, indent=2).encode() + b"\n"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
