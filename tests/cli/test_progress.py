"""Lines of progress where there is no terminal."""

from __future__ import annotations

import pytest

from genrelab import console
from genrelab.cli.progress import counting


def test_without_a_terminal_a_line_appears_when_the_last_one_is_old(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with counting() as report:
        for done in range(1, 4):
            report("decoding", done, 3)
    assert capsys.readouterr().err == "", "three quick steps are nothing to wait for"
    monkeypatch.setattr(console, "LOG_SECONDS", 0.0)
    with counting() as report:
        for done in range(1, 4):
            report("decoding\x1b[2J", done, 3, "7 a second")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and not any("\x1b" in line for line in lines)
    assert lines[1].startswith("decoding") and "2 of 3  7 a second  0:00:00 left" in lines[1]
