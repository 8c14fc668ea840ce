"""The files of the page: types, caching, and nothing else."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import request, running
from starlette.testclient import TestClient

from genrelab.serve import page
from genrelab.serve.app import guarded_app
from genrelab.serve.settings import ServeSettings
from genrelab.serve.start.run import Runner

BASE = "http://127.0.0.1:8765"
FILES = sorted(path.relative_to(page.STATIC).as_posix() for path in page.STATIC.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app, _ = guarded_app(ServeSettings(library=tmp_path_factory.mktemp("shelf") / "library.db"))
    with TestClient(app, BASE) as client:
        yield client


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    folder = tmp_path_factory.mktemp("shelf")
    with running(ServeSettings(library=folder / "library.db", roots=(folder,))) as runner:
        yield runner


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_with_its_type(client: TestClient, name: str) -> None:
    answer = client.get(f"/static/{name}")
    assert answer.status_code == 200
    assert answer.content == (page.STATIC / name).read_bytes()
    assert answer.headers["content-type"] != "application/octet-stream", "a type for this suffix"


def test_the_page_itself(client: TestClient) -> None:
    for path in ("/", "/static/index.html"):
        answer = client.get(path)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.text.startswith("<!doctype html>")
    assert client.get("/static/app.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
    assert client.head("/").status_code == 200 and not client.head("/").content


def test_a_file_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/static/app.js", headers={"accept-encoding": "gzip"})
    tag = first.headers["etag"]
    for given in (tag, f'"x", {tag}', f"W/{tag}"):
        again = client.get("/static/app.js", headers={"if-none-match": given, "accept-encoding": "gzip"})
        assert again.status_code == 304 and not again.content and again.headers["etag"] == tag
    assert client.get("/static/app.js", headers={"if-none-match": '"x"'}).status_code == 200
    assert client.get("/static/app.js", headers={"accept-encoding": "identity"}).headers["etag"] != tag


def test_files_are_compressed(client: TestClient) -> None:
    whole = (page.STATIC / "vendor" / "wavesurfer.js").read_bytes()
    with client.stream("GET", "/static/vendor/wavesurfer.js", headers={"accept-encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    assert len(packed) < len(whole) / 2 and gzip.decompress(packed) == whole


def test_a_changed_file_is_served_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tag is that of the content: files of a wheel all have the same date."""
    monkeypatch.setattr(page, "STATIC", tmp_path)
    page._names.cache_clear()
    try:
        for name, content in (("a.js", "one"), ("b-1.2.3.js", "two"), ("c.js", "one")):
            (tmp_path / name).write_text(content)
        (tmp_path / "link.js").symlink_to("/etc/hostname")
        with TestClient(guarded_app(ServeSettings(library=tmp_path / "library.db"))[0], BASE) as client:
            tags = [client.get(f"/static/{name}").headers["etag"] for name in ("a.js", "b-1.2.3.js", "c.js")]
            assert tags[0] == tags[2] != tags[1]
            assert client.get("/static/a.js").headers["cache-control"] == "no-cache"
            assert "immutable" in client.get("/static/b-1.2.3.js").headers["cache-control"]
            assert client.get("/static/link.js").status_code == 404
            (tmp_path / "a.js").write_text("other")
            assert client.get("/static/a.js").text == "other"
            (tmp_path / "a.js").unlink()
            assert client.get("/static/a.js").status_code == 404
    finally:
        page._names.cache_clear()


ESCAPES = [
    "/static/../server.py", "/static/..%2fserver.py", "/static/%2e%2e/server.py",
    "/static/%2e%2e%2fserver.py",
    "/static/%252e%252e%252fserver.py", "/static/..%5cserver.py", "/static/..\\server.py",
    "/static/vendor/../../server.py", "/static/....//server.py", "/static/.%2e/server.py",
    "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static///etc/passwd", "/static/app.js%00.png",
    "/static/%00", "/static/..%c0%afserver.py", "/static/%c0%ae%c0%ae/server.py", "/static/..%e0%80%afx",
    "/static/%uff0e%uff0e/server.py", "/static/..;/server.py", "/static/C:/Windows/win.ini",
    "/static/%5c%5cserver%5cshare", "/static/file:///etc/passwd", "/static/~root/.bashrc",
    "/static/./././../server.py", "/static/vendor", "/static/vendor/", "/static", "/static/", "/static/.",
    "/..", "/../../../etc/passwd", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/app.js/",
    "/etc/passwd",
    "/static/app.js/../../server.py", "/server.py", "/static/__init__.py", "/static/%2e%2e/guard/roots.py",
]  # fmt: skip


@pytest.mark.parametrize("path", ESCAPES)
def test_nothing_outside_the_folder_of_the_page_is_served(runner: Runner, path: str) -> None:
    answer = request(runner.genrelab.settings.port, "GET", path)
    assert answer.status == 404 and answer.json()["code"] == "not-found"


def test_the_wheel_contains_the_page() -> None:
    """The files lie in the package, which hatch takes as a whole, unless git ignores them."""
    root = page.STATIC.parents[3]
    ignored = (root / ".gitignore").read_text(encoding="utf-8").split()
    assert "index.html" in FILES and not {"static", "static/", "vendor", "vendor/", "*.js"} & set(ignored)
