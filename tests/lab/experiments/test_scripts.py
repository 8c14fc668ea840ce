"""Every script of experiments/ runs to its end on a small input, and its last line is JSON."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tiny_onnx import TONES, write_tiny

from genrelab.cli.main import main
from genrelab.lab.corpora import Corpus, Split
from genrelab.lab.corpora.loaders.gtzan import GENRES
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.frontends.descriptors import DESCRIPTORS
from genrelab.lab.recipes import Recipe
from genrelab.lab.training.experiment import Experiment

EXPERIMENTS = Path(__file__).resolve().parents[3] / "experiments"
LIBRARIES = {
    "album_clips.py",
    "audit_plants.py",
    "external_albums.py",
    "external_figures.py",
    "gtzan_pictures_page.py",
    "gtzan_pictures_plan.py",
    "peers_clips.py",
    "peers_figures.py",
}  # imported by another script
COLLECTIONS = ("gtzan-short", "emotify", "allmusic-previews")
TOGETHER = """
title: Two small networks
audio: {sample_rate: 8000, channels: 1, segment_seconds: 0.5}
inputs:
  mel: {kind: mel, n_mels: 16}
  fine: {kind: mel, n_mels: 32}
model:
  kind: together
  members:
    - {kind: resnet2d, inputs: [mel], width: 2}
    - {kind: simple-cnn, inputs: [fine], width: 2}
training: {learning_rate: 0.003, batch_size: 4, max_epochs: 2}
voting: mean
"""
Run = Callable[..., dict[str, Any]]


def melody(rng: np.random.Generator, seconds: float, rate: int) -> np.ndarray:
    """Return notes of a quarter of a second, each with three overtones."""
    time = np.arange(rate // 4) / rate
    fade = np.exp(-6 * time)
    notes = [
        sum(np.sin(2 * np.pi * pitch * k * time) / k for k in (1, 2, 3)) * fade
        for pitch in rng.uniform(200, 1200, round(4 * seconds))
    ]
    return 0.2 * np.concatenate(notes)


def clip_table(folder: Path, *, clips: int, seconds: float) -> Path:
    """Write a table of melodies in three collections, two genres, one artist per clip."""
    rng = np.random.default_rng(0)
    rows = []
    for collection in COLLECTIONS:
        length = 2.0 if collection == "gtzan-short" else seconds
        (folder / collection).mkdir()
        for number in range(clips):
            name = f"{collection}/{number}.wav"
            soundfile.write(folder / name, melody(rng, length, 11025), 11025)
            genre = ("jazz", "rock")[number % 2]
            rows.append((name, collection, f"{collection}.{number}", genre, f"{collection} singer {number}"))
    with (folder / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "corpus", "clip_id", "genre", "artist"), *rows])
    return folder / "clips.csv"


@pytest.fixture(scope="module")
def folds(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Path]]:
    """A corpus of tones and two folds of an ensemble on it."""
    base = tmp_path_factory.mktemp("folds")
    rng = np.random.default_rng(0)
    time = np.arange(8000) / 8000
    for genre, pitch in {"high": 2000.0, "low": 150.0}.items():
        (base / "music" / genre).mkdir(parents=True)
        for number in range(8):
            wave = 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * time)
            soundfile.write(base / "music" / genre / f"{number}.wav", wave, 8000)
    (base / "both.yaml").write_text(TOGETHER)
    corpus = f"folder:{base / 'music'}"
    for fold in range(2):
        train = ["train", str(base / "both.yaml"), f"--corpus={corpus}", f"--split=kfold:{fold}/2"]
        assert main([*train, "--device=cpu", f"--out={base / 'runs'}"]) == 0
    return corpus, sorted(path.parent for path in (base / "runs").rglob("metrics.json"))


def test_every_script_has_a_test() -> None:
    scripts = {path.name for path in EXPERIMENTS.glob("*.py")} - LIBRARIES
    tested = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert scripts and [name for name in scripts if f'run("{name}"' not in tested] == []


def test_ablation(
    run: Run, corpus: Corpus, split: Split, tiny_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    for name, *changes in (("whole",), ("changed", "model.dropout=0.0")):
        recipe = tiny_recipe("training.max_epochs=1", *changes)
        run_experiment(
            Experiment(recipe, corpus, split, 0), base=tmp_path / name, device="cpu", model_file=False
        )
    result = run("ablation.py", tmp_path / "whole", tmp_path / "changed")
    (row,) = result["rows"]
    assert row["changed"] == ["model.dropout=0.0"] and row["seeds"] == [0]
    with pytest.raises(SystemExit, match="nothing"):
        run("ablation.py", tmp_path / "nothing", tmp_path / "changed")


@pytest.mark.slow
def test_audit(run: Run, tmp_path: Path) -> None:
    table = clip_table(tmp_path, clips=8, seconds=31.0)
    result = run("audit.py", table, "--quick", "--half=choose")
    found = {row["planted"]: row["found"] for row in result["finding"]["rows"]}
    assert found["exact copy of the file"] == 1 and found["cut, 10 s"] == 1
    assert result["finding"]["false_pairs"] == 0
    assert result["time"]["clips"] == 4


def tones(folder: Path, genre: str, count: int) -> None:
    """Write tones of two seconds that the tiny model knows."""
    folder.mkdir(parents=True)
    time = np.arange(16000) / 8000
    for number in range(count):
        wave = 0.3 * np.sin(2 * np.pi * TONES[genre] * (1 + number / 100) * time)
        soundfile.write(folder / f"{number}.wav", wave, 8000)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two corpora: in the first everything is right, in the second two of three files are not."""
    folder = tmp_path / "music"
    for genre in TONES:
        tones(folder / "one" / genre.upper(), genre, 3)
    tones(folder / "two" / "Lo-w" / "album", "low", 1)
    tones(folder / "two" / "high", "low", 1)
    soundfile.write(folder / "two" / "high" / "silence.wav", np.zeros(16000), 8000)
    (folder / "two" / "high" / "broken.wav").write_bytes(b"no sound")
    tones(folder / "two" / "unheard of", "middle", 2)
    return folder


