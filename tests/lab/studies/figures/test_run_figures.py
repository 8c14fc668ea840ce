"""Figures of runs: confusion matrices, losses, genres, tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from drawn_runs import GENRES, invented, write_elsewhere, write_run
from raising import raises

from genrelab.cli.main import main
from genrelab.lab.studies.figures.curves import histories, loss_plates, run_names
from genrelab.lab.studies.figures.material import Material
from genrelab.lab.studies.figures.papers import draw_paper
from genrelab.lab.studies.figures.papers.by_genre import answers_of
from genrelab.lab.studies.figures.plates import Listing, Plate

PUBLISHED = sorted((Path(__file__).parents[4] / "docs/results/reproduce").glob("*/record.json"))


def plate(paper: str, number: str, *folders: Path) -> Plate:
    drawn, _ = draw_paper(paper, [number], Material.given(runs=folders))
    return drawn.plates[0]


def rows(listing: Listing) -> dict[str, list[str]]:
    return {str(row[0]): [str(cell) for cell in row[1:]] for row in listing.rows}


def test_a_confusion_matrix_adds_folds_and_seeds_up_in_per_cent(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path, "mfcc-cqt/cnn", seed=seed)
    shown = plate("mfcc-cqt", "19", tmp_path)
    assert len(shown.pictures) == 2, "the paper's and ours"
    label = shown.pictures[1].label or ""
    correct = 0
    for seed in (0, 1):
        answers = invented(seed).tracks("mean")
        correct += int(((answers.orders[:, 0] == answers.truth) & (answers.truth == 0)).sum())
    assert f"blues: {correct} of 16 correct." in label
    assert f">{100 * correct / 16:.0f}<" in str(shown.pictures[1].__html__())
    assert "150 of 200 correct" in shown.notes[0] and "2 runs" in shown.notes[1]


def test_the_printed_confusions_have_the_printed_accuracies(tmp_path: Path) -> None:
    assert "102 of 200 correct" in plate("mfcc-cqt", "18").notes[0]  # 51.0 %
    assert "150 of 200 correct" in plate("mfcc-cqt", "19").notes[0]  # 75.0 %


def test_top_1_and_top_2_by_genre_come_from_the_predictions(tmp_path: Path) -> None:
    run = write_run(tmp_path, "mel-augmentation/cnn")
    assert list(plate("mel-augmentation", "table-1", run).tables[0].headings) == ["genre", "paper"]
    write_elsewhere(run, "songs <i>")
    shown = plate("mel-augmentation", "9", run)
    own, other = answers_of(Material.given(runs=[run]).runs[0])
    assert (own.corpus, other.corpus, other.elsewhere) == ("gtzan", "songs <i>", True)
    answers = invented(0).tracks("majority")
    second = (answers.orders[:, :2] == answers.truth[:, None]).any(axis=1)
    assert own.accuracy(2) == second.mean() and f"top-2 {100 * second.mean():.2f} %" in shown.notes[0]
    assert "<i>" not in str(shown.pictures[1].__html__())
    columns = plate("mel-augmentation", "table-1", run).tables[0]
    assert rows(columns)["jazz"] == ["24", "4"] and rows(columns)["all"] == ["453", "40"]
    assert rows(plate("mel-augmentation", "table-2", run).tables[0])["time stretch"] == ["1986", "120"]


@pytest.mark.parametrize(
    ("paper", "number", "recipe"),
    [
        ("mfcc-cqt", "19", "mfcc-cqt/cnn"),
        ("fds", "2a", "fds/resnet18-5s"),
        ("soundfusion", "1", "soundfusion/resnet1d-s"),
        ("ms-sincresnet", "table-2", "ms-sincresnet/ms-sincresnet-160-spp"),
    ],
)
@pytest.mark.parametrize("differ", ["recipe_sha256", "split", "corpus"])
def test_runs_that_differ_in_more_than_seed_and_fold_have_no_common_figure(
    tmp_path: Path, paper: str, number: str, recipe: str, differ: str
) -> None:
    """Such as the trials of a search, which change a recipe's values and keep its name."""
    write_run(tmp_path, recipe)
    other = write_run(tmp_path / "search", recipe)
    plate(paper, number, tmp_path)
    metrics = other / "metrics.json"
    record = json.loads(metrics.read_text())
    if differ == "recipe_sha256":
        record[differ] = "another"
    else:
        record[differ]["name"] = {"split": "fault-filtered", "corpus": "gtzan-mp3-64"}[differ]
    metrics.write_text(json.dumps(record))
    with raises("runs-of-several-systems", other, recipe):
        plate(paper, number, tmp_path)
    if paper == "fds":
        drawn, left_out = draw_paper(paper, [], Material.given(runs=[tmp_path]))
        assert number not in {each.name for each in drawn.plates} and drawn.plates
        assert any(str(other) in reason for reason in left_out)


