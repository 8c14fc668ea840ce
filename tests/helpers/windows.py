"""Windows as far as it can be imitated: no renaming or removing of open files, its locks, no POSIX calls.

A test that passes here may still fail on Windows; one that fails here would fail there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

POSIX_ONLY = (
    "pread", "pwrite", "getuid", "getgid", "geteuid", "chown", "statvfs", "pathconf", "sysconf", "nice",
    "killpg", "setsid", "fork", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "O_NOCTTY", "sched_getaffinity",
)  # fmt: skip
POSIX_MODULES = ("fcntl", "resource", "pwd", "grp", "termios")


def open_paths() -> set[str]:
    """Return the real paths of all files that this process has open or mapped."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            continue
    for line in Path("/proc/self/maps").read_text().splitlines():
        found.add(line.partition("/")[1] + line.partition("/")[2])
    return found


def _refuse(call: Callable[..., Any], places: int) -> Callable[..., Any]:
    """Return a call that fails if one of its first paths, or a file in such a folder, is open."""

    def guarded(*arguments: Any, **options: Any) -> Any:
        opened = open_paths()
        for path in arguments[:places]:
            real = os.path.realpath(os.fsdecode(path))
            if any(each == real or each.startswith(real + os.sep) for each in opened):
                raise PermissionError(errno.EACCES, "the file is used by another process", os.fsdecode(path))
        return call(*arguments, **options)

    return guarded


def _locks() -> ModuleType:
    module = ModuleType("msvcrt")

    def locking(number: int, mode: int, count: int) -> None:
        assert (mode, count) == (1, 1)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PermissionError(errno.EACCES, "Permission denied") from error

    module.LK_NBLCK, module.locking = 1, locking  # type: ignore[attr-defined]
    return module


class _Sys(ModuleType):
    """The module `sys`, whose platform is Windows for the modules of genrelab."""

    def __getattr__(self, name: str) -> Any:
        if name == "platform":
            asks = str(sys._getframe(1).f_globals.get("__name__"))
            return "win32" if asks.partition(".")[0] == "genrelab" else sys.platform
        return getattr(sys, name)


def name_platform(patch: pytest.MonkeyPatch) -> None:
    """Let the modules of genrelab find `win32` in `sys.platform`; libraries find what they run on."""
    other = _Sys("sys")
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "genrelab" and getattr(module, "sys", None) is sys:
            patch.setattr(module, "sys", other)
    patch.setitem(sys.modules, "sys", other)  # for those that are imported later


def imitate(patch: pytest.MonkeyPatch) -> None:
    """Let genrelab find Windows in `sys.platform` and `os`, until the patch is undone."""
    for name, places in (("replace", 2), ("rename", 2), ("unlink", 1), ("remove", 1), ("rmdir", 1)):
        patch.setattr(os, name, _refuse(getattr(os, name), places))
    for name in POSIX_ONLY:
        patch.delattr(os, name)
    for name in POSIX_MODULES:
        patch.setitem(sys.modules, name, None)
    patch.setitem(sys.modules, "msvcrt", _locks())
    name_platform(patch)
