"""How good a model file is on songs of your own: folders `corpus/genre/file`, or `genre/file`.

    python experiments/external.py FOLDER [--model FILE] [--compare OTHER] [--json FILE] [--full]

Each file is recognized as `genrelab recognize` does it, and compared with the name of its folder. Files below
`corpus/genre/...` may lie in further folders, such as one per album. A folder's name matches a genre of the
model if letters and digits are the same (`Hip-Hop` is `hiphop`); `--map` adds other names. Files of other
genres, and files that cannot be recognized, are counted and named, but are not part of the accuracy.

Use songs that the model was not trained on: this script cannot tell (`genrelab bench model` leaves out the
training clips that a model file knows). Files in folders below `corpus/genre/` are also judged by album, as
`genrelab recognize --by folder` combines them. Intervals are 95 % bootstrap intervals over files or albums,
or over the groups of `--groups` (such as artists), which are wider and more honest if several songs are by
one artist.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from external_albums import album_answers, album_figures, album_table
from external_figures import (
    Answer,
    Table,
    by_genre,
    confusions,
    difference,
    overall,
    plain_estimate,
    reasons,
)

from genrelab import Recognizer
from genrelab.errors import GenrelabError
from genrelab.files import replace_text
from genrelab.lab.metrics.summary import figure
from genrelab.library.tagging.consistency import vocabulary
from genrelab.library.tagging.genre_map import GenreMap
from genrelab.library.tagging.genre_text import letters
from genrelab.printing import plain
from genrelab.recognize import Recognition
from genrelab.recognize.albums import PlaceFinder
from genrelab.recognize.scan import Problem, ScanLog, scan

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

SHOWN = 10
FIGURES = ("accuracy", "balanced_accuracy", "top2_accuracy", "answered", "precision")
HEAD = ("accuracy", "balanced accuracy", "top-2 accuracy", "answered", "right among answered")


class Song(NamedTuple):
    """A file, its place in the folder, and the genre of the model that its folder names.

    The album is its folder, or that above its disc, if this lies below the folder of the genre; else empty.
    """

    path: Path
    name: str
    corpus: str
    genre: str
    album: str


@dataclass
class Songs:
    """What a folder holds.

    Attributes
    ----------
    known : list of Song
    unknown : collections.Counter of str
        Names of folders that are no genre of the model -> number of files.
    problems : list of tuple of str
        Path and message.
    passed_over : str
        What was skipped because a file such as `.nomedia` says so.
    """

    known: list[Song] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)
    passed_over: str = ""


def find_songs(folder: Path, genres: Sequence[str], genre_map: GenreMap) -> Songs:
    """Find the files below a folder, and match their folders with the genres of a model."""
    if not folder.is_dir():
        raise SystemExit(f"{plain(str(folder))} is not a folder. Give a folder with corpus/genre/file")
    known = vocabulary(genres, genre_map)
    songs, log, finder = Songs(), ScanLog(), PlaceFinder()
    for found in scan([folder], log=log):
        if not isinstance(found, Path):
            message = found.message if isinstance(found, Problem) else "a track of a CUE sheet"
            songs.problems.append((str(found.path), message))
            continue
        name = found.relative_to(folder)
        corpus, label, below = place(name.parts[:-1], known, folder.resolve().name)
        match = known.get(letters(label), set())
        if len(match) > 1:
            several = " and ".join(sorted(match))
            raise SystemExit(f"the folder {plain(label)} means {several}. Change --map so that it means one")
        if match:
            album = finder.of(found).path.relative_to(folder) if below else Path()
            is_album = len(album.parts) > len(name.parts) - 1 - below
            (genre,) = match
            named = album.as_posix() if is_album else ""
            songs.known.append(Song(found, name.as_posix(), corpus, genre, named))
        else:
            songs.unknown[label or "(no genre folder)"] += 1
    songs.passed_over = log.summary()
    return songs


def place(folders: Sequence[str], known: Mapping[str, set[str]], root: str) -> tuple[str, str, int]:
    """Return corpus and genre folder of a file, and the number of folders below, from the folders it lies in.

    In `a/b/file`, `b` is the genre, unless only `a` is one: then `b` is an artist or an album.
    """
    if not folders:
        return root, "", 0
    first_only = len(folders) > 1 and letters(folders[1]) not in known and letters(folders[0]) in known
    if len(folders) == 1 or first_only:
        return root, folders[0], len(folders) - 1
    return folders[0], folders[1], len(folders) - 2


def read_groups(file: Path | None, folder: Path) -> dict[str, str]:
    """Return the group of each file from a CSV with the columns `path` and `group`."""
    if file is None:
        return {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            missing = [name for name in ("path", "group") if name not in (rows.fieldnames or [])]
            if missing:
                lacks = " and ".join(missing)
                raise SystemExit(f"{plain(str(file))} lacks the column {lacks}. Its first line is path,group")
            found = {row["path"]: row["group"] for row in rows if row["path"] and row["group"]}
    except (OSError, ValueError, csv.Error) as error:
        raise SystemExit(f"{plain(str(file))} cannot be read: {plain(str(error))}") from error
    groups = {}
    for path, group in ((Path(path), group) for path, group in found.items()):
        above = next((each for each in (folder, folder.absolute()) if path.is_relative_to(each)), None)
        groups[(path if above is None else path.relative_to(above)).as_posix()] = group
    return groups


def recognize(recognizer: Recognizer, songs: Sequence[Song], *, jobs: int) -> Iterator[Recognition]:
    """Recognize the songs in their order, and show how many are done."""
    total = len(songs)
    for done, record in enumerate(recognizer.recognize_many([song.path for song in songs], jobs=jobs), 1):
        if sys.stderr.isatty() or done == total or done % 50 == 0:
            end = "\r" if sys.stderr.isatty() and done < total else "\n"
            print(f"{done} of {total} files", end=end, file=sys.stderr, flush=True)
        yield record


class Judged(NamedTuple):
    """A model's answers by the name of the file and of the album, its failures, and its records as JSON."""

    genres: tuple[str, ...]
    answers: dict[str, Answer]
    albums: dict[str, Answer]
    failed: dict[str, str]
    records: list[dict[str, Any]]


