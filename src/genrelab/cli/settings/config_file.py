"""Find a config file, and read it within bounds. Nothing in it is executed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from genrelab.errors import UsageError

CONFIG_VARIABLE = "GENRELAB_CONFIG"
"""The environment variable that names a config file."""

FILE_NAME = "genrelab.toml"
MOST_BYTES = 2**16
"""Most bytes in a config file."""

REMEDY = "Correct the file, or run `genrelab --no-config COMMAND`."
"""What helps with any error in a config file."""

Origin = Literal["option", "environment", "default"]


@dataclass(frozen=True, slots=True)
class ConfigPlace:
    """The config file to use.

    Parameters
    ----------
    path : Path
    origin : {"option", "environment", "default"}
        What names it. The default file need not exist.
    """

    path: Path
    origin: Origin

    @property
    def required(self) -> bool:
        """Whether it is an error if the file does not exist."""
        return self.origin != "default"


def find_config(given: Path | None = None, *, none: bool = False) -> ConfigPlace | None:
    """Return the config file to use; None if none is wanted.

    Parameters
    ----------
    given : Path or None
        From `--config`; None means the environment variable, else the file in the user's config folder.
    none : bool
        From `--no-config`.

    Raises
    ------
    UsageError
        If both are given.
    """
    if none:
        if given is not None:
            message = "--config and --no-config exclude each other"
            raise UsageError(message, code="config-and-no-config")
        return None
    if given is not None:
        return ConfigPlace(given, "option")
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return ConfigPlace(Path(named), "environment")
    import platformdirs

    return ConfigPlace(platformdirs.user_config_path("genrelab", appauthor=False) / FILE_NAME, "default")


def read_config(place: ConfigPlace) -> dict[str, Any] | None:
    """Return the top level of a config file as TOML parses it; None if the file is missing and may be.

    Raises
    ------
    UsageError
        If the file is missing, unreadable, too large or not TOML.
    """
    import tomllib

    path = place.path
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        if not place.required:
            return None
        named = "--config" if place.origin == "option" else f"the environment variable {CONFIG_VARIABLE}"
        message = f"the config file {path} that {named} names does not exist. Check the path."
        raise UsageError(message, code="config-missing") from error
    except (OSError, ValueError) as error:
        if not place.required and not os.path.lexists(path):
            return None  # in a folder of somebody else
        what = getattr(error, "strerror", None) or error
        message = f"the config file {path} cannot be read: {what}. {REMEDY}"
        raise UsageError(message, code="config-unreadable") from error
    if len(data) > MOST_BYTES:
        message = f"the config file {path} is larger than {MOST_BYTES // 1024} KiB. {REMEDY}"
        raise UsageError(message, code="config-too-large")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        message = f"the config file {path} is not UTF-8. Save it as UTF-8."
        raise UsageError(message, code="config-encoding") from error
    except (ValueError, RecursionError) as error:  # tomllib's own error is a ValueError
        message = f"the config file {path} is not TOML: {error}. {REMEDY}"
        raise UsageError(message, code="config-syntax") from error
