"""How a finished run does on another corpus, and how the folds of a cross-validation do together."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from genrelab.errors import CorpusError, UsageError
from genrelab.files import replace_text
from genrelab.lab.corpora.transforms.transformed_corpus import changes_of, original_name
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.experiment.record import severe_warnings_of, warnings_of
from genrelab.lab.experiment.run import Report, check_sound_or_table
from genrelab.lab.frontends.table import reads_table
from genrelab.lab.inference.predict import predict
from genrelab.lab.leakage.seen_clips import check_elsewhere, clips_to_test
from genrelab.lab.leakage.verdict import Verdict, together, verdict_of
from genrelab.lab.metrics.predictions import Predictions, pool, write_predictions
from genrelab.lab.metrics.scores import Evaluation, evaluate
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.registry import closest
from genrelab.lab.reports.report import RunPage, write_report
from genrelab.lab.runs import folders
from genrelab.lab.runs.findings import STEPS, answer_findings, findings_of, to_dicts
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
        raise UsageError(f"cannot read the genre map {path}: {error}") from error
    if not isinstance(raw, dict) or not all(
        value is None or isinstance(value, str) for value in raw.values()
    ):
        raise UsageError(f"the genre map {path} must be lines like `hip-hop: hiphop` or `spoken: null`")
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
                f"{closest(origin, corpus.genres)}"
            )
    for target in mapping.values():
        if target is not None and target not in genres:
            raise UsageError(
                f"the genre map names {target!r}, which the run does not know; {closest(target, genres)}"
            )
    unknown = [genre for genre in corpus.genres if genre not in mapping and genre not in genres]
    if unknown:
        raise UsageError(
            f"the run does not know the genre(s) {', '.join(unknown)} of {corpus.name}; give a --map "
            f"with lines like `{unknown[0]}: {genres[0]}` or `{unknown[0]}: null`"
        )
    renamed = [
        dataclasses.replace(clip, genre=mapping.get(clip.genre, clip.genre))
        for clip in corpus.clips
        if clip.genre is not None
    ]
    return dataclasses.replace(
        corpus, genres=tuple(genres), clips=[clip for clip in renamed if clip.genre is not None]
    )


def evaluate_elsewhere(
    run: folders.Run,
    corpus: Corpus,
    *,
    mapping: Mapping[str, str | None] | None = None,
    folder: Path | None = None,
    device: str = "auto",
    report: Report | None = None,
) -> tuple[Evaluation, Path]:
    """Measure a finished run on a corpus.

    Of the corpus that the run was trained on, also with changed sound, the run's test part is measured; if
    the epoch was chosen on it, a severe warning says so. What the split leaves out is not tested: often
    these are repetitions of clips that were learned. Of another corpus, clips whose sound was learned or
    chosen on are left out, under whatever name; if it has the same name, so are those with the same id.

    Parameters
    ----------
    run : Run
    corpus : Corpus
    mapping : mapping of str to (str or None), optional
        The corpus's genre -> the run's genre; None leaves a genre out.
    folder : Path or None
        Where the result goes; None is `elsewhere/<corpus>` in the run folder.
    device : {"auto", "cpu", "gpu"}
    report : callable or None
        Called with what is being done, how much of it is done, and of how much.

    Returns
    -------
    Evaluation
    Path
        The folder with metrics.json, predictions.csv and report.html.

    Raises
    ------
    UsageError
        If genres have no counterpart.
    CorpusError
        If no clip is left to test on, or the run learned from a table and this is sound, another table, or
        the other way round.
    """
    audio = run.recipe.audio
    sound = sound_key(corpus, sample_rate=audio.sample_rate, channels=audio.channels)
    same = sound == run.metrics["corpus"]["sound_sha256"]
    network = run.network()
    check_sound_or_table(run.recipe, network, corpus)
    if reads_table(network) and not same:
        raise CorpusError(
            f"{corpus.name} is another table than the one that this run learned from, and descriptors of "
            "two tables cannot be held against each other. Give the same file and columns"
        )
    corpus = translate(corpus, run.genres, mapping or {})
    own, ids = clips_to_test(run, corpus, same=same)
    store = open_store(
        corpus,
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        report=partial(report, "decoding") if report else None,
    )
    verdict = verdict_of(run.metrics)
    if not own:
        ids, verdict = check_elsewhere(run, corpus, ids, clip_facts(store))
    predictions = predict(
        network,
        store,
        corpus,
        ids,
        audio,
        device=device,
        report=partial(report, "testing") if report else None,
    )
    epoch = run.metrics["epoch"]
    facts = {
        "Run": (
            f"{run.metrics['recipe']}, trained on {run.metrics['corpus']['name']}, "
            f"epoch chosen on its {epoch['chosen_on']} part"
        ),
        "Tested on": f"{corpus.name}: {len(predictions.clips)} clips; licence: {corpus.licence}",
        "Split": (
            f"the run's own, its part `test`: {run.metrics['split']['name']}, {run.metrics['split']['made']}"
            if own
            else "none: every clip that the run neither learned nor chose its epoch by"
        ),
        "Left out": f"{len(corpus.clips) - len(ids)} clips",
        "Not usable": f"{len(store.skipped)} clips",
    }
    about = {
        "corpus": {
            "name": corpus.name,
            "original": original_name(corpus),
            "changes": [change.name for change in changes_of(corpus)],
            "licence": corpus.licence,
            "sound_sha256": sound,
        },
        "split": (
            dict(run.metrics["split"])
            if own
            else {
                "name": "none",
                "made": facts["Split"],
                "clips": {"train": 0, "valid": 0, "test": len(predictions.clips)},
            }
        ),
        "epoch": dict(epoch),
    }
    doubts = severe_warnings_of(run.metrics) if own else _doubts(run, verdict)
    folder = folder or run.folder / "elsewhere" / corpus.name
    return _write(folder, [run], predictions, facts, doubts, verdict, about, severe=own), folder


def _doubts(run: folders.Run, verdict: Verdict) -> list[str]:
    own = run.metrics["corpus"].get("original", run.metrics["corpus"]["name"])
    return [
        *(f"Possible leak. {leak.words()}" for leak in verdict.leaks),
        *verdict.unknown,
        f"It was not checked whether recordings of {own}, which was trained on, are here in another cut, "
        "loudness or encoding.",
    ]


def evaluate_together(folds: Sequence[folders.Run], folder: Path) -> Evaluation:
    """Pool what several runs said of their test parts, as the folds of a cross-validation.

    Parameters
    ----------
    folds : sequence of Run
        Of one recipe and one corpus; no clip tested twice.
    folder : Path
        Gets metrics.json, predictions.csv and report.html.

    Raises
    ------
    UsageError
        If the runs are of different recipes or corpora, or test a clip twice.
    """
    if len({fold.metrics["corpus"].get("recordings_sha256") for fold in folds}) > 1:
        raise UsageError(
            "the runs are of different collections of one name: they are not folds of one cross-validation"
        )
    for what in ("recipe_sha256", "seed"):
        if len({fold.metrics[what] for fold in folds}) > 1:
            raise UsageError(f"the runs differ in their {what}: they are not folds of one cross-validation")
    first = folds[0]
    if len({fold.metrics["corpus"]["name"] for fold in folds}) > 1:
        raise UsageError("the runs are of different corpora: they are not folds of one cross-validation")
    predictions = pool([fold.predictions() for fold in folds])
    facts = {
        "Recipe": f"{first.metrics['recipe']} ({first.metrics['parameters']:,} parameters)",
        "Corpus": first.metrics["corpus"]["name"],
        "Folds": "; ".join(fold.metrics["split"]["name"] for fold in folds),
        "Each fold": first.metrics["split"]["made"],
        "Seed": str(first.metrics["seed"]),
    }
    doubts = list(dict.fromkeys(doubt for fold in folds for doubt in warnings_of(fold.metrics)))
    about = {
        "corpus": dict(first.metrics["corpus"]),
        "split": {
            "name": " + ".join(fold.metrics["split"]["name"] for fold in folds),
            "made": " + ".join(dict.fromkeys(fold.metrics["split"]["made"] for fold in folds)),
            "clips": {"test": len(predictions.clips)},
        },
        "epoch": {
            **{key: first.metrics["epoch"].get(key) for key in ("chosen_by", "chosen_on")},
            "chosen": [fold.metrics["epoch"]["chosen"] for fold in folds],
            "trained": [fold.metrics["epoch"]["trained"] for fold in folds],
        },
    }
    verdict = together([verdict_of(fold.metrics) for fold in folds])
    return _write(folder, folds, predictions, facts, doubts, verdict, about, severe=True)


def _write(
    folder: Path,
    tested: Sequence[folders.Run],
    predictions: Predictions,
    facts: Mapping[str, str],
    doubts: Sequence[str],
    verdict: Verdict,
    about: Mapping[str, Any],
    *,
    severe: bool,
) -> Evaluation:
    """Write a folder like a run's; `severe` says that the severe warnings of the run hold here, too."""
    run = tested[0]
    evaluation = evaluate(predictions, seed=run.metrics["seed"])
    learning = [found for each in tested for found in findings_of(each.metrics) if found.parts != ("test",)]
    steps = max((each.metrics["epoch"].get("steps", STEPS) for each in tested), default=None)
    findings = list(dict.fromkeys([*learning, *answer_findings(predictions, run.recipe.voting, steps=steps)]))
    broken = [each.words() for each in findings]
    doubts = list(dict.fromkeys([*doubts, *broken]))
    folder.mkdir(parents=True, exist_ok=True)
    write_predictions(folder / folders.PREDICTIONS, predictions)
    page = RunPage(
        title=f"{run.recipe.title}, {facts.get('Tested on', facts.get('Folds', ''))}",
        facts={**facts, **{f"Looked for: {what}": found for what, found in verdict.checked.items()}},
        warnings=doubts,
        severe=[*(severe_warnings_of(run.metrics) if severe else ()), *broken],
        verdict=verdict,
        findings=findings,
        evaluation=evaluation,
        predictions=predictions,
        recipe_yaml=dump_recipe(run.recipe),
        rule=run.recipe.voting,
        segment_seconds=run.recipe.audio.segment_seconds,
    )
    write_report(folder / folders.REPORT, page)
    metrics = {
        "recipe": run.metrics["recipe"],
        "recipe_sha256": run.metrics["recipe_sha256"],
        "runs": [
            {"corpus": each.metrics["corpus"]["name"], "split": each.metrics["split"]["name"]}
            for each in tested
        ],
        **about,
        "seed": run.metrics["seed"],
        **verdict.to_dict(),
        "findings": to_dicts(findings),
        "facts": dict(facts),
        "warnings": list(doubts),
        "versions": folders.versions(),
        "evaluation": evaluation.to_dict(),
    }
    replace_text(folder / folders.METRICS, json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    return evaluation
