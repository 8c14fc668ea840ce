"""A finished run tested on another corpus, and the folds of a cross-validation tested together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import yaml

from genrelab.errors import CorpusError, UsageError
from genrelab.files import replace_text
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.experiment.record import corpus_record
from genrelab.lab.findings import Finding, Verdict, combined
from genrelab.lab.findings.wording import checked, sentence, warnings
from genrelab.lab.frontends.base import kind_read
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.inference.predict_tags import predict_genres
from genrelab.lab.leakage.seen_clips import check_other_corpus, clips_to_test
from genrelab.lab.metrics.predictions import Predictions, pool, write_predictions
from genrelab.lab.metrics.scores import evaluate
from genrelab.lab.metrics.tag_predictions import TagPredictions, pool_tags, write_tag_predictions
from genrelab.lab.metrics.tag_scores import evaluate_tags
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.registry import closest
from genrelab.lab.reports.report import RunPage, write_report
from genrelab.lab.runs import folders
from genrelab.lab.runs.figures import TagsRecord
from genrelab.lab.runs.network_findings import STEPS, prediction_findings
from genrelab.lab.runs.record import (
    CorpusRecord,
    EvaluationRecord,
    LevelFigures,
    SplitRecord,
    TestedRun,
    TestRecord,
)
from genrelab.lab.training.experiment import Report, check_kind
from genrelab.lab.training.store.audio_store import open_store, sound_key
from genrelab.lab.training.store.facts import clip_facts


def read_map(path: Path) -> dict[str, str | None]:
    """Read a genre map: a YAML mapping from another corpus's genres to the run's, or to null.

    Raises
    ------
    UsageError
        If the file cannot be read or is not such a mapping.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"cannot read the genre map {path}: {error}", code="map-unreadable") from error
    if not isinstance(raw, dict) or not all(
        value is None or isinstance(value, str) for value in raw.values()
    ):
        raise UsageError(
            f"the genre map {path} must have lines like `hip-hop: hiphop` or `spoken: null`",
            code="map-not-a-mapping",
        )
    return {str(key): value for key, value in raw.items()}


def translate(corpus: Corpus, genres: Sequence[str], mapping: Mapping[str, str | None]) -> Corpus:
    """Return a corpus with its genres renamed to a run's; clips mapped to null are left out.

    Raises
    ------
    UsageError
        If a genre has no counterpart, or the map names a genre that the run does not know.
    """
    for origin in mapping:
        if origin not in corpus.genres:
            raise UsageError(
                f"the genre map names {origin!r}, which {corpus.name} does not have; "
                f"{closest(origin, corpus.genres)}",
                code="map-genre-not-in-corpus",
            )
    for target in mapping.values():
        if target is not None and target not in genres:
            raise UsageError(
                f"the genre map names {target!r}, which the run does not know; {closest(target, genres)}",
                code="map-genre-not-in-run",
            )
    unknown = [genre for genre in corpus.genres if genre not in mapping and genre not in genres]
    if unknown:
        raise UsageError(
            f"the run does not know the genre(s) {', '.join(unknown)} of {corpus.name}; give a --map "
            f"with lines like `{unknown[0]}: {genres[0]}` or `{unknown[0]}: null`",
            code="genres-without-counterpart",
        )
    renamed = []
    for clip in corpus.clips:
        there = (mapping.get(genre, genre) for genre in clip.genres)
        own = tuple(dict.fromkeys(genre for genre in there if genre is not None))
        if own:
            renamed.append(dataclasses.replace(clip, genre=own[0], more_genres=own[1:]))
    return dataclasses.replace(corpus, genres=tuple(genres), clips=renamed)


@dataclasses.dataclass(frozen=True)
class Tested:
    """The predictions of one or several runs, and what is to be recorded of them.

    `severe` are the findings of the runs that hold here, too. `name`, `recipes` and `digest` stand for the
    recipe where the runs have several.
    """

    runs: Sequence[folders.Run]
    predictions: Predictions
    facts: Mapping[str, str]
    warnings: Sequence[str]
    severe: Sequence[Finding]
    verdict: Verdict
    corpus: CorpusRecord
    split: SplitRecord
    tags: TagPredictions | None = None
    name: str | None = None
    recipes: str | None = None
    digest: str | None = None
    clips: Mapping[str, Clip] = dataclasses.field(default_factory=dict)
    folds: Mapping[str, LevelFigures] = dataclasses.field(default_factory=dict)


