"""Disks to put files on: a quick one, a full one, and processes that may write little."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import needs

_ROOM = 256 * 2**20

_LIMITED = (
    "import resource, sys; most = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))\n"
    "from genrelab.cli.main import run; sys.argv[1:2] = []; run()"
)


@contextmanager
def quick_folder() -> Iterator[Path]:
    """Make a folder in memory where there is room: thousands of writes then wait for no disk."""
    memory = Path("/dev/shm")
    quick = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    with tempfile.TemporaryDirectory(dir=memory if quick else None) as folder:
        yield Path(folder).resolve()


@contextmanager
def small_disk(folder: Path, *, kib: int = 1024) -> Iterator[Path]:
    """Mount a disk of so much room; the test is skipped where that is not allowed."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", str(disk)]
    if needs.find("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        needs.lacking("no disk can be mounted here: that takes root and the right to mount")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Write a file that leaves no room on a disk."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (2**16, 2**12):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return path


def limited(most: int, *arguments: str | bytes | Path) -> subprocess.CompletedProcess[bytes]:
    """Run `genrelab` in a process that may make no file larger than `most` bytes, as on a full disk."""
    command = [sys.executable, "-c", _LIMITED, str(most), *arguments]
    return subprocess.run(command, capture_output=True, timeout=120, check=False)
