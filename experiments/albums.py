"""How much surer an album is than a track, for several rules that combine the answers of tracks.

    python experiments/albums.py predictions.csv... [--quick]
    python experiments/albums.py embeddings.npz [--quick]

An input is the `predictions.csv` of a run, such as one per fold; another CSV with the columns `genre`,
`artist` or `group`, perhaps `album`, and `p_<genre>`; or an array file with the embeddings of segments, for
which a logistic regression is cross-validated by artist (arrays `segments`, `clip_of_segment`, `ids`,
`artist`, `genre`).

Clips of one genre and one album, or else one artist, form pseudo-albums of 1, 2, 4 and 8 clips, each clip in
one of them per drawing. Clips whose artist is unknown form none. Constants of a rule, and the confidence from
which it answers, are those of other artists (five folds). Printed for each rule:

- share of albums answered at 8 in 10 right: the largest share of the most confident answers of which 80 % are
  right;
- the same as a user sees it: answers above the threshold at which single clips are right in 8 of 10 cases,
  and how many of these are right;
- accuracy, log loss, and the calibration error of the confidence;
- all of this with every fourth clip replaced by one of another genre (at least one in four clips).

An artist counts once per genre, whatever the number of clips. Intervals are 95 % bootstrap intervals over
artists. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from album_clips import (
    FOLDS,
    TINY,
    Clips,
    Floats,
    Ints,
    calibrated,
    read_embeddings,
    read_predictions,
    softmax,
)

from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate
from genrelab.lab.metrics.calibration import calibration_error
from genrelab.recognize.albums.evidence import CORRELATION, STRAY, independent_tracks

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

SIZES = (1, 2, 4, 8)
WANTED = 0.8
CORRELATIONS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
STRAYS = (0.02, 0.05, 0.1, 0.2, 0.3)
REPLACED = 4  # one clip of so many is of another genre


class Rule(NamedTuple):
    """How to combine [albums, n, K] probabilities with constants, and which constants to try."""

    combine: Callable[[Floats, float, float], Floats]
    correlations: Sequence[float] = (0.0,)
    strays: Sequence[float] = (0.0,)


def mean(clips: Floats, correlation: float, stray: float) -> Floats:
    """Return the mean of the probabilities."""
    return np.asarray(clips.mean(axis=1))


def sharpened(clips: Floats, correlation: float, stray: float) -> Floats:
    """Return the mean of the probabilities to the power of the number of independent clips."""
    power = independent_tracks(clips.shape[1], correlation)
    return softmax(power * np.log(clips.mean(axis=1) + TINY))


def experts(clips: Floats, correlation: float, stray: float) -> Floats:
    """Return the product for correlated clips, as `genrelab.recognize.albums.evidence` has it."""
    floored = (1 - stray) * clips + stray / clips.shape[2]
    power = independent_tracks(clips.shape[1], correlation)
    return softmax(power * np.log(floored + TINY).mean(axis=1))


RULES = {
    "mean": Rule(mean),
    "mean, sharpened": Rule(sharpened, CORRELATIONS),
    "mean of logarithms": Rule(experts, (1.0,)),
    "product": Rule(experts, (0.0,)),
    "product, correlated": Rule(experts, CORRELATIONS),
    "product, correlated, stray tracks": Rule(experts, CORRELATIONS, STRAYS),
    "as shipped": Rule(experts, (CORRELATION,), (STRAY,)),
}


@dataclass
class Drawn:
    """Pseudo-albums of one size.

    Parameters
    ----------
    members : np.ndarray [shape=(albums, n)], int
        Numbers of clips.
    truth, artist : np.ndarray [shape=(albums,)], int
    weight : np.ndarray [shape=(albums,)]
        Such that each artist and genre has the sum 1.
    """

    members: Ints
    truth: Ints
    artist: Ints
    weight: Floats

    def rows(self, keep: npt.NDArray[np.bool_]) -> Drawn:
        """Return some of the albums."""
        return Drawn(self.members[keep], self.truth[keep], self.artist[keep], self.weight[keep])


def draw(clips: Clips, size: int, least: int, drawings: int, rng: np.random.Generator) -> Drawn:
    """Draw pseudo-albums of one size from those artists and genres with at least some clips."""
    cells: dict[tuple[str, int], list[int]] = {}
    albums = any(clips.albums)
    every = zip(clips.artists, clips.albums, clips.truth, strict=True)
    for number, (artist, album, genre) in enumerate(every):
        if artist:
            cells.setdefault((f"{artist}\0{album}" if albums else artist, int(genre)), []).append(number)
    numbers = {artist: number for number, artist in enumerate(sorted(set(clips.artists)))}
    found: list[tuple[Ints, int, int, float]] = []
    for (name, genre), members in sorted(cells.items()):
        if len(members) < max(size, least):
            continue
        count = len(members) // size
        for _ in range(drawings):
            order = rng.permutation(np.array(members, dtype=np.intp))
            singer = numbers[name.partition("\0")[0]]
            found += [
                (order[at * size : (at + 1) * size], genre, singer, 1 / (count * drawings))
                for at in range(count)
            ]
    members_, truth, artist_, weight = zip(*found, strict=True) if found else ((), (), (), ())
    return Drawn(
        np.array(members_, dtype=int).reshape(-1, size),
        np.array(truth, dtype=int),
        np.array(artist_, dtype=int),
        np.array(weight, dtype=float),
    )


def with_strangers(clips: Clips, drawn: Drawn, rng: np.random.Generator) -> Drawn:
    """Replace one of four members by a clip of another genre."""
    members = drawn.members.copy()
    for row, genre in zip(members, drawn.truth, strict=True):
        others = np.flatnonzero(clips.truth != genre)
        row[: len(row) // REPLACED] = rng.choice(others, len(row) // REPLACED, replace=False)
    return Drawn(members, drawn.truth, drawn.artist, drawn.weight)


class Judged(NamedTuple):
    """Confidence of the answers of a rule for albums of one size, whether right, loss, threshold of each."""

    confidence: Floats
    right: npt.NDArray[np.bool_]
    loss: Floats
    threshold: Floats


def _answers(clips: Clips, drawn: Drawn, rule: Rule, constants: tuple[float, float]) -> Floats:
    return rule.combine(clips.probabilities[drawn.members], *constants)


def _loss(shares: Floats, drawn: Drawn) -> Floats:
    return np.asarray(-np.log(shares[np.arange(len(drawn.truth)), drawn.truth] + TINY))


def fit(clips: Clips, albums: Sequence[Drawn], rule: Rule) -> tuple[float, float]:
    """Return the constants with the least log loss over albums of all sizes."""

    def loss(constants: tuple[float, float]) -> float:
        each = [np.average(_loss(_answers(clips, a, rule, constants), a), weights=a.weight) for a in albums]
        return float(np.mean(each))

    return min(product(rule.correlations, rule.strays), key=loss)


def threshold_for(confidence: Floats, right: npt.NDArray[np.bool_], weight: Floats) -> float:
    """Return the least confidence from which the wanted share of answers is right; above 1 if none is."""
    order = np.argsort(-confidence)
    share = np.cumsum((weight * right)[order]) / np.cumsum(weight[order])
    reached = np.flatnonzero(share >= WANTED)
    return float(confidence[order][reached[-1]]) if len(reached) else 1.1


def cross_fitted(
    clips: Clips, fitting: Mapping[int, Drawn], albums: Drawn, rule: Rule, folds: Ints
) -> tuple[Judged, list[tuple[float, float]]]:
    """Judge a rule, with its constants and the threshold of single clips from other artists."""
    confidence, loss, threshold = (np.zeros(len(albums.truth)) for _ in range(3))
    right = np.zeros(len(albums.truth), dtype=bool)
    chosen = []
    for fold in range(FOLDS):
        known = [drawn.rows(folds[drawn.artist] != fold) for drawn in fitting.values() if len(drawn.truth)]
        constants = fit(clips, [drawn for drawn in known if len(drawn.truth)], rule)
        chosen.append(constants)
        single = clips.probabilities[known[0].members[:, 0]]
        hit = single.argmax(axis=1) == known[0].truth
        held = folds[albums.artist] == fold
        shares = _answers(clips, albums.rows(held), rule, constants)
        if albums.members.shape[1] == 1:
            shares = clips.probabilities[albums.rows(held).members[:, 0]]
        confidence[held], right[held] = shares.max(axis=1), shares.argmax(axis=1) == albums.truth[held]
        loss[held] = _loss(shares, albums.rows(held))
        threshold[held] = threshold_for(single.max(axis=1), hit, known[0].weight)
    return Judged(confidence, right, loss, threshold), chosen


def _share_at_wanted(judged: Judged, weights: Floats) -> Floats:
    """Return the share answered with the wanted share right, for each row of weights [rows, albums]."""
    order = np.argsort(-judged.confidence)
    weights = weights[:, order]
    total = np.cumsum(weights, axis=1)
    with np.errstate(invalid="ignore"):
        share = np.cumsum(weights * judged.right[order], axis=1) / total
    reached = share >= WANTED
    last = weights.shape[1] - 1 - np.argmax(reached[:, ::-1], axis=1)
    answered = total[np.arange(len(weights)), last] / total[:, -1]
    return np.where(reached.any(axis=1), answered, 0.0)


def figures(judged: Judged, albums: Drawn, bootstrap: ClusterBootstrap) -> dict[str, Any]:
    """Return the figures of a rule, with intervals by artist."""
    groups, at = np.unique(albums.artist, return_inverse=True)
    weights = bootstrap.weights[:, groups][:, at] * albums.weight
    once = albums.weight[None, :]
    answered = (judged.confidence >= judged.threshold).astype(float)

    def of(compute: Callable[[Floats], Floats]) -> dict[str, float]:
        with np.errstate(invalid="ignore", divide="ignore"):
            each: Estimate = bootstrap.estimate(float(compute(once)[0]), compute(weights))
        return {key: round(value, 4) for key, value in each._asdict().items()}

    def share(numerator: Floats, denominator: Floats) -> Callable[[Floats], Floats]:
        return lambda weight: (weight @ numerator) / (weight @ denominator)

    everything = np.ones(len(at))
    return {
        "albums": len(at),
        "artists": len(groups),
        "answered_at_8_in_10": of(lambda weight: _share_at_wanted(judged, weight)),
        "answered": of(share(answered, everything)),
        "right_among_answered": of(share(answered * judged.right, answered)),
        "accuracy": of(share(judged.right.astype(float), everything)),
        "log_loss": of(share(judged.loss, everything)),
        "calibration_error": round(_weighted_calibration(judged, albums.weight), 4),
    }


def _weighted_calibration(judged: Judged, weight: Floats) -> float:
    """Return the calibration error with each album repeated by its weight."""
    times = np.maximum(1, np.round(weight / weight.min())).astype(int)
    return float(calibration_error(np.repeat(judged.confidence, times), np.repeat(judged.right, times)))


def compare(clips: Clips, *, drawings: int, resamples: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield one row of figures per kind of albums, size and rule."""
    rng = np.random.default_rng(seed)
    artists = len(set(clips.artists))
    folds = rng.permutation(np.arange(artists) % FOLDS)
    bootstrap = ClusterBootstrap(artists, rng=rng, resamples=resamples)
    fitting = {size: draw(clips, size, 1, drawings, rng) for size in SIZES}
    kinds: dict[tuple[str, int], Drawn] = {("", size): fitting[size] for size in SIZES}
    for size in SIZES[1:]:
        kinds["single clips of these artists", size] = draw(clips, 1, size, drawings, rng)
    for size in SIZES:
        if size >= REPLACED:
            kinds["with strangers", size] = with_strangers(clips, fitting[size], rng)
    for (kind, size), albums in kinds.items():
        if not len(albums.truth):
            continue
        single = albums.members.shape[1] == 1
        for name, rule in RULES.items():
            if single and name != "mean":
                continue  # one clip has its own answer
            judged, chosen = cross_fitted(clips, fitting, albums, rule, folds)
            yield {
                "kind": kind,
                "n": size,
                "rule": "single clip" if single else name,
                "constants": sorted(set(chosen)),
                **figures(judged, albums, bootstrap),
            }


