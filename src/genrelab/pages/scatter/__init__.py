"""The scripts that draw points in a browser, for the server's page and for pages that are one file."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent
"""Where the scripts are."""

_ORDER = ("data.js", "points.js", "painters.js", "scatter.js")  # each uses only those before it
_IMPORT = re.compile(r'^import [^;]*? from "\./[a-z]+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const|function|class|async)", re.MULTILINE)


def bundled(script: str) -> str:
    """Return one script with all of them, followed by another that uses their names.

    Parameters
    ----------
    script : str
        It imports nothing.

    Returns
    -------
    str
        For an inline `<script>`: strict, with names that no other script sees.
    """
    parts = [(FOLDER / name).read_text(encoding="utf-8") for name in _ORDER]
    joined = "\n".join(_EXPORT.sub("", _IMPORT.sub("", part)) for part in [*parts, script])
    return f'"use strict";\n(() => {{\n{joined}\n}})();\n'
