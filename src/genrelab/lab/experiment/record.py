"""From a finished training to its record, and from the record to the model file's metadata."""

from __future__ import annotations

import datetime
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import genrelab
from genrelab.bundle.metadata import BundleMetadata, TrainingCorpus
from genrelab.errors import CorpusError
from genrelab.lab.corpora.identity import collection_key
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.transforms.transformed_corpus import changes_of, original_name
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.findings import Finding
from genrelab.lab.findings.wording import because, warnings
from genrelab.lab.leakage.checks import check_run
from genrelab.lab.metrics.scores import Evaluation
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.runs import folders
from genrelab.lab.runs.lineage import learned_digests
from genrelab.lab.runs.record import (
    CopiesRecord,
    CorpusRecord,
    EpochRecord,
    EvaluationRecord,
    RunRecord,
    SplitRecord,
    StartRecord,
)
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.train import Trained


def corpus_record(corpus: Corpus) -> CorpusRecord:
    """Return what a record keeps of a corpus."""
    return CorpusRecord(
        name=corpus.name,
        original=original_name(corpus),
        changes=tuple(change.name for change in changes_of(corpus)),
        genres=tuple(corpus.genres),
        licence=corpus.licence,
        citation=corpus.citation,
    )


def record_of(
    experiment: Experiment,
    trained: Trained,
    evaluation: Evaluation,
    folder: Path,
    findings: Sequence[Finding],
) -> RunRecord:
    """Return the record of a run.

    Parameters
    ----------
    experiment : Experiment
        As used.
    trained : Trained
    evaluation : Evaluation
        On the test part.
    folder : Path
        The run folder, with the history of the training.
    findings : sequence of Finding
        About the network.
    """
    recipe, corpus, split, store = experiment.recipe, experiment.corpus, experiment.split, experiment.store
    parts: dict[str, Sequence[str]] = {"train": split.train, "valid": split.valid, "test": split.test}
    used = {part: sum(key in store for key in ids) for part, ids in parts.items()}
    tagged = set(experiment.tags_only) - experiment.unusable_tags_only.keys()
    tags_only = {part: sum(key in tagged for key in ids) for part, ids in parts.items()} if tagged else {}
    skipped = {**corpus.skipped, **store.skipped, **experiment.unusable_tags_only}
    # Without the clips that have tags only: adding tags to a corpus does not make it another one.
    recordings = {
        key: each for key, each in experiment.recordings.items() if experiment.clips[key].genre is not None
    }
    chosen_on = recipe.training.choose_epoch_on
    best = next(row for row in read_history(folder) if row["best"] == 1)
    weights = folder / folders.WEIGHTS
    return RunRecord(
        recipe=recipe.name,
        recipe_sha256=hashlib.sha256(dump_recipe(recipe).encode()).hexdigest(),
        parameters=trained.network.parameter_count(),
        corpus=corpus_record(corpus).model_copy(
            update={
                "skipped": {printable(key): printable(reason) for key, reason in skipped.items()},
                "sound_sha256": experiment.sound_key(),
                "recordings_sha256": collection_key(recordings),
            }
        ),
        split=SplitRecord(
            name=split.name,
            made=split.made,
            clips=used,
            tags_only=tags_only,
            findings=tuple(experiment.split_findings),
            seed=split.seed,
        ),
        seed=experiment.seed,
        network_tags=experiment.tags,
        epoch=EpochRecord(
            chosen=trained.best_epoch,
            trained=trained.epochs,
            steps=trained.steps,
            chosen_by=recipe.training.monitor.replace("valid", chosen_on),
            chosen_on=chosen_on,
            loss=_finite(best["valid_loss"]),
            accuracy=_finite(best["valid_accuracy"]),
        ),
        copies=CopiesRecord(
            of=recipe.augment.copies_of,
            made=tuple(
                {"kind": part.kind, **part.options(), "clips": clips}
                for part, clips in zip(recipe.augment.copies, trained.copies, strict=True)
            ),
        ),
        learned=dict(trained.learned),
        start=StartRecord(
            weights=printable(recipe.training.weights),
            notes=tuple(trained.start),
            sha256=weights.read_text(encoding="utf-8").strip() if weights.is_file() else None,
        ),
        training_seconds=round(trained.seconds, 1),
        device=trained.device,
        precision=trained.precision,
        versions=folders.versions(),
        reported=recipe.reported,
        evaluation=EvaluationRecord.model_validate(evaluation.to_dict()),
        verdict=check_run(experiment),
        findings=tuple(findings),
    )


def bundle_metadata(run: folders.Run) -> BundleMetadata:
    """Return the metadata of a run's model file."""
    recipe, record = run.recipe, run.record
    track = record.evaluation.track[recipe.voting]
    result = {
        "corpus": record.corpus.name,
        "split": record.split.name,
        "made": record.split.made,
        "clips": record.split.clips,
        "epoch_chosen_on": record.epoch.chosen_on,
        "verdict": record.verdict.state,
        "because": because(record.verdict),
        "copies_of": record.copies.of if record.copies.made else None,
        "distilled": record.distilled,
        "seed": record.seed,
        "voting": recipe.voting,
        "track_accuracy": track.accuracy.model_dump(),
        "track_balanced_accuracy": track.balanced_accuracy.model_dump(),
        "findings": [each.to_dict() for each in record.findings],
        "warnings": warnings(record.doubts()),
    }
    learned = learned_digests(run.folder, on_test=record.chosen_on_test, weights=recipe.training.weights)
    return describe(recipe, record.corpus, learned=learned, results=(result,))


def describe(
    recipe: Recipe,
    corpus: CorpusRecord,
    *,
    learned: Sequence[str] = (),
    results: Sequence[Mapping[str, Any]] = (),
) -> BundleMetadata:
    """Return the metadata of a model file for a recipe and a corpus.

    Raises
    ------
    CorpusError
        If a model file cannot hold it, such as a genre without a printable name or an absurd segment.
    """
    audio = recipe.audio
    try:
        return BundleMetadata(
            genres=corpus.genres,
            sample_rate=audio.sample_rate,
            channels=audio.channels,
            segment_seconds=audio.segment_seconds,
            hop_seconds=audio.hop_seconds,
            padding=audio.padding,
            voting=recipe.voting,
            recipe=recipe.name,
            corpora=(TrainingCorpus(name=corpus.name, licence=corpus.licence, citation=corpus.citation),),
            learned=tuple(learned),
            results=tuple(dict(result) for result in results),
            created=datetime.date.today(),
            genrelab_version=genrelab.__version__,
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CorpusError(
            f"no model file can be made of {corpus.name!r} with the recipe {recipe.name}: {where} "
            f"{first['msg']}",
            code="no-model-file-possible",
        ) from error


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
