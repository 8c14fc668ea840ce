"""A rich console that prints texts literally."""

from __future__ import annotations

from typing import Any

from rich.console import Console  # noqa: TID251
from rich.text import Text

from genrelab.printing import plain


class PlainConsole(Console):
    """A console that prints every `str` literally, also in tables, headings and titles.

    Markup, emoji codes and highlighting are off, and unprintable characters are escaped. A `rich.text.Text`
    is printed unchanged: create it from `genrelab.printing.plain` text.
    """

    def render_str(self, text: str, *args: Any, **options: Any) -> Text:
        """Return the text to print for a `str`."""
        return super().render_str(
            plain(text), *args, **{**options, "markup": False, "emoji": False, "highlight": False}
        )
