"""What `genrelab teach` reaches: few examples, several genres per track, wrong labels, large sets.

    python experiments/teach.py embed MODEL.onnx CLIPS.csv OUT.npz
    python experiments/teach.py accuracy EMBEDDINGS.npz [CLIPS.csv]
    python experiments/teach.py folds FOLD.npz ...
    python experiments/teach.py scale [--tracks 10000] [--genres 20]
    python experiments/teach.py speed BASE.onnx TAUGHT.onnx

`embed` runs a model file on clips. CLIPS.csv has the columns path (relative to its folder), corpus, clip_id,
genre, source_genres and artist. `accuracy` takes what `embed` writes, or any archive with `segments` [n, d],
`clip_of_segment` [n], `ids`, `artist` and `genre` [clips]. With `probabilities` [n, genres] and `genres`, as
`embed` writes them, the model's own head is compared on the same folds. With CLIPS.csv it measures several
genres per track on the clips whose `source_genres` are AllMusic's. Five folds without an artist in two of
them, three seeds; intervals are by artist.

`folds` takes one archive per fold of models that did not learn the clips of the fold, as `embed MODEL.onnx
CLIPS.csv OUT.npz --held-out IDS.txt` writes them: only these clips are tested, and the others are learned.
All its figures, also those of the model's own head, are of clips that the network has not learned.

A clip is predicted as `genrelab recognize` does it: the mean over its segments of the head's probabilities.
The head is fitted to the means of the training clips.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genrelab.bundle.bundle import Bundle
from genrelab.recognize import Recognizer
from genrelab.statistics.bootstrap import ClusterBootstrap, Estimate
from genrelab.statistics.ranking import average_precision, roc_auc
from genrelab.teach.fit.calibration import fit_logistic, fit_temperature
from genrelab.teach.fit.crossval import cross_validate, fit_all
from genrelab.teach.fit.discriminant import Float, Float32, Scaling
from genrelab.teach.fit.figures import plain_estimate
from genrelab.teach.fit.folds import Int, assign_folds
from genrelab.teach.sources.deviations import Recording
from genrelab.teach.sources.examples import Examples
from genrelab.teach.teaching import TeachSettings, teach

FOLDS, SEEDS, SIZES, FLIPPED = 5, (0, 1, 2), (5, 10, 20, None), 0.2
FEWEST_CLIPS = 15


@dataclass
class Clips:
    """Clips and the embeddings of their segments."""

    ids: list[str]
    artists: list[str]
    genres: list[str]
    segments: Float32
    owner: Int
    probabilities: Float32 | None = None
    heads: tuple[str, ...] = ()
    held_out: Any = None

    @classmethod
    def load(cls, path: Path) -> Clips:
        """Read an archive."""
        with np.load(path) as data:
            ids, artists, genres = (data[key].tolist() for key in ("ids", "artist", "genre"))
            more = (data["probabilities"], tuple(data["genres"].tolist())) if "genres" in data else (None, ())
            segments = data["segments"].astype(np.float32)
            held = data.get("held_out")
            return cls(ids, artists, genres, segments, data["clip_of_segment"], more[0], more[1], held)

    def only(self, keep: list[int]) -> Clips:
        """Return some of the clips."""
        number = np.full(len(self.ids), -1)
        number[keep] = np.arange(len(keep))
        rows = number[self.owner] >= 0
        ids, artists, genres = ([column[k] for k in keep] for column in (self.ids, self.artists, self.genres))
        chances = None if self.probabilities is None else self.probabilities[rows]
        owner = number[self.owner][rows]
        held = None if self.held_out is None else self.held_out[keep]
        return Clips(ids, artists, genres, self.segments[rows], owner, chances, self.heads, held)

    def by_clip(self, values: Any) -> Float:
        """Return the mean over the segments of each clip."""
        total = np.zeros((len(self.ids), values.shape[1]))
        np.add.at(total, self.owner, values)
        return total / np.maximum(1, np.bincount(self.owner, minlength=len(self.ids)))[:, None]

    def groups(self) -> Int:
        """Return the number of the artist of each clip; an unknown artist is one of its own."""
        names = [artist or f"clip {clip}" for artist, clip in zip(self.artists, self.ids, strict=True)]
        return np.unique(names, return_inverse=True)[1].astype(np.intp)


def embed(model: Path, table: Path, out: Path, held_out: Path | None = None) -> None:
    """Run a model on the clips of a table."""
    bundle = Bundle.load(model)
    columns: dict[str, list[str]] = {"ids": [], "artist": [], "genre": []}
    segments, chances, owner = [], [], []
    for row in csv.DictReader(table.open(encoding="utf-8")):
        if row["corpus"] not in ("gtzan-short", "emotify", "allmusic-previews"):
            continue
        recording = Recording(bundle)
        Recognizer(recording)(table.parent / row["path"])
        if not recording.embeddings:
            continue
        found = np.concatenate(recording.embeddings)
        segments.append(found)
        chances.append(np.concatenate(recording.probabilities))
        owner += [len(columns["ids"])] * len(found)
        for name, key in (("ids", "clip_id"), ("artist", "artist"), ("genre", "genre")):
            columns[name].append(row[key])
    arrays: dict[str, Any] = {name: np.array(values) for name, values in columns.items()}
    if held_out is not None:
        names = set(held_out.read_text(encoding="utf-8").split("\n"))
        arrays["held_out"] = np.array([clip in names for clip in columns["ids"]])
    np.savez(
        out, segments=np.concatenate(segments), clip_of_segment=np.array(owner),
        probabilities=np.concatenate(chances), genres=np.array(bundle.metadata.genres), **arrays,
    )  # fmt: skip


def head_probabilities(clips: Clips, labels: Float, train: Int, groups: Int) -> Float:
    """Teach some clips and return the probabilities of all."""
    means = clips.by_clip(clips.segments).astype(np.float32)
    scaling = Scaling.of(means[train])
    values = scaling.apply(means)
    inner = assign_folds(labels[train], np.unique(groups[train], return_inverse=True)[1], 3,
                         np.random.default_rng(0))  # fmt: skip
    held = cross_validate(values[train], labels[train], inner, multi=False)
    linear = fit_all(values[train], labels[train], held.shrinkage, multi=False)
    temperature = fit_temperature(held.scores, labels[train])
    scores = linear.scores(scaling.apply(clips.segments)) / temperature
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return clips.by_clip(powers / powers.sum(axis=1, keepdims=True))


def balanced(right: Float, truth: Int, groups: Int) -> tuple[Estimate, Float]:
    """Return the balanced accuracy with its interval by artist, and its resamples."""
    bootstrap = ClusterBootstrap(int(groups.max()) + 1, rng=np.random.default_rng(0), resamples=1000)
    rows, values = [], []
    for genre in np.unique(truth):
        has = truth == genre
        values.append(right[has].mean())
        with np.errstate(invalid="ignore"):
            rows.append(bootstrap.sums(right * has, groups) / bootstrap.sums(has, groups))
    drawn = np.nanmean(rows, axis=0)
    return bootstrap.estimate(float(np.mean(values)), drawn), drawn


def show(estimate: Estimate) -> str:
    """Format a share in percent."""
    return f"{100 * estimate.value:.1f} % ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def few_examples(clips: Clips) -> dict[str, Any]:
    """Print the accuracy with few and with all examples per genre."""
    genres, truth = np.unique(clips.genres, return_inverse=True)
    labels, groups = np.eye(len(genres))[truth], clips.groups()
    print(f"{len(truth)} clips, {len(genres)} genres, {len(np.unique(groups))} artists")
    print("| examples per genre | balanced accuracy of held-out artists |\n| --- | ---: |")
    right, result = np.zeros(len(truth)), {}
    for size in SIZES:
        told = []
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            folds, found = assign_folds(labels, groups, FOLDS, rng), np.zeros(len(truth))
            for fold in range(FOLDS):
                pool = rng.permutation(np.flatnonzero(folds != fold))
                train = np.concatenate([pool[truth[pool] == genre][:size] for genre in range(len(genres))])
                test = folds == fold
                predicted = head_probabilities(clips, labels, train, groups).argmax(axis=1)
                found[test] = (predicted == truth)[test]
            told.append(found)
        right = np.mean(told, axis=0)
        result[str(size or "all")] = plain_estimate(balanced(right, truth, groups)[0])
        print(f"| {size or 'all'} | {show(balanced(right, truth, groups)[0])} |", flush=True)
    if clips.probabilities is not None:
        own = clips.by_clip(clips.probabilities).argmax(axis=1)
        names = {name: number for number, name in enumerate(genres)}
        head = np.array([names.get(clips.heads[k], -1) for k in own]) == truth
        print(f"| the model's own head | {show(balanced(head.astype(float), truth, groups)[0])} |")
        estimate, drawn = balanced(right, truth, groups)
        other, drawn_head = balanced(head.astype(float), truth, groups)
        low, high = 100 * np.quantile(drawn - drawn_head, [0.025, 0.975])
        print(f"taught with all examples minus the head: {100 * (estimate.value - other.value):+.1f} points "
              f"({low:+.1f} to {high:+.1f})")  # fmt: skip
        result["own head"] = plain_estimate(other)
    return result


def by_folds(parts: list[Clips]) -> dict[str, Any]:
    """Print the accuracy on the held-out clips of each archive, taught and by the model's own head."""
    names = sorted({genre for part in parts for genre in part.genres})
    truth, keys = [], []
    right: dict[str, list[Any]] = {}
    for part in parts:
        own, groups = np.array([names.index(genre) for genre in part.genres]), part.groups()
        labels = np.eye(len(names))[own]
        truth.append(own[part.held_out])
        keys += [part.artists[k] or f"clip {part.ids[k]}" for k in np.flatnonzero(part.held_out)]
        known = np.isin(groups, groups[part.held_out])
        for size in SIZES:
            told = []
            for seed in SEEDS:
                pool = np.random.default_rng(seed).permutation(np.flatnonzero(~known))
                train = np.concatenate([pool[own[pool] == genre][:size] for genre in range(len(names))])
                told.append(head_probabilities(part, labels, train, groups).argmax(axis=1) == own)
            right.setdefault(f"taught, {size or 'all'} per genre", []).append(
                np.mean(told, axis=0)[part.held_out]
            )
        if part.probabilities is not None:
            found = part.by_clip(part.probabilities).argmax(axis=1)
            head = np.array([part.heads[k] for k in found]) == np.array(part.genres)
            right.setdefault("the model's own head", []).append(head[part.held_out].astype(float))
    numbers = np.unique(keys, return_inverse=True)[1].astype(np.intp)
    print("| head | balanced accuracy of held-out clips |\n| --- | ---: |")
    result = {}
    for name, values in right.items():
        estimate = balanced(np.concatenate(values), np.concatenate(truth), numbers)[0]
        result[name] = plain_estimate(estimate)
        print(f"| {name} | {show(estimate)} |")
    return result


