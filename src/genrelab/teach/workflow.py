"""Collect examples, teach, and write the results: what `genrelab teach` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import Bundle, embedding_key
from genrelab.bundle.metadata import TrainingCorpus
from genrelab.errors import UsageError
from genrelab.library.album_tags import read_album_tags
from genrelab.library.store.library import Library
from genrelab.recognize.recognizer import Recognizer
from genrelab.teach.advice import Outcome
from genrelab.teach.head import Statement, write_taught
from genrelab.teach.sources.deviations import TRACKS, measure_deviations
from genrelab.teach.sources.embed import Embeddings, find_embeddings
from genrelab.teach.sources.examples import Examples, clean
from genrelab.teach.sources.examples_file import (
    Doubt,
    StoredExamples,
    examples_file,
    path_text,
    read_examples,
    write_examples,
)
from genrelab.teach.sources.grouping import group_keys
from genrelab.teach.sources.labelled import Labelled, Labels
from genrelab.teach.sources.names import Naming
from genrelab.teach.teaching import Taught, TeachSettings, teach

ORIGIN = "taught by `genrelab teach`"
"""The citation of the corpus in a model file that stands for the examples."""

Step = Callable[[str, int, int], None]


@dataclass
class Collected:
    """Examples, and what was found of their files.

    Attributes
    ----------
    examples : Examples
    embeddings : Embeddings
    """

    examples: Examples
    embeddings: Embeddings


@dataclass(frozen=True)
class Means:
    """What examples are collected with.

    Attributes
    ----------
    library : Library
    recognizer : Recognizer
    jobs : int > 0
        Files recognized at once.
    step : callable or None
        Shows progress.
    """

    library: Library
    recognizer: Recognizer
    jobs: int = 1
    step: Step | None = None


def collect(labels: Labels, naming: Naming, means: Means, *, known: Iterable[str] = ()) -> Collected:
    """Turn labelled files into examples with embeddings.

    Parameters
    ----------
    labels : Labels
    naming : Naming
    means : Means
    known : iterable of str
        Genres that the model has already, whose spelling is kept.

    Returns
    -------
    Collected
    """
    step = means.step
    genres = naming.unify((file.genres for file in labels.files), known)
    files = [
        Labelled(file.path, own, file.artist, file.of_genre)
        for file, own in zip(labels.files, genres, strict=True)
        if own
    ]
    labels.without += len(labels.files) - len(files)
    paths = [file.path for file in files]
    found = find_embeddings(paths, means.library, means.recognizer, jobs=means.jobs, step=step)
    usable = [number for number, vector in enumerate(found.vectors) if vector is not None]
    used = [files[number] for number in usable]
    tags = []
    for number, file in enumerate(used, start=1):
        tags.append(read_album_tags(file.path))
        if step is not None and (number % 50 == 0 or number == len(used)):
            step("reading artists", number, len(used))
    vectors = [vector for vector in found.vectors if vector is not None]
    examples = Examples(
        tuple(path_text(file.path) for file in used),
        tuple(file.genres for file in used),
        tuple(group_keys(used, tags)),
        tuple(found.sounds[number] for number in usable),
        np.stack(vectors) if vectors else np.empty((0, found.size), np.float32),
    )
    return Collected(examples, found)


def learn(
    labels: Labels,
    naming: Naming,
    means: Means,
    settings: TeachSettings,
    *,
    stored: StoredExamples | None = None,
    fewest: int = 5,
) -> tuple[Outcome, Examples]:
    """Collect examples and teach.

    Parameters
    ----------
    labels : Labels
        Problems with files that turn up later are added to its own, also if an error is raised.
    naming : Naming
    means : Means
    settings : TeachSettings
    stored : StoredExamples or None
        The examples of the model that is updated.
    fewest : int > 1
        Genres with fewer examples are left out.

    Returns
    -------
    Outcome, Examples
        All examples, also those that were left out.

    Raises
    ------
    UsageError
        If fewer than two genres remain, or too many.
    """
    collected = collect(labels, naming, means, known=stored.examples.names() if stored is not None else ())
    labels.problems += collected.embeddings.problems
    everything = collected.examples
    if stored is not None:
        everything = stored.examples.updated(everything)
    examples, left = clean(everything.without(naming.blocks), fewest=fewest, multi=settings.multi)
    deviations = sample_deviations(examples, means.recognizer, step=means.step)
    taught = teach(examples, settings, deviations=deviations, step=means.step)
    silent = collected.embeddings.silent
    return Outcome(taught, left, labels.without, silent, tuple(labels.problems)), everything


def is_multi(wanted: bool | None, stored: StoredExamples | None) -> bool:
    """Whether a track may have several genres: as wanted, otherwise as in the model that is updated."""
    return wanted if wanted is not None else stored is not None and stored.multi


def stored_examples(model: Path, bundle: Bundle) -> StoredExamples:
    """Read the examples of a taught model.

    Parameters
    ----------
    model : Path
    bundle : Bundle
        Its contents.

    Raises
    ------
    UsageError
        If they are missing or damaged, or of a model with another embedding.
    """
    path = examples_file(model)
    stored = read_examples(path)
    size = stored.examples.vectors.shape[1]
    if stored.key != embedding_key(bundle.identity) or size != bundle.measure_embedding():
        message = f"the examples {path} belong to another model than {model}. Teach from all examples again."
        raise UsageError(message, code="teach-examples-of-another")
    return stored


def sample_deviations(
    examples: Examples, recognizer: Recognizer, *, step: Step | None
) -> npt.NDArray[np.float32] | None:
    """Process some of the examples whose files exist, to see how much segments differ; None if none does."""
    order = np.random.default_rng(0).permutation(len(examples))
    files: list[Path] = []
    for number in order:
        path = Path(examples.paths[number])
        if path.is_file():
            files.append(path)
        if len(files) == TRACKS:
            break

    def count(done: int, total: int) -> None:
        if step is not None:
            step("comparing segments", done, total)

    return measure_deviations(files, recognizer.bundle, step=count) if files else None


def check_target(target: Path, keep: list[Path]) -> None:
    """Raise a `UsageError` unless a model file can be written here without replacing an input."""
    if target.suffix.lower() != ".onnx":
        raise UsageError(f"--to {target} must end with .onnx", code="teach-target-suffix")
    if target.exists() and not target.is_file():
        raise UsageError(f"--to {target} is not a regular file. Name another.", code="teach-target-no-file")
    if not target.parent.is_dir():
        message = f"--to {target}: the folder {target.parent} does not exist. Make it first."
        raise UsageError(message, code="teach-target-folder")
    if target.exists() and any(path.exists() and target.samefile(path) for path in keep):
        message = f"--to {target} is the model that is taught from. Name another file."
        raise UsageError(message, code="teach-target-is-base")
    if not target.stem.isprintable():
        message = f"--to {target} has a name with control characters. Name another file."
        raise UsageError(message, code="teach-target-name")


def check_page(page: Path) -> None:
    """Raise a `UsageError` unless a path is that of a page: it may not replace a model file or music."""
    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--page {page} must end with .html", code="teach-page-suffix")


def write_result(
    taught: Taught, everything: Examples, target: Path, recognizer: Recognizer, base_file: Path
) -> None:
    """Write the model file, and its examples beside it: neither if the model file cannot be made.

    Parameters
    ----------
    taught : Taught
    everything : Examples
        Also those that were left out, which a later update may use.
    target : Path
        The model file; `examples_file(target)` is replaced too.
    recognizer : Recognizer
        Of the model whose embedding is used.
    base_file : Path
        Its file.
    """
    bundle, examples = recognizer.bundle, taught.examples
    about = TrainingCorpus(
        name=f"own examples ({len(examples):,} tracks, {len(taught.head.genres)} genres)",
        licence="the user's own",
        citation=ORIGIN,
    )
    figures = taught.figures.to_dict()
    results = {
        "corpus": about.name,
        "split": f"cross-validation by {'artist or album' if taught.by_group else 'track'}",
        **{name: figures[name] for name in ("balanced_accuracy", "accuracy", "calibration_error")},
        **{
            name: figures[name]
            for name in ("mean_average_precision", "mean_auc")
            if figures[name] is not None
        },
    }
    numbers = {path: number for number, path in enumerate(everything.paths)}
    doubts = tuple(
        Doubt(numbers[examples.paths[each.example]], taught.head.genres[each.genre], each.other, each.own)
        for each in taught.suspects
    )
    stored = StoredExamples(everything, embedding_key(bundle.identity), taught.multi, doubts)
    statement = Statement(target.stem[:200], about, results)

    def write() -> None:
        write_examples(examples_file(target), stored)

    write_taught(target, bundle, base_file, taught.head, statement, prepared=write)
