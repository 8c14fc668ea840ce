"""Drawings of networks: a box per block of layers, in the order in which a segment passes them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.models.flow import Node, flow
from genrelab.lab.models.layer_table import Layer, layers, own_statistics, shape_text
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.paper_genres import paper_genres
from genrelab.lab.studies.figures.plates import Drawn, Listing, Plate
from genrelab.pages import svg
from genrelab.pages.svg import Drawing, element, text

_WIDTH, _GAP, _DOWN = 250, 26, 26  # pixels: of a box, between boxes side by side, one below the other
_LINE, _LETTERS = 16, 37  # pixels and letters of a line in a box


class Box(NamedTuple):
    """A placed block: its node, the lines of its text, and its place in pixels."""

    node: Node
    lines: tuple[str, ...]
    x: float
    y: float

    @property
    def height(self) -> float:
        """Height in pixels."""
        return 46 + _LINE * len(self.lines)


def built(recipe: Recipe, genres: int | None = None) -> GenreNetwork:
    """Return the network of a recipe, for the paper's number of genres by default."""
    return build_network(recipe, genres=genres or paper_genres(recipe))


def network_plates(recipe: Recipe, *, genres: int | None = None) -> Drawn:
    """Draw the network of a recipe, and list its layers.

    Parameters
    ----------
    recipe : Recipe
    genres : int > 1 or None
        None is the number in the paper.
    """
    network = built(recipe, genres)
    picture = drawing(f"Network of {recipe.name}", blocks(network, recipe))
    plates = [
        Plate("drawing", "Drawing", [picture], notes=[LEGEND]),
        Plate("layers", "Layers", tables=[layer_listing(network, recipe)]),
    ]
    facts = {
        "Recipe": f"{recipe.name}: {recipe.title}",
        "Genres": str(genres or paper_genres(recipe)),
        "Weights": weights_text(network),
        **({"In the paper": recipe.parameters} if recipe.parameters else {}),
    }
    return Drawn(f"Network of {recipe.name}", plates, facts)


def blocks(network: GenreNetwork, recipe: Recipe) -> list[Node]:
    """Return the blocks of a network; front-ends are described by their options in the recipe."""
    nodes = flow(network, recipe.audio)
    for name, part in recipe.inputs.items():
        node = next(each for each in nodes if each.title == name and each.sources == nodes[:1])
        plain = {key: value for key, value in part.options().items() if not isinstance(value, dict)}
        node.details = [
            part.kind,
            *(f"{key.replace('_', ' ')} {_value(value)}" for key, value in plain.items()),
        ]
    return nodes


def _value(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list | tuple) else str(value).replace("-", "−")


LEGEND = (
    "Each box is a block of layers: below its name what else belongs to it, at the bottom the shape of its "
    "output (channels first, without batch) and its number of weights. The bar is its share of all weights."
)


def weights_text(network: GenreNetwork) -> str:
    """Return the number of weights, and of statistics that batch norms keep."""
    statistics = own_statistics(network, deep=True)
    total = network.parameter_count()
    if not statistics:
        return f"{total:,}"
    return f"{total:,}, and {statistics:,} statistics of batch norms: {total + statistics:,} as Keras counts"


def layer_listing(network: GenreNetwork, recipe: Recipe, caption: str = "") -> Listing:
    """Return the layers of a network as a table."""
    rows = [layer_row(each) for each in layers(network, recipe.audio)]
    rows.append(("all", "", "", "", f"{network.parameter_count():,}"))
    text = caption or "Layers in the order in which a segment passes them; shapes have channels first"
    return Listing(text, ("layer", "kind", "sizes", "output", "weights"), rows, (4,))


def layer_row(layer: Layer) -> tuple[str, ...]:
    """Return a layer as a row of a table."""
    return layer.name, layer.kind, layer.detail, shape_text(layer.shape), f"{layer.weights:,}"


