"""The file of answers: one answer per track, which can be replaced and taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from genrelab.files import replace_file
from genrelab.teach import review
from genrelab.teach.review import Answers


def test_an_answer_replaces_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    answers = Answers(path)
    answers.put("/a.mp3", ("jazz",))
    answers.put("/b.mp3", ("pop", "rock"))
    answers.put("/a.mp3", ("blues",))
    assert path.read_text() == "path,genre\n/b.mp3,pop;rock\n/a.mp3,blues\n"
    assert Answers(path).paths == {"/a.mp3", "/b.mp3"}


def test_an_answer_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_bytes(b'path,genre\n"/a\xff,\n.mp3",jazz\n/b.mp3,=1\n/a.mp3,rock')  # cut in the last line
    answers = Answers(path)
    assert answers.remove("/a.mp3") and not answers.remove("/a.mp3") and not answers.remove("/c.mp3")
    assert path.read_bytes() == b'path,genre\n"/a\xff,\n.mp3",jazz\n/b.mp3,=1\n'
    answers.add("/c.mp3", ("pop",))
    assert path.read_bytes().endswith(b"/b.mp3,=1\n/c.mp3,pop\n")


def test_an_answer_is_never_missing_while_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "answers.csv"
    seen = []

    def replace(path: Path, write: Callable[[Path], object]) -> None:
        replace_file(path, write)
        seen.append(Answers(file).paths)  # what is there if the process is killed now

    Answers(file).put("/a.mp3", ["jazz"])
    monkeypatch.setattr(review, "replace_file", replace)
    Answers(file).put("/a.mp3", ["folk"])
    assert seen == [{"/a.mp3"}]
    assert file.read_text() == "path,genre\n/a.mp3,folk\n"
