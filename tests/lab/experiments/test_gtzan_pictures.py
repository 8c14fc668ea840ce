"""The experiment on GTZAN's pictures: its order, its statistics, and a page that follows from its runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_pictures import draw, structure

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "experiments"))
import gtzan_pictures  # noqa: E402
import gtzan_pictures_page as made  # noqa: E402

from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS, GENRES  # noqa: E402

COMMITTED = ROOT / "docs" / "results" / made.PAGE
Run = Callable[..., dict[str, Any]]


def extract(
    protocol: str, accuracy: float, *, seed: int = 0, system: str = "fds-cnn", **more: Any
) -> made.Extract:
    """Return a run on clips 0, 3, 6, ... of which the given share is correct."""
    tested = EXPECTED_IDS[::3]
    rng = np.random.default_rng([seed, *map(ord, protocol)])
    right = [key for key in tested if rng.random() < accuracy]
    values = {
        "system": system, "protocol": protocol, "copies": None, "seed": seed, "split": "random",
        "run": f"{system}/{protocol}/{seed}", "metrics_sha256": "0" * 64, "parameters": 1234, "chosen": 3,
        "epochs": 5, "minutes": 1.5, "parts": (400, 200, len(tested)), "known": 0.5, "twins": 1, "repeats": 2,
        "tested": made.packed(tested), "right": made.packed(right),
    }  # fmt: skip
    return made.Extract.of({"valid_tested": "", "valid_right": "", **values, **more})


def runs() -> list[made.Extract]:
    """Return runs of two systems in which a random split gives 30 points too much."""
    listed = [
        extract(protocol, accuracy - 0.05 * (system == "simple-cnn"), seed=seed, system=system)
        for system in ("fds-cnn", "simple-cnn")
        for protocol, accuracy in ((made.RANDOM, 0.8), (made.SAME_SIZES, 0.75), (made.PUBLISHED, 0.5))
        for seed in range(2)
    ]
    valid = {"valid_tested": made.packed(EXPECTED_IDS[1::3])}
    for copies, step in ((made.TRAINED, 6), (made.ALL, 3)):
        right = {"valid_right": made.packed(EXPECTED_IDS[1::step])}
        listed.append(extract(made.OWN, 0.6, system="mel-cnn", copies=copies, **valid, **right))
    return listed


PAIRS = [
    made.Repetition("blues.00000", "blues.00001", "other cut", 0.31),
    made.Repetition("disco.00098", "disco.00099", "same file", 1.0),
]


def test_clips_are_packed_and_unpacked() -> None:
    assert made.unpacked(made.packed(EXPECTED_IDS[::7])).nonzero()[0].tolist() == list(range(0, 1000, 7))
    assert made.Extract.of(json.loads(json.dumps(runs()[0].to_dict()))) == runs()[0]


def test_the_unit_of_tests_is_the_artist() -> None:
    """A difference within one artist is no evidence; the same difference over many artists is."""
    statistics = made.Statistics()
    big = np.bincount(statistics.groups).argmax()
    one_artist = [key for key, group in zip(EXPECTED_IDS, statistics.groups, strict=True) if group == big][
        :20
    ]
    _, first = np.unique(statistics.groups, return_index=True)
    many = [EXPECTED_IDS[number] for number in first[:20]]
    found = {}
    for name, clips in (("one", one_artist), ("many", many)):
        tested = {"tested": made.packed(EXPECTED_IDS)}
        tallies = [
            made.Tally([extract(made.OWN, 0, **tested, right=made.packed(right))]) for right in (clips, [])
        ]
        number, apart, found[name] = statistics.paired(*tallies)
        assert number == 1000 and apart == pytest.approx(0.02)
    assert found["one"] == 1.0 and found["many"] < 0.001
    assert (
        statistics.paired(made.Tally(runs()[:1]), made.Tally([extract(made.OWN, 0, tested="1", right="1")]))[
            0
        ]
        == 1
    )


def test_page_and_figure_follow_from_the_runs(tmp_path: Path) -> None:
    gtzan_pictures.write_page(tmp_path, runs(), PAIRS)
    page = tmp_path / made.PAGE
    assert made.differences(page) == []
    text = page.read_text(encoding="utf-8")
    assert "| same file | 1 | 1 | 0 | 0 |" in text and "| other cut | 1 | 0 | 1 | 0 |" in text
    by_clip = [line for line in text.splitlines() if line.startswith("| CNN, masked copies")]
    assert any("| validation | 333 | 50.2" in line and "| 100.0" in line for line in by_clip)
    gtzan_pictures.write_page(tmp_path, runs(), PAIRS, keep=True)
    assert page.read_text(encoding="utf-8") == text


def test_what_does_not_follow_is_found(tmp_path: Path) -> None:
    gtzan_pictures.write_page(tmp_path, runs(), PAIRS)
    page, below = tmp_path / made.PAGE, tmp_path / "gtzan-pictures"
    for path, tamper, quoted in (
        (page, lambda text: text.replace("| same file | 1 |", "| same file | 2 |"), made.PAGE),
        (below / made.FIGURE, lambda text: text.replace("circle", "square", 1), made.FIGURE),
        (below / made.REPETITIONS, lambda text: text.replace("same file", "other cut"), made.PAGE),
        (below / made.RUNS, lambda text: text.replace('"minutes": 1.5', '"minutes": 9.5'), made.PAGE),
        (below / made.RUNS, lambda text: text.replace('"seed": 1', '"seed": 0'), "twice"),
    ):
        before = path.read_text(encoding="utf-8")
        assert tamper(before) != before
        path.write_text(tamper(before), encoding="utf-8")
        assert any(quoted in each for each in made.differences(page)), path
        path.write_text(before, encoding="utf-8")
    assert made.differences(page) == []


def test_the_committed_page_follows_from_its_runs() -> None:
    assert COMMITTED.is_file() == COMMITTED.with_suffix("").is_dir(), "page and runs belong together"
    assert not COMMITTED.is_file() or made.differences(COMMITTED) == []


def test_the_most_telling_runs_come_first() -> None:
    listed = list(gtzan_pictures.tasks(3))
    assert len(set(listed)) == len(listed) and set(gtzan_pictures.TRAINED_SYSTEMS) == set(made.SYSTEMS)
    first = listed[: 3 * (len(made.SYSTEMS) - 1)]
    assert {(each.seed, each.fold, each.copies) for each in first} == {(0, 0, None)}
    assert {each.protocol for each in first} == {made.PUBLISHED, made.SAME_SIZES, made.ARTIST}
    assert listed[-1].system == "vgg16-random"
    copied = [each.copies for each in listed if each.copies is not None]
    assert copied.count(made.ALL) == copied.count(made.TRAINED) == 6


@pytest.fixture
def noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures of noise with the names of GTZAN, two of them equal."""
    monkeypatch.setenv("GENRELAB_CACHE", str(tmp_path / "cache"))
    for place, genre in enumerate(GENRES):
        for number in range(0, 100, 2):
            pixels = structure(0 if (place, number) == (1, 0) else 100 * place + number, rows=16, columns=16)
            draw(tmp_path / "noise" / genre / f"{genre}.{number:05}.png", pixels)
    return tmp_path / "noise"