def evaluate_elsewhere(
    run: folders.Run,
    corpus: Corpus,
    *,
    mapping: Mapping[str, str | None] | None = None,
    folder: Path | None = None,
    device: str = "auto",
    report: Report | None = None,
) -> tuple[TestRecord, Path]:
    """Test a finished run on a corpus.

    On the corpus that the run was trained on, also with changed sound, its test part is tested; if the epoch
    was chosen on it, a severe warning says so. Clips that the split leaves out are not tested: often they
    repeat training clips. On another corpus, clips with the sound of a training or validation clip are left
    out, whatever their name; in one of the same name, so are those with the same id.

    Parameters
    ----------
    run : Run
    corpus : Corpus
    mapping : mapping of str to (str or None), optional
        The corpus's genre -> the run's genre; None leaves a genre out.
    folder : Path or None
        For the result; None is `elsewhere/<corpus>` in the run folder.
    device : {"auto", "cpu", "gpu"}
    report : callable or None
        Shows progress.

    Returns
    -------
    TestRecord
    Path
        The folder with metrics.json, predictions.csv and report.html.

    Raises
    ------
    UsageError
        If genres have no counterpart, or the folder holds a run.
    CorpusError
        If no clip is left to test, or the run was trained on a table and this is sound, another table, or
        the other way round.
    """
    folder = folder or run.folder / "elsewhere" / corpus.name
    check_no_run(folder)
    audio, record = run.recipe.audio, run.record
    sound = sound_key(corpus, sample_rate=audio.sample_rate, channels=audio.channels)
    same = sound == record.corpus.sound_sha256
    network = run.network()
    check_kind(run.recipe, network, corpus)
    if kind_read(network) == "features" and not same:
        raise CorpusError(
            f"{corpus.name} is not the table that this run was trained on, and descriptors of two tables "
            "cannot be compared. Give the same file and columns",
            code="another-table",
        )
    corpus = translate(corpus, run.genres, mapping or {})
    own, ids = clips_to_test(run, corpus, same=same)
    store = open_store(
        corpus,
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        report=partial(report, "decoding") if report else None,
    )
    verdict = record.verdict
    if not own:
        ids, verdict = check_other_corpus(run, corpus, ids, clip_facts(store))
    predictions = predict(
        network,
        TestSet(corpus, ids, store, audio),
        device=device,
        report=partial(report, "testing") if report else None,
    )
    usable = [key for key in ids if key in store]
    tags = (
        predict_genres(network, TestSet(corpus, usable, store, audio), device=device)
        if network.independent
        else None
    )
    none = "none: every clip that was not used for training or for choosing the epoch"
    facts = {
        "Run": (
            f"{record.recipe}, trained on {record.corpus.name}, epoch chosen on its {record.epoch.chosen_on} "
            "part"
        ),
        "Tested on": f"{corpus.name}: {len(predictions.clips)} clips; licence: {corpus.licence}",
        "Split": (
            f"the run's own, its part `test`: {record.split.name}, {record.split.made}" if own else none
        ),
        "Left out": f"{len(corpus.clips) - len(ids)} clips",
        "Not usable": f"{len(store.skipped)} clips",
    }
    sizes = {"train": 0, "valid": 0, "test": len(predictions.clips)}
    tested = Tested(
        [run],
        predictions,
        facts,
        warnings=warnings(record.severe()) if own else _doubts(run, verdict),
        severe=record.severe() if own else (),
        verdict=verdict,
        corpus=corpus_record(corpus).model_copy(update={"sound_sha256": sound}),
        split=record.split if own else SplitRecord(name="none", made=none, clips=sizes),
        tags=tags,
        clips=corpus.by_id(),
    )
    return write_tested(folder, tested), folder


def _doubts(run: folders.Run, verdict: Verdict) -> list[str]:
    own = Finding(kind="other cut of corpus", count=None, examples=(run.record.corpus.original,))
    return warnings((*verdict.leaks, *verdict.unknown, own))


