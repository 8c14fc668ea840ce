"""How many small changes of the code the tests notice: `make mutants`.

cosmic-ray changes a copy of the project in one place (another operator, another number, a loop that never
runs) and the tests of that room are run. If one fails, the change is killed; if all pass, it survives:
either nothing is tested there, or the change makes no difference. Changes inside annotations, of the star
in a list of parameters, and of `==` into `is` make none and are left out.

    python tests/mutants.py                        30 changes of each room, drawn with a fixed seed
    python tests/mutants.py splits tags --count 0  all changes of two rooms
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkItem, WorkResult

SAME = ("_Eq_Is", "_NotEq_IsNot", "_Is_Eq", "_IsNot_NotEq")  # operators that change next to nothing
PROJECT = Path(__file__).parents[1]
SOURCE = Path("src/genrelab")

# room -> its modules, its tests
ROOMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "voting": (
        ("voting.py",),
        ("tests/test_voting.py",),
    ),
    "calibration": (
        ("lab/metrics/calibration.py",),
        (
            "tests/lab/metrics/test_thresholds.py",
            "tests/lab/metrics/test_reliability.py",
            "tests/lab/metrics/test_calibration.py",
        ),
    ),
    "compare": (
        ("lab/studies/compare.py",),
        (
            "tests/lab/studies/test_holm.py",
            "tests/lab/studies/test_pair_sentence.py",
            "tests/lab/studies/test_compare.py",
        ),
    ),
    "splits": (
        (
            "lab/corpora/splits/make_split.py",
            "lab/corpora/splits/allocation.py",
            "lab/corpora/splits/split_kinds.py",
            "lab/corpora/splits/split_checks.py",
            "lab/corpora/splits/split_file.py",
        ),
        (
            "tests/lab/corpora/splits/test_allocation.py",
            "tests/lab/corpora/splits/test_make_split.py",
            "tests/lab/corpora/splits/test_split_checks.py",
            "tests/lab/corpora/splits/test_validation_share.py",
        ),
    ),
    "segment_sampling": (
        ("recognize/segment_sampling.py",),
        (
            "tests/recognize/test_segment_sampling_rounds.py",
            "tests/recognize/test_segment_sampling.py",
        ),
    ),
    "tags": (
        ("library/tags/*.py",),
        (
            "tests/library/tags/test_id3.py",
            "tests/library/tags/test_flac_blocks.py",
            "tests/library/tags/test_ogg_pages.py",
            "tests/library/tags/test_mood_and_grouping.py",
            "tests/library/tags/test_chunk_ends.py",
            "tests/library/tags/test_what_else_is_there.py",
            "tests/library/tags/test_tags.py",
            "tests/library/tagging/test_tagger.py",
        ),
    ),
}


@dataclass
class Score:
    """What became of the changes of a room."""

    room: str
    possible: int
    survivors: list[str] = field(default_factory=list)
    tried: int = 0

    def row(self) -> str:
        """Return a row of the table."""
        killed = self.tried - len(self.survivors)
        share = f"{killed / self.tried:.0%}".replace("%", " %") if self.tried else "-"
        return (
            f"| {self.room} | {self.possible} | {self.tried} | {killed} | {len(self.survivors)} | {share} |"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the changes, print those that survive and a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", help=f"of {', '.join(ROOMS)}; all unless told")
    parser.add_argument("--count", type=int, default=30, help="how many changes a room, 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    told = parser.parse_args(arguments)
    rooms = told.rooms or list(ROOMS)
    if unknown := set(rooms) - set(ROOMS):
        parser.error(f"no such room: {', '.join(sorted(unknown))}; there are {', '.join(ROOMS)}")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve()
        for name in ("src", "tests"):
            shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PROJECT / "pyproject.toml", copy)
        os.chdir(copy)  # cosmic-ray changes the files that it finds from here
        os.environ.update(PYTHONPATH=str(copy / "src"), OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
        scores = [try_room(room, count=told.count, seed=told.seed) for room in rooms]
    print("| room | changes possible | tried | killed | survived | score |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    print(*(score.row() for score in scores), sep="\n")
    return 0


def try_room(room: str, *, count: int, seed: int) -> Score:
    """Run a room's tests on some changes of its modules, and print each change that survives."""
    patterns, tests = ROOMS[room]
    command = f"{sys.executable} -m pytest -q -x -p no:cacheprovider --hypothesis-seed=0 "
    command += f"-m 'not slow and not long' {' '.join(tests)}"
    began = time.monotonic()
    plain = subprocess.run(command, shell=True, capture_output=True, text=True)
    if plain.returncode:
        sys.exit(f"{room}: its tests fail on the code as it is\n{plain.stdout[-3000:]}")
    patience = 60 + 5 * (time.monotonic() - began)
    items = list(changes([path for each in patterns for path in sorted(SOURCE.glob(each))]))
    score = Score(room, len(items))
    chosen = items if not count else random.Random(seed).sample(items, min(count, len(items)))
    for item in chosen:
        result = mutate_and_test(item.mutations, command, patience)
        if result.test_outcome is TestOutcome.INCOMPETENT:
            sys.exit(f"{room}: cosmic-ray failed\n{result.output}")
        score.tried += 1
        if result.test_outcome is TestOutcome.SURVIVED:
            score.survivors.append(described(item.mutations[0], result))
            print(score.survivors[-1], flush=True)
        print(f"{room}: {score.tried} of {len(chosen)}", end="\r", file=sys.stderr)
    return score


def changes(modules: Sequence[Path]) -> Iterator[WorkItem]:
    """Yield every change that cosmic-ray knows for some modules, always in the same order."""
    with use_db("changes.sqlite", WorkDB.Mode.create) as database:
        init(modules, database, {})
        items = sorted(database.work_items, key=lambda item: _order(item.mutations[0]))
    inert = {path: {*annotated(path), *stars(path)} for path in modules}
    for item in items:
        where = item.mutations[0]
        if where.start_pos not in inert[where.module_path] and not where.operator_name.endswith(SAME):
            yield item


def annotated(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the line and column of all characters that belong to annotations."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        for name in ("annotation", "returns"):
            note = getattr(node, name, None)
            if isinstance(note, ast.expr):
                for line in range(note.lineno, (note.end_lineno or 0) + 1):
                    first = note.col_offset if line == note.lineno else 0
                    last = (note.end_col_offset or 0) if line == note.end_lineno else len(lines[line - 1])
                    yield from ((line, column) for column in range(first, last))


def stars(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the line and column of stars that multiply nothing: cosmic-ray takes them for operators."""
    before = ""
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.string in ("*", "**") and before in ("(", "[", "{", ",", "="):
                yield token.start
            if token.type not in (tokenize.NL, tokenize.COMMENT):
                before = token.string


def described(where: MutationSpec, result: WorkResult) -> str:
    """Name a change: its place, and the line before and after."""
    lines = (result.diff or "").splitlines()
    gone, come = (
        next((line[1:].strip() for line in lines if line[:1] == sign and line[:3] != sign * 3), "")
        for sign in "-+"
    )
    return f"{where.module_path}:{where.start_pos[0]}: {gone}  ->  {come}"


def _order(where: MutationSpec) -> tuple[str, str, int]:
    return str(where.module_path), where.operator_name, where.occurrence


if __name__ == "__main__":
    sys.exit(main())
