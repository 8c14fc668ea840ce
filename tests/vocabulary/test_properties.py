"""What holds for every name and for every text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genrelab.vocabulary import (
    SPELLINGS,
    ancestors,
    canonical,
    display,
    genre_of,
    model_genres,
    normalize,
    parents,
    split_values,
)
from genrelab.vocabulary.names import broader
from genrelab.vocabulary.table import genres, spellings

NAMES = tuple(genres())
TEXTS = st.text(max_size=40) | st.lists(st.sampled_from([*NAMES, "&", "/", ";", "and", "(17)", " - "])).map(
    " ".join
)


@given(TEXTS)
@example("\u1fb3\u0345")
@example("a\u0301 & b")
def test_a_key_is_its_own_key(text: str) -> None:
    key = normalize(text)
    assert normalize(key) == key
    assert all(character.isalnum() or unicodedata.category(character)[0] == "M" for character in key)


@given(TEXTS)
def test_case_and_spaces_do_not_count(text: str) -> None:
    assert normalize(f"  {text} ") == normalize(text)
    assert normalize(text.casefold()) == normalize(text)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_leads_back(spelling: str) -> None:
    written = {name: display(name, spelling) for name in NAMES}  # type: ignore[arg-type]
    assert {name: canonical(text) for name, text in written.items()} == {name: name for name in NAMES}
    assert {name: display(text, spelling) for name, text in written.items()} == written  # type: ignore[arg-type]
    assert all(text.isprintable() and text == text.strip() for text in written.values())
    assert {text: split_values(text) for text in written.values()} == {
        text: (text,) for text in written.values()
    }


def test_every_alias_belongs_to_one_genre_and_is_needed() -> None:
    owner: dict[str, str] = {}
    for genre in genres().values():
        keys = [normalize(text) for text in genre.aliases]
        assert len(set(keys)) == len(keys), genre.name
        assert not {normalize(genre.name), normalize(genre.display), ""} & set(keys), genre.name
        for text in spellings(genre):
            assert owner.setdefault(normalize(text), genre.name) == genre.name, text
            assert canonical(text) == genre.name, text


def test_parents_have_no_circles_and_exist() -> None:
    for name, genre in genres().items():
        assert set(genre.parents) <= set(NAMES) and name not in ancestors(name), name
        assert len(set(genre.parents)) == len(genre.parents) and parents(name) == genre.parents
        assert genre.name == genre.name.lower() and genre.level in ("genre", "style")
        own = [name, *ancestors(name)]
        top = genre_of(name)
        assert top is None or (top in own and genres()[top].level == "genre")
        assert top is not None or all(genres()[each].level == "style" for each in own)


@given(TEXTS, st.lists(st.sampled_from(NAMES), max_size=6))
def test_nothing_is_found_that_a_model_lacks(text: str, model: list[str]) -> None:
    found = model_genres(text, model)
    assert set(found) <= set(model) and len(set(found)) == len(found)


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=6))
def test_a_model_with_a_genre_finds_it(name: str, model: list[str]) -> None:
    assert model_genres(display(name), [*model, name]) == (name,)
    for genre in model_genres(name, model):
        assert genre in (name, *ancestors(name))


@given(TEXTS)
def test_any_text_can_be_looked_up(text: str) -> None:
    values = split_values(text)
    assert all(value.strip() for value in values) and len(set(values)) == len(values)
    assert canonical(text) in (None, *NAMES) and broader(text) in (None, *NAMES)
    assert canonical(text) is None or len(values) == 1
