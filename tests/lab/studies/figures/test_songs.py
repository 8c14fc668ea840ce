"""Figures of songs: what the network gets is what the files show."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from raising import raises

from genrelab.cli.figures import PAPERS
from genrelab.cli.main import main
from genrelab.lab.recipes import load_recipe
from genrelab.lab.recipes.pictures import PictureShape, for_pictures
from genrelab.lab.studies.figures import catalogue
from genrelab.lab.studies.figures.augmentations import augmentation_plates
from genrelab.lab.studies.figures.inputs import input_plates, network_of
from genrelab.lab.studies.figures.material import Material
from genrelab.lab.studies.figures.pages import write_figures
from genrelab.lab.studies.figures.papers import FIGURES, draw_paper
from genrelab.lab.studies.reproduce import table_names

#: A second of sound, and small networks, so that drawing is quick.
SHORT = ("audio.segment_seconds=1",)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A second and a half of a tone that rises and swells, with markup in its name."""
    rate = 22_050
    time = np.arange(int(1.5 * rate)) / rate
    path = tmp_path / "a <b>&.flac"
    soundfile.write(path, 0.4 * time * np.sin(2 * np.pi * (300 + 900 * time) * time), rate)
    return path


def test_every_figure_of_the_catalogue_has_a_drawing_or_a_table() -> None:
    for name, paper in catalogue.papers().items():
        tables = {number for number, entry in paper.drawn.items() if entry.reproduce in table_names()}
        assert FIGURES[name].keys() | tables == paper.drawn.keys(), name
        known = set(load_recipe(each).name for entry in paper.drawn.values() for each in entry.recipes)
        assert known == {each for entry in paper.drawn.values() for each in entry.recipes}
    assert list(catalogue.papers()) == list(PAPERS)
    assert {entry.reproduce for paper in catalogue.papers().values() for entry in paper.drawn.values()} - {
        None
    } == set(table_names())


def test_numbers_are_written_in_several_ways() -> None:
    paper = catalogue.paper("mel-augmentation")
    assert paper.chosen(["Table 3", "figure-9", "1"]) == ["1", "9", "table-3"]
    with raises("figure-unknown", "12"):
        paper.chosen(["12"])
    with raises("paper-unknown", "mel"):
        catalogue.paper("mel")


def test_the_list_names_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", "list", "fds", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["number"] for each in listed] == ["1", "2a", "2b"]
    assert listed[1]["command"] == "genrelab figures fds 2a --run FOLDER..."


def test_the_picture_of_pixels_is_what_the_network_gets(song: Path, tmp_path: Path) -> None:
    recipe = load_recipe("mel-augmentation/cnn", changes=SHORT)
    material = Material.given(songs=[song])
    _, written = write_figures(input_plates(recipe, material), "in", tmp_path / "out")
    picture = next(path for path in written if path.suffix == ".png")
    waveform = torch.from_numpy(material.song().segment(recipe.audio))[None]
    with torch.inference_mode():
        got = network_of(recipe).inputs(waveform)["picture"][0, 0].numpy()
    pixels = np.asarray(Image.open(picture).convert("RGB"))
    assert pixels.shape == (256, 256, 3)
    np.testing.assert_allclose(pixels[..., 0] / 255, got, atol=0.5 / 255 + 1e-6)
    loudest = pixels[..., 0].astype(float).argmax(axis=0)
    assert loudest[200] < loudest[20], "the tone rises: row 0 is the highest"


def test_colours_normalized_for_imagenet_are_drawn_as_colours(song: Path, tmp_path: Path) -> None:
    recipe = load_recipe("fds/late-fusion-3s", changes=SHORT)
    drawn = input_plates(recipe, Material.given(songs=[song]))
    page, written = write_figures(drawn, "in", tmp_path)
    pictures = {path.stem: np.asarray(Image.open(path)) for path in written if path.suffix == ".png"}
    assert {name: each.shape for name, each in pictures.items()} == {
        "in-spectrogram": (128, 128, 3), "in-waveform": (128, 128, 3),
    }  # fmt: skip
    assert {(0x1F, 0x77, 0xB4), (255, 255, 255)} <= {
        tuple(p) for p in pictures["in-waveform"].reshape(-1, 3).tolist()
    }
    text = page.read_text(encoding="utf-8")
    assert "a &lt;b&gt;&amp;.flac" in text and "<b>&" not in text
    for path in written:
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("recipe", "kinds"),
    [
        ("soundfusion/soundfusion-1", {"waveform": 1, "mel": 2}),
        ("ms-sincresnet/ms-sincresnet-80", {"picture": 3}),
        ("ms-sincresnet/sincnet-80-251", {"bands": 1}),
        ("mfcc-cqt/cnn", {"mfcc": 1, "cqt": 1}),
    ],
)
def test_channels_are_drawn_one_by_one(recipe: str, kinds: dict[str, int], song: Path) -> None:
    seconds = {"soundfusion/soundfusion-1": "3", "mfcc-cqt/cnn": "6"}.get(recipe, "1")
    loaded = load_recipe(recipe, changes=[f"audio.segment_seconds={seconds}"])
    drawn = input_plates(loaded, Material.given(songs=[song]))
    assert {plate.name: len(plate.pictures) for plate in drawn.plates} == kinds
    assert all(picture.label for plate in drawn.plates for picture in plate.pictures)


