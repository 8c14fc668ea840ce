"""The texts beside the code: licences, citation, README; they agree with the package."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from clean_checkout import ROOT, beside, clean_environment, run

import genrelab

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
THIRD_PARTY = ROOT / "THIRD_PARTY.md"
SYSTEMS = (
    "x86_64-pc-windows-msvc",
    "aarch64-apple-darwin",
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
)
VENDOR = ROOT / "src" / "genrelab" / "serve" / "static" / "vendor"


def load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    return load(ROOT / "scripts" / "licences.py", "licences")


@pytest.fixture(scope="module")
def citation() -> dict[str, object]:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    return load(ROOT / "hatch_build.py", "hatch_build")


class TestLicences:
    def test_the_table_is_that_of_the_installed_packages(self, licences: ModuleType) -> None:
        page = THIRD_PARTY.read_text(encoding="utf-8")
        assert licences.differences(page) == []
        assert licences.rows(page)["mutagen"] == ("GPL-2.0-or-later", "base")

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("| mutagen | GPL-2.0-or-later | base |", "| mutagen | MIT | base |", "mutagen has the licence"),
            ("| numpy |", "| nmupy |", "numpy is missing"),
            (
                "| starlette | BSD-3-Clause | serve |",
                "| starlette | BSD-3-Clause | base |",
                "is needed by serve",
            ),
            ("| mutagen |", "| pytest | MIT | base |\n| mutagen |", "pytest is not needed"),
        ],
    )
    def test_a_difference_is_noticed(self, licences: ModuleType, old: str, new: str, said: str) -> None:
        page = THIRD_PARTY.read_text(encoding="utf-8")
        assert old in page
        assert any(said in line for line in licences.differences(page.replace(old, new)))

    def test_extras_of_requirements_are_followed(self, licences: ModuleType) -> None:
        alone, more = set(licences.everything(["httpx"])), set(licences.everything(["httpx", "moto[server]"]))
        assert {"httpx", "httpcore"} <= alone and "flask" not in alone
        assert {"moto", "flask"} <= more and "flask" not in set(licences.everything(["moto"]))

    def test_strong_licences_are_explained(self, licences: ModuleType) -> None:
        page = THIRD_PARTY.read_text(encoding="utf-8")
        explained = page.partition("<!-- end -->")[2]
        for name, (licence, _) in licences.rows(page).items():
            if licences.families(licence) & {"GPL", "LGPL", "AGPL", "MPL"}:
                assert name in explained, f"{name} is under {licence}: say what that means"

    def test_what_is_vendored_is_listed_with_its_licence(self) -> None:
        page = THIRD_PARTY.read_text(encoding="utf-8")
        listed = json.loads((VENDOR / "hashes.json").read_text(encoding="utf-8"))
        for name, facts in listed.items():
            package = facts["package"].lower()
            (row,) = [line for line in page.splitlines() if line[0:1] == "|" and package in line.lower()]
            assert facts["version"] in row and facts["licence"] in row
            assert name.endswith("LICENSE.txt") or f"`{name}`" in row
        vendored = {part for facts in listed.values() for part in facts["licence"].split(" AND ")}
        assert set(PROJECT["license"].split(" AND ")) == {"Apache-2.0"} | vendored

    def test_the_families(self, licences: ModuleType) -> None:
        for text, found in {
            "GNU Lesser General Public License v2 or later (LGPLv2+)": {"LGPL"},
            "GPL-2.0-or-later": {"GPL"},
            "AGPL-3.0-only": {"AGPL"},
            "Apache Software License": {"Apache"},
            "3-Clause BSD License": {"BSD"},
            "MIT AND Python-2.0": {"MIT", "PSF"},
        }.items():
            assert licences.families(text) == found


class TestCitation:
    def test_it_agrees_with_the_package(self, citation: dict[str, object]) -> None:
        assert citation["version"] == PROJECT["version"] == genrelab.__version__
        assert citation["title"] == PROJECT["name"] and citation["license"] == "Apache-2.0"
        released = citation.get("date-released")
        assert released is None or isinstance(released, date)

    @pytest.mark.slow
    def test_cffconvert_accepts_it(self, tmp_path: Path) -> None:
        env = clean_environment(tmp_path)
        words = ["--python", sys.executable, "cffconvert==2.0.0", "--validate", "-i", ROOT / "CITATION.cff"]
        assert "valid" in run(beside("uvx"), *words, cwd=tmp_path, env=env)
        bad = tmp_path / "bad.cff"
        bad.write_text((ROOT / "CITATION.cff").read_text(encoding="utf-8").replace("authors:", "author:"))
        run(beside("uvx"), *words[:-1], bad, cwd=tmp_path, env=env, code=1)


class TestReadmeOfThePackage:
    """What PyPI shows."""

    def test_links_lead_to_the_repository(self, hook: ModuleType) -> None:
        text = "[a](docs/a.md) [b](#b) [c](https://x.y) ![p](docs/p.svg)\n\n[![q](https://q)](d.md)"
        assert hook.readme_for(text, "https://r/g", "1.0") == (
            "[a](https://r/g/blob/v1.0/docs/a.md) [b](#b) [c](https://x.y) ![p](https://r/g/raw/v1.0/docs/p.svg)\n\n"
            "[![q](https://q)](https://r/g/blob/v1.0/d.md)"
        )
        assert hook.readme_for("see [a](docs/a.md#b) ![p](p.svg)\n", None, "1.0") == "see a "

    def test_no_address_is_made_up(self, hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(hook.VARIABLE, raising=False)
        assert hook.repository() is None and hook.urls_of(None) == {}
        monkeypatch.setenv(hook.VARIABLE, "https://example.org/g/")
        assert hook.repository() == "https://example.org/g"
        for bad in ("http://example.org", "javascript:1", "https://a b", "https://x)y"):
            monkeypatch.setenv(hook.VARIABLE, bad)
            with pytest.raises(ValueError, match="is no https address"):
                hook.repository()

    def test_a_token_is_not_published(self, hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        for address in ("https://me:secret@example.org/g", "https://secret@example.org/g"):
            monkeypatch.setenv(hook.VARIABLE, address)
            with pytest.raises(ValueError, match=hook.VARIABLE) as caught:
                hook.repository()
            assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_every_system_has_wheels(tmp_path: Path) -> None:
    """Nothing has to be compiled: all packages of the base install have wheels for these systems."""
    env = clean_environment(tmp_path) | {"MACOSX_DEPLOYMENT_TARGET": "14.0"}
    uv, words = beside("uv"), ["-q", "--only-binary", ":all:", "--no-header", ROOT / "pyproject.toml"]
    for system in SYSTEMS:
        for python in ("3.11", "3.14"):
            where = ["--python-platform", system, "--python-version", python]
            run(uv, "pip", "compile", *words, *where, cwd=tmp_path, env=env)


def test_the_script_that_measures_an_install_says_what_it_does() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "install.py", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--cold" in done.stdout and "first genre" in done.stdout