def _percent(estimate: Mapping[str, float]) -> str:
    value, low, high = (100 * estimate[key] for key in ("value", "low", "high"))
    return f"{value:.0f} % ({low:.0f}-{high:.0f})"


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the figures as a table in Markdown."""
    head = ["n", "clips", "rule", "artists", "answered at 8 in 10 right", "above the clips' threshold"]
    head += ["right among these", "accuracy", "log loss", "calibration error"]
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        shares = ("answered_at_8_in_10", "answered", "right_among_answered", "accuracy")
        cells = [row["n"], row["kind"] or "of one artist", row["rule"], row["artists"]]
        cells += [_percent(row[key]) for key in shares]
        cells += [f"{row['log_loss']['value']:.2f}", f"{row['calibration_error']:.3f}"]
        print(f"| {' | '.join(map(str, cells))} |")


def main() -> None:
    """Compare the rules and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("inputs", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--drawings", type=int, default=10, help="pseudo-albums are drawn so many times")
    parser.add_argument("--quick", action="store_true", help="one drawing and few resamples")
    asked = parser.parse_args()
    arrays = [path for path in asked.inputs if path.suffix == ".npz"]
    if arrays and len(asked.inputs) > 1:
        sys.exit(f"{arrays[0]} cannot be combined with other inputs. Name it alone, or CSV files alone.")
    clips = calibrated(read_embeddings(arrays[0]) if arrays else read_predictions(asked.inputs))
    drawings, resamples = (1, 50) if asked.quick else (asked.drawings, 1000)
    rows = list(compare(clips, drawings=drawings, resamples=resamples))
    if not any(row["n"] > 1 for row in rows):
        sys.exit("no artist has two clips of a genre: there is nothing to combine. Name all folds of a run.")
    print_table(rows)
    result = {
        "inputs": [path.name for path in asked.inputs],
        "clips": len(clips.names),
        "with_artist": sum(map(bool, clips.artists)),
        "accuracy": float((clips.probabilities.argmax(axis=1) == clips.truth).mean()),
        "rows": rows,
        **machine("numpy"),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
