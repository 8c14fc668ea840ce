"""The laboratory: train, compare and export genre recognizers. Needs the extra `lab`."""

from importlib.util import find_spec

from genrelab.errors import MissingExtraError

if find_spec("torch") is None:
    raise MissingExtraError(
        "genrelab.lab needs PyTorch, which is not installed. Install the laboratory with: "
        "pip install 'genrelab[lab]'"
    )
