"""Write a model file with a new head on the embedding of another one."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import genrelab
from genrelab.bundle.bounds import LONGEST_NAME
from genrelab.bundle.bundle import KEY_LENGTH, TAGS_OUTPUT, Bundle
from genrelab.bundle.metadata import METADATA_KEY, BundleMetadata, TrainingCorpus
from genrelab.bundle.tags import TagInfo
from genrelab.errors import ModelFileError
from genrelab.extras import need_extra
from genrelab.files import replace_file
from genrelab.teach.fit.discriminant import Linear

TAUGHT = "genre"
"""The kind of the tags that a head for several genres per track adds."""

_NEW = "taught_"  # prefix of new names in the graph


@dataclass(frozen=True)
class Head:
    """What a model file gets instead of its own genres.

    Attributes
    ----------
    genres : tuple of str
    linear : Linear
        Logits of the genres, of an embedding as the model file gives it, divided by the temperature.
    temperature : float
    abstain_below : float
    tags : tuple of TagInfo
        With several genres per track: one per genre. Otherwise empty.
    tag_linear : Linear or None
        Logits of the independent probabilities of `tags`.
    """

    genres: tuple[str, ...]
    linear: Linear
    temperature: float
    abstain_below: float
    tags: tuple[TagInfo, ...] = ()
    tag_linear: Linear | None = None


@dataclass(frozen=True)
class Statement:
    """What a model file states about its head.

    Attributes
    ----------
    name : str
        In place of the name of a recipe.
    about : TrainingCorpus
        The examples.
    results : dict
        Measured figures.
    """

    name: str
    about: TrainingCorpus
    results: dict[str, Any]


def need_onnx() -> Any:
    """Import and return the package `onnx`.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    return need_extra("teach", "teaching", "onnx")


def write_taught(
    target: Path,
    base: Bundle,
    base_file: Path,
    head: Head,
    statement: Statement,
    prepared: Callable[[], None] | None = None,
) -> BundleMetadata:
    """Write a model file with a new head; the file replaces its target when it is complete and checked.

    The network up to the embedding stays as it is. The nodes of the old head are removed, and so are tags of
    the kind `genre` if the old or the new head has such; all other tags stay.

    Parameters
    ----------
    target : Path
    base : Bundle
        The model whose embedding is used.
    base_file : Path
        Its file.
    head : Head
    statement : Statement
    prepared : callable or None
        Called when the new file is complete and checked, just before it replaces its target.

    Returns
    -------
    BundleMetadata
        What the file states.

    Raises
    ------
    MissingExtraError
        If the package `onnx` is not installed.
    ModelFileError
        If the base has a graph that cannot be changed this way, or its file has changed.
    OSError
        If the file cannot be written.
    """
    onnx = need_onnx()
    metadata = _metadata(base, head, statement)
    program = onnx.load_from_string(_read(base_file, base))
    replace_head(program, base.metadata, metadata, head)
    onnx.helper.set_model_props(program, {METADATA_KEY: metadata.model_dump_json()})
    content = program.SerializeToString()

    def write(draft: Path) -> None:
        draft.write_bytes(content)
        Bundle.load(draft, threads=1).measure_embedding()  # it runs, and returns probabilities
        if prepared is not None:
            prepared()

    replace_file(target, write)
    return metadata


def _read(file: Path, bundle: Bundle) -> bytes:
    """Return the bytes of a model file, if they are still those of a bundle."""
    data = file.read_bytes()
    if f"@{hashlib.sha256(data).hexdigest()[:KEY_LENGTH]}" not in bundle.identity:
        message = f"the model file {file} has changed since it was read. Teach again."
        raise ModelFileError(message, code="teach-base-changed")
    return data


def _metadata(base: Bundle, head: Head, statement: Statement) -> BundleMetadata:
    old = base.metadata
    kept = kept_tags(old, head)
    corpora = [each for each in old.corpora if each.citation != statement.about.citation]
    values = {
        **{field: getattr(old, field) for field in type(old).model_fields},
        "genres": head.genres,
        "voting": "mean",
        "temperature": head.temperature,
        "abstain_below": head.abstain_below,
        "abstain_below_by_genre": {},
        "tags": tuple(old.tags[number] for number in kept) + head.tags,
        "recipe": statement.name,
        "base": base.embedding_of,
        "corpora": (*corpora, statement.about),
        "results": (statement.results,),
        "created": datetime.date.today(),
        "genrelab_version": genrelab.__version__,
    }
    del values["format_version"]
    return BundleMetadata(**values)


