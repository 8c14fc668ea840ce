"""Fixtures of teaching: tones of known groups, and the commands' own library."""

from command_fixtures import own_library, tagged_model, tiny_model
from teaching import lesson

__all__ = ["lesson", "own_library", "tagged_model", "tiny_model"]
