"""The documentation site: built as `make docs` builds it, and what its pages contain and link to."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import needs

ROOT = Path(__file__).resolve().parents[2]
LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "audio": "src", "video": "src"}


def copy(folder: Path, pages: dict[str, str] | None = None) -> Path:
    """Copy what the site is made from into a folder, or the settings alone and these pages; return it."""
    for name in ("Makefile", "pyproject.toml", "CHANGELOG.md", "zensical.toml"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "src").symlink_to(ROOT / "src")
    if pages is None:
        shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("changelog.md"))
        return folder
    (folder / "CHANGELOG.md").write_text("# Changelog\n")
    for name, text in pages.items():
        page = folder / "docs" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text)
    return folder


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `make docs` in a copy, with the packages of this Python; return what happened."""
    if importlib.util.find_spec("zensical") is None:
        needs.lacking("zensical is not installed: pip install -e '.[docs]'")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    program = programs / "zensical"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m zensical "$@"\n')
    program.chmod(0o755)
    for stand_in in (programs / "python", programs.parent / ".docs"):  # it is installed already
        stand_in.touch()
    return subprocess.run(
        [needs.program("make"), "docs"],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@dataclass
class Page(HTMLParser):
    """A built page: its anchors, the files that it loads, and its links."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    loaded: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors |= {text for name in ("id", "name") if (text := values.get(name))}
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        elif tag == "link" and values.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(str(values["href"]))
        elif tag in LOADED and values.get(LOADED[tag]):
            self.loaded.append(str(values[LOADED[tag]]))


class Site:
    """All pages of a built site, by path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pages = {path: Page(path) for path in sorted(folder.rglob("*.html"))}

    def target(self, page: Page, link: str) -> tuple[Path, str] | None:
        """Return the file and the anchor that a link leads to; None for another host."""
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            return None
        base = self.folder if parts.path.startswith("/") else page.path.parent
        path = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else page.path
        return path / "index.html" if path.is_dir() else path, unquote(parts.fragment)

    def wrong_links(self) -> list[str]:
        """Return the links, pictures and scripts that lead nowhere, or out of the folder."""
        wrong = []
        for page in self.pages.values():
            for link in {*page.links, *page.loaded}:
                found = self.target(page, link)
                if found is None:
                    continue
                path, anchor = found
                known = self.pages.get(path)
                if not path.is_file() or not path.is_relative_to(self.folder):
                    wrong.append(f"{page.path.relative_to(self.folder)}: {link}")
                elif known and anchor and anchor not in known.anchors:
                    wrong.append(f"{page.path.relative_to(self.folder)}: {link} (no such anchor)")
        return wrong

    def foreign(self) -> list[str]:
        """Return what pages load from other hosts."""
        return [
            f"{page.path.relative_to(self.folder)}: {link}"
            for page in self.pages.values()
            for link in page.loaded
            if self.target(page, link) is None
        ]

    def reached(self) -> set[Path]:
        """Return the pages that links lead to, beginning with the front page."""
        found, open_ends = set(), [self.folder / "index.html"]
        while open_ends:
            path = open_ends.pop()
            if path in found or path not in self.pages:
                continue
            found.add(path)
            page = self.pages[path]
            open_ends += [target[0] for link in page.links if (target := self.target(page, link))]
        return found
