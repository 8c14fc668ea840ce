"""Clips with tags and no genre are divided, too; without them, splits are what they always were."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.lab.corpora import Clip, Corpus, Split, check_split, make_split, read_split, write_split
from genrelab.lab.corpora.splits.split_checks import shared_artists

GENRES = ("blues", "jazz", "rock")
ARTIST_KINDS = ("artist", "artist-kfold:1/3")
KINDS = ("random", "kfold:1/3", *ARTIST_KINDS)


def corpus_of(tagged: int = 0, *, artists: int = 7, unlabelled: int = 6) -> Corpus:
    """Return a corpus of 77 clips with a genre, and some with tags only by the same artists and by others."""
    sizes = zip(GENRES, (30, 21, 26), (9, 7, 8), strict=True)
    clips = [
        Clip(f"{genre}-{number}", Path(f"{genre}-{number}.wav"), genre, f"{genre} artist {number % count}")
        for genre, size, count in sizes
        for number in range(size)
    ]
    clips += [Clip(f"u{number}", Path(f"u{number}.wav"), None, f"u {number}") for number in range(unlabelled)]
    clips += [
        Clip(
            f"t{number}",
            Path(f"t{number}.wav"),
            None,
            f"{'Blues' if number % artists < 2 else 't'} artist {number % artists}",
            tags=("mood:calm",),
        )
        for number in range(tagged)
    ]
    return Corpus("pin", GENRES, clips)


def parts(split: Split) -> list[list[str]]:
    return [list(split.train), list(split.valid), list(split.test)]


@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        ("random", "d76f06025b67fb9d"),
        ("artist", "b9978165b2317ba1"),
        ("kfold:1/3", "fc8edf272d921cfc"),
        ("artist-kfold:1/3", "94d6f0b165bd7ce6"),
    ],
)
def test_without_tags_only_clips_a_split_never_changes(kind: str, digest: str) -> None:
    corpus = corpus_of()
    split = make_split(corpus, kind, seed=5)
    text = "|".join(",".join(part) for part in parts(split))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest
    assert "tags" not in split.made
    labelled = [dataclasses.replace(clip, tags=("mood:sad",)) for clip in corpus.clips if clip.genre]
    tagged = dataclasses.replace(corpus, clips=[*labelled, *corpus.clips[len(labelled) :]], tags=())
    assert make_split(tagged, kind, seed=5) == split, "tags of clips with a genre change nothing"


@pytest.mark.parametrize("kind", KINDS)
def test_clips_with_tags_only_get_their_share_of_each_part(kind: str) -> None:
    corpus = corpus_of(60, artists=30)
    split = make_split(corpus, kind, seed=1)
    placed = [clip_id for part in parts(split) for clip_id in part]
    assert sorted(placed) == sorted(clip.id for clip in corpus.clips if not clip.id.startswith("u"))
    assert "60 clips with tags and no genre" in split.made
    counts = [sum(clip_id.startswith("t") for clip_id in part) for part in parts(split)]
    shares = [0.6, 0.2, 0.2] if "kfold" not in kind else [0.6, 0.2 / 3, 1 / 3]
    for count, share in zip(counts, shares, strict=True):
        assert abs(count - 60 * share) <= (6 if "artist" in kind else 2)
    assert split.found("missing genres").count == 0
    if kind in ARTIST_KINDS:
        assert split.found("artist").count == 0


@settings(max_examples=40, deadline=None)
@given(
    tagged=st.integers(0, 40),
    artists=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(KINDS),
)
def test_any_number_of_clips_with_tags_only(tagged: int, artists: int, seed: int, kind: str) -> None:
    corpus = corpus_of(tagged, artists=artists)
    split = make_split(corpus, kind, seed=seed)
    assert sum(map(len, parts(split))) == 77 + tagged
    assert split.found("missing genres").count == 0
    if kind in ARTIST_KINDS:
        assert shared_artists(corpus, split) == [], "also between clips with and without a genre"


def test_folds_test_every_clip_with_tags_once() -> None:
    corpus = corpus_of(50, artists=25)
    tested = [
        clip_id for fold in range(5) for clip_id in make_split(corpus, f"artist-kfold:{fold}/5", seed=3).test
    ]
    assert sorted(tested) == sorted(clip.id for clip in corpus.clips if clip.annotated)


def test_a_corpus_without_any_genre_has_no_split() -> None:
    corpus = Corpus("moods", (), [clip for clip in corpus_of(9).clips if clip.genre is None])
    with raises("split-without-clips", "moods"):
        make_split(corpus, "artist", seed=0)


def test_lists_of_exclusions_take_clips_with_tags_only() -> None:
    corpus = corpus_of(12)
    split = make_split(corpus, "artist", seed=0, exclude={"t3", "t4", "blues-0"})
    assert not {"t3", "t4", "blues-0"} & {clip_id for part in parts(split) for clip_id in part}
    assert split.name.startswith("artist-60-20-20-without-3-")
    assert "10 clips with tags" in split.made


def test_a_split_file_holds_clips_with_tags_only(tmp_path: Path) -> None:
    corpus = corpus_of(12)
    split = make_split(corpus, "artist", seed=0)
    write_split(tmp_path / "split.csv", corpus, split)
    again = read_split(tmp_path / "split.csv", name=split.name, made=split.made)
    assert parts(again) == parts(split)
    assert check_split(corpus, again) == split.findings


def test_clips_without_genre_and_tags_are_in_no_split() -> None:
    corpus = corpus_of(3)
    split = Split("mine", ["blues-0", "u1"], [], [], "by hand")
    with pytest.raises(Exception, match="'u1' has neither a genre nor tags"):
        check_split(corpus, split)
    assert check_split(corpus, Split("mine", ["blues-0", "t1"], [], [], "by hand"))
