"""Use a running `genrelab serve` from Python; the standard library is enough.

>>> from genrelab.client import Client
>>> with Client("http://127.0.0.1:8765") as client:  # doctest: +SKIP
...     job = client.recognize("song.mp3", wait=60)
...     print(job.results[0].genre)
"""

from __future__ import annotations

from genrelab.client.answers import Event, Health, Job, Page, Recognition, TagPlan, TagRecord, Track
from genrelab.client.client import Client
from genrelab.client.connection import ProblemError

__all__ = [
    "Client",
    "Event",
    "Health",
    "Job",
    "Page",
    "ProblemError",
    "Recognition",
    "TagPlan",
    "TagRecord",
    "Track",
]
