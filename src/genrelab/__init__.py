"""Recognize the genre of music; train, compare and trust such recognizers."""

__version__ = "0.1.0"
