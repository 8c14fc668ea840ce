"""What a server says about itself: its interface, figures and models."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import genrelab
from genrelab.bundle.find import PACKAGED_MODEL
from genrelab.serve.app import endpoints, guarded_app
from genrelab.serve.describe.metrics import Metric, Metrics
from genrelab.serve.describe.openapi import openapi
from genrelab.serve.endpoint import PREFIX
from genrelab.serve.settings import ServeSettings

BASE = "http://127.0.0.1:8765"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "models" / "deep" / "deeper").mkdir(parents=True)
    return folder


@pytest.fixture
def client(tmp_path: Path, music: Path) -> Iterator[TestClient]:
    settings = ServeSettings(library=tmp_path / "library.db", roots=(music,))
    with TestClient(guarded_app(settings)[0], BASE) as client:
        yield client


def test_the_document_names_every_route(client: TestClient) -> None:
    document = client.get(f"{PREFIX}/openapi.json").json()
    assert document["openapi"] == "3.1.0" and document["servers"] == [{"url": PREFIX}]
    assert document["info"]["version"] == genrelab.__version__
    named = {
        (method.upper(), path) for path, operations in document["paths"].items() for method in operations
    }
    assert named == {(each.method, each.path.replace(":path", "")) for each in endpoints()}
    identifiers = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(set(identifiers)) == len(identifiers)


def test_every_reference_in_the_document_leads_somewhere(client: TestClient) -> None:
    document = client.get(f"{PREFIX}/openapi.json")
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', document.text):
        place = document.json()
        for step in reference.split("/"):
            place = place[step]


def test_every_operation_has_a_summary_and_problems(client: TestClient) -> None:
    for operations in client.get(f"{PREFIX}/openapi.json").json()["paths"].values():
        for operation in operations.values():
            assert operation["summary"].endswith(".") and operation["tags"]
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}


def test_the_document_says_how_to_send_a_token() -> None:
    document = openapi(endpoints(), needs_token=True, cookie="genrelab_1")
    assert document["security"] == [{"token": []}, {"session": []}]
    assert document["components"]["securitySchemes"]["session"]["name"] == "genrelab_1"


LINE = re.compile(r'[a-z_]+(\{([a-z]+="([^"\\]|\\[\\"n])*",?)*\})? -?[0-9.e+-]+')


def test_figures_in_the_format_of_prometheus(client: TestClient) -> None:
    for path in ("/health", "/health", "/none", "/models/x"):
        client.get(PREFIX + path)
    client.request("BREW", "/")
    answer = client.get(f"{PREFIX}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert [line for line in lines if not line.startswith("# ") and not LINE.fullmatch(line)] == []
    assert 'genrelab_requests_total{method="GET",route="/health",status="200"} 2' in lines
    assert 'genrelab_requests_total{method="GET",route="other",status="404"} 2' in lines
    assert 'genrelab_request_seconds_count{route="/health"} 2' in lines
    assert 'genrelab_request_seconds_bucket{route="/health",le="+Inf"} 2' in lines
    assert 'genrelab_library_tracks{result="genre"} 0' in lines
    assert "BREW" not in answer.text


def test_labels_are_escaped_and_a_source_that_fails_is_left_out() -> None:
    metrics = Metrics()

    def fail() -> tuple[Metric, ...]:
        raise OSError("locked")

    metrics.sources += [fail, lambda: (Metric("jobs", "By state.", (({"state": 'a"\\\n'}, 1.5),)),)]
    assert 'genrelab_jobs{state="a\\"\\\\\\n"} 1.5\n' in metrics.text()


def test_addresses_make_no_new_figures() -> None:
    metrics = Metrics()
    for number in range(1000):
        metrics.count(f"M{number}", None, 404, 0.0)
    assert len(metrics.text().splitlines()) < 30


def test_models(client: TestClient, music: Path, tmp_path: Path) -> None:
    own = music / "models" / "deep" / "own.onnx"
    shutil.copy(PACKAGED_MODEL, own)
    shutil.copy(PACKAGED_MODEL, music / "models" / "deep" / "deeper" / "too-deep.onnx")
    (music / "broken.ONNX").write_bytes(b"no model")
    (music / "out.onnx").symlink_to(PACKAGED_MODEL)
    (music / "no\nmodel.txt").touch()
    answer = client.get(f"{PREFIX}/models").json()
    items = {Path(each["path"]).name: each for each in answer["items"]}
    assert answer["total"] == 3 and set(items) == {"packaged.onnx", "own.onnx", "broken.ONNX"}
    shipped = answer["items"][0]
    assert shipped["current"] and shipped["origin"] == "shipped" and len(shipped["genres"]) > 2
    assert all(set(tag) == {"kind", "name"} for tag in shipped["tags"])
    assert items["own.onnx"]["identity"] == shipped["identity"] and not items["own.onnx"]["current"]
    assert items["broken.ONNX"]["identity"] is None and "broken.ONNX" in items["broken.ONNX"]["problem"]


def test_a_model_that_vanished_is_named_with_its_problem(tmp_path: Path) -> None:
    settings = ServeSettings(library=tmp_path / "library.db", model=tmp_path / "gone.onnx")
    with TestClient(guarded_app(settings)[0], BASE) as client:
        first = client.get(f"{PREFIX}/models").json()["items"][0]
    assert first["current"] and "gone.onnx" in first["problem"]
