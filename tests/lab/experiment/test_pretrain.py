"""Which clips a pretraining holds out: whole artists, and enough clips."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from raising import raises

from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.experiment.pretrain import without_labels
from genrelab.lab.recipes import load_recipe


def held_out(sizes: dict[str | None, int], seed: int = 0) -> list[Clip]:
    """Return the clips that a pretraining on artists with so many clips holds out."""
    artists = [artist for artist, size in sizes.items() for _ in range(size)]
    clips = [Clip(str(number), Path(f"{number}.wav"), None, artist) for number, artist in enumerate(artists)]
    recipe = load_recipe("genres-and-tags-pretraining", changes=["distill.teachers=[teacher.safetensors]"])
    test = set(without_labels(recipe, Corpus("music", (), clips), seed=seed).split.test)
    return [clip for clip in clips if clip.id in test]


@pytest.mark.parametrize("seed", range(5))
def test_whole_artists_with_one_clip_in_twenty_are_held_out(seed: int) -> None:
    sizes: dict[str | None, int] = {"Large": 200, **{f"Player {number}": 3 for number in range(60)}, None: 20}
    found = held_out(sizes, seed)
    assert 20 <= len(found) <= 22, "a twentieth of 400, and at most one more artist"
    by_artist = Counter(clip.artist for clip in found)
    assert "Large" not in by_artist
    assert all(count == 3 for artist, count in by_artist.items() if artist is not None)


def test_of_large_artists_only_the_smallest_is_held_out() -> None:
    assert {clip.artist for clip in held_out({"A": 30, "B": 29, "C": 31})} == {"B"}


def test_one_artist_cannot_be_held_out() -> None:
    with raises("pretraining-one-artist"):
        held_out({"A": 30})
