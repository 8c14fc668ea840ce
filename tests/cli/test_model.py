"""`genrelab model info`: what a model file states; the model that `genrelab model` takes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import ModuleType

import pytest

from genrelab.cli.main import main
from genrelab.cli.settings.config_file import CONFIG_VARIABLE


def rows(text: str) -> list[list[str]]:
    """Return the cells of a printed table."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


def test_the_tags_with_their_figures(tagged_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "info", str(tagged_model)]) == 0
    facts, tags = capsys.readouterr().out.split("\n\n")
    assert ["tags", "3"] in rows(facts) and "no music from a probability of 0.5" in facts
    assert rows(tags) == [
        ["tag", "present from", "AUC", "average precision", "measured against"],
        ["mood:calm", "0.50", "0.81", "-", "labels"],
        ["style:punk", "0.40", "0.90", "-", "a teacher's predictions"],
        ["genre:folk", "0.90", "-", "0.70", "labels"],
    ]


def test_thresholds_and_corpora(tiny: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny.write_tiny(
        tmp_path / "m.onnx",
        abstain_below=0.58,
        abstain_below_by_genre={"low": 0.5},
        corpora=({"name": "gtzan", "licence": "CC0\x1b[31m", "citation": "c"},),
        learned=("0" * 12, "1" * 12),
    )
    assert main(["model", "info", str(model)]) == 0
    found = rows(capsys.readouterr().out)
    assert ["unsure", "silence; a confidence below 0.58, low below 0.5"] in found
    assert ["trained on", r"gtzan (CC0\x1b[31m)"] in found
    assert ["tags", "none"] in found and ["genres", "low, middle, high"] in found
    assert found[0][1].startswith("tiny@") and "format 2" in found[1][1]


def test_measured_figures_and_the_digest(
    tiny: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = {
        **{"corpus": "gtzan", "split": "artist-60-20-20", "clips": 1290, "verdict": "leaks"},
        **{"because": ["An artist\x1b is in two parts."], "calibration_error": 0.042},
        "track_accuracy": {"value": 0.6123, "low": 0.55, "high": 0.66},
    }
    model = tiny.write_tiny(tmp_path / "m.onnx", results=(result,), temperature=0.7)
    assert main(["model", "info", str(model)]) == 0
    found = rows(capsys.readouterr().out)
    assert ["measured", "gtzan, 1,290 clips; split artist-60-20-20"] in found
    assert ["accuracy 61.2 % (55.0 to 66.0)"] in found and ["calibration error 4.2 %"] in found
    assert [r"leaks: leaks. An artist\x1b is in two parts."] in found
    assert ["calibration", "temperature 0.7, applied by the network"] in found
    assert ["sha256", hashlib.sha256(model.read_bytes()).hexdigest()] in found
    assert main(["model", "info", str(model), "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    (measured,) = record["measured"]
    assert measured["figures"][0]["value"] == 0.6123 and measured["verdict"] == "leaks"


def test_long_lists_are_cut_in_the_table(
    tiny: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpora = [{"name": f"c{number}", "licence": "x" * 5_000, "citation": "c"} for number in range(1_000)]
    model = tiny.write_tiny(
        tmp_path / "m.onnx",
        corpora=corpora,
        genrelab_version="v" * 100_000,
        results=({"accuracy": 0.5, "because": ["b" * 10_000] * 20},) * 20,
    )
    assert main(["model", "info", str(model)]) == 0
    shown = capsys.readouterr().out
    assert "and 900 more" in shown and len(shown) < 200_000
    assert main(["model", "info", str(model), "--format=json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["corpora"]) == 1_000


def test_json(tagged_model: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "info", str(tagged_model), "--format", "json"]) == 0
    tagged = json.loads(capsys.readouterr().out)
    assert tagged["bytes"] == tagged_model.stat().st_size and tagged["format_version"] == 2
    assert tagged["tags"][0] == {
        **{"kind": "mood", "name": "calm", "measured": "labels"},
        **{"auc": 0.81, "average_precision": None, "threshold": 0.5},
    }
    assert tagged["no_music_above"] == 0.5
    assert main(["model", "info", str(tiny_model), "--format", "json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert set(plain) == set(tagged)
    assert (plain["tags"], plain["no_music_above"], plain["abstain_below_by_genre"]) == ([], None, {})
    assert plain["learned"] == 0


def test_the_default_model(
    tagged_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENRELAB_MODEL", str(tagged_model))
    assert main(["model", "info"]) == 0
    assert str(tagged_model) in capsys.readouterr().out


def test_a_broken_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.onnx").write_text("no model")
    assert main(["model", "info", str(tmp_path / "m.onnx")]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and "m.onnx" in captured.err and captured.err.count("\n") == 1


def test_the_model_of_the_config_file(
    tagged_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All three commands describe one model, that which `recognize` would use."""
    monkeypatch.delenv("GENRELAB_MODEL", raising=False)
    config = tmp_path / "genrelab.toml"
    config.write_text(f"model = '{tagged_model}'\n")
    monkeypatch.setenv(CONFIG_VARIABLE, str(config))
    for command in ("info", "verify"):
        assert main(["model", command, "--format=json"]) == 0
        assert json.loads(capsys.readouterr().out)["path"] == str(tagged_model)
    assert main(["model", "hub", f"--to={tmp_path / 'hub'}"]) == 0
    assert (tmp_path / "hub" / "model.onnx").read_bytes() == tagged_model.read_bytes()
