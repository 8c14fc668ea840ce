"""Format 2 of a model file: tags, their output, and thresholds by genre."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import hostile_onnx
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from raising import raises
from tiny_onnx import TAGS, tagged_model, tone

from genrelab.bundle import bounds
from genrelab.bundle.bundle import Bundle
from genrelab.bundle.metadata import BundleMetadata, parse_metadata

__all__ = ["tagged_model"]

HIGH = tone(3000.0, 1.0)[None, None]


def save(program: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(program, folder / "changed.onnx")
    return folder / "changed.onnx"


def changed_tags(change: Any, **metadata: Any) -> onnx.ModelProto:
    """Return the tiny model with tags after `change` of the graph, whose own output is `own_tags`."""
    values = {"tags": TAGS, "no_music_above": 0.5, **metadata}
    program: onnx.ModelProto = hostile_onnx.tiny_program(hostile_onnx.tiny_metadata(**values))
    for each in program.graph.node:
        if each.output[0] == "tags":
            each.output[0] = "own_tags"
    change(program.graph)
    return program


def by(operator: str, array: Any) -> Any:
    """Return a change that calculates the tags from the own ones and an array."""

    def change(graph: onnx.GraphProto) -> None:
        graph.initializer.append(numpy_helper.from_array(np.asarray(array, np.float32), "change"))
        graph.node.append(helper.make_node(operator, ["own_tags", "change"], ["tags"]))

    return change


def test_predictions_of_tags(tagged_model: Path) -> None:
    waves = np.stack([tone(frequency, 1.0) for frequency in (200.0, 1000.0, 3000.0)])[:, None]
    found = Bundle.load(tagged_model).predict(waves)
    np.testing.assert_allclose(found.tags, np.eye(3)[:, [0, 1, 2, 0]], atol=2e-3)
    assert found.tags.dtype == np.float32 and found.probabilities.argmax(axis=1).tolist() == [0, 1, 2]


def test_a_model_without_tags_predicts_none(tiny_model: Path) -> None:
    bundle = Bundle.load(tiny_model)
    assert bundle.metadata.tags == () and bundle.metadata.no_music_above is None
    assert bundle.predict(np.concatenate([HIGH, HIGH])).tags.shape == (2, 0)


def test_an_output_that_the_metadata_do_not_name_is_ignored(tiny: ModuleType, tmp_path: Path) -> None:
    text = tiny.tiny_metadata().model_dump_json()
    program = tiny.tiny_program(tiny.tiny_metadata(tags=TAGS), text=text)
    assert Bundle.load(save(program, tmp_path)).predict(HIGH).tags.shape == (1, 0)


def test_a_missing_output_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    text = tiny.tiny_metadata(tags=TAGS).model_dump_json()
    path = save(tiny.tiny_program(tiny.tiny_metadata(), text=text), tmp_path)
    with raises("model-signature", path, "tags", ["embedding", "probabilities"]):
        Bundle.load(path)


def test_another_number_of_tags_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    text = tiny.tiny_metadata(tags=TAGS).model_dump_json()
    path = save(tiny.tiny_program(tiny.tiny_metadata(tags=TAGS[:3]), text=text), tmp_path)
    with raises("model-signature", path, "`tags`", ["batch", 4]):
        Bundle.load(path)


def test_an_output_of_another_shape_than_stated_is_refused(tmp_path: Path) -> None:
    def change(graph: onnx.GraphProto) -> None:
        """Keep the probable tags only, which is known once the graph runs."""
        node = helper.make_node
        graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "half"))
        graph.initializer.append(numpy_helper.from_array(np.array([-1]), "flat"))
        graph.node.append(node("Reshape", ["own_tags", "flat"], ["tag_row"]))
        graph.node.append(node("Greater", ["tag_row", "half"], ["probable"]))
        graph.node.append(node("Compress", ["own_tags", "probable"], ["tags"], axis=1))
        graph.output[2].type.tensor_type.shape.dim[1].dim_param = "n"

    path = save(changed_tags(change), tmp_path)
    with raises("model-output-shape", path, (1, 1), "4 tags"):
        Bundle.load(path).predict(HIGH)


def test_an_output_of_integers_is_refused(tmp_path: Path) -> None:
    def change(graph: onnx.GraphProto) -> None:
        kind = onnx.TensorProto.INT64
        graph.node.append(helper.make_node("Cast", ["own_tags"], ["tags"], to=kind))
        graph.output[2].type.tensor_type.elem_type = kind

    with raises("model-signature", "tensor(int64)", "`tags`"):
        Bundle.load(save(changed_tags(change), tmp_path))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.002, -0.002])
def test_tags_that_are_no_probabilities_are_refused(value: float, tmp_path: Path) -> None:
    path = save(changed_tags(by("Mul", [1.0, 1.0, 1.0, 0.0])), tmp_path)
    assert Bundle.load(path).predict(HIGH).tags[0, 3] == 0.0
    path = save(changed_tags(by("Mul", [1.0, 1.0, value, 1.0])), tmp_path)  # this one is 1 for a high tone
    with raises("model-no-probabilities", path, "tags"):
        Bundle.load(path).predict(HIGH)


def test_rounding_errors_are_clipped(tmp_path: Path) -> None:
    path = save(changed_tags(by("Add", [-1e-4, 0.0, 1e-4, 0.0])), tmp_path)
    found = Bundle.load(path).predict(HIGH).tags
    assert found.min() == 0.0 and found.max() == 1.0


@pytest.fixture
def values(tiny: ModuleType) -> dict[str, Any]:
    made = tiny.tiny_metadata(tags=TAGS, no_music_above=0.5, abstain_below_by_genre={"low": 0.25})
    result: dict[str, Any] = json.loads(made.model_dump_json())
    return result


def test_what_is_written_is_read(values: dict[str, Any], tiny: ModuleType) -> None:
    read = parse_metadata(json.dumps(values), path="m.onnx")
    assert values["format_version"] == read.format_version == 2
    assert [tag.label for tag in read.tags] == ["mood:calm", "style:punk", "content:no music", "genre:folk"]
    assert (read.tags[0].measured, read.tags[0].auc, read.tags[0].average_precision) == ("labels", 0.81, None)
    assert (read.threshold_of("low"), read.threshold_of("high")) == (0.25, 0.0)
    assert read == BundleMetadata.model_validate_json(read.model_dump_json())


NEW = ("tags", "no_music_above", "abstain_below_by_genre")


def test_a_file_without_them_stays_in_format_1(tiny: ModuleType) -> None:
    """Older versions of genrelab refuse keys that they do not know."""
    written = json.loads(tiny.tiny_metadata().model_dump_json())
    assert written["format_version"] == 1 and not set(NEW) & set(written)
    empty = tiny.tiny_metadata(tags=(), no_music_above=None, abstain_below_by_genre={})
    assert json.loads(empty.model_dump_json()) == written


@pytest.mark.parametrize("key", NEW)
def test_each_of_them_needs_format_2(values: dict[str, Any], key: str) -> None:
    kept = {name: value for name, value in values.items() if name not in NEW}
    kept |= {key: values[key]} if key != "no_music_above" else {key: 0.5, "tags": values["tags"]}
    assert parse_metadata(json.dumps(kept), path="m.onnx").format_version == 2
    with raises("model-metadata", "m.onnx", key, "format_version 2"):
        parse_metadata(json.dumps({**kept, "format_version": 1}), path="m.onnx")


def test_a_changed_copy_is_written_in_the_format_that_it_needs(tiny: ModuleType) -> None:
    copy = tiny.tiny_metadata().model_copy(update={"abstain_below_by_genre": {"low": 0.5}})
    written = copy.model_dump_json()
    assert json.loads(written)["format_version"] == 2
    assert parse_metadata(written, path="m.onnx").threshold_of("low") == 0.5


def _tag(**changes: Any) -> dict[str, Any]:
    return {"kind": "mood", "name": "calm", "measured": "labels", "threshold": 0.5, **changes}


@pytest.mark.parametrize(
    ("changes", "quoted"),
    [
        ({"tags": [_tag(threshold=1.01)]}, "tags.0.threshold"),
        ({"tags": [_tag(threshold=-0.1)]}, "tags.0.threshold"),
        ({"tags": [_tag(threshold=float("nan"))]}, "tags.0.threshold"),
        ({"tags": [{"kind": "mood", "name": "calm", "measured": "labels"}]}, "tags.0.threshold"),
        ({"tags": [_tag(auc=1.5)]}, "tags.0.auc"),
        ({"tags": [_tag(average_precision=-1)]}, "tags.0.average_precision"),
        ({"tags": [_tag(measured="guess")]}, "tags.0.measured"),
        ({"tags": [_tag(kind="Mood")]}, "tags.0.kind"),
        ({"tags": [_tag(kind="mood\n")]}, "tags.0.kind"),
        ({"tags": [_tag(kind="m" * 41)]}, "tags.0.kind"),
        ({"tags": [_tag(name="calm;wild")]}, "tags.0.name"),
        ({"tags": [_tag(name="calm: very")]}, "tags.0.name"),
        ({"tags": [_tag(name=" calm")]}, "tags.0.name"),
        ({"tags": [_tag(name="")]}, "tags.0.name"),
        ({"tags": [_tag(name="calm\x1b[31m")]}, "tags.0.name"),
        ({"tags": [_tag(name="n" * 201)]}, "tags.0.name"),
        ({"tags": [_tag(surprise=1)]}, "tags.0.surprise"),
        ({"tags": [_tag(), _tag(name="Calm")]}, "twice"),
        ({"tags": [_tag(name=str(number)) for number in range(2001)]}, "tags"),
        ({"tags": [_tag(kind="content", name="speech")]}, "'content:speech'"),
        ({"no_music_above": 1.5}, "no_music_above"),
        ({"tags": [_tag()]}, "no_music_above needs the tag `content:no music`"),
        ({"abstain_below_by_genre": {"low": 1.5}}, "abstain_below_by_genre.low"),
        ({"abstain_below_by_genre": {"lo\x1bw": 0.5}}, "abstain_below_by_genre"),
        ({"abstain_below_by_genre": {"jazz": 0.5}}, "'jazz'"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_wrong_values_are_named(values: dict[str, Any], changes: dict[str, Any], quoted: str) -> None:
    with raises("model-metadata", "m.onnx", quoted) as caught:
        parse_metadata(json.dumps({**values, **changes}), path="m.onnx")
    assert len(str(caught.value)) < 1000


def test_tags_at_the_bounds_are_taken(values: dict[str, Any]) -> None:
    tag = _tag(kind="m" * bounds.LONGEST_KIND, threshold=1.0, auc=1.0)
    names = [f"{number:0{bounds.LONGEST_NAME}}" for number in range(bounds.MOST_TAGS)]
    values |= {"tags": [{**tag, "name": name} for name in names], "no_music_above": None}
    assert len(parse_metadata(json.dumps(values), path="m.onnx").tags) == bounds.MOST_TAGS
