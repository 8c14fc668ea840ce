"""Recipes for sound take the pictures of a corpus; each system that sees one spectrogram trains on them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from drawn_pictures import genres
from raising import raises

from genrelab.cli.main import main
from genrelab.lab import Experiment, evaluate, load_corpus, load_recipe, make_split
from genrelab.lab.audit import audit_corpus
from genrelab.lab.corpora.transforms.sound_changes import Mp3
from genrelab.lab.corpora.transforms.transformed_corpus import derive
from genrelab.lab.experiment.adapting import adapted
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.models import build_network
from genrelab.lab.recipes.load import dump_recipe, parse_recipe
from genrelab.lab.recipes.pictures import PictureShape, for_pictures
from genrelab.lab.runs.folders import Run

SHAPE = PictureShape(24, 40, 1)
SYSTEMS = (
    "mel-augmentation/cnn",
    "mel-augmentation/mobilenet-transfer",
    "mel-augmentation/vgg16-transfer",
    "soundfusion/simple-cnn",
    "soundfusion/nnet1",
    "soundfusion/nnet2",
    "soundfusion/resnet2d-s",
    "soundfusion/resnet2d-m",
    "soundfusion/resnet18-imagenet",
    "fds/cnn-5s",
    "fds/resnet18-5s",
)
TINY = (
    "model.width=2",
    "training.max_epochs=1",
    "training.batch_size=4",
)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_takes_a_picture(name: str) -> None:
    (sees,) = load_recipe(name).inputs
    small = [f"inputs.{sees}.height=64", f"inputs.{sees}.width=64"]
    given = load_recipe(name, changes=small if sees in ("picture", "spectrogram") else [])
    recipe = for_pictures(given, PictureShape(60, 70, 1))
    ((_, part),) = recipe.inputs.items()
    network = build_network(recipe, genres=3).eval()
    with torch.no_grad():
        wave = torch.zeros(1, 1, 60 * 70)
        (picture,) = network.inputs(wave).values()
        assert network(wave).logits.shape == (1, 3)
    assert picture.shape[2:] == ((64, 64) if sees in ("picture", "spectrogram") else (60, 70))
    assert part.kind == "image" and "pictures" in recipe.assumed


def test_what_becomes_of_a_recipe() -> None:
    before = load_recipe("mel-augmentation/cnn", changes=["training.segments_per_clip=2"])
    made = for_pictures(before, SHAPE)
    assert made.name == "mel-augmentation/cnn-pictures" and made.title.startswith(before.title)
    assert (made.audio.sample_rate, made.audio.segment_samples) == (960, 960)
    assert [copy.kind for copy in made.augment.copies] == ["frequency-mask", "time-mask"]
    assert "time-stretch" in made.assumed["pictures"] and "24 x 40" in made.assumed["pictures"]
    assert made.training == before.training.model_copy(update={"segments_per_clip": None})
    assert made.model == before.model and for_pictures(made, SHAPE) is made
    assert parse_recipe(made.model_dump(), origin="again") == made
    noisy = for_pictures(load_recipe("soundfusion/resnet2d-s"), SHAPE)
    assert not noisy.augment.waveform and list(noisy.augment.inputs) == ["mel"]
    assert noisy.inputs["mel"].options()["values"] == "signed"


def test_a_picture_is_one_segment_wherever_segments_were_drawn() -> None:
    made = for_pictures(load_recipe("ms-sincresnet/resnet18-mel"), SHAPE).training
    assert (made.segments_per_clip, made.draw) == (None, "anywhere")


def test_options_of_the_input_are_kept() -> None:
    small = load_recipe("soundfusion/simple-cnn", changes=["inputs.mel.height=12", "inputs.mel.width=13"])
    made = for_pictures(small, SHAPE)
    assert build_network(made, genres=2).frontends["input_mel"].output_shape(960) == (1, 12, 13)
    coloured = for_pictures(load_recipe("mel-augmentation/cnn"), SHAPE._replace(planes=3))
    assert coloured.audio.sample_rate == 2880 and coloured.inputs["picture"].options()["planes"] == 3
    assert build_network(coloured, genres=2).frontends["input_picture"].output_shape(2880) == (3, 256, 256)


def test_recipes_that_need_sound() -> None:
    for name, kinds in (("soundfusion-1", "waveform, mel"), ("mfcc-cqt/descriptor-mlp", "descriptors")):
        with raises("recipe-not-for-pictures", name, kinds, "mel-augmentation/cnn"):
            for_pictures(load_recipe(name), SHAPE)
    with raises("not-music-of-pictures", "simple-cnn", "training.not_music=null"):
        changes = ["training.not_music.share=0.5"]
        for_pictures(load_recipe("soundfusion/simple-cnn", changes=changes), SHAPE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("pictures")
    genres(base / "ours", "jazz", "rock", clips=10)
    genres(base / "theirs", "rock", "jazz", clips=3)
    genres(base / "larger", "rock", "jazz", clips=3, rows=30)
    return base


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    arguments = ["train", "simple-cnn", f"--corpus=pictures:{folder / 'ours'}", "--split=random"]
    settings = [f"--set={change}" for change in TINY]
    assert main([*arguments, *settings, f"--out={folder / 'runs'}", "--device=cpu"]) == 0
    (found,) = folder.glob("runs/*/ours/*/metrics.json")
    return Run.load(found.parent)


@pytest.mark.slow
def test_a_run_on_pictures(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.folder.parent.parent.name == "soundfusion-simple-cnn-pictures"
    assert run.record.no_model_file is not None and not (run.folder / "model.onnx").exists()
    theirs = f"pictures:{folder / 'theirs'}"
    assert main(["evaluate", str(run.folder), "--corpus", theirs, "--device=cpu"]) == 0
    assert main(["export", str(run.folder), "--to", str(folder / "model.onnx")]) == 1
    assert "pictures" in capsys.readouterr().err and not (folder / "model.onnx").exists()
    with raises("pictures-sample-rate", "30x40", 1200, 960):
        evaluate(run, load_corpus(f"pictures:{folder / 'larger'}"), device="cpu")
    evaluate(run, load_corpus(f"pictures:{folder / 'larger'}?size=24x40"), device="cpu")
    with raises("corpus-is-sound", "simple-cnn", "pictures:PATH"):
        evaluate(run, load_corpus("synthetic:tracks=3,seconds=1"), device="cpu")


@pytest.mark.slow
def test_equal_pictures_on_both_sides_are_a_leak(folder: Path, tmp_path: Path) -> None:
    ours = genres(tmp_path / "doubled", "jazz", "rock", clips=10)
    (ours / "jazz/0.png").replace(ours / "jazz/first.png")
    (ours / "rock/9.png").write_bytes((ours / "jazz/first.png").read_bytes())
    corpus = load_corpus(f"pictures:{ours}")
    seed = next(
        seed
        for seed in range(50)
        for split in [make_split(corpus, "random", seed=seed)]
        if {"jazz/first", "rock/9"} & {*split.train} and {"jazz/first", "rock/9"} & {*split.test}
    )
    recipe = adapted(load_recipe("simple-cnn", changes=TINY), corpus)
    split = make_split(corpus, "random", seed=seed)
    made = run_experiment(Experiment(recipe, corpus, split, seed), base=tmp_path / "runs", device="cpu")
    leak = next(each for each in made.record.verdict.leaks if each.kind == "sound")
    assert leak.count == 1 and "rock/9" in leak.examples[0]
    labels = next(each for each in made.record.verdict.checked if each.kind == "labels")
    assert labels.count == 1


def test_networks_and_corpora_of_other_kinds(folder: Path) -> None:
    corpus = load_corpus(f"pictures:{folder / 'ours'}")
    split = make_split(corpus, "random", seed=0)
    with raises("corpus-is-pictures", "simple-cnn", "ours"):
        Experiment(load_recipe("simple-cnn"), corpus, split, 0).network()
    sound = load_corpus("synthetic:tracks=5,seconds=1")
    made = for_pictures(load_recipe("simple-cnn"), SHAPE)
    with raises("corpus-is-sound", "simple-cnn-pictures", "pictures:PATH"):
        Experiment(made, sound, make_split(sound, "random", seed=0), 0).network()
    with raises("change-of-features", "ours", "pictures"):
        derive(corpus, Mp3(64))
    assert adapted(load_recipe("simple-cnn"), sound) == load_recipe("simple-cnn")
    assert audit_corpus(corpus).pairs == []
    assert "kind: image" in dump_recipe(made)
