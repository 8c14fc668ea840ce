from __future__ import annotations

from pathlib import Path

import pytest
from raising import raises

from genrelab.lab.corpora import corpora, load_corpus
from genrelab.lab.corpora.paths import folder_safe
from genrelab.lab.corpora.splits.make_split import make_split


def test_every_kind_is_described_once() -> None:
    kinds = corpora()
    names = [kind.name for kind in kinds]
    assert len(set(names)) == len(names)
    assert {"folder", "table", "gtzan", "fma", "fma-small", "fma-medium", "synthetic"} <= set(names)
    for kind in kinds:
        assert kind.spec.partition(":")[0] == kind.name
        assert kind.summary and kind.licence
        assert "\n" not in kind.summary


@pytest.mark.parametrize("name", [kind.name for kind in corpora() if kind.name != "synthetic"])
def test_a_path_is_needed_and_must_exist(name: str, tmp_path: Path) -> None:
    with raises("corpus-path-not-given", name):
        load_corpus(f"{name}:")
    with raises("corpus-path-missing", tmp_path / "nowhere"):
        load_corpus(f"{name}:{tmp_path / 'nowhere'}")


@pytest.mark.parametrize("name", ["folder", "table", "gtzan"])
def test_the_home_of_an_unknown_user_is_a_missing_path(name: str) -> None:
    with raises("corpus-path-missing", "~nobody-here/music"):
        load_corpus(f"{name}:~nobody-here/music")
    with raises("corpus-unknown"):
        load_corpus("~nobody-here/music")
    with raises("split-list-missing", "~nobody-here/list"):
        make_split(load_corpus("synthetic:tracks=3,seconds=1"), "file:~nobody-here/list", seed=0)


def test_unknown_names_are_answered_with_the_closest() -> None:
    with raises("corpus-unknown", "'gtzn'", "gtzan"):
        load_corpus("gtzn:/data")
    with raises("corpus-unknown", "folder, table"):
        load_corpus("zzzzzz")


def test_a_path_alone_is_answered_with_a_whole_spec(tmp_path: Path) -> None:
    with raises("corpus-kind-not-given", f"folder:{tmp_path}"):
        load_corpus(str(tmp_path))


def test_folder_safe_names() -> None:
    assert folder_safe("My Music (2020)") == "my-music-2020"
    assert folder_safe("../..") not in ("", ".", "..")
    assert folder_safe("音楽") != folder_safe("音")
    first, second = folder_safe("x" * 100 + "a"), folder_safe("x" * 100 + "b")
    assert first != second
    assert len(first) == len(second) == 60


def test_synthetic_needs_no_path() -> None:
    corpus = load_corpus("synthetic:tracks=3,seconds=1")
    assert corpus.renderer is not None
    assert len(corpus.clips) == 3 * len(corpus.genres)
    assert load_corpus("synthetic").name == corpus.name
