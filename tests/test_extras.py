"""Optional dependencies: every command says which one it lacks, and how to get it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
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
    assert all(f"Install it: {install_command(extra)}" in line for line in complaints), complaints
    assert not re.search("Traceback|ModuleNotFound", done.stderr)


def test_a_defect_is_not_taken_for_a_missing_extra() -> None:
    code = WITHOUT.format(names=["genrelab.bundle"]) + "main(['recognize', '--no-library', 'x.mp3'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "ModuleNotFoundError" in done.stderr


WHEEL = "file:///nowhere/genrelab-1.0-py3-none-any.whl"
ORIGINS = {  # direct_url.json -> what is named; {here} is a folder that exists
    None: "genrelab[{extras}]",
    "{{": "genrelab[{extras}]",
    "[]": "genrelab[{extras}]",
    f'{{{{"url": "{WHEEL}", "archive_info": {{{{}}}}}}}}': "genrelab[{extras}]",  # a wheel that is gone
    '{{"url": "file://{here}", "dir_info": {{}}}}': "genrelab[{extras}] @ file://{here}",
    '{{"url": "https://example.org/g.whl", "archive_info": {{}}}}': (
        "genrelab[{extras}] @ https://example.org/g.whl"
    ),
    '{{"url": "https://example.org/g", "vcs_info": {{"vcs": "git", "commit_id": "abc"}}}}': (
        "genrelab[{extras}] @ git+https://example.org/g"
    ),
    '{{"url": "https://e.org/g", "vcs_info": {{"vcs": "git", "requested_revision": "v1"}}}}': (
        "genrelab[{extras}] @ git+https://e.org/g@v1"
    ),
}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Imitate an environment: the installer that it states, where genrelab came from, the extras in it."""

    def imitate(installer: str, origin: str | None = None, present: tuple[str, ...] = ()) -> None:
        folder = tmp_path / "site" / "genrelab-1.0.dist-info"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "METADATA").write_text("Name: genrelab\nVersion: 1.0\n")
        (folder / "INSTALLER").write_text(f"{installer}\n")
        if origin is not None:
            (folder / "direct_url.json").write_text(origin)
        found = metadata.PathDistribution(folder)
        monkeypatch.setattr(metadata, "distribution", lambda name: found)
        monkeypatch.setattr(sys, "prefix", str(tmp_path / "tools" / "genrelab" / "environment"))
        Path(sys.prefix).mkdir(parents=True, exist_ok=True)
        there = set().union(*(EXTRAS[extra] for extra in present))
        monkeypatch.setattr(extras, "find_spec", lambda name: name in there or None)

    return imitate


@pytest.mark.parametrize(
    ("installer", "command"),
    [("pip", "pip install"), ("uv", "uv pip install"), ("conda", "pip install"), ("", "pip install")],
)
def test_what_is_there_stays_in_an_environment(
    installer: str, command: str, install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(installer, present=("teach",))
    assert install_command("serve") == f"{command} 'genrelab[serve]'"
    monkeypatch.setattr(extras.sys, "platform", "win32")
    assert install_command("serve") == f'{command} "genrelab[serve]"'


@pytest.mark.parametrize(
    ("mark", "command"),
    [
        ("uv-receipt.toml", "uv tool install {}"),
        ("pipx_metadata.json", "pipx install --force {}"),
        ("../../CACHEDIR.TAG", "uvx --from {} genrelab"),
    ],
)
@pytest.mark.parametrize("origin", ORIGINS)
def test_a_tool_is_made_anew_from_where_it_came_with_its_extras(
    mark: str, command: str, origin: str | None, install: Callable[..., None], tmp_path: Path
) -> None:
    install("uv", None if origin is None else origin.format(here=tmp_path), ("teach", "parquet"))
    (Path(sys.prefix) / mark).touch()
    wanted = ORIGINS[origin].format(extras="parquet,serve,teach", here=tmp_path)
    assert install_command("serve") == command.format(shlex.quote(wanted))


def test_need_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert need_extra("lab", "x", "json", "csv").__name__ == "json"
    monkeypatch.setitem(sys.modules, "onnx", None)
    with raises("extra-missing", "teaching", "onnx", "genrelab[teach]"):
        need_extra("teach", "teaching", "onnx")
    assert (extra_of("torch.nn"), extra_of("genrelab.x"), extra_of(None)) == ("lab", None, None)
