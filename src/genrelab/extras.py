"""The optional parts of genrelab: what each extra installs, and one message where it is missing.

The recognizer installs without them. Code that needs one calls `need_extra` first, or raises `missing_extra`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from genrelab.errors import MissingExtraError

EXTRAS: dict[str, frozenset[str]] = {
    "teach": frozenset({"onnx"}),
    "serve": frozenset({"python_multipart", "starlette", "uvicorn", "watchfiles", "websockets"}),
    "parquet": frozenset({"pyarrow"}),
    "cluster": frozenset({"pyarrow", "ray"}),
    "live": frozenset({"sounddevice"}),
    "lab": frozenset(
        {
            "huggingface_hub", "librosa", "lightning", "onnx", "onnxscript", "optuna", "pandas", "PIL",
            "safetensors", "scipy", "sklearn", "tensorboard", "timm", "torch",
        }
    ),
}  # fmt: skip
"""Names of imports that each extra brings and that the recognizer alone may lack."""


def install_command(extra: str) -> str:
    """Return the command that adds an extra, for the way in which genrelab was installed here.

    Parameters
    ----------
    extra : str
        A key of `EXTRAS`.

    Returns
    -------
    str
        Such as `pip install 'genrelab[serve]'`; `uv tool install` or `pipx install` where these installed it.
    """
    quote = '"' if sys.platform == "win32" else "'"  # cmd does not know the other one
    wanted = f"{quote}genrelab[{extra}]{quote}"
    home = Path(sys.prefix)
    if (home / "uv-receipt.toml").is_file():
        return f"uv tool install {wanted}"
    if (home / "pipx_metadata.json").is_file():
        return f"pipx install --force {wanted}"
    return f"pip install {wanted}"


def missing_extra(extra: str, what: str, module: str) -> MissingExtraError:
    """Return the error for a package that is not installed.

    Parameters
    ----------
    extra : str
        The key of `EXTRAS` that brings it.
    what : str
        What needs it, as the subject of a sentence, such as `serving`.
    module : str
        Its name.
    """
    command = install_command(extra)
    return MissingExtraError(f"{what} needs {module}, which is not installed. Install it: {command}")


def need_extra(extra: str, what: str, *modules: str) -> ModuleType:
    """Import modules of an extra and return the first one.

    Parameters
    ----------
    extra, what
        As for `missing_extra`.
    *modules : str
        Names of modules.

    Raises
    ------
    MissingExtraError
        If one of them, or what it needs, is not installed.
    """
    try:
        found = [import_module(name) for name in modules]
    except ModuleNotFoundError as error:
        raise missing_extra(extra, what, error.name or modules[0]) from error
    return found[0]


def extra_of(module: str | None) -> str | None:
    """Return the smallest extra that brings a module, named in a `ModuleNotFoundError`; None if none does.

    Examples
    --------
    >>> extra_of("torch.nn"), extra_of("pyarrow"), extra_of("genrelab")
    ('lab', 'parquet', None)
    """
    top = (module or "").partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if top in modules), None)
