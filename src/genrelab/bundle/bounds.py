"""Limits of model files and of their networks; docs/use/model-files.md documents them.

Model files are untrusted. Each limit is far above the needs of a genre recognizer, and low enough to protect
a machine's memory and time.
"""

from __future__ import annotations

MOST_BYTES = 1 << 30
"""Of the file: 1 GiB, checked before the file is read."""

MOST_FIELDS = 200_000
"""Of the protocol buffer: nodes, attributes and tensors together; the packaged model has 5,000."""

MOST_NESTING = 100
"""Depth of nested messages, as in other implementations of protocol buffers."""

MOST_METADATA = 16 << 20
"""Characters of the metadata: room for the digests of a million clips."""

MOST_GENRES = 2_000

MOST_TAGS = 2_000

LONGEST_NAME = 200
"""Characters of the name of a genre, tag, recipe or corpus."""

LONGEST_KIND = 40
"""Characters of the kind of a tag."""

SHORTEST_SEGMENT, LONGEST_SEGMENT = 0.01, 600.0
"""Seconds."""

MOST_SAMPLES = 1 << 25
"""Samples of a segment, all channels together: 128 MiB, or 349 s of stereo at 48 kHz."""

MOST_OVERLAP = 100
"""Number of segments that may overlap at one time."""

MOST_EMBEDDING = 1 << 16
"""Dimensions of an embedding."""

MOST_MEMORY = 8 << 30
"""Memory of all networks of a process in bytes: 8 GiB, or half of the machine's memory if that is less."""

LOAD_SECONDS = 60.0
"""Time limit for onnxruntime to prepare a network."""

TENSORRT_SECONDS = 900.0
"""The same with TensorRT, which compiles the network for the GPU."""


def inference_seconds(sound_seconds: float) -> float:
    """Return the time limit in seconds for a length of sound, including waiting for other work."""
    return 60.0 + 4.0 * sound_seconds
