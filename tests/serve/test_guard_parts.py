"""The parts of the guard by themselves."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from genrelab.serve.guard.access import Access, bearer
from genrelab.serve.guard.headers import with_security
from genrelab.serve.guard.hosts import Hosts
from genrelab.serve.guard.limits import Limits
from genrelab.serve.guard.log import ACCESS, LOGGER, set_up_log
from genrelab.serve.guard.rates import Rates


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills() -> None:
    clock = Clock()
    rates = Rates(burst=2, rate=0.5, most=10, now=clock)
    assert [rates.wait("a") for _ in range(3)] == [0.0, 0.0, 2.0]
    assert rates.wait("b") == 0.0
    clock.now = 2.0
    assert rates.wait("a") == 0.0
    assert rates.wait("a") > 0


def test_a_bucket_never_owes_more_than_a_burst() -> None:
    clock = Clock()
    rates = Rates(burst=10, rate=1, most=10, now=clock)
    assert rates.wait("a", 1e9) == 0.0
    assert rates.wait("a") == pytest.approx(11.0)


def test_the_table_of_clients_is_bounded() -> None:
    rates = Rates(burst=1, rate=0.001, most=100)
    for number in range(1000):
        rates.wait(f"10.0.{number // 256}.{number % 256}")
    assert len(rates) == 100


def test_addresses_of_one_network_are_one_client() -> None:
    rates = Rates(burst=2, rate=0.001, most=10)
    for address in ("2001:db8::1", "2001:db8::ffff:1"):
        assert rates.wait(address) == 0.0
    assert rates.wait("2001:db8::2") > 0 and rates.wait("2001:db8:0:1::2") == 0.0
    assert rates.wait("::ffff:10.0.0.1") == rates.wait("10.0.0.1") == 0.0
    assert rates.wait("10.0.0.1") > 0


def test_a_server_for_other_machines_knows_addresses_and_its_name() -> None:
    hosts = Hosts("0.0.0.0", ["music.home"])
    for known in ("192.168.1.5:8765", "[fe80::1]", "music.home", "localhost", "127.0.0.1:1"):
        assert hosts.knows(known), known
    for unknown in ("evil.example", "192.168.1.5.evil.example", "music.home.evil.example", "[::1].x"):
        assert not hosts.knows(unknown), unknown


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("https://music.example", "music.example", True),
        ("https://music.example", "music.example:443", True),
        ("http://music.example:80", "music.example", True),
        ("http://music.example:8080", "music.example:8080", True),
        ("http://music.example:8080", "music.example", False),
        ("https://music.example.evil", "music.example", False),
        ("http://[::1]:8765", "[::1]:8765", True),
        ("https://proxy.home", "127.0.0.1:8765", True),
        ("ftp://music.example", "music.example", False),
    ],
)
def test_origins(origin: str, host: str, own: bool) -> None:
    assert Hosts("127.0.0.1", ["proxy.home"]).is_foreign(origin, None, host) != own


def test_sessions_end_and_are_bounded() -> None:
    clock = Clock()
    access = Access("t" * 20, 1, Limits(sessions=3, session_seconds=10), now=clock)
    values = [access.open_session() for _ in range(4)]
    cookies = [f"genrelab_1={value}" for value in values]
    assert [access.has_session(each) for each in cookies] == [False, True, True, True]
    access.close_session(cookies[1])
    assert not access.has_session(cookies[1])
    clock.now = 10.0
    assert not access.has_session(cookies[3])


def test_tokens() -> None:
    access = Access("t" * 20, 1, Limits())
    assert access.is_right("t" * 20)
    assert not any(access.is_right(each) for each in ("", "t" * 19, "t" * 21, "\udcff", "T" * 20))
    assert Access(None, 1, Limits()).is_open and not access.is_open
    assert bearer(None) is bearer("Basic x") is bearer("Bearer") is None
    assert bearer("bearer  x ") == "x"


def test_headers_of_safety_replace_those_of_a_route() -> None:
    found = with_security([(b"X-Frame-Options", b"ALLOW"), (b"Cache-Control", b"max-age=1")])
    names = [name.lower() for name, _ in found]
    assert names.count(b"x-frame-options") == 1 and (b"Cache-Control", b"max-age=1") in found
    assert (b"cache-control", b"no-store") in with_security([])


@pytest.fixture
def _as_before() -> Iterator[None]:
    names = (LOGGER.name, ACCESS.name, "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "websockets")
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).level) for name in names}
    spread = {name: logging.getLogger(name).propagate for name in names}
    hook = threading.excepthook
    yield
    threading.excepthook = hook
    for name, (handlers, level) in before.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = handlers, spread[name]
        logger.setLevel(level)


def log(monkeypatch: pytest.MonkeyPatch, *, quiet: bool) -> io.StringIO:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    set_up_log(quiet=quiet)
    return screen


@pytest.mark.usefixtures("_as_before")
def test_the_log_is_escaped_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = log(monkeypatch, quiet=False)
    ACCESS.info("127.0.0.1 GET /\x1b[31m\r\n2026 fake 200")
    try:
        raise ValueError("two\nlines \x1b[2J \u202e")
    except ValueError:
        LOGGER.error("incident %s", "a\nb", exc_info=True)
    text = screen.getvalue()
    assert "\x1b" not in text and "\u202e" not in text and "\r" not in text
    lines = text.splitlines()
    assert "\\x1b[31m\\r\\n2026 fake" in lines[0] and lines[1].endswith("incident a\\nb")
    assert "  lines \\x1b[2J \\u202e" in lines, "no line of a traceback imitates a record"
    assert all(line.startswith("  ") for line in lines[2:])


@pytest.mark.usefixtures("_as_before")
def test_what_ends_a_thread_is_escaped_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ValueError("a name \x1b[2J")

    screen = log(monkeypatch, quiet=True)
    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    assert "the thread worker failed" in screen.getvalue()
    assert "a name \\x1b[2J" in screen.getvalue() and "\x1b" not in screen.getvalue()


@pytest.mark.usefixtures("_as_before")
def test_a_quiet_log_has_errors_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = log(monkeypatch, quiet=True)
    ACCESS.info("a request")
    LOGGER.error("an error")
    assert "an error" in screen.getvalue() and "a request" not in screen.getvalue()


@pytest.mark.usefixtures("_as_before")
def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Full())
    set_up_log(quiet=False)
    ACCESS.info("a request")
