"""The model file: the graph between its input and its outputs, and the fields of its metadata."""

from __future__ import annotations

from scripts.diagrams.drawing import STYLE, Diagram

from genrelab.bundle.bundle import INPUT, OUTPUTS, TAGS_OUTPUT
from genrelab.bundle.metadata import METADATA_KEY

FIELDS = {
    "sound that goes in": (
        "sample_rate", "channels", "segment_seconds", "hop_seconds", "padding", "shortest_seconds",
    ),
    "segments to answer": (
        "voting", "temperature", "abstain_below", "abstain_below_by_genre", "no_music_above",
    ),
    "what comes out": ("genres", "tags"),
    "where it comes from": (
        "recipe", "base", "corpora", "learned", "results", "created", "genrelab_version", "format_version",
    ),
}  # fmt: skip
SHAPES = {
    OUTPUTS[0]: "[batch, genres], sum 1",
    OUTPUTS[1]: "[batch, d]",
    TAGS_OUTPUT: "[batch, tags], if it has any",
}


def draw() -> str:
    """Return the picture."""
    rows = max(len(fields) for fields in FIELDS.values())
    diagram = Diagram(
        900,
        306 + 18 * rows,
        "A model file. A waveform goes into the front-end and the network of its graph; probabilities of "
        "genres, an embedding and tags come out. Below the graph are the metadata.",
    )
    diagram.box("plain", 20, 90, 170, 66, f"`{INPUT}", "[batch, channels,", "samples] float32")
    diagram.box("file", 220, 16, 660, 274 + 18 * rows)
    diagram.words("`model.onnx", 236, 40)
    diagram.box("area", 236, 52, 400, 142)
    diagram.words("the graph, ONNX", 250, 72)
    diagram.box("plain", 256, 92, 150, 62, "front-end", "waveform → picture")
    diagram.box("plain", 456, 92, 150, 62, "network", "picture → scores")
    diagram.words("the spectrogram is computed inside the file", 250, 182)
    diagram.arrow((190, 123), (256, 123))
    diagram.arrow((406, 123), (456, 123))
    for number, (name, shape) in enumerate(SHAPES.items()):
        y = 52 + 50 * number
        diagram.box("plain", 672, y, 192, 42, f"`{name}", shape)
        diagram.arrow((606, 123), (650, 123), (650, y + 21), (672, y + 21))
    top = 212
    diagram.box("area", 236, top, 628, 64 + 18 * rows)
    diagram.words(f"the metadata, one JSON value under the key {METADATA_KEY}", 250, top + 20)
    for number, (title, fields) in enumerate(FIELDS.items()):
        x = 250 + (0, 155, 335, 450)[number]
        diagram.words(title, x, top + 46, kind=None)
        for row, field in enumerate(fields):
            diagram.words(f"`{field}", x, top + 66 + 18 * row)
    return diagram.document(STYLE)
