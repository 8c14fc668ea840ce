"""The settings: the section `genrelab` of beets' configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrelab.errors import UsageError
from genrelab.library import GenreMap, TagPolicy

DEFAULTS: dict[str, Any] = {
    "auto": True,
    "force": False,
    "keep_existing": False,
    "source": "track",
    "first": "lastgenre",
    "count": 1,
    "min_confidence": None,
    "guess": False,
    "damaged": False,
    "spelling": "plain",
    "parents": False,
    "map": None,
    "vocabulary": None,
    "model": None,
    "library": None,
    "jobs": None,
    "write_asis": False,
    "pretend": False,
}

_SPELLINGS = ("plain", "id3", "discogs", "musicbrainz", "model")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user chose.

    Parameters
    ----------
    policy : TagPolicy
        Which genres to write, and how.
    force, keep_existing : bool
        Whether to replace genres that are there, or to add to them.
    by_album : bool
        Whether an album gets one genre.
    pretend : bool
        Whether nothing is changed.
    model, library, vocabulary : Path or None
        Files of genrelab; None means its defaults.
    jobs : int > 0 or None
        How many files to recognize at once.
    """

    policy: TagPolicy
    force: bool
    keep_existing: bool
    by_album: bool
    pretend: bool
    model: Path | None
    library: Path | None
    vocabulary: Path | None
    jobs: int | None

    @classmethod
    def read(cls, config: Any) -> Settings:
        """Read the section of the configuration.

        Raises
        ------
        confuse.ConfigError
            If a value has a wrong type or is none of the choices.
        UsageError
            If the least confidence is not from 0 to 1, or the genre map cannot be used.
        """
        config["auto"].get(bool)
        config["first"].as_choice(("lastgenre", "genrelab"))
        least = config["min_confidence"].get()
        if least is not None and not 0 <= config["min_confidence"].as_number() <= 1:
            raise UsageError(f"genrelab.min_confidence is {least}, not 0 to 1", code="confidence-range")
        genre_map = _path(config["map"])
        jobs = config["jobs"].get()
        return cls(
            TagPolicy(
                genres=max(1, config["count"].get(int)),
                min_confidence=None if least is None else config["min_confidence"].as_number(),
                genre_map=GenreMap() if genre_map is None else GenreMap.load(genre_map),
                damaged=config["damaged"].get(bool),
                spelling=config["spelling"].as_choice(_SPELLINGS),
                parents=config["parents"].get(bool),
                guess=config["guess"].get(bool),
            ),
            force=config["force"].get(bool),
            keep_existing=config["keep_existing"].get(bool),
            by_album=config["source"].as_choice({"track": False, "album": True}),
            pretend=config["pretend"].get(bool),
            model=_path(config["model"]),
            library=_path(config["library"]),
            vocabulary=_path(config["vocabulary"]),
            jobs=None if jobs is None else max(1, config["jobs"].get(int)),
        )

    def changes(self, has_genre: bool) -> bool:
        """Return whether a track or album is processed that has a genre, or has none."""
        return self.force or self.keep_existing or not has_genre


def _path(view: Any) -> Path | None:
    """Return a path relative to the folder of the configuration; None if there is none."""
    return None if view.get() is None else Path(view.as_filename())
