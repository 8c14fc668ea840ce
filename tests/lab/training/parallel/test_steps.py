"""A step of two processes is the step of one: loss, gradients and the statistics of batch norms."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import part_of_step
import pytest
import torch
import torch.distributed as dist
from part_of_step import ITEMS
from published_fcn import write_published

from genrelab.lab.training.parallel.part import Division

SMALL = ["resnet2d-s", "audio.segment_seconds=1", "model.width=4"]
PAIRS = ["training.mixup=0.5", "training.not_music={share: 0.4}"]
CASES = {
    "norms, dropout, masks": [*SMALL, "model.dropout=0.3"],
    "mixed pairs and outliers": [*SMALL, *PAIRS],
    "views of segments": [*SMALL, *PAIRS, "training.segments_per_clip=1", "training.view_segments=2"],
    "copies of pictures": [*SMALL, "augment.copies=[{kind: frequency-mask, input: mel, max_share: 0.2}]"],
    "a teacher": [
        *SMALL,
        *PAIRS,
        "training.segments_per_clip=1",
        "training.view_segments=2",
        "distill={teachers: [{weights: TEACHER}], regress: {layers: 1.0, pen: 1.0}}",
    ],
    "a teacher's maps": [
        "genres-and-tags",
        "model.widths=[4, 4, 4, 4, 4]",
        "tags=null",
        "training.precision=full",
        "distill={teachers: [{weights: TEACHER}], regress: {map1: 1.0, map4: 2.0}}",
    ],
    "sinc filters": ["ms-sincresnet/sincnet-80-251"],
    "random crops": ["mfcc-cqt/cnn"],
    "a network of timm": ["mel-augmentation/mobilenet-fine-tuned", "training.weights=none"],
    "an ensemble": ["genres-11", "distill=null", "training.precision=full"],
}


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """The second process, which takes the cases from its standard input."""
    store = tmp_path_factory.mktemp("steps") / "store"
    command = [sys.executable, part_of_step.__file__, str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        part_of_step.connect(0, store)
        yield process
        assert process.stdin is not None
        process.stdin.close()
        dist.destroy_process_group()
        assert process.wait(60) == 0


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teacher") / "one.safetensors"
    write_published(path, seed=0)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_make_the_step_of_one(case: str, second: subprocess.Popen[str], teacher: Path) -> None:
    recipe, *changes = [each.replace("TEACHER", str(teacher)) for each in CASES[case]]
    assert second.stdin is not None
    second.stdin.write(json.dumps([recipe, *changes]) + "\n")
    second.stdin.flush()
    ours = part_of_step.step(recipe, changes, Division(0, 2, ITEMS, ITEMS))
    whole = part_of_step.step(recipe, changes, None)
    torch.testing.assert_close(ours.loss, whole.loss, rtol=1e-5, atol=1e-5)
    assert ours.gradients.keys() == whole.gradients.keys()
    # In the ensemble, sound that differs by 1e-6 changes gradients by 7e-4 of the largest one.
    limit = 5e-3 * max(float(each.abs().max()) for each in whole.gradients.values())
    for name, gradient in whole.gradients.items():
        torch.testing.assert_close(ours.gradients[name], gradient, rtol=0, atol=limit, msg=name)
    for name, values in whole.state.items():
        torch.testing.assert_close(ours.state[name], values, rtol=1e-4, atol=1e-4, msg=name)
