"""Install genrelab from a wheel into an empty environment: seconds to the first genre, and size on the disk.

pip and uv install into new environments, uv also with each small extra alone. What they download is kept
between runs where `--cold` is not given, so that the figures leave the network out; uv then links files
instead of copying them. The song is composed by genrelab.

    python benchmarks/install.py [--wheel FILE] [--cold] [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from machine import machine

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("teach", "serve", "parquet", "live", "cluster")
GONE = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME"}


def run(*words: str | Path, env: dict[str, str], cwd: Path) -> float:
    """Run a program; return the seconds that it took."""
    began = time.perf_counter()
    done = subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - began


def megabytes(folder: Path) -> float:
    """Return the size of all files in a folder, without compiled ones."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sum(path.lstat().st_size for path in files) / 1e6


def build(folder: Path, env: dict[str, str]) -> Path:
    """Build the wheel of this checkout."""
    run(sys.executable, "-m", "build", "-w", "-o", folder, ROOT, env=env, cwd=folder)
    return next(folder.glob("*.whl"))


def measure(wheel: Path, work: Path, env: dict[str, str], *, quick: bool) -> Iterator[dict[str, object]]:
    """Yield one row for each way to install, and for each extra."""
    uv = Path(sys.executable).with_name("uv")
    song = work / "song.mp3"

    def first(name: str, python: Path, seconds: float) -> dict[str, object]:
        program = python.with_name("genrelab")
        if not song.exists():
            run(program, "demo", "--compose", song, env=env, cwd=work)
        recognized = run(program, "recognize", "--no-library", song, env=env, cwd=work)
        size = megabytes(python.parents[1])
        return {"how": name, "install_s": seconds, "first_genre_s": recognized, "megabytes": size}

    new = work / "pip"
    seconds = run(sys.executable, "-m", "venv", new, env=env, cwd=work)
    seconds += run(new / "bin" / "pip", "install", "-q", wheel, env=env, cwd=work)
    yield first("python -m venv, pip install", new / "bin" / "python", seconds)
    for extra in ("",) if quick else ("", *EXTRAS):
        new = work / f"uv-{extra}"
        wanted = f"{wheel}[{extra}]" if extra else str(wheel)
        seconds = run(uv, "venv", "-q", "--python", sys.executable, new, env=env, cwd=work)
        python = new / "bin" / "python"
        seconds += run(uv, "pip", "install", "-q", "--python", python, wanted, env=env, cwd=work)
        yield first(f"uv pip install 'genrelab[{extra}]'" if extra else "uv pip install", python, seconds)


def main() -> None:
    """Measure, print a table, then one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheel", type=Path, help="a wheel to install; default: build this checkout")
    parser.add_argument("--cold", action="store_true", help="download everything again")
    parser.add_argument("--quick", action="store_true", help="pip and uv only, no extras")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        env = {name: value for name, value in os.environ.items() if name not in GONE}
        env["GENRELAB_LIBRARY"] = str(work / "library.db")
        if given.cold:
            env |= {"PIP_NO_CACHE_DIR": "1", "UV_CACHE_DIR": str(work / "cache")}
        wheel = given.wheel.resolve() if given.wheel else build(work, env)
        rows = []
        print(f"{'how':44} {'install s':>9} {'first genre s':>13} {'MB':>6}")
        for row in measure(wheel, work, env, quick=given.quick):
            rows.append(row)
            times = f"{row['install_s']:9.1f} {row['first_genre_s']:13.1f}"
            print(f"{row['how']:44} {times} {row['megabytes']:6.0f}", flush=True)
        facts = {"wheel_megabytes": wheel.stat().st_size / 1e6, "cold": given.cold, "rows": rows}
        print(json.dumps({**facts, "machine": machine()}))


if __name__ == "__main__":
    main()