def test_external(run: Run, music: Path, tmp_path: Path) -> None:
    model = write_tiny(tmp_path / "model.onnx", abstain_below=0.5)
    other = write_tiny(tmp_path / "other.onnx", abstain_below=1.0)
    groups = tmp_path / "groups.csv"
    groups.write_text(f"path,group\none/LOW/0.wav,Ann\n{music}/one/LOW/1.wav,Ann\n", encoding="utf-8")
    json_file = tmp_path / "out.json"
    result = run(
        "external.py", music, "--model", model, "--compare", other, "--groups", groups, "--json", json_file
    )
    assert {name: each["files"] for name, each in result["corpora"].items()} == {"one": 9, "two": 3}
    overall = result["overall"]
    assert (overall["files"], overall["groups"], result["grouped"]) == (12, 11, 2)
    values = {key: each["value"] for key, each in overall.items() if isinstance(each, dict)}
    assert values["accuracy"] == pytest.approx(10 / 12, abs=1e-6)
    assert values["balanced_accuracy"] == pytest.approx((1 + 1 + 3 / 5) / 3, abs=1e-6)
    assert values["answered"] == pytest.approx(11 / 12, abs=1e-6), "silence is unsure"
    assert values["precision"] == pytest.approx(10 / 11, abs=1e-6)
    assert overall["accuracy"]["low"] < 10 / 12 < overall["accuracy"]["high"]
    assert result["unsure"] == {"silent": {"files": 1, "first_genre_right": 0, "genres": {"high": 1}}}
    assert result["confusions"] == [
        {"genre": "high", "predicted": "(none)", "files": 1},
        {"genre": "high", "predicted": "low", "files": 1},
    ]
    assert list(result["failed"]) == ["two/high/broken.wav"] and result["left_out"] == {"unheard of": 2}
    assert result["genres"]["low"]["precision"]["value"] == pytest.approx(4 / 5)
    assert result["genres"]["high"]["answered"]["value"] == pytest.approx(4 / 5)
    assert sum(each["files"] for each in result["reliability"]) == 12
    difference = result["compare"]["difference"]
    assert difference["accuracy"] == {"value": 0, "low": 0, "high": 0} and difference["files"] == 12
    assert difference["answered"]["value"] > 0.5
    assert result["albums"]["overall"]["albums"] == 1
    written = json.loads(json_file.read_text(encoding="utf-8"))
    assert len(written["records"]) == 13 and written["overall"] == overall
    assert {each["file"] for each in written["records"] if each["error"]} == {"two/high/broken.wav"}
    found = run("external.py", music / "one", "--model", model, "--full")
    assert found["corpora"].keys() == {"one"} and found["albums"] is None


