"""A catalogue of millions of tracks on many machines: hours and cost, and a simulation of the workers.

The plan divides measured rates: processor time, bytes and rows of a song, from benchmarks/rates.py, or from
options. The simulation follows each file through discrete events: a worker takes a batch from one queue, asks
the object store for each of its files in turn (a wait, then a share of the store's bandwidth), and processes
it. Decoding and the network are a wait with the processor times that were measured. It answers what division
cannot: how throughput grows with workers, and what a slow worker, a lost node and a slow store do.

    python experiments/scale_simulation.py --rates rates.json
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import math
import statistics
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

MOST_BATCH = 64
"""Files of a batch, at most; a pool of workers has 16 batches for each of them if that is less."""

WORKERS = (1, 2, 4, 8, 16, 32, 64)
TRACKS = (10**6, 10**7, 10**8)
_OF_A_SONG = ("recognize_s", "network_s", "decoding_s", "bytes_read", "requests")
RATES: dict[str, Any] = {
    "parquet_bytes_per_row": 1475.0,
    "parquet_rows_per_s": 4785.0,
    "vector_bytes": 1376.0,
    "vectors_per_s": 691400.0,
    "each": [
        {
            "recognize_s": 0.1029,
            "network_s": 0.06488,
            "decoding_s": 0.03801,
            "bytes_read": 1141000.0,
            "requests": 30.0,
        },
        {
            "recognize_s": 0.2854,
            "network_s": 0.1909,
            "decoding_s": 0.09452,
            "bytes_read": 2719000.0,
            "requests": 13.0,
        },
        {
            "recognize_s": 0.1004,
            "network_s": 0.06355,
            "decoding_s": 0.0369,
            "bytes_read": 2789000.0,
            "requests": 44.0,
        },
        {
            "recognize_s": 0.3269,
            "network_s": 0.1937,
            "decoding_s": 0.1332,
            "bytes_read": 2130000.0,
            "requests": 14.0,
        },
        {
            "recognize_s": 0.2902,
            "network_s": 0.1934,
            "decoding_s": 0.09682,
            "bytes_read": 2976000.0,
            "requests": 76.0,
        },
        {
            "recognize_s": 0.2927,
            "network_s": 0.2,
            "decoding_s": 0.09266,
            "bytes_read": 2402000.0,
            "requests": 13.0,
        },
        {
            "recognize_s": 0.2966,
            "network_s": 0.2004,
            "decoding_s": 0.09619,
            "bytes_read": 5771000.0,
            "requests": 100.0,
        },
        {
            "recognize_s": 0.1261,
            "network_s": 0.06827,
            "decoding_s": 0.05783,
            "bytes_read": 3561000.0,
            "requests": 17.0,
        },
    ],
}
"""Medians of benchmarks/rates.py, as docs/services/scale.md gives them."""


@dataclass(frozen=True)
class Store:
    """An object store: seconds until a request is answered, bytes a second in all and per connection."""

    latency: float = 0.05
    bandwidth: float = 1.25e9
    connection: float = 50e6


@dataclass(frozen=True)
class Scenario:
    """What is simulated.

    Attributes
    ----------
    workers, files : int
    work : np.ndarray [n, 3]
        Processor seconds, bytes and requests of files; each file is drawn from the rows. Its requests follow
        one after the other.
    store : Store
    slow : dict of int to float
        Worker -> how many times longer it computes.
    batch : int or None
        Files that a worker takes at once; None for what the engine chooses.
    shares : bool
        Whether each worker has a fixed share of the files instead of the common queue.
    lost : tuple of (float, int)
        Seconds at which a node dies, and how many workers it has; they do not come back.
    """

    workers: int
    files: int
    work: np.ndarray[Any, Any]
    store: Store = Store()
    slow: dict[int, float] = field(default_factory=dict)
    batch: int | None = None
    shares: bool = False
    lost: tuple[float, int] | None = None

    @property
    def batch_files(self) -> int:
        """Files of a batch."""
        return self.batch or max(1, min(MOST_BATCH, math.ceil(self.files / (16 * self.workers))))


@dataclass(frozen=True)
class Outcome:
    """What a simulation found: seconds, files done, files done in vain, share of the time spent computing."""

    seconds: float
    done: int
    again: int
    busy: float


class Simulation:
    """One run of a scenario.

    Transfers share the bandwidth equally, so each has received the same amount since any moment: a transfer
    ends when that amount has grown by its bytes.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self._scenario = scenario
        self._work = scenario.work[draw.integers(len(scenario.work), size=scenario.files)]
        self._now = self._received = self._busy = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._transfers: list[tuple[float, int, int, int]] = []  # end, order, worker, life of the worker
        self._order = itertools.count()
        self._lives = [0] * scenario.workers
        self._batches: list[list[int]] = [[] for _ in range(scenario.workers)]
        self._position = [0] * scenario.workers
        self._idle: set[int] = set()
        self._done = np.zeros(scenario.files, bool)
        self._again = 0
        self._active = 0
        self._last = 0.0
        self._queues = self._fill()

    def _fill(self) -> list[deque[list[int]]]:
        numbers, size = range(self._scenario.files), self._scenario.batch_files
        if self._scenario.shares:
            workers = self._scenario.workers
            return [deque(_pieces(list(numbers[worker::workers]), size)) for worker in range(workers)]
        return [deque(_pieces(list(numbers), size))]

    def run(self) -> Outcome:
        """Simulate until every file is done."""
        for worker in range(self._scenario.workers):
            self._take(worker)
        if self._scenario.lost is not None:
            self._at(self._scenario.lost[0], self._lose)
        while not self._done.all():
            end = self._transfer_end()
            if self._events and self._events[0][0] <= end:
                time, _, act = heapq.heappop(self._events)
                self._move_to(time)
                act()
            else:
                assert self._transfers, "files are left and nothing happens"
                self._move_to(end)
                _, _, worker, _ = heapq.heappop(self._transfers)
                self._active -= 1
                self._compute(worker)
        busy = self._busy / (self._last * self._scenario.workers)
        return Outcome(self._last, int(self._done.sum()), self._again, busy)

    def _rate(self) -> float:
        store = self._scenario.store
        return min(store.connection, store.bandwidth / max(1, self._active))

    def _transfer_end(self) -> float:
        while self._transfers and self._transfers[0][3] != self._lives[self._transfers[0][2]]:
            heapq.heappop(self._transfers)  # of a worker that died
        if not self._transfers:
            return math.inf
        return self._now + max(0.0, self._transfers[0][0] - self._received) / self._rate()

    def _move_to(self, time: float) -> None:
        self._received += (time - self._now) * self._rate()
        self._now = time

    def _at(self, time: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._order), act))

    def _for(self, worker: int, seconds: float, act: Callable[[int], None]) -> None:
        """Act later, if the worker still lives."""
        life = self._lives[worker]
        self._at(self._now + seconds, lambda: act(worker) if life == self._lives[worker] else None)

    def _take(self, worker: int) -> None:
        queue = self._queues[worker if self._scenario.shares else 0]
        if not queue:
            self._idle.add(worker)
            return
        self._batches[worker], self._position[worker] = queue.popleft(), 0
        self._ask(worker)

    def _ask(self, worker: int) -> None:
        waits = self._work[self._file(worker), 2]
        self._for(worker, waits * self._scenario.store.latency, self._transfer)

    def _file(self, worker: int) -> int:
        return self._batches[worker][self._position[worker]]

    def _transfer(self, worker: int) -> None:
        end = self._received + self._work[self._file(worker), 1]
        heapq.heappush(self._transfers, (end, next(self._order), worker, self._lives[worker]))
        self._active += 1

    def _compute(self, worker: int) -> None:
        seconds = self._work[self._file(worker), 0] * self._scenario.slow.get(worker, 1.0)
        self._busy += seconds
        self._for(worker, seconds, self._finish)

    def _finish(self, worker: int) -> None:
        self._position[worker] += 1
        if self._position[worker] < len(self._batches[worker]):
            self._ask(worker)
            return
        self._done[self._batches[worker]] = True  # the records of a batch arrive together
        self._last = self._now
        self._batches[worker] = []
        self._take(worker)

    def _lose(self) -> None:
        """End the last workers; others process their batches again."""
        assert self._scenario.lost is not None
        waiting = {entry[2] for entry in self._transfers if entry[3] == self._lives[entry[2]]}
        for worker in range(self._scenario.workers - self._scenario.lost[1], self._scenario.workers):
            self._active -= worker in waiting
            self._lives[worker] += 1
            self._idle.discard(worker)
            if self._batches[worker]:
                self._again += self._position[worker]
                self._queues[0].appendleft(self._batches[worker])
        for worker in sorted(self._idle)[: len(self._queues[0])]:
            self._idle.discard(worker)
            self._take(worker)


