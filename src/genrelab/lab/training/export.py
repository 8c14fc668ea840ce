"""Write a model file: one ONNX graph from the waveform to genre probabilities and an embedding."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from genrelab.bundle.bundle import OUTPUTS, TAGS_OUTPUT, Bundle
from genrelab.bundle.metadata import METADATA_KEY, BundleMetadata
from genrelab.errors import ModelFileError
from genrelab.files import replace_file
from genrelab.lab.frontends.table import reads_table
from genrelab.lab.metrics.tag_calibration import Platt
from genrelab.lab.models import GenreNetwork
from genrelab.lab.models.duration import shortest_samples

OPSET = 18
TOLERANCE = 3e-4
"""Single precision alone changes probabilities by about 1e-4 where a sweep leaves mel bands almost empty."""
EMBEDDING_TOLERANCE = TAG_TOLERANCE = 1e-3
"""Wider: onnxruntime sums a layer norm over all samples of a segment value by value, in single precision, and
the calibration of a tag may multiply its logit."""
HALF_TOLERANCE = 1e-2
"""Of both with half-precision weights, which are rounded by up to 0.05 %."""
SHORTER = 10
"""How much more is allowed for sound shorter than a segment: rounding is averaged over fewer frames."""
_LEAST = 1024  # values; a smaller table is not worth a node
_PARTS = ("probabilities", "embedding", "tags")
_BODY = "network.body."  # not the front-ends: rounded Fourier kernels and filters would leak into quiet bands


@dataclass(frozen=True)
class TagOutputs:
    """The tags of a model file, and how they follow from the tags of the network.

    Attributes
    ----------
    columns : tuple of int
        The network's tags that the file keeps, in the order of the metadata.
    calibration : tuple of Platt
        Of each of them.
    """

    columns: tuple[int, ...]
    calibration: tuple[Platt, ...]


class _Whole(nn.Module):
    """A network with softmax and calibrated tags: what the model file computes.

    Independent genres are such tags, too; their shares of the sum are the probabilities of genres.
    """

    scale: Tensor
    offset: Tensor
    columns: Tensor

    def __init__(self, network: GenreNetwork, temperature: float, tags: TagOutputs | None) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature
        self.with_tags = tags is not None
        if tags is not None:
            self.register_buffer("columns", torch.tensor(tags.columns))
            self.register_buffer("scale", torch.tensor([each.scale for each in tags.calibration]))
            self.register_buffer("offset", torch.tensor([each.offset for each in tags.calibration]))

    def forward(self, waveform: Tensor) -> tuple[Tensor, ...]:
        scores = self.network(waveform)
        logits = F.logsigmoid(scores.logits) if self.network.independent else scores.logits
        outputs = (torch.softmax(logits / self.temperature, dim=-1), scores.embedding)
        if not self.with_tags:
            return outputs
        return (*outputs, torch.sigmoid(self.scale * scores.tags[:, self.columns] + self.offset))


def why_unwritable(network: GenreNetwork) -> str | None:
    """Return why no model file can be made of a network; None where one can."""
    if reads_table(network):
        return "the network learned from a table of descriptors and cannot recognize sound"
    return None


def export(
    network: GenreNetwork,
    metadata: BundleMetadata,
    path: Path,
    *,
    half: bool = False,
    tags: TagOutputs | None = None,
) -> float:
    """Write a model file and check it against torch.

    Parameters
    ----------
    network : GenreNetwork
        Trained.
    metadata : BundleMetadata
        Written into the file; its rate, channels, segment and temperature shape the graph. With the padding
        `none` the graph takes any length, and `shortest_seconds` is set to what the network needs.
    path : Path
        The model file; replaced only by a file that passed the check.
    half : bool
        Store the weights of the network in half precision: the file is half as large, but less exact.
    tags : TagOutputs or None
        Where the metadata's tags come from; None for a file without tags.

    Returns
    -------
    float
        The largest difference between onnxruntime's and torch's outputs that was found for whole segments.

    Raises
    ------
    ModelFileError
        If they differ by more than 3e-4 (1e-2 with `half`), or the network takes no sound; no file is
        written then. Ten times the difference is allowed for sound shorter than a segment.
    RecipeError
        If the padding is `none`, and the network takes only one length.
    """
    reason = why_unwritable(network)
    if reason is not None:
        raise ModelFileError(f"{path} was not written: {reason}", code="model-file-not-written")
    whole = _Whole(network.cpu().eval(), metadata.temperature, tags).eval()
    samples, least = metadata.segment_samples, shortest_samples(network, metadata)
    if metadata.padding == "none":
        metadata = metadata.model_copy(update={"shortest_seconds": least / metadata.sample_rate})
    probes = _probes(metadata.channels, samples, metadata.sample_rate)
    program = _to_onnx(whole, probes[:2], least=least if metadata.padding == "none" else None)
    _forget_sources(program)
    if half:
        _halve_weights(program)
    allowed = (HALF_TOLERANCE,) * 3 if half else (TOLERANCE, EMBEDDING_TOLERANCE, TAG_TOLERANCE)
    program.metadata_props.append(
        onnx.StringStringEntryProto(key=METADATA_KEY, value=metadata.model_dump_json())
    )
    worst = 0.0

    def write(draft: Path) -> None:
        nonlocal worst
        onnx.save(program, draft)
        bundle = Bundle.load(draft)
        for length in sorted({least, (least + samples) // 2, samples}):
            found = np.array(_differences(bundle, whole, probes[..., :length]))
            limits = np.array(allowed[: len(found)]) * (1 if length == samples else SHORTER)
            if not (found <= limits).all():
                differences = ", ".join(
                    f"{difference:.1e} in its {what} (allowed: {limit:.0e})"
                    for what, difference, limit in zip(_PARTS, found, limits, strict=False)
                )
                raise ModelFileError(
                    f"the model file {path} would differ from the network by {differences}, for {length} "
                    "samples; it was not written",
                    code="model-file-differs",
                )
        worst = float(found.max())  # of a whole segment, the longest

    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, write)
    return worst


def _to_onnx(whole: _Whole, example: Tensor, *, least: int | None) -> onnx.ModelProto:
    """Write the graph for segments of the length of the example, or of at least `least` samples."""
    free = {0: torch.export.Dim("batch", min=1, max=65536)}
    if least is not None:
        free[2] = torch.export.Dim("samples", min=least)
    # The exporter prints its own progress and warns about its own internals.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        traced = torch.export.export(
            whole,
            (example,),
            dynamic_shapes={"waveform": free},
            # torch cannot prove all sizes on the way; `_differences` tests some lengths.
            prefer_deferred_runtime_asserts_over_guards=least is not None,
        )
        program = torch.onnx.export(
            traced,
            (example,),
            input_names=["waveform"],
            output_names=[*OUTPUTS, *([TAGS_OUTPUT] if whole.with_tags else [])],
            opset_version=OPSET,
            dynamo=True,
        )
    if program is None:
        raise ModelFileError("torch gave no ONNX program for this network", code="no-onnx-program")
    return program.model_proto


def _forget_sources(program: onnx.ModelProto) -> None:
    """Take out the stack traces, with the paths of this machine, that the exporter writes everywhere."""
    for part in (program.graph, *program.functions):
        del part.metadata_props[:]
        part.doc_string = ""
        for node in part.node:
            del node.metadata_props[:]
            node.doc_string = ""
        for value in part.value_info:
            del value.metadata_props[:]
            value.doc_string = ""
    for value in (*program.graph.input, *program.graph.output, *program.graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""


def _probes(channels: int, samples: int, sample_rate: int) -> Tensor:
    """Return inputs that reach all of a network: noise, tones, a sweep, clicks, a near silence.

    Each has a noise floor at -80 dB, as recordings have: the decibels of a spectrum's empty bins are
    those of rounding errors, which no two Fourier transforms share.
    """
    rng = np.random.default_rng(0)
    time = np.arange(samples) / sample_rate
    signals = [
        rng.normal(0.0, 0.2, samples),
        0.3 * np.sin(2 * np.pi * 220.0 * time) + 0.1 * np.sin(2 * np.pi * 1760.0 * time),
        0.5 * np.sin(2 * np.pi * (50.0 + 400.0 * time) * time),
        (np.arange(samples) % (sample_rate // 2) == 0).astype(float),
        np.zeros(samples),
    ]
    floor = rng.normal(0.0, 1e-4, (len(signals), channels, samples))
    return torch.from_numpy((np.stack(signals)[:, None] + floor).astype(np.float32))


def _differences(bundle: Bundle, whole: _Whole, probes: Tensor) -> tuple[float, ...]:
    """Return the largest differences of all outputs over all probes, singly and as a batch.

    Embeddings count relative to their largest value: they have no scale of their own.
    """
    worst = [0.0] * (3 if whole.with_tags else 2)
    with torch.no_grad():
        for batch in (probes, probes[:1]):
            expected = [part.numpy() for part in whole(batch)]
            found = bundle.predict(batch.numpy())[: len(worst)]
            for at, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
                scale = max(1.0, float(np.abs(theirs).max()))
                worst[at] = max(worst[at], float(np.abs(mine - theirs).max()) / scale)
    return tuple(worst)


def _halve_weights(program: onnx.ModelProto) -> None:
    """Store large weights of a network as float16, each with a node that converts it to float32 when loaded.

    Parameters
    ----------
    program : onnx.ModelProto
        Changed in place. Weights of front-ends, and weights outside the range of float16, stay unchanged.
    """
    graph = program.graph
    casts = []
    for tensor in graph.initializer:
        if not tensor.name.startswith(_BODY) or tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < _LEAST or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name, half = tensor.name, f"{tensor.name}.half"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
