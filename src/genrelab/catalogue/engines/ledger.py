"""What workers are processing, so that the next one knows what its predecessor died of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from genrelab.errors import GenrelabError

MOST_DEATHS = 2
"""Workers that die while they process one file until it is given up. The first death of a batch does not
count: only the next workers note which file they process."""


@dataclass(slots=True)
class _Batch:
    worker: str
    file: int | None = None  # position of the file that is being processed
    deaths: Counter[int] = field(default_factory=Counter)
    given_up: dict[int, str] = field(default_factory=dict)


class Ledger:
    """Batches that are not finished, the model that all workers load, and why one cannot.

    Parameters
    ----------
    model : bytes
        The content of the model file.
    """

    def __init__(self, model: bytes) -> None:
        self._model = model
        self._batches: dict[bytes, _Batch] = {}
        self._refusal: GenrelabError | None = None

    def model(self) -> bytes:
        """Return the content of the model file."""
        return self._model

    def refuse(self, error: GenrelabError) -> None:
        """Keep why a worker cannot work at all; Ray Data passes on its traceback, but not the error."""
        self._refusal = error

    def refusal(self) -> GenrelabError | None:
        """Return why a worker cannot work at all."""
        return self._refusal

    def begin(self, batch: bytes, worker: str) -> dict[int, str] | None:
        """Note that a worker begins a batch.

        Parameters
        ----------
        batch : bytes
            Digest of its files.
        worker : str
            Different for every process.

        Returns
        -------
        dict of int to str or None
            The files that are given up, by their position, and the code of the reason. None if no worker has
            begun this batch before.
        """
        known = self._batches.get(batch)
        if known is None:
            self._batches[batch] = _Batch(worker)
            return None
        if known.worker != worker and known.file is not None:
            known.deaths[known.file] += 1
            if known.deaths[known.file] >= MOST_DEATHS:
                known.given_up[known.file] = "worker-died"
        known.worker, known.file = worker, None
        return known.given_up

    def note(self, batch: bytes, file: int) -> None:
        """Note that the worker of a batch begins a file."""
        if (known := self._batches.get(batch)) is not None:  # another worker may have finished it
            known.file = file

    def give_up(self, batch: bytes, file: int, code: str) -> None:
        """Note that nobody should process a file again."""
        if (known := self._batches.get(batch)) is not None:
            known.given_up[file], known.file = code, None

    def end(self, batch: bytes) -> None:
        """Note that a batch is finished."""
        self._batches.pop(batch, None)
