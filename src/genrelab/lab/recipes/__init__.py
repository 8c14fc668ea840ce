"""Published experiments as YAML, one file each, and the model that reads them."""

from genrelab.lab.recipes.load import load_recipe, recipe_names
from genrelab.lab.recipes.schema import Recipe

__all__ = ["Recipe", "load_recipe", "recipe_names"]
