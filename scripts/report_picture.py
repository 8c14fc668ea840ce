"""Take the picture of a run's report in docs/pictures: train on composed music, open the report in chromium.

    python scripts/report_picture.py

Needs the laboratory, playwright and chromium; takes a minute or two on two cores.
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
RECIPE = "mfcc-cqt/descriptor-mlp"
CHANGES = ["audio.segment_seconds=10", "training.batch_size=16"]
SIZE = {"width": 1100, "height": 945}


def main() -> None:
    """Run the command."""
    from playwright.sync_api import sync_playwright

    corpus = load_corpus(CORPUS)
    split = make_split(corpus, "artist", seed=0)
    experiment = Experiment(load_recipe(RECIPE, changes=CHANGES), corpus, split, seed=0)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = train(experiment, out=folder, device="cpu", model_file=False)
        browser = playwright.chromium.launch(executable_path=page_server.chromium(), args=["--no-sandbox"])
        page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
        page.goto((run.folder / "report.html").as_uri())
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
