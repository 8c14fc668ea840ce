"""Which classifier of embeddings `genrelab teach` should use, on the embeddings of real clips.

    python experiments/teach_classifier.py SEGMENTS.npz

SEGMENTS.npz has `segments` [n, d], `clip_of_segment` [n], and one item per clip in `ids`, `artist` ("" if
unknown) and `genre` ("" is left out). Compared are shrinkage discriminants, multinomial logistic
regression (scikit-learn) and nearest neighbours, each fitted to segments or to the mean of each clip. The
predictions for a clip are the mean over its segments' probabilities, or those of its mean. Five folds without
an artist in two of them, three seeds; the strength of regularization (or the number of neighbours) is chosen
within the training folds. Intervals are by artist, and paired: every method predicts the same clips.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from genrelab.statistics.bootstrap import ClusterBootstrap
from genrelab.teach.fit.discriminant import Float, Float32, Moments, Scaling, discriminants
from genrelab.teach.fit.folds import Int, assign_folds

Fit = Callable[[Float32, Int, int, float], Callable[[Float32], Float]]
FOLDS, SEEDS = 5, (0, 1, 2)
SHARPNESS = 5.0  # of the votes of neighbours


def softmax(scores: Float) -> Float:
    """Return probabilities [n, genres]."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def discriminant(values: Float32, truth: Int, genres: int, strength: float) -> Callable[[Float32], Float]:
    """Fit shrinkage discriminants; the probabilities are cooled, which does not change a single decision."""
    moments = Moments.of(values, np.eye(genres)[truth])
    linear = discriminants(moments, (strength,), multi=False)[0]
    return lambda found: softmax(linear.scores(found) / 5.0)


def logistic(values: Float32, truth: Int, genres: int, strength: float) -> Callable[[Float32], Float]:
    """Fit logistic regression with balanced classes; `strength` is scikit-learn's C."""
    fitted = LogisticRegression(C=strength, class_weight="balanced", max_iter=300, tol=1e-3).fit(
        values, truth
    )

    def predict(found: Float32) -> Float:
        result = np.zeros((len(found), genres))
        result[:, fitted.classes_] = fitted.predict_proba(found)
        return result

    return predict


def neighbours(values: Float32, truth: Int, genres: int, strength: float) -> Callable[[Float32], Float]:
    """Vote by cosine similarity, balanced by genre; `strength` is the number of neighbours."""
    count = int(strength)
    directions = values / np.linalg.norm(values, axis=1, keepdims=True)
    weight = 1.0 / np.bincount(truth, minlength=genres)[truth]

    def predict(found: Float32) -> Float:
        cosine = (found / np.linalg.norm(found, axis=1, keepdims=True)) @ directions.T
        nearest = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
        rows, votes = np.arange(len(found)), np.zeros((len(found), genres))
        for column in range(count):
            which = nearest[:, column]
            np.add.at(votes, (rows, truth[which]), np.exp(SHARPNESS * cosine[rows, which]) * weight[which])
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))

    return predict


METHODS: dict[str, tuple[Fit, tuple[float, ...]]] = {
    "shrinkage discriminants": (discriminant, (0.1, 0.3, 0.5, 0.7, 0.9)),
    "logistic regression": (logistic, (1e-4, 1e-3, 1e-2)),
    "nearest neighbours": (neighbours, (5, 10, 20)),
}


