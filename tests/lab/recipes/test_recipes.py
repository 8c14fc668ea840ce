"""Reading, inheriting, changing recipes; what is refused, and with which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from raising import raises

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
def test_every_recipe_of_a_paper_names_its_place(name: str) -> None:
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
    ("change", "code", "quoted"),
    [
        ("training.lerning_rate=1", "recipe-key-unknown", "did you mean 'training.learning_rate'?"),
        ("max_epochs=1", "recipe-key-unknown", "did you mean 'training.max_epochs'?"),
        ("n_mels=64", "recipe-key-unknown", "did you mean 'inputs.mel.n_mels'?"),
        ("training.copies=1", "recipe-key-unknown", "did you mean 'augment.copies'?"),
        ("inputs.mell.n_mels=64", "recipe-key-unknown", "did you mean 'inputs.mel'?"),
        ("augment.inputs.mell.0.count=3", "recipe-key-unknown", "did you mean 'augment.inputs.mel'?"),
        ("training.optimizer=adm", "recipe-value", "did you mean 'adam' or 'adamw'?"),
        ("training.optimizer.kind=adam", "recipe-value", "it is one value, without keys below it"),
        ("training=5", "recipe-value", "write training.KEY=VALUE. There are: weights, "),
        ("training.max_epochs=five", "recipe-value", "it must be a whole number"),
        ("training.max_epochs=0", "recipe-value", "it must be more than 0"),
        ("trainin.max_epochs=1", "recipe-key-unknown", "did you mean 'training'?"),
        ("audio.overlap=1.5", "recipe-value", "audio.overlap"),
        ("training.max_epochs=0", "recipe-value", "training.max_epochs"),
        ("voting=loudest", "recipe-value", "voting"),
        ("nonsense", "change-without-value", "key=value"),
        ("voting.rule=1", "recipe-value", "voting = "),
        ("training.batch_size=1", "recipe-value", "training.batch_size = 1"),
        ("training.learning_rate=nan", "recipe-value", "training.learning_rate"),
        ("audio.segment_seconds=inf", "recipe-value", "audio.segment_seconds"),
        ("audio.segment_seconds=nan", "recipe-value", "audio.segment_seconds"),
        ("audio.segment_seconds=1e308", "recipe-value", "audio.segment_seconds"),
        ("audio.segment_seconds=0.00001", "recipe-value", "2.3e-05 s"),
        ("audio.sample_rate=100000000", "recipe-value", "audio.sample_rate"),
        ("title=2020-13-45", "not-yaml", "title"),
        ("title=" + "[" * 5000, "not-yaml", "title"),
        ("inputs={a.b: {kind: mel}}", "recipe-value", "inputs.a.b = 'a.b'"),
        ("inputs={Mel: {kind: mel}}", "recipe-value", "'Mel'"),
        ("augment.inputs={a.b: []}", "recipe-value", "'a.b'"),
        ("name=../elsewhere", "recipe-name", "'../elsewhere'"),
        ("name=/etc/passwd", "recipe-name", "/etc/passwd"),
        ("name=a/..", "recipe-name", "a/.."),
        ("name=a/b/c", "recipe-name", "a/b/c"),
        ("name=", "recipe-name", "name"),
        ("name=" + "a" * 300, "recipe-name", "name"),
    ],
)
def test_wrong_changes_name_what_was_meant(change: str, code: str, quoted: str) -> None:
    with raises(code, quoted):
        load_recipe("soundfusion-1", changes=[change])


@pytest.mark.parametrize(
    ("changes", "code", "quoted"),
    [
        ("schedule=step", "recipe-value", "step_epochs = None"),
        ("schedule=step step_epochs=0", "recipe-value", "step_epochs = 0"),
        ("schedule=step step_epochs=5 step_factor=1.5", "recipe-value", "step_factor = 1.5"),
        ("schedule=step step_epochs=5 step_factor=0", "recipe-value", "step_factor = 0"),
        ("step_epochs=5", "recipe-value", "schedule=constant"),
        ("schedule=cosine step_factor=0.5", "recipe-value", "schedule=cosine"),
        ("warmup_epochs=5", "recipe-value", "warmup_learning_rate = None"),
        ("warmup_epochs=5 warmup_learning_rate=0", "recipe-value", "warmup_learning_rate = 0"),
        ("warmup_epochs=-1", "recipe-value", "warmup_epochs = -1"),
        ("warmup_learning_rate=1e-5", "recipe-value", "training.warmup_epochs"),
        ("nesterov=true", "recipe-value", "nesterov = True"),
        ("nesterov=true optimizer=sgd momentum=0", "recipe-value", "training.momentum"),
        ("choose_epoch_on=train", "recipe-value", "choose_epoch_on = 'train'"),
        ("weights=", "recipe-value", "weights"),
    ],
)
def test_training_values_that_do_not_go_together_are_refused(changes: str, code: str, quoted: str) -> None:
    with raises(code, quoted):
        load_recipe("soundfusion-1", changes=[f"training.{change}" for change in changes.split()])


def test_the_factor_of_steps_is_a_half_and_survives_writing(tmp_path: Path) -> None:
    changes = ["schedule=step", "step_epochs=30", "warmup_epochs=5", "warmup_learning_rate=1e-5"]
    recipe = load_recipe("soundfusion-1", changes=[f"training.{change}" for change in changes])
    assert recipe.training.step_factor == 0.5
    path = tmp_path / "mine.yaml"
    path.write_text(dump_recipe(recipe), encoding="utf-8")
    assert load_recipe(str(path)) == recipe


@pytest.mark.parametrize(
    ("change", "code", "quoted"),
    [
        ("model.kind=soundfusion-3", "kind-unknown", "soundfusion-1"),
        ("model.widht=3", "option-unknown", "'width'"),
        ("model.width=broad", "option-invalid", "'width' = 'broad'"),
        ("inputs.mel.kind=mell", "kind-unknown", "'mel'"),
        ("inputs.mel.n_mel=3", "option-unknown", "'n_mels'"),
        ("audio.segment_seconds=2", "segment-too-short", "44,100"),
        ("augment.inputs.mell=[{kind: gain}]", "input-unknown", "'mel'"),
        ("inputs.mel=null", "model-inputs", "'mel'"),
        ("model.width=0", "option-invalid", "'width' = 0"),
        ("model.width=-1", "option-invalid", "'width' = -1"),
        ("model.width=1000000", "option-invalid", "'width' = 1000000"),
        ("model.dropout=2", "option-invalid", "'dropout' = 2"),
        ("model.dropout=nan", "option-invalid", "'dropout' = nan"),
        ("inputs.mel.n_fft=1000000", "option-invalid", "'n_fft' = 1000000"),
        ("inputs.mel.n_mels=1000000", "option-invalid", "'n_mels' = 1000000"),
        ("inputs.mel.fmin=-inf", "option-invalid", "'fmin' = -inf"),
        ("audio.segment_seconds=0.005", "segment-too-short", "= 512"),
    ],
)
def test_wrong_parts_are_refused_when_the_network_is_built(change: str, code: str, quoted: str) -> None:
    with raises(code, quoted):
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
    with raises("recipe-name", "'my net'"):
        load_recipe(str(path))
    path.write_text("extends: soundfusion-1\nname: mine", encoding="utf-8")
    assert load_recipe(str(path)).name == "mine"


def test_an_unknown_recipe_names_the_closest() -> None:
    with raises("recipe-unknown", "soundfusion-1"):
        load_recipe("soundfusion_1")


@pytest.mark.parametrize(
    ("text", "code", "quoted"),
    [
        ("- a list", "recipe-not-a-mapping", "list"),
        ("a: [1", "not-yaml", "mine.yaml"),
        ("title: x", "recipe-key-missing", "'audio'"),
        ("title: 2020-13-45", "not-yaml", "mine.yaml"),
        ('extends: "a\\0.yaml"', "recipe-unreadable", "a"),
        ("extends: soundfusion/soundfusion-1\nmodell: {kind: resnet1d}", "recipe-key-unknown", "'model'"),
        ("!!python/object/apply:os.system ['true']", "not-yaml", "mine.yaml"),
    ],
)
def test_wrong_files_are_refused(text: str, code: str, quoted: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with raises(code, quoted):
        load_recipe(str(path))


def test_a_circle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "circle.yaml"
    path.write_text(f"extends: {path}", encoding="utf-8")
    with raises("recipe-extends-too-deep", path):
        load_recipe(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with raises("recipe-unreadable", "absent.yaml"):
        load_recipe(str(tmp_path / "absent.yaml"))
