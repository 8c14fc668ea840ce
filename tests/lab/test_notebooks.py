"""The notebooks run headless, on composed music and on a folder of sound files."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import soundfile

from genrelab.bundle.bundle import Bundle
from genrelab.bundle.find import find_model
from genrelab.lab.corpora import synthetic
from genrelab.lab.corpora.synthetic.corpus import GENRES as STYLES
from genrelab.pages.palette import COLOURS, assign

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = ("recognize", "train", "teach", "compare")
GENRES = ("classical", "metal", "reggae")
EACH = 5
Defs = Mapping[str, Any]
Play = Callable[..., Defs]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    """Run a notebook with command-line arguments, and return what its cells define."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MPLBACKEND", "agg")

    def run(name: str, **options: object) -> Defs:
        arguments = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *(["--", *arguments] if arguments else [])])
        spec = importlib.util.spec_from_file_location(f"notebook_{name}", NOTEBOOKS / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        outputs, defs = module.app.run()
        assert any(output is not None for output in outputs)
        return defs

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one subfolder per genre, with MP3 files of composed music."""
    music = tmp_path_factory.mktemp("music")
    pieces = synthetic.load(f"tracks={EACH},seconds=6,seed=7")
    assert pieces.renderer is not None
    for piece in pieces.clips:
        if piece.genre in GENRES:
            path = music / piece.genre / f"{piece.id.rpartition('/')[2]}.mp3"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, pieces.renderer(piece, 44_100, 2).T, 44_100)
    return music


def test_every_notebook_is_tested() -> None:
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.py")) == sorted(NAMES)


def test_marimo_finds_no_fault_in_them() -> None:
    files = [str(NOTEBOOKS / f"{name}.py") for name in NAMES]
    done = subprocess.run(
        [sys.executable, "-m", "marimo", "check", "--strict", *files], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def same_colours(defs: Defs, genres: tuple[str, ...]) -> None:
    """A genre has the colour that it has on all pages of genrelab."""
    assert defs["colours"] == {genre: colour for genre, (colour, _) in assign(genres, variants=2).items()}
    assert set(defs["colours"].values()) <= set(COLOURS)


@pytest.mark.slow(8)
def test_recognize_composed_music(play: Play) -> None:
    defs = play("recognize")
    answers = defs["answers"]
    assert {answer.path.stem for answer in answers} == set(STYLES)
    assert all(answer.error is None and answer.genres for answer in answers)
    assert defs["detail"].path == defs["chosen"].path and defs["detail"].full
    assert [each.start for each in defs["timeline"]] == pytest.approx([0.0, 5.11])
    assert defs["places"].shape == (10, 2) and 0 < defs["explained"] < 1
    assert defs["levels"].max() == pytest.approx(0, abs=0.01)


@pytest.mark.slow(8)
def test_recognize_a_folder(play: Play, folder: Path) -> None:
    defs = play("recognize", folder=folder)
    assert {answer.path for answer in defs["answers"]} == set(folder.rglob("*.mp3"))
    assert defs["places"].shape == (len(GENRES) * EACH, 2)
    same_colours(defs, defs["recognizer"].bundle.metadata.genres)


@pytest.mark.slow(8)
def test_recognize_a_folder_without_music(play: Play, tmp_path: Path) -> None:
    defs = play("recognize", folder=tmp_path)
    (problem,) = defs["answers"]  # what the folder lacks
    assert problem.error is not None and defs["recognized"] == [] and "timeline" not in defs


@pytest.mark.slow(8)
@pytest.mark.skipif(sys.platform == "win32", reason="no such names")
def test_names_with_markup_and_a_model_file_in_the_home_folder(
    play: Play, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a`<img src=x onerror=alert(1)>`*b*.mp3"
    (tmp_path / name).write_bytes(next(folder.rglob("*.mp3")).read_bytes())
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.onnx").write_bytes(find_model().read_bytes())
    defs = play("recognize", folder=tmp_path, model="~/mine.onnx")
    assert defs["chosen"].path.name == name and defs["model_file"] == tmp_path / "mine.onnx"
    assert defs["heading"].text == (
        "<h2>Inside <code>a`&lt;img src=x onerror=alert(1)&gt;`*b*.mp3</code></h2>"
    )


@pytest.mark.slow(40)
def test_train_on_composed_music(play: Play, tmp_path: Path) -> None:
    defs = play("train", epochs=1, out=tmp_path / "runs")
    run, scores = defs["run"], defs["scores"]
    assert run.folder.is_relative_to(tmp_path / "runs") and len(defs["history"]) == 1
    assert scores.n == len(defs["split"].test) == sum(map(sum, scores.confusion.tolist()))
    recorded = run.record.evaluation.track[run.recipe.voting].accuracy
    assert scores.accuracy.value == pytest.approx(recorded.value)
    assert defs["verdict"].state == run.record.verdict.state
    assert defs["leaks"]["artist"] == 0 and defs["leaks"]["random"] > 0
    assert defs["audit"].repetitions == []
    same_colours(defs, STYLES)


@pytest.mark.slow(30)
def test_train_on_a_folder_and_find_a_repetition(play: Play, folder: Path, tmp_path: Path) -> None:
    first = folder / GENRES[0] / "0000.mp3"
    twin = folder / GENRES[1] / "twin.mp3"
    twin.write_bytes(first.read_bytes())
    try:
        defs = play("train", folder=folder, epochs=1, out=tmp_path / "runs")
    finally:
        twin.unlink()
    (pair,) = defs["pairs"]
    assert pair["kind"] == "same file" and {Path(pair["first"]).stem, Path(pair["second"]).stem} == {
        "0000",
        "twin",
    }
    assert set(defs["corpus"].genres) == set(GENRES)
    assert defs["scores"].n == len(defs["split"].test)
    same_colours(defs, GENRES)


@pytest.mark.slow(15)
def test_teach_with_a_wrong_label(play: Play, tmp_path: Path) -> None:
    defs = play("teach", to=tmp_path / "mine.onnx")
    assert defs["suspects"][0]["file"] == defs["planted"].name
    assert defs["suspects"][0]["label"] == "metal" and defs["suspects"][0]["sounds like"] == "classical"
    assert defs["figures"].examples == 28
    mine = Bundle.load(tmp_path / "mine.onnx")
    assert set(mine.metadata.genres) == set(defs["STYLES"]) == set(defs["genres"])
    same_colours(defs, tuple(defs["STYLES"]))


@pytest.mark.slow(10)
def test_teach_from_a_folder(play: Play, folder: Path) -> None:
    defs = play("teach", folder=folder, fewest=4)
    assert set(defs["genres"]) == set(GENRES) and defs["planted"] is None
    assert [row["file"].partition("/")[0] for row in defs["tried"]] == sorted(GENRES)
    assert defs["figures"].examples == len(GENRES) * EACH


def counts_agree(defs: Defs) -> None:
    first, second = defs["of_first"], defs["of_second"]
    right = [sum(ok for ok, _ in found.values()) for found in (first, second)]
    assert right[0] - right[1] == defs["only_first"] - defs["only_second"]
    assert right[0] / len(first) == pytest.approx(defs["first"].scores.accuracy.value)
    assert len(defs["apart"]) == sum(first[each][1] != second[each][1] for each in defs["common"])
    assert 0 <= defs["p_value"] <= 1


@pytest.mark.slow(20)
def test_compare_with_a_taught_model(play: Play) -> None:
    defs = play("compare")
    assert set(defs["common"]) == set(defs["split"].test)
    counts_agree(defs)
    assert defs["only_second"] > defs["only_first"]  # the second one has learned how composed music sounds


@pytest.mark.slow(15)
def test_compare_two_model_files_on_a_folder(play: Play, folder: Path, tmp_path: Path) -> None:
    taught = tmp_path / "mine.onnx"
    play("teach", folder=folder, to=taught, fewest=4)
    defs = play("compare", folder=folder, second=taught)
    counts_agree(defs)
    assert defs["second_model"] == taught
    assert defs["first"].scores.n == len(GENRES) * EACH and defs["second"].left_out == 0
