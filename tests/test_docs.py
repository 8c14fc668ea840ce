"""What the pages of documentation show exists: commands, options, make targets, scripts, files, headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from doc_commands import PAGES, ROOT, Shown, files_of, options_of_the_program, read_by_the_program, shown

from genrelab.lab import plugins

COMMANDS = [each for page in PAGES for each in shown(page)]
SCRIPTS = [*ROOT.glob("experiments/*.py"), *ROOT.glob("benchmarks/*.py"), ROOT / "tests" / "mutants.py"]
SCRIPTS += ROOT.glob("plugins/*/*/main.py")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FOREIGN = {  # options of pip, uv, gh, systemctl, docker compose, Ray and embedding-atlas
    *("--index-url", "--generate", "--now", "--profile"),
    *("--from", "--upgrade", "--repo"),
    *("--head", "--port", "--include-dashboard", "--address"),
    *("--x", "--y", "--neighbors", "--text"),
    *("--local-dir", "--repo-type"),  # of hf
}
GROUPS = {  # entry points of packages: names of genrelab, but not modules
    group
    for path in (ROOT / "src").rglob("*.py")
    for group in re.findall(r'(?:group=|installed\()"(genrelab\.\w+)"', path.read_text(encoding="utf-8"))
}


def anchors(page: Path) -> set[str]:
    """Return the names that a link into a page can have: those of its headings, and those set by hand."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 100
    pages = (
        "start.md",
        "use/recognize.md",
        "use/tag.md",
        "services/serve.md",
        "research/train.md",
        "model-card.md",
    )
    assert all(shown(page) for page in (ROOT / "README.md", *(ROOT / "docs" / name for name in pages)))


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_the_program_knows_the_command(command: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[
        Path
    ] = []  # plugins would be loaded while options are read; tests/lab/cli/test_plugins.py runs them
    monkeypatch.setattr(plugins, "load_plugin", given.append)
    try:
        read_by_the_program(command.words)
    except Exception as error:  # the class has no place of its own in every typer
        incomplete = type(error).__name__ in ("MissingParameter", "BadOptionUsage")
        assert incomplete and not command.whole, f"{command}: {getattr(error, 'message', error)}"
    assert {str(path) for path in given} <= files_of(command.page), command


def test_a_command_that_does_not_exist_is_noticed() -> None:
    for words in (("genrelab", "recognise", "a.mp3"), ("genrelab", "library", "show", "--formta=json")):
        with pytest.raises(Exception, match="recognise|--formta"):
            read_by_the_program(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_in_running_text_exist(page: Path) -> None:
    known = options_of_the_program() | FOREIGN
    for script in SCRIPTS:
        known |= set(re.findall(r'"(--[a-z][\w-]*)"', script.read_text(encoding="utf-8")))
    for notebook in ROOT.glob("notebooks/*.py"):
        named = re.findall(r'given\.get\("(\w+)"\)', notebook.read_text(encoding="utf-8"))
        known |= {f"--{name}" for name in named}
    code = re.findall(r"`+([^`]+)`+", page.read_text(encoding="utf-8"))
    named = {option for text in code for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", text)}
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_scripts_and_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert {command.words[1] for command in shown(page, "make")} <= targets
    for command in shown(page, "python"):
        script = ROOT / command.words[1]
        options = {word.partition("=")[0] for word in command.words if word.startswith("--")}
        assert all(f'"{option}"' in script.read_text(encoding="utf-8") for option in options), command


LONG = {"changelog.md", "model-card.md"}  # all changes; all that was measured of one model
LIMITED = [
    page
    for page in (ROOT / "docs").rglob("*.md")
    if not {"results", "api"} & set(page.relative_to(ROOT / "docs").parts) and page.name not in LONG
]


@pytest.mark.parametrize("page", LIMITED, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_short(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").split()) <= 1500, "divide it: one page per task"


@pytest.mark.parametrize("part", ["", "use", "research", "services"])
def test_each_part_begins_with_a_page_and_a_picture(part: str) -> None:
    names = ("index.md", "start.md") if not part else ("index.md",)
    for name in names:
        page = ROOT / "docs" / part / name
        pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
        assert pictures and all((page.parent / picture).is_file() for picture in pictures), page


def test_the_figures_of_the_accuracy_are_those_of_the_model_card() -> None:
    page, card = (
        (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("use/accuracy.md", "model-card.md")
    )
    genres = re.findall(r"^\| (\w+) \| ([\d.]+ %) \|", page, re.M)
    assert len(genres) == 11
    for genre, found in genres:
        assert re.search(rf"^\| {genre} \| \d+ \| {re.escape(found)} ", card, re.M), genre
    confidences = re.findall(r"^\| (0\.\d+) to (0\.\d+) \| (\d+ %) \|", page, re.M)
    assert len(confidences) == 4
    for low, high, right in confidences:
        assert re.search(rf"^\| {low}-{high} \| .*\| {right} \|$", card, re.M), low
    (overall,) = re.findall(r"^\| `genres-11` \| ([\d.]+) % \(64.5-73.1\)", card, re.M)
    assert f"accuracy of {overall} %" in page and f"{float(overall):.0f} % of tracks" in page
    answered, right = re.findall(r"answers (\d+) % of the clips, (\d+) % of them correctly", card)[0]
    assert f"{answered} % of tracks; {right} % of these answers are right" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_and_paths_in_running_text_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"[`(]((?:tests|src|experiments|benchmarks|\.ci)/[\w./-]+)[`)]", text):
        assert (ROOT / path).exists() or path.endswith("/mine.py"), path  # the reader's own
    for name in re.findall(r"`(genrelab(?:\.\w+)+)`", text):
        if name.endswith((".tmp", ".toml")) or name in GROUPS:  # the former are files
            continue
        place = ROOT / "src" / name.replace(".", "/")
        module = next(
            each for each in (place, *place.parents) if each.is_dir() or each.with_suffix(".py").exists()
        )
        source = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
        attribute = name.split(".")[len(module.relative_to(ROOT / "src").parts) :]
        assert all(each in source.read_text(encoding="utf-8") for each in attribute), name
