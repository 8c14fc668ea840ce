"""What the papers print, from `literature.yaml`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def literature(paper: str) -> dict[str, Any]:
    """Return what a paper prints of other systems and of its own figures."""
    text = (files(__package__) / "literature.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)[paper]
    return found
