"""The page docs/results/gtzan-pictures.md and its figure, from the extracts of runs alone.

`gtzan_pictures.py` trains the runs and writes their extracts. Every figure of the page follows from them, so
that a test can make the page again.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from genrelab.csv_text import csv_lines
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS, packaged_rows
from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate
from genrelab.pages import svg

PAGE, RUNS, REPETITIONS, FIGURE = "gtzan-pictures.md", "runs.json", "repetitions.csv", "figure.svg"
OWN = "the paper's own"
RANDOM = "random, 10 folds"
SAME_SIZES = "random, sizes of fault-filtered"
ARTIST = "by artist, sizes of fault-filtered"
PUBLISHED = "fault-filtered"
PROTOCOLS = (OWN, RANDOM, SAME_SIZES, ARTIST, PUBLISHED)
FALLS = (
    (RANDOM, PUBLISHED),
    (OWN, PUBLISHED),
    (RANDOM, SAME_SIZES),
    (SAME_SIZES, ARTIST),
    (SAME_SIZES, PUBLISHED),
)
TRAINED, ALL = "of training clips", "of all clips"
"""What masked copies are made of: the training clips, or the validation clips as well, a leak."""

_PERMUTATIONS = 10_000
_NUMBER = {clip_id: number for number, clip_id in enumerate(EXPECTED_IDS)}

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Shown:
    """How a system appears on the page.

    Attributes
    ----------
    name, paper : str
    published : str
        The figure on GTZAN that was published for it or its like, with the protocol; empty if there is none.
    """

    name: str
    paper: str
    published: str = ""


_LEAKED = "100 % on validation clips whose copies were trained on"
SYSTEMS: dict[str, Shown] = {
    "fds-cnn": Shown("CNN", "fds", "70 to 76 % of segments, random 64/16/20 (the authors' script)"),
    "fds-resnet18": Shown("ResNet18, ImageNet", "fds", "72 to 80 % of segments, random 64/16/20 (same)"),
    "mel-cnn": Shown("CNN, masked copies", "mel-augmentation", _LEAKED),
    "mobilenet-transfer": Shown("MobileNet, frozen, masked copies", "mel-augmentation", _LEAKED),
    "mobilenet-fine-tuned": Shown("MobileNet, fine-tuned, masked copies", "mel-augmentation", _LEAKED),
    "vgg16-random": Shown("VGG16 from random weights, 128 x 128", "mel-augmentation", ""),
    "simple-cnn": Shown("Simple CNN", "soundfusion"),
    "nnet1": Shown("nnet1", "soundfusion"),
    "nnet2": Shown("nnet2, 128 x 128", "soundfusion"),
    "resnet2d-s": Shown("ResNet2D small", "soundfusion"),
    "resnet2d-m": Shown("ResNet2D medium", "soundfusion"),
    "resnet18": Shown(
        "ResNet18, ImageNet", "soundfusion", "85.5 % for ResNet18 on mel, random 10 folds (ms-sincresnet)"
    ),
}


@dataclass(frozen=True)
class Extract:
    """What the page needs to know of a run.

    Attributes
    ----------
    system, protocol : str
        Keys of `SYSTEMS` and `PROTOCOLS`.
    copies : str or None
        For the study of masked copies: `TRAINED` or `ALL`.
    seed : int
        Of split and weights.
    split, run, metrics_sha256 : str
        Name of the split, the folder below the folder of runs, and the digest of its `metrics.json`.
    parameters, chosen, epochs : int
        Of the network; the epoch whose weights were kept, from 1, and the number of epochs.
    minutes : float
        Wall-clock time of the training.
    parts : tuple of int
        Clips of the training, validation and test part.
    known : float
        Share of test clips whose artist was trained on.
    twins, repeats : int
        Test clips whose picture was trained on, and test clips whose recording was, as the audit finds it.
    tested, right : str
        Test clips, and those predicted correctly, as a hexadecimal number with a bit per clip of GTZAN.
    valid_tested, valid_right : str
        The same of the validation part; empty outside the study of copies.
    """

    system: str
    protocol: str
    copies: str | None
    seed: int
    split: str
    run: str
    metrics_sha256: str
    parameters: int
    chosen: int
    epochs: int
    minutes: float
    parts: tuple[int, int, int]
    known: float
    twins: int
    repeats: int
    tested: str
    right: str
    valid_tested: str = ""
    valid_right: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the values, ready for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Extract:
        """Read what `to_dict` returned."""
        names = [field.name for field in fields(cls)]
        return cls(**{**{name: values[name] for name in names}, "parts": tuple(values["parts"])})


class Repetition(NamedTuple):
    """Two clips that the audit of the pictures finds to be one recording."""

    first: str
    second: str
    kind: str
    score: float


def repetitions_text(pairs: Sequence[Repetition]) -> str:
    """Return repetitions as CSV."""
    return csv_lines([Repetition._fields, *(each._replace(score=round(each.score, 3)) for each in pairs)])


def read_repetitions(text: str) -> list[Repetition]:
    """Read what `repetitions_text` returned."""
    _, *rows = csv.reader(io.StringIO(text))
    return [Repetition(first, second, kind, float(score)) for first, second, kind, score in rows]


def packed(clip_ids: Iterable[str]) -> str:
    """Return a set of GTZAN's clips as a hexadecimal number."""
    return f"{sum(1 << _NUMBER[clip_id] for clip_id in clip_ids):0250x}"


