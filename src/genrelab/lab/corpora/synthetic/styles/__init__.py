"""Ten styles: one file per genre defines how it is composed."""

from genrelab.lab.corpora.synthetic.score import Style
from genrelab.lab.corpora.synthetic.styles.blues import BLUES
from genrelab.lab.corpora.synthetic.styles.classical import CLASSICAL
from genrelab.lab.corpora.synthetic.styles.country import COUNTRY
from genrelab.lab.corpora.synthetic.styles.disco import DISCO
from genrelab.lab.corpora.synthetic.styles.hiphop import HIPHOP
from genrelab.lab.corpora.synthetic.styles.jazz import JAZZ
from genrelab.lab.corpora.synthetic.styles.metal import METAL
from genrelab.lab.corpora.synthetic.styles.pop import POP
from genrelab.lab.corpora.synthetic.styles.reggae import REGGAE
from genrelab.lab.corpora.synthetic.styles.rock import ROCK

STYLES: dict[str, Style] = {
    "blues": BLUES,
    "classical": CLASSICAL,
    "country": COUNTRY,
    "disco": DISCO,
    "hiphop": HIPHOP,
    "jazz": JAZZ,
    "metal": METAL,
    "pop": POP,
    "reggae": REGGAE,
    "rock": ROCK,
}

__all__ = ["STYLES"]
