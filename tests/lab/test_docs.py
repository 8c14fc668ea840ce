"""Commands of README and docs/research that need the laboratory, run on small made-up corpora."""

from __future__ import annotations

import glob
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
from doc_commands import ROOT, Shown, blocks, shown
from drawn_pictures import draw, structure

from genrelab.cli.main import main
from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS

RESEARCH = ROOT / "docs" / "research"
PAGES = [ROOT / "README.md", *sorted(RESEARCH.rglob("*.md"))]
PYTHON, CORPORA = RESEARCH / "python.md", RESEARCH / "corpora.md"
ELSEWHERE = ("fma", "ismir2004", "--from")  # what nothing small is made of here
SMALL = ["--device=cpu"] + [
    f"--set={change}"
    for change in ("audio.segment_seconds=0.5", "training.max_epochs=1", "training.segments_per_clip=1")
]


def write(path: Path, number: int) -> None:
    """Write a second of noise of a colour that its number decides."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).normal(0, 0.1, 22_050)
    soundfile.write(path, np.convolve(noise, np.ones(1 + number // 10) / (1 + number // 10), "same"), 22_050)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpora of the pages: a tenth of GTZAN's names, as sound and pictures, music by genre, a table."""
    base = tmp_path_factory.mktemp("world")
    rows = ["path,genre,artist"]
    for number, clip_id in enumerate(sorted(EXPECTED_IDS)[::10]):
        genre = clip_id.partition(".")[0]
        write(base / "data/GTZAN/genres" / genre / f"{clip_id}.wav", number)
        draw(base / "data/gtzan-pictures" / genre / f"{clip_id}.png", structure(number))
        if genre in ("blues", "jazz"):
            write(base / "music/by-genre" / genre / f"{clip_id}.flac", 1000 + number)
            write(base / "music/elsewhere" / genre / f"{clip_id}.flac", 2000 + number)
            rows.append(f"music/by-genre/{genre}/{clip_id}.flac,{genre},artist {number}")
    (base / "music/other").symlink_to(base / "music/elsewhere")
    (base / "clips.csv").write_text("\n".join(rows))
    (base / "genres.yaml").write_text("blues: blues\njazz: jazz\n")
    return base


