"""Write the pictures of docs/how into docs/pictures: `python -m scripts.diagrams`, from the root."""

from __future__ import annotations

from scripts.diagrams import architecture, model_file, training
from scripts.diagrams.drawing import ROOT

PICTURES = ROOT / "docs" / "pictures"
DRAWN = {
    "architecture.svg": architecture.draw,
    "model-file.svg": model_file.draw,
    "training.svg": training.draw,
}

if __name__ == "__main__":
    for name, draw in DRAWN.items():
        (PICTURES / name).write_text(draw(), encoding="utf-8")
