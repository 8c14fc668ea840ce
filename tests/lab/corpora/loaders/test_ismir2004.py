from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from raising import raises

from genrelab.cli.main import main
from genrelab.lab.corpora import load_corpus, make_split, verify_corpus
from genrelab.lab.corpora.loaders.ismir2004 import GENRES

# Tracks of each genre in the parts training and development, as the collection's README counts them.
COUNTS = {
    "classical": 320,
    "electronic": 115,
    "jazz_blues": 26,
    "metal_punk": 45,
    "rock_pop": 101,
    "world": 122,
}
# The folders of the parts training and evaluation: the genres of Magnatune.
FOLDERS = {"jazz_blues": ["jazz"], "metal_punk": ["metal", "punk"], "rock_pop": ["rock", "pop"]}

Row = list[object]


def write_tone(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, 0.3 * np.sin(np.arange(4410) * 0.05), 44100, format=path.suffix[1:].upper())


def write_list(root: Path, part: str, rows: Iterable[Row], *, name: str = "tracklist.csv") -> Path:
    """Write a list as distributed: every cell quoted, no heading."""
    file = root / "metadata" / part / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Two or three tracks a part, in the official layout, with its odd names."""
    root = tmp_path / "ismir04_genre"
    training: list[Row] = [
        ["classical", "Orinda", "Airs de Cour", "Ma Belle", 1, "classical/orinda/airs/1-ma_belle.mp3"],
        ["jazz_blues", "Jag", "Blues, Pretty", "Jag's Rag", 11, "jazz/jag/blues/11-jag's_rag.mp3"],
        ["metal_punk", "Pizzle", "Party", "Patrol", 4, "punk/pizzle/party/4-patrol.mp3"],
    ]
    development: list[Row] = [
        ["rock_pop", "artist_7", "album_1", "track_2", 2, "artist_7_album_1_track_2.mp3"],
        ["world", "artist_12", "album_1", "track_1", 1, "artist_12_album_1_track_1.mp3"],
    ]
    evaluation: list[Row] = [
        ["classical", "Orinda", "Airs", "C'est", 15, "classical/orinda/airs/15-c'est.mp3", 8123],
        ["electronic", "Strojovna 07", "D", "O", 5, "electronic/s/d/5-kruhový.mp3", 411],
        ["electronic", "Strojovna 07", "D", "V", 9, "electronic/s/d/9-voice.02.mp3", 412],
    ]
    write_list(root, "training", training)
    write_list(root, "development", development)
    truth: list[Row] = [[row[5], row[0]] for row in development]
    write_list(root, "development", truth, name="ground_truth.csv")
    write_list(root, "evaluation", evaluation)
    for row in training:
        write_tone(root / "audio" / "training" / str(row[5]))
    for row in development:
        write_tone(root / "audio" / "development" / str(row[5]))
    for name in (
        "classical/orinda/airs/15-c_est",
        "electronic/s/d/05-kruhovy_objazd",
        "electronic/s/d/9-voice.02",
    ):
        write_tone(root / "audio" / "evaluation" / f"{name}.mp3")
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 2,187 names, four tracks an artist, who plays in training and evaluation; one tone, linked."""
    root = tmp_path_factory.mktemp("ISMIR2004")
    tone = root / "tone.mp3"
    write_tone(tone)
    for part in ("training", "development", "evaluation"):
        rows: list[Row] = []
        for genre, count in COUNTS.items():
            folders = FOLDERS.get(genre, [genre])
            for track in range(count):
                artist = f"{genre} {track // 4}"
                path = f"{folders[track % len(folders)]}/{artist}/album/{track}-{part}.mp3"
                if part == "development":
                    artist, path = (
                        f"artist_{track // 4}",
                        f"artist_{len(rows)}_album_1_track_{track % 4}.mp3",
                    )
                rows.append([genre, artist, "album", f"track {track}", track, path])
                file = root / "audio" / part / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.hardlink_to(tone)
        write_list(root, part, rows)
    return root


def test_counts_of_the_whole_collection(whole: Path) -> None:
    corpus = load_corpus(f"ismir2004:{whole}")
    assert corpus.name == "ismir2004"
    assert len(corpus.clips) == 1458
    assert corpus.skipped == {}
    assert tuple(corpus.genres) == GENRES
    for part in ("training", "development"):
        genres = Counter(clip.genre for clip in corpus.clips if clip.id.startswith(part))
        assert genres == COUNTS