@pytest.fixture
def desk(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, beside the table and the genre map."""
    monkeypatch.chdir(tmp_path)
    for name in ("clips.csv", "genres.yaml"):
        (tmp_path / name).symlink_to(world / name)
    (tmp_path / "music").symlink_to(world / "music")
    return tmp_path


def arguments(command: Shown | str, world: Path) -> list[str]:
    """Return the words behind the program's name, with the corpora of this test."""
    words = shlex.split(command) if isinstance(command, str) else list(command.words[1:])
    words = [word.replace("/data/", f"{world}/data/").replace(":/music", f":{world}/music") for word in words]
    return [each for word in words for each in ("*" in word and sorted(glob.glob(word))) or [word]]


def quick(command: Shown) -> bool:
    """Whether a command of a block runs in a moment, without training and without a published corpus."""
    kind = command.words[1:3]
    chosen = kind[0] in ("recipes", "corpora") or kind in (("reproduce", "--list"), ("figures", "list"))
    chosen &= kind != ("recipes", "list")  # takes ten seconds, and has tests of its own
    left_out = (*ELSEWHERE, "--plugin")  # tests/lab/cli/test_plugins.py runs the latter
    return command.whole and chosen and not any(name in " ".join(command.words) for name in left_out)


QUICK = {page: [each for each in shown(page) if quick(each)] for page in PAGES}


def test_most_tasks_have_a_command_that_runs_in_a_moment() -> None:
    assert sum(map(len, QUICK.values())) >= 15
    needed = {"README.md", "recipes.md", "corpora.md", "splits.md", "audit.md", "reproduce.md"}
    assert needed <= {page.name for page, commands in QUICK.items() if commands}


@pytest.mark.parametrize("page", [page for page in PAGES if QUICK[page]], ids=lambda page: page.name)
def test_what_needs_no_training_runs(page: Path, desk: Path, world: Path) -> None:
    for command in QUICK[page]:
        assert main(arguments(command, world)) == 0, command


def test_python_in_the_page_on_corpora(desk: Path, world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = next(each for each in blocks(CORPORA, "python") if "load_corpus(" in each)
    exec(compile(example.replace("/data/GTZAN", f"{world}/data/GTZAN"), str(CORPORA), "exec"), {})
    assert "'blues'" in capsys.readouterr().out


@pytest.mark.slow
def test_python_in_the_page_on_python(desk: Path, world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The examples of one page build on each other."""
    names: dict[str, object] = {}
    for example in blocks(PYTHON, "python"):
        small = example.replace("folder:/music", f"folder:{world}/music")
        small = small.replace(
            '"training.max_epochs=1"', '"training.max_epochs=1", "audio.segment_seconds=0.5"'
        )
        exec(compile(small, str(PYTHON), "exec"), names)
    out = capsys.readouterr().out
    assert "clips to train on" in out and "On the same" in out
    assert (desk / "runs").is_dir() and "(4, 2)" in out.splitlines()[-1]


FOLDS = [f"train {recipe} --corpus gtzan:/data/GTZAN --split artist-kfold:{fold}/2"
         for recipe in ("resnet2d-s", "simple-cnn") for fold in (0, 1)]  # fmt: skip
TRAINED = [  # beginnings of commands in the pages, and what stands for their placeholders
    ("train soundfusion-1 --corpus gtzan:/data/GTZAN --split published", {"soundfusion-1": "resnet2d-s"}),
    ("train soundfusion-1 --corpus folder:/music/by-genre", {"soundfusion-1": "resnet2d-s"}),
    ("evaluate runs/.../artist-60-20-20-seed0", {"runs/...": "runs/*/*by-genre*"}),
    ("evaluate runs/.../artist-kfold-*-seed0", {"runs/...": "runs/soundfusion-resnet2d-s/gtzan"}),
    ("compare runs/soundfusion-resnet2d-s/gtzan/artist-kfold-*-seed0", {"resnet1d-s": "simple-cnn"}),
    ("fuse runs/soundfusion-resnet2d-s/gtzan/artist-kfold-*-seed0", {"resnet1d-s": "simple-cnn"}),
    ("search resnet2d-s --corpus gtzan:/data/GTZAN --grid model.width=8,16,32", {"8,16,32": "4,8"}),
    ("bench model A.onnx B.onnx", {"A.onnx": "runs/*-resnet2d-s/*/*-0of2-*/*.onnx",
                                   "B.onnx": "runs/*-simple-cnn/*/*-0of2-*/*.onnx"}),
    ("targets teachers/soundfusion-resnet34/", {
        "teachers/soundfusion-resnet34": "runs/*-resnet2d-s", "${fold}of3": "0of2"}),
    ("finalize runs/RECIPE/CORPUS/artist-kfold-* ", {"RECIPE/CORPUS": "soundfusion-resnet2d-s/gtzan",
                                                     "folder:/music/by-genre": "gtzan:/data/GTZAN --force"}),
]  # fmt: skip


def documented(beginning: str) -> str:
    """Return the first command of the pages with a beginning."""
    commands = [" ".join(each.words[1:]) for page in PAGES for each in shown(page)]
    return next(each for each in commands if each.startswith(beginning))


@pytest.mark.parametrize(("beginning", "placeholders"), TRAINED, ids=[each for each, _ in TRAINED])
def test_what_trains_is_documented(beginning: str, placeholders: dict[str, str]) -> None:
    assert all(placeholder in documented(beginning) for placeholder in placeholders)


@pytest.mark.slow
def test_what_trains_runs(desk: Path, world: Path) -> None:
    chosen = ["--set=training.choose_epoch_on=none", "--set=training.monitor=last", "--set=voting=mean"]
    chosen.append("--set=training.patience=null")
    for command in FOLDS:
        assert main([*arguments(command, world), *SMALL, *chosen]) == 0
    for beginning, placeholders in TRAINED:
        command = documented(beginning)
        for placeholder, value in placeholders.items():
            command = command.replace(placeholder, value)
        small = SMALL if command.startswith(("train", "search")) else []
        assert main([*arguments(command, world), *small]) == 0, command
