"""A rich console that obeys nothing in the texts that it prints."""

from __future__ import annotations

from typing import Any

from rich.console import Console  # noqa: TID251
from rich.text import Text

from genrelab.printing import plain


class PlainConsole(Console):
    """A console that takes every `str` as it is, in tables, headings and titles too.

    Nothing in it is markup, an emoji's code or highlighted, and what cannot be printed is escaped. A
    `rich.text.Text` is printed as it was made: make it of `genrelab.printing.plain` text.
    """

    def render_str(self, text: str, *args: Any, **options: Any) -> Text:
        """Return the text that is printed for a `str`."""
        return super().render_str(
            plain(text), *args, **{**options, "markup": False, "emoji": False, "highlight": False}
        )
