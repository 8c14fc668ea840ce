"""Write the licences of what genrelab needs into THIRD_PARTY.md, from the metadata of installed packages.

    python scripts/licences.py           write the tables
    python scripts/licences.py --check   compare them with the packages that are installed here; exit code 1
                                         if they differ

The base install is followed to its last package, as it is on this system. Of each extra, the packages that
pyproject.toml names are listed. A package that is not installed here keeps its row.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "THIRD_PARTY.md"
FOR_DEVELOPERS = {"test", "dev", "docs", "mutants"}
_LONGEST = 60
_ROW = re.compile(r"^\| ([\w.-]+) \| (.+?) \| (.+?) \|$", re.M)
_BEGIN, _END = "<!-- packages: scripts/licences.py -->\n", "<!-- end -->"

FAMILIES = {
    "AGPL": r"\bAGPL|affero",
    "LGPL": r"\bLGPL|lesser general public",
    "GPL": r"(?<![AL])\bGPL|(?<!lesser )(?<!affero )general public license",
    "MPL": r"\bMPL|mozilla",
    "Apache": r"apache",
    "BSD": r"\b0?BSD",
    "MIT": r"\bMIT\b",
    "ISC": r"\bISC\b",
    "PSF": r"\bPSF\b|python software foundation|python-2\.0",
}
"""Families of licences, and how metadata names them."""


def licence_of(found: metadata.PackageMetadata) -> str:
    """Return the licence that a package states: expression, else field, else classifiers."""
    if expression := found.get("License-Expression"):
        return str(expression)
    field = " ".join((found.get("License") or "").split())
    if field and len(field) <= _LONGEST:
        return field
    named = [each for each in found.get_all("Classifier", []) if each.startswith("License ::")]
    return ", ".join(each.rpartition(" :: ")[2] for each in named) or "not stated"


def families(text: str) -> set[str]:
    """Return the families of licences that a text names.

    Examples
    --------
    >>> sorted(families("GNU Lesser General Public License v2 or later (LGPLv2+)")), families("MIT License")
    (['LGPL'], {'MIT'})
    """
    return {name for name, pattern in FAMILIES.items() if re.search(pattern, text, re.I)}


def project() -> dict[str, list[str]]:
    """Return the requirements of the base install and of each extra for users."""
    read = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        name: listed for name, listed in read["optional-dependencies"].items() if name not in FOR_DEVELOPERS
    }
    return {"base": read["dependencies"], **extras}


def everything(wanted: list[str]) -> Iterator[str]:
    """Yield the names of packages and of all that they need here, those that are installed."""
    waiting: list[tuple[Requirement, frozenset[str]]] = [(Requirement(each), frozenset()) for each in wanted]
    seen: set[str] = set()
    while waiting:
        each, extras = waiting.pop()
        name, own = canonicalize_name(each.name), frozenset(each.extras)
        if each.marker and not any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        if name not in seen:
            yield name
        if seen >= {name, *(f"{name}[{extra}]" for extra in own)}:
            continue
        seen |= {name, *(f"{name}[{extra}]" for extra in own)}
        with suppress(metadata.PackageNotFoundError):
            waiting += [(Requirement(text), own) for text in metadata.requires(name) or []]


def needed() -> dict[str, set[str]]:
    """Return the packages, each with what needs it: the base install, or extras."""
    found: dict[str, set[str]] = {}
    for part, wanted in project().items():
        names = (
            everything(wanted)
            if part == "base"
            else (canonicalize_name(Requirement(each).name) for each in wanted)
        )
        for name in names:
            found.setdefault(name, set()).add(part)
    return {name: {"base"} if "base" in parts else parts for name, parts in found.items()}


def rows(page: str) -> dict[str, tuple[str, str]]:
    """Return the rows of a page: package -> licence, needed by."""
    table = page.partition(_BEGIN)[2].partition(_END)[0]
    return {name: (licence, by) for name, licence, by in _ROW.findall(table) if name != "package"}


def current(page: str) -> dict[str, tuple[str, str]]:
    """Return the rows as they should be; those of packages that are not installed stay."""
    found, before = {}, rows(page)
    for name, parts in sorted(needed().items()):
        try:
            licence = licence_of(metadata.metadata(name))
        except metadata.PackageNotFoundError:
            licence = before.get(name, ("not installed when this was written", ""))[0]
        found[name] = licence.replace("|", "/"), ", ".join(sorted(parts))
    return found


def differences(page: str) -> list[str]:
    """Return what a page says otherwise than the installed packages; one line for each."""
    there, wanted = rows(page), current(page)
    lines = [f"{name} is missing" for name in sorted(wanted.keys() - there.keys())]
    lines += [
        f"{name} is not needed" for name in sorted(there.keys() - wanted.keys()) if not _elsewhere(name)
    ]
    for name in sorted(wanted.keys() & there.keys()):
        (licence, by), (new, new_by) = there[name], wanted[name]
        if families(licence) != families(new):
            lines.append(f"{name} has the licence {new}, not {licence}")
        if by != new_by:
            lines.append(f"{name} is needed by {new_by}, not {by}")
    return lines


def _elsewhere(name: str) -> bool:
    """Whether a package is not installed here: another Python or another system may need it."""
    try:
        metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return True
    return False


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    page = PAGE.read_text(encoding="utf-8")
    if parser.parse_args().check:
        wrong = differences(page)
        sys.stdout.write("".join(f"{line}\n" for line in wrong))
        return 1 if wrong else 0
    table = "".join(f"| {name} | {licence} | {by} |\n" for name, (licence, by) in current(page).items())
    before, _, rest = page.partition(_BEGIN)
    head = "| package | licence, as it states it | needed by |\n| --- | --- | --- |\n"
    PAGE.write_text(f"{before}{_BEGIN}{head}{table}{_END}{rest.partition(_END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
