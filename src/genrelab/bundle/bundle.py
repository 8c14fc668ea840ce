"""A model file that is ready to use."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bounded import call_within
from genrelab.bundle.bounds import MOST_EMBEDDING, inference_seconds
from genrelab.bundle.contents import Contents, WireError, examine
from genrelab.bundle.metadata import METADATA_KEY, BundleMetadata, parse_metadata
from genrelab.bundle.read import AGAIN, read_file
from genrelab.bundle.runtime import Provider, load_onnxruntime
from genrelab.bundle.session import first_line, open_session, session_errors
from genrelab.errors import ModelFileError, UsageError
from genrelab.printing import shorten

INPUT = "waveform"
OUTPUTS = ("probabilities", "embedding")
TAGS_OUTPUT = "tags"
STANDARD_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})

_ROUNDING = 1e-3  # of a probability


KEY_LENGTH = 12
"""Digits of an `embedding_key`."""


def embedding_key(identity: str) -> str:
    """Return what the identities of all models with the same embedding end with: hexadecimal digits."""
    return identity[-KEY_LENGTH:]


class Prediction(NamedTuple):
    """The outputs of a network for `n` segments.

    Attributes
    ----------
    probabilities : np.ndarray [shape=(n, genres)], float32
    embeddings : np.ndarray [shape=(n, d)], float32
    tags : np.ndarray [shape=(n, tags)], float32
        Probabilities in the order of the metadata's tags; of the shape (n, 0) if the model has no tags.
    """

    probabilities: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float32]
    tags: npt.NDArray[np.float32]


class Bundle:
    """A checked model file: waveforms in; genre probabilities, embeddings and tag probabilities out.

    Made by `Bundle.load`. May be used by several threads at once.

    Attributes
    ----------
    metadata : BundleMetadata
        The facts that the file states.
    identity : str
        Name of the recipe and the first 12 digits of the file's SHA-256, e.g.
        `resnet1d-s@3c5e0a1b9f27`: the same for the same bytes at any path. A taught model has the digits of
        its base after them (`my-genres@a1b9f273c5e0~3c5e0a1b9f27`), so that models with one embedding have
        one `embedding_key`.
    """

    def __init__(self, metadata: BundleMetadata, identity: str, session: Any, path: Path) -> None:
        self.metadata = metadata
        self.identity = identity
        self._session = session
        self._path = path
        self._embedding_size: int | None = None  # None until the first prediction

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, threads: int | None = None, provider: Provider = "cpu"
    ) -> Self:
        """Read and check a model file, without running it or opening any other file.

        Parameters
        ----------
        path : str or path-like
            The ONNX file.
        threads : int > 0 or None
            CPU threads of a prediction; None means onnxruntime's default, all cores.
        provider : {"cpu", "cuda", "tensorrt"}
            Where the network runs: see `genrelab.bundle.runtime.PROVIDERS`.

        Returns
        -------
        Bundle

        Raises
        ------
        ModelFileError
            If the file is missing, unreadable, not an ONNX file, cut off, without genrelab's metadata, made
            by a newer genrelab, refers to other files, uses nonstandard operators, has a graph that does
            not fit its metadata, or exceeds `genrelab.bundle.bounds`.
        UsageError
            If `threads` is not positive, or the provider cannot be used here.
        """
        if threads is not None and threads < 1:
            raise UsageError(f"a model needs at least 1 thread, not {threads}", code="thread-count")
        path = Path(path)
        data = read_file(path)
        metadata, identity = _facts(data, path)
        session = open_session(data, path, threads=threads, provider=provider)
        _check_signature(session, metadata, path)
        return cls(metadata, identity, session, path)

    @property
    def embedding_of(self) -> str:
        """The identity of the model whose embedding this one has: its own, or that of its base."""
        return self.metadata.base or self.identity

    def measure_embedding(self) -> int:
        """Return the number of numbers in an embedding; the network runs once to tell."""
        if self._embedding_size is None:
            shape = (1, self.metadata.channels, self.metadata.segment_samples)
            self.predict(np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32))
        return int(self._embedding_size or 0)

    def predict(self, waveforms: npt.NDArray[np.float32]) -> Prediction:
        """Run the network on segments.

        Parameters
        ----------
        waveforms : np.ndarray [shape=(n, channels, samples)], float32
            One or more segments with the metadata's channels and `segment_samples`, at its sample rate,
            full scale -1..1; with the padding `none` of any length from `shortest_samples` on.

        Returns
        -------
        Prediction

        Raises
        ------
        UsageError
            If the waveforms have another shape.
        ModelFileError
            If the network fails, needs more time or memory than `genrelab.bundle.bounds` allows, or does
            not return the probabilities of its genres and tags.
        """
        channels, least, most = (
            self.metadata.channels,
            self.metadata.shortest_samples,
            self.metadata.segment_samples,
        )
        fits = waveforms.ndim == 3 and waveforms.shape[0] > 0 and waveforms.shape[1] == channels
        if not fits or not least <= waveforms.shape[2] <= most:
            samples = most if least == most else f"{least} to {most}"
            raise UsageError(
                f"the model takes [1 or more, {channels}, {samples}], not {waveforms.shape}",
                code="model-input-shape",
            )
        found, embeddings, *rest = self._run(np.ascontiguousarray(waveforms, dtype=np.float32))
        self._check_outputs(found, embeddings, len(waveforms))
        tags = (
            self._checked_tags(rest[0], len(waveforms)) if rest else np.empty((len(waveforms), 0), np.float32)
        )
        return Prediction(found, embeddings, tags)

    def check_tags(self) -> None:
        """Raise a `UsageError` if the model has no tags for users."""
        if not self.metadata.user_tags:
            raise UsageError(
                f"the model file {self._path} has no tags. Give a model that has some, or omit --tags.",
                code="model-without-tags",
            )

    def _run(self, waveforms: npt.NDArray[np.float32]) -> Any:
        """Run the network on segments, within the time limit."""
        options = load_onnxruntime().RunOptions()
        sound = len(waveforms) * self.metadata.segment_seconds
        seconds = inference_seconds(sound)
        try:
            return call_within(
                lambda: self._session.run(_outputs(self.metadata), {INPUT: waveforms}, options),
                seconds,
                stop=partial(setattr, options, "terminate", True),
            )
        except TimeoutError as error:
            raise ModelFileError(
                f"the network of {self._path} took more than {seconds:g} s for {sound:g} s of sound and "
                f"was stopped. {AGAIN}",
                code="model-too-slow",
            ) from error
        except session_errors() as error:
            raise ModelFileError(
                f"the network of {self._path} fails: {first_line(error)}. {AGAIN}", code="model-fails"
            ) from error

    def _check_outputs(self, found: Any, embeddings: Any, n: int) -> None:
        """Raise unless these are probabilities and embeddings of `n` segments, of constant size."""
        genres, size = len(self.metadata.genres), self._embedding_size or embeddings.shape[-1]
        if found.shape != (n, genres) or embeddings.shape != (n, size) or not 0 < size <= MOST_EMBEDDING:
            raise ModelFileError(
                f"the network of {self._path} returned arrays {found.shape} and {embeddings.shape} for {n} "
                f"segments and {genres} genres. {AGAIN}",
                code="model-output-shape",
            )
        self._embedding_size = size
        within = found.min() >= -_ROUNDING and found.max() <= 1.0 + _ROUNDING  # False for NaN
        if not (within and np.abs(found.sum(axis=1) - 1.0).max() < 1e-2):
            raise ModelFileError(
                f"the network of {self._path} returned no probabilities. {AGAIN}",
                code="model-no-probabilities",
            )
        if not np.isfinite(embeddings).all():
            raise ModelFileError(
                f"the network of {self._path} returned values that are not finite. {AGAIN}",
                code="model-not-finite",
            )

    def _checked_tags(self, found: Any, n: int) -> npt.NDArray[np.float32]:
        """Return the probabilities of tags of `n` segments, without rounding errors beyond 0 and 1."""
        if found.shape != (n, len(self.metadata.tags)):
            raise ModelFileError(
                f"the network of {self._path} returned an array {found.shape} for {n} segments and "
                f"{len(self.metadata.tags)} tags. {AGAIN}",
                code="model-output-shape",
            )
        if not (found.min() >= -_ROUNDING and found.max() <= 1.0 + _ROUNDING):  # also if one is NaN
            raise ModelFileError(
                f"the network of {self._path} returned no probabilities for its tags. {AGAIN}",
                code="model-no-probabilities",
            )
        return np.asarray(found.clip(0.0, 1.0), dtype=np.float32)


def read_facts(path: str | os.PathLike[str]) -> tuple[BundleMetadata, str]:
    """Return the metadata and the identity of a model file, without preparing its network.

    Raises
    ------
    ModelFileError
        As for `Bundle.load`, except for what concerns the network.
    """
    return _facts(read_file(Path(path)), Path(path))


def _facts(data: bytes, path: Path) -> tuple[BundleMetadata, str]:
    try:
        contents = examine(data)
    except WireError as error:
        raise ModelFileError(
            f"{path} is cut off, damaged or not an ONNX file: {error}. {AGAIN}", code="model-not-onnx"
        ) from error
    metadata = parse_metadata(_check_contents(contents, path), path=path)
    identity = f"{metadata.recipe}@{hashlib.sha256(data).hexdigest()[:KEY_LENGTH]}"
    if metadata.base is not None:
        identity += f"~{embedding_key(metadata.base)}"
    return metadata, identity


def _outputs(metadata: BundleMetadata) -> tuple[str, ...]:
    """Return the names of the outputs that a model file with this metadata has."""
    return (*OUTPUTS, TAGS_OUTPUT) if metadata.tags else OUTPUTS


def _check_contents(contents: Contents, path: Path) -> str:
    """Return the text of the metadata of a self-contained file."""
    if not contents.has_graph:
        raise ModelFileError(f"{path} is not an ONNX file: it has no graph. {AGAIN}", code="model-not-onnx")
    if METADATA_KEY not in contents.properties:
        raise ModelFileError(
            f"{path} is an ONNX file, but not one of genrelab's: it lacks the metadata `{METADATA_KEY}`. "
            "Model files are made by `genrelab export`.",
            code="model-not-genrelab",
        )
    if contents.external_data:
        raise ModelFileError(
            f"the model file {path} refers to other files (external data), which genrelab does not open. "
            "Save it with all weights inside.",
            code="model-external-data",
        )
    for domain, operator in sorted(contents.domains.items()):
        if domain not in STANDARD_DOMAINS:
            raise ModelFileError(
                f"the model file {path} uses the operator {shorten(operator)!r} of the domain "
                f"{shorten(domain)!r}; genrelab runs standard ONNX operators only. Export it without custom "
                "operators.",
                code="model-custom-operator",
            )
    if contents.functions or contents.texts:
        what = "functions of its own" if contents.functions else "operators on texts"
        raise ModelFileError(
            f"the model file {path} uses {what}, which genrelab does not run. Export it without them.",
            code="model-unsupported-graph",
        )
    return contents.properties[METADATA_KEY]


def _check_signature(session: Any, metadata: BundleMetadata, path: Path) -> None:
    """Raise unless inputs and outputs of the graph fit the metadata."""
    inputs = {node.name: node for node in session.get_inputs()}
    outputs = {node.name: node for node in session.get_outputs()}
    wanted = _outputs(metadata)
    if set(inputs) != {INPUT} or not set(wanted) <= set(outputs):
        raise ModelFileError(
            f"the graph of {path} has the inputs {_named(inputs)} and the outputs {_named(outputs)}; a model "
            f"file {'with tags ' if metadata.tags else ''}has ['{INPUT}'] and {sorted(wanted)}. {AGAIN}",
            code="model-signature",
        )
    samples = "free" if metadata.padding == "none" else metadata.segment_samples
    expected: list[tuple[Any, tuple[int | str, ...]]] = [
        (inputs[INPUT], ("free", metadata.channels, samples)),
        (outputs["probabilities"], ("free", len(metadata.genres))),
        (outputs["embedding"], ("free", "any")),
    ]
    if metadata.tags:
        expected.append((outputs[TAGS_OUTPUT], ("free", len(metadata.tags))))
    for node, shape in expected:
        if node.type != "tensor(float)" or not _fits(node.shape, shape):
            raise ModelFileError(
                f"the graph of {path} has {node.type} {shorten(str(node.shape))} for `{node.name}`; its "
                f"metadata requires tensor(float) {['batch', *shape[1:]]} with a free batch. {AGAIN}",
                code="model-signature",
            )


def _named(nodes: dict[str, Any]) -> str:
    return shorten(str(sorted(nodes)))


def _fits(found: list[Any], wanted: tuple[int | str, ...]) -> bool:
    """Whether a graph's sizes (text or None if dynamic) match the expected ones: numbers, `free`, `any`."""
    if len(found) != len(wanted):
        return False
    return all(
        not isinstance(size, int) or want in ("any", size) for size, want in zip(found, wanted, strict=True)
    )
