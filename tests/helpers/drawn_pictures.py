"""Pictures that tests draw: noise with the fine structure of a number, written as PNG or JPEG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def structure(number: int, *, rows: int = 24, columns: int = 40) -> np.ndarray:
    """Return gray values that only this number gives, uint8 `[rows, columns]`."""
    return np.random.default_rng(number).integers(0, 256, (rows, columns), dtype=np.uint8)


def draw(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    """Write a picture, gray `[rows, columns]` or coloured `[rows, columns, 3]`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def genres(folder: Path, *names: str, clips: int = 4, **size: int) -> Path:
    """Write a folder of pictures per genre, all different."""
    for place, name in enumerate(names):
        for number in range(clips):
            draw(folder / name / f"{number}.png", structure(100 * place + number, **size))
    return folder
