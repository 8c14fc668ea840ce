"""The errors that a user of genrelab can meet, one family under `GenrelabError`.

Every message names what was wrong (a path, a key, a value) and the remedy, for people. Every error has a
code, for programs. The command line prints the message alone; a traceback means a defect in genrelab.
"""

from __future__ import annotations


class GenrelabError(Exception):
    """Base of all errors that genrelab raises on purpose.

    Parameters
    ----------
    message : str
    code : str or None
        What went wrong, such as `split-clip-twice`: one code for one kind of fault, raised by one class. It
        stays when the message is reworded. None is the code of the class.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class UsageError(GenrelabError):
    """A command or function was called with values that make no sense together."""

    code = "usage"


class AudioError(GenrelabError):
    """A sound file cannot be read, or holds no usable sound."""

    code = "audio"


class CutOffError(AudioError):
    """A sound file ends before the end of its sound."""

    code = "audio-cut-off"


class UnsupportedFormatError(AudioError):
    """A sound file is of a format, or its sound of a codec, that cannot be decoded here."""

    code = "audio-format-unsupported"


class ModelFileError(GenrelabError):
    """A model file is missing, damaged, or not one of genrelab's."""

    code = "model-file"


class CorpusError(GenrelabError):
    """A labelled collection is not where it should be, or not as it should be."""

    code = "corpus"


class RecipeError(GenrelabError):
    """A recipe is unknown, or holds values that cannot be used."""

    code = "recipe"


class RunError(GenrelabError):
    """A run folder is missing, incomplete, or belongs to another recipe."""

    code = "run"


class LibraryError(GenrelabError):
    """The library cannot be opened, read or written."""

    code = "library"


class TagError(GenrelabError):
    """A file's tags cannot be read or written."""

    code = "tag"


class VocabularyError(GenrelabError):
    """A table of genre names that comes with genrelab is missing or damaged."""

    code = "vocabulary"


class CatalogueError(GenrelabError):
    """A catalogue, a listing or an engine cannot be used."""

    code = "catalogue"


class ClusterError(GenrelabError):
    """A cluster cannot be reached, or fails."""

    code = "cluster"


class MissingExtraError(GenrelabError):
    """A part of genrelab is used whose optional dependencies are not installed."""

    code = "extra-missing"
