"""The workflows: linted, pinned, with few permissions; each shell step is run here or named as not run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from clean_checkout import ROOT, beside
from workflow_steps import EXPRESSIONS, SKIPPED, WORKFLOWS

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
WRITES = {  # job -> what it may write, and nothing else
    "pypi": {"id-token"},
    "image": {"packages", "id-token", "attestations"},
    "publish": {"pages", "id-token"},
    "page": {"contents", "id-token", "attestations"},
}
RUN_HERE = {"release/build", "test/recognizer"}


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    found = []
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            found.append((path.stem, name, job))
    return found


def test_actionlint_finds_nothing() -> None:
    words = [beside("actionlint"), "-shellcheck", beside("shellcheck"), *WORKFLOWS]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_actionlint_notices(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOWS[0].read_text(encoding="utf-8").replace("runs-on:", "run-on:", 1))
    done = subprocess.run([beside("actionlint"), broken], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "run-on" in done.stdout


def test_zizmor_finds_nothing() -> None:
    words = [beside("zizmor"), "--offline", "--no-progress", "--quiet", ROOT / ".github"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_their_version(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert used
    for each in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


def test_an_action_has_one_version_in_all_workflows() -> None:
    used = {
        each for path in WORKFLOWS for each in re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    }
    assert len({each.partition("@")[0] for each in used}) == len(used)


def test_jobs_may_do_no_more_than_they_need() -> None:
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {}
    for _, name, job in jobs():
        written = {what for what, how in job["permissions"].items() if how == "write"}
        assert written == WRITES.get(name, set()), name
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_every_shell_step_is_run_here_or_named() -> None:
    named = set()
    for workflow, name, job in jobs():
        for step in job["steps"]:
            if "run" not in step:
                continue
            assert "${{" not in step["run"], "an expression could smuggle in commands: use env"
            unknown = {value for value in step.get("env", {}).values() if "${{" in value} - EXPRESSIONS.keys()
            if step["name"] in SKIPPED:
                named.add(step["name"])
            else:
                assert f"{workflow}/{name}" in RUN_HERE and not unknown, step["name"]
    assert named == SKIPPED.keys()


def test_the_release_publishes_as_pypi_trusts_it() -> None:
    (pypi,) = [job for _, name, job in jobs() if name == "pypi"]
    assert pypi["environment"] == "pypi" and pypi["needs"] == "build"
    assert not any("password" in step.get("with", {}) for step in pypi["steps"])


def test_the_python_versions_are_those_of_the_package() -> None:
    (recognizer,) = [job for _, name, job in jobs() if name == "recognizer"]
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert recognizer["strategy"]["matrix"]["python"] == re.findall(r'Python :: (3\.\d+)"', text)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_forms_are_those_of_github(form: Path) -> None:
    read = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert read["name"] and read["description"] and read["body"]
    ids = [each["id"] for each in read["body"] if each["type"] != "markdown"]
    assert len(set(ids)) == len(ids)
    for each in read["body"]:
        assert each["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        assert each["attributes"].get("label") or each["type"] == "markdown"
