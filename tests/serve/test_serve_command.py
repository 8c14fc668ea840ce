"""`genrelab serve` as a process."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from raising import raises
from served import SECONDS, TOKEN, connect, request, serving

from genrelab.cli.main import main
from genrelab.printing import is_plain
from genrelab.serve.endpoint import PREFIX
from genrelab.serve.guard.access import Access
from genrelab.serve.settings import ServeSettings
from genrelab.serve.start.address import bind, url_of
from genrelab.serve.start.selfcheck import selfcheck
from genrelab.serve.start.token_file import read_token


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_ends_it(tmp_path: Path, how: int) -> None:
    with serving(tmp_path, str(tmp_path)) as server:
        assert request(server.port, "GET", f"{PREFIX}/health").json()["status"] == "ok"
        assert b"<html" in request(server.port, "GET", "/").body
        with connect(server.port) as idle:
            assert server.end(how) == 0
            assert idle.recv(1) in (b"",)
    log = server.log.read_text()
    assert str(tmp_path) in log and "Traceback" not in log
    assert re.search(r"^\S+Z 127\.0\.0\.1 GET /api/v1/health 200 \d+ \d+ms$", log, re.M)


def test_the_log_is_escaped(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        paths = [
            "/%0d%0a2026-01-01T00:00:00Z%20fake",
            "/%1b%5b31m",
            "/%e2%80%ae%c2%9b",
            "/?q=secret",
            "/" + "x" * 5000,
        ]
        for path in paths:
            request(server.port, "GET", path)
        request(server.port, "GET", "/", **{"x-forwarded-for": "6.6.6.6"})
        assert server.end() == 0
    log = server.log.read_text()
    assert [character for character in log if character != "\n" and not is_plain(character)] == []
    assert "/\\r\\n2026-01-01T00:00:00Z\\x20fake 404" in log and "/\\x1b[31m 404" in log
    assert "secret" not in log and max(map(len, log.splitlines())) < 400
    assert "6.6.6.6" not in log, "no proxy was named"
    assert len(log.splitlines()) == 1 + len(paths) + 1


def test_quiet(tmp_path: Path) -> None:
    with serving(tmp_path, "--quiet") as server:
        request(server.port, "GET", "/none")
        assert server.end() == 0
    assert server.log.read_text() == ""


def test_a_name_makes_the_addresses_of_a_proxy_count(tmp_path: Path) -> None:
    with serving(tmp_path, "--name=music.home") as server:
        answer = request(server.port, "GET", "/", host="music.home", **{"x-forwarded-for": "6.6.6.6"})
        assert answer.status == 200
        assert server.end() == 0
    assert "6.6.6.6 GET / 200" in server.log.read_text()


def test_with_a_token(tmp_path: Path, token: Path) -> None:
    with serving(tmp_path, f"--token-file={token}") as server:
        assert request(server.port, "GET", f"{PREFIX}/models").status == 401
        good = request(server.port, "GET", f"{PREFIX}/models", authorization=f"Bearer {TOKEN}")
        assert good.status == 200
    assert TOKEN not in server.log.read_text()


def test_the_selfcheck(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "genrelab", "serve", str(tmp_path), "--selfcheck",
         f"--library={tmp_path / 'library.db'}"],
        capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" yes ") >= 14 and " NO " not in done.stdout


def test_the_selfcheck_finds_that_any_cookie_opens_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def any_value(access: Access, cookies: str | None) -> bool:
        return cookies is not None and f"{access.cookie}=" in cookies

    monkeypatch.setattr(Access, "has_session", any_value)
    found = {each.promise: each.kept for each in selfcheck(ServeSettings(library=tmp_path / "library.db"))}
    assert [promise for promise, kept in found.items() if kept is False] == ["refuses a wrong token"]


def test_the_selfcheck_finds_a_broken_model(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "genrelab", "serve", "--selfcheck", "--allow-write",
         f"--library={tmp_path / 'library.db'}", f"--model={tmp_path / 'none.onnx'}"],
        capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.search(r"loads its model +NO .*none\.onnx", done.stdout)
    assert re.search(r"refuses to write +- ", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["/none/of/this"], "/none/of/this"),
        ([__file__], __file__),
        (["--root=/none/of/this"], "/none/of/this"),
        (["--host=0.0.0.0"], "0.0.0.0"),
        (["--host=::"], "::"),
        (["--host=not.a.name.invalid"], "not.a.name.invalid"),
        (["--name=http://music.home"], "http://music.home"),
        (["--name="], "--name"),
        (["--token-file=/none/token"], "/none/token"),
        (["--port=70000"], "--port"),
        (["--max-upload=0"], "--max-upload"),
    ],
)
def test_wrong_use(
    arguments: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", f"--library={tmp_path / 'library.db'}", *arguments]) == 2
    assert named in capsys.readouterr().err


def test_a_library_that_cannot_be_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port=0", f"--library={tmp_path}"]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_a_port_that_is_taken() -> None:
    with bind("127.0.0.1", 0, has_token=False) as taken:
        port = taken.getsockname()[1]
        with raises("port-taken", port, "--port"):
            bind("127.0.0.1", port, has_token=False)


def test_addresses_of_other_machines_need_a_token() -> None:
    for host in ("0.0.0.0", "::", ""):
        with raises("address-without-token", "--token-file"):
            bind(host or "0.0.0.0", 0, has_token=False)
    with bind("0.0.0.0", 0, has_token=True) as listener:
        assert url_of(listener, "0.0.0.0") == f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with raises("address-unknown", "203.0.113.1"):
        bind("203.0.113.1", 0, has_token=True)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_the_loopback_of_ipv6_needs_none() -> None:
    with bind("::1", 0, has_token=False) as listener:
        assert url_of(listener, "::1") == f"http://[::1]:{listener.getsockname()[1]}/"


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "token-empty"), (b" \n\n", "token-empty"), (b"short\n", "token-short"),
     (b"x" * 15, "token-short"), (b"x" * 1001, "token-damaged"),
     (b"two words of a passphrase", "token-damaged"),
     (b"first-line-of-a-token\nsecond", "token-damaged"),
     ("übliche-wörter-im-token".encode(), "token-damaged"),
     (b"x" * 20 + b"\0", "token-damaged")],
)  # fmt: skip
def test_token_files_that_are_no_good(token: Path, content: bytes, code: str) -> None:
    token.write_bytes(content)
    with raises(code, token):
        read_token(token)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o601])
def test_a_token_that_others_can_read_or_change(token: Path, mode: int) -> None:
    token.chmod(mode)
    with raises("token-readable-by-others", token, "chmod 600"):
        read_token(token)


def test_token_files(token: Path, tmp_path: Path) -> None:
    assert read_token(token) == TOKEN
    token.chmod(0o440)  # as systemd and Docker give them to a group
    assert read_token(token) == TOKEN
    for path, code in ((tmp_path, "token-no-file"), (tmp_path / "none", "token-missing-file")):
        with raises(code, path):
            read_token(path)
    with raises("token-no-file"):
        read_token(Path("/dev/null"))


def test_without_the_extra(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from genrelab.cli.main import main; sys.exit(main(['serve']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1 and "genrelab[serve]" in done.stderr and "Traceback" not in done.stderr
