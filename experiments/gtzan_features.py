"""Accuracy of GTZAN's published descriptors under nine kinds of split: docs/results/gtzan-features.md.

Trains the network `descriptor-table` and a linear classifier on every split, with several seeds for the
split and the weights, and prints the tables. Finished runs are not repeated; a stopped run resumes. Test
clips affect neither the choice of the epoch nor the standardization.

    python experiments/gtzan_features.py PATH/TO/features_30_sec.csv --out runs/gtzan-features
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.loaders.feature_table import TableRows
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.splits.split_checks import check_split
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.frontends.descriptors import DESCRIPTORS
from genrelab.lab.metrics.bootstrap import ClusterBootstrap
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.experiment import Experiment

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

RANDOM = "random, 10 folds"
RANDOM_5 = "random, 5 folds"
SHARES = "random, 60/20/20"
IN_ORDER = "in order, 60/20/20"
ARTIST_5 = "by artist, 5 folds"
ARTIST_SHARES = "by artist, 60/20/20"
PUBLISHED = "fault-filtered"
SAME_SIZES = "random, sizes of fault-filtered"
ARTIST_SAME_SIZES = "by artist, sizes of fault-filtered"
FALLS = (
    (SHARES, PUBLISHED),
    (RANDOM, PUBLISHED),
    (RANDOM, SAME_SIZES),
    (SAME_SIZES, PUBLISHED),
    (SAME_SIZES, ARTIST_SAME_SIZES),
    (ARTIST_SAME_SIZES, PUBLISHED),
    (RANDOM_5, ARTIST_5),
    (SHARES, ARTIST_SHARES),
    (SHARES, IN_ORDER),
)
OF_AVERAGES = (SHARES, IN_ORDER, ARTIST_SHARES, PUBLISHED, SAME_SIZES)
MODELS = ("network", "linear")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Protocol:
    """A way to split the clips.

    Parameters
    ----------
    name : str
    corpus : Corpus
    splits : callable
        Takes a seed, returns all splits (folds) for it.
    """

    name: str
    corpus: Corpus
    splits: Callable[[int], list[Split]]


def protocols(corpus: Corpus, *, quick: bool) -> list[Protocol]:
    """Return the ways to split a table of GTZAN; `quick` takes two folds instead of five or ten.

    Ten folds by artist are impossible: all blues clips are by nine artists.
    """
    ten, five = (2, 2) if quick else (10, 5)
    published = corpus.published_splits["published"]
    kept = {*published.train, *published.valid, *published.test}
    filtered = dataclasses.replace(
        corpus, name=f"{corpus.name}-faultless", clips=[clip for clip in corpus.clips if clip.id in kept]
    )
    sizes = [len(part) for part in (published.train, published.valid, published.test)]
    train, valid = (round(100 * size / sum(sizes)) for size in sizes[:2])
    alike = f"artist:{train}/{valid}/{100 - train - valid}"

    def kinds(*names: str) -> Callable[[int], list[Split]]:
        return lambda seed: [make_split(corpus, name, seed=seed) for name in names]

    def folds(kind: str, count: int) -> Callable[[int], list[Split]]:
        return kinds(*(f"{kind}:{fold}/{count}" for fold in range(count)))

    return [
        Protocol(RANDOM, corpus, folds("kfold", ten)),
        Protocol(RANDOM_5, corpus, folds("kfold", five)),
        Protocol(SHARES, corpus, kinds("random:60/20/20")),
        Protocol(IN_ORDER, corpus, lambda seed: [in_order(corpus)]),
        Protocol(ARTIST_5, corpus, folds("artist-kfold", five)),
        Protocol(ARTIST_SHARES, corpus, kinds("artist:60/20/20")),
        Protocol(PUBLISHED, corpus, kinds("published")),
        Protocol(SAME_SIZES, filtered, lambda seed: [same_sizes(filtered, published, seed=seed)]),
        Protocol(ARTIST_SAME_SIZES, filtered, lambda seed: [make_split(filtered, alike, seed=seed)]),
    ]


def same_sizes(corpus: Corpus, like: Split, *, seed: int) -> Split:
    """Draw a random split whose parts have the sizes and genre counts of another split."""
    clips, rng = corpus.by_id(), np.random.default_rng(seed)
    train: list[str] = []
    valid: list[str] = []
    test: list[str] = []
    for genre in corpus.genres:
        left = [clip.id for clip in corpus.clips if clip.genre == genre]
        rng.shuffle(left)
        for part, whole in ((train, like.train), (valid, like.valid), (test, like.test)):
            count = sum(clips[key].genre == genre for key in whole)
            part += left[:count]
            left = left[count:]
    made = f"at random, sizes and genres of {like.name}, seed {seed}"
    split = Split("random-same-sizes", train, valid, test, made=made)
    return dataclasses.replace(split, findings=check_split(corpus, split))


def in_order(corpus: Corpus) -> Split:
    """Train on the first 60 clips of each genre, validate on the next 20, test on the last 20."""
    train: list[str] = []
    valid: list[str] = []
    test: list[str] = []
    for genre in corpus.genres:
        ids = sorted(clip.id for clip in corpus.clips if clip.genre == genre)
        first, second = round(0.6 * len(ids)), round(0.8 * len(ids))
        train += ids[:first]
        valid += ids[first:second]
        test += ids[second:]
    made = "60/20/20 of each genre, in the order of their numbers"
    split = Split("in-order-60-20-20", train, valid, test, made=made)
    return dataclasses.replace(split, findings=check_split(corpus, split))


class Tally:
    """How often each clip was tested and predicted correctly, over the splits of all seeds.

    Parameters
    ----------
    corpus : Corpus
        The whole corpus; it defines the order of clips.
    seeds : int > 0
    """

    def __init__(self, corpus: Corpus, seeds: int) -> None:
        self.number = {clip.id: number for number, clip in enumerate(corpus.clips)}
        self.right = np.zeros((seeds, len(self.number)))
        self.tested = np.zeros_like(self.right)

    def add(self, seed: int, clip_ids: Sequence[str], right: npt.ArrayLike) -> None:
        """Add the predictions of one split."""
        numbers = [self.number[key] for key in clip_ids]
        self.right[seed, numbers] += np.asarray(right, dtype=np.float64)
        self.tested[seed, numbers] += 1

    @property
    def accuracies(self) -> Floats:
        """Accuracy of each seed."""
        return np.asarray(self.right.sum(axis=1) / self.tested.sum(axis=1))


def artist_groups(corpus: Corpus) -> npt.NDArray[np.intp]:
    """Return the artist number of each clip; a clip without an artist gets its own number."""
    keys = [artist_key(clip.artist) or ("clip", clip.id) for clip in corpus.clips]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.intp)


def known_artists(corpus: Corpus, split: Split) -> float:
    """Return the share of test clips whose artist is in the training part."""
    clips = corpus.by_id()
    trained = {artist_key(clips[key].artist) for key in split.train} - {None}
    return sum(artist_key(clips[key].artist) in trained for key in split.test) / len(split.test)


def twins_trained_on(corpus: Corpus, split: Split) -> int:
    """Count test clips whose descriptors equal those of a training clip."""
    rows = rows_of(corpus)
    trained = {rows[key].tobytes() for key in split.train}
    return sum(rows[key].tobytes() in trained for key in split.test)


def rows_of(corpus: Corpus) -> dict[str, Floats]:
    """Return the descriptors of each clip, in their original units."""
    table = corpus.renderer
    if not isinstance(table, TableRows):
        raise TypeError(f"{corpus.name} is not a table of descriptors")
    return dict(zip(table.clip_ids, table.values, strict=True))


def linear_answers(corpus: Corpus, split: Split) -> npt.NDArray[np.bool_]:
    """Train a linear classifier on the training clips; return which test clips it predicts correctly."""
    rows, clips = rows_of(corpus), corpus.by_id()
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=10_000))
    model.fit([rows[key] for key in split.train], [clips[key].genre for key in split.train])
    predicted = model.predict([rows[key] for key in split.test])
    return np.array(predicted == np.array([clips[key].genre for key in split.test]))


def measure(protocol: Protocol, whole: Corpus, recipe: Recipe, out: Path, *, seeds: int) -> dict[str, Any]:
    """Train and test on all splits of a protocol; return tallies and facts."""
    tallies = {model: Tally(whole, seeds) for model in MODELS}
    facts: dict[str, list[float]] = {"train": [], "test": [], "known": [], "twins": [], "valid_accuracy": []}
    for seed in range(seeds):
        for split in protocol.splits(seed):
            print(f"{protocol.name}: {split.name}, seed {seed}", file=sys.stderr)
            experiment = Experiment(recipe, protocol.corpus, split, seed)
            run = run_experiment(experiment, base=out, device="cpu")
            answers = run.predictions().tracks("majority")
            first = np.array([order[0] for order in answers.orders])
            tallies["network"].add(seed, answers.clip_ids, first == np.asarray(answers.truth))
            tallies["linear"].add(seed, split.test, linear_answers(protocol.corpus, split))
            best = next(row for row in read_history(run.folder) if row["best"])
            facts["valid_accuracy"].append(best["valid_accuracy"])
            facts["train"].append(len(split.train))
            facts["test"].append(len(split.test))
            facts["known"].append(known_artists(protocol.corpus, split))
            facts["twins"].append(twins_trained_on(protocol.corpus, split))
    return {"tallies": tallies, **facts}


class Intervals:
    """95 % confidence intervals of accuracies and differences, from one bootstrap over artists.

    Parameters
    ----------
    corpus : Corpus
        The whole corpus.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.groups = artist_groups(corpus)
        self.bootstrap = ClusterBootstrap(int(self.groups.max()) + 1, rng=np.random.default_rng(0))

    def replicates(self, tally: Tally) -> Floats:
        """Return the mean accuracy in every resample."""
        right, tested = (
            self.bootstrap.sums(each.sum(axis=0), self.groups) for each in (tally.right, tally.tested)
        )
        return np.asarray(right / np.where(tested > 0, tested, np.nan))

    def accuracy(self, tally: Tally) -> dict[str, float]:
        """Return mean, standard deviation over seeds and interval of an accuracy."""
        seeds = tally.accuracies
        estimate = self.bootstrap.estimate(float(seeds.mean()), self.replicates(tally))
        return {**estimate._asdict(), "deviation": float(seeds.std(ddof=min(1, len(seeds) - 1)))}

    def fall(self, first: Tally, second: Tally) -> dict[str, float]:
        """Return the first accuracy minus the second, with its interval."""
        value = float(first.accuracies.mean() - second.accuracies.mean())
        apart = self.replicates(first) - self.replicates(second)
        return self.bootstrap.estimate(value, apart)._asdict()


