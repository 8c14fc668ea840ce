"""Print the lowest versions that pyproject.toml allows on this Python, as constraints for pip.

python .ci/lowest.py                  of the base install
python .ci/lowest.py parquet live     of the base install and some extras
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest(extras: list[str]) -> list[str]:
    """Return `name==version` of each package that genrelab itself names."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    named = [*project["dependencies"], *(each for extra in extras for each in optional[extra])]
    pins = []
    for each in map(Requirement, named):
        if each.marker and not each.marker.evaluate():
            continue
        bounds = [bound.version for bound in each.specifier if bound.operator == ">="]
        if len(bounds) != 1:
            sys.exit(f"pyproject.toml: {each} needs one lower bound, as in {each.name}>=1.2")
        pins.append(f"{each.name}=={bounds[0]}")
    return pins


if __name__ == "__main__":
    print(*lowest(sys.argv[1:]), sep="\n")