def test_descriptors_are_a_table(song: Path, tmp_path: Path) -> None:
    drawn = input_plates(load_recipe("mfcc-cqt/descriptor-mlp"), Material.given(songs=[song]))
    _, written = write_figures(drawn, "in", tmp_path)
    rows = list(csv.reader(written[0].read_text().splitlines()))
    assert written[0].suffix == ".csv" and rows[0] == ["descriptor", "value"] and len(rows) == 27
    with raises("figure-without-sound", "mfcc-cqt/descriptor-table"):
        input_plates(load_recipe("mfcc-cqt/descriptor-table"), Material.given(songs=[song]))


def test_a_song_is_not_drawn_as_the_picture_of_a_corpus(song: Path) -> None:
    recipe = for_pictures(load_recipe("mel-augmentation/cnn"), PictureShape(40, 50, 1))
    for draw in (input_plates, partial(augmentation_plates, seed=0)):
        with raises("figure-without-sound", recipe.name):
            draw(recipe, Material.given(songs=[song]))


def test_each_augmentation_changes_the_picture_alone(song: Path) -> None:
    recipe = load_recipe("mel-augmentation/cnn", changes=SHORT)
    drawn = augmentation_plates(recipe, Material.given(songs=[song]), seed=1)
    (plate,) = drawn.plates
    files = [picture.png for picture in plate.pictures]  # type: ignore[attr-defined]
    assert len(files) == 7 and len(set(files)) == 7, "the song itself and six changes, all different"
    again = augmentation_plates(recipe, Material.given(songs=[song]), seed=1)
    assert [picture.png for picture in again.plates[0].pictures] == files  # type: ignore[attr-defined]
    with raises("recipe-without-augmentation", "fds/cnn-3s"):
        augmentation_plates(load_recipe("fds/cnn-3s"), Material.given(songs=[song]), seed=1)


def test_a_histogram_says_what_normalization_did(song: Path) -> None:
    drawn, left_out = draw_paper("mfcc-cqt", ["14", "7"], Material.given(songs=[song]))
    assert left_out == [] and [plate.name for plate in drawn.plates] == ["7", "14"]
    for plate in drawn.plates:
        assert "Mean 0, deviation 1;" in plate.notes[0], plate.notes


def test_composed_pieces_stand_in_for_songs_and_differ() -> None:
    material = Material.given()
    four = material.several(("disco", "jazz"))
    assert [song.name for song in four] == ["composed disco piece", "composed jazz piece"]
    one, other = (song.read(seconds=0.5, sample_rate=8000, channels=1) for song in four)
    assert one.shape == other.shape == (1, 4000) and not np.allclose(one, other)
    later = Material.given(start=10.0).song().read(seconds=0.5, sample_rate=8000, channels=1)
    assert not np.allclose(later, material.song().read(seconds=0.5, sample_rate=8000, channels=1))
    with raises("start-behind-piece", 31):
        Material.given(start=31.0).song().read(seconds=1, sample_rate=8000, channels=1)


def test_what_is_no_song_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.flac").write_bytes(b"fLaC")
    out = ["--out", str(tmp_path / "out")]
    assert main(["figures", "input", "mel-augmentation/cnn", str(tmp_path / "x.flac"), *out]) == 1
    assert "x.flac" in capsys.readouterr().err
    (tmp_path / "out").write_text("")
    assert main(["figures", "mfcc-cqt", "2", *out]) == 2
    assert "cannot make the folder" in capsys.readouterr().err
