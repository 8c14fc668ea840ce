"""Names of genres: real spellings from collections, players, shops and lists."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from genrelab.vocabulary import (
    ancestors,
    canonical,
    display,
    genre_of,
    model_genre,
    model_genres,
    normalize,
    parents,
    split_values,
)
from genrelab.vocabulary.names import broader
from genrelab.vocabulary.suggest import nearest
from genrelab.vocabulary.table import genres

MODEL = (
    *("blues", "classical", "country", "disco", "electronic", "hiphop"),
    *("jazz", "metal", "pop", "reggae", "rock"),
)


SPELLINGS_OF = {
    "hip hop": "Hip-Hop|hip hop|HipHop|HIP HOP|hip_hop|Hip–Hop|Rap|RAP|Hip-Hop/Rap|Rap & Hip-Hop|хип-хоп",
    "r&b": "R&B|RnB|R'n'B|R ’n’ B|R and B|r & b|R＆B|Rhythm & Blues|RHYTHM'N'BLUES|R&B/Soul|rb",
    "drum and bass": "Drum & Bass|Drum n Bass|drum'n'bass|Drum'n Bass|DnB|D&B|d'n'b|drumandbass|Drum + Bass",
    "rock and roll": "Rock & Roll|Rock'n'Roll|Rock n Roll|ROCK AND ROLL|rock-n-roll|RocknRoll|рок-н-ролл",
    "electronic": "Electronic|Electronica|Elektronisch|Électronique|ÉLECTRONIQUE|электроника",
    "classical": "Classical|classic|Klassik|Classique|Música Clásica|musica classica|классика|クラシック",
    "metal": "Metal|METAL|metal music|Heavy|метал|メタル",
    "heavy metal": "Heavy Metal|Heavy-Metal|heavymetal",
    "death metal": "Death Metal|death-metal|DEATHMETAL|Death_Metal",
    "singer-songwriter": "Singer/Songwriter|Singer-Songwriter|Singer & Songwriter|Liedermacher",
    "synth-pop": "Synthpop|Synth-pop|Synth Pop|SynthPop",
    "children's": "Children's|Children’s Music|Childrens|Kids|Kinder",
    "soundtrack": "Soundtrack|OST|Original Soundtrack|Film Score|Score|Banda Sonora|Саундтрек",
    "alternative rock": "Alternative|Alt. Rock|AlternRock|alternative rock|Alt-Rock",
    "j-pop": "J-Pop|JPop|jpop|J Pop|Japanese Pop|Jポップ",
    "oi": "Oi!|Oi",
    "stage and screen": "Stage & Screen|Stage and Screen|Stage & screen",
    "bossa nova": "Bossa Nova|BossaNova|Bossa|ボサノヴァ",
    "reggaeton": "Reggaeton|Reggaetón|reguetón",
    "rock": "Rock|(17)|17| rock |Rock Music|ROCK!|[Rock]|рок|ロック",
    "disco": "(4)|4|Disco",
}


@pytest.mark.parametrize("name", SPELLINGS_OF)
def test_many_spellings_are_one_genre(name: str) -> None:
    texts = SPELLINGS_OF[name].split("|")
    assert {text: canonical(text) for text in texts} == dict.fromkeys(texts, name)


def test_what_is_not_a_genre_is_not_guessed() -> None:
    for text in (
        "",
        " ",
        "?",
        "Unknown",
        "Other",
        "(255)",
        "255",
        "192",
        "Metl",
        "My Favourites",
        "Rock, Pop",
    ):
        assert canonical(text) is None and parents(text) == () and genre_of(text) is None, text
    assert display("My Favourites") == "My Favourites" and display("") == ""


ALLMUSIC = {
    "Avant-Garde": "avant-garde",
    "Blues": "blues",
    "Children's": "children's",
    "Classical": "classical",
    "Country": "country",
    "Easy Listening": "easy listening",
    "Electronic": "electronic",
    "Folk": "folk",
    "Holiday": "holiday",
    "International": "world",
    "Jazz": "jazz",
    "Latin": "latin",
    "New Age": "new age",
    "R&B": "r&b",
    "Rap": "hip hop",
    "Reggae": "reggae",
    "Religious": "religious",
    "Stage & Screen": "stage and screen",
    "Vocal": "vocal",
}


def test_the_genres_of_allmusic() -> None:
    assert {text: canonical(text) for text in ALLMUSIC} == ALLMUSIC
    assert [canonical(each) for each in split_values("Pop/Rock")] == ["pop", "rock"]
    assert [canonical(each) for each in split_values("Comedy/Spoken")] == ["comedy", "spoken word"]


def test_the_genres_of_gtzan() -> None:
    gtzan = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
    assert [model_genre(text, gtzan) for text in gtzan] == list(gtzan)
    shown = ("Blues", "Classical", "Country", "Disco", "Hip-Hop", "Jazz", "Metal", "Pop", "Reggae", "Rock")
    assert tuple(map(display, gtzan)) == shown
    assert tuple(display(text, "id3") for text in gtzan) == shown
    assert display("hiphop", "discogs") == "Hip Hop" and display("hiphop", "musicbrainz") == "hip hop"


@pytest.mark.data
def test_every_label_of_the_real_clips_is_known(data_dir: Path) -> None:
    with (data_dir / "clips.csv").open(encoding="utf-8", newline="") as file:
        labels = {row["source_genres"] for row in csv.DictReader(file) if row["source_genres"]}
    values = {value for label in labels for value in split_values(label)}
    assert len(values) > 25
    assert {value for value in values if canonical(value) is None} == set()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("hiphop", ("Hip-Hop", "Hip-Hop", "Hip Hop", "hip hop")),
        ("rnb", ("R&B", "R&B", "Rhythm & Blues", "r&b")),
        ("electronic", ("Electronic", "Electronic", "Electronic", "electronic")),
        ("dnb", ("Drum & Bass", "Drum & Bass", "Drum n Bass", "drum and bass")),
        ("synthpop", ("Synth-Pop", "Synthpop", "Synth-pop", "synth-pop")),
        ("kpop", ("K-Pop", "K-Pop", "K-pop", "k-pop")),
        ("world music", ("World", "World Music", "World", "world")),
        ("rock & roll", ("Rock & Roll", "Rock & Roll", "Rock & Roll", "rock and roll")),
        (
            "melodeath",
            ("Melodic Death Metal", "Melodic Death Metal", "Melodic Death Metal", "melodic death metal"),
        ),
        ("idm", ("IDM", "IDM", "IDM", "idm")),
    ],
)
def test_spellings_of_players_and_lists(name: str, written: tuple[str, ...]) -> None:
    assert display(name) == written[0]
    assert (display(name, "id3"), display(name, "discogs"), display(name, "musicbrainz")) == written[1:]


def test_parents_and_levels() -> None:
    assert parents("Melodic Death Metal") == ("death metal",)
    assert ancestors("melodic death metal") == ("death metal", "metal", "rock")
    assert (genre_of("melodic death metal"), genre_of("Metal"), genre_of("rock")) == (
        "metal",
        "metal",
        "rock",
    )
    assert ancestors("House") == ("electronic",) and ancestors("pop") == ()
    assert genre_of("Ska Punk") == "punk" and set(ancestors("ska punk")) == {"ska", "punk", "reggae", "rock"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Death Metal", ("metal",)),
        ("House", ("electronic",)),
        ("Rap", ("hiphop",)),
        ("Gangsta Rap", ("hiphop",)),
        ("Dub", ("reggae",)),
        ("Bebop", ("jazz",)),
        ("Baroque", ("classical",)),
        ("Honky Tonk", ("country",)),
        ("Delta Blues", ("blues",)),
        ("K-Pop", ("pop",)),
        ("Grunge", ("rock",)),
        ("Italo-Disco", ("disco",)),
        ("Pop/Rock", ("pop", "rock")),
        ("Death Metal; Hip Hop", ("metal", "hiphop")),
        ("Ska Punk", ("reggae", "rock")),
        ("Synth-Pop", ("pop", "electronic")),
        ("Swedish Death Metal", ("metal",)),
        ("Deutschrap", ()),
        ("Deutsch-Rap", ("hiphop",)),
        ("80s Pop", ("pop",)),
        ("Rock en Español", ("rock",)),
        ("(9)", ("metal",)),
        ("Folk", ()),
        ("Soul", ()),
        ("Audiobook", ()),
        ("Unknown", ()),
    ],
)
def test_genres_of_a_model(text: str, expected: tuple[str, ...]) -> None:
    assert model_genres(text, MODEL) == expected
    assert model_genre(text, MODEL) == (expected[0] if expected else None)


def test_a_genre_of_the_model_ends_the_search() -> None:
    assert model_genre("Death Metal", ["rock"]) == "rock"
    assert model_genre("Death Metal", ["Rock", "Death Metal", "metal"]) == "Death Metal"
    assert model_genres("Melodic Death Metal", ["rock", "metal"]) == ("metal",)
    assert model_genres("Metal", ["death metal", "jazz"]) == ()  # a parent is not its child


def test_genres_of_a_model_in_the_words_of_a_user() -> None:
    assert model_genre("hip hop", ["Rap", "Techno"]) == "Rap"
    assert model_genre("Rock", ["Pop/Rock", "Jazz"]) == "Pop/Rock"
    assert model_genre("Pop/Rock", ["Pop/Rock", "Rock"]) == "Pop/Rock"
    assert model_genre("Heavy Metal", ["Pop/Rock", "Jazz"]) == "Pop/Rock"
    assert model_genre("R&B/Soul", ["Soul"]) == "Soul"
    assert model_genre("my own words", ["My Own Words", "Rock"]) == "My Own Words"
    assert model_genre("моё", ["Моё"]) == "Моё"
    assert model_genre("?", ["!", "Rock"]) is None


def test_a_text_that_narrows_a_genre() -> None:
    assert broader("Finnish Folk Metal") == "folk metal"
    assert broader("Hip Hop Français") == "hip hop" and broader("1990s Dance") == "dance"
    assert broader("Female Vocal Jazz") == "jazz"
    assert broader("Techno (Raw / Deep / Hypnotic)") == "techno" and broader("((((Rock) [x] (y") is None
    assert broader("Death Metal [Demo]") == "death metal" == broader("((x) (y)) Death Metal (live)")
    for text in ("Anti-Rock", "Not Metal", "Swedish", "80s", "", "Swedish Finnish", "rock rock rock"):
        assert broader(text) is None, text


SHOPS = (
    "Alternative|Christian & Gospel|Hip-Hop/Rap|Holiday|Inspirational|J-Pop|R&B/Soul|Singer/Songwriter|World|"
    "Rock y Alternativo|Salsa y Tropical|Urbano latino|Baladas y Boleros|Books & Spoken|Prog-Rock/Art Rock|"
    "Jungle/Drum'n'bass|IDM/Experimental|Death Metal/Black Metal|Old School Rap|Praise & Worship|Trad Jazz|"
    "Melodic House & Techno|Minimal / Deep Tech|Drum & Bass / Jungle|Indie Dance|Afro House|Hi-NRG|Lullabies|"
    "Techno (Peak Time / Driving)|Trance (Raw / Deep / Hypnotic)|UK Garage / Bassline|Dancehall / Ragga|"
    "General Rock|Other Electronica|Brit Rock|Cabaret & Musical|Contemporary Jazz & Fusion|Goth & Industrial|"
    "Soul-RnB|Old-Time|Psych-Folk|Reggae - Dub|Audio Collage|Hip-Hop Beats|20th Century Classical|Chip Music|"
    "Trash Metal|Rock Progressif|Musique Du Monde|Chanson Française|Deutsche Schlager|Electronica/Dance"
)


def test_genres_of_shops_and_taggers() -> None:
    values = [value for text in SHOPS.split("|") for value in split_values(text)]
    assert [value for value in values if not canonical(value) and not broader(value)] == []


def test_nearest_names() -> None:
    assert nearest("Deth Metal")[0] == "Death Metal" and nearest("Elektronic")[0] == "Electronic"
    assert nearest("") == nearest("♪") == nearest("qqqqqqqq") == ()
    assert len(nearest("metal " * 1000)) <= 3


def test_keys() -> None:
    assert (
        normalize("Ｈｉｐ－Ｈｏｐ") == "hiphop"
        and normalize("Raï") == "rai"
        and normalize("Lætitia ß") == "laetitiass"
    )
    assert (
        normalize("and") == "and" and normalize("n") == "n" and normalize("&") == "" and normalize("") == ""
    )
    assert normalize("ポップ") == "ポップ" != normalize("ホッフ")  # marks of Japanese are no accents
    assert len(normalize("x" * 100_000)) <= 500


def test_the_table_is_large() -> None:
    levels = [genre.level for genre in genres().values()]
    assert levels.count("genre") > 25 and levels.count("style") > 700
