"""docs/research/papers against the code: commands, recipes, searches, choices, figures and tables."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from doc_commands import ROOT, read_by_the_program, shown

from genrelab.lab.recipes import Recipe, load_recipe, recipe_names
from genrelab.lab.studies.figures import catalogue
from genrelab.lab.studies.reproduce import table_names
from genrelab.lab.studies.search import plan_names

FOLDER = ROOT / "docs" / "research" / "papers"
PAPERS = ("fds", "mel-augmentation", "mfcc-cqt", "ms-sincresnet", "soundfusion")
PAGES = sorted(FOLDER.glob("*.md"))
CODE = re.compile(r"`([^`]+)`")
NAMED = re.compile(rf"({'|'.join(PAPERS)})/[\w-]+")
ASSUMED = re.compile(r"`assumed: ([\w.]+)`")
SOURCE = re.compile(r"`source: ([\w.]+)`(?: in `([^`]+)`)?")
REMOVED = "Not reproduced"
DRAWN = re.compile(r"\b(Figure|Table) (\d+[ab]?)")


def rows_of(page: Path) -> list[list[str]]:
    """Return the cells of the last table of a page, without its heading."""
    table = page.read_text(encoding="utf-8").rpartition("\n\n|")[2]
    lines = [line for line in table.splitlines() if not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


SECTIONS = {
    paper: (rows_of(FOLDER / f"{paper}.md"), rows_of(FOLDER / f"{paper}-choices.md")) for paper in PAPERS
}
ROWS = [(paper, row) for paper, (sentences, _) in SECTIONS.items() for row in sentences]
SHOWN = [command for page in PAGES for command in shown(page)]


@cache
def recipe(name: str) -> Recipe:
    return load_recipe(name)


@cache
def recipes_of(paper: str) -> dict[str, Recipe]:
    return {name: recipe(name) for name in recipe_names() if recipe(name).paper == paper}


def test_every_paper_has_its_sentences_and_its_choices() -> None:
    assert {page.stem for page in PAGES} == {"index", "learning-rate"} | {
        name for paper in PAPERS for name in (paper, f"{paper}-choices")
    }
    assert all(len(sentences) >= 15 and len(choices) >= 15 for sentences, choices in SECTIONS.values())
    assert {len(row) for both in SECTIONS.values() for rows in both for row in rows} == {3}


@pytest.mark.parametrize(
    ("paper", "row"), ROWS, ids=[f"{paper}: {row[0]}, {row[1][:30]}" for paper, row in ROWS]
)
def test_a_sentence_is_made_is_assumed_or_is_left_out_for_a_reason(paper: str, row: list[str]) -> None:
    place, said, here = row
    assert place and said
    commands = [text for text in CODE.findall(here) if text.startswith("genrelab ")]
    assert commands or ASSUMED.search(here) or SOURCE.search(here) or REMOVED in here, row
    for key in ASSUMED.findall(here):
        assert key in {each[0].strip("`") for each in SECTIONS[paper][1]}, f"{key} is no choice of {paper}"
    for key, name in SOURCE.findall(here):
        of = [recipe(name)] if name else list(recipes_of(paper).values())
        assert any(key in each.sources for each in of), f"{key} is under sources of none of {name or paper}"


def test_every_figure_and_table_of_a_paper_has_a_row_with_a_command() -> None:
    for paper, (sentences, _) in SECTIONS.items():
        drawn = defaultdict(list)
        for place, _, here in sentences:
            for kind, number in DRAWN.findall(place):
                drawn[number if kind == "Figure" else f"table-{number}"] += CODE.findall(here)
        assert drawn.keys() == catalogue.paper(paper).drawn.keys(), paper
        for number, code in drawn.items():
            draws = rf"genrelab figures {paper} {re.escape(number)}( |$)"
            assert any(re.match(draws, text) for text in code), f"{paper} {number}"


def test_recipes_searches_and_tables_exist() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    named = {name for code in CODE.findall(text) for name in code.split() if NAMED.fullmatch(name)}
    assert len(named) > 25 and named <= set(recipe_names()), named - set(recipe_names())
    for command in SHOWN:
        if command.words[1] in ("train", "reproduce") and command.words[2] != "--list":
            known = recipe_names() if command.words[1] == "train" else table_names()
            assert any(command.words[2] in (each, each.split("/")[-1]) for each in known), command
    searches = {
        words[words.index("--plan") + 1] for words in (each.words for each in SHOWN) if "--plan" in words
    }
    assert searches == {name for name in plan_names() if name.startswith("soundfusion-")}


def test_changes_of_the_commands_fit_their_recipes() -> None:
    changed = 0
    for command in SHOWN:
        changes = [
            value
            for option, value in zip(command.words, command.words[1:], strict=False)
            if option == "--set"
        ]
        if changes and command.words[1] in ("train", "recipes"):
            name = command.words[2 if command.words[1] == "train" else 3]
            assert load_recipe(name, changes=changes) != load_recipe(name), command
            changed += 1
    assert changed >= 4


@pytest.mark.parametrize("paper", PAPERS)
def test_a_choice_on_the_page_is_one_of_its_recipe(paper: str) -> None:
    for key, name, reason in SECTIONS[paper][1]:
        assert CODE.fullmatch(key) and CODE.fullmatch(name) and len(reason) > 10
        assert key.strip("`") in recipe(name.strip("`")).assumed, f"{name} assumes no {key}"
        assert recipe(name.strip("`")).paper == paper


@pytest.mark.parametrize("paper", PAPERS)
def test_every_choice_of_a_recipe_is_on_the_page(paper: str) -> None:
    listed = {key.strip("`") for key, *_ in SECTIONS[paper][1]}
    made = {key for each in recipes_of(paper).values() for key in each.assumed}
    assert made == listed, f"not on the page: {made - listed}; not in a recipe: {listed - made}"


@pytest.mark.parametrize("paper", PAPERS)
def test_every_choice_is_named_where_the_paper_leaves_it_open(paper: str) -> None:
    sentences, choices = SECTIONS[paper]
    named = {key for *_, here in sentences for key in ASSUMED.findall(here)}
    assert {key.strip("`") for key, *_ in choices} - named == set()


def test_commands_are_read_by_the_program() -> None:
    """All of these pages', which tests/test_docs.py checks one by one, are whole."""
    for command in SHOWN:
        read_by_the_program(command.words)