def unpacked(text: str) -> Bools:
    """Return which clips a number from `packed` holds, `[1000]`."""
    number = int(text or "0", 16)
    return np.array([number >> place & 1 for place in range(len(EXPECTED_IDS))], dtype=bool)


def artist_numbers() -> npt.NDArray[np.intp]:
    """Return the artist number of each clip; a clip of unknown artist has its own."""
    named = {row["clip_id"]: artist_key(row["artist"]) for row in packaged_rows("gtzan-artists.csv")}
    keys = [named.get(clip_id) or ("clip", clip_id) for clip_id in EXPECTED_IDS]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.intp)


class Tally:
    """How often each clip was tested and predicted correctly, over runs.

    Parameters
    ----------
    runs : sequence of Extract
    part : {"test", "valid"}
    """

    def __init__(self, runs: Sequence[Extract], part: str = "test") -> None:
        prefix = "" if part == "test" else "valid_"
        tested = [unpacked(getattr(run, f"{prefix}tested")) for run in runs]
        right = [unpacked(getattr(run, f"{prefix}right")) for run in runs]
        self.tested: Floats = np.sum(tested, axis=0, dtype=np.float64)
        self.right: Floats = np.sum(right, axis=0, dtype=np.float64)
        self.by_seed = {
            seed: sum(one.sum() for one, run in zip(right, runs, strict=True) if run.seed == seed)
            / sum(one.sum() for one, run in zip(tested, runs, strict=True) if run.seed == seed)
            for seed in sorted({run.seed for run in runs})
        }

    @property
    def accuracy(self) -> float:
        """The share of correct predictions of all runs."""
        return float(self.right.sum() / self.tested.sum())


class Statistics:
    """Intervals and paired tests whose unit is the artist."""

    def __init__(self) -> None:
        self.groups = artist_numbers()
        count = int(self.groups.max()) + 1
        self.bootstrap = ClusterBootstrap(count, rng=np.random.default_rng(0))
        self.signs = np.random.default_rng(1).choice([-1.0, 1.0], size=(_PERMUTATIONS, count))

    def _replicates(self, tally: Tally) -> Floats:
        right, tested = (self.bootstrap.sums(each, self.groups) for each in (tally.right, tally.tested))
        return np.asarray(right / np.where(tested > 0, tested, np.nan))

    def accuracy(self, tally: Tally) -> Estimate:
        """Return an accuracy with its 95 % interval."""
        return self.bootstrap.estimate(tally.accuracy, self._replicates(tally))

    def fall(self, first: Tally, second: Tally) -> Estimate:
        """Return the first accuracy minus the second, with its interval from common resamples."""
        apart = self._replicates(first) - self._replicates(second)
        return self.bootstrap.estimate(first.accuracy - second.accuracy, apart)

    def paired(self, first: Tally, second: Tally) -> tuple[int, float, float]:
        """Compare two tallies on the clips of both: their number, the difference, and p.

        p is two-sided, from random exchanges of the two tallies, artist by artist.
        """
        both = (first.tested > 0) & (second.tested > 0)
        if not both.any():
            return 0, math.nan, math.nan
        apart = first.right[both] / first.tested[both] - second.right[both] / second.tested[both]
        sums = np.bincount(self.groups[both], weights=apart, minlength=self.signs.shape[1])
        drawn = np.abs(self.signs @ sums)
        beyond = int((drawn >= abs(sums.sum()) - 1e-9).sum())
        return int(both.sum()), float(apart.mean()), (beyond + 1) / (_PERMUTATIONS + 1)


