"""Metadata of model files that tests write."""

from __future__ import annotations

import datetime
from typing import Any

import genrelab
from genrelab.bundle.metadata import BundleMetadata
from genrelab.lab.recipes import Recipe


def metadata(genres: tuple[str, ...], **values: Any) -> BundleMetadata:
    """Return metadata of a fixed day and this version."""
    return BundleMetadata(
        genres=genres,
        created=datetime.date(2026, 1, 1),
        genrelab_version=genrelab.__version__,
        **values,
    )


def recipe_metadata(recipe: Recipe, genres: tuple[str, ...], **values: Any) -> BundleMetadata:
    """Return metadata of a network that a recipe describes."""
    audio = recipe.audio
    return metadata(
        genres,
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        segment_seconds=audio.segment_seconds,
        hop_seconds=audio.hop_seconds,
        padding=audio.padding,
        recipe=recipe.name,
        **values,
    )
