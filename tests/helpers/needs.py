"""What some tests need from the machine: without it they are skipped, or fail where nothing may be lacking.

    @pytest.mark.needs("mpv")          before a test
    needs.program("ffmpeg")            inside one; returns its path

With GENRELAB_REQUIRE_TOOLS=1, as in CI, a test that would be skipped for want of a tool fails instead.

    python tests/helpers/needs.py      prints the Debian packages of the programs that are not installed
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

REQUIRE = "GENRELAB_REQUIRE_TOOLS"

PACKAGES = {
    "bash": "bash",
    "chromium": "chromium",
    "dpkg-deb": "dpkg",
    "espeak-ng": "espeak-ng",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
    "flac": "flac",
    "git": "git",
    "lame": "lame",
    "make": "make",
    "mkvmerge": "mkvtoolnix",
    "mount": "mount",
    "mpv": "mpv",
    "sox": "sox",
    "systemd-analyze": "systemd",
    "unshare": "util-linux",
    "wvunpack": "wavpack",
}
"""The programs that tests run, and the packages of Debian and Ubuntu that bring them."""

_OTHER_NAMES = {"chromium": ("chromium-browser", "google-chrome")}


def find(name: str) -> str | None:
    """Return the path of a program that `PACKAGES` lists; None where it is not installed."""
    if name not in PACKAGES:
        raise LookupError(f"{name!r} is not in tests/helpers/needs.py: add it there, so that CI installs it")
    found = map(shutil.which, (name, *_OTHER_NAMES.get(name, ())))
    return next((path for path in found if path), None)


def program(name: str) -> str:
    """Return the path of a program; without it the test is skipped, or fails where it is required."""
    return find(name) or lacking(f"{name} is not installed (apt install {PACKAGES[name]})")


def find_python(minor: int) -> Path | None:
    """Return a Python 3.`minor` that runs: of pyenv, or in the PATH, where pyenv's may not run."""
    of_pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/python"), reverse=True)
    named = shutil.which(f"python3.{minor}")
    for path in (*of_pyenv, *([Path(named)] if named else [])):
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    return None


def lacking(reason: str) -> NoReturn:
    """Skip the test that runs, or let it fail where nothing may be lacking.

    For what only some machines offer and CI must: programs, mounts, extended attributes. What a machine
    may well be without, such as another platform, a GPU or the real clips, is for `pytest.skip`.
    """
    import pytest  # not at the top: CI asks this file for the packages before pytest is there

    if os.environ.get(REQUIRE, "0") not in ("", "0"):
        pytest.fail(f"{reason}; {REQUIRE} is set, so that nothing may be lacking", pytrace=False)
    pytest.skip(reason)


if __name__ == "__main__":
    print(*sorted({package for name, package in PACKAGES.items() if find(name) is None}))
