"""How confident models are on sound that is not music: synthetic noise and tones, and espeak-ng's voices.

    python experiments/not_music.py MODEL... [--quick]

Prints one row per model and kind of sound: mean and maximum of the highest genre probability, and how many
sounds get a genre instead of `unsure`. The voices need espeak-ng. Only models from `genrelab finalize` have a
threshold; all others always give a genre.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab import Recognizer
from genrelab.recognize import UNSURE, Recognition

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

RATE = 16_000
SECONDS = 12
LANGUAGES = ("de", "en", "es", "fr", "it", "pl")
KINDS = ("", "+f1", "+f2", "+f3", "+f4", "+m1", "+m3", "+m5", "+m7", "+whisper")
TEXT = (
    "Good evening. Tonight the library stays open until ten, and the reading in the small hall begins a "
    "little later than announced. Whoever has a ticket may wait in the garden."
)

Waveform = npt.NDArray[np.float32]


def synthetic_sounds() -> list[Waveform]:
    """Return noise of three colours and two levels, tones, hum, sweeps and clicks."""
    rng = np.random.default_rng(0)
    count = SECONDS * RATE
    time = np.arange(count) / RATE
    bins = 1 + np.arange(count // 2 + 1)
    sounds = []
    for slope in (0.0, 0.5, 1.0):
        noise = np.fft.irfft(np.fft.rfft(rng.normal(size=count)) / bins**slope)
        sounds += [level * noise / np.abs(noise).max() for level in (0.3, 0.01)]
    sounds += [0.3 * np.sin(2 * np.pi * hertz * time) for hertz in (60, 150, 440, 1000, 3000)]
    sounds += [0.2 * np.sign(np.sin(2 * np.pi * hertz * time)) for hertz in (50, 120)]
    sounds += [0.3 * np.sin(2 * np.pi * (50 + speed * time) * time) for speed in (30, 300)]
    sounds += [0.8 * (np.arange(count) % int(RATE * gap) < 20) for gap in (0.2, 0.5, 1.0)]
    return [sound.astype(np.float32) for sound in sounds]


def predict(recognizer: Recognizer, voices: list[Path]) -> dict[str, list[Recognition]]:
    """Return the predictions of a model for all sounds, by kind of sound."""
    found = {"noise and tones": [recognizer(sound, sample_rate=RATE) for sound in synthetic_sounds()]}
    if voices:
        found["voices"] = [recognizer(path) for path in voices]
    return found


def speak(folder: Path, *, quick: bool) -> list[Path]:
    """Synthesize a text with all voices of espeak-ng, or one per language; return the files."""
    if shutil.which("espeak-ng") is None:
        print("espeak-ng is not installed: voices are skipped", file=sys.stderr)
        return []
    paths = []
    for voice in [language + kind for language in LANGUAGES for kind in KINDS[: 1 if quick else None]]:
        path = folder / f"{voice}.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), TEXT], check=True, capture_output=True)
        paths.append(path)
    return paths


def row(model: Path, kind: str, answers: list[Recognition]) -> dict[str, Any]:
    """Return the row of one model and kind of sound."""
    highest = [max(share for _, share in answer.genres) for answer in answers]
    return {
        "model": str(model),
        "sounds": kind,
        "count": len(answers),
        "mean": float(np.mean(highest)),
        "maximum": max(highest),
        "named": sum(answer.genre != UNSURE for answer in answers),
    }


def main() -> None:
    """Print the table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    parser.add_argument("--quick", action="store_true", help="one voice per language: a smoke test")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        voices = speak(Path(folder), quick=options.quick)
        rows = [
            row(model, kind, answers)
            for model in options.models
            for kind, answers in predict(Recognizer.load(model), voices).items()
        ]
    print("| model | sounds | | highest probability, mean | maximum | get a genre |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for each in rows:
        figures = f"{each['count']} | {each['mean']:.2f} | {each['maximum']:.2f} | {each['named']}"
        print(f"| {each['model']} | {each['sounds']} | {figures} |")
    print("\n" + json.dumps({"benchmark": "not_music", "rows": rows} | machine("numpy", "onnxruntime")))


if __name__ == "__main__":
    main()