def test_external_by_album(run: Run, tmp_path: Path) -> None:
    """Two albums are right, one is wrong, one is a mix of two genres, and one cannot be read."""
    low, high = tmp_path / "music" / "one" / "low", tmp_path / "music" / "one" / "high"
    tones(low / "Band" / "Album" / "CD1", "low", 3)
    tones(low / "Band" / "Album" / "CD2", "high", 2)  # 3 of 5 are right
    tones(low / "CD1", "high", 1)  # the disc of no album
    tones(low / "mixed", "low", 2)
    for number in range(2):
        shutil.copy(low / "Band" / "Album" / "CD2" / f"{number}.wav", low / "mixed" / f"high {number}.wav")
    tones(high / "right", "high", 2)
    tones(high / "wrong", "low", 2)
    (high / "broken").mkdir()
    (high / "broken" / "1.wav").write_bytes(b"no sound")
    model = write_tiny(tmp_path / "model.onnx")
    other = write_tiny(tmp_path / "other.onnx", abstain_below=1.0)
    result = run("external.py", tmp_path / "music", "--model", model, "--compare", other)
    albums = result["albums"]
    assert albums["corpora"].keys() == {"one"} and albums["corpora"]["one"] == albums["overall"]
    overall = albums["overall"]
    assert (overall["albums"], overall["groups"], result["overall"]["files"]) == (4, 4, 14)
    values = {key: each["value"] for key, each in overall.items() if isinstance(each, dict)}
    mixed_is_right = albums["unsure"]["various"]["first_genre_right"]
    assert values["accuracy"] == (2 + mixed_is_right) / 4
    assert values["answered"] == 3 / 4
    assert values["precision"] == pytest.approx(2 / 3, abs=1e-6)
    assert overall["precision"]["low"] < 2 / 3 < overall["precision"]["high"]
    assert albums["unsure"]["various"]["albums"] == 1
    answered = result["compare"]["albums"]["overall"]["answered"]["value"]
    assert answered < 1 / 2, "only sound of which the model is certain"
    assert result["compare"]["albums_difference"]["answered"]["value"] == 3 / 4 - answered
    assert result["compare"]["albums_difference"]["accuracy"]["value"] == 0
    groups = tmp_path / "groups.csv"
    groups.write_text("path,group\none/high/right/0.wav,X\none/high/wrong/1.wav,X\n", encoding="utf-8")
    grouped = run("external.py", tmp_path / "music", "--model", model, "--groups", groups)
    assert (grouped["albums"]["overall"]["albums"], grouped["albums"]["overall"]["groups"]) == (4, 3)


def test_external_names_what_it_cannot_use(run: Run, music: Path, tmp_path: Path) -> None:
    model = write_tiny(tmp_path / "model.onnx")
    names = tmp_path / "names.yaml"
    names.write_text("names: {middle: Unheard Of}\n", encoding="utf-8")
    found = run("external.py", music / "two", "--model", model, "--map", names)
    assert found["left_out"] == {} and found["genres"]["middle"]["files"] == 2
    groups = tmp_path / "groups.csv"
    for text, message in (("name,group\na,b\n", "lacks the column path"), ("path,group\na,b\n", "no file")):
        groups.write_text(text, encoding="utf-8")
        with pytest.raises(SystemExit, match=message):
            run("external.py", music, "--model", model, "--groups", groups)
    with pytest.raises(SystemExit, match="low, middle, high"):
        run("external.py", music / "two" / "unheard of", "--model", model)
    with pytest.raises(SystemExit, match="not a folder"):
        run("external.py", tmp_path / "nothing", "--model", model)
    with pytest.raises(SystemExit, match="absent"):
        run("external.py", music, "--model", tmp_path / "absent.onnx")
    for name in ("one", "two/Lo-w", "two/high/0.wav", "two/high/silence.wav"):
        (music / name).rename(tmp_path / name.replace("/", "-"))
    with pytest.raises(SystemExit, match=r"no file could be recognized.*broken\.wav"):
        run("external.py", music, "--model", model)


@pytest.mark.slow
def test_gtzan_features(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"{genre}.{number:05}" for genre in GENRES for number in range(100)]
    columns = [f"{name}_{kind}" for name in DESCRIPTORS for kind in ("mean", "var")]
    with (tmp_path / "features_30_sec.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", *columns, "label"])
        for name in names:
            writer.writerow([f"{name}.wav", *rng.normal(size=len(columns)), name.partition(".")[0]])
    result = run("gtzan_features.py", tmp_path / "features_30_sec.csv", "--quick", f"--out={tmp_path}")
    tables = result["tables"]
    assert len(tables["All 57 descriptors"]["rows"]) == 9
    for row in tables["All 57 descriptors"]["rows"].values():
        assert 0.0 <= row["linear"]["value"] < 0.3, "noise tells nothing of genres"


