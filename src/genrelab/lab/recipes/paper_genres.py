"""The number of genres that a recipe's paper trained on, for which published numbers of weights hold."""

from __future__ import annotations

from genrelab.lab.recipes.schema import Recipe

CORPORA = {"fma-small": 8, "gtzan": 10, "ismir2004": 6, "spotify": 10}
"""Genres of the papers' corpora; the songs of `spotify` test networks that were trained on GTZAN."""

_PAPERS = {"soundfusion": 8}
_RECIPES = {"soundfusion/vgg16-gtzan": 10}  # its second training, on FMA, is another recipe
_USUAL = 10


def paper_genres(recipe: Recipe) -> int:
    """Return the number of genres of the corpus for which the paper reports a recipe first; else 10."""
    if recipe.name in _RECIPES:
        return _RECIPES[recipe.name]
    corpora = [each.corpus for each in recipe.reported if each.corpus in CORPORA]
    if corpora:
        return CORPORA[corpora[0]]
    return _PAPERS.get(recipe.paper or "", _USUAL)