@cache
def _statistics() -> Statistics:
    return Statistics()


def by_cell(runs: Sequence[Extract]) -> dict[tuple[str, str], list[Extract]]:
    """Return the runs outside the study of copies by system and protocol, in the order of the page."""
    return {
        (system, protocol): found
        for system in SYSTEMS
        for protocol in PROTOCOLS
        if (
            found := [
                run for run in runs if (run.system, run.protocol, run.copies) == (system, protocol, None)
            ]
        )
    }


def _percent(estimate: Estimate) -> str:
    value = f"{100 * estimate.value:.1f}"
    return value if math.isnan(estimate.low) else f"{value} ({_range(estimate)})"


def _range(estimate: Estimate) -> str:
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"


def _p(value: float) -> str:
    return "" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _named(system: str) -> str:
    return f"{SYSTEMS[system].name} ({SYSTEMS[system].paper})"


def _splits(runs: Sequence[Extract]) -> str:
    rows = []
    for protocol in PROTOCOLS:
        found = [run for run in runs if run.protocol == protocol and run.copies is None]
        if found:
            sizes = ["/".join(map(str, parts)) for parts in sorted({run.parts for run in found})]
            known, twins, repeats = (
                np.mean([getattr(run, key) for run in found]) for key in ("known", "twins", "repeats")
            )
            shown = "; ".join(sizes[:3]) + (" ..." if len(sizes) > 3 else "")
            rows.append(
                [protocol, str(len(found)), shown, f"{100 * known:.0f} %", f"{repeats:.1f}", f"{twins:.1f}"]
            )
    header = ["split", "runs", "train/valid/test", "artist known", "repetitions", "equal pictures"]
    return _table(header, rows)


def _accuracies(runs: Sequence[Extract]) -> str:
    statistics, cells = _statistics(), by_cell(runs)
    rows = []
    for system in SYSTEMS:
        row = [_named(system)]
        for protocol in PROTOCOLS:
            found = cells.get((system, protocol))
            if not found:
                row.append("")
                continue
            tally = Tally(found)
            seeds = list(tally.by_seed.values())
            spread = f" ± {100 * np.std(seeds, ddof=1):.1f}" if len(seeds) > 1 else ""
            row.append(_percent(statistics.accuracy(tally)).replace(" (", f"{spread} (", 1))
        if any(row[1:]):
            rows.append(row)
    return _table(["system", *PROTOCOLS], rows)


def _falls(runs: Sequence[Extract]) -> str:
    statistics, cells = _statistics(), by_cell(runs)
    rows = []
    for first, second in FALLS:
        for system in SYSTEMS:
            one, other = cells.get((system, first)), cells.get((system, second))
            if not one or not other:
                continue
            tallies = Tally(one), Tally(other)
            clips, apart, p = statistics.paired(*tallies)
            paired = [str(clips), f"{100 * apart:.1f}", _p(p)] if clips else ["0", "", ""]
            rows.append([f"{first} → {second}", _named(system), _percent(statistics.fall(*tallies)), *paired])
    return _table(
        ["from → to", "system", "fall, points (95 %)", "clips of both", "fall on them, points", "p"], rows
    )


def _published(runs: Sequence[Extract]) -> str:
    cells = by_cell(runs)
    rows = []
    for system, shown in SYSTEMS.items():
        found = {protocol: cells.get((system, protocol)) for protocol in PROTOCOLS}
        random = found[RANDOM] or found[OWN]
        filtered = found[PUBLISHED]
        if random and filtered:
            high, low = Tally(random).accuracy, Tally(filtered).accuracy
            rows.append([
                _named(system), shown.published or "none on GTZAN", f"{100 * high:.1f}", f"{100 * low:.1f}",
                f"{100 * (high - low):.1f}", f"{100 * (high - low) / high:.0f} %",
            ])  # fmt: skip
    return _table(
        [
            "system",
            "published on GTZAN",
            "random, here",
            "fault-filtered, here",
            "fall, points",
            "share of it",
        ],
        rows,
    )