class Clips:
    """The clips with a genre, their segments and groups."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as data:
            genre, artist, ids = data["genre"], data["artist"], data["ids"]
            known = np.flatnonzero(genre != "")
            number = np.full(len(genre), -1)
            number[known] = np.arange(len(known))
            owner = number[data["clip_of_segment"]]
            self.segments = Scaling.of(data["segments"]).apply(data["segments"])[owner >= 0]
        self.owner = owner[owner >= 0]
        self.genres, self.truth = np.unique(genre[known], return_inverse=True)
        names = [a or f"clip {i}" for a, i in zip(artist[known], ids[known], strict=True)]
        self.groups = np.unique(names, return_inverse=True)[1]
        self.means = self.by_clip(self.segments).astype(np.float32)

    def by_clip(self, values: Float) -> Float:
        """Return the mean over the segments of each clip."""
        total = np.zeros((len(self.truth), values.shape[1]))
        np.add.at(total, self.owner, values)
        return total / np.maximum(1, np.bincount(self.owner, minlength=len(total)))[:, None]

    def predict(self, fit: Fit, strength: float, train: Int, *, segments: bool) -> Float:
        """Fit the training clips and return the probabilities of all clips."""
        count = len(self.genres)
        if not segments:
            return fit(self.means[train], self.truth[train], count, strength)(self.means)
        rows = np.isin(self.owner, train)
        predict = fit(self.segments[rows], self.truth[self.owner[rows]], count, strength)
        return self.by_clip(predict(self.segments))


def balanced(right: Float, truth: Int, rows: Int) -> float:
    """Return the mean recall over genres of some clips."""
    genres = np.unique(truth[rows])
    return float(np.mean([right[rows][truth[rows] == genre].mean() for genre in genres]))


def held_out(clips: Clips, method: str, seed: int, *, segments: bool, quick: bool) -> Float:
    """Return whether each clip is predicted correctly by a classifier that did not see its artist."""
    fit, strengths = METHODS[method]
    labels = np.eye(len(clips.genres))[clips.truth]
    folds = assign_folds(labels, clips.groups, FOLDS, np.random.default_rng(seed))
    right = np.zeros(len(clips.truth))
    for fold in range(FOLDS):
        inner = (fold + 1) % FOLDS  # one other fold chooses the strength
        chosen, best = strengths[len(strengths) // 2], -1.0
        for strength in () if quick else strengths:
            train = np.flatnonzero((folds != fold) & (folds != inner))
            told = clips.predict(fit, strength, train, segments=segments).argmax(axis=1) == clips.truth
            value = balanced(told.astype(float), clips.truth, np.flatnonzero(folds == inner))
            if value > best:
                chosen, best = strength, value
        found = clips.predict(fit, chosen, np.flatnonzero(folds != fold), segments=segments)
        right[folds == fold] = (found.argmax(axis=1) == clips.truth)[folds == fold]
    return right


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("segments", type=Path)
    parser.add_argument("--quick", action="store_true", help="one seed, no choice of the strength")
    given = parser.parse_args()
    clips = Clips(given.segments)
    seeds = SEEDS[:1] if given.quick else SEEDS
    bootstrap = ClusterBootstrap(int(clips.groups.max()) + 1, rng=np.random.default_rng(0), resamples=1000)

    def recalls(right: Float) -> Float:
        rows = []
        for genre in range(len(clips.genres)):
            has = clips.truth == genre
            with np.errstate(invalid="ignore"):
                rows.append(bootstrap.sums(right * has, clips.groups) / bootstrap.sums(has, clips.groups))
        return np.asarray(np.nanmean(rows, axis=0))

    every = np.arange(len(clips.truth))
    print(f"{len(every)} clips, {len(clips.genres)} genres, {bootstrap.n_groups} artists, seeds {seeds}")
    print("| method | fitted to | balanced accuracy | difference from the first, points |")
    print("| --- | --- | ---: | ---: |")
    first: tuple[float, Float] | None = None
    result = {}
    for method in METHODS:
        for segments in (False, True):
            right = np.mean(
                [held_out(clips, method, seed, segments=segments, quick=given.quick) for seed in seeds],
                axis=0,
            )
            value, drawn = balanced(right, clips.truth, every), recalls(right)
            whole = bootstrap.estimate(value, drawn)
            first = first or (value, drawn)
            result[f"{method}, {'segments' if segments else 'track means'}"] = round(value, 4)
            paired = bootstrap.estimate(value - first[0], drawn - first[1])
            print(
                f"| {method} | {'segments' if segments else 'track means'} "
                f"| {100 * value:.1f} % ({100 * whole.low:.1f} to {100 * whole.high:.1f}) "
                f"| {100 * paired.value:+.1f} ({100 * paired.low:+.1f} to {100 * paired.high:+.1f}) |",
                flush=True,
            )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
