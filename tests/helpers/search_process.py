"""Processes that run a command of genrelab; all but the first start at once, from one that has torch."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch

import genrelab.cli.main
import genrelab.lab.studies.search  # noqa: F401  loaded here, so that the processes need not

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["search_process"])


def start(arguments: list[str], said: Path) -> ForkServerProcess:
    """Start a command; what it says goes to a file, behind what is there."""
    process = _FORKS.Process(target=_main, args=(arguments, str(said)))
    process.start()
    return process


def _main(arguments: list[str], said: str) -> None:
    file = os.open(said, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(file, stream.fileno())
    torch.set_num_threads(1)  # so small a network gains nothing from more
    sys.exit(genrelab.cli.main.main(arguments))
