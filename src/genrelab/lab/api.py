"""The laboratory from Python, in four verbs; `genrelab.lab` has their names.

They do what the commands `train`, `evaluate` and `compare` do, and return typed records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from genrelab.errors import UsageError
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.experiment.extend import extend_run
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.inference.predict import TestSet
from genrelab.lab.inference.predict import predict as predict_clips
from genrelab.lab.metrics.predictions import Predictions
from genrelab.lab.runs.folders import Run
from genrelab.lab.runs.record import TestRecord
from genrelab.lab.studies.cross_corpus import evaluate_elsewhere, evaluate_together, translate
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import open_store


def train(
    experiment: Experiment,
    *,
    out: str | Path = "runs",
    device: str = "auto",
    restart: bool = False,
    more_epochs: int | None = None,
    model_file: bool = True,
) -> Run:
    """Train a recipe, measure it on the test part, write its report and its model file.

    A run that was stopped continues; a finished one is only read again.

    Parameters
    ----------
    experiment : Experiment
    out : str or Path
        The run folder is `<out>/<recipe>/<corpus>/<split>-seed<k>`.
    device : {"auto", "cpu", "gpu"}
    restart : bool
        Delete an earlier run in that folder.
    more_epochs : int or None
        Extend the finished run by so many epochs, in a folder of its own: see
        `genrelab.lab.experiment.extend`.
    model_file : bool
        Whether to write `model.onnx`, if the network can be exported.

    Returns
    -------
    Run
        `run.record.evaluation` has the figures, `run.record.verdict` the leak verdict.

    Raises
    ------
    RunError, CorpusError, RecipeError
        See `genrelab.lab.experiment.run.run_experiment`.
    """
    if more_epochs is not None:
        if restart or more_epochs < 1:
            raise UsageError(
                f"more_epochs={more_epochs} with restart={restart}: give a number above 0, and no restart",
                code="more-epochs",
            )
        return extend_run(experiment, more_epochs, base=Path(out), device=device, model_file=model_file)
    return run_experiment(experiment, base=Path(out), device=device, restart=restart, model_file=model_file)


def evaluate(
    runs: Run | Sequence[Run],
    corpus: Corpus | None = None,
    *,
    mapping: Mapping[str, str | None] | None = None,
    out: str | Path | None = None,
    device: str = "auto",
) -> TestRecord:
    """Test a run on another corpus, or pool the folds of a cross-validation.

    Parameters
    ----------
    runs : Run or sequence of Run
    corpus : Corpus or None
        To test one run on; None pools the test parts of all runs.
    mapping : mapping of str to (str or None), optional
        The corpus's genre -> the run's genre; None leaves a genre out.
    out : str, Path or None
        For report and predictions; None is `elsewhere/<corpus>` in the run folder, or `together` beside the
        first run.
    device : {"auto", "cpu", "gpu"}

    Raises
    ------
    UsageError
        If several runs are given with a corpus, or the runs are not folds of one cross-validation.
    """
    folds = [runs] if isinstance(runs, Run) else list(runs)
    if not folds:
        raise UsageError("give at least one run to evaluate", code="no-runs")
    folder = None if out is None else Path(out)
    if corpus is None:
        return evaluate_together(folds, folder or folds[0].folder.parent / "together")
    if len(folds) != 1:
        raise UsageError(f"a corpus tests one run at a time, not {len(folds)}", code="one-run-at-a-time")
    return evaluate_elsewhere(folds[0], corpus, mapping=mapping, folder=folder, device=device)[0]


def predict(
    run: Run, corpus: Corpus, ids: Sequence[str] | None = None, *, device: str = "auto"
) -> Predictions:
    """Predict the segments of labelled clips with the network of a run.

    Training clips are not left out: use `evaluate` to measure a run.

    Parameters
    ----------
    run : Run
    corpus : Corpus
        With genres of the run.
    ids : sequence of str or None
        Clips; None is all labelled ones.
    device : {"auto", "cpu", "gpu"}

    Returns
    -------
    Predictions
        `predictions.tracks(rule)` votes over the segments of each clip.
    """
    audio = run.recipe.audio
    corpus = translate(corpus, run.genres, {})
    store = open_store(corpus, sample_rate=audio.sample_rate, channels=audio.channels)
    chosen = [clip.id for clip in corpus.clips] if ids is None else list(ids)
    return predict_clips(run.network(), TestSet(corpus, chosen, store, audio), device=device)
