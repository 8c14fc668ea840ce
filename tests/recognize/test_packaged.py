"""The model that comes with genrelab, on sound of which it has learned nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab import Recognizer
from genrelab.bundle.bundle import Bundle
from genrelab.bundle.find import PACKAGED_MODEL

RATE = 22_050
SECONDS = 12
GENRES = [
    "blues",
    "classical",
    "country",
    "disco",
    "electronic",
    "hiphop",
    "jazz",
    "metal",
    "pop",
    "reggae",
    "rock",
]


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load(PACKAGED_MODEL)


def test_it_is_small_and_documented() -> None:
    assert PACKAGED_MODEL.stat().st_size < 10_000_000
    about = Bundle.load(PACKAGED_MODEL).metadata
    assert sorted(about.genres) == GENRES
    assert about.recipe == "builtin/genres-11"
    assert len(about.learned) > 1000
    (result,) = about.results
    assert "cross-validation" in str(result["measured"])
    assert 0.0 < about.abstain_below < 1.0


def _not_music() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    time = np.arange(SECONDS * RATE) / RATE
    pink = np.fft.irfft(np.fft.rfft(rng.normal(size=len(time))) / np.sqrt(1 + np.arange(len(time) // 2 + 1)))
    return {
        "white noise": rng.normal(0, 0.1, len(time)),
        "faint noise": rng.normal(0, 0.003, len(time)),
        "pink noise": 0.3 * pink / np.abs(pink).max(),
        "440 Hz": 0.3 * np.sin(2 * np.pi * 440 * time),
        "100 Hz": 0.3 * np.sin(2 * np.pi * 100 * time),
        "mains hum": 0.2 * np.sign(np.sin(2 * np.pi * 50 * time)),
        "sweep": 0.3 * np.sin(2 * np.pi * (50 + 300 * time) * time),
        "clock": 0.8 * (np.arange(len(time)) % (RATE // 2) < 20),
    }


@pytest.mark.parametrize("kind", list(_not_music()))
def test_what_is_no_music_gets_no_genre(kind: str, recognizer: Recognizer) -> None:
    answer = recognizer(_not_music()[kind].astype(np.float32), sample_rate=RATE)
    assert answer.genre == "unsure", answer.genres[:2]


def test_silence_gets_no_genre(recognizer: Recognizer) -> None:
    answer = recognizer(np.zeros(SECONDS * RATE, np.float32), sample_rate=RATE)
    assert (answer.genre, answer.reason) == ("unsure", "silent")


KINDS = ["", "+f1", "+f2", "+f3", "+f4", "+m1", "+m3", "+m5", "+m7", "+whisper"]
SOME = ["en", "en+f3", "en+whisper", "de", "de+f4", "de+m3", "es+f3", "fr", "it", "it+f3", "pl+f2", "pl+m5"]
OTHERS = sorted({each + kind for each in ("de", "en", "es", "fr", "it", "pl") for kind in KINDS} - set(SOME))


@pytest.mark.needs("espeak-ng")
@pytest.mark.parametrize("voice", [*SOME, *(pytest.param(each, marks=pytest.mark.slow) for each in OTHERS)])
def test_speech_gets_no_genre(voice: str, recognizer: Recognizer, tmp_path: Path) -> None:
    file = tmp_path / "speech.wav"
    text = (
        "This is the news at nine. In the north it will rain until the evening, in the south the sun will "
        "come out at noon. The trains run late today, and nobody knows the reason for it."
    )
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(file), text], check=True, capture_output=True)
    assert soundfile.info(file).duration > 5
    answer = recognizer(file)
    assert answer.genre == "unsure", answer.genres[:2]
