"""Write the map of a library as a table: places and nearest neighbours of each track, for other programs.

The columns `x`, `y` and `neighbors` have the form that Embedding Atlas reads: `embedding-atlas FILE --x x
--y y --neighbors neighbors`. `ids` are numbers of rows in this table, from 0; `distances` are cosine
distances.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.csv_text import csv_line
from genrelab.library.explore.chart.components import read
from genrelab.library.explore.layout import Layout
from genrelab.library.store.listing.listed_track import path_text

ExportFormat = Literal["parquet", "csv"]

COLUMNS = ("path", "name", "genre", "confidence", "tags", "x", "y", "neighbors")
"""Columns of the table. Parquet has `path_bytes`, too: file names need not be text."""

_BLOCK = 512  # tracks whose neighbours' embeddings are read at once
_BLOCKS_PER_GROUP = 32  # of a group of rows in Parquet
_DIGITS = 6  # of places and distances in CSV


class _Rows(NamedTuple):
    """Some tracks: the cells of the text columns, and the arrays of the others."""

    tracks: range
    names: list[str]
    tags: list[list[str]]
    ids: npt.NDArray[np.int32]
    distances: npt.NDArray[np.float32]


def write_export(layout: Layout, out: BinaryIO, *, format: ExportFormat) -> None:
    """Write a table with one row per track of a map, in the order of paths.

    Rows are written in blocks: the memory does not grow with their number.

    Parameters
    ----------
    layout : Layout
        With at least one track.
    out : binary file
        Stays open.
    format : str
        `parquet` needs pyarrow. In `csv`, tags are separated by semicolons and `neighbors` is JSON.
    """
    (_write_parquet if format == "parquet" else _write_csv)(layout, out)


def _blocks(layout: Layout) -> Iterator[_Rows]:
    tracks, vectors = layout.tracks, layout.vectors
    counts = tracks.tag_counts if len(tracks.tag_counts) else np.zeros(len(tracks), np.uint8)
    ends = np.cumsum(counts, dtype=np.int64)
    for start in range(0, len(tracks), _BLOCK):
        some = range(start, min(start + _BLOCK, len(tracks)))
        block = slice(some.start, some.stop)
        near = layout.neighbours[block]
        cosines = np.zeros(near.shape, np.float32)
        if vectors is not None and near.shape[1]:
            own = read(vectors.matrix, layout.rows[block])
            others = read(vectors.matrix, layout.rows[near.ravel()]).reshape(*near.shape, -1)
            cosines = np.einsum("nd,nkd->nk", own, others)
        distances = np.clip(1.0 - cosines, 0.0, 2.0).astype(np.float32)
        order = np.argsort(distances, axis=1, kind="stable")
        yield _Rows(
            some,
            [path_text(os.path.basename(path)) for path in tracks.paths[block]],
            [
                [tracks.tag_names[tag] for tag in tracks.tag_numbers[end - count : end]]
                for end, count in zip(ends[block].tolist(), counts[block].tolist(), strict=True)
            ],
            np.take_along_axis(near, order, axis=1),
            np.take_along_axis(distances, order, axis=1),
        )


def _write_csv(layout: Layout, out: BinaryIO) -> None:
    tracks = layout.tracks
    out.write(csv_line(COLUMNS).encode())
    for rows in _blocks(layout):
        lines = []
        for at, number in enumerate(rows.tracks):
            distances = [round(float(each), _DIGITS) for each in rows.distances[at]]
            cells = (
                path_text(tracks.paths[number]),
                rows.names[at],
                tracks.genres[tracks.genre[number]],
                round(float(tracks.confidence[number]), 4),
                ";".join(rows.tags[at]),
                *(round(float(place), _DIGITS) for place in layout.places[number]),
                json.dumps({"ids": rows.ids[at].tolist(), "distances": distances}),
            )
            lines.append(csv_line(cells))
        out.write("".join(lines).encode("utf-8", "backslashreplace"))


def _write_parquet(layout: Layout, out: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number, text = pa.float32(), pa.string()
    schema = pa.schema(
        [
            ("path", text),
            ("path_bytes", pa.binary()),
            ("name", text),
            ("genre", pa.dictionary(pa.int32(), text)),
            ("confidence", number),
            ("tags", pa.list_(text)),
            ("x", number),
            ("y", number),
            ("neighbors", pa.struct([("ids", pa.list_(pa.int64())), ("distances", pa.list_(number))])),
        ]
    )
    with pq.ParquetWriter(out, schema) as writer:
        waiting: list[Any] = []
        for rows in _blocks(layout):
            waiting.append(_batch(layout, rows, schema))
            if len(waiting) == _BLOCKS_PER_GROUP:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))


def _batch(layout: Layout, rows: _Rows, schema: Any) -> Any:
    import pyarrow as pa

    tracks, block = layout.tracks, slice(rows.tracks.start, rows.tracks.stop)
    places = np.ascontiguousarray(layout.places[block].T)
    count = rows.ids.shape[1]
    ends = pa.array(
        np.arange(0, (len(rows.tracks) + 1) * count, count or 1, dtype=np.int32)[: len(rows.tracks) + 1]
    )
    if not count:
        ends = pa.array(np.zeros(len(rows.tracks) + 1, np.int32))
    lists = [
        pa.ListArray.from_arrays(ends, pa.array(values.ravel()))
        for values in (rows.ids.astype(np.int64), rows.distances)
    ]
    genres = pa.array([path_text(genre.encode("utf-8", "surrogateescape")) for genre in tracks.genres])
    columns = [
        pa.array([path_text(path) for path in tracks.paths[block]]),
        pa.array(tracks.paths[block], pa.binary()),
        pa.array(rows.names),
        pa.DictionaryArray.from_arrays(pa.array(tracks.genre[block].astype(np.int32)), genres),
        pa.array(tracks.confidence[block]),
        pa.array(rows.tags, pa.list_(pa.string())),
        pa.array(places[0]),
        pa.array(places[1]),
        pa.StructArray.from_arrays(lists, fields=list(schema.field("neighbors").type)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
