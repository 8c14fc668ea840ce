"""The data of a map for a browser: columns of bytes, in an order of which every beginning is a picture.

The file has a header in JSON and, after it, sections of numbers, little-endian. Points lie in the order of a
tree of tiles: the first tile is the whole map and has a sample of all points; each further level divides the
tiles of the level above into four, which have samples of the points that remain. What is drawn of a tile at a
low zoom is also needed at a high one, so that nothing is there twice.

A browser draws tiles in this order until it has no more time. `pages/scatter/data.js` reads the format.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrelab.library.explore.chart.columns import TrackColumns

MAGIC = b"genrelab map 1\n\0"
"""How the data begins: 16 bytes; 4 bytes with the length of the header follow."""

GRID_BITS = 20
"""Places are whole numbers of so many bits: at the highest zoom, a step is less than a pixel."""

TILE = 16_384
"""Most points of a tile; those of the deepest level have what remains."""

DEEPEST = 8
"""Level with the smallest tiles, 256 by 256."""

_LOW_BITS = GRID_BITS - 16
_SEED = 0


@dataclass(frozen=True, slots=True)
class Tiles:
    """The order of the points, and the tiles.

    Parameters
    ----------
    order : np.ndarray [shape=(n,)], int
        The number of the track at each position.
    level, column, row, count : np.ndarray [shape=(m,)], int
        Of each tile, level by level. A level divides the map into 2^level columns and rows; row 0 is the
        lowest.
    """

    order: npt.NDArray[np.intp]
    level: npt.NDArray[np.uint8]
    column: npt.NDArray[np.uint16]
    row: npt.NDArray[np.uint16]
    count: npt.NDArray[np.uint32]


def on_grid(places: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    """Return places from 0 to 1 as whole numbers [shape=(n, 2)] below 2^20."""
    most = (1 << GRID_BITS) - 1
    return np.rint(np.clip(places.astype(np.float64), 0.0, 1.0) * most).astype(np.uint32)


def divide(grid: npt.NDArray[np.uint32], *, most: int = TILE) -> Tiles:
    """Divide points into tiles.

    Parameters
    ----------
    grid : np.ndarray [shape=(n, 2)], uint32
        Places, as `on_grid` gives them.
    most : int > 0
        Most points of a tile.

    Returns
    -------
    Tiles
    """
    rest = np.random.default_rng(_SEED).permutation(len(grid))
    order, tiles = [], []
    for level in range(DEEPEST + 1):
        shift = GRID_BITS - level
        code = (grid[rest, 1] >> shift).astype(np.int64) << level | (grid[rest, 0] >> shift)
        by_tile = np.argsort(code, kind="stable")
        codes, starts, counts = np.unique(code[by_tile], return_index=True, return_counts=True)
        place = np.arange(len(rest)) - np.repeat(starts, counts)
        taken = place < (most if level < DEEPEST else len(rest) + 1)
        order.append(rest[by_tile[taken]])
        for each, count in zip(codes.tolist(), counts.tolist(), strict=True):
            tiles.append(
                (
                    level,
                    each & (1 << level) - 1,
                    each >> level,
                    min(count, most) if level < DEEPEST else count,
                )
            )
        rest = rest[np.sort(by_tile[~taken])]
        if not len(rest):
            break
    columns = np.array(tiles, np.int64).reshape(-1, 4).T
    return Tiles(
        np.concatenate(order),
        columns[0].astype(np.uint8),
        columns[1].astype(np.uint16),
        columns[2].astype(np.uint16),
        columns[3].astype(np.uint32),
    )


def pack(tracks: TrackColumns, places: npt.NDArray[np.float32], header: dict[str, object]) -> bytes:
    """Return the data of a map.

    Parameters
    ----------
    tracks : TrackColumns
    places : np.ndarray [shape=(n, 2)], float32
        From 0 to 1.
    header : dict
        Further facts, as JSON has them.

    Returns
    -------
    bytes
    """
    grid = on_grid(places)
    tiles = divide(grid)
    order = tiles.order
    low = (1 << _LOW_BITS) - 1
    x, y = grid[order, 0], grid[order, 1]
    tags, counts = _tags_in(tracks, order)
    sections: list[tuple[str, npt.NDArray[np.generic]]] = [
        ("row", order.astype(np.uint32)),  # the number of the track in the order of paths
        ("copies", tracks.copies[order]),
        ("tileCount", tiles.count),
        ("x", (x >> _LOW_BITS).astype(np.uint16)),
        ("y", (y >> _LOW_BITS).astype(np.uint16)),
        ("genre", tracks.genre[order]),
        ("tags", tags),
        ("tileColumn", tiles.column),
        ("tileRow", tiles.row),
        ("low", ((x & low) << _LOW_BITS | y & low).astype(np.uint8)),
        ("confidence", np.rint(100 * np.clip(tracks.confidence[order], 0.0, 1.0)).astype(np.uint8)),
        ("tagCounts", counts),
        ("tileLevel", tiles.level),
    ]  # from wide numbers to narrow ones, so that each begins where its width allows
    facts = {
        **header,
        "count": len(order),
        "genres": list(tracks.genres),
        "tagNames": list(tracks.tag_names),
        "sections": [[name, values.dtype.itemsize, len(values)] for name, values in sections],
    }
    text = json.dumps(facts, ensure_ascii=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8 + 4)  # the sections begin at a multiple of 8
    parts = [np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes() for _, values in sections]
    return b"".join([MAGIC, struct.pack("<I", len(text)), text, *parts])


def _tags_in(
    tracks: TrackColumns, order: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Return the tags track by track in another order, and their counts."""
    if not len(tracks.tag_counts):
        return np.empty(0, np.uint16), np.empty(0, np.uint8)
    counts = tracks.tag_counts[order].astype(np.int64)
    ends = np.cumsum(tracks.tag_counts, dtype=np.int64)
    starts = (ends - tracks.tag_counts)[order]
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return tracks.tag_numbers[np.repeat(starts, counts) + within], tracks.tag_counts[order]
