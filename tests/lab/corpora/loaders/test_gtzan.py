from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from raising import raises
from sklearn.model_selection import StratifiedGroupKFold

from genrelab.lab.corpora import load_corpus, make_split, verify_corpus
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS, GENRES


def write_tone(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, 0.3 * np.sin(np.arange(500) * 0.1), 22050)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with all 1,000 names; one encoded tone, linked under every name."""
    root = tmp_path_factory.mktemp("GTZAN")
    tone = root / "tone.au"
    write_tone(tone)
    for clip_id in EXPECTED_IDS:
        file = root / "genres" / clip_id.partition(".")[0] / f"{clip_id}.au"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.hardlink_to(tone)
    return root


def test_whole_copy(whole: Path) -> None:
    corpus = load_corpus(f"gtzan:{whole}")
    assert len(corpus.clips) == 1000
    assert corpus.skipped == {}
    assert tuple(corpus.genres) == GENRES
    assert Counter(clip.genre for clip in corpus.clips) == dict.fromkeys(GENRES, 100)
    assert "Tzanetakis" in corpus.citation
    assert "unknown" in corpus.licence


def test_artists_of_the_published_list(whole: Path) -> None:
    clips = load_corpus(f"gtzan:{whole}").clips
    reggae = Counter(clip.artist for clip in clips if clip.genre == "reggae")
    assert reggae["Bob Marley"] == 35  # Sturm 2013
    assert clips[0].artist == "John Lee Hooker"
    assert sum(clip.artist is None for clip in clips) == 81


def test_fault_filtered_split(whole: Path) -> None:
    corpus = load_corpus(f"gtzan:{whole}")
    split = make_split(corpus, "published", seed=0)
    assert (len(split.train), len(split.valid), len(split.test)) == (443, 197, 290)
    assert split.found("clip").count == 0
    assert not split.found("artist").count
    assert split.found("missing genres").count == 0
    assert make_split(corpus, "fault-filtered", seed=1) == split


def test_artist_split_of_the_whole(whole: Path) -> None:
    split = make_split(load_corpus(f"gtzan:{whole}"), "artist", seed=3)
    assert not split.found("artist").count
    assert split.name == "artist-60-20-20"
    assert 560 <= len(split.train) <= 640


def test_ten_folds_test_ten_clips_a_genre(whole: Path) -> None:
    split = make_split(load_corpus(f"gtzan:{whole}"), "kfold:4/10", seed=0)
    assert Counter(clip_id.partition(".")[0] for clip_id in split.test) == dict.fromkeys(GENRES, 10)
    assert Counter(clip_id.partition(".")[0] for clip_id in split.valid) == dict.fromkeys(GENRES, 9)


def test_artist_folds_are_as_even_as_those_of_scikit_learn(whole: Path) -> None:
    corpus = load_corpus(f"gtzan:{whole}")
    genres = np.array([clip.genre for clip in corpus.clips])
    artists = [artist_key(clip.artist) or clip.id for clip in corpus.clips]
    numbers = {clip.id: number for number, clip in enumerate(corpus.clips)}

    def unevenness(folds: list[np.ndarray]) -> float:
        return float(np.mean([np.std([(genres[fold] == genre).sum() for fold in folds]) for genre in GENRES]))

    ours = [make_split(corpus, f"artist-kfold:{fold}/5", seed=0).test for fold in range(5)]
    reference = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    theirs = [test for _, test in reference.split(np.zeros(1000), genres, artists)]
    ours_by_number = [np.array([numbers[clip_id] for clip_id in fold]) for fold in ours]
    assert unevenness(ours_by_number) < 1.15 * unevenness(theirs)


@pytest.mark.parametrize(
    "name",
    [
        "blues/blues.00000.wav",
        "genres/blues/blues.00000.au",
        "Data/genres_original/blues/blues.00000.flac",
        "blues.00000.wav",
        "flat/blues.00000.WAV",
    ],
)
def test_every_layout(tmp_path: Path, name: str) -> None:
    write_tone(tmp_path / name)
    (tmp_path / "blues.00001.png").write_bytes(b"x")
    corpus = load_corpus(f"gtzan:{tmp_path}")
    assert [(clip.id, clip.genre, clip.path) for clip in corpus.clips] == [
        ("blues.00000", "blues", tmp_path / name)
    ]
    assert len(corpus.skipped) == 999
    assert corpus.skipped["rock.00099"] == "not in this copy"


def test_pictures_beside_the_music_are_no_second_copy(tmp_path: Path) -> None:
    write_tone(tmp_path / "genres_original" / "pop" / "pop.00007.wav")
    picture = tmp_path / "images_original" / "pop" / "pop00007.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"x")
    assert len(load_corpus(f"gtzan:{tmp_path}").clips) == 1


def test_two_copies_are_an_error(tmp_path: Path) -> None:
    write_tone(tmp_path / "old" / "pop" / "pop.00007.wav")
    write_tone(tmp_path / "new" / "pop" / "pop.00007.wav")
    with raises("gtzan-several-copies", tmp_path / "old", tmp_path / "new"):
        load_corpus(f"gtzan:{tmp_path}")


def test_the_original_format_goes_first(tmp_path: Path) -> None:
    write_tone(tmp_path / "pop" / "pop.00007.flac")
    write_tone(tmp_path / "pop" / "pop.00007.au")
    (clip,) = load_corpus(f"gtzan:{tmp_path}").clips
    assert clip.path is not None
    assert clip.path.suffix == ".au"


def test_damaged_jazz_is_skipped_with_a_reason(tmp_path: Path) -> None:
    write_tone(tmp_path / "jazz" / "jazz.00053.wav")
    damaged = tmp_path / "jazz" / "jazz.00054.wav"
    damaged.write_bytes(b"\x00" * 1024)
    corpus = load_corpus(f"gtzan:{tmp_path}")
    assert [clip.id for clip in corpus.clips] == ["jazz.00053"]
    assert "damaged" in corpus.skipped["jazz.00054"]
    assert "jazz.00054" not in corpus.published_splits["published"].test

    damaged.unlink()
    write_tone(damaged)
    assert len(load_corpus(f"gtzan:{tmp_path}").clips) == 2


def test_no_clip_is_an_error(tmp_path: Path) -> None:
    write_tone(tmp_path / "music" / "song.wav")
    with raises("gtzan-not-found", tmp_path):
        load_corpus(f"gtzan:{tmp_path}")


def test_verify_names_what_is_missing_and_what_is_broken(tmp_path: Path) -> None:
    write_tone(tmp_path / "pop" / "pop.00000.wav")
    (tmp_path / "pop" / "pop.00001.wav").write_bytes(b"RIFF")
    found = verify_corpus(load_corpus(f"gtzan:{tmp_path}"))
    assert found.readable == 1
    assert set(found.unreadable) == {"pop.00001"}
    assert len(found.skipped) == 998
    assert not found.complete


@pytest.mark.data
def test_real_clips(data_dir: Path) -> None:
    corpus = load_corpus(f"gtzan:{data_dir / 'gtzan-clips'}")
    assert [clip.id for clip in corpus.clips] == [f"{genre}.00000" for genre in GENRES]
    assert verify_corpus(corpus).readable == 10


@pytest.mark.data
def test_real_excerpts_have_the_published_split(data_dir: Path) -> None:
    split = make_split(load_corpus(f"gtzan:{data_dir / 'gtzan-short'}"), "published", seed=0)
    assert (len(split.train), len(split.valid), len(split.test)) == (195, 47, 126)