def several_genres(clips: Clips, table: Path) -> dict[str, Any]:
    """Print mean average precision and AUC of independent probabilities over AllMusic's genres."""
    with table.open(encoding="utf-8") as file:
        reader = csv.DictReader(file)
        lacking = {"clip_id", "corpus", "source_genres"} - set(reader.fieldnames or ())
        if lacking:
            raise SystemExit(
                f"{table} has no column {min(lacking)}; name the table that lists the clips' several genres"
            )
        rows = {row["clip_id"]: row for row in reader if row["corpus"] == "allmusic-previews"}
    keep = [k for k, clip in enumerate(clips.ids) if clip in rows and rows[clip]["source_genres"]]
    clips = clips.only(keep)
    own = [
        [value.strip() for value in rows[clip]["source_genres"].split(";") if value.strip()]
        for clip in clips.ids
    ]
    counts = Counter(genre for genres in own for genre in set(genres))
    names = sorted(genre for genre, count in counts.items() if count >= FEWEST_CLIPS)
    labels = np.array([[float(name in genres) for name in names] for genres in own])
    keep = np.flatnonzero(labels.sum(axis=1) > 0).tolist()
    clips, labels, groups = clips.only(keep), labels[keep], clips.only(keep).groups()
    means = clips.by_clip(clips.segments).astype(np.float32)
    print(f"\n{len(keep)} clips, {len(names)} genres with at least {FEWEST_CLIPS}: {', '.join(names)}")
    results = []
    for seed in SEEDS:
        folds = assign_folds(labels, groups, FOLDS, np.random.default_rng(seed))
        scores = np.zeros(labels.shape)
        for fold in range(FOLDS):
            train, test = np.flatnonzero(folds != fold), folds == fold
            scaling = Scaling.of(means[train])
            values = scaling.apply(means)
            inner = assign_folds(labels[train], np.unique(groups[train], return_inverse=True)[1], 3,
                                 np.random.default_rng(seed))  # fmt: skip
            held = cross_validate(values[train], labels[train], inner, multi=True)
            found = fit_all(values[train], labels[train], held.shrinkage, multi=True)
            segments = found.scores(scaling.apply(clips.segments))
            for genre in range(len(names)):
                slope, offset = fit_logistic(held.scores[:, genre], labels[train, genre] > 0)
                chance = 1 / (1 + np.exp(-(slope * segments[:, genre : genre + 1] + offset)))
                scores[test, genre] = clips.by_clip(chance)[test, 0]
        results.append(scores)
    bootstrap = ClusterBootstrap(int(groups.max()) + 1, rng=np.random.default_rng(0), resamples=500)
    weights = np.concatenate([np.ones((1, len(groups))), bootstrap.weights[:, groups]])
    result = {}
    for title, figure in (("mean average precision", average_precision), ("ROC-AUC", roc_auc)):
        table_of = [
            [figure(scores[:, k], labels[:, k] > 0, weights) for k in range(len(names))] for scores in results
        ]
        drawn = np.nanmean(np.nanmean(table_of, axis=1), axis=0)
        estimate = bootstrap.estimate(float(drawn[0]), drawn[1:])
        result[title] = plain_estimate(estimate)
        print(f"{title}: {show(estimate)}")
        each = np.mean(np.array(table_of)[:, :, 0], axis=0)
        print("  " + ", ".join(f"{name} {100 * value:.0f}" for name, value in zip(names, each, strict=True)))
    print(f"share of positive labels (the mean average precision of chance): {100 * labels.mean():.1f} %")
    return result


