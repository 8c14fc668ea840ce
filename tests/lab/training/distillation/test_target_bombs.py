"""Files of targets from strangers: nothing is expanded before its size is known, nothing is waited for."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from raising import raises

from genrelab.errors import RecipeError
from genrelab.lab.training.distillation import npz
from genrelab.lab.training.distillation.target_file import read_targets

NAMES = np.array(["a/one.mp3", "b/two.mp3"])
READ = """
import resource, sys
from genrelab.errors import RecipeError
from genrelab.lab.training.distillation.target_file import read_targets
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_targets(sys.argv[1], ["pen"])
except RecipeError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)
"""


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def packed(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"names": as_npy(NAMES), **members}.items():
            archive.writestr(f"{name}.npy", content)
    return path


def as_npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def zeros(path: Path, key: str, head: bytes, size: int) -> Path:
    """Write a bomb: an array of zeros, a thousand times smaller in the file."""
    packed(path)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open(f"{key}.npy", "w", force_zip64=True) as member,
    ):
        member.write(head)
        for _ in range(size // 2**20):
            member.write(bytes(2**20))
    return path


def test_an_array_that_expands_a_thousand_times_is_refused_before(tmp_path: Path) -> None:
    """400 MiB of zeros in 400 KiB: told, and never in memory."""
    rows = 200 * 2**20 // 4
    path = zeros(tmp_path / "bomb.npz", "pen", header((2, rows)), 400 * 2**20)
    assert path.stat().st_size < 2**20
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    told, grown = done.stdout.splitlines()
    assert str(path) in told and "'pen' would expand from" in told and "numpy.savez" in told
    assert int(grown) < 100 * 1024, "KiB"


@pytest.mark.parametrize("key", ["pen", "names", "learned", "window"])
def test_a_header_that_lies_is_refused(tmp_path: Path, key: str) -> None:
    """A hundred bytes that say they are a terabyte."""
    descr = {"names": "<U100", "learned": "|b1"}.get(key, "<f4")
    path = packed(tmp_path / "lie.npz", pen=as_npy(np.zeros((2, 3))))
    path = packed(tmp_path / "lie.npz", **{"pen": as_npy(np.zeros((2, 3))), key: header((2**40,), descr)})
    with raises("targets-size-wrong", "lie.npz", f"'{key}'"):
        read_targets(str(path), ["pen"])


def test_all_arrays_together_must_fit_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "t.npz", names=NAMES, pen=np.zeros((2, 500)), more=np.zeros((2, 500), np.float16))
    monkeypatch.setattr(npz, "MOST_BYTES", 12_000)
    assert len(read_targets(str(tmp_path / "t.npz"), ["pen"]).names) == 2
    with raises("targets-too-large", "'more'"):
        read_targets(str(tmp_path / "t.npz"), ["pen", "more"])
    assert npz.MOST_BYTES == 12_000


def test_the_bounds_let_real_files_pass() -> None:
    """Ten windows of 10,000 files with 1,280 numbers; well compressed small ones."""
    assert 10 * 10_000 * 1280 * 8 < 8 * 2**30
    assert (npz.MOST_BYTES, npz.MOST_EXPANSION, npz.SMALL) == (8 * 2**30, 200, 64 * 2**20)


def test_a_compressed_file_of_ordinary_size_is_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "t.npz", names=NAMES, pen=np.zeros((2, 50_000)))
    assert read_targets(str(tmp_path / "t.npz"), ["pen"]).arrays["pen"].shape == (2, 50_000)


def test_one_array_that_says_it_is_huge_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "one.npy").write_bytes(header((2**45,)))
    with raises("targets-one-array"):
        read_targets(str(tmp_path / "one.npy"), ["pen"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    for path in (tmp_path / "pipe.npz", Path("/dev/zero"), tmp_path):
        with raises("targets-unreadable", "--targets none"):
            read_targets(str(path), ["pen"])


def test_pickles_run_nothing(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "harm"),)

    np.savez(tmp_path / "t.npz", names=NAMES, pen=np.array([[Harm()], [Harm()]], dtype=object))
    with raises("targets-unreadable", "allow_pickle"):
        read_targets(str(tmp_path / "t.npz"), ["pen"])
    assert not (tmp_path / "harm").exists()


def test_a_thousand_damaged_files_are_read_or_told(tmp_path: Path) -> None:
    """Bytes changed anywhere, also in headers and in the directory of the archive; never another error."""
    rng = np.random.default_rng(0)
    path = tmp_path / "t.npz"
    sources = []
    for number, save in enumerate((np.savez, np.savez_compressed)):
        save(
            tmp_path / f"{number}.npz",
            names=NAMES,
            pen=rng.normal(size=(2, 4)),
            learned=np.array([True, False]),
        )
        sources.append((tmp_path / f"{number}.npz").read_bytes())
    for bzip in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(path, "w", bzip) as archive:
            archive.writestr("names.npy", as_npy(NAMES))
            archive.writestr("pen.npy", as_npy(rng.normal(size=(2, 4))))
        sources.append(path.read_bytes())
    told = 0
    for number in range(1000):
        content = bytearray(sources[number % len(sources)])
        for _ in range(int(rng.integers(1, 6))):
            content[int(rng.integers(len(content)))] = int(rng.integers(256))
        path.write_bytes(content[: int(rng.integers(len(content))) if number % 10 == 0 else len(content)])
        try:
            read_targets(str(path), ["pen"])
        except RecipeError as error:
            assert str(path) in str(error)
            told += 1
    assert told > 300
