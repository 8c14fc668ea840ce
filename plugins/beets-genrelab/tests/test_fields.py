"""What is noted about genres and taken back, in a real database of beets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from beets.library import Item, Library
from beetsplug.genrelab import GenrelabPlugin
from beetsplug.genrelab.deciding import Decision
from beetsplug.genrelab.fields import BEFORE, GENRES, PREDICTED, note, take_back, written_genres
from beetsplug.genrelab.settings import Settings
from beetsplug.genrelab.writing import genres_in_file
from confuse import Configuration
from mediafile import MediaFile

from genrelab.errors import UsageError

JAZZ = Decision(("Jazz",), "jazz", 0.9, "Jazz")
ROCK = Decision(("Rock",), "rock", 0.9, "Rock")


def settings(**values: object) -> Settings:
    from beetsplug.genrelab.settings import DEFAULTS

    config = Configuration("genrelab", read=False)
    config.set({**DEFAULTS, **values})
    return Settings.read(config)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Library:
    monkeypatch.setattr(Item, "_types", {**Item._types, **GenrelabPlugin.item_types})
    return Library(str(tmp_path / "beets.db"))


def item_of(library: Library, folder: Path, in_file: list[str], in_database: list[str]) -> Item:
    path = folder / "a.flac"
    soundfile.write(path, np.zeros(2205, np.float32), 22050)
    file = MediaFile(path)
    file.genres = in_file
    file.save()
    item = Item.from_path(str(path).encode())
    item.genres = in_database
    library.add(item)
    return item


def stored(library: Library, item: Item) -> Item:
    item.store()
    return library.get_item(item.id)


@pytest.mark.parametrize(
    ("in_file", "in_database", "noted"),
    [([], [], False), (["Polka"], ["Polka"], False), ([], ["Polka", "Ska"], True), (["Polka"], [], True)],
)
@pytest.mark.parametrize("decisions", [[JAZZ], [JAZZ, JAZZ], [JAZZ, ROCK]])
def test_the_genres_of_the_database_come_back(
    library: Library, tmp_path: Path, in_file: list[str], in_database: list[str], noted: bool, decisions
) -> None:
    item = item_of(library, tmp_path, in_file, in_database)
    for decision in decisions:
        note(item, decision, settings(), genres_in_file(item))
        item = stored(library, item)
        assert item.genres == written_genres(item) == list(decision.genres)
    assert (item.get(BEFORE, None) is not None) == noted
    take_back(item, genres_in_file(item), force=False)
    item = stored(library, item)
    assert item.genres == in_database
    assert not {BEFORE, GENRES, PREDICTED} & set(item.keys())


@pytest.mark.parametrize(("force", "left"), [(False, ["Ska"]), (True, ["Polka"])])
def test_a_genre_that_was_changed_since_stays_without_force(
    library: Library, tmp_path: Path, force: bool, left: list[str]
) -> None:
    item = item_of(library, tmp_path, [], ["Polka"])
    note(item, JAZZ, settings(), genres_in_file(item))
    item.genres = ["Ska"]
    item = stored(library, item)
    take_back(item, genres_in_file(item), force=force)
    assert stored(library, item).genres == left


def test_a_genre_that_the_user_gave_in_between_is_the_one_from_before(
    library: Library, tmp_path: Path
) -> None:
    item = item_of(library, tmp_path, [], ["Polka"])
    note(item, JAZZ, settings(), [])
    item.genres = ["Ska"]
    note(item, ROCK, settings(keep_existing=True), [])
    item = stored(library, item)
    assert item.genres == ["Ska", "Rock"]
    take_back(item, [], force=False)
    assert item.genres == ["Ska"]


@pytest.mark.parametrize("least", [60, -0.1, 1.5])
def test_a_least_confidence_in_percent_is_refused(least: float) -> None:
    with pytest.raises(UsageError) as error:
        settings(min_confidence=least)
    assert error.value.code == "confidence-range"
