"""A recipe, adapted to the kind of its corpus."""

from __future__ import annotations

from genrelab.lab.corpora.loaders.picture_file import PicturePixels
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.pictures import PictureShape, for_pictures


def adapted(recipe: Recipe, corpus: Corpus) -> Recipe:
    """Return the recipe for a corpus: for pictures see `for_pictures`; for others the recipe itself.

    Raises
    ------
    RecipeError
        If the corpus consists of pictures, and the recipe does not take one spectrogram.
    """
    if not isinstance(corpus.renderer, PicturePixels):
        return recipe
    reading = corpus.renderer.reading
    return for_pictures(recipe, PictureShape(*reading.size, reading.planes))
