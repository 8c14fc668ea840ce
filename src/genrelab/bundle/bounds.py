"""How much a model file may hold, and how much its network may take; docs/recognize.md tells them, too.

A model file may come from a stranger. Each bound is far above what a recognizer of music needs, and low
enough that no file can take a machine's memory or time.
"""

from __future__ import annotations

MOST_BYTES = 1 << 30
"""Of the file: 1 GiB. It is looked at before the file is read."""

MOST_FIELDS = 200_000
"""Of the protocol buffer, nodes, attributes and tensors together; the packaged model has 5,000."""

MOST_NESTING = 100
"""Messages in one another, the limit of the protocol buffers of others as well."""

MOST_METADATA = 16 << 20
"""Characters of the metadata: room for the digests of a million clips."""

MOST_GENRES = 2_000

LONGEST_NAME = 200
"""Characters of a genre's, recipe's or corpus's name."""

SHORTEST_SEGMENT, LONGEST_SEGMENT = 0.01, 600.0
"""Seconds."""

MOST_SAMPLES = 1 << 25
"""Numbers in a segment, all channels together: 128 MiB, or 349 s of stereo at 48 kHz."""

MOST_OVERLAP = 100
"""How many segments may hold one moment of sound."""

MOST_EMBEDDING = 1 << 16
"""Numbers of an embedding."""

MOST_MEMORY = 8 << 30
"""Bytes that the networks of a process may take together: 8 GiB, or half of the machine's memory if less."""

LOAD_SECONDS = 60.0
"""How long onnxruntime may take to prepare a network."""


def inference_seconds(sound_seconds: float) -> float:
    """Return how long the network may take for so many seconds of sound, waiting for other work included."""
    return 60.0 + 4.0 * sound_seconds
