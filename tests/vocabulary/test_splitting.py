"""Several genres in one text."""

from __future__ import annotations

import pytest

from genrelab.vocabulary import canonical, split_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Death Metal; Hip Hop", ("Death Metal", "Hip Hop")),
        ("Rock/Pop", ("Rock", "Pop")),
        ("Pop/Rock", ("Pop", "Rock")),
        ("Rock / Pop / Jazz", ("Rock", "Pop", "Jazz")),
        ("Folk, World, & Country", ("Folk", "World", "Country")),
        ("Funk / Soul", ("Funk", "Soul")),
        ("Hip-Hop/Rap", ("Hip-Hop/Rap",)),
        ("Hip-Hop/Rap/Jazz", ("Hip-Hop/Rap", "Jazz")),
        ("R&B/Soul", ("R&B/Soul",)),
        ("Singer/Songwriter", ("Singer/Songwriter",)),
        ("Pop, Singer/Songwriter", ("Pop", "Singer/Songwriter")),
        ("Jazz\0Blues", ("Jazz", "Blues")),
        ("Jazz\\\\Blues", ("Jazz", "Blues")),
        ("Jazz|Blues\r\nSoul", ("Jazz", "Blues", "Soul")),
        ("Rock、ポップ；ジャズ", ("Rock", "ポップ", "ジャズ")),
        ("Rock & Roll", ("Rock & Roll",)),
        ("Drum & Bass, House", ("Drum & Bass", "House")),
        ("Rock & Pop", ("Rock", "Pop")),
        ("Alternative & Punk", ("Alternative", "Punk")),
        ("Jazz + Blues", ("Jazz", "Blues")),
        ("Electronic - House", ("Electronic", "House")),
        ("Metal > Doom Metal", ("Metal", "Doom Metal")),
        ("Pop-Rock", ("Pop-Rock",)),
        ("Reggaeton y Hip-Hop", ("Reggaeton", "Hip-Hop")),
        ("Salsa y Tropical", ("Salsa", "Tropical")),
        ("Techno (Raw / Deep), House", ("Techno (Raw / Deep)", "House")),
        ("Techno (Raw / Deep", ("Techno (Raw", "Deep")),
        ("Brass & Military", ("Brass & Military",)),
        ("Peter & the Wolf", ("Peter & the Wolf",)),
        ("Zydeco/Gumbo", ("Zydeco", "Gumbo")),
        ("(51)(39)", ("Techno-Industrial", "Noise")),
        ("(4)Eurodisco", ("Disco", "Eurodisco")),
        ("(17)", ("Rock",)),
        ("17", ("Rock",)),
        ("(62)", ("Pop", "Funk")),
        ("(RX)", ("Remix",)),
        ("((17) is no number", ("(17) is no number",)),
        ("(255)", ("(255)",)),
        ("Rock; rock; Rock", ("Rock", "rock")),
        (" ; / , ", ()),
        ("", ()),
        ("&", ()),
    ],
)
def test_known_names_come_first(text: str, values: tuple[str, ...]) -> None:
    assert split_values(text) == values


def test_a_text_with_several_genres_is_not_one() -> None:
    assert canonical("Pop/Rock") is None and canonical("Jazz/Funk") is None
    assert canonical("Pop-Rock") == "pop rock" and canonical("Jazz-Funk") == "jazz-funk"


@pytest.mark.parametrize(
    "part", ["/", "a/", "((", "(a", "()", ")", "rock/", "(17)", "& ", "a & ", "-", "rock-", ";", "(", " "]
)
def test_long_texts_are_bounded(part: str) -> None:
    values = split_values(part * 200_000)
    assert len(values) <= 200 and sum(map(len, values)) <= 5_000


def test_many_values_are_bounded() -> None:
    assert len(split_values(";".join(map(str, range(1000, 2000))))) == 200