def test_more_curves_than_colours_are_dashed_in_the_key_too(tmp_path: Path) -> None:
    for seed in range(8):
        write_run(tmp_path, "mfcc-cqt/cnn", seed=seed, epochs=2)
    drawn = str(loss_plates(Material.given(runs=[tmp_path])).plates[0].pictures[0].__html__())
    for colour in ("s0", "s1"):
        assert drawn.count(f'class="stroke {colour} dashed"') == 2, "the curve, and its line in the key"
        assert drawn.count(f'class="stroke {colour}"') == 2


def test_losses_of_runs_are_overlaid_and_named_apart(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path, "mfcc-cqt/cnn", seed=seed)
    write_run(tmp_path, "fds/resnet18-5s")
    material = Material.given(runs=[tmp_path])
    assert run_names(material.runs) == ["fds/resnet18-5s", "mfcc-cqt/cnn, seed 0", "mfcc-cqt/cnn, seed 1"]
    drawn = loss_plates(material)
    assert [each.name for each in drawn.plates] == [
        "train-loss", "valid-loss", "train-accuracy", "valid-accuracy", "runs",
    ]  # fmt: skip
    assert ">8<" in str(drawn.plates[0].pictures[0].__html__()), "eight epochs, counted from 1"
    kept = [row[5] for row in drawn.plates[-1].tables[0].rows]
    assert kept == [run.record.epoch.chosen + 1 for run in material.runs]
    first = histories(material.runs[1])[0]["train_loss"]
    assert f"mfcc-cqt/cnn, seed 0 from {first:.3g} to" in (drawn.plates[0].pictures[0].label or "")
    (tmp_path / "mfcc-cqt-cnn/gtzan/random-seed0/history.csv").write_text("epoch,train_loss\n0,x\n")
    with raises("history-unreadable", "random-seed0"):
        loss_plates(Material.given(runs=[tmp_path]))
    with raises("runs-for-curves", 0):
        loss_plates(Material.given())


def test_accuracy_by_size_names_every_run(tmp_path: Path) -> None:
    for recipe in ("soundfusion/resnet1d-s", "soundfusion/resnet2d-m"):
        write_run(tmp_path, recipe)
    shown = plate("soundfusion", "1", tmp_path)
    accuracy = (invented(0).segments().orders[:, 0] == invented(0).segments().truth).mean()
    assert rows(shown.tables[0])["soundfusion/resnet1d-s"][1:3] == [f"{100 * accuracy:.1f} % (1 run)", "10.0"]
    matrices = plate("soundfusion", "2", tmp_path)
    assert len(matrices.pictures) == 2 and matrices.notes[0].startswith("SoundFusion-1: no run was given")


def test_literature_is_marked_as_such(tmp_path: Path) -> None:
    write_run(tmp_path, "ms-sincresnet/ms-sincresnet-160-spp")
    listing = plate("ms-sincresnet", "table-2", tmp_path).tables[0]
    assert listing.kinds() == ["literature"] * 9 + [""]
    assert rows(listing)["Ng et al. 2020 (FusionNet)"] == ["96.50 %", "literature"]
    assert listing.rows[-1][0] == "MS-SincResNet, these runs"
    assert len(plate("ms-sincresnet", "table-3", tmp_path).tables[0].rows) == 5, (
        "the run is of another corpus"
    )


