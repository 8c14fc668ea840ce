"""Fixtures of the commands."""

from command_fixtures import music, own_library, tagged_model, tiny, tiny_model

__all__ = ["music", "own_library", "tagged_model", "tiny", "tiny_model"]
