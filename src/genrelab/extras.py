"""The optional parts of genrelab: what each extra installs, and one message where it is missing.

The recognizer installs without them. Code that needs one calls `need_extra` first, or raises `missing_extra`.
"""

from __future__ import annotations

import json
import shlex
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from genrelab.errors import MissingExtraError

if TYPE_CHECKING:
    from importlib.metadata import Distribution

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

    uv and pipx rebuild the environment of a program: their command names where genrelab came from, and the
    extras that are there already.

    Parameters
    ----------
    extra : str
        A key of `EXTRAS`.

    Returns
    -------
    str
        Such as `pip install 'genrelab[serve]'`, or `uv tool install 'genrelab[serve,teach]'`.
    """
    installed, home = _installed(), Path(sys.prefix)
    if (home / "uv-receipt.toml").is_file():
        return f"uv tool install {_anew(extra, installed)}"
    if (home / "pipx_metadata.json").is_file():
        return f"pipx install --force {_anew(extra, installed)}"
    if installed is None or (installed.read_text("INSTALLER") or "").strip() != "uv":
        return f"pip install {_quoted(f'genrelab[{extra}]')}"
    if (home.parent.parent / "CACHEDIR.TAG").is_file():  # the cache of uv, in which uvx runs programs
        return f"uvx --from {_anew(extra, installed)} genrelab"
    return f"uv pip install {_quoted(f'genrelab[{extra}]')}"


def _installed() -> Distribution | None:
    from importlib import metadata  # slow to import

    try:
        return metadata.distribution("genrelab")
    except metadata.PackageNotFoundError:
        return None


def _anew(extra: str, installed: Distribution | None) -> str:
    """Return what to install in place of what is there: the same genrelab, with one more extra."""
    present = {name for name, modules in EXTRAS.items() if all(map(find_spec, modules))}
    named = f"genrelab[{','.join(sorted({*present, extra}))}]"
    origin = _origin(installed)
    return _quoted(f"{named} @ {origin}" if origin else named)


def _origin(installed: Distribution | None) -> str | None:
    """Return the address that genrelab was installed from (PEP 610); None for an index, or if it is gone."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        stated = json.loads((installed and installed.read_text("direct_url.json")) or "{}")
        url = str(stated["url"])
        if url.startswith("file:"):
            return url if Path(url2pathname(urlsplit(url).path)).exists() else None
        if "vcs_info" not in stated:
            return url
        revision = stated["vcs_info"].get("requested_revision")
        return f"{stated['vcs_info']['vcs']}+{url}{f'@{revision}' if revision else ''}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _quoted(word: str) -> str:
    return f'"{word}"' if sys.platform == "win32" else shlex.quote(word)  # cmd knows no other quotes


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
