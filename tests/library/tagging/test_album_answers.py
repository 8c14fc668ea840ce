"""The answers of albums from what a library knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tagged
from raising import raises

from genrelab.library import Library, Tagger, TagPolicy
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.tagging.album_answers import AlbumAnswers, in_album
from genrelab.recognize import Problem, RankedGenre, Recognition, Recognizer, SheetTrack

Put = Callable[..., Recognition]


@pytest.fixture
def put(library: Library, recognizer: Recognizer, tmp_path: Path) -> Put:
    """Put a real file into the library, with an answer that a test chooses."""
    model = recognizer.bundle.identity

    def put(name: str, genre: str, *, model: str = model, full: bool = True) -> Recognition:
        path = tmp_path / "Album" / name
        path.parent.mkdir(exist_ok=True)
        tagged.write_sound(path, "flac", frequency=300.0 + len(list(path.parent.iterdir())))
        others = [other for other in ("low", "middle", "high") if other != genre]
        ranked = (RankedGenre(genre, 0.8), *(RankedGenre(other, 0.1) for other in others))
        answer = Recognition(path, model, 1.0, genre, 0.8, ranked, full=full)
        library.tracks.store(FileSnapshot(path), answer)
        return answer

    return put


def test_only_what_is_known_counts(put: Put, library: Library, recognizer: Recognizer) -> None:
    low, high = put("1.flac", "low"), put("2.flac", "high")
    unknown = low.path.with_name("3.flac")
    tagged.write_sound(unknown, "flac", frequency=900.0)
    missing = low.path.with_name("4.flac")
    sheet = SheetTrack(high.path, low.path.with_name("a.cue"), 1)
    files = [low.path, unknown, missing, Problem(missing, "missing"), sheet]
    album = AlbumAnswers(library, files, recognizer.bundle).of(low)
    assert (album.path, album.tracks, album.genre) == (low.path.parent, 1, "low")
    assert AlbumAnswers(library, [*files, high.path], recognizer.bundle).of(low).reason == "various"


def test_with_full_only_answers_from_whole_files_count(
    put: Put, library: Library, recognizer: Recognizer
) -> None:
    answers = [put("1.flac", "low"), put("2.flac", "high", full=False), put("3.flac", "high", full=False)]
    paths = [each.path for each in answers]
    assert AlbumAnswers(library, paths, recognizer.bundle).of(answers[0]).genre == "high"
    albums = AlbumAnswers(library, paths, recognizer.bundle, full=True)
    assert albums.of(answers[0]).genre == "low"
    records = list(Tagger(library).tag(paths, TagPolicy(full=True), albums=albums))
    assert [(record.status, record.after, record.code) for record in records] == [
        ("would write", ("low",), None),
        ("error", (), "tag-not-full"),
        ("error", (), "tag-not-full"),
    ]


def test_other_models(put: Put, library: Library, recognizer: Recognizer) -> None:
    ours, theirs = put("1.flac", "low"), put("2.flac", "high", model="other@1")
    albums = AlbumAnswers(library, [ours.path, theirs.path], recognizer.bundle)
    assert (albums.of(ours).tracks, albums.of(ours).genre) == (1, "low")
    with raises("tag-other-model", theirs.path, "other@1", recognizer.bundle.identity, "--model"):
        albums.of(theirs)


def test_a_file_that_became_known_later(put: Put, library: Library, recognizer: Recognizer) -> None:
    albums = AlbumAnswers(library, [], recognizer.bundle)
    late = put("1.flac", "low")
    with raises("tag-album-unknown", late.path):
        albums.of(late)


def test_a_track_keeps_what_is_its_own(put: Put, library: Library, recognizer: Recognizer) -> None:
    tracks = [put("1.flac", "low"), put("2.flac", "low"), put("3.flac", "high").with_notice("damaged", "x")]
    album = AlbumAnswers(library, [each.path for each in tracks], recognizer.bundle).of(tracks[2])
    answer = in_album(tracks[2], album)
    assert (answer.genre, answer.genres, answer.confidence) == ("low", album.genres, album.confidence)
    assert answer.path == tracks[2].path and answer.damaged
