"""How genres are written: spelling, parents, maps, and other spellings of the same genre in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mutagen
import pytest
import tagged
from hypothesis import given
from hypothesis import strategies as st
from tagged import only

from genrelab.library import GenreMap, Library, Tagger, TagPolicy
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.tagging.spelling import TagSpelling, names_to_write, same_key, spell
from genrelab.library.tags import Field
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import RankedGenre, TagScore
from genrelab.vocabulary import ancestors, canonical, display
from genrelab.vocabulary.table import genres as table

Know = Callable[..., Path]
MODEL = ("hiphop", "metal", "electronic", "rnb", "drum and bass", "my genre")
ALL: tuple[Field, ...] = ("genre", "mood", "grouping")


@pytest.fixture
def know(library: Library, tmp_path: Path) -> Know:
    """Make a file, tagged with genres, that the library has an answer to."""
    numbers = iter(range(1000))

    def know(
        *genres: str, kind: str = "flac", answer: str = "hiphop", tags: tuple[TagScore, ...] = ()
    ) -> Path:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        path = tagged.make(folder, kind)
        if genres:
            file = mutagen.File(path)
            file["GENRE"] = list(genres)
            file.save()
        others = [RankedGenre(genre, 0.08) for genre in MODEL if genre != answer]
        ranked = (RankedGenre(answer, 0.6), *others)
        said = Recognition(path, "m@1", 1.0, answer, 0.6, genres=ranked, tags=tags)
        library.tracks.store(FileSnapshot(path), said)
        return path

    return know


@pytest.mark.parametrize(
    ("spelling", "written"),
    [
        ("plain", ("Hip-Hop", "Metal", "Electronic", "R&B", "Drum & Bass", "my genre")),
        ("id3", ("Hip-Hop", "Metal", "Electronic", "R&B", "Drum & Bass", "my genre")),
        ("discogs", ("Hip Hop", "Metal", "Electronic", "Rhythm & Blues", "Drum n Bass", "my genre")),
        ("musicbrainz", ("hip hop", "metal", "electronic", "r&b", "drum and bass", "my genre")),
        ("model", MODEL),
    ],
)
def test_spellings(spelling: TagSpelling, written: tuple[str, ...]) -> None:
    assert tuple(spell(genre, MODEL, spelling) for genre in MODEL) == written
    assert names_to_write(MODEL, MODEL, GenreMap(), spelling=spelling) == written


@pytest.mark.parametrize(
    "kind", ["flac", "mp3-23", "mp3-24", "m4a", "ogg", "wma", "wav-info", "wv", "mka", "mp3-v1"]
)
@pytest.mark.parametrize("answer", ["hiphop", "rnb"])
def test_written_once_and_undone(kind: str, answer: str, know: Know, tagger: Tagger) -> None:
    path = know(kind=kind, answer=answer)
    whole = path.read_bytes()
    policy = TagPolicy("overwrite", spelling="plain", parents=True)
    record = only(tagger.tag([path], policy, write=True))
    assert (record.status, record.after) == ("written", (display(answer),))
    assert tagged.genres(path) == (display(answer),)
    for mode in ("overwrite", "combine", "only-empty"):
        again = TagPolicy(mode, spelling="plain", parents=True)  # type: ignore[arg-type]
        assert only(tagger.tag([path], again)).status == "left"
    assert only(tagger.undo([path])).status == "undone"
    if kind not in ("ogg", "m4a"):
        assert path.read_bytes() == whole


@pytest.mark.parametrize("kind", ["flac", "mp3-23", "mp3-24", "m4a", "mka"])
def test_parents_are_values_of_their_own(kind: str, know: Know, tagger: Tagger) -> None:
    path = know(kind=kind, answer="metal")
    policy = TagPolicy(spelling="plain", parents=True)
    record = only(tagger.tag([path], policy, write=True))
    assert record.after == (("Metal/Rock",) if kind == "mp3-23" else ("Metal", "Rock"))
    for mode in ("overwrite", "combine"):
        assert only(tagger.tag([path], TagPolicy(mode, spelling="plain", parents=True))).status == "left"  # type: ignore[arg-type]
    assert only(tagger.undo([path])).status == "undone" and tagged.genres(path) == ()


@pytest.mark.parametrize(
    "there", ["hip hop", "Hip-Hop", "HipHop", "Rap", "Hip-Hop/Rap", "Pop; Rap", "Pop/Hip Hop"]
)
def test_another_spelling_is_the_same_genre(there: str, know: Know, tagger: Tagger) -> None:
    path = know(there)
    for spelling in ("plain", "discogs", "model"):
        record = only(tagger.tag([path], TagPolicy("combine", spelling=spelling)))  # type: ignore[arg-type]
        assert (record.status, record.note) == ("left", "has it already")
        assert only(tagger.tag([path], TagPolicy(spelling=spelling))).status == "left"  # type: ignore[arg-type]
    record = only(tagger.tag([path], TagPolicy("overwrite", spelling="discogs"), write=True))
    assert record.after == ("Hip Hop",)


def test_a_sub_genre_is_another_genre_to_write(know: Know, tagger: Tagger) -> None:
    record = only(tagger.tag([know("Death Metal", answer="metal")], TagPolicy("combine", spelling="plain")))
    assert record.after == ("Death Metal", "Metal")
    both = TagPolicy("combine", spelling="plain", parents=True)
    record = only(tagger.tag([know("heavy", "Rock Music", answer="metal")], both))
    assert record.status == "left"  # `heavy` is Metal, and `Rock Music` is Rock


def test_the_map_wins(know: Know, tagger: Tagger) -> None:
    def written(genre_map: GenreMap, answer: str = "metal", *, parents: bool = True) -> tuple[str, ...]:
        policy = TagPolicy(genre_map=genre_map, spelling="plain", parents=parents)
        return only(tagger.tag([know(answer=answer)], policy)).after

    assert written(GenreMap({"metal": ("Heavy",)})) == ("Heavy", "Rock")
    assert written(GenreMap({"metal": ("Noise Stuff",)})) == ("Noise Stuff",)
    assert written(GenreMap({"metal": ("metal",)}), parents=False) == ("metal",)
    assert written(GenreMap({}, {"Metal": ("Loud",), "Loud": ("All",)})) == ("Metal", "Loud", "All")
    assert written(GenreMap({}, {"metal": ("Loud",)})) == ("Metal", "Loud")  # a map for the model's names
    assert written(GenreMap({}, {"Metal": ()})) == ("Metal",)
    assert written(GenreMap({}, {"Metal": ("Loud",)}), parents=False) == ("Metal", "Loud")
    assert written(GenreMap({"metal": ()})) == ()


def test_names_of_a_model_that_would_look_alike_are_kept() -> None:
    assert names_to_write(["rap", "hip hop"], ["rap", "hip hop", "rock"], GenreMap(), spelling="plain") == (
        *("rap", "hip hop"),
    )
    assert spell("rap", ["rap", "rock"], "plain") == "Hip-Hop"


def test_capital_letters_are_the_choice_of_a_user() -> None:
    assert spell("Rap", ["Rap"], "plain") == "Rap" and spell("HipHop", ["HipHop"], "plain") == "HipHop"
    assert spell("Rap", ["Rap"], "discogs") == "Hip Hop" and spell("Rap", ["Rap"], "musicbrainz") == "hip hop"
    assert spell("ゲーム", ["ゲーム"], "plain") == "Video Game"


def test_styles_are_spelled_and_moods_are_not(know: Know, tagger: Tagger) -> None:
    tags = (
        *(TagScore("mood", "pop", 0.9, True), TagScore("genre", "rap", 0.9, True)),
        *(TagScore("style", "synthpop", 0.8, True), TagScore("style", "odd one", 0.7, True)),
    )
    path = know(tags=tags)
    policy = TagPolicy(fields=ALL, spelling="plain")
    record = only(tagger.tag([path], policy, write=True))
    after = {change.field: change.after for change in record.more}
    assert record.after == ("Hip-Hop",)
    assert after == {"mood": ("pop",), "grouping": ("Synth-Pop", "odd one")}  # `rap` is the genre itself
    combine = TagPolicy("combine", fields=ALL, spelling="discogs")
    assert only(tagger.tag([path], combine)).status == "left"
    mapped = TagPolicy(
        "overwrite", fields=ALL, spelling="plain", genre_map=GenreMap({"style:synthpop": ("synthpop",)})
    )
    record = only(tagger.tag([path], mapped))
    assert {change.field: change.after for change in record.more}["grouping"] == ("synthpop", "odd one")


@given(
    st.lists(st.sampled_from(sorted(table())), min_size=1, max_size=4, unique=True),
    st.sampled_from(["plain", "id3", "discogs", "musicbrainz"]),
)
def test_what_is_written_reads_back(genres: list[str], spelling: TagSpelling) -> None:
    written = names_to_write(genres, genres, GenreMap(), spelling=spelling, parents=True)
    expected = {*genres, *(each for genre in genres for each in ancestors(genre))}
    assert {canonical(name) for name in written} == expected
    assert [same_key(name) for name in written[: len(genres)]] == genres
