"""The files with the results of a search."""

from __future__ import annotations

import json
from pathlib import Path

from genrelab.files import replace_text
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.studies.search.page import page
from genrelab.lab.studies.search.search_result import Outcome
from genrelab.lab.studies.search.table import comma_separated, markdown, to_dict

PAGE = "search.html"
BEST = "best.yaml"


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write search.html, search.csv, search.md, search.json and, once there is a choice, best.yaml.

    Each file is replaced as a whole. `load_recipe` reads best.yaml.
    """
    replace_text(folder / PAGE, page(outcome))
    replace_text(folder / "search.csv", comma_separated(outcome))
    replace_text(folder / "search.md", markdown(outcome))
    replace_text(folder / "search.json", json.dumps(to_dict(outcome), indent=2, ensure_ascii=False) + "\n")
    recipe = outcome.best_recipe()
    if recipe is not None:
        replace_text(folder / BEST, dump_recipe(recipe))