def _pieces(numbers: list[int], size: int) -> list[list[int]]:
    return [numbers[first : first + size] for first in range(0, len(numbers), size)]


def simulate(scenario: Scenario, seeds: int) -> dict[str, float]:
    """Return medians over seeds, and the range of the seconds."""
    found = [Simulation(scenario, seed).run() for seed in range(seeds)]
    assert all(each.done == scenario.files for each in found)
    seconds = [each.seconds for each in found]
    return {
        "seconds": statistics.median(seconds),
        "least": min(seconds),
        "most": max(seconds),
        "files_per_s": statistics.median(scenario.files / each for each in seconds),
        "busy": statistics.median(each.busy for each in found),
        "again": statistics.median(each.again for each in found),
    }


def work_of(rates: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Return processor seconds, bytes and requests of songs `[n, 3]`: those measured, of various lengths.

    Measured songs all have four minutes. Of other lengths, more or less is read and processed: a log-normal
    factor with a sigma of 0.3 stands for them, with a median of 1.
    """
    each = [(row["recognize_s"], row["bytes_read"], row["requests"]) for row in rates["each"]]
    spread = np.exp(0.3 * np.random.default_rng(0).standard_normal((500, len(each), 1)))
    return (np.array(each)[None] * spread).reshape(-1, 3)


def rows_of(work: np.ndarray[Any, Any], files: int, seeds: int) -> dict[str, list[dict[str, Any]]]:
    """Simulate the four tables."""
    most = WORKERS[-1]
    plain = Scenario(most, files * most, work)
    alone = simulate(replace(plain, workers=1, files=files), seeds)["files_per_s"]
    growth = []
    for workers in WORKERS:
        row = simulate(replace(plain, workers=workers, files=files * workers), seeds)
        growth.append({"workers": workers, **row, "of_linear": row["files_per_s"] / alone / workers})
    whole = growth[-1]["seconds"]

    def compared(**cases: Scenario) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]]
        rows = [{"case": name.replace("_", " "), **simulate(case, seeds)} for name, case in cases.items()]
        return [{**row, "longer": row["seconds"] / whole} for row in rows]

    slow = replace(plain, slow={0: 10.0})
    lost = replace(plain, lost=(whole / 2, 8))
    store, needed = plain.store, most * alone * float(np.mean(work[:, 1]))
    return {
        "growth": growth,
        "slow": compared(
            common_queue=slow, common_queue_and_batches_of_4=replace(slow, batch=4),
            fixed_shares=replace(slow, shares=True),
        ),
        "lost": compared(
            half_way=lost, near_the_end=replace(lost, lost=(0.95 * whole, 8)),
            half_way_and_batches_of_4=replace(lost, batch=4),
        ),
        "store": compared(
            **{"twice_the_need": replace(plain, store=replace(store, bandwidth=2 * needed))},
            **{"the_need": replace(plain, store=replace(store, bandwidth=needed))},
            **{"half_the_need": replace(plain, store=replace(store, bandwidth=needed / 2))},
            **{"0.5_s_per_request": replace(plain, store=replace(store, latency=0.5))},
        ),
    }  # fmt: skip


@dataclass(frozen=True)
class Prices:
    """Assumptions about what is paid, in one currency, and about machines."""

    core_hour: float
    gpu_hour: float
    gpu_speedup: float
    gpu_cores: int
    gigabyte_month: float
    million_requests: float
    cores: int
    network: float


def means(rates: dict[str, Any]) -> dict[str, float]:
    """Return the means over the measured songs: totals need these, not the medians."""
    return {key: statistics.fmean(row[key] for row in rates["each"]) for key in _OF_A_SONG}


def plan(rates: dict[str, Any], prices: Prices, tracks: Sequence[int]) -> list[dict[str, Any]]:
    """Return hours and cost of each number of tracks, by division.

    The GPU takes over the network, `gpu_speedup` times as fast as one core; decoding stays on its
    machine's cores. The slower of both counts.
    """
    song = means(rates)
    gpu = max(song["decoding_s"] / prices.gpu_cores, song["network_s"] / prices.gpu_speedup)
    rows = []
    for count in tracks:
        core_hours, gpu_hours = count * song["recognize_s"] / 3600, count * gpu / 3600
        hours, read = core_hours / prices.cores, count * song["bytes_read"]
        stored = count * (rates["parquet_bytes_per_row"] + rates["vector_bytes"]) / 1e9
        rows.append(
            {
                "tracks": count,
                "core_hours": core_hours,
                "machine_hours": hours,
                "machines_for_a_day": math.ceil(hours / 24),
                "cost": core_hours * prices.core_hour,
                "gpu_hours": gpu_hours,
                "gpu_cost": gpu_hours * prices.gpu_hour,
                "read_terabytes": read / 1e12,
                "network_hours": read / prices.network / 3600,
                "requests": count * song["requests"],
                "requests_cost": count * song["requests"] / 1e6 * prices.million_requests,
                "stored_gigabytes": stored,
                "stored_cost": stored * prices.gigabyte_month,
                "writing_hours": count / rates["parquet_rows_per_s"] / 3600,
                "search_s": count / rates["vectors_per_s"],
            }
        )
    return rows


def print_plan(rows: list[dict[str, Any]], rates: dict[str, Any], prices: Prices) -> None:
    """Print the table of hours and cost, and what limits."""
    print("| | " + " | ".join(f"{row['tracks']:,} tracks" for row in rows) + " |")
    print("| --- | " + " | ".join("---:" for _ in rows) + " |")
    lines: dict[str, Callable[[dict[str, Any]], str]] = {
        "core hours": lambda row: f"{row['core_hours']:,.0f}",
        f"hours on one machine of {prices.cores} cores": lambda row: f"{row['machine_hours']:,.1f}",
        "such machines for one day": lambda row: f"{row['machines_for_a_day']:,}",
        f"cost at {prices.core_hour:g} per core hour": lambda row: f"{row['cost']:,.0f}",
        f"hours on one GPU with {prices.gpu_cores} cores": lambda row: f"{row['gpu_hours']:,.1f}",
        f"cost at {prices.gpu_hour:g} per hour": lambda row: f"{row['gpu_cost']:,.0f}",
        "read from the store": lambda row: f"{row['read_terabytes']:,.2f} TB",
        f"hours to read at {prices.network / 1e9:g} GB/s": lambda row: f"{row['network_hours']:,.2f}",
        "requests": lambda row: f"{row['requests'] / 1e6:,.0f} million",
        f"cost at {prices.million_requests:g} per million": lambda row: f"{row['requests_cost']:,.0f}",
        "records and vectors": lambda row: f"{row['stored_gigabytes']:,.1f} GB",
        f"cost at {prices.gigabyte_month:g} per GB and month": lambda row: f"{row['stored_cost']:,.2f}",
        "hours to encode records on one core": lambda row: f"{row['writing_hours']:,.2f}",
        "exact search of one query on one core": lambda row: f"{row['search_s']:,.2f} s",
    }
    for name, value in lines.items():
        print(f"| {name} | " + " | ".join(value(row) for row in rows) + " |")
    song_means = means(rates)
    song, share = song_means["recognize_s"], song_means["network_s"] / song_means["recognize_s"]
    wait = song_means["requests"] * Store().latency + song_means["bytes_read"] / Store().connection
    decoding = song_means["decoding_s"] / prices.gpu_cores
    limit = "decoding" if decoding >= song_means["network_s"] / prices.gpu_speedup else "the network"
    print(f"\nOn CPU machines the network takes {share:.0%} of the processor time.", end=" ")
    print(f"With a GPU, {limit} is the limit.")
    print(
        f"A file waits {wait:.2f} s for the store and takes {song:.2f} s of a core: "
        f"{1 + wait / song:.1f} workers per core keep it busy.\n"
    )


def print_simulation(tables: dict[str, list[dict[str, Any]]], files: int, seeds: int) -> None:
    """Print the four tables."""
    print(f"Simulated: {files} files per worker, medians of {seeds} seeds; the range in brackets.\n")
    print("| workers | files/s | of linear | computing | seconds |\n| ---: | ---: | ---: | ---: | ---: |")
    for row in tables["growth"]:
        print(f"| {row['workers']} | {row['files_per_s']:.1f} | {row['of_linear']:.1%} | {row['busy']:.0%} "
              f"| {_range(row)} |")  # fmt: skip
    titles = {
        "slow": "one of 64 workers is ten times slower",
        "lost": "a node with 8 of 64 workers dies",
        "store": "64 workers, a store with",
    }
    for name, title in titles.items():
        print(f"\n| {title} | seconds | of undisturbed | processed again |\n| --- | ---: | ---: | ---: |")
        for row in tables[name]:
            print(f"| {row['case']} | {_range(row)} | {row['longer']:.2f} | {row['again']:.0f} |")


def _range(row: dict[str, Any]) -> str:
    return f"{row['seconds']:.0f} ({row['least']:.0f} to {row['most']:.0f})"


def main() -> None:
    """Print the tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--rates", type=Path, help="what benchmarks/rates.py wrote; default: those of the docs"
    )
    parser.add_argument("--files", type=int, default=256, help="files per worker")
    parser.add_argument("--seeds", type=int, default=5, help="simulations of each case")
    parser.add_argument("--price-core-hour", type=float, default=0.04, help="a core for an hour")
    parser.add_argument("--price-gpu-hour", type=float, default=2.5, help="a machine with a GPU for an hour")
    parser.add_argument("--price-gigabyte-month", type=float, default=0.023, help="storage")
    parser.add_argument("--price-million-requests", type=float, default=0.4, help="a million reads")
    parser.add_argument("--gpu-speedup", type=float, default=100.0, help="GPU against one core, the network")
    parser.add_argument("--gpu-cores", type=int, default=16, help="cores beside the GPU, for decoding")
    parser.add_argument("--cores", type=int, default=64, help="cores of a CPU machine")
    parser.add_argument("--network", type=float, default=1.25e9, help="bytes a second of a machine")
    options = parser.parse_args()
    rates = RATES
    if options.rates:
        rates = json.loads(options.rates.read_text(encoding="utf-8").splitlines()[-1])
    prices = Prices(
        *(options.price_core_hour, options.price_gpu_hour, options.gpu_speedup, options.gpu_cores),
        *(options.price_gigabyte_month, options.price_million_requests, options.cores, options.network),
    )
    planned = plan(rates, prices, TRACKS)
    print_plan(planned, rates, prices)
    tables = rows_of(work_of(rates), options.files, options.seeds)
    print_simulation(tables, options.files, options.seeds)
    print(json.dumps({"experiment": "scale_simulation", "plan": planned, "simulation": tables}))


if __name__ == "__main__":
    main()