def _copies(runs: Sequence[Extract]) -> str:
    statistics, rows = _statistics(), []
    for system in SYSTEMS:
        found = {
            copies: [run for run in runs if run.system == system and run.copies == copies]
            for copies in (TRAINED, ALL)
        }
        seeds = {run.seed for run in found[TRAINED]} & {run.seed for run in found[ALL]}
        if not seeds:
            continue
        both = {key: [run for run in each if run.seed in seeds] for key, each in found.items()}
        for part, name in (("valid", "validation"), ("test", "test")):
            clean, leaky = (Tally(both[key], part) for key in (TRAINED, ALL))
            rows.append([
                _named(system), name, str(int((clean.tested > 0).sum())),
                *(_percent(statistics.accuracy(each)) for each in (clean, leaky)),
                _percent(statistics.fall(leaky, clean)), _p(statistics.paired(leaky, clean)[2]),
            ])  # fmt: skip
    header = ["system", "part", "clips", f"copies {TRAINED}, %", f"copies {ALL}, %", "gain, points", "p"]
    return _table(header, rows)


def _budget(runs: Sequence[Extract]) -> str:
    rows = []
    for system in SYSTEMS:
        found = [run for run in runs if run.system == system]
        if found:
            epochs, minutes = ([getattr(run, key) for run in found] for key in ("epochs", "minutes"))
            rows.append([
                _named(system), f"{found[0].parameters:,}", str(len(found)),
                str(len({run.seed for run in found})), f"{np.mean(epochs):.0f}", f"{np.mean(minutes):.0f}",
            ])  # fmt: skip
    return _table(["system", "parameters", "runs", "seeds", "epochs", "minutes"], rows)


def _findings(runs: Sequence[Extract]) -> str:
    """Return what the falls show, in sentences."""
    cells, lines = by_cell(runs), []
    for first, second in FALLS:
        apart = [
            Tally(cells[system, first]).accuracy - Tally(cells[system, second]).accuracy
            for system in SYSTEMS
            if (system, first) in cells and (system, second) in cells
        ]
        if apart:
            least, most = 100 * min(apart), 100 * max(apart)
            lines.append(
                f"- *{second}* against *{first}*: accuracy is {100 * np.mean(apart):.1f} points lower on "
                f"average over {len(apart)} systems ({least:.1f} to {most:.1f})."
            )
    return "\n".join(lines) or "No two splits have runs of one system yet."


def _repetitions(pairs: Sequence[Repetition]) -> str:
    """Compare the repetitions that the audit found with artists and titles."""
    titled = {
        row["clip_id"]: (artist_key(row["artist"]), artist_key(row["title"]))
        for row in packaged_rows("gtzan-artists.csv")
        if row["artist"] and row["title"]
    }
    alike = {pair for pair in combinations(sorted(titled), 2) if titled[pair[0]] == titled[pair[1]]}
    rows, found = [], set()
    for kind in dict.fromkeys(sorted(pair.kind for pair in pairs)):
        counts: Counter[str] = Counter()
        for pair in pairs:
            if pair.kind == kind:
                both = (min(pair[:2]), max(pair[:2]))
                found |= {both}
                known = set(both) <= titled.keys()
                counts["same" if both in alike else "other" if known else "unknown"] += 1
        listed = [str(counts[key]) for key in ("same", "other", "unknown")]
        rows.append([kind, str(sum(counts.values())), *listed])
    header = ["kind", "pairs", "same artist and title", "other artist or title", "a title unknown"]
    return (
        _table(header, rows)
        + f"\n\nThe index of artists and titles has {len(alike)} pairs with the same artist and title, which "
        f"need not be one recording; {len(alike & found)} of them are among these."
    )


_MARKS = {RANDOM: "circle", SAME_SIZES: "ring", ARTIST: "square", PUBLISHED: "diamond"}


