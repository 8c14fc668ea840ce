"""The errors that a user of genrelab can meet, one family under `GenrelabError`.

Every message names what was wrong (a path, a key, a value) and the remedy. The command line
prints the message alone; a traceback means a defect in genrelab.
"""

from __future__ import annotations


class GenrelabError(Exception):
    """Base of all errors that genrelab raises on purpose."""


class UsageError(GenrelabError):
    """A command or function was called with values that make no sense together."""


class AudioError(GenrelabError):
    """A sound file cannot be read, or holds no usable sound."""


class CutOffError(AudioError):
    """A sound file ends before the end of its sound."""


class UnsupportedFormatError(AudioError):
    """A sound file is of a format, or its sound of a codec, that cannot be decoded here."""


class ModelFileError(GenrelabError):
    """A model file is missing, damaged, or not one of genrelab's."""


class CorpusError(GenrelabError):
    """A labelled collection is not where it should be, or not as it should be."""


class RecipeError(GenrelabError):
    """A recipe is unknown, or holds values that cannot be used."""


class RunError(GenrelabError):
    """A run folder is missing, incomplete, or belongs to another recipe."""


class LibraryError(GenrelabError):
    """The library cannot be opened, read or written."""


class TagError(GenrelabError):
    """A file's tags cannot be read or written."""


class MissingExtraError(GenrelabError):
    """A part of genrelab is used whose optional dependencies are not installed."""