def cell(estimate: dict[str, float]) -> str:
    """Format an accuracy or a difference in per cent."""
    value, low, high = (100 * estimate[key] for key in ("value", "low", "high"))
    spread = f" ± {100 * estimate['deviation']:.1f}" if "deviation" in estimate else ""
    return f"{value:.1f}{spread} ({low:.1f} to {high:.1f})"


def summarize(measured: dict[str, dict[str, Any]], intervals: Intervals) -> dict[str, Any]:
    """Return the figures of the tables as plain values for JSON."""
    rows = {
        name: {
            **{model: intervals.accuracy(each["tallies"][model]) for model in MODELS},
            "gain": intervals.fall(*(each["tallies"][model] for model in MODELS)),
            **{key: float(np.mean(each[key])) for key in ("train", "test", "known", "twins")},
            "seeds": {model: each["tallies"][model].accuracies.tolist() for model in MODELS},
            "valid_accuracy": each["valid_accuracy"],
        }
        for name, each in measured.items()
    }
    falls = [
        {
            "from": first,
            "to": second,
            **{
                model: intervals.fall(measured[first]["tallies"][model], measured[second]["tallies"][model])
                for model in MODELS
            },
        }
        for first, second in FALLS
        if first in measured and second in measured
    ]
    return {"rows": rows, "falls": falls}


