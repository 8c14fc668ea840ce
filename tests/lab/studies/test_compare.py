"""Paired comparison of runs: against plain loops, on folds, seeds, splits, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises
from run_records import run_record
from scipy.stats import binomtest

from genrelab.cli.main import main
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.metrics.predictions import Predictions, write_predictions
from genrelab.lab.recipes import load_recipe
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.runs import folders as runs
from genrelab.lab.runs.folders import Run
from genrelab.lab.runs.known_recordings import SOUNDS
from genrelab.lab.studies.compare import compare, effect

GENRES = ("jazz", "rock")


def make_run(
    base: Path,
    right: Sequence[bool],
    *,
    recipe: str = "soundfusion/resnet2d-s",
    split: str = "artist-60-20-20",
    seed: int = 0,
    ids: Sequence[str] | None = None,
    chosen_on: str = "valid",
    corpus: str = "mine",
    original: str | None = None,
    split_seed: int | None = None,
) -> Run:
    """Write a finished run whose answers are right or wrong as told; two neighbours share an artist."""
    folder = runs.run_folder(
        base, recipe=recipe, corpus=corpus, split=split, seed=seed, split_seed=split_seed
    )
    folder.mkdir(parents=True)
    names = list(ids or [f"clip{number}" for number in range(len(right))])
    truth = {name: GENRES[number % 2] for number, name in enumerate(names)}
    said = [number % 2 if fine else 1 - number % 2 for number, fine in enumerate(right)]
    predictions = Predictions(
        GENRES,
        tuple(names),
        np.zeros(len(names)),
        np.eye(2)[said] * 0.8 + 0.1,
        truth,
        {name: f"artist{number // 2}" for number, name in enumerate(names)},
    )
    write_predictions(folder / runs.PREDICTIONS, predictions)
    (folder / runs.RECIPE).write_text(dump_recipe(load_recipe(recipe)), encoding="utf-8")
    record = run_record(recipe=recipe, recipe_sha256=recipe, seed=seed)
    about = {"name": corpus, "original": original or corpus, "genres": GENRES}
    record = record.model_copy(
        update={
            "corpus": record.corpus.model_copy(update=about),
            "split": record.split.model_copy(update={"name": split, "seed": split_seed}),
            "epoch": record.epoch.model_copy(update={"chosen_on": chosen_on}),
        }
    )
    (folder / runs.METRICS).write_text(record.text(), encoding="utf-8")
    return Run.load(folder)


def outcomes(share: float, seed: int, count: int = 60) -> list[bool]:
    return (np.random.default_rng(seed).random(count) < share).tolist()


OTHER = "soundfusion/resnet1d-s"


def test_figures_are_those_of_plain_loops(tmp_path: Path) -> None:
    first, second = outcomes(0.8, 1), outcomes(0.5, 2)
    one, other = make_run(tmp_path, first), make_run(tmp_path, second, recipe=OTHER)
    (pair,) = compare([one, other], seed=3, resamples=2000).pairs
    wins = sum(a and not b for a, b in zip(first, second, strict=True))
    losses = sum(b and not a for a, b in zip(first, second, strict=True))
    assert (pair.only_first, pair.only_second, pair.clips, pair.groups) == (wins, losses, 60, 30)
    assert pair.p_value == pytest.approx(binomtest(wins, wins + losses).pvalue)
    assert pair.cohens_g == pytest.approx(wins / (wins + losses) - 0.5)
    assert pair.accuracies == (np.mean(first), np.mean(second))
    difference = np.subtract(first, second, dtype=float)
    assert pair.difference.value == pytest.approx(difference.mean())
    # A plain bootstrap over artists, whose clips are neighbours.
    rng = np.random.default_rng(0)
    by_artist = difference.reshape(30, 2).sum(axis=1)
    drawn = by_artist[rng.integers(30, size=(20_000, 30))].sum(axis=1) / 60
    assert pair.difference[1:] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.015)
    jazz, rock = difference[::2].mean(), difference[1::2].mean()
    assert pair.balanced_difference.value == pytest.approx((jazz + rock) / 2)
    assert "On the same 60 clips resnet2d-s" in pair.sentence().replace("soundfusion/", "")
    assert "more than chance explains" in pair.sentence()


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=4, max_size=40), st.integers(0, 99))
def test_the_other_way_round_is_the_same_with_the_other_sign(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[bool, bool]], seed: int
) -> None:
    base = tmp_path_factory.mktemp("runs")
    one = make_run(base, [a for a, _ in pairs])
    other = make_run(base, [b for _, b in pairs], recipe=OTHER)
    (there,) = compare([one, other], seed=seed, resamples=200).pairs
    (back,) = compare([other, one], seed=seed, resamples=200).pairs
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.difference.low == pytest.approx(-back.difference.high)
    assert there.p_value == pytest.approx(back.p_value)
    assert there.difference.low <= there.difference.value + 1e-12
    if [a for a, _ in pairs] == [b for _, b in pairs]:
        assert there.p_value == 1.0 and there.cohens_g is None and "may be chance" in there.sentence()


def test_folds_are_pooled_and_seeds_averaged(tmp_path: Path) -> None:
    def folds(recipe: str, seed: int, right: list[bool]) -> list[Run]:
        return [
            make_run(
                tmp_path,
                right[fold::2],
                recipe=recipe,
                seed=seed,
                split=f"artist-kfold-{fold}of2",
                ids=[f"c{number}" for number in range(fold, len(right), 2)],
            )
            for fold in (0, 1)
        ]

    ours = [outcomes(0.9, seed, 40) for seed in (0, 1)]
    theirs = outcomes(0.5, 7, 40)
    made = [*folds("soundfusion/resnet2d-s", 0, ours[0]), *folds("soundfusion/resnet2d-s", 1, ours[1])]
    result = compare([*made, *folds(OTHER, 0, theirs)])
    assert [system.seeds for system in result.systems] == [(0, 1), (0,)]
    assert {system.split for system in result.systems} == {"artist-kfold-2"}
    (pair,) = result.pairs
    assert pair.clips == 40 and pair.paired
    assert pair.accuracies[0] == pytest.approx(np.mean(ours))
    assert pair.p_value is None and pair.only_first is None, "McNemar's test needs one answer a clip"


def test_folds_of_several_held_out_are_one_system(tmp_path: Path) -> None:
    ids = [f"c{number}" for number in range(4)]
    made = [
        make_run(tmp_path, [True, False], recipe=recipe, split=f"artist-kfold-{fold}of4", ids=tested)
        for recipe in ("soundfusion/resnet2d-s", OTHER)
        for fold, tested in (("0+1", ids[:2]), ("2+3", ids[2:]))
    ]
    single = make_run(tmp_path, [True, True], split="artist-kfold-0of4", ids=ids[:2])
    result = compare([*made, single])
    assert [system.split for system in result.systems] == ["artist-kfold-4-by-2"] * 2 + ["artist-kfold-4"]
    assert len(result.systems[0].clips) == 4


def test_a_second_seed_on_the_same_split_is_averaged(tmp_path: Path) -> None:
    one = [make_run(tmp_path, outcomes(0.9, seed), seed=seed, split_seed=0) for seed in (0, 1)]
    other = make_run(tmp_path, outcomes(0.5, 5), recipe=OTHER, split_seed=0)
    assert one[0].folder != one[1].folder
    (pair,) = compare([*one, other]).pairs
    assert pair.clips == 60 and pair.accuracies[0] == pytest.approx(
        np.mean([outcomes(0.9, seed) for seed in (0, 1)])
    )


def test_one_seed_on_two_splits_is_two_repetitions(tmp_path: Path) -> None:
    one = [
        make_run(
            tmp_path,
            [fine] * 2,
            split=f"artist-kfold-{fold}of2",
            split_seed=split_seed,
            ids=["ab", "cd"][fold],
        )
        for split_seed, fine in ((0, True), (1, False))
        for fold in (0, 1)
    ]
    other = make_run(tmp_path, [True] * 4, recipe=OTHER, ids="abcd")
    (pair,) = compare([*one, other]).pairs
    assert pair.clips == 4 and pair.accuracies == (0.5, 1.0)
    only_fold = [each for each in one if each.record.split.seed == 0 or each.record.split.name[-4] == "0"]
    with raises("seeds-tested-on-other-clips", "seed 0 of split seed 1", "--split-seed"):
        compare([*only_fold, other])


def test_folds_without_excluded_clips_are_one_system(tmp_path: Path) -> None:
    made = [
        make_run(tmp_path, [True, False], recipe=recipe, split=f"kfold-{fold}of2-without-3-ab12cd", ids=ids)
        for recipe in ("soundfusion/resnet2d-s", OTHER)
        for fold, ids in enumerate((["a", "b"], ["c", "d"]))
    ]
    result = compare(made)
    assert [system.split for system in result.systems] == ["kfold-2-without-3-ab12cd"] * 2
    assert result.pairs[0].clips == 4


def test_clips_of_changed_sound_are_the_same_clips(tmp_path: Path) -> None:
    plain = make_run(tmp_path, outcomes(0.9, 1))
    changed = make_run(tmp_path, outcomes(0.4, 2), corpus="mine-mp3-64", original="mine")
    (pair,) = compare([plain, changed]).pairs
    assert pair.paired and pair.clips == 60 and pair.p_value is not None
    assert (pair.first[-6:], pair.second[-13:]) == (", mine", ", mine-mp3-64")


def test_the_same_recipe_under_two_splits_is_named_by_the_split(tmp_path: Path) -> None:
    ids = [f"c{number}" for number in range(30)]
    random = make_run(tmp_path, outcomes(0.9, 1, 30), split="kfold-0of10", ids=ids)
    clean = make_run(
        tmp_path,
        outcomes(0.4, 2, 30),
        split="artist-kfold-0of10",
        ids=[*ids[10:], *(f"d{i}" for i in range(10))],
    )
    (pair,) = compare([random, clean]).pairs
    assert pair.paired and pair.clips == 20
    assert pair.first.endswith(", kfold-10") and pair.second.endswith(", artist-kfold-10")


def test_clips_that_nobody_shares_are_compared_unpaired(tmp_path: Path) -> None:
    one = make_run(tmp_path, [True] * 9 + [False], split="random-60-20-20")
    other = make_run(tmp_path, [False, True] * 5, ids=[f"other{i}" for i in range(10)])
    (pair,) = compare([one, other]).pairs
    assert not pair.paired and pair.clips == 20 and pair.groups == 10
    assert pair.difference.value == pytest.approx(0.4) and pair.p_value is None
    assert pair.sentence().startswith("On different clips")
    for name in ("another", "yours"):  # before and behind the other one's name
        elsewhere = make_run(tmp_path, [True] * 10, recipe=OTHER, corpus=name)
        assert not compare([one, elsewhere]).pairs[0].paired, "equal ids of two corpora are not one clip"


def test_three_systems_are_corrected_for_three_tests(tmp_path: Path) -> None:
    made = [
        make_run(tmp_path, outcomes(share, seed), recipe=recipe)
        for seed, (share, recipe) in enumerate(
            [(0.9, "soundfusion/resnet2d-s"), (0.5, OTHER), (0.5, "soundfusion/soundfusion-1")]
        )
    ]
    pairs = compare(made).pairs
    raw = [binomtest(p.only_first or 0, (p.only_first or 0) + (p.only_second or 0)).pvalue for p in pairs]
    order = np.argsort(raw)
    expected, highest = [0.0] * 3, 0.0
    for place, at in enumerate(order):
        highest = max(highest, min(1.0, raw[at] * (3 - place)))
        expected[at] = highest
    assert [p.p_value for p in pairs] == pytest.approx(expected)


def test_one_artist_gives_no_interval(tmp_path: Path) -> None:
    one, other = make_run(tmp_path, [True, True]), make_run(tmp_path, [True, False], recipe=OTHER)
    (pair,) = compare([one, other]).pairs
    assert math.isnan(pair.difference.low) and "too few artists" in pair.sentence()
    assert compare([one, other]).to_dict()["pairs"][0]["difference"]["low"] is None


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    one = make_run(tmp_path, [True, False])
    with raises("one-system"):
        compare([one, one])
    with raises("seeds-tested-on-other-clips", "seed 0"):
        compare([one, make_run(tmp_path, [True], seed=1), make_run(tmp_path, [True], recipe=OTHER)])


def test_effects_have_cohens_words() -> None:
    assert [effect(g) for g in (0.3, -0.2, 0.06, 0.0, None)] == [
        "large", "medium", "small", "very small", None,
    ]  # fmt: skip


def test_the_command_says_it_in_words_and_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = make_run(tmp_path, outcomes(0.9, 1), chosen_on="test")
    other = make_run(tmp_path, outcomes(0.4, 2), recipe=OTHER)
    folders = [str(run.folder) for run in (one, other)]
    assert main(["compare", *folders]) == 0
    out, err = capsys.readouterr()
    assert "points better (95 % interval" in out and "right alone" in out
    assert "chosen on the test clips" in err
    assert main(["compare", *folders, "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["pairs"][0]["clips"] == 60 and record["systems"][0]["warnings"]
    few = [make_run(tmp_path / "few", [True] * 2, recipe=recipe) for recipe in (OTHER, "fds/cnn-5s")]
    assert main(["compare", *(str(run.folder) for run in few)]) == 0
    assert "nan" not in capsys.readouterr().out
    assert main(["compare", folders[0]]) == 2
    assert "one system" in capsys.readouterr().err


def told(run: Run, leaks: Sequence[Finding] = (), recordings: str = "", unlike: Sequence[str] = ()) -> Run:
    """Give a run a verdict and, if it is to know them, the recordings of its clips."""
    record = run.record.model_copy(update={"verdict": Verdict(leaks=tuple(leaks))})
    (run.folder / runs.METRICS).write_text(record.text(), encoding="utf-8")
    if recordings:
        clips = list(run.predictions().truth)
        rows = [f"{clip},test,{recordings}{' other' if clip in unlike else ''}," for clip in clips]
        lines = ["clip_id,part,recording,sound", *rows]
        (run.folder / SOUNDS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Run.load(run.folder)


def test_clips_of_a_namesake_are_other_clips(tmp_path: Path) -> None:
    right = outcomes(0.7, 1)
    one = told(make_run(tmp_path / "a", right), recordings="here")
    there = told(make_run(tmp_path / "b", right, recipe=OTHER), recordings="there")
    half = told(make_run(tmp_path / "c", right, recipe=OTHER), recordings="here", unlike=["clip1", "clip2"])
    old = told(make_run(tmp_path / "d", right, recipe=OTHER))
    assert not compare([one, there], resamples=50).pairs[0].paired
    assert compare([one, half], resamples=50).pairs[0].clips == 58
    assert compare([one, old], resamples=50).pairs[0].clips == 60, "who does not know is believed"


def test_collections_of_one_name_are_two_systems(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        run = make_run(tmp_path / name, outcomes(0.7, 1))
        corpus = run.record.corpus.model_copy(update={"recordings_sha256": name})
        record = run.record.model_copy(update={"corpus": corpus})
        (run.folder / runs.METRICS).write_text(record.text(), encoding="utf-8")
        made.append(told(Run.load(run.folder), recordings=name))
    result = compare(made, resamples=50)
    assert len(result.systems) == 2 and not result.pairs[0].paired
    assert len({system.name for system in result.systems}) == 2


def test_a_comparison_with_a_leaking_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leak = Finding(kind="artist", parts=("train", "test"), count=3, examples=("Ann",))
    one = told(make_run(tmp_path, outcomes(0.9, 1)), [leak])
    other = told(make_run(tmp_path, outcomes(0.5, 2), recipe=OTHER))
    result = compare([one, other], resamples=50)
    (pair,) = result.pairs
    assert pair.leaks == (result.systems[0].name,)
    assert pair.sentence().endswith(f"Do not trust it: {result.systems[0].name} leaks.")
    assert result.to_dict()["systems"][0]["verdict"]["state"] == "leaks"
    assert result.to_dict()["systems"][1]["verdict"]["clean"]
    assert main(["compare", str(one.folder), str(other.folder)]) == 0
    out, err = capsys.readouterr()
    assert "Do not trust it" in out and "leaks. 3 artists" in err and "Ann" in err
    assert "resnet1d-s: clean" in err