def kept_tags(metadata: BundleMetadata, head: Head) -> list[int]:
    """Return the numbers of the tags of a base that remain under a new head.

    Its tags of the kind `genre` go if the new head has such, or if they come with the head that is replaced.
    """
    old = {tag_name(genre) for genre in metadata.genres} if metadata.base is not None else set()
    return [
        number
        for number, tag in enumerate(metadata.tags)
        if tag.kind != TAUGHT or not (head.tags or tag.name in old)
    ]


def tag_name(genre: str) -> str:
    """Return a genre as the name of a tag, which cannot have a colon or a semicolon."""
    return genre.replace(":", " -").replace(";", ",")[:LONGEST_NAME].strip()


def replace_head(program: Any, old: BundleMetadata, new: BundleMetadata, head: Head) -> None:
    """Replace the genres, and add the tags, of an ONNX program in memory; see `write_taught`."""
    from onnx import TensorProto, helper, numpy_helper

    graph = program.graph
    used = {name for node in graph.node for name in (*node.input, *node.output)}
    prefix = _NEW
    while any(name.startswith(prefix) for name in used):  # a taught file is taught again
        prefix += "_"
    _rename(graph, {"probabilities": f"{prefix}old_probabilities", TAGS_OUTPUT: f"{prefix}old_tags"})

    def constant(name: str, value: npt.NDArray[Any]) -> str:
        graph.initializer.append(numpy_helper.from_array(value, f"{prefix}{name}"))
        return f"{prefix}{name}"

    def affine(name: str, linear: Linear) -> str:
        weights = constant(f"{name}_weights", linear.weights.astype(np.float32))
        bias = constant(f"{name}_bias", linear.bias.astype(np.float32))
        graph.node.append(helper.make_node("Gemm", ["embedding", weights, bias], [f"{prefix}{name}"]))
        return f"{prefix}{name}"

    graph.node.append(helper.make_node("Softmax", [affine("logits", head.linear)], ["probabilities"], axis=1))
    if new.tags:
        parts = []
        kept = kept_tags(old, head)
        if kept:
            numbers = constant("kept_tags", np.array(kept, dtype=np.int64))
            graph.node.append(
                helper.make_node("Gather", [f"{prefix}old_tags", numbers], [f"{prefix}base_tags"], axis=1)
            )
            parts.append(f"{prefix}base_tags")
        if head.tag_linear is not None:
            logits = affine("tag_logits", head.tag_linear)
            graph.node.append(helper.make_node("Sigmoid", [logits], [f"{prefix}tag_probabilities"]))
            parts.append(f"{prefix}tag_probabilities")
        graph.node.append(helper.make_node("Concat", parts, [TAGS_OUTPUT], axis=1))
    embedding = next(output for output in graph.output if output.name == "embedding")
    batch = embedding.type.tensor_type.shape.dim[0].dim_param or "batch"
    outputs = [("probabilities", len(new.genres)), *([(TAGS_OUTPUT, len(new.tags))] if new.tags else [])]
    kept_outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, size]) for name, size in outputs
    ]
    embedding_copy = type(embedding)()
    embedding_copy.CopyFrom(embedding)
    del graph.output[:]
    graph.output.extend([kept_outputs[0], embedding_copy, *kept_outputs[1:]])
    _prune(graph)


def _rename(graph: Any, names: dict[str, str]) -> None:
    """Rename values of a graph wherever they are made or used at its top level and inside its nodes."""
    for node in graph.node:
        for values in (node.input, node.output):
            for number, name in enumerate(values):
                values[number] = names.get(name, name)
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    _rename(inner, names)
    for value in (*graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)


def _prune(graph: Any) -> None:
    """Remove nodes, constants and descriptions that no output needs."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(_reads(node))
    ordered = [_copy(node) for node in reversed(kept)]
    constants = [_copy(each) for each in graph.initializer if each.name in needed]
    described = [_copy(each) for each in graph.value_info if each.name in needed]
    for field, values in (("node", ordered), ("initializer", constants), ("value_info", described)):
        graph.ClearField(field)
        getattr(graph, field).extend(values)


def _copy(message: Any) -> Any:
    made = type(message)()
    made.CopyFrom(message)
    return made


def _reads(node: Any) -> set[str]:
    """Return the values that a node reads, also inside its subgraphs."""
    names = set(node.input)
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for each in inner.node:
                names |= _reads(each)
            names.update(output.name for output in inner.output)
    return names
