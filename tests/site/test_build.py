"""The documentation site is built without a warning, and all of its links lead somewhere."""

from __future__ import annotations

from pathlib import Path

import built_site
import pytest
from built_site import ROOT, Site

pytestmark = pytest.mark.slow(30)


@pytest.fixture(scope="session")
def site(folder: Path) -> Site:
    return Site(folder)


def test_every_page_is_built(site: Site) -> None:
    written = {page.relative_to(ROOT / "docs").with_suffix("") for page in (ROOT / "docs").rglob("*.md")}
    written = {page.parent / "index" if page.name == "README" else page for page in written}
    built = {path.relative_to(site.folder).with_suffix("") for path in site.pages}
    assert len(built) > 50
    assert written - built == set()
    assert Path("changelog") in built


def test_links_lead_somewhere(site: Site) -> None:
    assert sum(len(page.links) for page in site.pages.values()) > 1000
    assert site.wrong_links() == []


def test_every_page_can_be_reached(site: Site) -> None:
    assert set(site.pages) - site.reached() == {site.folder / "404.html"}


def test_nothing_is_loaded_from_other_hosts(site: Site) -> None:
    assert sum(len(page.loaded) for page in site.pages.values()) > 100
    assert site.foreign() == []
    for style in site.folder.rglob("*.css"):
        assert "url(http" not in style.read_text(encoding="utf-8").replace("url(http://www.w3.org", "")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("start.md", "# Start\n\n[A page](nowhere.md).\n", "page does not exist"),
        ("start.md", "# Start\n\n[A heading](index.md#nowhere).\n", "anchor does not exist"),
        (".nav.yml", "nav:\n  - index.md\n  - nowhere.md\n", "nowhere.md"),
    ],
    ids=["page", "anchor", "navigation"],
)
def test_a_warning_stops_the_build(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    pages = {"index.md": "# Home\n\n[Start](start.md).\n", "start.md": "# Start\n"}
    done = built_site.build(built_site.copy(tmp_path, pages | {name: text}))
    assert done.returncode != 0 and complaint in done.stdout


def test_wrong_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<h1 id="top">A</h1><a href="#top">1</a><a href="#gone">2</a><a href="gone.html">3</a>'
        '<img src="../outside.png"><script src="https://cdn.example/x.js"></script><a href="https://a.b/">4</a>'
    )
    (tmp_path / "alone.html").write_text("<p>B</p>")
    site = Site(tmp_path.resolve())
    assert sorted(site.wrong_links()) == [
        "index.html: #gone (no such anchor)",
        "index.html: ../outside.png",
        "index.html: gone.html",
    ]
    assert site.foreign() == ["index.html: https://cdn.example/x.js"]
    assert site.reached() == {site.folder / "index.html"}