def judge(recognizer: Recognizer, songs: Sequence[Song], groups: Mapping[str, str], *, jobs: int) -> Judged:
    """Recognize all songs with a model."""
    judged = Judged(recognizer.bundle.metadata.genres, {}, {}, {}, [])
    in_albums: list[tuple[Song, Recognition]] = []
    for song, record in zip(songs, recognize(recognizer, songs, jobs=jobs), strict=True):
        about = {"file": song.name, "corpus": song.corpus, "true_genre": song.genre}
        judged.records.append(about | record.to_dict(timeline=False))
        if song.album:
            in_albums.append((song, record))
        if record.error is not None:
            judged.failed[song.name] = record.error
            continue
        judged.answers[song.name] = Answer(
            song.name,
            song.corpus,
            song.genre,
            # A file without a group is a group of its own, which no name of a group can be.
            f"group {groups[song.name]}" if song.name in groups else f"file {song.name}",
            tuple(each.genre for each in record.genres),
            record.confidence or 0.0,
            None if record.answered else record.reason or "unsure",
        )
    judged.albums.update(album_answers(in_albums, recognizer.bundle.metadata, groups))
    return judged


def measure(judged: Judged) -> dict[str, Any]:
    """Return all figures of one model."""
    answers = list(judged.answers.values())
    if not answers:
        first = next(iter(judged.failed.values()), "")
        raise SystemExit(f"no file could be recognized, so there is nothing to measure. {plain(first)}")
    table = Table.of(answers, judged.genres)
    error, bins = table.calibration()
    corpora = {name: [each for each in answers if each.corpus == name] for name in _names(answers)}
    return {
        "overall": overall(table),
        "calibration_error": plain_estimate(error),
        "reliability": bins,
        "corpora": {name: overall(Table.of(each, judged.genres)) for name, each in corpora.items()},
        "genres": by_genre(table),
        "unsure": reasons(answers),
        "confusions": confusions(answers),
        "albums": album_figures(judged.albums, judged.genres),
        "failed": judged.failed,
    }