def test_what_a_figure_lacks_is_said_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figures", "fds", "2a", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "genrelab train fds/resnet18-5s" in error and "genrelab figures fds 2a --run FOLDER" in error
    with raises("no-run-to-draw", tmp_path):
        Material.given(runs=[tmp_path])
    with raises("run-folder-missing", tmp_path / "gone"):
        Material.given(runs=[tmp_path / "gone"])
    (tmp_path / "record.json").write_text("[1]")
    with raises("reproduce-record-unreadable", tmp_path / "record.json"):
        Material.given(runs=[tmp_path])


def test_records_of_other_formats_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    known = json.loads(PUBLISHED[0].read_text(encoding="utf-8"))
    file.write_text(json.dumps(known | {"format": 4}))
    with raises("reproduce-record-format", file, 4):
        Material.given(runs=[tmp_path])
    for damaged in ({"lines": [{"recipe": "fds/cnn-5s"}]}, {"lines": 1}):
        file.write_text(json.dumps(known | damaged))
        with raises("reproduce-record-unreadable", file):
            Material.given(runs=[tmp_path])
    file.write_text(json.dumps(known))
    assert Material.given(runs=[tmp_path]).records == {file: known}


def test_the_record_is_found_in_a_folder_of_runs(tmp_path: Path) -> None:
    """As docs/research/papers/soundfusion.md names it: genrelab figures soundfusion table-1 --run runs."""
    (path,) = [each for each in PUBLISHED if each.parent.name.startswith("soundfusion-1")]
    for budget in ("epochs1", "epochs2"):
        copied = tmp_path / f"reproduce/soundfusion-1-{budget}/record.json"
        copied.parent.mkdir(parents=True)
        copied.write_bytes(path.read_bytes())
        if budget == "epochs1":
            shown = plate("soundfusion", "table-1", tmp_path)
            given = plate("soundfusion", "table-1", path.parent)
            assert shown.tables == given.tables and "ours" in shown.tables[0].headings
    with raises("several-records", "soundfusion-1-epochs1", "soundfusion-1-epochs2"):
        plate("soundfusion", "table-1", tmp_path)
    assert plate("soundfusion", "table-1", copied.parent).tables == given.tables


def test_runs_of_other_genres_have_no_common_confusion(tmp_path: Path) -> None:
    write_run(tmp_path, "fds/resnet18-5s")
    other = write_run(tmp_path, "fds/resnet18-5s", seed=1)
    metrics = other / "metrics.json"
    record = json.loads(metrics.read_text())
    record["corpus"]["genres"] = [*GENRES[:-1], "folk"]
    metrics.write_text(json.dumps(record))
    with raises("runs-of-different-genres", "fds/resnet18-5s"):
        plate("fds", "2a", tmp_path)


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_published_tables_are_drawn(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    name, _, number = record["table"].rpartition("-")
    number = "2b" if name == "fds" else f"table-{number}"
    shown = plate(name, number, path.parent)
    values = [f["ours"]["value"] for line in record["lines"] for f in line["figures"].values() if f["ours"]]
    drawn = " ".join(picture.label or "" for picture in shown.pictures)
    assert f"{100 * np.max(values):.0f} %" in drawn and shown.tables[0].rows


def test_without_a_record_the_figures_are_the_papers() -> None:
    shown = plate("soundfusion", "table-2")
    assert rows(shown.tables[0])["Table 2, SoundFusion-1"] == [
        "soundfusion/soundfusion-1",
        "fma-small",
        "53.50 %",
        "57.10 %",
    ]
    assert (
        set(shown.tables[0].kinds()) == {"literature"}
        and "genrelab reproduce soundfusion-2" in shown.notes[0]
    )
