"""Albums: which tracks belong together, and what their genre is."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from raising import raises
from tiny_onnx import RATE, TAGS, TONES, tagged_model, tiny_metadata, tone

from genrelab.recognize import (
    Problem,
    RankedGenre,
    Recognition,
    Recognizer,
    SheetTrack,
    TagScore,
    scan,
)
from genrelab.recognize.albums import Album, PlaceFinder, combine, follow_albums, places_by_folder
from genrelab.recognize.albums.place import is_disc

__all__ = ["tagged_model"]

PLAIN = tiny_metadata()


def record(path: str, *probabilities: float, model: str = "m", **values: Any) -> Recognition:
    """Return a result with the probabilities of low, middle and high; without any it is silent."""
    if not probabilities:
        values = {"genre": "unsure", "confidence": 0.0, "reason": "silent", **values}
        return Recognition(Path(path), model, **values)
    ranked = sorted(map(RankedGenre, TONES, probabilities), key=lambda each: -each.probability)
    genre = "unsure" if "reason" in values else ranked[0].genre
    values = {"genre": genre, "confidence": ranked[0].probability, "genres": tuple(ranked), **values}
    return Recognition(Path(path), model, **values)


def unsure(path: str, *probabilities: float) -> Recognition:
    return record(path, *probabilities, reason="low confidence")


def no_music(path: str) -> Recognition:
    return record(path, 0.8, 0.1, 0.1, reason="no music")


def failed(path: str) -> Recognition:
    return Recognition(Path(path), "m", error=f"{path} is damaged")


def only(*records: Recognition, **metadata: Any) -> Album:
    (album,) = combine(records, tiny_metadata(**metadata))
    return album


def combined(*tracks: tuple[float, ...], weights: tuple[float, ...] = ()) -> list[float]:
    """Return the rule as docs/use/albums.md states it, in the order of the genres."""
    weight = np.array(weights or [1.0] * len(tracks))
    logs = np.log(0.95 * np.array(tracks) + 0.05 / 3)
    count = weight.sum() ** 2 / (weight**2).sum()
    shares = np.exp(count / (1 + (count - 1) * 0.7) * (weight @ logs) / weight.sum())
    return list(shares / shares.sum())


def test_the_evidence_of_tracks() -> None:
    tracks = (0.7, 0.2, 0.1), (0.6, 0.1, 0.3), (0.2, 0.0, 0.8)
    album = only(*(record(f"a/{number}.mp3", *track) for number, track in enumerate(tracks)))
    assert (album.path, album.model) == (Path("a"), "m")
    assert [each.genre for each in album.genres] == ["low", "high", "middle"]
    low, middle, high = combined(*tracks)
    assert [each.probability for each in album.genres] == pytest.approx([low, high, middle])
    assert math.fsum(each.probability for each in album.genres) == pytest.approx(1)
    assert (album.genre, album.reason) == ("low", None)
    assert album.confidence == pytest.approx(low)
    assert (album.tracks, album.counted, album.answered, album.agreeing) == (3, 3, 3, 2)
    assert album.agreement == pytest.approx(2 / 3)


def test_a_track_counts_once_however_often_it_is_named() -> None:
    low, high = record("a/1.mp3", 0.65, 0.0, 0.35), record("a/2.mp3", 0.0, 0.1, 0.9)
    again = record("a/../a/1.mp3", 0.65, 0.0, 0.35)
    album = only(low, high, low, again, low)
    assert (album.tracks, album.counted, album.genres[0].genre) == (2, 2, "high")


def test_what_does_not_count() -> None:
    album = only(record("a/1.mp3", 0.0, 0.9, 0.1), failed("a/2.mp3"), record("a/3.mp3"), no_music("a/4.mp3"))
    assert (album.tracks, album.counted, album.answered, album.agreeing) == (4, 1, 1, 1)
    assert (album.genre, album.confidence) == ("middle", 0.9)
    assert album.errors == ("a/2.mp3 is damaged",)


def test_a_single_track_has_its_own_answer() -> None:
    """The vote of its segments can rank a genre before one with a higher mean."""
    ranked = (RankedGenre("high", 0.4), RankedGenre("low", 0.6), RankedGenre("middle", 0.0))
    voted = Recognition(Path("a/1.mp3"), "m", genre="high", confidence=0.4, genres=ranked)
    album = only(voted, record("a/2.mp3"))
    assert (album.genre, album.confidence, album.genres) == ("high", 0.4, ranked)


@pytest.mark.parametrize(
    ("agreeing", "others", "reason"), [(1, 0, None), (1, 1, "various"), (2, 1, None), (2, 2, "various")]
)
def test_more_than_half_of_the_answered_tracks_must_agree(
    agreeing: int, others: int, reason: str | None
) -> None:
    tracks = [record(f"a/{number}.mp3", 0.9, 0.1, 0.0) for number in range(agreeing)]
    tracks += [record(f"a/other {number}.mp3", 0.2, 0.8, 0.0) for number in range(others)]
    tracks += [unsure(f"a/unsure {number}.mp3", 0.4, 0.4, 0.2) for number in range(5)]
    album = only(*tracks)
    assert (album.genre, album.reason) == ("unsure" if reason else "low", reason)
    assert (album.agreeing, album.answered) == (agreeing, agreeing + others)
    assert album.genres[0].genre == "low"


def test_thresholds_are_those_of_the_model() -> None:
    tracks = record("a/1.mp3", 0.9, 0.1, 0.0), unsure("a/2.mp3", 0.3, 0.4, 0.3)
    confidence = combined((0.9, 0.1, 0.0), (0.3, 0.4, 0.3))[0]
    below, above = confidence - 0.01, confidence + 0.01
    assert only(*tracks, abstain_below=below).genre == "low"
    assert only(*tracks, abstain_below=above).reason == "low confidence"
    assert only(*tracks, abstain_below=0.1, abstain_below_by_genre={"low": above}).genre == "unsure"
    assert only(*tracks, abstain_below=0.9, abstain_below_by_genre={"low": below}).genre == "low"


def test_unsure_tracks_can_make_a_sure_album() -> None:
    """Each track leaves two genres open, and only one of them fits all tracks."""
    tracks = unsure("a/1.mp3", 0.5, 0.5, 0.0), unsure("a/2.mp3", 0.5, 0.0, 0.5)
    album = only(*tracks, abstain_below=0.6)
    assert (album.genre, album.answered, album.agreement) == ("low", 0, None)
    assert only(tracks[0], abstain_below=0.6).reason == "low confidence"


def test_many_tracks_count_as_few() -> None:
    """Their errors are alike: a thousand tracks are hardly surer than ten."""
    confidences = []
    for count in (2, 10, 100, 1000):
        album = only(*(record(f"a/{number}.mp3", 0.6, 0.2, 0.2) for number in range(count)))
        confidences.append(album.confidence or 0)
    assert 0.6 < confidences[0] < confidences[1] < confidences[2] < confidences[3] < 0.75


def test_short_tracks_count_less() -> None:
    song = record("a/1.mp3", 0.7, 0.2, 0.1, duration=240.0)
    jingles = [record(f"a/j{number}.mp3", 0.0, 0.0, 1.0, duration=6.0) for number in range(19)]
    album = only(song, jingles[0])
    assert (album.genre, album.agreeing, album.answered) == ("low", 1, 2)
    expected = combined((0.7, 0.2, 0.1), (0.0, 0.0, 1.0), weights=(1.0, 0.1))
    assert album.confidence == pytest.approx(expected[0])
    assert only(song, *jingles[:4]).genre == "low"
    assert only(song, *jingles).genre == "high"


def test_tracks_without_length_count_if_there_are_no_others() -> None:
    tracks = [record(f"a/{number}.mp3", 0.7, 0.2, 0.1, duration=0.0) for number in range(2)]
    assert only(*tracks).confidence == pytest.approx(combined((0.7, 0.2, 0.1), (0.7, 0.2, 0.1))[0])


def test_a_long_track_does_not_outweigh_others() -> None:
    """A track of an hour has the weight of one of a minute."""
    songs = [record(f"a/s{number}.mp3", 0.8, 0.1, 0.1, duration=60.0) for number in range(2)]
    assert only(record("a/1.mp3", 0.1, 0.1, 0.8, duration=3600.0), *songs).genre == "low"


def test_short_speech_does_not_outweigh_songs() -> None:
    speech = [replace(no_music(f"a/s{number}.mp3"), duration=10.0) for number in range(5)]
    assert only(*speech, record("a/1.mp3", 0.9, 0.1, 0.0, duration=200.0)).genre == "low"
    assert only(*speech, record("a/1.mp3", 0.9, 0.1, 0.0, duration=40.0)).reason == "no music"


@pytest.mark.parametrize("place", range(6))
def test_one_stray_track_does_not_decide(place: int) -> None:
    """Wherever it is and however sure: not even a probability of 0 rules a genre out."""
    tracks = [record(f"a/{number}.mp3", 0.6, 0.3, 0.1) for number in range(5)]
    tracks.insert(place, record("a/stray.mp3", 0.0, 0.0, 1.0))
    album = only(*tracks)
    assert album.genre == "low"
    assert [(each.path, each.genre, each.confidence) for each in album.outliers] == [
        (Path("a/stray.mp3"), "high", 1.0)
    ]


def test_outliers() -> None:
    songs = [record(f"a/{number}.mp3", 0.8, 0.1, 0.1) for number in range(5)]
    near, far = record("a/near.mp3", 0.2, 0.7, 0.1), record("a/far.mp3", 0.15, 0.7, 0.15)
    doubtful = unsure("a/doubtful.mp3", 0.0, 0.5, 0.5)
    album = only(*songs, near, far, doubtful, no_music("a/intro.mp3"), record("a/gap.mp3"), failed("a/x.mp3"))
    assert [(each.path.name, each.genre, each.reason) for each in album.outliers] == [
        ("far.mp3", "middle", None), ("intro.mp3", "unsure", "no music"), ("gap.mp3", "unsure", "silent")
    ]  # fmt: skip
    assert album.to_dict()["outliers"][0] == {
        "path": "a/far.mp3", "track": None, "genre": "middle", "confidence": 0.7, "reason": None
    }  # fmt: skip
    assert not only(songs[0], far).outliers  # various: there is nothing to differ from


@pytest.mark.parametrize(
    ("tracks", "genre", "reason"),
    [
        ([failed("a/1.mp3"), failed("a/2.mp3")], None, None),
        ([failed("a/1.mp3"), record("a/2.mp3")], "unsure", "silent"),
        ([record("a/1.mp3"), no_music("a/2.mp3")], "unsure", "no music"),
        ([no_music("a/1.mp3"), no_music("a/2.mp3"), record("a/3.mp3", 0.9, 0.1, 0.0)], "unsure", "no music"),
        ([no_music("a/1.mp3"), record("a/3.mp3", 0.9, 0.1, 0.0)], "low", None),
        ([*(record(f"a/{n}.mp3") for n in range(9)), record("a/x.mp3", 0.9, 0.1, 0.0)], "low", None),
    ],
)
def test_albums_without_music(tracks: list[Recognition], genre: str | None, reason: str | None) -> None:
    album = only(*tracks)
    assert (album.genre, album.reason) == (genre, reason)
    assert album.has_genre == (genre == "low")
    assert (album.confidence is None) == (genre is None)


def test_tags_are_means_with_the_thresholds_of_the_model() -> None:
    def scores(calm: float, punk: float) -> dict[str, Any]:
        return {"tags": (TagScore("mood", "calm", calm, True), TagScore("style", "punk", punk, False))}

    tracks = [
        record("a/1.mp3", 0.9, 0.1, 0.0, **scores(0.9, 0.3)),
        record("a/2.mp3", 0.9, 0.1, 0.0, **scores(0.05, 0.6)),
        record("a/3.mp3"),
    ]
    album = only(*tracks, tags=TAGS)
    assert [tag.label for tag in album.tags] == ["mood:calm", "style:punk"]
    assert [tag.probability for tag in album.tags] == pytest.approx([0.475, 0.45])
    assert [tag.label for tag in album.present_tags] == ["style:punk"]  # thresholds are 0.5 and 0.4
    speech = [no_music(f"a/s{number}.mp3") for number in range(3)]
    assert not only(*tracks, *speech, tags=TAGS).present_tags


@pytest.mark.parametrize(
    "name",
    ["CD1", "cd 02", "CD-1", "Disc 2", "disk-01", "DISC_3", "Disc #1", "Disque 2", "DVD 1", "[Disc 1]"]
    + ["(CD 2)", "Disc 1 of 3", "Disc 1 - Live", "CD2 (bonus)", "CD1_flac", "Disc One", " CD1 "],
)  # fmt: skip
def test_folders_of_discs(name: str) -> None:
    assert is_disc(name)
    place = PlaceFinder().of(Path(f"Artist/Album/{name}/1.mp3"))
    assert place.path == Path("Artist/Album")


@pytest.mark.parametrize(
    "name", ["CD", "CD 100", "Disco 3", "Disc Jockey", "CD1 Hits", "ABCD1", "Volume 2", "1", "Disc 1980"]
)
def test_other_folders(name: str) -> None:
    assert PlaceFinder().of(Path(f"Artist/{name}/1.mp3")).path == Path(f"Artist/{name}")


def test_ways_to_name_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Album" / "CD1").mkdir(parents=True)
    (tmp_path / "link").symlink_to("Album")
    monkeypatch.chdir(tmp_path / "Album" / "CD1")
    finder = PlaceFinder()
    ways = [Path("1.mp3"), Path("../CD1/2.mp3"), Path("../3.mp3"), tmp_path / "Album" / "CD2" / "4.mp3"]
    ways.append(tmp_path / "link" / "5.mp3")
    places = [finder.of(way) for way in ways]
    assert len({place.key for place in places}) == 1
    assert [place.path for place in places] == [
        tmp_path / "Album", tmp_path / "Album", Path(".."), tmp_path / "Album", tmp_path / "link"
    ]  # fmt: skip
    assert finder.of(Path("no\0name/1.mp3")).path == Path("no\0name")


def test_links_to_files_belong_to_the_folder_of_the_link(tmp_path: Path) -> None:
    for name in ("Album", "Favourites"):
        (tmp_path / name).mkdir()
    (tmp_path / "Album" / "1.mp3").touch()
    (tmp_path / "Favourites" / "1.mp3").symlink_to(tmp_path / "Album" / "1.mp3")
    paths = tmp_path / "Album" / "1.mp3", tmp_path / "Favourites" / "1.mp3"
    assert len({PlaceFinder().of(path).key for path in paths}) == 2


def test_tracks_of_a_sheet_are_one_album() -> None:
    def track(number: int, sheet: str, path: str = "a/album.flac") -> Recognition:
        whole = record(path, 0.9, 0.1, 0.0)
        return Recognition(
            whole.path, "m", genre="low", confidence=0.9, genres=whole.genres,
            track=SheetTrack(whole.path, Path(sheet), number, float(number)),
        )  # fmt: skip

    albums = combine(
        [
            track(1, "a/one.cue"),
            track(2, "a/one.cue", "elsewhere/2.flac"),
            track(1, "a/two.cue"),
            record("a/album.flac", 0.9, 0.1, 0.0),
        ],
        PLAIN,
    )
    assert [(album.path, album.tracks) for album in albums] == [
        (Path("a/one.cue"), 2), (Path("a/two.cue"), 1), (Path("a"), 1)
    ]  # fmt: skip


def test_an_album_is_done_with_its_last_track() -> None:
    files = [Path("a/1.mp3"), Path("b/1.mp3"), Problem(Path("c"), "c does not exist"), Path("b/CD1/2.mp3")]
    files.append(Path("a/2.mp3"))
    taken = []

    def records() -> Any:
        for file in files:
            taken.append(file)
            if isinstance(file, Problem):
                yield Recognition(file.path, "m", error=file.message)
            else:
                yield record(str(file), 0.9, 0.1, 0.0)

    albums = follow_albums(places_by_folder(files), records(), PLAIN)
    found = [(album.path, album.tracks, len(taken)) for album in albums]
    assert found == [(Path("c"), 0, 3), (Path("b"), 2, 4), (Path("a"), 2, 5)]


def test_a_path_without_tracks_has_an_error_of_its_own() -> None:
    problem = Problem(Path("a/none.mp3"), "a/none.mp3 does not exist")
    records = [Recognition(problem.path, "m", error=problem.message)]
    (failure,) = follow_albums(places_by_folder([problem]), records, PLAIN)
    assert (failure.path, failure.tracks, failure.genre, failure.errors) == (
        problem.path, 0, None, (problem.message,)
    )  # fmt: skip


def test_one_model_per_album() -> None:
    with raises("album-models", "a/2.mp3", "m1", "m2"):
        combine([record("a/1.mp3", 1.0, 0, 0, model="m1"), record("a/2.mp3", 1.0, 0, 0, model="m2")], PLAIN)


def test_real_files(tagged_model: Path, tmp_path: Path) -> None:
    """The figures are those of the files, recognized one by one."""
    for name, frequency in (("CD1/1", 200.0), ("CD1/2", 610.0), ("CD2/1", 200.0), ("CD2/2", 3000.0)):
        path = tmp_path / "Album" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(frequency), RATE)
    soundfile.write(tmp_path / "Album" / "gap.wav", np.zeros(RATE), RATE)
    recognizer = Recognizer.load(tagged_model, threads=1)
    records = list(recognizer.recognize_many(scan([tmp_path])))
    (album,) = combine(records, recognizer.bundle.metadata)
    assert (album.tracks, album.counted, album.genre) == (5, 3, "low")
    counted = [each for each in records if each.genres and each.reason != "no music"]
    tracks = [tuple(dict(each.genres)[genre] for genre in TONES) for each in counted]
    expected = dict(zip(TONES, combined(*tracks), strict=True))
    assert dict(album.genres) == pytest.approx(expected)
    calm = [next(tag.probability for tag in each.tags if tag.name == "calm") for each in counted]
    (tag,) = [tag for tag in album.tags if tag.name == "calm"]
    assert tag.probability == pytest.approx(math.fsum(calm) / 3) and tag.present
