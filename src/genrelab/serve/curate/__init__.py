"""Playlists, tags, corrections and teaching: what requests do with the tracks of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genrelab.serve.server import Server


def attach(server: Server) -> None:
    """Register the job that teaches a model."""
    from genrelab.serve.curate.teaching import teach_job
    from genrelab.serve.jobs.kinds import kinds, writing

    kinds["teach"] = teach_job
    writing.add("teach")