@pytest.mark.slow
def test_runs_resume_and_become_a_page(noise: Path, tmp_path: Path) -> None:
    material = gtzan_pictures.Material(f"pictures:{noise}", None, quick=True)
    listed = [
        gtzan_pictures.Task("mel-cnn", protocol, 0, copies=copies)
        for protocol, copies in ((made.PUBLISHED, None), (made.OWN, made.TRAINED), (made.OWN, made.ALL))
    ]
    out = tmp_path / "runs"
    assert gtzan_pictures.train_all(listed, material, out, minutes=0) == []
    assert not any(gtzan_pictures.is_finished(task, material, out) for task in listed)
    first = gtzan_pictures.train_all(listed, material, out, minutes=None)
    assert all(gtzan_pictures.is_finished(task, material, out) for task in listed)
    assert gtzan_pictures.train_all(listed, material, out, minutes=None) == first
    gtzan_pictures.write_page(tmp_path, first, material.repetitions)
    known = gtzan_pictures.published(tmp_path)
    empty = tmp_path / "elsewhere"
    assert gtzan_pictures.train_all(listed, material, empty, minutes=None, known=known) == first
    assert not empty.exists()
    assert gtzan_pictures.train_all(listed, material, empty, minutes=0, known=known[1:]) == first[1:]
    assert made.differences(tmp_path / made.PAGE) == []
    for each in first:
        tested = made.unpacked(each.tested).sum()
        assert tested == each.parts[2] and 0 <= made.unpacked(each.right).sum() < 0.4 * tested
        assert bool(each.valid_tested) == (each.copies is not None)
    assert first[0].known == 0 < first[1].known and first[2].run.startswith("leak/")
    records = [json.loads((out / each.run / "metrics.json").read_text()) for each in first]
    assert [record["copies"]["of"] for record in records] == ["train", "train", "train+valid"]


def test_nothing_is_trained_unless_asked(run: Run, noise: Path, tmp_path: Path) -> None:
    options = ("--finished", f"--out={tmp_path / 'runs'}", f"--publish={tmp_path / 'docs'}")
    assert run("gtzan_pictures.py", f"pictures:{noise}", *options, "--only", "nnet1")["open"] == 21
    assert made.differences(tmp_path / "docs" / made.PAGE) == []
    assert run("gtzan_pictures.py", f"pictures:{noise}", "--list", "--only", "nnet1")["runs"] == 21
    (row,) = run("gtzan_pictures.py", f"pictures:{noise}", "--time", "--only", "simple-cnn")["times"]
    assert row["system"] == "simple-cnn" and row["epoch_minutes"] > 0
