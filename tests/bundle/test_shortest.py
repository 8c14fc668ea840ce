"""How short sound may be, as a model file says it."""

from __future__ import annotations

import json
from types import ModuleType

import pytest
from raising import raises

from genrelab.bundle.metadata import parse_metadata


def test_with_padding_it_is_a_segment(tiny: ModuleType) -> None:
    for padding in ("end", "random", "repeat"):
        made = tiny.tiny_metadata(padding=padding, segment_seconds=2.0)
        assert made.shortest_samples == made.segment_samples == 16_000


def test_without_it_is_what_the_file_says(tiny: ModuleType) -> None:
    made = tiny.tiny_metadata(padding="none", shortest_seconds=0.2)
    assert (made.shortest_samples, made.segment_samples) == (1600, 8000)
    assert tiny.tiny_metadata(padding="none").shortest_samples == 1
    assert tiny.tiny_metadata(padding="none", shortest_seconds=1.0).shortest_samples == 8000


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
def test_a_number_of_samples_survives(tiny: ModuleType, rate: int) -> None:
    for samples in (1, 15_871, 15_872, 15_873, 661_499):
        made = tiny.tiny_metadata(
            padding="none", sample_rate=rate, segment_seconds=100.0, shortest_seconds=samples / rate
        )
        again = parse_metadata(made.model_dump_json(), path="m.onnx")
        assert again.shortest_samples == samples


def test_files_that_do_not_say_it_are_read(tiny: ModuleType) -> None:
    values = json.loads(tiny.tiny_metadata(padding="repeat").model_dump_json())
    del values["shortest_seconds"]
    read = parse_metadata(json.dumps(values), path="old.onnx")
    assert (read.padding, read.shortest_samples) == ("repeat", 8000)


@pytest.mark.parametrize("seconds", [-0.1, 1.01, "short", None])
def test_impossible_values_are_named(tiny: ModuleType, seconds: object) -> None:
    values = json.loads(tiny.tiny_metadata(padding="none").model_dump_json())
    values["shortest_seconds"] = seconds
    with raises("model-metadata", "m.onnx", "shortest_seconds"):
        parse_metadata(json.dumps(values), path="m.onnx")
