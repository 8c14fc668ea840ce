"""Make one table of labelled clips and openly licensed music, with tags, for `genrelab train`.

    python experiments/training_table.py DATA/clips.csv OPEN/open-music.csv --to music

Both tables have a row per file with paths relative to their folders. The new folder gets the files (hard
links where the disk allows it, else copies) and `clips.csv` with two more columns:

- `tags`: of rows with `source_genres` and `quadrant`, such as `genre:folk;mood:calm`. The quadrants of energy
  and valence are happy, angry, sad and calm. Rows without a quadrant are not annotated.
- `collection`: the row's `corpus`, and `open` for the second table.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
from collections import Counter
from pathlib import Path

QUADRANTS = {"Q1": "happy", "Q2": "angry", "Q3": "sad", "Q4": "calm"}
COLUMNS = ("path", "clip_id", "genre", "tags", "artist", "label_origin", "corpus", "collection", "licence")


def tags_of(row: dict[str, str]) -> str:
    """Return the tags of a row: its genres and its mood, where it has both."""
    mood = QUADRANTS.get(row.get("quadrant", ""))
    genres = [each.strip().lower() for each in row.get("source_genres", "").split(";") if each.strip()]
    if mood is None or not genres:
        return ""
    return ";".join([*(f"genre:{genre}" for genre in genres), f"mood:{mood}"])


def place(source: Path, target: Path) -> None:
    """Put a file into the new folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labelled", type=Path, help="the table of labelled clips")
    parser.add_argument("open", type=Path, nargs="?", help="the table of openly licensed music")
    parser.add_argument(
        "--corpora", default="gtzan-short,emotify,allmusic-previews", help="rows of the first"
    )
    parser.add_argument("--to", type=Path, required=True, help="the new folder")
    given = parser.parse_args()
    wanted = set(given.corpora.split(","))
    rows = []
    for table, collection in ((given.labelled, None), (given.open, "open")):
        if table is None:
            continue
        with table.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if collection is None and row["corpus"] not in wanted:
                    continue
                path = f"{collection or 'labelled'}/{row['path']}"
                place(table.parent / row["path"], given.to / path)
                made = {"collection": collection or row["corpus"], "path": path, "tags": tags_of(row)}
                rows.append({**row, **made})
    given.to.mkdir(parents=True, exist_ok=True)
    with (given.to / "clips.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    counts = Counter(row["collection"] for row in rows)
    tags = Counter(tag for row in rows for tag in row["tags"].split(";") if tag)
    print("| collection | files |", "| --- | ---: |", sep="\n")
    for name, count in counts.items():
        print(f"| {name} | {count} |")
    print(json.dumps({"table": str(given.to / "clips.csv"), "files": dict(counts), "tags": dict(tags)}))


if __name__ == "__main__":
    main()
