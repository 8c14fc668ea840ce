"""Reading, inheriting, changing recipes; what is refused, and with which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from genrelab.errors import RecipeError
from genrelab.lab.models import build_network
from genrelab.lab.recipes import load_recipe, recipe_names
from genrelab.lab.recipes.load import dump_recipe


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_survives_writing_and_reading(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    path = tmp_path / "again.yaml"
    path.write_text(dump_recipe(recipe), encoding="utf-8")
    assert load_recipe(str(path)) == recipe


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_of_a_paper_says_where_it_stands(name: str) -> None:
    recipe = load_recipe(name)
    if recipe.paper is not None:
        assert name.startswith(f"{recipe.paper}/")
        assert recipe.row and recipe.sources and recipe.assumed


def test_soundfusions_table_2_is_recorded() -> None:
    recipe = load_recipe("soundfusion-1")
    figures = {(figure.corpus, figure.metric): figure.value for figure in recipe.reported}
    assert figures == {("fma-small", "segment_accuracy"): 0.535, ("fma-small", "track_accuracy"): 0.571}
    assert recipe.audio.hop_seconds == 3.75
    assert recipe.audio.segment_samples == 220_500


def test_null_takes_an_inherited_part_away() -> None:
    assert set(load_recipe("soundfusion-1").inputs) == {"waveform", "mel"}
    assert set(load_recipe("resnet2d-s").inputs) == {"mel"}
    assert load_recipe("resnet2d-s").inputs["mel"] == load_recipe("soundfusion-1").inputs["mel"]


def test_changes_reach_deep_and_read_numbers() -> None:
    changes = ["training.learning_rate=1e-3", "model.width=32", "training.patience=null", "voting=mean"]
    recipe = load_recipe("soundfusion-1", changes=changes)
    assert recipe.training.learning_rate == 1e-3
    assert recipe.model.options()["width"] == 32
    assert recipe.training.patience is None
    assert recipe.voting == "mean"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("training.lerning_rate=1", "'learning_rate'"),
        ("trainin.max_epochs=1", "'training'"),
        ("audio.overlap=1.5", "audio.overlap"),
        ("training.max_epochs=0", "training.max_epochs"),
        ("voting=loudest", "voting"),
        ("nonsense", "key=value"),
        ("voting.rule=1", "voting = "),
        ("training.batch_size=1", "training.batch_size = 1"),
        ("training.learning_rate=nan", "training.learning_rate"),
        ("audio.segment_seconds=inf", "audio.segment_seconds"),
        ("audio.segment_seconds=nan", "audio.segment_seconds"),
        ("audio.segment_seconds=1e308", "audio.segment_seconds"),
        ("audio.segment_seconds=0.00001", "one sample at least, 2.3e-05 s"),
        ("audio.sample_rate=100000000", "audio.sample_rate"),
        ("title=2020-13-45", "not YAML: month"),
        ("title=" + "[" * 5000, "not YAML"),
        ("inputs={a.b: {kind: mel}}", r"inputs\.a\.b = 'a\.b'"),
        ("inputs={Mel: {kind: mel}}", "'Mel'"),
        ("augment.inputs={a.b: []}", "'a.b'"),
        ("name=../elsewhere", "'../elsewhere' cannot name a folder"),
        ("name=/etc/passwd", "cannot name a folder"),
        ("name=a/..", "cannot name a folder"),
        ("name=a/b/c", "cannot name a folder"),
        ("name=", "cannot name a folder"),
        ("name=" + "a" * 300, "cannot name a folder"),
    ],
)
def test_wrong_changes_name_what_was_meant(change: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        load_recipe("soundfusion-1", changes=[change])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ("schedule=step", r"step_epochs = None: .*needs a number of epochs"),
        ("schedule=step step_epochs=0", "step_epochs = 0"),
        ("schedule=step step_epochs=5 step_factor=1.5", "step_factor = 1.5"),
        ("schedule=step step_epochs=5 step_factor=0", "step_factor = 0"),
        ("step_epochs=5", r"step_epochs = 5: .*schedule=constant has no steps"),
        ("schedule=cosine step_factor=0.5", r"step_factor = 0.5: .*schedule=cosine has no steps"),
        ("warmup_epochs=5", "warmup_learning_rate = None: the 5 epochs"),
        ("warmup_epochs=5 warmup_learning_rate=0", "warmup_learning_rate = 0"),
        ("warmup_epochs=-1", "warmup_epochs = -1"),
        ("warmup_learning_rate=1e-5", "there is no warm-up"),
        ("nesterov=true", "nesterov = True: only training.optimizer=sgd"),
        ("nesterov=true optimizer=sgd momentum=0", "momentum above 0"),
        ("choose_epoch_on=train", "choose_epoch_on = 'train'"),
        ("weights=", "weights"),
    ],
)
def test_training_values_that_do_not_go_together_are_refused(changes: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        load_recipe("soundfusion-1", changes=[f"training.{change}" for change in changes.split()])


def test_the_factor_of_steps_is_a_half_and_survives_writing(tmp_path: Path) -> None:
    changes = ["schedule=step", "step_epochs=30", "warmup_epochs=5", "warmup_learning_rate=1e-5"]
    recipe = load_recipe("soundfusion-1", changes=[f"training.{change}" for change in changes])
    assert recipe.training.step_factor == 0.5
    path = tmp_path / "mine.yaml"
    path.write_text(dump_recipe(recipe), encoding="utf-8")
    assert load_recipe(str(path)) == recipe


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("model.kind=soundfusion-3", "soundfusion-[12]"),
        ("model.widht=3", "'width'"),
        ("model.width=broad", "'width' = 'broad'"),
        ("inputs.mel.kind=mell", "'mel'"),
        ("inputs.mel.n_mel=3", "'n_mels'"),
        ("audio.segment_seconds=2", "too short"),
        ("augment.inputs.mell=[{kind: gain}]", "'mel'"),
        ("inputs.mel=null", "needs an input called 'mel'"),
        ("model.width=0", "'width' = 0"),
        ("model.width=-1", "'width' = -1"),
        ("model.width=1000000", "'width' = 1000000"),
        ("model.dropout=2", "'dropout' = 2"),
        ("model.dropout=nan", "'dropout' = nan"),
        ("inputs.mel.n_fft=1000000", "'n_fft' = 1000000"),
        ("inputs.mel.n_mels=1000000", "'n_mels' = 1000000"),
        ("inputs.mel.fmin=-inf", "'fmin' = -inf"),
        ("audio.segment_seconds=0.005", "512 samples at each end; a segment of 220 is too short"),
    ],
)
def test_wrong_parts_are_refused_when_the_network_is_built(change: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        build_network(load_recipe("soundfusion-1", changes=[change]), genres=8)


def test_null_takes_away_what_was_not_inherited() -> None:
    quick = load_recipe("demo/quick")
    assert not quick.augment.waveform and not quick.augment.inputs
    for change in ("augment=null", "augment.inputs=null", "augment.waveform=null", "augment.copies=null"):
        assert load_recipe("demo/quick", changes=[change]) == quick


def test_null_takes_a_list_of_changes_away() -> None:
    given = ["augment.waveform=[{kind: gain}]"]
    assert load_recipe("mfcc-cqt/cnn", changes=given).augment.waveform
    changes = [*given, "augment.waveform=null", "augment.inputs.cqt=null"]
    augment = load_recipe("mfcc-cqt/cnn", changes=changes).augment
    assert augment.waveform == augment.inputs["cqt"] == ()
    assert augment.inputs["mfcc"], "nothing else was taken"


def test_a_name_of_two_levels_is_kept() -> None:
    assert load_recipe("soundfusion-1", changes=["name=my-paper/Net_2.b"]).name == "my-paper/Net_2.b"


def test_a_file_whose_name_cannot_name_a_folder_needs_a_name_inside(tmp_path: Path) -> None:
    path = tmp_path / "my net.yaml"
    path.write_text("extends: soundfusion-1", encoding="utf-8")
    with pytest.raises(RecipeError, match="'my net' cannot name a folder of results; add `name:`"):
        load_recipe(str(path))
    path.write_text("extends: soundfusion-1\nname: mine", encoding="utf-8")
    assert load_recipe(str(path)).name == "mine"


def test_an_unknown_recipe_names_the_closest() -> None:
    with pytest.raises(RecipeError, match="soundfusion-1"):
        load_recipe("soundfusion_1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a list", "mapping"),
        ("a: [1", "not YAML"),
        ("title: x", "missing"),
        ("title: 2020-13-45", "not YAML"),
        ('extends: "a\\0.yaml"', "cannot read"),
        ("extends: soundfusion/soundfusion-1\nmodell: {kind: resnet1d}", "'model'"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_wrong_files_are_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=words):
        load_recipe(str(path))


def test_a_circle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "circle.yaml"
    path.write_text(f"extends: {path}", encoding="utf-8")
    with pytest.raises(RecipeError, match="circle"):
        load_recipe(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="absent.yaml"):
        load_recipe(str(tmp_path / "absent.yaml"))
