"""Each table of the five papers, on each corpus that its paper used: the clips that the paper learned."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.cli.main import main
from genrelab.lab.corpora import load_corpus, make_split
from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS
from genrelab.lab.corpora.transforms.transformed_corpus import original_name
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.studies.reproduce import load_table, table_names
from genrelab.lab.studies.reproduce.table import each_fold

#: Table, corpus -> kind of split, how often, clips that are trained on, choose the epoch, are tested. Of
#: GTZAN's 1,000 and ISMIR2004's 2 x 729 clips all are there; of FMA-small 80 in its shares of 8/1/1.
PAPERS = {
    ("soundfusion-1", "fma-small"): ("published", 1, (64, 8, 8)),
    ("soundfusion-2", "fma-small"): ("published", 1, (64, 8, 8)),
    ("fds-2", "gtzan"): ("random:64/16/20", 1, (640, 160, 200)),
    ("ms-sincresnet-1", "gtzan"): ("kfold:*/10", 10, (810, 90, 100)),
    ("ms-sincresnet-1", "ismir2004"): ("published-random", 1, (656, 73, 729)),
    ("ms-sincresnet-1", "ismir2004-evaluation"): ("published-random", 1, (656, 73, 729)),
    ("mel-augmentation-4", "gtzan"): ("random:60/20/20", 1, (600, 200, 200)),
    ("mel-augmentation-5", "gtzan"): ("random:70/30", 1, (700, 0, 300)),
    ("mfcc-cqt-1", "gtzan"): ("random:60/20/20", 1, (600, 200, 200)),
}
ISMIR = {
    "classical": 320, "electronic": 115, "jazz_blues": 26, "metal_punk": 45, "rock_pop": 101, "world": 122,
}  # fmt: skip


def write_tone(path: Path, *, seconds: float = 0.1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * 22050)) / 22050
    soundfile.write(path, 0.3 * np.sin(700 * time * (1 + len(path.name) % 7)), 22050)
    return path


def write_gtzan(root: Path) -> str:
    tone = write_tone(root / "tone.wav")
    for clip_id in EXPECTED_IDS:
        file = root / "genres" / clip_id.partition(".")[0] / f"{clip_id}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.hardlink_to(tone)
    return f"gtzan:{root}"


def write_ismir(root: Path, counts: dict[str, int], *, seconds: float = 0.1) -> str:
    """Write the collection without lists, each file a tone of its own: its folders name the genres."""
    for part in ("training", "development", "evaluation"):
        for genre, count in counts.items():
            for number in range(count):
                write_tone(root / "audio" / part / genre / f"{part}{number:03}.wav", seconds=seconds)
    return f"ismir2004:{root}"


def write_fma(root: Path) -> str:
    tone = write_tone(root / "tone.wav").rename(root / "tone.mp3")
    rows = [["", "artist", "artist", "set", "set", "track"]]
    rows += [["", "id", "name", "split", "subset", "genre_top"], ["track_id"]]
    for number in range(80):
        split = "training" if number < 64 else "validation" if number < 72 else "test"
        rows.append(
            [str(number + 1), str(number), f"Artist {number}", split, "small", ("Rock", "Pop")[number % 2]]
        )
        file = root / "fma_small" / "000" / f"{number + 1:06}.mp3"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.hardlink_to(tone)
    listing = root / "fma_metadata" / "tracks.csv"
    listing.parent.mkdir()
    with listing.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(row + [""] * (6 - len(row)) for row in rows)
    return f"fma-small:{root}"


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Corpus]:
    root = tmp_path_factory.mktemp("collections")
    ismir = write_ismir(root / "ismir", ISMIR)
    specs = {
        "gtzan": write_gtzan(root / "gtzan"),
        "fma-small": write_fma(root / "fma"),
        "ismir2004": ismir,
        "ismir2004-evaluation": f"{ismir}?test=evaluation",
    }
    return {name: load_corpus(spec) for name, spec in specs.items()}


def test_every_pair_of_table_and_corpus_is_here() -> None:
    assert {(name, corpus) for name in table_names() for corpus in load_table(name).corpora} == set(PAPERS)


@pytest.mark.parametrize(("table", "corpus"), PAPERS)
def test_a_pair_takes_the_split_of_its_paper(table: str, corpus: str, collections: dict[str, Corpus]) -> None:
    kind, folds, sizes = PAPERS[table, corpus]
    music = collections[corpus]
    assert original_name(music) == corpus
    assert load_table(table).split_on(corpus) == kind
    parts = [make_split(music, fold, seed=0) for fold in each_fold(kind)]
    assert len(parts) == folds
    for each in parts:
        assert len(each.train) + len(each.valid) + len(each.test) == sum(sizes)
        found = (len(each.train), len(each.valid), len(each.test))
        assert found == pytest.approx(sizes, abs=4), "stratified by genre: each rounds by itself"


def test_a_corpus_that_the_paper_did_not_use_is_split_as_its_first() -> None:
    assert load_table("ms-sincresnet-1").split_on("mine") == "kfold:*/10"
    assert load_table("soundfusion-2").split_on("mine") == "published"


@pytest.mark.slow
def test_the_command_takes_the_published_halves_of_the_second_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And its page is its own: that of the first corpus stays."""
    spec = write_ismir(tmp_path / "ismir", {"classical": 10, "world": 10}, seconds=1.0)
    command = ["reproduce", "ms-sincresnet-1", f"--corpus={spec}", "--row=sincnet-80-251", "--no-models"]
    command += ["--budget=epochs=1,segments=1,seconds=1", "--set=audio.overlap=0", "--device=cpu"]
    command += ["--set=audio.sample_rate=8000", f"--out={tmp_path}", "--format=json"]
    assert main(command) == 0, capsys.readouterr().err
    record = json.loads(capsys.readouterr().out)
    assert record["asked"]["splits"] == ["published-random"]
    (line,) = record["lines"]
    (run,) = line["runs"]
    assert run["split"] == "published-random" and run["made"].startswith("the contest's: training trains")
    assert run["clips"] == {"train": 18, "valid": 2, "test": 20}
    assert line["figures"]["track_accuracy"]["paper"] == {"corpus": "ismir2004", "value": 0.8134}
    assert record["corpora_of_the_paper"] == ["ismir2004"]
    assert Path(record["folder"]).name.startswith("ms-sincresnet-1-ismir2004-epochs1")
