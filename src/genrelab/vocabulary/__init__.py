"""Names of genres: how people and programs write them, which belongs to which, how each list spells them.

The table of genrelab has genres (`hip hop`, `metal`) and styles (`death metal`), each with its parents and
other names. The lists of ID3v1, Discogs and MusicBrainz refer to it.

>>> canonical("Hip-Hop"), canonical("RnB"), canonical("(17)"), canonical("no such genre")
('hip hop', 'r&b', 'rock', None)
>>> model_genre("Death Metal", ["metal", "hiphop"]), model_genre("Rap", ["metal", "hiphop"])
('metal', 'hiphop')
>>> display("hiphop"), display("rnb"), display("electronic", "musicbrainz")
('Hip-Hop', 'R&B', 'electronic')
>>> split_values("Death Metal; Pop/Rock")
('Death Metal', 'Pop', 'Rock')
"""

from __future__ import annotations

from genrelab.vocabulary.keys import normalize
from genrelab.vocabulary.model_genres import model_genre, model_genres
from genrelab.vocabulary.names import SPELLINGS, Spelling, ancestors, canonical, display, genre_of, parents
from genrelab.vocabulary.splitting import split_values

__all__ = [
    "SPELLINGS",
    "Spelling",
    "ancestors",
    "canonical",
    "display",
    "genre_of",
    "model_genre",
    "model_genres",
    "normalize",
    "parents",
    "split_values",
]