def evaluate_together(folds: Sequence[folders.Run], folder: Path) -> TestRecord:
    """Pool the predictions of several runs for their test parts, as the folds of a cross-validation.

    Parameters
    ----------
    folds : sequence of Run
        Of one recipe and one corpus; no clip tested twice.
    folder : Path
        Gets metrics.json, predictions.csv and report.html, and tags.csv if all runs predict tags.

    Raises
    ------
    UsageError
        If the runs are of different recipes or corpora, predict different tags, or test a clip twice.
    """
    folders.require_one_cross_validation(folds)
    records = [fold.record for fold in folds]
    first = records[0]
    predictions = pool([fold.predictions() for fold in folds])
    tagged = [each for fold in folds if (each := fold.tag_predictions()) is not None]
    names = [each.split.name for each in records]
    facts = {
        "Recipe": f"{first.recipe} ({first.parameters:,} parameters)",
        "Corpus": first.corpus.name,
        "Folds": "; ".join(names),
        "Each fold": first.split.made,
        "Seed": str(first.seed),
    }
    tested = Tested(
        folds,
        predictions,
        facts,
        warnings=list(dict.fromkeys(doubt for each in records for doubt in warnings(each.doubts()))),
        severe=first.severe(),
        verdict=combined([each.verdict for each in records]),
        corpus=first.corpus,
        split=SplitRecord(
            name=" + ".join(names),
            made=" + ".join(dict.fromkeys(each.split.made for each in records)),
            clips={"test": len(predictions.clips)},
        ),
        tags=pool_tags(tagged) if len(tagged) == len(folds) else None,
        folds={
            each.split.name: scores
            for each in records
            if (scores := each.evaluation.track.get(folds[0].recipe.voting)) is not None
        },
    )
    return write_tested(folder, tested)


def check_no_run(folder: Path) -> None:
    """Refuse a folder whose files are those of a run.

    Raises
    ------
    UsageError
        If the folder holds a run.
    """
    if (folder / folders.RECIPE).exists() or (folder / folders.BEST).exists():
        raise UsageError(
            f"{folder} holds a run, whose figures and report would be lost; give another --out",
            code="result-over-run",
        )


def write_tested(folder: Path, tested: Tested) -> TestRecord:
    """Write a folder like a run's: metrics.json, predictions.csv and report.html.

    Raises
    ------
    UsageError
        If the folder holds a run.
    """
    check_no_run(folder)
    run, predictions = tested.runs[0], tested.predictions
    recipe, records = run.recipe, [each.record for each in tested.runs]
    evaluation = evaluate(predictions, seed=run.record.seed)
    training = [found for each in records for found in each.findings if found.parts != ("test",)]
    steps = max(STEPS if each.epoch.steps is None else each.epoch.steps for each in records)
    findings = list(dict.fromkeys([*training, *prediction_findings(predictions, recipe.voting, steps=steps)]))
    broken = [sentence(each) for each in findings]
    notes = list(dict.fromkeys([*tested.warnings, *broken]))
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(folder / folders.PREDICTIONS, predictions)
    tags = None if tested.tags is None else evaluate_tags(tested.tags, seed=run.record.seed)
    if tested.tags is not None:
        write_tag_predictions(folder / folders.TAGS, tested.tags)
    questions = {f"Checked: {what}": found for what, found in checked(tested.verdict.checked).items()}
    page = RunPage(
        title=", ".join(
            [tested.name or recipe.title, tested.facts.get("Tested on", tested.facts.get("Folds", ""))]
        ),
        facts={**tested.facts, **questions},
        warnings=notes,
        severe=[*warnings(tested.severe), *broken],
        verdict=tested.verdict,
        findings=findings,
        evaluation=evaluation,
        predictions=predictions,
        recipe_yaml=tested.recipes or dump_recipe(recipe),
        rule=recipe.voting,
        segment_seconds=recipe.audio.segment_seconds,
        tags=tags,
        clips=tested.clips,
        folds=tested.folds,
    )
    write_report(folder / folders.REPORT, page)
    record = TestRecord(
        recipe=tested.name or run.record.recipe,
        recipe_sha256=tested.digest or run.record.recipe_sha256,
        runs=tuple(
            TestedRun(corpus=each.corpus.name, split=each.split.name, epoch=each.epoch) for each in records
        ),
        corpus=tested.corpus,
        split=tested.split,
        seed=run.record.seed,
        verdict=tested.verdict,
        findings=tuple(findings),
        facts=dict(tested.facts),
        warnings=tuple(notes),
        versions=folders.versions(),
        evaluation=EvaluationRecord.model_validate(evaluation.to_dict()),
        tags=None if tags is None else TagsRecord.model_validate(tags.to_dict()),
    )
    replace_text(folder / folders.METRICS, record.text())
    return record