def wrong_labels(clips: Clips) -> float:
    """Print how many labels changed at random are among the first that are probably wrong."""
    means = clips.by_clip(clips.segments).astype(np.float32)
    shares = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        names = np.unique(clips.genres)
        flip = rng.random(len(clips.ids)) < FLIPPED
        genres = np.array(clips.genres)
        for k in np.flatnonzero(flip):
            genres[k] = rng.choice(names[names != genres[k]])
        keys = [artist or f"clip {clip}" for artist, clip in zip(clips.artists, clips.ids, strict=True)]
        examples = Examples(
            tuple(clips.ids), tuple((str(genre),) for genre in genres), tuple(keys),
            tuple(clip.encode() for clip in clips.ids), means,
        )  # fmt: skip
        taught = teach(examples, TeachSettings(seed=seed))
        first = [each.example for each in taught.suspects][: int(0.3 * len(examples))]
        shares.append(float(flip[first].sum() / flip.sum()))
        print(f"seed {seed}: {int(flip.sum())} labels changed; {len(taught.suspects)} are probably wrong; "
              f"{100 * shares[-1]:.1f} % of the changed are among the first {len(first)} "
              f"(30 % of all clips)")  # fmt: skip
    print(f"mean: {100 * np.mean(shares):.1f} %")
    return round(float(np.mean(shares)), 4)


