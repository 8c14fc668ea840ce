"""Each of the seven tables, through the command, on generated music, with the smallest budget."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from genrelab.cli.main import main
from genrelab.lab.studies.reproduce import load_table, table_names
from genrelab.lab.studies.reproduce.page import comma_separated, markdown, page

CORPUS = "synthetic:tracks=5,seconds=2"
#: Seconds of a segment: as few as the networks of a table can hear.
SECONDS = {
    "fds-2": 1, "mel-augmentation-4": 2, "mel-augmentation-5": 2, "mfcc-cqt-1": 10, "ms-sincresnet-1": 1,
    "soundfusion-1": 3, "soundfusion-2": 3,
}  # fmt: skip


@pytest.mark.slow(seconds=30)
@pytest.mark.parametrize("name", table_names())
def test_a_table_is_made_on_generated_music(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = load_table(name)
    budget = f"epochs=1,genres=2,clips=3,segments=1,seconds={SECONDS[name]},folds=1"
    command = ["reproduce", name, f"--corpus={CORPUS}", "--split=random", f"--budget={budget}"]
    command += ["--weights=none", f"--start-corpus={CORPUS},seed=7", f"--out={tmp_path}", "--no-models"]
    assert main(command) == 0, capsys.readouterr().err
    out, _ = capsys.readouterr()
    folder = next(tmp_path.rglob("record.json")).parent
    assert str(folder / "table.html") in "".join(out.split())
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert [line["recipe"] for line in record["lines"]] == [row.recipe for row in table.rows]
    for line in record["lines"]:
        assert len(line["runs"]) == 1 and not line["failures"] and not line["open"]
        assert line["verdict"]["verdict"]["state"] in ("clean", "leaks"), "who plays is known"
        assert set(line["figures"]) == set(table.figures)
        assert all(0 <= figure["ours"]["value"] <= 1 for figure in line["figures"].values())
    assert (folder / "table.md").read_text(encoding="utf-8") == markdown(record)
    assert (folder / "table.csv").read_text(encoding="utf-8") == comma_separated(record)
    html = (folder / "table.html").read_text(encoding="utf-8")
    assert html == page(record) and "2 of the genres; 3 clips a genre" in html
    assert len(list(csv.reader((folder / "table.csv").open()))) == 1 + len(table.rows) * len(table.figures)
    assert not list(tmp_path.rglob("model.onnx"))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.json")}
    assert before
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.json")} == before
    assert json.loads((folder / "record.json").read_text(encoding="utf-8")) == record
