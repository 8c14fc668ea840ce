"""What the package says about itself where it is built: addresses, and a README whose links work there.

The address of the repository is not written down, since forks have others: the environment variable
`GENRELAB_REPOSITORY` gives it, such as `https://github.com/OWNER/genrelab`. Without it the package names no
address, and links of the README to files of the repository become plain text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hatchling.metadata.plugin.interface import MetadataHookInterface

VARIABLE = "GENRELAB_REPOSITORY"
_PICTURE = re.compile(r"!\[([^\]]*)\]\((?!https?:)([^)\s]+)\)\n*")
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\((?!https?:|#|mailto:)([^)\s]+)\)")


def repository() -> str | None:
    """Return the address in the environment; None without one.

    Raises
    ------
    ValueError
        If it is not an address of the web.
    """
    address = os.environ.get(VARIABLE, "").strip().rstrip("/")
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.netloc or re.search(r"[\s()<>]", address):
        raise ValueError(f"{VARIABLE}={address!r} is no https address. Set it to that of the repository.")
    if parts.username is not None or parts.password is not None:  # everybody could read it in the package
        raise ValueError(f"{VARIABLE} contains a user or a token. Set it to the address without them.")
    return address


def urls_of(address: str | None) -> dict[str, str]:
    """Return the addresses for the metadata; as GitHub, Codeberg and Forgejo arrange them."""
    if address is None:
        return {}
    return {
        "Repository": address,
        "Issues": f"{address}/issues",
        "Changelog": f"{address}/blob/main/CHANGELOG.md",
        "Documentation": f"{address}/tree/main/docs",
    }


def readme_for(text: str, address: str | None, version: str) -> str:
    """Return the README with absolute links; without an address, with their texts and no pictures."""
    if address is None:
        return _LINK.sub(r"\1", _PICTURE.sub("", text))
    tag = f"v{version}"
    text = _PICTURE.sub(rf"![\1]({address}/raw/{tag}/\2)\n\n", text)
    return _LINK.sub(rf"[\1]({address}/blob/{tag}/\2)", text)


class CustomMetadataHook(MetadataHookInterface):
    """Sets `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add them to the metadata of the project."""
        address = repository()
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": readme_for(text, address, metadata["version"]),
        }
        metadata["urls"] = urls_of(address)
