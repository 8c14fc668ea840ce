"""What feeds what in a network: blocks of layers and the functions that join them, seen in a run.

The body runs on tensors without values. Each tensor carries the blocks that it comes from: functions pass
them on, and a block replaces them by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from genrelab.lab.models.base import GenreNetwork, Scores, Shape
from genrelab.lab.models.layer_table import (
    empty_body,
    empty_inputs,
    input_shapes,
    own_statistics,
    own_weights,
    single_layers,
    sizes,
)
from genrelab.lab.recipes.schema import Audio

_BLOCK = re.compile(r"Block|Bottleneck|Residual|SeparableConv")
_FUNCTIONS = {
    "cat": "concatenation", "mean": "mean", "max_pool1d": "max pooling", "max_pool2d": "max pooling",
    "avg_pool2d": "average pooling", "relu": "ReLU", "relu_": "ReLU", "leaky_relu": "leaky ReLU",
    "log_softmax": "softmax", "softmax": "softmax", "logsumexp": "mean of probabilities", 
    "logaddexp": "mean of probabilities",
}  # fmt: skip
_MAJOR = {"concatenation", "mean of probabilities"}  # functions that are a block of their own
_MINOR = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Dropout, nn.BatchNorm1d, nn.BatchNorm2d,
    nn.GroupNorm, nn.LayerNorm, nn.Flatten, nn.MaxPool1d, nn.MaxPool2d,
)  # fmt: skip
_WORDS = {
    "MaxPool1d": "max pooling", "MaxPool2d": "max pooling", "BatchNorm1d": "batch norm",
    "BatchNorm2d": "batch norm", "BatchNormAct2d": "batch norm", "GroupNorm": "layer norm",
    "Dropout": "dropout",
    "Flatten": "flattened", "Linear": "dense", "Conv1d": "convolution", "Conv2d": "convolution",
    "LeakyReLU": "leaky ReLU", "FixedAveragePool": "average pooling", "Conv2dSame": "convolution",
    "ReLU": "ReLU", "ReLU6": "ReLU6", "GELU": "GELU", "SiLU": "SiLU",
}  # fmt: skip


@dataclass(eq=False)
class Node:
    """A block of a network.

    Attributes
    ----------
    title : str
    details : list of str
        What follows in the same block, such as `batch norm`.
    shape : tuple of int
        Of its output, without batch.
    weights, statistics : int
        See `genrelab.lab.models.layer_table.Layer`.
    sources : list of Node
        What feeds it.
    minor : bool
        Whether it may be shown as a detail of the block before it.
    name : str
        Its place in the body; empty for a function.
    """

    title: str
    shape: Shape
    details: list[str] = field(default_factory=list)
    weights: int = 0
    statistics: int = 0
    sources: list[Node] = field(default_factory=list)
    minor: bool = False
    name: str = ""


class _Tracer(TorchFunctionMode):
    """Carry the sources of tensors through functions."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.depth = 0
        self._origins: dict[int, tuple[Tensor, list[Node]]] = {}  # tensors are kept: their ids stay theirs

    def origins(self, value: object) -> list[Node]:
        """Return the blocks that the tensors in a value come from, each once."""
        found = [node for each in _tensors(value) for node in self._origins.get(id(each), (each, []))[1]]
        return list(dict.fromkeys(found))

    def mark(self, value: object, nodes: list[Node]) -> None:
        """Note the blocks that the tensors in a value come from."""
        for each in _tensors(value):
            self._origins[id(each)] = each, nodes

    def add(self, node: Node) -> Node:
        """Add a block."""
        self.nodes.append(node)
        return node

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        sources = self.origins((args, kwargs))
        if self.depth or not sources:
            self.mark(out, sources)
            return out
        title = _FUNCTIONS.get(getattr(func, "__name__", ""))
        if title is not None and isinstance(out, Tensor):
            node = Node(title, tuple(out.shape[1:]), sources=sources, minor=title not in _MAJOR)
            sources = [self.add(node)]
        self.mark(out, sources)
        return out


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)