def test_the_published_split_tests_on_development(whole: Path) -> None:
    split = make_split(load_corpus(f"ismir2004:{whole}"), "published", seed=0)
    assert len(split.train) + len(split.valid) == 729
    assert all(clip_id.startswith("training/") for clip_id in (*split.train, *split.valid))
    assert len(split.test) == 729
    assert all(clip_id.startswith("development/") for clip_id in split.test)
    # Its artists are pseudonyms: "none" alone would be a promise that nobody can keep.
    assert split.found("artist").values == {"unknown": 729}
    assert "pseudonyms" in split.made


def test_validation_is_a_tenth_with_every_genre_and_whole_artists(whole: Path) -> None:
    corpus = load_corpus(f"ismir2004:{whole}")
    clips = corpus.by_id()
    split = corpus.published_splits["published"]
    genres = Counter(clips[clip_id].genre for clip_id in split.valid)
    for genre, count in COUNTS.items():
        assert abs(genres[genre] - count / 10) <= 4, genre  # an artist has four tracks
    assert abs(len(split.valid) - 72.9) <= 12
    artists = [{clips[clip_id].artist for clip_id in ids} for ids in (split.train, split.valid)]
    assert artists[0].isdisjoint(artists[1])


def test_the_random_tenth_of_papers_is_whole_tracks_of_the_training_half(whole: Path) -> None:
    corpus = load_corpus(f"ismir2004:{whole}")
    published, drawn = (corpus.published_splits[name] for name in ("published", "published-random"))
    assert (len(drawn.train), len(drawn.valid)) == (656, 73)
    assert {*drawn.train, *drawn.valid} == {*published.train, *published.valid}
    assert drawn.test == published.test and set(drawn.valid) != set(published.valid)
    clips = corpus.by_id()
    artists = [{clips[clip_id].artist for clip_id in ids} for ids in (drawn.train, drawn.valid)]
    assert artists[0] & artists[1], "drawn track by track, as the paper does"
    other = load_corpus(f"ismir2004:{whole}?seed=1").published_splits["published-random"]
    assert set(other.valid) != set(drawn.valid)


def test_validation_follows_the_seed(whole: Path) -> None:
    valid = [
        load_corpus(f"ismir2004:{whole}?seed={seed}").published_splits["published"].valid
        for seed in (0, 0, 1)
    ]
    assert valid[0] == valid[1]
    assert set(valid[0]) != set(valid[2])


def test_artists_on_both_sides_are_reported(whole: Path) -> None:
    corpus = load_corpus(f"ismir2004:{whole}?test=evaluation")
    assert corpus.name == "ismir2004-evaluation"
    assert len(corpus.clips) == 1458
    split = make_split(corpus, "published", seed=0)
    assert {clip_id.partition("/")[0] for clip_id in split.test} == {"evaluation"}
    artists = len({clip.artist for clip in corpus.clips})
    assert split.found("artist").count == artists
    grouped = make_split(corpus, "artist", seed=0)
    assert grouped.found("artist").count == 0


def test_names_as_distributed(small: Path) -> None:
    corpus = load_corpus(f"ismir2004:{small}")
    assert [(clip.id, clip.genre, clip.artist) for clip in corpus.clips] == [
        ("training/classical/orinda/airs/1-ma_belle", "classical", "Orinda"),
        ("training/jazz/jag/blues/11-jag's_rag", "jazz_blues", "Jag"),
        ("training/punk/pizzle/party/4-patrol", "metal_punk", "Pizzle"),
        ("development/artist_12_album_1_track_1", "world", None),
        ("development/artist_7_album_1_track_2", "rock_pop", None),
    ]
    assert corpus.skipped == {}
    assert verify_corpus(corpus).readable == 5


def test_lists_and_files_that_spell_a_name_differently(small: Path) -> None:
    corpus = load_corpus(f"ismir2004:{small}?test=evaluation")
    assert [(clip.id, clip.artist) for clip in corpus.clips[3:]] == [
        ("evaluation/classical/orinda/airs/15-c_est", "Orinda"),
        ("evaluation/electronic/s/d/05-kruhovy_objazd", "Strojovna 07"),
        ("evaluation/electronic/s/d/9-voice.02", "Strojovna 07"),
    ]
    assert corpus.skipped == {}


