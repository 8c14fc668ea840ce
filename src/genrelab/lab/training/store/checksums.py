"""Checksums of what a store keeps: SHA-256, which processors compute faster than a disk reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_SEAL = "sha256"
_DIGITS = 32


def checksum(content: bytes | memoryview) -> str:
    """Return 32 hexadecimal digits that another content has not."""
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def sealed(content: Mapping[str, Any]) -> str:
    """Return a mapping as JSON that holds its own checksum."""
    text = json.dumps(content)
    return json.dumps({**content, _SEAL: checksum(text.encode())})


def unsealed(text: str) -> dict[str, Any]:
    """Return what `sealed` wrote.

    Raises
    ------
    ValueError
        If it is no JSON, has no checksum, or not its own.
    """
    content = json.loads(text)
    told = content.pop(_SEAL, None) if isinstance(content, dict) else None
    if told is None or told != checksum(json.dumps(content).encode()):
        raise ValueError("it is not as it was written")
    return dict(content)
