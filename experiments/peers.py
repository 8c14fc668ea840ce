"""genrelab and other recognizers that can be installed, on the same clips: answers, time, memory, size.

    python experiments/peers.py --clips CLIPS.csv --out OUT --peer musicnn=PYTHON --peer essentia=PYTHON
    python experiments/peers.py --page docs/results/peers.md --out OUT

Each recognizer runs in an environment of its own: `--peer NAME=PYTHON` names it, as
`peers_adapters/peers.yaml` does, and the Python of its environment; without `=PYTHON`, the one that runs this
script. genrelab is always among them. The clips are a CSV table or a folder `genre/file`; `--per-label` of
each label are chosen by `--seed`, decoded to WAV, and given to all recognizers in turn, one clip after
another, on one thread each. OUT/results.json then holds every answer, without names of files and artists;
`--page` replaces the tables of a page by those that follow from it.

Choose clips that no recognizer was trained on: this script cannot tell.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from peers_clips import Clip, by_others, choose, find_clips, prepare
from peers_figures import OURS, best_group, grouped, tables

from genrelab.files import replace_text
from genrelab.printing import plain

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

ADAPTERS = Path(__file__).resolve().parent / "peers_adapters"
RESULTS = "results.json"
ONE_THREAD = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
} | {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
INSTALLED = ADAPTERS / "installed_size.py"


class Peer:
    """A recognizer at work in a process of its own environment."""

    def __init__(self, name: str, python: str, described: Mapping[str, Any], log: Path) -> None:
        self.name, self.described, self._log = name, described, log
        self.groups = grouped(described["genres"])
        self.installed = int(subprocess.run([python, INSTALLED], check=True, capture_output=True).stdout)
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [python, str(ADAPTERS / described["adapter"])],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, **ONE_THREAD},
            )  # fmt: skip
        self.ready = self._reply()
        self.memory = self.ready["memory"]

    def ask(self, path: Path) -> dict[str, Any]:
        """Return the answer for a file: its group, or why there is none, and what it took."""
        assert self._process.stdin is not None
        self._process.stdin.write(os.fsencode(path) + b"\n")
        self._process.stdin.flush()
        reply = self._reply()
        self.memory = max(self.memory, reply["memory"])
        group = best_group(reply.get("scores", {}), self.groups)
        answer = {
            "group": group,
            "cpu_seconds": round(reply["cpu_seconds"], 4),
            "seconds": round(reply["seconds"], 4),
        }
        return answer | ({"error": reply["error"]} if "error" in reply else {})

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            words = plain(self._log.read_text(errors="replace")[-1500:])
            raise SystemExit(
                f"{self.name} ended with {code}; its last words are in {plain(str(self._log))}:\n{words}"
            )
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)

    def facts(self) -> dict[str, Any]:
        """Return what the record says of the recognizer."""
        return {
            "groups": list(self.described["genres"]),
            "python": self.ready["python"],
            "versions": self.ready["versions"],
            "ready_cpu_seconds": round(self.ready["cpu_seconds"], 3),
            "installed": self.installed,
            "memory": self.memory,
        }


def compare(
    clips: Sequence[Clip], pythons: Mapping[str, str], described: Mapping[str, Any], out: Path
) -> Any:
    """Ask each recognizer about each clip, in turns; return everything that was said."""
    peers: list[Peer] = []
    rows = []
    artists = {artist: number for number, artist in enumerate(dict.fromkeys(clip.artist for clip in clips))}
    try:
        for name, python in pythons.items():
            peers.append(Peer(name, python, described["peers"][name], out / f"{name}.log"))
        with tempfile.TemporaryDirectory() as folder:
            for number, clip in enumerate(clips):
                wave = Path(folder) / "clip.wav"
                seconds = prepare(clip, wave)
                answers = {peer.name: peer.ask(wave) for peer in peers}
                rows.append(
                    {
                        "artist": artists[clip.artist],
                        "labels": list(clip.labels),
                        "seconds": round(seconds, 2),
                        "answers": answers,
                    }
                )
                print(f"{number + 1} of {len(clips)}", file=sys.stderr)
        return {
            "machine": machine() | {"processor": processor()},
            "groups": described["groups"],
            "peers": {peer.name: peer.facts() for peer in peers},
            "clips": rows,
        }
    finally:
        for peer in peers:
            peer.close()


def processor() -> str:
    """Return the name of the processor; empty where it cannot be had."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found[1] if found else ""


def page_with_tables(page: str, record: Mapping[str, Any], described: Mapping[str, Any]) -> str:
    """Replace what stands between `<!-- NAME -->` and `<!-- end of NAME -->` by the tables of a record."""
    for name, table in tables(record, described).items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not marked.search(page):
            raise SystemExit(
                f"the page has no place for the table: <!-- {name} --> ... <!-- end of {name} -->"
            )
        page = marked.sub(lambda match, table=table: f"{match[1]}{table}\n{match[2]}", page)  # type: ignore[misc]
    return page


def pythons_of(given: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Return name -> Python of what `--peer` names; genrelab is always among them, and first."""
    pythons = {OURS: sys.executable}
    for text in given:
        name, _, python = text.partition("=")
        if name not in known:
            raise SystemExit(f"--peer {plain(text)}: there is {', '.join(known)}")
        pythons[name] = python or sys.executable
    return pythons


def main() -> None:
    """Compare, or write the tables of a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=Path, help="a CSV table, or a folder genre/file")
    parser.add_argument("--only", default="", help="beginning of the paths that count")
    parser.add_argument(
        "--new-artists", action="store_true", help="without artists of the table's clips outside --only"
    )
    parser.add_argument("--per-label", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--out", type=Path, required=True, help="folder of results.json")
    parser.add_argument("--page", type=Path, help="a page whose tables are replaced")
    options = parser.parse_args()
    described = yaml.safe_load((ADAPTERS / "peers.yaml").read_text(encoding="utf-8"))
    results = options.out / RESULTS
    if options.clips is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        clips = find_clips(options.clips, grouped(described["labels"]), options.only)
        chosen = choose(clips, options.per_label, options.seed)
        if options.new_artists:
            chosen = by_others(chosen, options.clips, options.only)
        record = compare(chosen, pythons_of(options.peer, list(described["peers"])), described, options.out)
        record |= {"seed": options.seed, "per_label": options.per_label, "labelled_clips": len(clips)}
        replace_text(results, json.dumps(record, indent=1) + "\n")
    elif not results.is_file():
        raise SystemExit(f"{plain(str(results))} is not there: give --clips")
    record = json.loads(results.read_text(encoding="utf-8"))
    if options.page is not None:
        replace_text(
            options.page, page_with_tables(options.page.read_text(encoding="utf-8"), record, described)
        )
    shown = tables(record, described)
    print("\n\n".join(shown[name] for name in ("accuracy", "cost", "labels")))
    print(json.dumps({"clips": len(record["clips"]), "peers": list(record["peers"])}))


if __name__ == "__main__":
    main()
