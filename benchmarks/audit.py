"""What the audit of a corpus finds, and how fast: the tables of docs/results/audit.md.

Real clips are divided in two halves by artist. From one half, 30 s of each clip are written as files, and
changed copies of some are planted beside them: cut, encoded, softer, faster, noisy. The audit is then asked
for all repetitions. A pair of two copies of one clip is right, a pair of two clips is false, unless it is
one of the repetitions that the collections themselves hold (confirmed by correlating the waveforms).
Thresholds were chosen on the half `choose`; figures are those of the half `measure`.

    python benchmarks/audit.py PATH/TO/clips.csv [--quick] [--half choose]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr

from genrelab.audio.decode import decode
from genrelab.audio.encode import mp3_rate, write_mp3
from genrelab.audio.resample import resample
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.audit import Pair, audit_corpus
from genrelab.lab.corpora.audit.hearing import hear_all
from genrelab.lab.corpora.audit.pairs import THRESHOLD, best_agreements
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.types import Clip, Corpus, Waveform

SECONDS, CUT, SHORT_CUT = 30.0, 10.0, 2.5
COLLECTIONS = ("emotify", "allmusic-previews")
JOBS = 2
# Repetitions of the collections themselves; each correlates at 0.9 and above, second by second.
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


class Sound(NamedTuple):
    """A waveform `[channels, samples]` on its way to a file."""

    waveform: Waveform
    rate: int
    bitrate: int | None = None  # of MP3; None writes FLAC
    begin: float = 0.0  # where it begins in the original, in seconds


Change = Callable[[Sound, np.random.Generator], Sound]


def _cut(seconds: float) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        length = round(seconds * sound.rate)
        start = int(rng.integers(0, sound.waveform.shape[1] - length + 1))
        cut = sound.waveform[:, start : start + length]
        return sound._replace(waveform=cut, begin=start / sound.rate)

    return change


def _mp3(kilobits: int) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        rate = mp3_rate(sound.rate)
        return sound._replace(
            waveform=resample(sound.waveform, sound.rate, rate), rate=rate, bitrate=kilobits
        )

    return change


def _gain(decibels: float) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        louder = sound.waveform * np.float32(10 ** (decibels / 20))
        return sound._replace(waveform=np.clip(louder, -1, 1))

    return change


def _speed(percent: float) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        rate = sound.rate * (1 + percent / 100)
        faster = soxr.resample(sound.waveform.T, rate, sound.rate, quality="HQ")
        return sound._replace(waveform=np.ascontiguousarray(faster.T))

    return change


def _noise(decibels: float) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        power = float(np.mean(np.square(sound.waveform, dtype=np.float64)))
        spread = (power * 10 ** (-decibels / 10)) ** 0.5
        return sound._replace(
            waveform=sound.waveform + rng.normal(0, spread, sound.waveform.shape).astype(np.float32)
        )

    return change


def _rate(rate: int) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        return sound._replace(waveform=resample(sound.waveform, sound.rate, rate), rate=rate)

    return change


# What is planted: the changes in order, and the kind that the audit should say.
PLANTS: dict[str, tuple[tuple[Change, ...], str]] = {
    "exact copy of the file": ((), "same file"),
    "same samples, another format": ((), "same samples"),
    "MP3, 64 kbit/s": ((_mp3(64),), "same recording"),
    "gain -12 dB": ((_gain(-12),), "same recording"),
    "gain +6 dB, clipped": ((_gain(6),), "same recording"),
    "16 kHz": ((_rate(16_000),), "same recording"),
    "cut, 10 s": ((_cut(CUT),), "other cut"),
    "cut, 10 s, -6 dB, MP3 64 kbit/s": ((_cut(CUT), _gain(-6), _mp3(64)), "other cut"),
    "cut, 2.5 s": ((_cut(SHORT_CUT),), "other cut"),
    "cut, 2.5 s, MP3 64 kbit/s": ((_cut(SHORT_CUT), _mp3(64)), "other cut"),
    "speed +1 %": ((_speed(1),), "other speed"),
    "speed -1 %": ((_speed(-1),), "other speed"),
    "speed +2 %": ((_speed(2),), "other speed"),
    "speed -2 %": ((_speed(-2),), "other speed"),
    "noise, 20 dB below": ((_noise(20),), "same recording"),
    "noise, 10 dB below": ((_noise(10),), "same recording"),
}


class Planted(NamedTuple):
    """A corpus with planted repetitions."""

    corpus: Corpus
    origin: dict[str, str]  # clip id -> id of the real clip that it comes from
    plant: dict[str, str]  # clip id -> name in PLANTS, of planted clips
    begin: dict[str, float]  # clip id -> where it begins in the original, in seconds


def half_of(clip: Clip) -> str:
    """Return which half a clip belongs to: all clips of one artist to the same."""
    digest = hashlib.sha256((artist_key(clip.artist) or clip.id).encode()).digest()
    return "choose" if digest[0] % 2 else "measure"


def plant(table: Path, folder: Path, *, half: str, originals: int, distractors: int, seed: int) -> Planted:
    """Write originals and planted copies into a folder."""
    rng = np.random.default_rng(seed)
    long = _half(table, COLLECTIONS, half)
    short = _half(table, ("gtzan-short",), half)
    chosen = [long[i] for i in rng.permutation(len(long))[: originals + distractors]]
    short = [short[i] for i in rng.permutation(len(short))[: originals + distractors]]
    planted = Planted(Corpus("planted", (), []), {}, {}, {})
    clips: list[Clip] = []

    def add(clip: Clip, path: Path, name: str | None = None, begin: float = 0.0) -> None:
        new = Clip(path.stem, path, None)
        clips.append(new)
        planted.origin[new.id], planted.begin[new.id] = clip.id, begin
        if name is not None:
            planted.plant[new.id] = name

    for number, clip in enumerate([*chosen, *short]):
        whole = Sound(*decode(_file(clip), duration=SECONDS))
        path = folder / f"{number:04d}.flac"
        _write(path, whole)
        add(clip, path)
        is_short = number >= len(chosen)
        if (number - len(chosen) if is_short else number) >= originals:
            continue
        for place, (name, (changes, _)) in enumerate(PLANTS.items()):
            if is_short and ("cut" in name or "speed" in name):
                continue
            copy = folder / f"{number:04d}-{place:02d}.flac"
            sound = whole
            if name.startswith("exact"):
                shutil.copyfile(path, copy)
            elif name.startswith("same samples"):
                copy = copy.with_suffix(".wav")
                soundfile.write(copy, *soundfile.read(path, dtype="int16"))
            else:
                for change in changes:
                    sound = change(sound, rng)
                copy = copy.with_suffix(".mp3" if sound.bitrate else ".flac")
                _write(copy, sound)
            add(clip, copy, f"{name} (of 2 to 3 s)" if is_short else name, sound.begin)
    return planted._replace(corpus=Corpus("planted", (), clips))


def _half(table: Path, collections: tuple[str, ...], half: str) -> list[Clip]:
    corpus = load_corpus(f"table:{table}?corpus={','.join(collections)}")
    return [clip for clip in corpus.clips if half_of(clip) == half]


def _file(clip: Clip) -> Path:
    if clip.path is None:
        raise ValueError(f"{clip.id} is not read from a file")
    return clip.path


def _write(path: Path, sound: Sound) -> None:
    if sound.bitrate is not None:
        write_mp3(path, sound.waveform, sound.rate, bitrate=sound.bitrate)
    else:
        soundfile.write(path, np.clip(sound.waveform.T, -1, 1), sound.rate, subtype="PCM_16")


def wilson(right: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    z = 1.959964
    middle = (right + z * z / 2) / (of + z * z)
    reach = z / (of + z * z) * math.sqrt(right * (of - right) / of + z * z / 4)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def measure_finding(planted: Planted) -> dict[str, Any]:
    """Audit a planted corpus and count what was found."""
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
    """Return what a threshold is chosen from: lowest scores of repetitions, highest of others."""
    heard = hear_all(planted.corpus, shortest=0.0, jobs=JOBS)
    kept = [each for each in heard if each.fingerprint is not None]
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
    """Audit clips of 30 s as they are, and decode the same clips."""
    corpus = load_corpus(f"table:{table}?corpus={','.join(COLLECTIONS)}")
    clips = [
        Clip(f"{clip.id}@{start:g}", clip.path, None, start=start, duration=SECONDS)
        for start in (0.0, SECONDS)
        for clip in corpus.clips
        if start == 0.0 or clip.genre is not None and "emotify" in _file(clip).parts
    ][:count]

    def read(clip: Clip) -> float:
        waveform, rate = decode(_file(clip), start=clip.start or 0.0, duration=clip.duration)
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
    """Print what was found as Markdown."""
    print("\n| planted | clips | found | recall (95 %) | kind right | offset off by, 95th percentile |")
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
        f"Said to share a loop: {finding['loops_of_one_recording']} pairs of one recording, "
        f"{finding['loops_of_two_recordings']} of two."
    )
    print(f"Repetitions of the collections that were found: {finding['known_repetitions_found']}")


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
    """Print the tables, then one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path, help="the table of the real clips")
    parser.add_argument("--half", choices=("choose", "measure"), default="measure")
    parser.add_argument("--tables", nargs="+", choices=("finding", "time"), default=["finding", "time"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few clips: does it run?")
    options = parser.parse_args()
    originals, distractors, timed = (4, 4, 10) if options.quick else (100, 300, 1_000)
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
    versions = {name: version(name) for name in ("numpy", "scipy", "soundfile", "soxr", "av")}
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    print(json.dumps(result | {"versions": versions, **machine}))


if __name__ == "__main__":
    main()
