"""onnxruntime, without the reports that it would send to its maker.

Since version 1.29, the wheels for Linux and macOS also send facts about each session, such as the name of the
model file, to a server of Microsoft, unless a variable of the environment forbids it. genrelab works offline.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from genrelab.errors import UsageError

Provider = Literal["cpu", "cuda", "tensorrt"]
"""Where a network runs."""

PROVIDERS: Mapping[Provider, tuple[str, ...]] = MappingProxyType(
    {
        "cpu": ("CPUExecutionProvider",),
        "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
        "tensorrt": ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"),
    }
)
"""Names of onnxruntime, the first of which must be usable; the next ones run the operators that it lacks."""

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


def check_provider(provider: Provider) -> None:
    """Raise a `UsageError` unless this onnxruntime has a provider; load its libraries if it has."""
    onnxruntime = load_onnxruntime()
    if provider not in PROVIDERS:
        raise UsageError(
            f"there is no provider {provider!r}; choose one of {', '.join(PROVIDERS)}.",
            code="provider-unknown",
        )
    if PROVIDERS[provider][0] not in onnxruntime.get_available_providers():
        raise UsageError(
            f"this onnxruntime ({onnxruntime.__version__}) has no provider {provider!r}. Replace it: "
            "`pip uninstall onnxruntime`, then `pip install onnxruntime-gpu`; or use --provider cpu.",
            code="provider-missing",
        )
    if provider != "cpu" and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # of the packages nvidia-*, which onnxruntime does not find by itself
