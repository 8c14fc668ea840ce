"""`genrelab demo --compose`: a piece of music for a first try, without PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from genrelab import Recognizer
from genrelab.cli.main import main

BARE = (
    "import sys\n"
    "for name in ('torch', 'lightning', 'pandas', 'scipy', 'sklearn', 'timm'): sys.modules[name] = None\n"
    "from genrelab.cli.main import main\n"
    "sys.exit(main(sys.argv[1:]))\n"
)


def bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command where only the recognizer is installed."""
    return subprocess.run([sys.executable, "-c", BARE, *arguments], capture_output=True, text=True)


@pytest.mark.slow
def test_the_piece_is_composed_without_the_laboratory(tmp_path: Path) -> None:
    piece = tmp_path / "new folder" / "piece.mp3"
    done = bare("demo", "--compose", str(piece))
    assert (done.returncode, done.stdout) == (0, "")
    assert str(piece) in done.stderr
    assert soundfile.info(piece).duration == pytest.approx(30, abs=0.1)
    assert Recognizer.load()(piece).genre == "jazz"


def test_a_command_that_needs_the_laboratory_names_it() -> None:
    done = bare("train", "soundfusion-1", "--corpus", "synthetic:")
    assert (done.returncode, done.stdout) == (1, "")
    assert "not installed" in done.stderr and "genrelab[lab]" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["piece.txt", "song.mp3"])
def test_nothing_is_replaced(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "song.mp3").write_bytes(b"mine")
    assert main(["demo", "--compose", str(tmp_path / name)]) == 2
    assert name in capsys.readouterr().err
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("song.mp3", b"mine")]
