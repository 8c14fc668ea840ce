"""A clean folder with the files of the project, as a clone has them, and what runs in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import needs

ROOT = Path(__file__).resolve().parents[2]
UNREACHABLE = re.compile(
    "ConnectionError|Temporary failure|NewConnectionError|dns error|error sending request|timed out"
)


def beside(name: str) -> Path:
    """Return a program that the extra `dev` installs beside Python; the test lacks something without it."""
    path = Path(sys.executable).with_name(name)
    return path if path.exists() else needs.lacking(f"{name} is not installed: pip install -e '.[dev]'")


def copy_checkout(folder: Path) -> Path:
    """Copy what git tracks, or would, into a folder, and commit it there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    who = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "copy"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def clean_environment(home: Path, *first: Path) -> dict[str, str]:
    """Return the environment without this checkout, with a home of its own; `first` leads the PATH."""
    gone = {
        "PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME", "GENRELAB_LIBRARY", "GENRELAB_MODEL",
        "PYTHONDONTWRITEBYTECODE",  # uv compiles nothing: each start would compile all packages again
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if name not in gone}
    path = os.pathsep.join([*map(str, first), "/usr/local/bin", "/usr/bin", "/bin"])
    caches = {  # of the user: what one test downloaded, others take from there
        name: os.environ.get(name) or str(Path.home() / ".cache" / folder)
        for name, folder in (("UV_CACHE_DIR", "uv"), ("PIP_CACHE_DIR", "pip"))
    }
    return {**kept, **caches, "PATH": path, "HOME": str(home), "UV_NO_PROGRESS": "1"}


def run(*words: str | Path, cwd: Path, env: dict[str, str], code: int = 0) -> str:
    """Run a program and return its output; a registry that cannot be reached is something lacking."""
    done = subprocess.run(
        words, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode != code and UNREACHABLE.search(done.stdout):
        needs.lacking(f"nothing can be installed here: {done.stdout[-300:]}")
    assert done.returncode == code, f"{words}: {done.stdout[-3000:]}"
    return done.stdout
