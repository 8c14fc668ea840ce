"""The files of a record of Zenodo, with the checksums that Zenodo publishes beside them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genrelab.errors import CorpusError
from genrelab.lab.corpora.fetching.download import read_json
from genrelab.lab.corpora.fetching.sources import Archive, Checksum


class _Links(BaseModel):
    model_config = ConfigDict(extra="ignore")
    self: str


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")
    key: str = Field(max_length=200, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. ()-]*$")
    size: int = Field(ge=0, le=2**40)
    checksum: str = Field(pattern=r"^md5:[0-9a-f]{32}$")
    links: _Links


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")
    files: list[_File] = Field(min_length=1, max_length=100)


def files_of(record: str) -> tuple[Archive, ...]:
    """Return the files of a record.

    Parameters
    ----------
    record : str
        Its address in Zenodo's interface: `https://zenodo.org/api/records/1302992`.

    Raises
    ------
    CorpusError
        If the record cannot be read, is of another form, or links to another server.
    """
    values: Any = read_json(record)
    try:
        found = _Record.model_validate(values).files
    except ValidationError as error:
        first = error.errors()[0]
        raise CorpusError(
            f"{record} is not a list of files as Zenodo gives it ({'.'.join(map(str, first['loc']))}: "
            f"{first['msg']}); fetch the files by hand and use --from",
            code="fetch-listing",
        ) from error
    server = urlsplit(record)[:2]
    for each in found:
        if urlsplit(each.links.self)[:2] != server:
            raise CorpusError(
                f"{record} links to {each.links.self}, another server; fetch the files by hand and use "
                "--from",
                code="fetch-listing",
            )
    return tuple(
        Archive(
            each.key,
            each.links.self,
            Checksum("md5", each.checksum.removeprefix("md5:"), record),
            each.size,
        )
        for each in found
    )
