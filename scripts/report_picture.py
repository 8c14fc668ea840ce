"""Take the picture of a run's report in docs/pictures: train on composed music, open the report in chromium.

    python scripts/report_picture.py

Needs the laboratory, playwright and chromium; takes some minutes on two cores.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from genrelab.lab import Experiment, load_corpus, load_recipe, make_split, train

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/helpers"))

import page_server  # noqa: E402

PICTURE = ROOT / "docs/pictures/report.png"
CORPUS = "synthetic:tracks=20,seconds=10,seed=0"
CHANGES = ["audio.segment_seconds=3", "training.max_epochs=8", "training.segments_per_clip=2"]
SIZE = {"width": 1100, "height": 1000}


def main() -> None:
    """Run the command."""
    from playwright.sync_api import sync_playwright

    corpus = load_corpus(CORPUS)
    experiment = Experiment(
        load_recipe("resnet2d-s", changes=CHANGES), corpus, make_split(corpus, "artist", seed=0), seed=0
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = train(experiment, out=folder, device="cpu", model_file=False)
        browser = playwright.chromium.launch(executable_path=page_server.chromium(), args=["--no-sandbox"])
        page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
        page.goto((run.folder / "report.html").as_uri())
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"written: {PICTURE}")


if __name__ == "__main__":
    main()
