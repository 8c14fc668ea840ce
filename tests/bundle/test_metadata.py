from __future__ import annotations

import datetime
import json
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError
from raising import raises

from genrelab.bundle.metadata import BundleMetadata, parse_metadata


@pytest.fixture
def values(tiny: ModuleType) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(tiny.tiny_metadata().model_dump_json())
    return result


def test_what_is_written_is_read(tiny: ModuleType) -> None:
    written = tiny.tiny_metadata(
        corpora=({"name": "gtzan", "licence": "unknown", "citation": "Tzanetakis 2002"},),
        results=({"split": "artist", "track_accuracy": {"value": 0.5, "low": None}},),
        padding="repeat",
        temperature=1.5,
    )
    read = parse_metadata(written.model_dump_json(), path="m.onnx")
    assert read == written
    assert read.created == datetime.date(2024, 5, 6)
    assert read.results[0]["track_accuracy"] == {"value": 0.5, "low": None}


def test_lists_of_the_lab_are_taken(tiny: ModuleType) -> None:
    made = tiny.tiny_metadata(genres=["a", "b"], corpora=[{"name": "n", "licence": "l", "citation": "c"}])
    assert made.genres == ("a", "b")


def test_samples(tiny: ModuleType) -> None:
    made = tiny.tiny_metadata(sample_rate=22050, segment_seconds=1.5, hop_seconds=0.75)
    assert (made.segment_samples, made.hop_samples) == (33075, 16538)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("genres", ["one"]),
        ("genres", ["a", "a"]),
        ("genres", ["a", "unsure"]),
        ("genres", ["a", "\x1b[31mred"]),
        ("sample_rate", 0),
        ("channels", 3),
        ("segment_seconds", 0),
        ("segment_seconds", 1e9),
        ("hop_seconds", 1.5),
        ("padding", "front"),
        ("voting", "loudest"),
        ("temperature", 0),
        ("abstain_below", 1.5),
        ("recipe", ""),
        ("created", "yesterday"),
        ("corpora", [{"name": "x"}]),
        ("surprise", 1),
        ("format_version", 0),
    ],
)
def test_wrong_values_are_named(values: dict[str, Any], key: str, value: object) -> None:
    with raises("model-metadata", "m.onnx", key.split("_")[0].rstrip("s")) as caught:
        parse_metadata(json.dumps({**values, key: value}), path="m.onnx")
    assert "\n" not in str(caught.value)


def test_a_missing_value_is_named(values: dict[str, Any]) -> None:
    del values["genres"]
    with raises("model-metadata", "genres"):
        parse_metadata(json.dumps(values), path="m.onnx")


def test_a_newer_format_says_upgrade(values: dict[str, Any]) -> None:
    values |= {"format_version": 4, "something": "new"}
    with raises("model-newer", "m.onnx", 4, "pip install --upgrade genrelab"):
        parse_metadata(json.dumps(values), path="m.onnx")


def test_a_base_needs_format_3(values: dict[str, Any]) -> None:
    values.pop("format_version", None)
    base = "resnet@0123456789ab"
    made = parse_metadata(json.dumps({**values, "base": base}), path="m.onnx")
    assert made.base == base and made.format_version == 3
    assert json.loads(made.model_dump_json())["format_version"] == 3
    with raises("model-metadata", "m.onnx", "base", "3"):
        parse_metadata(json.dumps({**values, "base": base, "format_version": 2}), path="m.onnx")
    for wrong in ("resnet", "resnet@0123456789AB", "resnet@0123456789abc"):
        with raises("model-metadata", "m.onnx", "base"):
            parse_metadata(json.dumps({**values, "base": wrong}), path="m.onnx")


@pytest.mark.parametrize("text", ["", "{", "[1]", "7", "[" * 100_000])
def test_no_json_object(text: str) -> None:
    with raises("model-metadata-not-json", "m.onnx"):
        parse_metadata(text, path="m.onnx")


def test_it_cannot_be_changed(tiny: ModuleType) -> None:
    metadata: BundleMetadata = tiny.tiny_metadata()
    with pytest.raises(ValidationError):
        metadata.sample_rate = 1  # type: ignore[misc]
