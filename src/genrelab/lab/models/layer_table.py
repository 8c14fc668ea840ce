"""The layers of a network: what each returns, and how many weights it has, from a run on empty tensors."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from genrelab.lab.frontends import Frontend
from genrelab.lab.models.base import GenreNetwork, Shape
from genrelab.lab.recipes.schema import Audio

_STATISTICS = ("running_mean", "running_var")
_INPUT = "input_"


class Layer(NamedTuple):
    """A call of a layer.

    Attributes
    ----------
    name : str
        Its place in the body, such as `trunk.0`; of a front-end, the name of the input.
    kind : str
        Its class.
    detail : str
        Its sizes, such as `32 of 3 x 3, stride 2`.
    shape : tuple of int
        Of its output, without batch.
    weights : int
        Trainable values of its own; 0 for a further call of the same layer.
    statistics : int
        Means and variances of a batch norm. Keras counts them as parameters.
    """

    name: str
    kind: str
    detail: str
    shape: Shape
    weights: int
    statistics: int


def input_shapes(network: GenreNetwork, audio: Audio) -> dict[str, Shape]:
    """Return what the front-ends give for a segment, by name of the input, without batch."""
    return {
        key.removeprefix(_INPUT): cast(Frontend, frontend).output_shape(audio.segment_samples)
        for key, frontend in network.frontends.items()
    }


def layers(network: GenreNetwork, audio: Audio) -> list[Layer]:
    """Return the layers in the order in which a segment passes them, front-ends first.

    Functions without weights that are no layers, such as the sum in a residual block, have no row.

    Parameters
    ----------
    network : GenreNetwork
        Unchanged.
    audio : Audio
        Of its recipe.

    Returns
    -------
    list of Layer
    """
    shapes = input_shapes(network, audio)
    rows = [
        Layer(
            name,
            type(frontend).__name__,
            "",
            shapes[name],
            own_weights(frontend, deep=True),
            own_statistics(frontend, deep=True),
        )
        for name, frontend in _frontends(network)
    ]
    counted: set[nn.Module] = set()

    def listed(name: str) -> object:
        def hook(module: nn.Module, given: object, out: object) -> None:
            if not isinstance(out, Tensor):
                return
            first = module not in counted
            counted.add(module)
            rows.append(
                Layer(
                    name,
                    type(module).__name__,
                    sizes(module),
                    tuple(out.shape[1:]),
                    own_weights(module) if first else 0,
                    own_statistics(module) if first else 0,
                )
            )

        return hook

    body = empty_body(network)
    for name, module in single_layers(body):
        module.register_forward_hook(listed(name))  # type: ignore[arg-type]
    with torch.no_grad():
        body(empty_inputs(shapes))
    return rows


def single_layers(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers inside a module by name: modules with weights of their own, or without modules."""
    alone = not any(True for _ in module.children())
    if alone or any(True for _ in module.parameters(recurse=False)):
        if not isinstance(module, nn.Identity):
            yield name, module
        return
    for below, child in module.named_children():
        yield from single_layers(child, f"{name}.{below}" if name else below)


def empty_body(network: GenreNetwork) -> nn.Module:
    """Return a copy of the body without values: its layers compute shapes alone."""
    return copy.deepcopy(network.body).to("meta").eval()


def empty_inputs(shapes: Mapping[str, Shape]) -> dict[str, Tensor]:
    """Return a batch of one item without values."""
    return {name: torch.zeros(1, *shape, device="meta") for name, shape in shapes.items()}


def _frontends(network: GenreNetwork) -> Iterator[tuple[str, nn.Module]]:
    for key, frontend in network.frontends.items():
        yield key.removeprefix(_INPUT), frontend


def own_weights(module: nn.Module, *, deep: bool = False) -> int:
    """Return the number of trainable values of a module; with `deep` also of the modules inside it."""
    return sum(each.numel() for each in module.parameters(recurse=deep) if each.requires_grad)


def own_statistics(module: nn.Module, *, deep: bool = False) -> int:
    """Return the number of means and variances that batch norms keep."""
    return sum(
        buffer.numel()
        for name, buffer in module.named_buffers(recurse=deep)
        if name.rpartition(".")[2] in _STATISTICS
    )


def sizes(module: nn.Module) -> str:
    """Return the sizes of a layer in words: `32 of 3 x 3, stride 2`; empty for a layer without sizes."""
    match module:
        case nn.Conv1d() | nn.Conv2d():
            kernel, stride = times(module.kernel_size), times(module.stride)
            depthwise = ", each on one channel" if module.groups == module.in_channels > 1 else ""
            strides = "" if set(module.stride) == {1} else f", stride {stride}"
            return f"{module.out_channels} of {kernel}{strides}{depthwise}"
        case nn.Linear():
            return f"{module.out_features} units"
        case nn.MaxPool2d() | nn.AvgPool2d() if isinstance(module.kernel_size, int):
            return times((module.kernel_size, module.kernel_size))
        case nn.MaxPool1d() | nn.MaxPool2d() | nn.AvgPool1d() | nn.AvgPool2d():
            return times(module.kernel_size)
        case nn.Dropout():
            return f"{module.p:g}"
    return ""


def shape_text(shape: Shape) -> str:
    """Return a shape as text: `32 x 254 x 254`, `246,016`."""
    return " x ".join(f"{size:,}" for size in shape)


def times(value: int | tuple[int, ...]) -> str:
    """Return `3 x 3`, or `3` along time."""
    return str(value) if isinstance(value, int) else " x ".join(map(str, value))