def scale(tracks: int, genres: int, size: int) -> None:
    """Print time and memory of teaching a large set of stored embeddings."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 0.3, (genres, size))
    truth = rng.integers(genres, size=tracks)
    vectors = (centres[truth] + rng.normal(0, 1, (tracks, size))).astype(np.float32)
    examples = Examples(
        tuple(f"/music/{k}.mp3" for k in range(tracks)),
        tuple((f"genre {k}",) for k in truth),
        tuple(f"artist {k // 8}" for k in range(tracks)),
        tuple(k.to_bytes(32, "big") for k in range(tracks)),
        vectors,
    )
    deviations = rng.normal(0, 0.5, (60, size)).astype(np.float32)
    begun, worked = time.monotonic(), time.process_time()
    taught = teach(examples, deviations=deviations)
    seconds, work = time.monotonic() - begun, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{tracks:,} tracks, {genres} genres, {size} numbers: {seconds:.1f} s, {work:.1f} s of processor time"
    )
    print(f"peak {peak:.0f} MiB; balanced accuracy {show(taught.figures.balanced_accuracy)}")


def speed(base: Path, taught: Path) -> None:
    """Print how long a taught model takes in comparison with its base: runs of both in turn, median."""
    bundles = [Bundle.load(path, threads=1) for path in (base, taught)]
    metadata = bundles[0].metadata
    shape = (6, metadata.channels, metadata.segment_samples)
    waves = np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)
    for bundle in bundles:
        bundle.predict(waves)
    ratios = []
    for number in range(60):
        times = [0.0, 0.0]
        for which in (0, 1) if number % 2 else (1, 0):
            begun = time.process_time()
            bundles[which].predict(waves)
            times[which] = time.process_time() - begun
        ratios.append(times[1] / times[0])
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    print(
        f"time of the taught model over that of its base: median {middle:.3f} "
        f"(quartiles {low:.3f}, {high:.3f})"
    )


def main() -> None:
    """Run what is asked."""
    parser = argparse.ArgumentParser(description="Measure `genrelab teach`.")
    commands = parser.add_subparsers(dest="command", required=True)
    embedding = commands.add_parser("embed")
    for name in ("model", "clips", "out"):
        embedding.add_argument(name, type=Path)
    embedding.add_argument("--held-out", type=Path)
    folded = commands.add_parser("folds")
    folded.add_argument("folds", type=Path, nargs="+")
    accuracy = commands.add_parser("accuracy")
    accuracy.add_argument("embeddings", type=Path)
    accuracy.add_argument("clips", type=Path, nargs="?")
    large = commands.add_parser("scale")
    for name, default in (("--tracks", 10_000), ("--genres", 20), ("--size", 688)):
        large.add_argument(name, type=int, default=default)
    compared = commands.add_parser("speed")
    for name in ("base", "taught"):
        compared.add_argument(name, type=Path)
    given = parser.parse_args()
    if given.command == "speed":
        speed(given.base, given.taught)
    elif given.command == "embed":
        embed(given.model, given.clips, given.out, given.held_out)
    elif given.command == "folds":
        loaded = [Clips.load(path) for path in given.folds]
        folds = [part.only([k for k, genre in enumerate(part.genres) if genre]) for part in loaded]
        print(json.dumps(by_folds(folds)))
    elif given.command == "scale":
        scale(given.tracks, given.genres, given.size)
    else:
        clips = Clips.load(given.embeddings)
        labelled = clips.only([k for k, genre in enumerate(clips.genres) if genre])
        result: dict[str, Any] = {"few": few_examples(labelled)}
        if given.clips is not None:
            result["several"] = several_genres(clips, given.clips)
        print()
        result["wrong labels found"] = wrong_labels(labelled)
        print(json.dumps(result))


if __name__ == "__main__":
    main()
