"""onnxruntime, without the reports that it would send to its maker.

Since version 1.29, the wheels for Linux and macOS also send facts about each session, such as the name of the
model file, to a server of Microsoft, unless a variable of the environment forbids it. genrelab works offline.
"""

from __future__ import annotations

import os
from typing import Any

_VARIABLE = "ORT_DISABLE_TELEMETRY"


def load_onnxruntime() -> Any:
    """Import onnxruntime; the only place of genrelab that does.

    Returns
    -------
    module
        The variable is set before the import, and nothing is sent. Who wants to send reports sets it to 0.
    """
    os.environ.setdefault(_VARIABLE, "1")
    import onnxruntime

    if os.environ[_VARIABLE] == "1":
        onnxruntime.disable_telemetry_events()  # another program may have imported it before
    return onnxruntime