def drawing(title: str, nodes: Sequence[Node]) -> Drawing:
    """Draw blocks from above to below; those that do not feed each other stand side by side.

    Parameters
    ----------
    title : str
    nodes : sequence of Node
        Each behind those that feed it.
    """
    boxes, width, height = _placed(nodes)
    picture = Drawing("flow", width, height)
    picture.title(title)
    total = sum(node.weights for node in nodes)
    for box in boxes.values():
        for source in box.node.sources:
            if source in boxes:
                picture.add(*_arrow(boxes[source], box))
    for box in boxes.values():
        picture.add(*_box(box, total))
    steps = "; ".join(
        f"{node.title} {', '.join(node.details)}: {shape_text(node.shape)}, {node.weights:,} weights".replace(
            " :", ":"
        )
        for node in nodes
    )
    picture.label = f"{title}. {steps}."
    return picture


def _placed(nodes: Sequence[Node]) -> tuple[dict[Node, Box], float, float]:
    """Place each block below all that feed it, in a column near theirs."""
    level: dict[Node, int] = {}
    for node in nodes:
        level[node] = 1 + max((level.get(source, -1) for source in node.sources), default=-1)
    _sink(nodes, level)
    rows: dict[int, list[Node]] = {}
    for node in nodes:
        rows.setdefault(level[node], []).append(node)
    widest = max(map(len, rows.values()))
    width = max(widest * (_WIDTH + _GAP) - _GAP, 300) + 8
    boxes: dict[Node, Box] = {}
    column: dict[Node, float] = {}
    y = 34.0
    for number in sorted(rows):
        row = sorted(rows[number], key=lambda node: _middle(node, column))
        first = (width - (len(row) * (_WIDTH + _GAP) - _GAP)) / 2
        for at, node in enumerate(row):
            x = first + at * (_WIDTH + _GAP)
            near = _middle(node, column) - _WIDTH / 2
            if len(row) < widest and len(node.sources) == 1 and len(row) > 1:
                x = near
            boxes[node] = Box(node, _lines(node), x, y)
            column[node] = x + _WIDTH / 2
        y += max(boxes[node].height for node in row) + _DOWN
    return boxes, width, y - _DOWN + 4


def _sink(nodes: Sequence[Node], level: dict[Node, int]) -> None:
    """Move blocks down to just above what they feed, so that the ends of branches stand side by side."""
    feeds: dict[Node, list[Node]] = {}
    for node in nodes:
        for source in node.sources:
            feeds.setdefault(source, []).append(node)
    for node in reversed(nodes):
        if node.sources and node in feeds and len(node.sources) == 1:
            level[node] = max(level[node], min(level[each] for each in feeds[node]) - 1)


def _middle(node: Node, column: Mapping[Node, float]) -> float:
    known = [column[source] for source in node.sources if source in column]
    return sum(known) / len(known) if known else 0.0


def _lines(node: Node) -> tuple[str, ...]:
    return tuple(textwrap.wrap(", ".join(node.details), _LETTERS)) if node.details else ()


def _box(box: Box, total: int) -> list[Markup]:
    node, x, y = box.node, box.x, box.y
    marks = [
        element("rect", kind="box", x=x, y=y, width=_WIDTH, height=box.height, rx=4),
        text(svg.cut(node.title, 30), x + 10, y + 18, kind="title"),
    ]
    marks += [text(line, x + 10, y + 18 + _LINE * (at + 1)) for at, line in enumerate(box.lines)]
    bottom = y + box.height - 8
    right = f"{node.weights:,}" if node.weights else ""
    marks.append(text(shape_text(node.shape), x + 10, bottom, kind=None))
    marks.append(text(right, x + _WIDTH - 10, bottom, anchor="end", kind=None))
    if node.weights and total:
        share = node.weights / total
        marks.append(element("rect", element("title", f"{share:.1%} of all weights"), kind="share", x=x,
                             y=y + box.height - 2.5, width=share * _WIDTH, height=2.5))  # fmt: skip
    return marks


def _arrow(above: Box, below: Box) -> list[Markup]:
    x1, y1 = above.x + _WIDTH / 2, above.y + above.height
    x2, y2 = below.x + _WIDTH / 2, below.y
    bend = y2 - _DOWN / 2
    way = (
        f"M{x1:.1f} {y1:.1f}V{bend:.1f}H{x2:.1f}V{y2 - 5:.1f}"
        if abs(x1 - x2) > 1
        else f"M{x1:.1f} {y1:.1f}V{y2 - 5:.1f}"
    )
    head = f"M{x2 - 4:.1f} {y2 - 6:.1f}h8l-4 6z"
    return [svg.path("arrow", way), svg.path("head", head)]
