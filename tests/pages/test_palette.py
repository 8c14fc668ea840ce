"""The colour of a genre."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelab.pages.palette import COLOURS, DARK_COLOURS, OTHERS, assign, for_dark

GENRES = st.lists(st.text(), unique=True, max_size=60)


def test_a_genre_has_its_colour_whatever_the_others_and_however_it_is_spelled() -> None:
    alone = assign(["jazz"])["jazz"]
    together = assign(["rock", "polka", "jazz", "blues"], variants=5)
    assert together["jazz"][0] == alone[0]
    assert assign(["Hip-Hop"])["Hip-Hop"] == assign(["hiphop"])["hiphop"]
    assert assign(["metal", "disco"]) == assign(["disco", "metal"]), "they compete for one colour"


@pytest.mark.parametrize("variants", [1, 5])
def test_only_a_genre_whose_colour_is_taken_gets_another(variants: int) -> None:
    model = ["blues", "classical", "country", "disco", "electronic", "hiphop", "jazz", "metal", "pop"]
    sharing = [{"classical", "hiphop"}, {"country", "electronic"}, {"disco", "metal"}]
    for genres in itertools.combinations([*model, "reggae", "rock"], 7):
        assigned = assign(genres, variants=variants)
        for genre in genres:
            alone = not any(genre in pair and pair <= set(genres) for pair in sharing)
            if alone or variants > 1:
                assert assigned[genre][0] == assign([genre])[genre][0], (genre, genres)


@given(GENRES, st.integers(1, 6))
def test_pairs_differ_while_there_are_enough(genres: list[str], variants: int) -> None:
    assigned = assign(genres, variants=variants)
    assert set(assigned) == set(genres)
    assert all(colour in COLOURS and 0 <= variant < variants for colour, variant in assigned.values())
    if len(genres) <= variants * len(COLOURS):
        assert len(set(assigned.values())) == len(genres)


def test_the_genres_of_the_packaged_model_share_no_mark_on_a_map() -> None:
    genres = ["blues", "classical", "country", "disco", "electronic", "hiphop", "jazz", "metal", "pop"]
    genres += ["reggae", "rock"]
    assert len(set(assign(genres, variants=5).values())) == len(genres)
    assert len({colour for colour, _ in assign(genres, variants=5).values()}) == len(COLOURS)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", [*COLOURS, OTHERS])
def test_dark_text_is_readable_on_every_colour(colour: str) -> None:
    assert (luminance(colour) + 0.05) / (luminance("#111111") + 0.05) >= 4.5


def test_no_two_colours_are_alike() -> None:
    for one, other in itertools.combinations([*COLOURS, OTHERS], 2):
        apart = [abs(int(one[i : i + 2], 16) - int(other[i : i + 2], 16)) for i in (1, 3, 5)]
        assert max(apart) >= 48, (one, other)


DARK_PAGE = "#22262e"  # the lightest of the dark backgrounds


@pytest.mark.parametrize("colour", [*COLOURS, OTHERS])
def test_colours_contrast_with_a_dark_page(colour: str) -> None:
    assert (luminance(for_dark(colour)) + 0.05) / (luminance(DARK_PAGE) + 0.05) >= 3


def test_colours_on_a_dark_page_are_as_many_and_no_two_alike() -> None:
    assert len(set(DARK_COLOURS)) == len(COLOURS)
    for one, other in itertools.combinations(DARK_COLOURS, 2):
        apart = [abs(int(one[i : i + 2], 16) - int(other[i : i + 2], 16)) for i in (1, 3, 5)]
        assert max(apart) >= 48, (one, other)