def _names(answers: Sequence[Answer]) -> list[str]:
    return sorted({each.corpus for each in answers})


def compared(ours: Judged, theirs: Judged, seed: int = 0) -> dict[str, Any]:
    """Compare two models on the files, and on the albums, that both recognize and whose genre both have."""
    result = {}
    for what, first, second in (
        ("difference", ours.answers, theirs.answers),
        ("albums_difference", ours.albums, theirs.albums),
    ):
        both = [name for name in first if name in second]
        if both:
            result[what] = difference(
                Table.of([first[name] for name in both], ours.genres, seed=seed),
                Table.of([second[name] for name in both], theirs.genres, seed=seed),
            )
    if not result:
        raise SystemExit("the two models have no file in common: both must recognize it and have its genre")
    return result


def print_figures(result: Mapping[str, Any]) -> None:
    """Print the tables of one model."""
    print_table(
        ("", "files", "groups", *HEAD),
        [
            (name, each["files"], each["groups"], *(figure(each[key]) for key in FIGURES))
            for name, each in (("all", result["overall"]), *result["corpora"].items())
        ],
    )
    if result["albums"] is not None:
        print_table(*album_table(result["albums"]))
    print_table(
        ("genre", "files", "recall", "precision", "answered", "answers", "right among answers"),
        [
            (
                genre, each["files"], figure(each["recall"]), figure(each["precision"]),
                figure(each["answered"]), each["answers"], figure(each["precision_of_answers"]),
            )
            for genre, each in result["genres"].items()
        ],
    )  # fmt: skip
    error = result["calibration_error"]
    print(f"Expected calibration error {error['value']:.3f} ({_span(error)}).\n")
    print_table(
        ("confidence", "files", "mean confidence", "accuracy"),
        [
            (
                f"{each['low']:.2f}-{each['high']:.2f}",
                each["files"],
                f"{100 * each['confidence']:.0f} %",
                f"{100 * each['accuracy']:.0f} %",
            )
            for each in result["reliability"]
        ],
    )
    if result["unsure"]:
        print_table(
            ("unsure because", "files", "first genre right", "genres"),
            [
                (reason, each["files"], each["first_genre_right"], _listed(each["genres"]))
                for reason, each in result["unsure"].items()
            ],
        )
    if result["confusions"]:
        print_table(
            ("genre", "predicted as", "files"),
            [(each["genre"], each["predicted"], each["files"]) for each in result["confusions"][:SHOWN]],
        )


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table in Markdown; everything in it is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    for line in lines:
        print(f"| {' | '.join(plain(str(cell)).replace('|', '/') for cell in line)} |")
    print()


def print_rest(songs: Songs, failed: Mapping[str, str]) -> None:
    """Print what is no part of the accuracy."""
    if songs.unknown:
        total = sum(songs.unknown.values())
        print(f"{total} files left out, in folders that name no genre of the model:")
        print(f"  {plain(_listed(songs.unknown))}. Other names: --map FILE.\n")
    problems = [*songs.problems, *failed.items()]
    if problems:
        print(f"{len(problems)} files or folders failed and are left out:")
        print("".join(f"  {plain(path)}: {plain(message)}\n" for path, message in problems))
    if songs.passed_over:
        print(f"Not looked at: {plain(songs.passed_over)}.\n")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def _span(estimate: Mapping[str, float | None]) -> str:
    low, high = estimate["low"], estimate["high"]
    return "interval unknown" if low is None or high is None else f"{low:.3f}-{high:.3f}"


def print_comparison(model: str, other: str, result: Mapping[str, Any]) -> None:
    """Print the paired differences of two models."""
    files = result["difference"]
    print(f"{plain(model)} minus {plain(other)}, on the same {files['files']} files:\n")
    rows = [("files", files)]
    if "albums_difference" in result:
        rows.append(("albums", result["albums_difference"]))
    print_table(
        ("difference in points", *HEAD),
        [(what, *(_points(each[key]) for key in FIGURES)) for what, each in rows],
    )
    print(f"Only the first is right on {files['only_first_right']} files, only the second on "
          f"{files['only_second_right']}.\n")  # fmt: skip


