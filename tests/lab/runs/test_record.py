"""Records of runs: what is written is read again, and records of earlier versions are upgraded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raising import raises
from run_records import first_format

from genrelab.lab.findings import Finding
from genrelab.lab.findings.wording import because, checked, not_checked, warnings
from genrelab.lab.metrics.tag_predictions import TagPredictions
from genrelab.lab.metrics.tag_scores import evaluate_tags
from genrelab.lab.runs.figures import TagsRecord
from genrelab.lab.runs.folders import METRICS, Run
from genrelab.lab.runs.record import FORMAT, RunRecord, TestRecord, load_record, upgrade


def test_what_is_written_is_read_again(run: Run) -> None:
    text = (run.folder / METRICS).read_text(encoding="utf-8")
    assert json.loads(text)["format"] == FORMAT
    assert run.record.text() == text
    assert load_record(TestRecord, run.folder / METRICS).evaluation == run.record.evaluation


def test_a_record_of_the_first_format_is_upgraded(tmp_path: Path) -> None:
    told = {
        "verdict": {
            "clean": False, "state": "leaks", "because": ["an old sentence"],
            "leaks": [{"kind": "artist", "parts": ["train", "test"], "number": 2, "examples": ["Ann"]}],
            "unknown": ["An old doubt."],
        },
        "checked": {"artist on both sides": "2 artists"},
        "not_checked": ["an old gap"],
        "findings": [{"kind": "one genre", "parts": ["test"], "number": 9, "examples": ["low"]}],
    }  # fmt: skip
    path = tmp_path / METRICS
    path.write_text(json.dumps(first_format(**told)), encoding="utf-8")
    record = load_record(RunRecord, path)
    leak = Finding(kind="artist", parts=("train", "test"), count=2, examples=("Ann",))
    assert record.format == FORMAT and record.corpus.original == "tones"
    assert record.verdict.state == "leaks" and record.verdict.leaks == (leak,)
    assert because(record.verdict)[-1] == "An old doubt."
    assert checked(record.verdict.checked) == {"artist on both sides": "2 artists"}
    assert not_checked(record.verdict) == ["an old gap"]
    assert checked(record.split.findings) == {
        "artist on both sides": "2 artists: Ann (train, test)", "genres missing from a part": "none",
    }  # fmt: skip
    assert [(each.kind, each.count) for each in record.severe()] == [("one genre", 9)]
    assert [each.kind for each in record.doubts()] == ["one genre", "artist", "earlier"]
    assert len(warnings(record.doubts())) == 3


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "not known"),
        ({"epoch": {"chosen": 1, "trained": 2, "chosen_by": "test_loss", "chosen_on": "test"}}, "leaks"),
        ({"copies": {"of": "train+valid", "made": []}}, "leaks"),
    ],
)
def test_a_record_without_a_verdict_is_never_clean(changes: dict[str, Any], state: str) -> None:
    record = RunRecord.model_validate(upgrade(first_format(**changes)))
    assert record.verdict.state == state
    assert record.verdict.not_checked


def test_the_first_records_lack_fields_and_keep_their_warnings() -> None:
    old = first_format()
    del old["start"]
    old["split"]["checks"]["genres missing from a part"] = "test: jazz"
    record = RunRecord.model_validate(upgrade(old))
    assert record.start.weights == "unknown" and not record.learned
    assert [each.kind for each in record.doubts()] == ["old run", "earlier", "missing genres"]
    text = " ".join(warnings(record.doubts()))
    assert "Ann (train, test)" in text and "test: jazz" in text
    test = TestRecord.model_validate(
        upgrade({key: old[key] for key in ("versions", "evaluation")} | {"facts": {}, "warnings": []})
    )
    assert test.verdict.state == "not known" and test.corpus.name == "unknown"


def test_a_runs_own_record_has_no_empty_fields(run: Run) -> None:
    values = run.record.to_dict()
    assert not {"runs", "facts", "warnings", "no_model_file"} & set(values)
    assert values["export_difference"] == run.record.export_difference


def test_figures_of_tags_are_optional_and_read_again(tmp_path: Path) -> None:
    record = RunRecord.model_validate(upgrade(first_format()))
    assert record.tags is None and "tags" not in record.to_dict()
    assert "tags_only" not in record.to_dict()["split"]
    truth = np.tile([[1, 0], [0, 1]], (8, 1))
    predictions = TagPredictions(("mood:calm", "mood:sad"), tuple(map(str, range(16))), truth, truth * 0.5)
    figures = TagsRecord.model_validate(evaluate_tags(predictions, seed=0, resamples=20).to_dict())
    split = record.split.model_copy(update={"tags_only": {"train": 3, "valid": 0, "test": 1}})
    record = record.model_copy(update={"tags": figures, "split": split})
    path = tmp_path / METRICS
    path.write_text(record.text(), encoding="utf-8")
    again = load_record(RunRecord, path)
    assert again == record and again.tags is not None
    assert again.tags.tags["mood:sad"].auc.value == 1.0
    assert again.tags.kinds["mood"].confusion == ((8, 0), (0, 8))
    values = json.loads(path.read_text(encoding="utf-8"))
    values["tags"]["tags"]["mood:sad"]["measured"] = "a guess"
    path.write_text(json.dumps(values), encoding="utf-8")
    with raises("record-damaged", path, "tags.tags.mood:sad.measured"):
        load_record(RunRecord, path)


def test_records_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / METRICS
    for content, code in (
        ("{", "record-unreadable"),
        ("[]", "record-format"),
        (json.dumps({"format": FORMAT + 1}), "record-format"),
        (json.dumps({"format": FORMAT, "recipe": "x"}), "record-damaged"),
        (json.dumps({"format": 1}), "record-damaged"),
        (json.dumps({"format": 1, "corpus": 3, "split": []}), "record-damaged"),
        (json.dumps(first_format(verdict={"leaks": 3})), "record-damaged"),
        (json.dumps(first_format(findings=[{"kind": "one genre"}])), "record-damaged"),
    ):
        path.write_text(content, encoding="utf-8")
        with raises(code, path):
            load_record(RunRecord, path)
