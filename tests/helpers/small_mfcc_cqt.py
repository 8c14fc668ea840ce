"""The recipe of paper `mfcc-cqt` made small: 36 bands at 8 kHz, segments of 1.5 s, a few filters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.recipes import Recipe, load_recipe

RATE = 8000
SEGMENT = 12_000  # samples
SHORTEST = 31 * 128  # samples: 32 frames
CROP = 40  # frames

_SMALL = (
    f"audio.sample_rate={RATE}",
    "audio.segment_seconds=1.5",
    "inputs.mfcc.n_mfcc=36",
    "inputs.mfcc.n_mels=40",
    "inputs.mfcc.n_fft=512",
    "inputs.mfcc.hop_length=128",
    "inputs.cqt.n_bins=36",
    "inputs.cqt.bins_per_octave=18",
    "inputs.cqt.fmin=220.0",
    "inputs.cqt.hop_length=128",
    "model.width=4",
    "model.combined=8",
    f"model.crop_frames={CROP}",
    "training.batch_size=4",
    "training.max_epochs=2",
)


def small(*changes: str) -> Recipe:
    """Return the recipe, with further changes."""
    return load_recipe("mfcc-cqt/cnn", changes=[*_SMALL, *changes])


def lively(recipe: Recipe, genres: int = 3) -> GenreNetwork:
    """Return a network whose batch norms have heard something, and whose answers differ by the sound."""
    torch.manual_seed(3)
    network = build_network(recipe, genres=genres).train()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for number in range(3):
            noise = torch.randn(4, 1, recipe.audio.segment_samples, generator=generator)
            network(0.1 * noise.cumsum(-1) / (1 + 20 * number) if number else 0.1 * noise)
        network.body.classify.weight.mul_(5)  # type: ignore[union-attr, operator]
    return network.eval()


@dataclass(frozen=True)
class Lengths:
    """Renders a falling tone in noise, of each clip's own length in samples."""

    samples: tuple[int, ...]
    version: int = 1

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        number = int(clip.id.split("-")[1])
        rng = np.random.default_rng(number)
        time = np.arange(self.samples[number]) / sample_rate
        tone = 0.3 * np.sin(2 * np.pi * (150.0 + 170.0 * number) * time * np.exp(-0.3 * time))
        return (tone + rng.normal(0, 0.02, (channels, time.size))).astype(np.float32)


def uneven(samples: tuple[int, ...]) -> Corpus:
    """Return a corpus with a clip of each length, of two genres in turn."""
    genres = ("high", "low")
    clips = [Clip(f"clip-{number}", None, genres[number % 2]) for number in range(len(samples))]
    return Corpus("uneven", genres, clips, renderer=Lengths(samples))
