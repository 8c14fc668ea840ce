"""Optional dependencies: every command says which one it lacks, and how to get it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from raising import raises

from genrelab import extras
from genrelab.extras import EXTRAS, extra_of, install_command, need_extra

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

#: What a command needs, by the extra that brings it, and a command that gets there with no file at hand.
COMMANDS = {
    "teach": ["teach {music} --from-tags --to new.onnx"],
    "serve": ["serve {music}", "serve --selfcheck {music}"],
    "parquet": [
        "recognize {music} --no-library --format parquet",
        "recognize {music} --no-library --by album --format parquet",
        "library export {music} --to out.parquet",
    ],
    "cluster": [
        "catalogue run {music} --to found",
        "catalogue report found",
        "catalogue status found --listing {music}",
    ],
    "live": ["listen", "listen --list-devices"],
    "lab": [
        "demo",
        "recipes list",
        "recipes show soundfusion-1",
        "corpora audit synthetic:tracks=20",
        "train soundfusion-1 --corpus folder:{music}",
        "pretrain x --corpus folder:{music} --teacher x --to x",
        "targets x --corpus folder:{music} --to x",
        "search resnet2d-s --corpus folder:{music} --grid model.width=8",
        "evaluate runs/x --corpus folder:{music}",
        "compare runs/x runs/y",
        "fuse runs/x runs/y",
        "reproduce soundfusion-2 --corpus folder:{music}",
        "figures mfcc-cqt 9",
        "bench model x.onnx --corpus folder:{music}",
        "finalize runs/x --corpus folder:{music} --to x.onnx",
        "export runs/x --to x.onnx",
    ],
}
WITHOUT = "import sys\nsys.modules.update(dict.fromkeys({names}))\nfrom genrelab.cli.main import main\n"
RUN = "print(*[main(each) for each in {commands}])"


packages = cache(metadata.packages_distributions)


def names_of(requirement: str) -> Iterator[str]:
    """Yield the import names of a distribution that is installed."""
    wanted = Requirement(requirement).name.lower().replace("-", "_")
    for module, distributions in packages().items():
        if wanted in {each.lower().replace("-", "_") for each in distributions}:
            yield module


def base_names() -> set[str]:
    return {name for each in PROJECT["dependencies"] for name in names_of(each)}


def test_every_extra_that_commands_need_is_listed() -> None:
    other = {"test", "dev", "docs", "mutants", "notebooks"}
    assert set(EXTRAS) == set(PROJECT["optional-dependencies"]) - other


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_names_of_an_extra_are_those_of_its_packages(extra: str) -> None:
    brought = {}
    for each in PROJECT["optional-dependencies"][extra]:
        if Requirement(each).name not in {Requirement(other).name for other in PROJECT["dependencies"]}:
            brought[each] = {name for name in names_of(each)}
    there = {each: names for each, names in brought.items() if names}
    if extra not in ("live", "lab"):  # the others are part of the tests' environment
        assert there.keys() == brought.keys()
    assert [each for each, names in there.items() if not names & EXTRAS[extra]] == []
    if there.keys() == brought.keys():
        assert EXTRAS[extra] <= set().union(*there.values())
    assert not EXTRAS[extra] & base_names()


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_command_names_the_extra_that_it_lacks(extra: str, tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / "a.wav").write_bytes(b"RIFF")
    commands = [line.format(music=music).split() for line in COMMANDS[extra]]
    code = WITHOUT.format(names=sorted(EXTRAS[extra])) + RUN.format(commands=commands)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "is not installed" in line]
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-len(commands) :] == ["1"] * len(commands), done.stderr
    assert len(complaints) == len(commands), done.stderr
    assert all(f"Install it: pip install 'genrelab[{extra}]'" in line for line in complaints), complaints
    assert not re.search("Traceback|ModuleNotFound", done.stderr)


def test_a_defect_is_not_taken_for_a_missing_extra() -> None:
    code = WITHOUT.format(names=["genrelab.bundle"]) + "main(['recognize', '--no-library', 'x.mp3'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize(
    ("receipt", "command"),
    [
        (None, "pip install 'genrelab[serve]'"),
        ("uv-receipt.toml", "uv tool install 'genrelab[serve]'"),
        ("pipx_metadata.json", "pipx install --force 'genrelab[serve]'"),
    ],
)
def test_the_command_is_that_of_the_installer(
    receipt: str | None, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    if receipt:
        (tmp_path / receipt).touch()
    assert install_command("serve") == command
    monkeypatch.setattr(extras.sys, "platform", "win32")
    assert install_command("serve") == command.replace("'", '"')


def test_need_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert need_extra("lab", "x", "json", "csv").__name__ == "json"
    monkeypatch.setitem(sys.modules, "onnx", None)
    with raises("extra-missing", "teaching", "onnx", "genrelab[teach]"):
        need_extra("teach", "teaching", "onnx")
    assert (extra_of("torch.nn"), extra_of("genrelab.x"), extra_of(None)) == ("lab", None, None)