def test_a_training_part_too_small_to_divide_has_no_validation(small: Path) -> None:
    split = make_split(load_corpus(f"ismir2004:{small}"), "published", seed=0)
    assert split.valid == []
    assert len(split.train) == 3
    assert "none of it for validation" in split.made


def test_a_list_with_a_heading_in_another_order_and_latin_1(small: Path) -> None:
    rows = "Class;File Path;Artist\nworld;artist_12_album_1_track_1.mp3;Señor\n".replace(";", ",")
    (small / "metadata" / "development" / "tracklist.csv").write_bytes(rows.encode("latin-1"))
    (small / "audio" / "development" / "artist_7_album_1_track_2.mp3").unlink()
    clips = load_corpus(f"ismir2004:{small}").clips
    assert [(clip.genre, clip.artist) for clip in clips[3:]] == [("world", "Señor")]


def test_a_list_without_classes_takes_them_from_the_ground_truth(small: Path) -> None:
    rows: list[Row] = [
        ["Ann", "album_1", "a title", 2, "artist_7_album_1_track_2.mp3"],
        ["artist_12", "album_1", "a title", 1, "./audio/development/artist_12_album_1_track_1.mp3"],
    ]
    write_list(small, "development", rows)
    clips = load_corpus(f"ismir2004:{small}").clips
    assert [(clip.genre, clip.artist) for clip in clips[3:]] == [("world", None), ("rock_pop", "Ann")]


def test_the_ground_truth_alone_is_a_list(small: Path) -> None:
    (small / "metadata" / "development" / "tracklist.csv").unlink()
    clips = load_corpus(f"ismir2004:{small}").clips
    assert [(clip.genre, clip.artist) for clip in clips[3:]] == [("world", None), ("rock_pop", None)]


@pytest.mark.parametrize("folder", ["", "..", "deep"])
def test_other_places_letter_cases_and_formats(small: Path, folder: str) -> None:
    """Whatever the parts are called by case, wherever they lie, and after a conversion to WAV or FLAC."""
    for suffix, part in ((".wav", "training"), (".flac", "development")):
        for file in list((small / "audio" / part).rglob("*.mp3")):
            write_tone(file.with_suffix(suffix))
            file.unlink()
    (small / "audio" / "training").rename(small / "audio" / "Training")
    (small / "metadata" / "development").rename(small / "metadata" / "DEVELOPMENT")
    if folder == "deep":
        (small / "deep").mkdir()
        for name in ("audio", "metadata"):
            (small / name).rename(small / "deep" / name)
        folder = ""
    corpus = load_corpus(f"ismir2004:{small / folder}")
    assert [clip.id for clip in corpus.clips][1:4:2] == [
        "training/jazz/jag/blues/11-jag's_rag",
        "development/artist_12_album_1_track_1",
    ]
    assert [clip.artist for clip in corpus.clips] == ["Orinda", "Jag", "Pizzle", None, None]
    assert verify_corpus(corpus).complete


def test_the_original_is_preferred_to_what_was_made_from_it(small: Path) -> None:
    folder = small / "audio" / "training" / "classical" / "orinda" / "airs"
    write_tone(folder / "1-ma_belle.flac")
    clips = load_corpus(f"ismir2004:{small}").clips
    assert clips[0].path == folder / "1-ma_belle.mp3"
    assert len(clips) == 5


@pytest.mark.parametrize(
    ("name", "genre"),
    [
        ("jazz-blues", "jazz_blues"),
        ("Jazz_&_Blues", "jazz_blues"),
        ("blues", "jazz_blues"),
        ("metal", "metal_punk"),
        ("rock and pop", "rock_pop"),
        ("Pop", "rock_pop"),
        ("World", "world"),
    ],
)
def test_without_metadata_the_folder_names_the_class(tmp_path: Path, name: str, genre: str) -> None:
    for part in ("training", "development"):
        for folder in (name, "electronic"):
            write_tone(tmp_path / part / folder / f"{part}.wav")
    corpus = load_corpus(f"ismir2004:{tmp_path}")
    assert {clip.genre for clip in corpus.clips} == {"electronic", genre}
    assert {clip.artist for clip in corpus.clips} == {None}