def figure(runs: Sequence[Extract]) -> str:
    """Draw the accuracy of each system under four splits, with 95 % intervals, as an SVG file."""
    statistics, cells = _statistics(), by_cell(runs)
    systems = [each for each in SYSTEMS if any((each, protocol) in cells for protocol in _MARKS)]
    picture = svg.Drawing("gtzan", 760, 96 + 62 * len(systems), margins=(250, 24, 50, 46))
    across = svg.linear(0.0, 1.0, picture.left, picture.right)
    picture.add(svg.element("rect", kind="page", x=0, y=0, width=picture.width, height=picture.height))
    picture.title("Accuracy on GTZAN's pictures by kind of split")
    picture.x_axis(
        ((across(tick), f"{tick:.0%}") for tick in svg.ticks(0, 1)),
        name="accuracy of clips, with 95 % intervals",
        rule=(picture.top, picture.bottom),
    )
    for place, protocol in enumerate(_MARKS):
        x = 6 + 188 * place
        picture.add(
            _mark(protocol, x, 34),
            svg.text(protocol.replace("sizes of fault-filtered", "same sizes"), x + 10, 38),
        )
    facts = []
    for row, system in enumerate(systems):
        y = picture.top + 62 * row + 18
        shown = SYSTEMS[system]
        picture.add(
            svg.text(shown.name, picture.left - 10, y + 12, anchor="end", kind=None),
            svg.text(shown.paper, picture.left - 10, y + 28, anchor="end"),
        )
        for place, protocol in enumerate(_MARKS):
            if (system, protocol) not in cells:
                continue
            estimate = statistics.accuracy(Tally(cells[system, protocol]))
            at = y + 11.0 * place
            if math.isfinite(estimate.low):
                picture.add(svg.line("grid", across(estimate.low), at, across(estimate.high), at))
            fact = f"{_named(system)}, {protocol}: {_percent(estimate)} %"
            facts.append(fact)
            picture.add(
                svg.element("g", svg.element("title", fact), _mark(protocol, across(estimate.value), at))
            )
    picture.label = f"Accuracy by system and kind of split. {'; '.join(facts)}."
    return picture.document()


def _mark(protocol: str, x: float, y: float) -> Markup:
    kind = _MARKS[protocol]
    if kind in ("circle", "ring"):
        ring = (
            {"fill": "none", "stroke": "#3f7fd1", "stroke_width": "2"}
            if kind == "ring"
            else {"kind": "shade"}
        )
        return svg.element(
            "circle", cx=float(x), cy=float(y), r=4.5, **(ring if kind == "ring" else {"kind": "shade"})
        )
    turn = {"transform": f"rotate(45 {x:.1f} {y:.1f})"} if kind == "diamond" else {}
    fill = "#c8553d" if kind == "diamond" else "#d99a2b"
    return svg.element("rect", x=x - 4.2, y=y - 4.2, width=8.4, height=8.4, fill=fill, **turn)


BLOCKS = {
    "splits": _splits,
    "findings": _findings,
    "accuracies": _accuracies,
    "falls": _falls,
    "published": _published,
    "copies": _copies,
    "budget": _budget,
}


def filled(text: str, runs: Sequence[Extract], pairs: Sequence[Repetition]) -> str:
    """Return a page with the tables of some runs between its marks `<!-- NAME -->`, `<!-- end of NAME -->`.

    Raises
    ------
    ValueError
        If the page lacks a mark.
    """
    blocks = {name: make(runs) for name, make in BLOCKS.items()} | {"repetitions": _repetitions(pairs)}
    for name, block in blocks.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        head, opened, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not opened or not closed:
            raise ValueError(f"the page needs the marks {begin} and {end}")
        text = f"{head}{begin}\n\n{block}\n\n{end}{tail}"
    return text


def differences(page: Path) -> list[str]:
    """Return what of a published page does not follow from its runs.

    Parameters
    ----------
    page : Path
        With `runs.json`, `repetitions.csv` and `figure.svg` in the folder of its name.
    """
    folder = page.with_suffix("")
    runs = [Extract.of(each) for each in json.loads((folder / RUNS).read_text(encoding="utf-8"))]
    pairs = read_repetitions((folder / REPETITIONS).read_text(encoding="utf-8"))
    text, drawn = page.read_text(encoding="utf-8"), (folder / FIGURE).read_text(encoding="utf-8")
    found = [] if filled(text, runs, pairs) == text else [f"{page.name}: a table"]
    found += [] if figure(runs) == drawn else [FIGURE]
    cells = [(run.system, run.protocol, run.copies, run.seed, run.split) for run in runs]
    found += [f"{RUNS}: {cell} twice" for cell, count in Counter(cells).items() if count > 1]
    for run in runs:
        tested, right = unpacked(run.tested), unpacked(run.right)
        if (right & ~tested).any() or not tested.any() or tested.sum() > run.parts[2]:
            found.append(f"{RUNS}: {run.run}, clips")
    return found
