"""The figures of `peers.py`: from answers, clip by clip, to estimates, ratios and the tables of the page.

Conventions
-----------
- A clip has one or more groups of genres as its labels. An answer is right if its group is one of them; no
  answer (an error, or no mapped tag) is wrong.
- Intervals are 95 % percentile bootstrap intervals over artists; differences are paired: the same resamples.
- Times are CPU seconds of the whole process on one thread. The ratio to genrelab is the median over clips of
  the ratio on one clip, which all recognizers got one after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
from external_figures import plain_estimate

from genrelab.lab.metrics.bootstrap import ClusterBootstrap
from genrelab.lab.metrics.summary import figure

OURS = "genrelab"


def grouped(tags: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return tag, in lower case -> group."""
    return {tag.casefold(): group for group, names in tags.items() for tag in names}


def best_group(scores: Mapping[str, float], groups: Mapping[str, str]) -> str | None:
    """Return the group of the mapped tag with the highest score; None without one."""
    known = {tag: score for tag, score in scores.items() if tag.casefold() in groups}
    return groups[max(known, key=lambda tag: known[tag]).casefold()] if known else None


def figures(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the figures of each recognizer of a record, as `peers.py` writes it."""
    clips = record["clips"]
    artists = np.array([clip["artist"] for clip in clips], dtype=np.intp)
    bootstrap = ClusterBootstrap(int(artists.max()) + 1, rng=np.random.default_rng(record["seed"]))
    rights = {
        name: np.array([clip["answers"][name]["group"] in clip["labels"] for clip in clips])
        for name in record["peers"]
    }
    total = bootstrap.sums(np.ones(len(clips)), artists)
    shares = {name: bootstrap.sums(right, artists) / total for name, right in rights.items()}

    def row(name: str, peer: Mapping[str, Any]) -> dict[str, Any]:
        right = rights[name]
        accuracy = bootstrap.estimate(float(right.mean()), shares[name], trials=bootstrap.n_groups)
        gap = bootstrap.estimate(float(right.mean() - rights[OURS].mean()), shares[name] - shares[OURS])
        known = np.array([bool(set(clip["labels"]) & set(peer["groups"])) for clip in clips])
        base = bootstrap.sums(known, artists)
        with np.errstate(invalid="ignore", divide="ignore"):
            within = bootstrap.sums(right & known, artists) / base
        share = float(right[known].mean()) if known.any() else float("nan")
        seconds = [clip["answers"][name]["cpu_seconds"] for clip in clips]
        ours = [clip["answers"][OURS]["cpu_seconds"] for clip in clips]
        return {
            "accuracy": plain_estimate(accuracy),
            "difference": plain_estimate(gap),
            "known_clips": int(known.sum()),
            "accuracy_of_known": plain_estimate(bootstrap.estimate(share, within, trials=int(known.sum()))),
            "only_this": int((right & ~rights[OURS]).sum()),
            "only_genrelab": int((rights[OURS] & ~right).sum()),
            "errors": sum("error" in clip["answers"][name] for clip in clips),
            "cpu_seconds": median(seconds),
            "ratio": median(theirs / mine for theirs, mine in zip(seconds, ours, strict=True)),
            "first_cpu_seconds": peer["ready_cpu_seconds"] + seconds[0],
            "memory": peer["memory"],
        }

    return {name: row(name, peer) for name, peer in record["peers"].items()}


def by_group(record: Mapping[str, Any]) -> list[tuple[str, int, dict[str, int]]]:
    """Return, for each group, the clips with that label, and how many of them each recognizer has right."""
    rows = []
    for group in record["groups"]:
        those = [clip for clip in record["clips"] if group in clip["labels"]]
        right = {
            name: sum(clip["answers"][name]["group"] in clip["labels"] for clip in those)
            for name in record["peers"]
        }
        rows.append((group, len(those), right))
    return rows


def tables(record: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, str]:
    """Return the tables of the page, by name, made of a record and the description of the recognizers."""
    found = figures(record)
    peers = {name: {**described["peers"][name], **peer} for name, peer in record["peers"].items()}
    steps = "\n\n".join("\n".join(peer["steps"]) for peer in peers.values())
    return {
        "accuracy": _accuracy(found, peers),
        "cost": _cost(found, peers),
        "labels": _labels(record, peers),
        "versions": _versions(peers),
        "steps": f"```\n{steps}\n```",
        "clips": _clips(record),
        "mapping": _mapping(described),
    }


def _accuracy(found: Mapping[str, Any], peers: Mapping[str, Any]) -> str:
    lines = [_row("recognizer", "accuracy", "difference to genrelab", "of the genres that it has a tag for")]
    lines.append(_line(1, numbers=3))
    for name, row in found.items():
        gap = "" if name == OURS else _points(row["difference"])
        known = f"{figure(row['accuracy_of_known'])} of {row['known_clips']}"
        lines.append(_row(peers[name]["title"], figure(row["accuracy"]), gap, known))
    return "\n".join(lines)


def _cost(found: Mapping[str, Any], peers: Mapping[str, Any]) -> str:
    head = ("commands", "installed", "first answer", "CPU per clip", "of genrelab's", "peak memory")
    lines = [_row("recognizer", *head), _line(1, numbers=len(head))]
    for name, row in found.items():
        peer = peers[name]
        times = (
            f"{row['first_cpu_seconds']:.1f} s",
            f"{row['cpu_seconds']:.2f} s",
            f"{row['ratio']:.1f} times",
        )
        sizes = f"{peer['installed'] / 1e6:,.0f} MB", f"{row['memory'] / 1e6:,.0f} MB"
        lines.append(_row(peer["title"], str(len(peer["steps"])), sizes[0], *times, sizes[1]))
    return "\n".join(lines)


def _labels(record: Mapping[str, Any], peers: Mapping[str, Any]) -> str:
    lines = [_row("label", "clips", *(peer["title"] for peer in peers.values()))]
    lines.append(_line(1, numbers=len(peers) + 1))
    for group, count, right in by_group(record):
        lines.append(_row(group, str(count), *(str(right[name]) for name in peers)))
    return "\n".join(lines)


def _versions(peers: Mapping[str, Any]) -> str:
    lines = [_row("recognizer", "Python", "versions", "model", "licence of the package"), _line(5)]
    for peer in peers.values():
        listed = ", ".join(f"{package} {number}" for package, number in peer["versions"].items())
        lines.append(_row(peer["title"], peer["python"], listed, peer["model"], peer["licence"]))
    return "\n".join(lines)


def _clips(record: Mapping[str, Any]) -> str:
    clips = record["clips"]
    several = sum(len(clip["labels"]) > 1 for clip in clips)
    artists = len({clip["artist"] for clip in clips})
    seconds = sum(clip["seconds"] for clip in clips) / len(clips)
    return (
        f"{len(clips)} clips by {artists} artists, {seconds:.0f} s each on average; {several} have more than "
        f"one of the labels. Seed {record['seed']}, at most {record['per_label']} clips for each label."
    )


def _mapping(described: Mapping[str, Any]) -> str:
    peers = described["peers"].values()
    lines = [_row("group", "labels", *(peer["title"] for peer in peers)), _line(len(peers) + 2)]
    for group in described["groups"]:
        tags = (", ".join(peer["genres"].get(group, ["-"])) for peer in peers)
        lines.append(_row(group, ", ".join(described["labels"][group]), *tags))
    return "\n".join(lines)


def _points(estimate: Mapping[str, float | None]) -> str:
    value, low, high = (estimate[key] for key in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "-"
    return f"{100 * value:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _line(texts: int, *, numbers: int = 0) -> str:
    return "|" + " --- |" * texts + " ---: |" * numbers
