"""WAV and AIFF whose last chunk ends a byte early or late, as many programs write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from raising import raises

from genrelab.library.tags import read_tag, tag_errors

ORDERS = {"wav": "little", "aiff": "big"}


def odd(folder: Path, suffix: str, *, stated: int = 0) -> Path:
    """A file with 1,001 bytes of sound at its end and no zero behind them; it states `stated` bytes more."""
    path = folder / f"odd.{suffix}"
    samples = np.random.default_rng(0).integers(-100, 100, 1001) / 128
    soundfile.write(path, samples, 8000, subtype="PCM_S8" if suffix == "aiff" else "PCM_U8")
    data = path.read_bytes()
    name = b"SSND" if suffix == "aiff" else b"data"
    at = data.index(name)
    size = 1001 + (8 if suffix == "aiff" else 0)  # libsndfile counts the zero in AIFF
    whole = data[: at + 4] + size.to_bytes(4, ORDERS[suffix]) + data[at + 8 : at + 8 + size]
    length = (len(whole) - 8 + stated).to_bytes(4, ORDERS[suffix])
    path.write_bytes(whole[:4] + length + whole[8:])
    return path


def rewritten(path: Path, *genres: str) -> None:
    draft = path.with_suffix(".draft")
    with path.open("rb") as source, draft.open("w+b") as file, tag_errors(path):
        tag = read_tag(source, path)
        tag.set(genres)
        tag.write(source, file)
    draft.replace(path)


@pytest.mark.parametrize("suffix", ORDERS)
def test_the_zero_behind_the_last_chunk_may_be_missing(suffix: str, tmp_path: Path) -> None:
    path = odd(tmp_path, suffix)
    samples = soundfile.read(path)[0]
    rewritten(path, "Ska")
    assert (soundfile.read(path)[0] == samples).all() and len(samples) == 1001
    with path.open("rb") as file:
        assert read_tag(file, path).genres == ("Ska",)


@pytest.mark.parametrize("suffix", ORDERS)
@pytest.mark.parametrize("stated", [1, 2, -2, -600])
def test_a_length_that_is_wrong_by_more_is_refused(suffix: str, stated: int, tmp_path: Path) -> None:
    path = odd(tmp_path, suffix, stated=stated)
    whole = path.read_bytes()
    if stated == 1:  # the zero is counted and was not written
        rewritten(path, "Ska")
    else:
        with raises("tag-file-length", path):
            rewritten(path, "Ska")
        assert path.read_bytes() == whole
