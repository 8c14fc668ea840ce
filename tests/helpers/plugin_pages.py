"""The files and commands of docs/research/plugins.md and plugin-teacher.md, and music for them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import soundfile

from genrelab.lab import plugins, registry

RESEARCH = Path(__file__).resolve().parents[2] / "docs" / "research"


def write_files(folder: Path) -> None:
    """Write each example that begins with the name of its file."""
    text = _page("plugins.md") + _page("plugin-teacher.md")
    blocks = re.findall(r"^```\w+\n# (\S+\.\w+)\n(.*?)^```", text, re.M | re.S)
    needed = {"tiny.py", "brightness.py", "polarity.py", "archive.py", "bands.py"}
    assert {name for name, _ in blocks} >= needed
    for name, text in blocks:
        (folder / name).write_text(text, encoding="utf-8")


def _page(name: str) -> str:
    return (RESEARCH / name).read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    """Return the arguments of each `genrelab` of the page on plugins, in order."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", _page("plugins.md"), re.M | re.S)
    lines = [line for language, text in blocks if not language for line in text.splitlines()]
    return [shlex.split(line)[1:] for line in lines]


def write_music(folder: Path, *, seed: int = 0) -> None:
    """Write `GENRE - ARTIST - TITLE.wav`: high and low tones, four artists of each with two songs."""
    rng = np.random.default_rng(seed)
    time = np.arange(12000) / 8000
    folder.mkdir(parents=True)
    for genre, pitch in {"high": 2000.0, "low": 150.0}.items():
        for number in range(8):
            wave = 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * time)
            name = f"{genre} - {genre.title()} Singer {number // 2} - {number}.wav"
            soundfile.write(folder / name, wave + rng.normal(0, 0.01, 12000), 8000)


def forget_plugins() -> None:
    """Make this process one that has loaded no plugin."""
    for origin in set(registry.origins().values()):
        registry.forget(origin)
    plugins._loaded.clear()
