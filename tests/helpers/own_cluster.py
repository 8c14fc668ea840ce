"""A Ray cluster of the tests' own: two CPUs, and a token that no other cluster has."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from genrelab.cluster import Cluster, open_cluster

TOKEN = secrets.token_hex(32)
"""One per process, because Ray reads it once."""


@contextmanager
def own_cluster() -> Iterator[Cluster]:
    """Start a cluster; this process is connected to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", TOKEN)
        patch.delenv("RAY_ADDRESS", raising=False)
        with open_cluster(cpus=2) as cluster:
            yield cluster
