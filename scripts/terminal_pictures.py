"""Make the pictures of a terminal in docs/pictures: real commands on composed music, and what they print.

    python scripts/terminal_pictures.py [NAME ...]     all pictures, or those with these names

The names of the temporary folders are replaced by /home/me; all else is as it was printed.
Needs what the tests of the recognizer need: `pip install -e '.[test]'`.
"""

from __future__ import annotations

import html
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mutagen.id3
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/helpers"))

import page_server  # noqa: E402

from genrelab.console import PlainConsole  # noqa: E402

PICTURES = ROOT / "docs/pictures"
COLUMNS, MARGIN = 100, 18
# As rich draws it, but without fonts from another host, and without the frame of a window.
SVG = """<svg viewBox="0 0 {terminal_width} {terminal_height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>{{title}}</title>
<style>
.{unique_id}-matrix {{
    font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
    white-space: pre;
}}
{styles}
</style>
<rect x="-{{margin}}" y="-{{margin}}" width="100%" height="100%" rx="8" fill="#191919"/>
<defs>{lines}</defs>
<g class="{unique_id}-matrix">{matrix}</g>
</svg>
"""


@dataclass(frozen=True)
class Session:
    """What is typed into one terminal, in a folder that was prepared."""

    title: str
    prepare: Callable[[Path], None]
    commands: tuple[str, ...]


def nothing(folder: Path) -> None:
    """Leave the folder empty."""


def album(folder: Path) -> None:
    """Compose pieces without a genre tag in the folder Music, and one that has a genre."""
    music = folder / "Music"
    music.mkdir()
    for path in page_server.compose(music, "classical", "country", "disco", "jazz"):
        tags = mutagen.id3.ID3()
        tags.add(mutagen.id3.TIT2(text=path.stem))
        if path.stem == "jazz":
            tags.add(mutagen.id3.TCON(text="Cool Jazz"))
        tags.save(path)


def sorted_music(folder: Path) -> None:
    """Compose pieces, in one folder per genre."""
    page_server.compose_several(folder / "by-genre", "blues", "disco", "reggae", count=8, seconds=10)
    (folder / "New").mkdir()
    page_server.compose(folder / "New", "disco", "reggae")


SESSIONS = {
    "terminal-start": Session(
        "Two commands: compose a piece, recognize it",
        nothing,
        ("genrelab demo --compose piece.mp3", "genrelab recognize piece.mp3"),
    ),
    "terminal-tag": Session(
        "Write genre tags, and take them back",
        album,
        ("genrelab tag Music", "genrelab tag Music --write", "genrelab tag Music --undo"),
    ),
    "terminal-teach": Session(
        "Teach genres, and recognize them",
        sorted_music,
        (
            "genrelab teach --folders by-genre --to mine.onnx",
            "genrelab recognize New --model mine.onnx",
        ),
    ),
}


def main() -> None:
    """Run the command."""
    wanted = sys.argv[1:] or list(SESSIONS)
    for name in wanted:
        session = SESSIONS[name]
        with tempfile.TemporaryDirectory() as folder:
            picture = draw(session, run(session, Path(folder)))
        (PICTURES / f"{name}.svg").write_text(picture, encoding="utf-8")
        sys.stdout.write(f"{name}\n")


def run(session: Session, folder: Path) -> list[tuple[str, str]]:
    """Run the commands of a session in a folder; return each with what it printed."""
    desk, home = folder / "desk", folder / "home"
    desk.mkdir()
    session.prepare(desk)
    settings = {
        "HOME": str(home),
        "XDG_DATA_HOME": str(home),
        "COLUMNS": str(COLUMNS),
        "OMP_NUM_THREADS": "1",
    }
    ran = []
    for command in session.commands:
        words = [sys.executable, "-m", "genrelab", *shlex.split(command)[1:]]
        done = subprocess.run(
            words,
            cwd=desk,
            env=os.environ | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode not in (0, 1):  # 1: a file is unsure
            raise SystemExit(f"{command}: {done.stdout}")
        ran.append(
            (command, done.stdout.replace(str(desk), "/home/me").replace(str(home), "/home/me/.local/share"))
        )
    return ran


def draw(session: Session, ran: list[tuple[str, str]]) -> str:
    """Return the picture of a session as SVG."""
    console = PlainConsole(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for number, (command, printed) in enumerate(ran):
        console.print(Text("\n$ " if number else "$ ", "bright_black") + Text(command, "bold white"))
        console.print(Text(printed.rstrip("\n")), highlight=False)
    drawn = console.export_svg(
        theme=DIMMED_MONOKAI, code_format=SVG, unique_id="terminal", font_aspect_ratio=0.61
    )
    width, height = re.findall(r'viewBox="0 0 (\S+) (\S+)"', drawn)[0]
    size = f"{float(width) + 2 * MARGIN:.0f} {float(height) + 2 * MARGIN:.0f}"
    drawn = drawn.replace(f'viewBox="0 0 {width} {height}"', f'viewBox="-{MARGIN} -{MARGIN} {size}"')
    return drawn.replace("{title}", html.escape(session.title)).replace("{margin}", str(MARGIN))


if __name__ == "__main__":
    main()
