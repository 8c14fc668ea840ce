"""Checksums of a store: SHA-256, which a processor computes faster than a disk reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_SEAL = "sha256"
_DIGITS = 32


def checksum(content: bytes | memoryview) -> str:
    """Return the first 32 hexadecimal digits of the SHA-256."""
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def sealed(content: Mapping[str, Any]) -> str:
    """Return a mapping as JSON that contains its own checksum."""
    text = json.dumps(content)
    return json.dumps({**content, _SEAL: checksum(text.encode())})


def unsealed(text: str) -> dict[str, Any]:
    """Return the mapping that `sealed` wrote.

    Raises
    ------
    ValueError
        If the text is not JSON, has no checksum, or has a wrong one.
    """
    content = json.loads(text)
    seal = content.pop(_SEAL, None) if isinstance(content, dict) else None
    if seal is None or seal != checksum(json.dumps(content).encode()):
        raise ValueError("its checksum does not match")
    return dict(content)