def _points(estimate: Mapping[str, float | None]) -> str:
    value, low, high = (estimate[key] for key in ("value", "low", "high"))
    if value is None:
        return "-"
    span = "" if low is None or high is None else f" ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"{100 * value:+.1f}{span}"


def options_of() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="corpus/genre/file or genre/file")
    parser.add_argument("--model", type=Path, help="model file; the packaged one by default")
    parser.add_argument("--compare", type=Path, metavar="OTHER", help="another model file, on the same files")
    parser.add_argument(
        "--full", action="store_true", help="process whole files, not segments spread over them"
    )
    parser.add_argument("--groups", type=Path, metavar="CSV", help="path,group: files that belong together")
    parser.add_argument(
        "--map", type=Path, metavar="YAML", help="names of genres, as `genrelab library check --map` takes"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures and one record per file")
    parser.add_argument("--jobs", type=int, default=1, help="files at once")
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, not {options.jobs}")
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"--json {options.json}: its folder does not exist")
    return options


def load(model: Path | None, options: argparse.Namespace) -> Recognizer:
    """Load a model; with several jobs, each gets its share of the cores."""
    threads = None if options.jobs == 1 else max(1, (os.cpu_count() or 1) // options.jobs)
    return Recognizer.load(model, full=options.full, threads=threads)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure one or two models, print the tables, return all figures."""
    recognizer = load(options.model, options)
    other = load(options.compare, options) if options.compare else None
    genre_map = GenreMap.load(options.map) if options.map else GenreMap()
    songs = find_songs(options.folder, recognizer.bundle.metadata.genres, genre_map)
    if not songs.known:
        names = ", ".join(recognizer.bundle.metadata.genres)
        print_rest(songs, {})
        raise SystemExit(f"no file lies in a folder with the name of a genre. The model's genres: {names}")
    groups = read_groups(options.groups, options.folder)
    grouped = len({song.name for song in songs.known} & groups.keys())
    if options.groups and not grouped:
        raise SystemExit(
            f"{plain(str(options.groups))} names no file of a known genre. Its paths must be relative to "
            f"{plain(str(options.folder))}, such as {plain(songs.known[0].name)}"
        )
    ours = judge(recognizer, songs.known, groups, jobs=options.jobs)
    figures = measure(ours)
    model = recognizer.bundle.identity
    print(f"Model {plain(model)}, folder {plain(str(options.folder))}\n")
    print_figures(figures)
    print_rest(songs, ours.failed)
    if options.groups:
        print(f"{grouped} of {len(songs.known)} files have a group in --groups.\n")
    result: dict[str, Any] = {
        "benchmark": "external",
        "model": model,
        "full": options.full,
        "grouped": grouped,
        "left_out": dict(songs.unknown),
        "problems": dict(songs.problems),
        "passed_over": songs.passed_over,
        **figures,
        "records": ours.records,
    }
    if other is not None:
        known = set(other.bundle.metadata.genres)
        shared = [song for song in songs.known if song.genre in known]
        theirs = judge(other, shared, groups, jobs=options.jobs)
        differences = compared(ours, theirs)
        result["compare"] = {"model": other.bundle.identity, **differences}
        result["compare"] |= measure(theirs) | {"records": theirs.records}
        print(f"Model {plain(other.bundle.identity)}\n")
        print_figures(result["compare"])
        print_comparison(model, other.bundle.identity, differences)
    return result


def main() -> None:
    """Print the tables and one line of JSON."""
    options = options_of()
    try:
        result = run(options) | machine("numpy", "onnxruntime")
    except GenrelabError as error:
        raise SystemExit(plain(str(error))) from error
    if options.json:
        replace_text(options.json, json.dumps(result, indent=2, ensure_ascii=True) + "\n")
    for each in (result, result.get("compare", {})):
        each.pop("records", None)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
