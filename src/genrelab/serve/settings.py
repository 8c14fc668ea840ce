"""How a server is started."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class ServeSettings:
    """How a server is started.

    Attributes
    ----------
    roots : tuple of Path
        Folders whose files may be named in requests. Absolute, links resolved.
    library : Path or None
        The library; None means the default one.
    model : Path or None
        The model file; None means the one that `genrelab.bundle.find.find_model` returns.
    allow_write : bool
        Whether requests may write tags, playlists and models. Otherwise such requests are refused.
    host, port : str, int
        The address. A host other than the loopback needs a token.
    token : str or None
        What a request must bring, if any.
    names : tuple of str
        Further host names under which the server is known, such as those of a reverse proxy.
    most_upload : int
        Largest upload, in bytes.
    jobs : int > 0
        Files recognized at once.
    watch : bool
        Whether new and changed files under the roots are recognized by themselves.
    """

    roots: tuple[Path, ...] = ()
    library: Path | None = None
    model: Path | None = None
    allow_write: bool = False
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    most_upload: int = 500 * MEBIBYTE
    jobs: int = 1
    watch: bool = False
