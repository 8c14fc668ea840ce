"""How sound files are built: one module per container, which decoding, digests and tags share."""


class ContainerError(ValueError):
    """A file is not built as its container requires, or it ends too early."""
