"""Check a model file: whether it can be used, and whether its network does what the file states.

A step that fails ends the check, since the later steps need it. Everything is bounded like any use of a
model file: see `genrelab.bundle.bounds`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import KEY_LENGTH, Bundle, Prediction, read_facts
from genrelab.bundle.read import read_file
from genrelab.errors import ModelFileError, UsageError

Name = Literal[
    "file", "sha256", "format", "metadata", "graph", "runs", "outputs", "probabilities", "values", "batch",
    "lengths", "repeatable", "input",
]  # fmt: skip

CHECKS: dict[Name, str] = {
    "file": "a regular file that can be read and is not too large",
    "sha256": "has the digest that was given",
    "format": "a complete ONNX file of genrelab, with standard operators and without other files",
    "metadata": "the stated facts are complete and within bounds",
    "graph": "onnxruntime can prepare the network; inputs and outputs fit the stated facts",
    "runs": "the network runs, within the limits of time and memory",
    "outputs": "as many probabilities as genres and tags, and an embedding of constant size",
    "probabilities": "those of the genres sum to one, those of the tags are between 0 and 1",
    "values": "all numbers are finite, also for quiet and for loud sound",
    "batch": "a segment gets the same result alone and among others",
    "lengths": "the shortest and the longest stated input work",
    "repeatable": "the same sound gets the same result again",
    "input": "another sound gets another result",
}
"""Every check, in order -> what it means if it passes."""

_OF_CODE: dict[str, Name] = {
    "model-metadata": "metadata",
    "model-metadata-not-json": "metadata",
    "model-metadata-too-large": "metadata",
    "model-newer": "metadata",
    "model-output-shape": "outputs",
    "model-no-probabilities": "probabilities",
    "model-not-finite": "values",
}
"""Codes of errors that show that another check fails than the one that runs."""

_OPTIONAL: frozenset[Name] = frozenset({"sha256", "lengths"})
"""Checks that do not concern every file."""

_TOLERANCE = 1e-3  # of a probability; batches are added up in another order
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes
    ----------
    name : str
        One of `CHECKS`.
    state : {"passed", "failed", "not run"}
        `not run` after a failure, and for what does not concern the file.
    detail : str
        What was found; the reason of a failure.
    code : str or None
        Of the error behind a failure.
    """

    name: Name
    state: Literal["passed", "failed", "not run"]
    detail: str = ""
    code: str | None = None


