from pathlib import Path

import pytest
from starlette.testclient import TestClient

from genrelab.serve.app import create_app
from genrelab.serve.settings import ServeSettings


@pytest.fixture
def client(tmp_path: Path):
    with TestClient(create_app(ServeSettings(library=tmp_path / "library.db"))) as client:
        yield client


def test_health(client: TestClient) -> None:
    answer = client.get("/api/v1/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_a_query_parameter_that_does_not_exist_is_a_problem(client: TestClient) -> None:
    answer = client.get("/api/v1/health?verbose=1")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "request-unknown-field"
    assert "verbose" in answer.json()["title"]
