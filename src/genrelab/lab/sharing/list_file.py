"""The table of a list: one row per clip."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genrelab.errors import CorpusError
from genrelab.files import read_regular
from genrelab.lab.corpora.splits.listed_split import CLIPS, FACTS
from genrelab.lab.corpora.splits.split_file import LARGEST, table_text
from genrelab.printing import shorten

FORMAT = 1
_MOST_CLIPS = 2_000_000

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ListedClip(BaseModel):
    """A clip of a list; its fields are the columns of `clips.csv`.

    Attributes
    ----------
    clip_id : str
    part : str or None
        `train`, `valid` or `test`; None for a clip outside the split.
    genre : str or None
        Several are separated by semicolons.
    artist : str or None
        The artist's name, or a label that all clips of the artist have.
    seconds : float or None
        The decoded length.
    start, duration : float or None
        The part of the file that is the clip.
    file_sha256 : str or None
        Of the file's bytes.
    sound_sha256 : str or None
        Of the decoded samples with their rate: equal for a file and its lossless copy. None for silence.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    clip_id: str = Field(min_length=1)
    part: str | None = None
    genre: str | None = None
    artist: str | None = None
    seconds: Seconds | None = None
    start: Seconds | None = None
    duration: Seconds | None = None
    file_sha256: Sha256 | None = None
    sound_sha256: Sha256 | None = None


class ListFacts(BaseModel):
    """What a list holds beside its clips: `list.json`.

    Attributes
    ----------
    format : int
    corpus : str
    kind : str
        `audio`, `pictures` or `features`.
    genres : tuple of str
    licence, citation : str
        Of the music, which is not part of the list.
    split : dict or None
        Name, how it was made, its seed, the findings of its checks, and the same in words.
    audit : dict or None
        What the audit found, in numbers; None if there was none.
    genrelab_version : str
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = Field(FORMAT, ge=1, le=FORMAT)
    corpus: str
    kind: str = "audio"
    genres: tuple[str, ...] = ()
    licence: str = "unknown"
    citation: str = "unknown"
    split: dict[str, Any] | None = None
    audit: dict[str, Any] | None = None
    genrelab_version: str = "unknown"


@dataclass(frozen=True)
class ClipList:
    """A list: its facts, and its clips by their id."""

    folder: Path
    facts: ListFacts
    clips: Mapping[str, ListedClip]


COLUMNS = tuple(ListedClip.model_fields)


def read_list(folder: Path) -> ClipList:
    """Read a list.

    Parameters
    ----------
    folder : Path
        With `clips.csv` and `list.json`.

    Raises
    ------
    CorpusError
        If it is missing, too large, or of another form, with the row or key.
    """
    where = folder / FACTS
    try:
        facts = ListFacts.model_validate(json.loads(read_regular(where, LARGEST)))
        where = folder / CLIPS
        return ClipList(folder, facts, _read_clips(where))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except OSError as error:
        why = error.strerror or str(error)
    except (ValueError, RecursionError, csv.Error) as error:
        why = str(error)
    raise CorpusError(
        f"{where} cannot be read as part of a list: {why}. `genrelab corpora export` writes lists",
        code="list-unreadable",
    )


def _read_clips(path: Path) -> dict[str, ListedClip]:
    clips: dict[str, ListedClip] = {}
    for row in csv.DictReader(table_text(path)):
        clip = ListedClip.model_validate({key: row[key] for key in COLUMNS if row.get(key)})
        if clip.clip_id in clips:
            raise ValueError(f"the clip {shorten(clip.clip_id)!r} occurs twice")
        clips[clip.clip_id] = clip
        if len(clips) > _MOST_CLIPS:
            raise ValueError(f"it has more than {_MOST_CLIPS:,} clips")
    if not clips:
        raise ValueError("it has no clip")
    return clips