@dataclass(frozen=True)
class Verification:
    """The outcome of all checks of a model file; digest, size and identity as far as they are known."""

    path: Path
    checks: tuple[Check, ...]
    sha256: str | None = None
    bytes: int | None = None
    model: str | None = None

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.state != "failed" for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as a JSON object."""
        return {
            "path": str(self.path),
            "model": self.model,
            "sha256": self.sha256,
            "bytes": self.bytes,
            "passed": self.passed,
            "checks": [asdict(check) for check in self.checks],
        }


class _Ended(Exception):  # noqa: N818
    """A check failed."""


class _Progress:
    """The checks so far, of a file."""

    def __init__(self) -> None:
        self.done: dict[Name, Check] = {}

    def passed(self, name: Name, detail: str = "") -> None:
        self.done[name] = Check(name, "passed", detail)

    def failed(self, name: Name, detail: str, code: str) -> _Ended:
        self.done[name] = Check(name, "failed", detail, code)
        return _Ended()

    def require(self, name: Name, holds: object, otherwise: str) -> None:
        """End with a failure unless something holds."""
        if not holds:
            raise self.failed(name, otherwise, f"model-{name}-differs")
        self.passed(name)

    def try_(self, name: Name, call: Callable[[], Any]) -> Any:
        """Return the result of a call; a `ModelFileError` is the failure of the check that it is about."""
        try:
            return call()
        except ModelFileError as error:
            raise self.failed(_OF_CODE.get(error.code, name), str(error), error.code) from error

    def all(self) -> tuple[Check, ...]:
        """Return every check, in order: those before the last one that is known have passed."""
        names = list(CHECKS)
        reached = max((names.index(name) for name in self.done), default=0)
        implied = {name for name in names[:reached] if name not in _OPTIONAL}
        return tuple(
            self.done.get(name) or Check(name, "passed" if name in implied else "not run") for name in names
        )


def verify_model(path: Path, *, sha256: str | None = None) -> Verification:
    """Check a model file.

    Parameters
    ----------
    path : Path
    sha256 : str or None
        The digest that the file must have: 64 hexadecimal digits.

    Returns
    -------
    Verification

    Raises
    ------
    UsageError
        If `sha256` is no digest.
    """
    wanted = None if sha256 is None else sha256.strip().lower()
    if wanted is not None and not _SHA256.fullmatch(wanted):
        raise UsageError(
            f"--sha256 must be 64 hexadecimal digits, not {sha256!r}. `sha256sum FILE` prints them",
            code="sha256-malformed",
        )
    progress, facts = _Progress(), _Facts()
    with suppress(_Ended):
        _check(path, wanted, progress, facts)
    return Verification(path, progress.all(), facts.sha256, facts.bytes, facts.model)


@dataclass
class _Facts:
    sha256: str | None = None
    bytes: int | None = None
    model: str | None = None


def _check(path: Path, wanted: str | None, progress: _Progress, facts: _Facts) -> None:
    data = progress.try_("file", lambda: read_file(path))
    digest = hashlib.sha256(data).hexdigest()
    facts.sha256, facts.bytes = digest, len(data)
    progress.passed("file", f"{len(data):,} bytes")
    if wanted is not None:
        progress.require("sha256", digest == wanted, f"the file has {digest}")
    _, facts.model = progress.try_("format", lambda: read_facts(path))
    progress.passed("metadata")
    bundle = progress.try_("graph", lambda: Bundle.load(path))
    same = f"@{digest[:KEY_LENGTH]}" in bundle.identity
    progress.require("file", same, "the file changes while it is checked")
    progress.passed("graph")
    _check_network(bundle, progress)


def _check_network(bundle: Bundle, progress: _Progress) -> None:
    metadata = bundle.metadata
    sound = _sounds(metadata.channels, metadata.segment_samples)

    def predict(waveforms: npt.NDArray[np.float32], check: Name = "runs") -> Prediction:
        found: Prediction = progress.try_(check, lambda: bundle.predict(waveforms))
        return found

    together = predict(sound)
    progress.passed("runs")
    size = together.embeddings.shape[1]
    progress.passed("outputs", f"{len(metadata.genres)} genres, {len(metadata.tags)} tags, embedding {size}")
    progress.passed("probabilities")
    for level in (1e-4, 1.0):
        predict(np.sign(sound[:1]) * np.float32(level), "values")
    progress.passed("values")
    each = [predict(sound[at : at + 1], "batch") for at in range(len(sound))]
    alone = Prediction(*(np.concatenate(arrays) for arrays in zip(*each, strict=True)))
    apart = _difference(alone, together)
    progress.require("batch", apart < _TOLERANCE, f"the results differ by {apart:.3g}")
    if metadata.padding == "none":
        for samples in (metadata.shortest_samples, metadata.segment_samples):
            predict(sound[:1, :, :samples], "lengths")
        progress.passed("lengths", f"{metadata.shortest_samples:,} to {metadata.segment_samples:,} samples")
    apart = _difference(predict(sound, "repeatable"), together)
    progress.require("repeatable", apart < _TOLERANCE, f"the results differ by {apart:.3g}")
    one = Prediction(*(array[:1] for array in together))
    ignored = "different sounds get the same probabilities and the same embedding"
    progress.require("input", _difference(one, together) > 0, ignored)


def _difference(one: Prediction, other: Prediction) -> float:
    """Return the largest difference, that of embeddings relative to their largest number."""
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a.size]
    return max(float(np.abs(a - b).max() / max(1.0, np.abs(b).max())) for a, b in pairs)


def _sounds(channels: int, samples: int) -> npt.NDArray[np.float32]:
    """Return three different segments: noise, a tone and clicks."""
    sound = np.zeros((3, channels, samples), np.float32)
    sound[0] = 0.1 * np.random.default_rng(0).standard_normal((channels, samples), dtype=np.float32)
    sound[1] = 0.3 * np.sin(0.11 * np.arange(samples, dtype=np.float32))
    sound[2, :, :: max(1, samples // 16)] = 0.8
    return sound
