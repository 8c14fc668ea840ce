"""Where a script ran: what its line of JSON says of its machine and libraries."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any


def machine(*packages: str) -> dict[str, Any]:
    """Return the processor's kind, cores, Python's version and those of the named packages."""
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("genrelab", *packages)},
    }
