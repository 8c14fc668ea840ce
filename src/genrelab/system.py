"""What Windows does differently: names of files, replacing an open file, signals, words of a command.

Each function takes the way of the system that it runs on; the tests name the other one. Nothing here was run
on Windows itself.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.I | re.S)
_REFUSED = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_REPLACE_SECONDS = 2.0  # a player or virus scanner may have the file open for a moment
_REPLACE_PAUSE = 0.05
_BATCH = (".bat", ".cmd")
NEW_GROUP: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""The flag with which `subprocess.Popen` starts a program that Ctrl-C does not reach; POSIX has an option."""


def name_fault(name: str) -> str | None:
    """Return why Windows cannot have a file of a name, as the end of a sentence; None if it can.

    Parameters
    ----------
    name : str
        Of one file or folder, without a separator.

    Examples
    --------
    >>> name_fault("nul.wav"), name_fault("a:b"), name_fault("end."), name_fault("cone.wav")
    ('names a device of Windows', "contains ':', which Windows refuses", 'ends with a dot or a space', None)
    """
    if found := _REFUSED.search(name):
        return f"contains {found[0]!r}, which Windows refuses"
    if name != name.rstrip(". "):
        return "ends with a dot or a space"
    if _DEVICE.fullmatch(re.sub(r" +(?=\.|$)", "", name)):
        return "names a device of Windows"
    return None


def portable_name(name: str) -> str:
    """Return a name that every system can have: that of a device of Windows gets an underscore.

    Examples
    --------
    >>> portable_name("con.m3u8"), portable_name("jazz")
    ('_con.m3u8', 'jazz')
    """
    return f"_{name}" if _DEVICE.fullmatch(re.sub(r" +(?=\.|$)", "", name)) else name


def common_folder(paths: Sequence[bytes]) -> bytes:
    """Return the folder that has all of some absolute paths; empty if they are on several drives."""
    try:
        return os.path.commonpath(paths)
    except ValueError:
        return b""


def replace_open(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Rename a file to a target atomically; on Windows wait for a program that has the target open.

    Raises
    ------
    OSError
        If it cannot be renamed; on Windows after two seconds.
    """
    deadline = time.monotonic() + _REPLACE_SECONDS
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > deadline:
                raise
            time.sleep(_REPLACE_PAUSE)


def ending_signals() -> tuple[int, ...]:
    """Return the signals that ask a program to end: Ctrl-C, SIGTERM, and Ctrl-Break on Windows."""
    breaks = getattr(signal, "SIGBREAK", None)
    return (signal.SIGINT, signal.SIGTERM, *([] if breaks is None else [breaks]))


def split_words(text: str) -> list[str]:
    r"""Divide a command into words as a shell does; on Windows a backslash is part of a path.

    Raises
    ------
    ValueError
        If a quote is not closed.
    """
    if sys.platform != "win32":
        return shlex.split(text)
    words = shlex.shlex(text, posix=True, punctuation_chars=False)
    words.whitespace_split, words.commenters, words.escape, words.quotes = True, "", "", '"'
    return list(words)


def join_words(words: Sequence[str]) -> str:
    """Return words as a command that can be typed."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def is_batch_file(program: str) -> bool:
    """Whether a program is a batch file of Windows, which a shell runs: it would interpret its arguments."""
    return sys.platform == "win32" and program.lower().rstrip(". ").endswith(_BATCH)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that has a group of its own, and those that it started."""
    if sys.platform == "win32":
        with suppress(OSError):
            words = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
            subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