@pytest.mark.slow
def test_members(run: Run, folds: tuple[str, list[Path]]) -> None:
    corpus, runs = folds
    result = run("members.py", *runs, f"--corpus={corpus}")
    systems = [row["system"] for row in result["rows"]]
    assert systems[0] == "together" and len(systems) == 3
    assert all(0.0 <= row["accuracy"]["value"] <= 1.0 for row in result["rows"])


@pytest.mark.slow
def test_model_card(run: Run, folds: tuple[str, list[Path]], tmp_path: Path) -> None:
    corpus, runs = folds
    names = ("systems", "genres", "collections", "confidence", "calibration")
    card = tmp_path / "card.md"
    card.write_text("".join(f"<!-- {name} -->\n<!-- end of {name} -->\n" for name in names))
    options = ["--collections", "high", "low", "--card", card, "--pictures", tmp_path / "pictures"]
    result = run("model_card.py", *runs, f"--corpus={corpus}", *options)
    assert [row["system"] for row in result["systems"]][1:] == ["linear, on descriptors"]
    assert {name: each["tracks"] for name, each in result["collections"].items()} == {"high": 8, "low": 8}
    assert "| high | 8 |" in card.read_text()
    assert len(list((tmp_path / "pictures").glob("*.svg"))) == 2


def test_not_music(run: Run, tmp_path: Path) -> None:
    result = run("not_music.py", write_tiny(tmp_path / "model.onnx"), "--quick")
    made = result["rows"][0]
    assert made["count"] == 18 and 0.0 <= made["mean"] <= made["maximum"] <= 1.0


def test_training_table(run: Run, tmp_path: Path) -> None:
    labelled, free = tmp_path / "labelled.csv", tmp_path / "open" / "open.csv"
    free.parent.mkdir()
    for place in (tmp_path / "a.wav", tmp_path / "b.wav", free.parent / "c.wav"):
        soundfile.write(place, np.zeros(800), 8000)
    labelled.write_text(
        "path,corpus,clip_id,genre,source_genres,artist,quadrant\n"
        "a.wav,mine,a,rock,Pop/Rock;Folk,Ann,Q4\nb.wav,mine,b,,blues,Bob,\nx.wav,other,x,,,,\n"
    )
    free.write_text("path,corpus,clip_id,genre,artist,licence\nc.wav,game,c,,Cid,CC0-1.0\n")
    result = run("training_table.py", labelled, free, "--corpora=mine", f"--to={tmp_path / 'music'}")
    assert result["files"] == {"mine": 2, "open": 1}
    corpus = load_corpus(f"table:{tmp_path / 'music'}")
    assert [clip.tags for clip in corpus.clips] == [("genre:folk", "genre:pop/rock", "mood:calm"), None, None]
    assert [clip.artist for clip in load_corpus(f"table:{tmp_path / 'music'}?collection=open").clips] == [
        "Cid"
    ]


@pytest.mark.slow
def test_sinc_filters(run: Run, tmp_path: Path) -> None:
    table = clip_table(tmp_path, clips=6, seconds=3.0)
    arguments = [table, "--quick", "--weights=none", f"--out={tmp_path / 'out'}"]
    result = run("sinc_filters.py", *arguments)
    (still,), (moving,) = (result["moves"][name] for name in ("hz", "mel"))
    assert still["taps"] == moving["taps"] == 251
    assert moving["median_mel"] > 0 and moving["largest_hz"] > 100 * still["largest_hz"]
    (row,) = result["rows"]
    assert (row["condition"], row["against"], row["seeds"], row["clips"]) == ("mel", "hz", [0], 4)
    assert "<svg" in (tmp_path / "out/pictures/mel/moves-251.svg").read_text(encoding="utf-8")
    again = run("sinc_filters.py", *arguments)
    assert again["moves"] == result["moves"], "finished runs are read again"


@pytest.mark.slow
def test_real_audio(run: Run, tmp_path: Path) -> None:
    table = clip_table(tmp_path, clips=8, seconds=4.0)
    options = ["--quick", "--folds=2", "--first=1", "--recipes", "resnet1d-s", f"--out={tmp_path / 'runs'}"]
    result = run("real_audio.py", table, *options)
    (row,) = result["rows"]
    assert row["recipe"] == "resnet1d-s" and row["tracks"] > 6
    assert sum(each["tracks"] for each in row["collections"].values()) == row["tracks"]
