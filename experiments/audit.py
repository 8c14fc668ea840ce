"""Recall, precision and speed of the corpus audit: the tables of docs/results/audit.md.

Real clips are divided into two halves by artist. The script writes 30 s of each clip of one half to a file
and adds changed copies of some: cut, encoded, softer, faster, noisy. It then audits all files. A pair of
copies of one clip is a true positive. A pair of different clips is a false positive, unless it is one of
the repetitions in the collections themselves (confirmed by correlating the waveforms). Thresholds were
chosen on the half `choose`; the tables show the half `measure`.

    python experiments/audit.py PATH/TO/clips.csv [--quick] [--half choose]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from audit_plants import COLLECTIONS, PLANTS, SECONDS, Planted, file_of, plant

from genrelab.audio.decode import decode, probe
from genrelab.lab.audit import Pair, audit_corpus
from genrelab.lab.audit.clip_analysis import analyze_clips
from genrelab.lab.audit.pairs import THRESHOLD, best_agreements
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.types import Clip, Corpus

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

JOBS = 2
# Repetitions in the collections themselves. Their waveforms correlate at 0.87 or above in every second that
# they share (pop/28 and rock/44 share 16 s). The last pair is "Exodus" in both tables.
KNOWN = {
    frozenset(pair)
    for pair in (
        ("classical/54", "classical/80"),
        ("pop/28", "rock/44"),
        ("pop/59", "pop/66"),
        ("rock/63", "rock/66"),
        ("rock/70", "rock/76"),
        ("reggae.00012", "MT0000202045"),
    )
}


def wilson(right: int, of: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a proportion (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    z = 1.959964
    middle = (right + z * z / 2) / (of + z * z)
    reach = z / (of + z * z) * math.sqrt(right * (of - right) / of + z * z / 4)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def measure_finding(planted: Planted) -> dict[str, Any]:
    """Audit a corpus with planted copies; return recall, false pairs and precision."""
    audit = audit_corpus(planted.corpus, jobs=JOBS)
    pairs = audit.repetitions
    original = {planted.origin[c.id]: c.id for c in planted.corpus.clips if c.id not in planted.plant}
    found: dict[str, Pair] = {}
    false: list[Pair] = []
    known: set[frozenset[str]] = set()
    for pair in pairs:
        origins = frozenset((planted.origin[pair.first], planted.origin[pair.second]))
        if len(origins) == 2:
            known |= {origins} & KNOWN
            false += [] if origins in KNOWN else [pair]
        elif pair.first == original[next(iter(origins))] and pair.second in planted.plant:
            found[pair.second] = pair
    rows = []
    names = dict.fromkeys(planted.plant.values())
    for name in names:
        ids = [clip_id for clip_id, each in planted.plant.items() if each == name]
        kind = PLANTS[name.partition(" (of")[0]][1]
        there = [found[clip_id] for clip_id in ids if clip_id in found]
        off = [abs(found[clip_id].offset - planted.begin[clip_id]) for clip_id in ids if clip_id in found]
        rows.append({
            "planted": name,
            "clips": len(ids),
            "found": len(there),
            "recall": len(there) / len(ids),
            "interval": wilson(len(there), len(ids)),
            "kind_right": sum(pair.kind == kind for pair in there),
            "offset_off_seconds_95": float(np.quantile(off, 0.95)) if off else None,
        })  # fmt: skip
    count = len(planted.corpus.clips)
    sizes: dict[str, int] = defaultdict(int)
    for clip_id in planted.origin.values():
        sizes[clip_id] += 1
    of = (count * (count - 1) - sum(size * (size - 1) for size in sizes.values())) // 2

    def one_recording(pair: Pair) -> bool:
        return planted.origin[pair.first] == planted.origin[pair.second]

    right = sum(map(one_recording, pairs))
    loops = [pair for pair in audit.pairs if not pair.is_repetition]
    return {
        "rows": rows,
        "clips": count,
        "real_clips": len(original),
        "pairs_of_two_recordings": of,
        "false_pairs": len(false),
        "false_per_10000": 10_000 * len(false) / of,
        "false_per_10000_interval": [10_000 * end for end in wilson(len(false), of)],
        "precision": right / max(1, right + len(false)),
        "loops_of_one_recording": sum(map(one_recording, loops)),
        "loops_of_two_recordings": sum(not one_recording(pair) for pair in loops),
        "known_repetitions_found": sorted(sorted(each) for each in known),
        "false": [(planted.origin[p.first], planted.origin[p.second], round(p.score, 3)) for p in false[:20]],
    }


def measure_scores(planted: Planted) -> dict[str, Any]:
    """Return the scores to choose a threshold from: the lowest of repetitions, the highest of other pairs."""
    analyses = analyze_clips(planted.corpus, shortest=0.0, jobs=JOBS)
    kept = [each for each in analyses if each.fingerprint is not None]
    best = best_agreements([each.fingerprint for each in kept if each.fingerprint is not None])
    true: dict[str, list[float]] = defaultdict(list)
    false = []
    for (i, j), agreed in best.items():
        a, b = kept[i].clip.id, kept[j].clip.id
        origins = frozenset((planted.origin[a], planted.origin[b]))
        if len(origins) == 2:
            false += [] if origins in KNOWN else [agreed.score]
        elif a not in planted.plant:
            true[planted.plant[b]].append(agreed.score)
    return {
        "threshold": THRESHOLD,
        "highest_false": sorted(false, reverse=True)[:10],
        "scores_of_repetitions": {
            name: [float(value) for value in np.quantile(scores, [0, 0.05, 0.5])]
            for name, scores in true.items()
        },
    }


def measure_time(table: Path, count: int) -> dict[str, Any]:
    """Time the audit of clips of 30 s, some of which overlap, and the decoding of the same clips."""
    corpus = load_corpus(f"table:{table}?corpus={','.join(COLLECTIONS)}")
    clips = [
        Clip(f"{clip.id}@{start:g}", clip.path, None, start=start, duration=SECONDS)
        for start in (0.0, SECONDS, SECONDS / 2)
        for clip in corpus.clips
        if (probe(file_of(clip)).duration or 0.0) >= start + SECONDS - 0.1
    ][:count]

    def read(clip: Clip) -> float:
        waveform, rate = decode(file_of(clip), start=clip.start or 0.0, duration=clip.duration)
        seconds: float = waveform.shape[1] / rate
        return seconds

    wall, processor = {"decoding": 0.0, "audit": 0.0}, {"decoding": 0.0, "audit": 0.0}
    begin = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(JOBS) as pool:
        seconds = sum(pool.map(read, clips))
    wall["decoding"], processor["decoding"] = time.perf_counter() - begin[0], time.process_time() - begin[1]
    begin = time.perf_counter(), time.process_time()
    audit = audit_corpus(Corpus("timed", (), clips), jobs=JOBS)
    wall["audit"], processor["audit"] = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return {
        "clips": len(clips),
        "seconds_of_sound": seconds,
        "pairs": len(audit.pairs),
        "wall": wall,
        "processor": processor,
        "ratio_to_decoding": processor["audit"] / processor["decoding"],
        "times_real_time": seconds / wall["audit"],
        "load_average": os.getloadavg()[0],
    }


def print_finding(finding: dict[str, Any]) -> None:
    """Print recall and false pairs as Markdown."""
    print("\n| planted | clips | found | recall (95 %) | kind right | offset error, 95th percentile |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for row in finding["rows"]:
        low, high = row["interval"]
        off = row["offset_off_seconds_95"]
        print(
            f"| {row['planted']} | {row['clips']} | {row['found']} | {100 * row['recall']:.1f} % "
            f"({100 * low:.1f}-{100 * high:.1f}) | {row['kind_right']} | "
            f"{'-' if off is None else f'{1000 * off:.0f} ms'} |"
        )
    low, high = finding["false_per_10000_interval"]
    print(
        f"\n{finding['clips']} clips of {finding['real_clips']} recordings; {finding['false_pairs']} false "
        f"pairs among {finding['pairs_of_two_recordings']:,} pairs of two recordings: "
        f"{finding['false_per_10000']:.4f} in 10,000 (95 %: {low:.4f}-{high:.4f}); "
        f"precision {finding['precision']:.4f}."
    )
    print(
        f"Reported as a shared loop: {finding['loops_of_one_recording']} pairs of one recording, "
        f"{finding['loops_of_two_recordings']} of two."
    )
    print(f"Repetitions in the collections that were found: {finding['known_repetitions_found']}")


def print_time(took: dict[str, Any]) -> None:
    """Print the times as Markdown."""
    print(f"\n| {took['clips']} clips, {took['seconds_of_sound'] / 3600:.1f} h | wall | processor |")
    print("| --- | ---: | ---: |")
    for name in ("decoding", "audit"):
        print(f"| {name} | {took['wall'][name]:.0f} s | {took['processor'][name]:.0f} s |")
    print(
        f"\nThe audit takes {took['ratio_to_decoding']:.2f}x the processor time of decoding alone; "
        f"{took['times_real_time']:.0f}x real time, {JOBS} threads, load average {took['load_average']:.1f}."
    )


def main() -> None:
    """Print the tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path, help="table of real clips (clips.csv)")
    parser.add_argument("--half", choices=("choose", "measure"), default="measure")
    parser.add_argument("--tables", nargs="+", choices=("finding", "time"), default=["finding", "time"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few clips: a smoke test")
    options = parser.parse_args()
    originals, distractors, timed = (1, 1, 4) if options.quick else (100, 300, 1_000)
    result: dict[str, Any] = {"benchmark": "audit", "half": options.half, "seed": options.seed}
    if "finding" in options.tables:
        with tempfile.TemporaryDirectory() as folder:
            planted = plant(
                options.clips,
                Path(folder),
                half=options.half,
                originals=originals,
                distractors=distractors,
                seed=options.seed,
            )
            result["finding"] = measure_finding(planted)
            if options.half == "choose":
                result["scores"] = measure_scores(planted)
                for name, value in result["scores"].items():
                    print(name, value)
        print_finding(result["finding"])
    if "time" in options.tables:
        result["time"] = measure_time(options.clips, timed)
        print_time(result["time"])
    print(json.dumps(result | machine("numpy", "scipy", "soundfile", "soxr", "av")))


if __name__ == "__main__":
    main()
