r"""How much of the papers' accuracy on GTZAN is leak: docs/results/gtzan-pictures.md.

Trains the systems that see a spectrogram on pictures of GTZAN's clips, under splits at random, by artist and
without faults, and writes the tables and the figure. The most telling runs come first. Finished runs are kept
and passed over, also those that were made elsewhere and are on the page already; a stopped one resumes from
its checkpoint.

    python experiments/gtzan_pictures.py pictures:PATH/TO/gtzan-pictures --weights PATH/TO/weights \
        --out runs/gtzan-pictures --budget 300 --publish docs/results
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from gtzan_features import known_artists, same_sizes
from gtzan_pictures_page import (
    ALL,
    ARTIST,
    FIGURE,
    PAGE,
    PUBLISHED,
    RANDOM,
    REPETITIONS,
    RUNS,
    SAME_SIZES,
    Extract,
    Repetition,
    figure,
    filled,
    packed,
    repetitions_text,
)
from gtzan_pictures_plan import SMALL, TRAINED_SYSTEMS, Task, open_runs, tasks

from genrelab.errors import UsageError
from genrelab.files import replace_text
from genrelab.lab.audit import audit_corpus
from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.adapting import adapted
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.metrics.predictions import Predictions, read_predictions, write_predictions
from genrelab.lab.models import build_network
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.runs.folders import METRICS, Run, run_folder
from genrelab.lab.studies.reproduce.figures import digest
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.freezing import freeze_for

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from machine import machine

VALID = "valid-predictions.csv"


class Material:
    """The corpus, and its clips without faults.

    Parameters
    ----------
    spec : str
        `pictures:PATH`.
    weights : Path or None
        Folder with the files of initial weights; None starts from random weights.
    quick : bool
        One epoch of each training, on small pictures: a smoke test.
    device : {"auto", "cpu", "gpu"}
    """

    def __init__(self, spec: str, weights: Path | None, *, quick: bool, device: str = "cpu") -> None:
        self.device = device
        self.corpus, self.weights, self.quick = load_corpus(spec), weights, quick
        if self.corpus.kind != "pictures" or not set(EXPECTED_IDS) >= {c.id for c in self.corpus.clips}:
            raise UsageError(f"{spec} does not hold pictures of GTZAN", code="not-gtzan-pictures")
        published = self.corpus.published_splits[PUBLISHED]
        kept = {*published.train, *published.valid, *published.test}
        self.faultless = dataclasses.replace(
            self.corpus,
            name=f"{self.corpus.name}-faultless",
            clips=[clip for clip in self.corpus.clips if clip.id in kept],
        )

    @cached_property
    def repetitions(self) -> list[Repetition]:
        """Pairs of pictures that show one recording, as the audit finds them."""
        found = audit_corpus(self.corpus).repetitions
        return [Repetition(pair.first, pair.second, pair.kind, pair.score) for pair in found]

    def split(self, task: Task) -> tuple[Corpus, Split]:
        """Return the split of a task, and the corpus that it divides."""
        published = self.corpus.published_splits[PUBLISHED]
        if task.protocol == PUBLISHED:
            return self.corpus, make_split(self.corpus, PUBLISHED, seed=task.seed)
        if task.protocol == SAME_SIZES:
            return self.faultless, same_sizes(self.faultless, published, seed=task.seed)
        if task.protocol == ARTIST:
            sizes = [len(part) for part in (published.train, published.valid, published.test)]
            train, valid = (round(100 * size / sum(sizes)) for size in sizes[:2])
            kind = f"artist:{train}/{valid}/{100 - train - valid}"
            return self.faultless, make_split(self.faultless, kind, seed=task.seed)
        kind = f"kfold:{task.fold}/10" if task.protocol == RANDOM else TRAINED_SYSTEMS[task.system].own
        return self.corpus, make_split(self.corpus, kind, seed=task.seed)

    def recipe(self, task: Task) -> Recipe:
        """Return the recipe of a task."""
        system = TRAINED_SYSTEMS[task.system]
        changes = list(system.changes)
        if system.weights is not None:
            start = "none" if self.weights is None else str(self.weights / system.weights)
            changes.append(f"training.weights={json.dumps(start)}")
        if task.copies == ALL:
            changes.append("augment.copies_of=train+valid")
        if self.quick:
            changes += ["training.max_epochs=1", "training.frozen_epochs=0"]
            if "picture" in load_recipe(system.recipe).inputs:
                changes += [each.replace("128", "32").format("picture") for each in SMALL]
        return adapted(load_recipe(system.recipe, changes=changes), self.corpus)


def run_task(task: Task, material: Material, out: Path) -> Run:
    """Train a run, or read a finished one; in the study of copies, predict its validation part too."""
    corpus, split = material.split(task)
    base = out / "leak" if task.copies == ALL else out
    experiment = Experiment(material.recipe(task), corpus, split, task.seed)
    run = run_experiment(experiment, base=base, device=material.device, model_file=False)
    if task.copies is not None and not (run.folder / VALID).is_file():
        valid = TestSet(corpus, split.valid, experiment.store, experiment.recipe.audio)
        write_predictions(run.folder / VALID, predict(run.network(), valid, device=material.device))
    return run


def is_finished(task: Task, material: Material, out: Path) -> bool:
    """Return whether all of a run is there."""
    corpus, split = material.split(task)
    base, recipe = out / "leak" if task.copies == ALL else out, material.recipe(task).name
    names = {"recipe": recipe, "corpus": corpus.name, "split": split.name}
    folder = run_folder(base, **names, seed=task.seed, split_seed=split.seed)
    return all((folder / name).is_file() for name in (METRICS, *([VALID] if task.copies else [])))


def extract(task: Task, run: Run, material: Material, out: Path) -> Extract:
    """Return what the page needs to know of a run."""
    corpus, split = material.split(task)
    record = run.record
    facts = Experiment(run.recipe, corpus, split, task.seed).facts
    trained = {facts[key].digest for key in split.train if key in facts}
    learned, probed = set(split.train), set(split.test)
    both = [pair[:2] for pair in material.repetitions]
    repeated = {b for a, b in (*both, *((b, a) for a, b in both)) if a in learned and b in probed}
    tested, right = _answers(run.predictions())
    valid = _answers(read_predictions(run.folder / VALID)) if task.copies is not None else ("", "")
    return Extract(
        system=task.system,
        protocol=task.protocol,
        copies=task.copies,
        seed=task.seed,
        split=split.name,
        run=run.folder.relative_to(out).as_posix(),
        metrics_sha256=digest(run.folder / METRICS),
        parameters=record.parameters,
        chosen=record.epoch.chosen + 1,
        epochs=record.epoch.trained,
        minutes=round(record.training_seconds / 60, 2),
        parts=(len(split.train), len(split.valid), len(split.test)),
        known=known_artists(corpus, split),
        twins=sum(facts[key].digest in trained for key in split.test if key in facts),
        repeats=len(repeated),
        tested=tested,
        right=right,
        valid_tested=valid[0],
        valid_right=valid[1],
    )


def _answers(predictions: Predictions) -> tuple[str, str]:
    """Return the predicted clips, and those predicted correctly, as the page packs them."""
    answers = predictions.tracks("mean")
    good = answers.orders[:, 0] == answers.truth
    return packed(answers.clip_ids), packed(key for key, ok in zip(answers.clip_ids, good, strict=True) if ok)


def train_all(
    listed: Sequence[Task],
    material: Material,
    out: Path,
    *,
    minutes: float | None,
    known: Sequence[Extract] = (),
) -> list[Extract]:
    """Train what is missing until the time is over; return the extracts of all finished runs.

    `known` are extracts of runs whose folders need not be here; none of them is lost.
    """
    # As Ctrl-C: a training stops after a batch, and resumes from its last epoch.
    timer = threading.Timer(60 * (minutes or 0), signal.raise_signal, [signal.SIGINT])
    timer.daemon = True
    done: list[Extract] = []
    rest = list(known)
    try:
        if minutes is not None:
            timer.start()
        for number, task in enumerate(listed, start=1):
            elsewhere = next((run for run in rest if task.made(run)), None)
            if elsewhere is not None:
                rest.remove(elsewhere)
                done.append(elsewhere)
                continue
            what = " ".join(map(str, filter(None, (task.system, task.protocol, task.copies))))
            print(f"{number}/{len(listed)} {what}, seed {task.seed}, fold {task.fold}", file=sys.stderr)
            done.append(extract(task, run_task(task, material, out), material, out))
    except KeyboardInterrupt:
        print(f"stopped after {len(done)} of {len(listed)} runs; the same command goes on", file=sys.stderr)
    finally:
        timer.cancel()
    return done + rest


def published(folder: Path) -> list[Extract]:
    """Return the extracts of the runs on a page in a folder; of no page, none."""
    file = folder / "gtzan-pictures" / RUNS
    return [Extract.of(each) for each in json.loads(file.read_text("utf-8"))] if file.is_file() else []


def write_page(
    folder: Path, runs: Sequence[Extract], pairs: Sequence[Repetition], *, keep: bool = False
) -> None:
    """Write the page into a folder, and extracts and figure into one below it.

    With `keep`, a page that is there keeps its text, and only its tables are replaced.
    """
    template = folder / PAGE
    if not keep or not template.is_file():
        template = Path(__file__).with_suffix(".md")
    text = filled(template.read_text(encoding="utf-8"), runs, pairs)
    below = folder / "gtzan-pictures"
    below.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(run.to_dict()) for run in runs)
    replace_text(below / RUNS, f"[\n{lines}\n]\n")
    replace_text(below / REPETITIONS, repetitions_text(pairs))
    replace_text(below / FIGURE, figure(runs))
    replace_text(folder / PAGE, text)


def seconds_per_clip(material: Material, name: str) -> dict[str, Any]:
    """Measure a training step and a prediction of a system, in seconds of one core per clip."""
    torch.set_num_threads(1)
    recipe = material.recipe(Task(name, PUBLISHED, 0))
    network = build_network(recipe, genres=10).train()
    freeze_for(network, recipe.training, 0)
    clips = 4
    waveform, label = torch.rand(clips, 1, recipe.audio.sample_rate) * 2 - 1, torch.arange(clips)
    optimizer = torch.optim.Adam([each for each in network.parameters() if each.requires_grad])
    steps = []
    for _ in range(2):
        start = time.process_time()
        optimizer.zero_grad()
        torch.autograd.backward(F.cross_entropy(network(waveform).logits, label))
        optimizer.step()
        steps.append((time.process_time() - start) / clips)
    network.eval()
    start = time.process_time()
    with torch.no_grad():
        network(waveform)
    predicting = (time.process_time() - start) / clips
    items = 1 + len(recipe.augment.copies)
    return {
        "system": name,
        "step": min(steps),
        "predicting": predicting,
        "epoch_minutes": (443 * items * min(steps) + 197 * predicting) / 60,
        "most_epochs": recipe.training.max_epochs,
    }


def main() -> None:
    """Train, print the tables and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus", help="pictures:PATH of GTZAN")
    parser.add_argument("--weights", type=Path, help="folder with files of ImageNet weights; none: random")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/gtzan-pictures"), help="folder for the run folders"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="cpu")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=[], choices=list(TRAINED_SYSTEMS), metavar="SYSTEM")
    parser.add_argument("--budget", type=float, metavar="MINUTES", help="stop after so many minutes")
    parser.add_argument(
        "--publish", type=Path, metavar="FOLDER", help="write the page there; by default into --out"
    )
    parser.add_argument("--again", action="store_true", help="repeat the runs that are on that page")
    parser.add_argument(
        "--time", action="store_true", help="only measure the time of an epoch of each system"
    )
    parser.add_argument("--list", action="store_true", help="only list the runs in their order")
    parser.add_argument("--finished", action="store_true", help="train nothing: the page of finished runs")
    parser.add_argument("--quick", action="store_true", help="one seed, one epoch, one fold: a smoke test")
    options = parser.parse_args()
    material = Material(options.corpus, options.weights, quick=options.quick, device=options.device)
    about = {"benchmark": "gtzan_pictures"} | machine("torch", "numpy", "timm")
    if options.time:
        rows = [seconds_per_clip(material, name) for name in options.only or TRAINED_SYSTEMS]
        print("| system | step, s/clip | predicting, s/clip | epoch of 443 clips, min | most epochs |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for row in rows:
            figures = f"{row['step']:.3f} | {row['predicting']:.3f} | {row['epoch_minutes']:.2f}"
            print(f"| {row['system']} | {figures} | {row['most_epochs']} |")
        print(json.dumps({"times": rows} | about))
        return
    quick = {"seeds": 1, "folds": 1} if options.quick else {"seeds": options.seeds}
    listed = list(tasks(**quick, only=options.only))
    if options.list:
        print("| run | system | split | seed | fold | copies |\n| --- | --- | --- | ---: | ---: | --- |")
        for number, task in enumerate(listed, start=1):
            named = (number, task.system, task.protocol, task.seed, task.fold, task.copies or "")
            print(f"| {' | '.join(map(str, named))} |")
        print(json.dumps({"runs": len(listed)} | about))
        return
    out = options.out / "quick" if options.quick else options.out
    wanted = [task for task in listed if is_finished(task, material, out)] if options.finished else listed
    folder = options.publish or out
    known = [] if options.again or options.publish is None else published(folder)
    runs = train_all(wanted, material, out, minutes=options.budget, known=known)
    write_page(folder, runs, material.repetitions, keep=options.publish is not None)
    print((folder / PAGE).read_text(encoding="utf-8"))
    print(
        json.dumps({"runs": len(runs), "open": open_runs(listed, runs), "page": str(folder / PAGE)} | about)
    )


if __name__ == "__main__":
    main()
