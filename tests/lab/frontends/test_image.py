"""Pictures of files reach a network as they are, resized as PIL does it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from drawn_pictures import structure
from PIL import Image as Images
from raising import raises

from genrelab.lab.frontends import FRONTENDS, Frontend
from genrelab.lab.frontends.base import kind_read

ROWS, COLUMNS = 24, 40


def make(stored: int = 1, **options: Any) -> Frontend:
    given = {"rows": ROWS, "columns": COLUMNS, **options}
    return FRONTENDS.create("image", given, sample_rate=stored * ROWS * COLUMNS, channels=1)


def seen(frontend: Frontend, pixels: np.ndarray) -> np.ndarray:
    wave = torch.from_numpy(pixels.reshape(1, 1, -1).astype(np.float32) / 127.5 - 1)
    return frontend(wave)[0].numpy()


def test_pixels_keep_their_places_and_values() -> None:
    pixels = structure(1)
    frontend = make()
    np.testing.assert_allclose(seen(frontend, pixels)[0], pixels / 255, atol=1e-6)
    assert frontend.output_shape(ROWS * COLUMNS) == (1, ROWS, COLUMNS)
    np.testing.assert_allclose(seen(make(values="signed"), pixels)[0], pixels / 127.5 - 1, atol=1e-6)
    assert kind_read(frontend) == "pictures"


@pytest.mark.parametrize("size", [(12, 50), (24, 16), (48, 40)])
def test_resizing_is_that_of_pil(size: tuple[int, int]) -> None:
    pixels = structure(2)
    shown = Images.fromarray(pixels.astype(np.float32)).resize(size[::-1], Images.Resampling.BILINEAR)
    found = seen(make(height=size[0], width=size[1]), pixels)
    np.testing.assert_allclose(found[0], np.asarray(shown) / 255, atol=1e-5)


def test_colours_are_kept() -> None:
    pixels = np.stack([structure(1), structure(2), structure(3)])
    found = seen(make(3, planes=3, values="imagenet", height=12), pixels)
    assert found.shape == (3, 12, COLUMNS)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (pixels.mean(axis=(1, 2)) / 255 - mean) / std
    np.testing.assert_allclose(found.mean(axis=(1, 2)), expected, atol=0.05)
    assert seen(make(planes=3, colours="magma"), structure(1)).shape == (3, ROWS, COLUMNS)


def test_what_does_not_fit() -> None:
    with raises("image-size", 960, 2880, 961):
        FRONTENDS.create("image", {"rows": ROWS, "columns": COLUMNS}, sample_rate=961, channels=1)
    with raises("image-colours", "planes=1"):
        make(3)
    with raises("image-channels", 2):
        FRONTENDS.create("image", {"rows": 2, "columns": 2}, sample_rate=4, channels=2)
    with raises("image-segment", 960, 480):
        make().output_shape(480)
