"""What a network loses at the edges of short segments.

    python experiments/segment_edges.py TEACHER.safetensors --corpus SPEC

Convolutions fill up the frames beyond the edges of a segment with zeros. The higher a layer, the more of its
values depend on them. A teacher answers 20.48 s at once, and then the same sound in shorter pieces. The first
table compares both: how much of the variance of each layer's values the answers about pieces explain. A
student with short segments cannot match a teacher with long ones much better. The second table has the
balanced accuracy of linear classifiers on the averages of the first four layers, over five folds by artist.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genrelab.audio.pad import fit_length
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.types import Clip
from genrelab.lab.recipes.distill import Distill
from genrelab.lab.teachers.fcn import FcnTagger
from genrelab.lab.training.distillation.genre_teacher import group_of
from genrelab.lab.training.distillation.teacher_set import load_teachers
from genrelab.lab.training.store.audio_store import AudioStore, open_store

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

Floats = npt.NDArray[np.float64]
PIECES = (1, 2, 4)  # in a view
_LEAST_DEVIATION = 1e-3
_FOLDS = 5


class Explained:
    """The share of the variance of standardized values that others explain, over many batches."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, wanted: Tensor, found: Tensor) -> None:
        """Count values `[n, channels]`."""
        wanted, found = wanted.double(), found.double()
        new = {
            "sum": wanted.sum(dim=0),
            "square": wanted.square().sum(dim=0),
            "error": (wanted - found).square().sum(dim=0),
        }
        self.sums = {key: self.sums.get(key, 0) + value for key, value in new.items()}
        self.count += len(wanted)

    def share(self) -> float:
        """Return the share over all channels, each with the same weight."""
        variance = self.sums["square"] / self.count - (self.sums["sum"] / self.count).square()
        scale = variance.clamp_min(_LEAST_DEVIATION**2)
        return float(1 - (self.sums["error"] / self.count / scale).sum() / (variance / scale).sum())


def views(store: AudioStore, ids: Sequence[str], samples: int) -> Iterator[tuple[list[str], Tensor]]:
    """Yield the middle of each clip, repeated if it is shorter, a few clips at a time."""
    for begin in range(0, len(ids), 8):
        some = list(ids[begin : begin + 8])
        sound = []
        for key in some:
            length = store.frames(key)
            wave = store.read(key, max(0, (length - samples) // 2), min(length, samples))
            sound.append(torch.from_numpy(fit_length(wave, samples, padding="repeat")[0]))
        yield some, torch.stack(sound)


def layers(teacher: FcnTagger, sound: Tensor, pieces: int) -> list[Tensor]:
    """Return the outputs of the first four layers for sound `[views, samples]` that is cut into pieces."""
    with torch.no_grad():
        cut = sound.reshape(len(sound) * pieces, -1)
        maps = teacher.scale * teacher.decibels(cut)[:, None] + teacher.shift
        found = []
        for layer, pool in zip(teacher.layers, ((2, 4), (2, 4), (2, 4), (3, 5)), strict=False):
            maps = torch.relu(torch.nn.functional.max_pool2d(layer(maps), pool))
            parts = maps.reshape(len(sound), pieces, *maps.shape[1:])
            found.append(torch.cat(parts.unbind(dim=1), dim=-1))
    return found


def flat(maps: Tensor) -> Tensor:
    """Return maps `[views, channels, bands, frames]` as `[n, channels]`."""
    return maps.movedim(1, -1).flatten(0, -2)


def accuracy(vectors: Floats, clips: Sequence[Clip]) -> float:
    """Return the balanced accuracy of a linear classifier over folds by artist."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
    )
    truth = [clip.genre for clip in clips]
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    found = cross_val_predict(regression, vectors, truth, groups=[group_of(clip) for clip in clips], cv=folds)
    return float(balanced_accuracy_score(truth, found))


def main() -> None:
    """Print both tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("teacher", type=Path, help="weights of a fully convolutional tagger")
    parser.add_argument("--corpus", required=True, help="NAME:PATH; clips without a genre are left out")
    options = parser.parse_args()
    corpus = load_corpus(options.corpus)
    (named,) = load_teachers(Distill(teachers=[str(options.teacher)], regress={"multi": 1.0}))
    teacher = named.network
    if not isinstance(teacher, FcnTagger):
        raise SystemExit(f"{options.teacher} is no fully convolutional tagger")
    store = open_store(corpus, sample_rate=teacher.sample_rate, channels=1)
    clips = [clip for clip in corpus.clips if clip.genre is not None and clip.id in store.clips]
    values = {pieces: [Explained() for _ in range(4)] for pieces in PIECES}
    means = {pieces: [Explained() for _ in range(4)] for pieces in PIECES}
    vectors: dict[int, list[Floats]] = {pieces: [] for pieces in PIECES}
    for _, sound in views(store, [clip.id for clip in clips], teacher.shortest):
        whole = layers(teacher, sound, 1)
        for pieces in PIECES:
            apart = layers(teacher, sound, pieces) if pieces > 1 else whole
            for number, (wanted, found) in enumerate(zip(whole, apart, strict=True)):
                values[pieces][number].add(flat(wanted), flat(found))
                means[pieces][number].add(wanted.mean(dim=(2, 3)), found.mean(dim=(2, 3)))
            vectors[pieces].append(
                torch.cat([each.mean(dim=(2, 3)) for each in apart], dim=1).double().numpy()
            )
    rows: list[dict[str, Any]] = [
        {
            "seconds": teacher.shortest / teacher.sample_rate / pieces,
            "explained": [round(each.share(), 3) for each in values[pieces]],
            "explained_averages": [round(each.share(), 3) for each in means[pieces]],
            "balanced_accuracy": round(accuracy(np.concatenate(vectors[pieces]), clips), 4),
        }
        for pieces in PIECES
    ]
    print("| pieces | layer 1 | 2 | 3 | 4 | its averages | balanced accuracy |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        cells = [f"{share:.2f}" for share in (*row["explained"], row["explained_averages"][3])]
        accurate = 100 * row["balanced_accuracy"]
        print(f"| {row['seconds']:.2f} s | {' | '.join(cells)} | {accurate:.1f} % |")
    print(json.dumps({"benchmark": "segment_edges", "clips": len(clips), "rows": rows} | machine("torch")))


if __name__ == "__main__":
    main()
