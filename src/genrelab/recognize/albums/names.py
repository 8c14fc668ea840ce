"""The names of albums and artists in tags, and when two of them are the same."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from genrelab.vocabulary.keys import normalize

VARIOUS = "various artists"
"""The key of various artists; those of artists have no spaces, unless they have no letters and digits."""
_LONGEST = 500  # letters of a name that are compared
_DISC = re.compile(
    r"[\s,:;_-]*[\[(]?\s*\b(?:cd|dis[ck]|disque)[ ._#-]*(?:\d{1,2}|one|two|three|four|five|six)"
    r"(?: ?(?:of|/) ?\d{1,2})?\s*[\])]?$"
)
_GUEST = re.compile(r"[\s,;(\[]+(?:feat|ft|featuring)\b.*")
_NO_TITLE = frozenset(
    {"unknown", "unknown album", "[unknown]", "<unknown>", "no album", "unbekanntes album", "album inconnu"}
    | {"álbum desconocido", "album sconosciuto", "onbekend album", "неизвестный альбом", "未知专辑"}
)
_NO_ARTIST = frozenset(
    {"unknown", "unknown artist", "[unknown]", "<unknown>", "[no artist]", "unbekannter künstler"}
    | {"unbekannter interpret", "artiste inconnu", "artista desconocido", "artista sconosciuto"}
    | {"onbekende artiest", "неизвестный исполнитель", "未知艺术家"}
)
_VARIOUS = frozenset(
    {"various artists", "various", "va", "v.a.", "v/a", "v. a.", "various artist", "various interprets"}
    | {"verschiedene interpreten", "verschiedene künstler", "verschiedene", "diverse interpreten", "diverse"}
    | {"artistes divers", "artistes variés", "multi-interprètes", "varios artistas", "varios", "artisti vari"}
    | {"aa.vv.", "vários artistas", "vários intérpretes", "diverse artiesten", "verschillende artiesten"}
    | {"blandade artister", "różni wykonawcy", "разные исполнители", "сборник", "çeşitli sanatçılar"}
    | {"群星", "ヴァリアス・アーティスト", "オムニバス", "여러 아티스트"}
)


class AlbumTags(NamedTuple):
    """What the tags of a track say about its album.

    Attributes
    ----------
    album, album_artist, artist : str or None
        As written; None if absent.
    compilation : bool
        Whether the tags mark the album as a compilation.
    """

    album: str | None = None
    album_artist: str | None = None
    artist: str | None = None
    compilation: bool = False


def title_key(album: str | None) -> str:
    """Return what equal albums have in common; empty for no album.

    Case, width, accents, spaces and punctuation do not matter, and the number of a disc is left out.

    Examples
    --------
    >>> [title_key(name) for name in ("Box [Disc 1]", "BOX  CD2", "Unknown Album", None)]
    ['box', 'box', '', '']
    """
    whole = _folded(album)
    key = _DISC.sub("", whole) or whole
    return "" if key in _NO_TITLE else _plain(key)


def artist_key(artist: str | None) -> str:
    """Return what equal artists have in common, without guests; empty for no artist.

    Case, width, accents, spaces, punctuation and a leading "The" do not matter. All names for various artists
    have one key.

    Examples
    --------
    >>> [artist_key(name) for name in ("Queen", "QUEEN feat. David Bowie", "Unknown Artist", None)]
    ['queen', 'queen', '', '']
    >>> artist_key("Beyoncé") == artist_key("BEYONCE"), artist_key("V.A.") == artist_key("Various")
    (True, True)
    """
    key = _GUEST.sub("", _folded(artist))
    if key in _NO_ARTIST:
        return ""
    return VARIOUS if key in _VARIOUS else _plain(key.removeprefix("the "))


def is_various(artist_key: str) -> bool:
    """Return whether the key of an artist means various artists."""
    return artist_key == VARIOUS


def _plain(folded: str) -> str:
    """Return the letters and digits of a name; a name without them, such as `!!!`, as it is."""
    return normalize(folded) or folded


def _folded(text: str | None) -> str:
    plain = unicodedata.normalize("NFKC", (text or "")[:_LONGEST]).casefold()
    return " ".join(plain.replace("\0", " ").split())
