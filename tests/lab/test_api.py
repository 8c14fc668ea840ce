"""The public names of `genrelab.lab`: what the documentation's examples do not reach."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from raising import raises

import genrelab.lab
from genrelab.lab import Experiment, Run, evaluate, predict, train
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.training import experiment as home


def test_every_public_name_is_there() -> None:
    assert all(getattr(genrelab.lab, name) is not None for name in genrelab.lab.__all__)
    assert set(genrelab.lab.__all__) <= set(dir(genrelab.lab))
    with pytest.raises(AttributeError, match="Lesson"):
        _ = genrelab.lab.Lesson


def test_without_torch_the_name_and_the_extra_are_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import genrelab.lab.corpora.synthetic\n"
        "from genrelab.errors import MissingExtraError\n"
        "try: genrelab.lab.Experiment\n"
        "except MissingExtraError as error: print(error.code, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("extra-missing genrelab.lab.Experiment"), done.stderr
    assert "genrelab[lab]" in done.stdout


def test_the_example_of_an_experiment_holds() -> None:
    assert doctest.testmod(home).failed == 0


def test_training_reads_a_finished_run_again(run: Run, corpus: Corpus, split: Split, base: Path) -> None:
    again = train(Experiment(run.recipe, corpus, split, 0), out=str(base), device="cpu")
    assert again.folder == run.folder and again.record == run.record


def test_evaluation_of_one_run_and_of_folds(run: Run, corpus: Corpus, tmp_path: Path) -> None:
    own = evaluate(run, corpus, out=tmp_path / "own", device="cpu")
    assert own.evaluation.track["majority"] == run.record.evaluation.track["majority"]
    pooled = evaluate([run], out=tmp_path / "pooled")
    ours, theirs = (each.evaluation.track["majority"] for each in (pooled, run.record))
    assert (ours.accuracy, ours.confusion) == (theirs.accuracy, theirs.confusion)
    assert (tmp_path / "pooled" / "report.html").is_file()
    with raises("one-run-at-a-time", 2):
        evaluate([run, run], corpus)
    with raises("genres-without-counterpart", "polka"):
        evaluate(run, Corpus("other", ("polka",), ()))


def test_predictions_are_those_of_the_run(run: Run, corpus: Corpus, split: Split) -> None:
    found = predict(run, corpus, split.test, device="cpu")
    expected = run.predictions()
    assert found.clip_ids == expected.clip_ids
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)
    assert set(predict(run, corpus, device="cpu").clips) == {clip.id for clip in corpus.clips}