def flow(network: GenreNetwork, audio: Audio) -> list[Node]:
    """Return the blocks of a network from the waveform to the genres, each behind those that feed it.

    Parameters
    ----------
    network : GenreNetwork
        Unchanged.
    audio : Audio
        Of its recipe.

    Returns
    -------
    list of Node
        First the waveform, last the softmax over genres. Activations, norms, poolings and dropout are details
        of the block before them.
    """
    tracer = _Tracer()
    samples = audio.segment_samples
    start = tracer.add(Node("waveform", (audio.channels, samples)))
    start.details = [f"{audio.segment_seconds:g} s at {audio.sample_rate:,} Hz"]
    shapes = input_shapes(network, audio)
    inputs = empty_inputs(shapes)
    for name, value in inputs.items():
        frontend = network.frontends[f"input_{name}"]
        node = Node(
            name, shapes[name], [type(frontend).__name__], own_weights(frontend, deep=True),
            own_statistics(frontend, deep=True), [start],
        )  # fmt: skip
        tracer.mark(value, [tracer.add(node)])
    body = empty_body(network)
    for name, module in _blocks(body):
        module.register_forward_pre_hook(_enter(tracer))
        module.register_forward_hook(_leave(tracer, name))
    with torch.no_grad(), tracer:
        scores: Scores = body(inputs)
    last = tracer.origins(scores.logits)
    genres = scores.logits.shape[1]
    tracer.add(Node("softmax", (genres,), [f"{genres} genres"], sources=last))
    return _merged(_reached(tracer.nodes))


def _enter(tracer: _Tracer) -> Any:
    def hook(module: nn.Module, given: object) -> None:
        tracer.depth += 1

    return hook


def _leave(tracer: _Tracer, name: str) -> Any:
    def hook(module: nn.Module, given: object, out: object) -> None:
        tracer.depth -= 1
        tensors = list(_tensors(out))
        if not tensors:
            return
        title, details = _words(module)
        node = Node(
            title, tuple(tensors[0].shape[1:]), details, own_weights(module, deep=True),
            own_statistics(module, deep=True), tracer.origins(given), isinstance(module, _MINOR), name,
        )  # fmt: skip
        tracer.mark(out, [tracer.add(node)])

    return hook


def _blocks(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules that are drawn as one block: residual blocks, sequences of them, single layers."""
    children = list(module.named_children())
    single = next(single_layers(module), None) == ("", module)
    inner = [child for _, child in children if not isinstance(child, nn.Identity)]
    staged = bool(inner) and isinstance(module, nn.Sequential) and all(map(_is_block, inner))
    if single or _is_block(module) or staged:
        yield name, module
        return
    if isinstance(module, nn.Identity):
        return
    for below, child in children:
        yield from _blocks(child, f"{name}.{below}" if name else below)


def _is_block(module: nn.Module) -> bool:
    return bool(_BLOCK.search(type(module).__name__))


def _words(module: nn.Module) -> tuple[str, list[str]]:
    """Return title and details of a block."""
    kind = type(module).__name__
    if isinstance(module, nn.Sequential):
        inner = [child for child in module.children() if not isinstance(child, nn.Identity)]
        kinds = dict.fromkeys(type(child).__name__ for child in inner)
        return " + ".join(f"{_count(inner, each)}{_spaced(each)}" for each in kinds), []
    if _is_block(module):
        return _spaced(kind), []
    word, size = _WORDS.get(kind) or _spaced(kind), sizes(module)
    inside = [type(child).__name__ for child in module.children() if not isinstance(child, nn.Identity)]
    if inside:  # timm's batch norms hold their activation
        return word, inside
    return (f"{word} {size}".strip(), []) if isinstance(module, _MINOR) else (word, [size] if size else [])


def _count(modules: list[nn.Module], kind: str) -> str:
    number = sum(type(module).__name__ == kind for module in modules)
    return f"{number} x " if number > 1 else ""


def _spaced(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


def _reached(nodes: list[Node]) -> list[Node]:
    """Return the nodes from which the last one is reached."""
    wanted, waiting = set[Node](), [nodes[-1]]
    while waiting:
        node = waiting.pop()
        if node not in wanted:
            wanted.add(node)
            waiting += node.sources
    return [node for node in nodes if node in wanted]


def _merged(nodes: list[Node]) -> list[Node]:
    """Make minor nodes details of the only node before them, where nothing else comes from that one."""
    kept: list[Node] = []
    became: dict[Node, Node] = {}
    for node in nodes:
        node.sources = list(dict.fromkeys(became.get(each, each) for each in node.sources))
        before = node.sources[0] if len(node.sources) == 1 else None
        feeds = sum(before in [became.get(s, s) for s in each.sources] for each in nodes) if before else 0
        if node.minor and before is not None and before.name and feeds == 1 + _inside(before, became):
            before.details += [node.title, *node.details]
            before.shape = node.shape
            before.weights += node.weights
            before.statistics += node.statistics
            became[node] = before
        else:
            kept.append(node)
    return kept


def _inside(node: Node, became: Mapping[Node, Node]) -> int:
    """Return how many nodes are details of this one already; each of them has it as its source."""
    return sum(into is node for into in became.values())
