from pathlib import Path

import pytest
from starlette.testclient import TestClient

from genrelab.errors import GenrelabError, LibraryError, MissingExtraError, UsageError
from genrelab.serve.app import create_app
from genrelab.serve.problem import problem_of
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


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LibraryError("it is locked", code="library-locked"), 503),
        (LibraryError("the disk is full", code="library-disk-full"), 507),
        (MissingExtraError("teaching needs onnx", code="extra-teach"), 501),
        (UsageError("two seeds"), 422),
    ],
)
def test_what_the_server_lacks_is_no_fault_of_the_request(error: GenrelabError, status: int) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, error.code)
