"""Fixtures of the commands, of which some need the laboratory."""

from command_fixtures import music, own_library, tiny, tiny_model

__all__ = ["music", "own_library", "tiny", "tiny_model"]
