"""Recognize the genre of music; train, compare and trust such recognizers.

>>> from genrelab import Recognizer
>>> Recognizer.load()("song.mp3").genre  # doctest: +SKIP
'jazz'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genrelab.recognize import Recognizer

__all__ = ["Recognizer", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the recognizer on first use, so that `import genrelab` is fast (PEP 562)."""
    if name == "Recognizer":
        from genrelab.recognize import Recognizer

        return Recognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
