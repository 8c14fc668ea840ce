"""The release: the shell steps of its workflow in a clean folder; what they build, installed as users do."""

from __future__ import annotations

import email
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from clean_checkout import ROOT, beside, clean_environment, copy_checkout, run
from needs import find_python
from workflow_steps import ADDRESS, EXPRESSIONS, steps, version

MOST_WHEEL, MOST_SDIST = 8_000_000, 8_000_000  # bytes

pytestmark = [pytest.mark.slow(seconds=120), pytest.mark.needs("git", "bash")]


class Runner:
    """A clean folder with the project, and a Python of its own, as the runner of a workflow has."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_checkout(folder / "checkout")
        python = folder / "python"
        home = folder / "home"
        home.mkdir()
        self.env = clean_environment(home, python / "bin")
        run(
            beside("uv"), "venv", "-q", "--seed", "--python", sys.executable, python, cwd=folder, env=self.env
        )

    def run_step(self, step: dict[str, Any], code: int = 0, **changed: str) -> str:
        env = {name: EXPRESSIONS.get(value, value) for name, value in step.get("env", {}).items()}
        env = {name: value.format(version=version()) for name, value in env.items()} | changed
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        return run(*words, cwd=self.folder, env={**self.env, **env}, code=code)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def built(runner: Runner) -> Path:
    """The folder with wheel and sdist, after all steps of the job ran in order."""
    for name, step in steps("release", "build").items():
        if name == "Compare the tag with the version":
            changelog = runner.folder / "CHANGELOG.md"
            before = changelog.read_text(encoding="utf-8")
            if f"## [{version()}]" not in before:
                assert "has no section" in runner.run_step(step, code=1)
            changelog.write_text(f"{before}\n## [{version()}]\n", encoding="utf-8")
            assert "the tag is v9.9" in runner.run_step(step, code=1, TAG="v9.9")
        printed = runner.run_step(step)
        if name == "Check":
            assert printed.count("PASSED") == 2 and "OK" in printed
        if name == "Install and recognize a song":
            assert "song.mp3" in printed and "%" in printed
    return runner.folder / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def test_the_wheel_has_one_model_and_is_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    assert [name for name in names if name.endswith(".onnx")] == ["genrelab/bundle/packaged.onnx"]
    assert wheel.stat().st_size < MOST_WHEEL
    assert "genrelab/py.typed" in names
    assert not [
        name for name in names if not name.startswith(("genrelab/", f"genrelab-{version()}.dist-info/"))
    ]


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if name.startswith("genrelab/")}
    there = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "genrelab").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == there


def test_the_sdist_is_lean(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    assert sdist.stat().st_size < MOST_SDIST
    with tarfile.open(sdist) as opened:
        tops = {name.split("/")[1] for name in opened.getnames() if "/" in name}
    wanted = {"src", "hatch_build.py", "pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md", "PKG-INFO"}
    assert wanted <= tops <= wanted | {"CITATION.cff", "SECURITY.md", "THIRD_PARTY.md", ".gitignore"}


def test_the_metadata_is_complete(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        text = opened.read(f"genrelab-{version()}.dist-info/METADATA").decode("utf-8")
        files = {name.rpartition("/licenses/")[2] for name in opened.namelist() if "/licenses/" in name}
    read = email.message_from_string(text)
    assert read["License-Expression"] == "Apache-2.0 AND BSD-3-Clause AND MIT"
    assert files == {"LICENSE", "THIRD_PARTY.md"}
    urls = dict(each.split(", ", 1) for each in read.get_all("Project-URL", []))
    assert set(urls) == {"Repository", "Issues", "Changelog", "Documentation"}
    assert all(url.startswith(ADDRESS) for url in urls.values())
    assert read["Keywords"] and read["Summary"] and read["Author"]
    body = read.get_payload()
    assert isinstance(body, str)
    assert f"{ADDRESS}/raw/v{version()}/docs/pictures/" in body
    assert not re.search(r"\]\((?!https?:|#)", body)  # a relative link leads nowhere on PyPI


def test_the_parts_are_listed(built: Path) -> None:
    parts = json.loads((built.parent / "parts" / "genrelab.cdx.json").read_text(encoding="utf-8"))
    names = {each["name"].lower() for each in parts["components"]}
    assert parts["bomFormat"] == "CycloneDX" and {"genrelab", "mutagen", "onnxruntime", "numpy"} <= names


class TestTools:
    """Two commands to the first genre, without the checkout."""

    @pytest.fixture
    def desk(self, runner: Runner, tmp_path: Path) -> Path:
        shutil.copy(runner.folder / "song.mp3", tmp_path / "song.mp3")
        return tmp_path

    @pytest.fixture
    def env(self, tmp_path: Path) -> dict[str, str]:
        bins = {
            name: str(tmp_path / name)
            for name in ("UV_TOOL_DIR", "UV_TOOL_BIN_DIR", "PIPX_HOME", "PIPX_BIN_DIR")
        }
        return clean_environment(tmp_path / "home", Path(sys.executable).parent) | bins

    def recognize(self, program: Path, desk: Path, env: dict[str, str]) -> None:
        assert "song.mp3" in run(program, "recognize", "song.mp3", cwd=desk, env=env)

    def follow(self, program: Path, desk: Path, env: dict[str, str]) -> None:
        """Run the command that a missing extra names: it adds the extra, and those before it stay."""
        self.recognize(program, desk, env)
        printed = run(program, "serve", ".", cwd=desk, env=env, code=1)
        _, _, command = " ".join(printed.split()).partition("Install it: ")
        run("bash", "-ec", command, cwd=desk, env=env)
        assert "yes" in run(program, "serve", "--selfcheck", ".", cwd=desk, env=env)
        words = ["recognize", "song.mp3", "--no-library", "--format", "parquet", "--out", "song.parquet"]
        run(program, *words, cwd=desk, env=env)

    def test_uvx(self, desk: Path, env: dict[str, str], wheel: Path) -> None:
        words = ["--python", sys.executable, "--from", wheel, "genrelab"]
        assert "song.mp3" in run(beside("uvx"), *words, "recognize", "song.mp3", cwd=desk, env=env)
        printed = run(beside("uvx"), *words, "serve", ".", cwd=desk, env=env, code=1)
        _, _, command = " ".join(printed.split()).partition("Install it: ")
        assert "yes" in run("bash", "-ec", f"{command} serve --selfcheck .", cwd=desk, env=env)

    def test_uv_tool(self, desk: Path, env: dict[str, str], wheel: Path) -> None:
        words = ["tool", "install", "-q", "--python", sys.executable, f"{wheel}[parquet]"]
        run(beside("uv"), *words, cwd=desk, env=env)
        self.follow(desk / "UV_TOOL_BIN_DIR" / "genrelab", desk, env)

    def test_pipx(self, desk: Path, env: dict[str, str], wheel: Path) -> None:
        pipx = desk / "pipx"  # a program of that name, as the printed command expects it
        words = [beside("uvx"), "--python", sys.executable, "pipx"]
        pipx.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n', encoding="utf-8")
        pipx.chmod(0o755)
        env["PATH"] = f"{desk}{os.pathsep}{env['PATH']}"
        run(pipx, "install", "--python", sys.executable, f"{wheel}[parquet]", cwd=desk, env=env)
        self.follow(desk / "PIPX_BIN_DIR" / "genrelab", desk, env)

    @pytest.mark.parametrize("minor", [12, 13, 14])
    def test_other_pythons(self, minor: int, desk: Path, env: dict[str, str], wheel: Path) -> None:
        python = find_python(minor)
        if python is None:
            pytest.skip(f"there is no Python 3.{minor} here")
        words = ["--python", python, "--from", wheel, "genrelab", "recognize", "song.mp3"]
        assert "song.mp3" in run(beside("uvx"), *words, cwd=desk, env=env)


#: A command that each extra unlocks. The laboratory is installed where its own tests run.
UNLOCKED = {
    "teach": "teach --folders {desk}/genres --to mine.onnx",
    "serve": "serve --selfcheck {desk}",
    "parquet": "recognize song.mp3 --format parquet --out out.parquet",
    "cluster": "catalogue run {desk} --to found --workers 1",
    "live": "listen --list-devices",
}


@pytest.mark.parametrize("extra", UNLOCKED)
def test_each_extra_alone(extra: str, wheel: Path, runner: Runner, tmp_path: Path) -> None:
    """Installed alone, an extra runs its command, and the commands of others still say what they lack."""
    env, desk, venv = clean_environment(tmp_path), tmp_path / "desk", tmp_path / "venv"
    desk.mkdir()
    shutil.copy(runner.folder / "song.mp3", desk / "song.mp3")
    run(beside("uv"), "venv", "-q", "--python", sys.executable, venv, cwd=desk, env=env)
    wanted = ["--python", venv / "bin" / "python", f"{wheel}[{extra}]"]
    run(beside("uv"), "pip", "install", "-q", *wanted, cwd=desk, env=env)
    program = venv / "bin" / "genrelab"
    if extra == "teach":
        make_genres(desk / "song.mp3", desk / "genres")
    words = UNLOCKED[extra].format(desk=desk).split()
    done = subprocess.run([program, *words], cwd=desk, env=env, capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    assert "is not installed. Install it" not in printed and "Traceback" not in printed, printed
    no_device = extra == "live" and re.search("PortAudio|no sound input", printed)
    assert done.returncode == 0 or no_device, printed
    other, lacking = ("live", ["listen"]) if extra != "live" else ("serve", ["serve", "."])
    assert f"'genrelab[{other}]'" in run(program, *lacking, cwd=desk, env=env, code=1)


def make_genres(song: Path, folder: Path) -> None:
    """Make two genres of six tracks each: pieces of the song, and pieces at twice the speed."""
    import soundfile

    sound, rate = soundfile.read(song)
    for genre, step in (("calm", 1), ("fast", 2)):
        (folder / genre).mkdir(parents=True)
        for number in range(6):
            piece = sound[number * 4 * rate : (number * 4 + 9) * rate : step]
            soundfile.write(folder / genre / f"{number}.wav", piece, rate)
