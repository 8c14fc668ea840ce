"""Jobs: what takes longer than a request. A queue in a file, threads that work on it, and events.

Another part adds a kind of job with a function of the server, the job's arguments and its progress:

>>> from genrelab.serve.jobs.kinds import kinds, writing
>>> kinds["teach"] = teach  # doctest: +SKIP
>>> writing.add("teach")  # it runs only with --allow-write  # doctest: +SKIP

and a route queues it:

>>> server.part(Jobs).submit("teach", {"to": "mine.onnx"})  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genrelab.serve.server import Server


def attach(server: Server) -> None:
    """Start the jobs of a server when it starts."""
    from genrelab.serve.jobs.kinds import kinds
    from genrelab.serve.jobs.recognizing import recognize_job
    from genrelab.serve.jobs.runner import Jobs

    kinds["recognize"] = recognize_job
    jobs = server.part(Jobs)
    server.starters.append(jobs.start)
    server.metrics.sources.append(jobs.metrics)
