"""The steps of the Dockerfile, run in a clean virtual environment."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import needs
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
MOST_ADDED = 15_000_000  # bytes of the extra

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="as in the container")]


def size(folder: Path) -> int:
    """Return the bytes of all files but compiled ones."""
    return sum(
        path.lstat().st_size
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def pip(*arguments: str | Path, into: Path | None = None) -> None:
    """Run pip for an environment that has none of its own: making one with pip takes long."""
    where = [] if into is None else ["--python", into / "bin" / "python"]
    command = [sys.executable, "-m", "pip", *where, "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode and re.search(
        r"ConnectionError|No matching distribution|Temporary failure", done.stderr
    ):
        needs.lacking(f"pip cannot install here: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ".")
    (found,) = folder.glob("genrelab-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A virtual environment with the wheel, and the bytes that the extra added to it."""
    folder = tmp_path_factory.mktemp("venv") / "genrelab"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    install = ["install", "--quiet", "--no-compile"]  # Python compiles what is imported
    pip(*install, wheel, into=folder)
    before = size(folder)
    pip(*install, f"{wheel}[serve]", into=folder)
    return folder, size(folder) - before


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def server(installed: tuple[Path, int], port: int, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command of the Dockerfile, on a free port."""
    text = DOCKERFILE.read_text()
    command = json.loads(re.findall(r"^CMD (\[.*\])$", text, re.M)[-1])
    (tmp_path / "music").mkdir()
    (tmp_path / "token").write_text("a-token-that-is-long-enough")
    (tmp_path / "token").chmod(0o400)
    changed = {"/music": str(tmp_path / "music"), "/run/secrets/genrelab_token": str(tmp_path / "token")}
    words = [installed[0] / "bin" / "genrelab", *(changed.get(word, word) for word in command)]
    process = subprocess.Popen(
        [*words, "--port", str(port)],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "GENRELAB_LIBRARY": str(tmp_path / "library.db"),
        },
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    yield process
    process.kill()
    process.communicate()


def healthy(installed: tuple[Path, int], port: int) -> bool:
    """Run the check of the Dockerfile."""
    (check,) = re.findall(r"^\s+CMD (\[.*\])$", DOCKERFILE.read_text(), re.M)
    program, *arguments = json.loads(check.replace("8765", str(port)))
    return not subprocess.run([installed[0] / "bin" / program, *arguments], capture_output=True).returncode


def test_the_extra_is_small(installed: tuple[Path, int]) -> None:
    print(f"the extra serve adds {installed[1] / 1e6:.1f} MB")
    assert 0 < installed[1] < MOST_ADDED


def test_the_packages_fit_together(installed: tuple[Path, int]) -> None:
    pip("check", into=installed[0])


def test_it_serves_and_the_check_of_health_notices(
    installed: tuple[Path, int], server: subprocess.Popen[bytes], port: int, tmp_path: Path
) -> None:
    deadline = time.monotonic() + 60
    while not healthy(installed, port):
        assert server.poll() is None and time.monotonic() < deadline, server.communicate()[1]
        time.sleep(0.2)
    server.terminate()
    assert server.wait(60) == 0
    assert not healthy(installed, port)
    assert (tmp_path / "library.db").exists()


def test_the_watcher_runs_from_it(installed: tuple[Path, int], tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    command = (
        f"{shlex.quote(str(installed[0] / 'bin' / 'genrelab'))} watch music --once --settle 0 --format jsonl"
    )
    done = subprocess.run(
        shlex.split(command), cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True, check=True
    )
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["watching", "stopped"]
