"""The machine and the libraries that a benchmark or an experiment ran with, for its line of JSON."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any


def machine(*packages: str) -> dict[str, Any]:
    """Return the processor type, the core count and the versions of Python, genrelab and named packages."""
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("genrelab", *packages)},
    }
