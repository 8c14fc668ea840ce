"""An object store: moto's S3 server as a process on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import pytest

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Store:
    """A running server; `environment` is what a client needs."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        return {**ENVIRONMENT, "AWS_ENDPOINT_URL": self.url}

    @cached_property
    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def make_bucket(self, name: str) -> str:
        self.client.create_bucket(Bucket=name)
        return f"s3://{name}"

    def put(self, address: str, content: bytes) -> str:
        bucket, _, key = address.removeprefix("s3://").partition("/")
        self.client.put_object(Bucket=bucket, Key=key, Body=content)
        return address

    def keys(self, address: str) -> list[str]:
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def set_environment(self, patch: pytest.MonkeyPatch) -> None:
        for name, value in self.environment.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "AWS_NO_SIGN_REQUEST"):
            patch.delenv(name, raising=False)


@contextmanager
def running_store() -> Iterator[Store]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT}
    )
    store = Store(f"http://127.0.0.1:{port}")
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"{store.url}/moto-api/", timeout=10).close()
                break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None, "moto's server did not start"
                time.sleep(0.1)
        else:
            raise AssertionError("moto's server does not answer")
        yield store
    finally:
        server.kill()
        server.wait()