def print_tables(title: str, summary: dict[str, Any]) -> None:
    """Print accuracies and their differences as Markdown."""
    print(f"\n{title}\n")
    print("| split | train | test | known artist | duplicates | network, % | linear, % | network - linear |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, row in summary["rows"].items():
        sizes = f"{row['train']:.0f} | {row['test']:.0f} | {100 * row['known']:.0f} % | {row['twins']:.1f}"
        figures = " | ".join(cell(row[key]) for key in (*MODELS, "gain"))
        print(f"| {name} | {sizes} | {figures} |")
    print("\n| from | to | network, points | linear, points |")
    print("| --- | --- | ---: | ---: |")
    for fall in summary["falls"]:
        print(f"| {fall['from']} | {fall['to']} | {cell(fall['network'])} | {cell(fall['linear'])} |")
    for name, row in summary["rows"].items():
        if len(row["valid_accuracy"]) == len(row["seeds"]["network"]):  # one split per seed
            pairs = zip(row["valid_accuracy"], row["seeds"]["network"], strict=True)
            each_seed = ", ".join(f"{100 * valid:.1f}/{100 * test:.1f}" for valid, test in pairs)
            print(f"\n{name}, validation/test of each seed: {each_seed}")


def main() -> None:
    """Print the tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("table", type=Path, help="features_30_sec.csv of GTZAN")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/gtzan-features"), help="folder for the run folders"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one epoch, two folds, one seed: a smoke test")
    options = parser.parse_args()
    seeds = 1 if options.quick else options.seeds
    out = options.out / "quick" if options.quick else options.out
    budget = ["training.max_epochs=1"] if options.quick else []
    averages = ",".join(f"{name}_mean" for name in DESCRIPTORS)
    summaries = {}
    for title, spec, names in (
        ("All 57 descriptors", f"features:{options.table}", None),
        ("The 26 averages", f"features:{options.table}?columns={averages}", OF_AVERAGES),
    ):
        corpus = load_corpus(spec)
        columns = len(next(iter(rows_of(corpus).values())))
        recipe = load_recipe("descriptor-table", changes=[f"audio.sample_rate={columns}", *budget])
        measured = {
            protocol.name: measure(protocol, corpus, recipe, out, seeds=seeds)
            for protocol in protocols(corpus, quick=options.quick)
            if names is None or protocol.name in names
        }
        summaries[title] = summarize(measured, Intervals(corpus))
    for title, summary in summaries.items():
        print_tables(title, summary)
    print(
        json.dumps(
            {"benchmark": "gtzan_features", "tables": summaries} | machine("torch", "scikit-learn", "numpy")
        )
    )


if __name__ == "__main__":
    main()
