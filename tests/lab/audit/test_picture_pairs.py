"""Pictures of one recording are found, whatever their loudness, at any shift; others are not."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import draw
from PIL import Image

from genrelab.cli.main import main
from genrelab.lab.audit import Audit, audit_corpus
from genrelab.lab.audit.pictures.analysis import content_box, fine_structure
from genrelab.lab.audit.pictures.matching import _correlate, matches
from genrelab.lab.corpora import load_corpus, make_split

ROWS, COLUMNS = 64, 172


def recording(number: int, *, columns: int = 2 * COLUMNS) -> np.ndarray:
    """Return a spectrogram of a made-up recording: fine structure over the same coarse one."""
    rng = np.random.default_rng(number)
    coarse = 90 + 60 * np.cos(np.linspace(0, 3, ROWS))[:, None] + 20 * np.sin(np.linspace(0, 9, columns))
    return (coarse + rng.normal(0, 25, (ROWS, columns))).clip(0, 255).astype(np.uint8)


def test_the_best_shift_is_that_of_a_direct_computation() -> None:
    whole = recording(1)
    first, second = fine_structure(whole[:, 20:192]), fine_structure(whole[:, 60:232])
    scores, shifts = _correlate(first[None], second[None])
    assert shifts[0, 0] == -40
    a, b = first[:, 40:].astype(float), second[:, :-40].astype(float)
    assert scores[0, 0] == pytest.approx((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()), abs=1e-3)
    assert scores[0, 0] > 0.9
    ((pair),) = matches(np.stack([first, second]))
    assert pair.offset == pytest.approx(40 / COLUMNS)


def test_blank_and_nearly_blank_pictures_match_nothing() -> None:
    blank = fine_structure(np.full((ROWS, COLUMNS), 7, np.uint8))
    assert not blank.any()
    dot = np.zeros((ROWS, COLUMNS), np.uint8)
    dot[30, 3] = 255
    other = np.zeros((ROWS, COLUMNS), np.uint8)
    other[30:32, 90:93] = recording(4)[:2, :3]
    assert (
        list(matches(np.stack([blank, blank, fine_structure(dot), fine_structure(recording(3)[:, :172])])))
        == []
    )


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_pictures_are_not_alike_for_their_margins(tmp_path: Path, suffix: str) -> None:
    plots = {}
    for number in range(6):
        start = 0 if number < 5 else 40
        pale = 60 + recording(min(number, 4))[:, start : start + COLUMNS] // 4
        plots[number] = np.pad(pale, ((16, 24), (30, 22)), constant_values=255)
    for number, pixels in plots.items():
        draw(tmp_path / "mine" / ("jazz", "rock")[number % 2] / f"{number}.{suffix}", pixels)
    corpus = load_corpus(f"pictures:{tmp_path / 'mine'}")
    assert content_box(corpus) == (30, 16, 30 + COLUMNS, 16 + ROWS)
    (pair,) = audit_corpus(corpus, jobs=1).pairs
    assert (pair.first, pair.second, pair.kind) == ("jazz/4", "rock/5", "other cut")
    assert pair.offset == pytest.approx(40 / COLUMNS, abs=0.01)


def test_without_a_margin_the_whole_picture_is_compared(tmp_path: Path) -> None:
    for number, name in enumerate(("jazz", "rock")):
        pixels = recording(number)[:, :COLUMNS]
        pixels[:20] = 30 * number  # bare, but not alike
        draw(tmp_path / name / "0.png", pixels)
        draw(tmp_path / name / "1.png", np.full((ROWS, COLUMNS), 30 * number, np.uint8))
    assert content_box(load_corpus(f"pictures:{tmp_path}")) is None


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred pictures, more than two blocks, some of them of one recording."""
    folder = tmp_path_factory.mktemp("audit") / "mine"
    for number in range(150):
        for place, genre in enumerate(("jazz", "rock")):
            draw(folder / genre / f"{number:03}.png", recording(1000 * place + number)[:, :COLUMNS])
    draw(folder / "rock/900-equal.png", recording(5)[:, :COLUMNS], compress_level=0)
    quiet = (recording(6)[:, :COLUMNS] * 0.6 + 30).astype(np.uint8)
    draw(folder / "rock/901-quiet.jpg", quiet, format="JPEG", quality=80)
    draw(folder / "rock/902-later.png", recording(7)[:, 60 : 60 + COLUMNS])
    wide = Image.fromarray(recording(8)[:, :COLUMNS]).resize((COLUMNS, ROWS))
    draw(folder / "rock/903-file.png", np.asarray(wide))
    (folder / "rock/904-copy.png").write_bytes((folder / "jazz/009.png").read_bytes())
    draw(folder / "rock/905-blank.png", np.full((ROWS, COLUMNS), 9, np.uint8))
    (folder / "rock/906-cut.png").write_bytes((folder / "jazz/010.png").read_bytes()[:-400])
    return folder


@pytest.fixture(scope="module")
def found(music: Path) -> Audit:
    corpus = load_corpus(f"pictures:{music}")
    return audit_corpus(corpus, split=make_split(corpus, "random", seed=0), jobs=2)


def test_what_is_found(found: Audit) -> None:
    pairs = {pair.second: pair for pair in found.pairs}
    assert [(pair.first, pair.second, pair.kind) for pair in found.pairs] == [
        ("jazz/005", "rock/900-equal", "same samples"),
        ("jazz/006", "rock/901-quiet", "same recording"),
        ("jazz/007", "rock/902-later", "other cut"),
        ("jazz/008", "rock/903-file", "same file"),
        ("jazz/009", "rock/904-copy", "same file"),
    ]
    assert pairs["rock/902-later"].offset == pytest.approx(60 / COLUMNS)
    assert pairs["rock/902-later"].overlap == pytest.approx(1 - 60 / COLUMNS)
    assert pairs["rock/901-quiet"].score > 0.7
    assert {fault.clip_id: fault.kind for fault in found.faults} == {
        "rock/905-blank": "silent",
        "rock/906-cut": "unreadable",
    }
    assert {each.clip_id for each in found.excluded} >= {"rock/905-blank", "rock/906-cut"}
    assert len(found.excluded) == 7 and all(map(found.labels_differ, found.pairs))


@pytest.mark.slow
def test_the_command_writes_no_seconds(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["corpora", "audit", f"pictures:{music}", "--split=random", f"--out={tmp_path}"]) == 0
    assert "5 repetitions among 307 clips" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "pairs.csv").open(encoding="utf-8")))
    assert len(rows) == 5 and {row["offset_seconds"] + row["speed"] + row["gain_db"] for row in rows} == {""}
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "hours" not in page and "35 %" in page  # 60 of 172 columns


@pytest.mark.slow
def test_gtzans_repetitions(data_dir: Path) -> None:
    corpus = load_corpus(f"pictures:{data_dir / 'gtzan-pictures'}?size=64x172")
    metal = [clip for clip in corpus.clips if clip.genre in ("metal", "jazz")]
    pairs = audit_corpus(
        type(corpus)("few", ("jazz", "metal"), metal, renderer=corpus.renderer, kind="pictures")
    ).pairs
    assert sum(pair.kind == "same file" for pair in pairs) == 7
    assert sum(pair.kind == "same recording" for pair in pairs) == 14
    assert {(clip.first[:5], clip.second[:5]) for clip in pairs} == {("jazz.", "jazz."), ("metal", "metal")}