def test_what_is_left_out_is_named(small: Path) -> None:
    (small / "audio" / "training" / "classical" / "orinda" / "airs" / "1-ma_belle.mp3").unlink()
    write_tone(small / "audio" / "training" / "rock" / "stray.wav")
    tracklist = small / "metadata" / "training" / "tracklist.csv"
    with tracklist.open("a") as stream:
        stream.write("\nrock_pop,no path here\nrock_pop,a,b,c,1,punk/pizzle/party/4-patrol.mp3\n")
    truth = small / "metadata" / "development" / "ground_truth.csv"
    truth.write_text(truth.read_text().replace("world", "polka"))
    corpus = load_corpus(f"ismir2004:{small}")
    assert len(corpus.clips) == 3
    assert corpus.skipped == {
        "training/classical/orinda/airs/1-ma_belle": "not in this copy",
        "training/rock/stray": "not in the part's tracklist.csv",
        "training: tracklist.csv, row 5": "the row names no sound file",
        "training: tracklist.csv, row 6": "the same file as row 3",
        "development/artist_12_album_1_track_1": f"its class 'polka' is none of {', '.join(GENRES)}",
    }


@pytest.mark.parametrize(
    "path",
    [
        "../outside.mp3",
        "classical/../../../outside.mp3",
        "/outside.mp3",
        "C:/outside.mp3",
        "..\\\\outside.mp3",
    ],
)
def test_no_path_leads_out_of_the_collection(small: Path, path: str) -> None:
    write_tone(small / "outside.mp3")
    write_tone(small / "audio" / "outside.mp3")
    file = write_list(small, "training", [["world", "Eve", "album", "title", 1, path]])
    with raises("ismir2004-path-outside", file, "row 1"):
        load_corpus(f"ismir2004:{small}")


def test_a_missing_part(small: Path) -> None:
    (small / "audio" / "development").rename(small / "audio" / "elsewhere")
    with raises("ismir2004-without-audio", "development", "?test=evaluation"):
        load_corpus(f"ismir2004:{small}")
    assert len(load_corpus(f"ismir2004:{small}?test=evaluation").clips) == 6
    (small / "audio" / "training").rename(small / "audio" / "elsewhere too")
    with raises("ismir2004-without-audio", "training"):
        load_corpus(f"ismir2004:{small}?test=evaluation")


def test_development_needs_a_list_because_its_folder_is_flat(small: Path) -> None:
    for file in (small / "metadata" / "development").iterdir():
        file.unlink()
    with raises("ismir2004-no-usable-track", "metadata/development"):
        load_corpus(f"ismir2004:{small}")


def test_two_copies_are_not_mixed(small: Path) -> None:
    write_tone(small / "wav" / "training" / "world" / "a.wav")
    with raises("ismir2004-audio-twice", small / "wav" / "training", small / "audio" / "training"):
        load_corpus(f"ismir2004:{small}")


def test_two_lists_are_not_mixed(small: Path) -> None:
    (small / "audio" / "training" / "Tracklist.csv").write_text("world,a,b,c,1,x.mp3\n")
    with raises("ismir2004-list-twice", small / "audio" / "training" / "Tracklist.csv"):
        load_corpus(f"ismir2004:{small}")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "ismir2004-list-empty"),
        (b"class,artist,file\n", "ismir2004-list-empty"),
        (b'"' + b"a" * 200_000, "ismir2004-list-unreadable"),
    ],
)
def test_a_list_that_cannot_be_read(small: Path, content: bytes, code: str) -> None:
    file = small / "metadata" / "training" / "tracklist.csv"
    file.write_bytes(content)
    with raises(code, file):
        load_corpus(f"ismir2004:{small}")


@pytest.mark.parametrize(
    ("options", "code", "quoted"),
    [
        ("test=training", "ismir2004-test-unknown", ["'training'", "'development', 'evaluation'"]),
        ("seed=-1", "ismir2004-seed", ["'-1'"]),
        ("seed=x", "ismir2004-seed", ["'x'"]),
        ("evaluation", "ismir2004-option-unknown", ["'evaluation'"]),
        ("tests=evaluation", "ismir2004-option-unknown", ["'tests'"]),
    ],
)
def test_options_are_checked(small: Path, options: str, code: str, quoted: list[str]) -> None:
    with raises(code, *quoted):
        load_corpus(f"ismir2004:{small}?{options}")


def test_verify_on_the_command_line(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpora", "verify", f"ismir2004:{small}"]) == 0
    (small / "audio" / "training" / "punk" / "pizzle" / "party" / "4-patrol.mp3").write_bytes(b"no music")
    capsys.readouterr()
    assert main(["corpora", "verify", f"ismir2004:{small}"]) == 1
    assert "4-patrol" in "".join(capsys.readouterr())
