"""Downloads from a real server that is well, breaks off, ignores ranges, or lies."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_server import Behaviour, archive_server
from disks import small_disk
from raising import raises

from genrelab.lab.corpora.fetching import download as downloading
from genrelab.lab.corpora.fetching.download import TRIES, download, read_json

CONTENT = bytes(range(256)) * 4096  # 1 MiB
MOST = 2**22


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def server() -> Iterator[Behaviour]:
    behaviour = Behaviour({"/a.zip": CONTENT})
    with archive_server(behaviour) as url:
        behaviour.url = url  # type: ignore[attr-defined]
        yield behaviour


def get(server: Behaviour, folder: Path, *, most_bytes: int = MOST) -> Path:
    url: str = server.url  # type: ignore[attr-defined]
    return download(f"{url}a.zip", folder / "a.zip", most_bytes=most_bytes)


def test_a_file_arrives_whole_and_leaves_nothing_else(server: Behaviour, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    url: str = server.url  # type: ignore[attr-defined]
    report = lambda what, done, total: seen.append((done, total))  # noqa: E731
    file = download(f"{url}a.zip", tmp_path / "a.zip", most_bytes=MOST, report=report)
    assert file.read_bytes() == CONTENT and [p.name for p in tmp_path.iterdir()] == ["a.zip"]
    assert seen[-1] == (len(CONTENT), len(CONTENT)) and server.asked == [("/a.zip", None)]


def test_what_is_lacking_is_asked_for(server: Behaviour, tmp_path: Path) -> None:
    server.cuts = [300_000, 0, 500_000]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=300000-", "bytes=300000-", "bytes=800000-"]


def test_a_later_command_goes_on(server: Behaviour, tmp_path: Path) -> None:
    server.cuts = [400_000] + [0] * (TRIES - 1)
    with raises("fetch-broken-off", "400,000", tmp_path / "a.zip.part"):
        get(server, tmp_path)
    server.asked.clear()
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/a.zip", "bytes=400000-")]


def test_progress_resets_the_number_of_tries(server: Behaviour, tmp_path: Path) -> None:
    server.cuts = [100_000] * (TRIES + 4)
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_sends_everything_again(server: Behaviour, tmp_path: Path) -> None:
    server.ranges, server.cuts = False, [300_000, 500_000]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_another_file_under_the_same_name_starts_again(server: Behaviour, tmp_path: Path) -> None:
    server.cuts = [300_000] + [0] * (TRIES - 1)
    with raises("fetch-broken-off"):
        get(server, tmp_path)
    server.files["/a.zip"], server.etag = CONTENT[::-1], '"two"'
    assert get(server, tmp_path).read_bytes() == CONTENT[::-1]


def test_a_part_that_is_complete_is_only_renamed(server: Behaviour, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    assert get(server, tmp_path).read_bytes() == CONTENT  # the server answers 416
    assert server.asked == [("/a.zip", f"bytes={len(CONTENT)}-")]


def test_a_part_that_is_too_long_starts_again(server: Behaviour, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(CONTENT + b"more")
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_and_another_answer_is_final(server: Behaviour, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    assert get(server, tmp_path).read_bytes() == CONTENT
    (tmp_path / "a.zip").unlink()
    server.statuses = [403]
    with raises("fetch-refused", "403"):
        get(server, tmp_path)
    server.files.clear()
    with raises("fetch-refused", "404"):
        get(server, tmp_path)


def test_too_much_is_refused_with_and_without_a_size(server: Behaviour, tmp_path: Path) -> None:
    with raises("fetch-too-large", f"{len(CONTENT):,}"):
        get(server, tmp_path, most_bytes=len(CONTENT) - 1)
    server.length = False
    with raises("fetch-too-large", f"{len(CONTENT) - 1:,}"):
        get(server, tmp_path, most_bytes=len(CONTENT) - 1)
    assert not (tmp_path / "a.zip").exists()
    (tmp_path / "a.zip.part").unlink()
    assert get(server, tmp_path, most_bytes=len(CONTENT)).read_bytes() == CONTENT


def test_a_wrong_range_is_not_appended(server: Behaviour, tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(CONTENT[:1000])
    server.wrong_range = True
    with raises("fetch-range", "1000"):
        get(server, tmp_path)
    assert (tmp_path / "a.zip.part").read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize(
    ("target", "code"),
    [("file:///etc/passwd", "fetch-refused"), ("ftp://127.0.0.1/a.zip", "fetch-redirect")],
)
def test_redirects_lead_to_no_other_scheme(server: Behaviour, tmp_path: Path, target: str, code: str) -> None:
    server.redirects = {"/a.zip": target}
    with raises(code, target):
        get(server, tmp_path)
    server.redirects = {"/a.zip": "/b.zip"}
    server.files["/b.zip"] = CONTENT
    assert get(server, tmp_path).read_bytes() == CONTENT
    with raises("fetch-url", target):
        download(target, tmp_path / "x", most_bytes=MOST)


def test_a_redirect_does_not_leave_https() -> None:
    asked = urllib.request.Request("https://here/a.zip")
    with raises("fetch-redirect", "http://there/a.zip"):
        downloading._Redirects().redirect_request(asked, io.BytesIO(), 302, "", {}, "http://there/a.zip")
    followed = downloading._Redirects().redirect_request(asked, io.BytesIO(), 302, "", {}, "https://there/a")
    assert followed is not None and followed.full_url == "https://there/a"


def test_a_loop_of_redirects_ends(server: Behaviour, tmp_path: Path) -> None:
    server.redirects = {"/a.zip": "/a.zip"}
    with raises("fetch-refused", "302"):
        get(server, tmp_path)
    assert len(server.asked) < 20


def test_nobody_listens(tmp_path: Path) -> None:
    with raises("fetch-broken-off", "http://127.0.0.1:9/a.zip"):
        download("http://127.0.0.1:9/a.zip", tmp_path / "a.zip", most_bytes=MOST)


def test_a_disk_without_room_is_told_before_and_a_full_one_keeps_what_arrived(
    server: Behaviour, tmp_path: Path
) -> None:
    with small_disk(tmp_path, kib=512) as disk:
        with raises("fetch-no-room", disk):
            get(server, disk)
        server.length = False
        with raises("fetch-disk-full", disk):
            get(server, disk)
        kept = (disk / "a.zip.part").read_bytes()
        assert 0 < len(kept) < len(CONTENT) and CONTENT.startswith(kept)


def test_a_list_is_bounded_and_must_be_json(server: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    url: str = server.url  # type: ignore[attr-defined]
    server.files = {"/a": json.dumps({"files": []}).encode(), "/b": b"<html>", "/c": b"[" * 100_000}
    assert read_json(f"{url}a") == {"files": []}
    for name in ("b", "c", "missing"):
        with raises("fetch-listing", f"{url}{name}"):
            read_json(f"{url}{name}")
    monkeypatch.setattr(downloading, "_MOST_LISTING", 10)
    with raises("fetch-listing"):
        read_json(f"{url}a")
