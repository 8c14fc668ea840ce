"""Whether the runs that made the initial weights learned what this run tests or chooses its epoch by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.splits.split_checks import EXAMPLES
from genrelab.lab.corpora.transforms.transformed_corpus import original_name
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.runs.known_recordings import UNLABELLED
from genrelab.lab.runs.lineage import Learned, lineage
from genrelab.lab.training.experiment import Experiment


class _Seen(NamedTuple):
    """What a part of the split shares with the training clips of the earlier runs."""

    clips: list[str]
    artists: list[str]


def check_initial_weights(experiment: Experiment) -> Verdict:
    """Look for tested clips, and artists of tested clips, in the trainings that made the initial weights.

    The run that made them may itself have begun with weights; all runs of this chain count. What chose an
    epoch then may choose it again.

    Parameters
    ----------
    experiment : Experiment

    Returns
    -------
    Verdict
        Leaks of the kind `start`: of clips, and (with `artists` in `values`) of artists of whom other clips
        were learned. `unknown` if the artists of some of these clips are not known.
    """
    training, split = experiment.recipe.training, experiment.split
    weights = training.weights_file
    if weights is None:
        return Verdict(checked=(Finding(kind="start", count=0, values={"random": 1}),))
    runs, lost = lineage(str(weights))
    unsure = [Finding(kind="initial weights", count=None, examples=(printable(weights.name),))]
    if not runs:
        return Verdict(checked=(Finding(kind="start", count=None),), not_checked=tuple(unsure))
    if lost is not None:
        unsure.append(Finding(kind="earlier weights", count=None, examples=(printable(lost),)))
    every = {known.part for run in runs for known in run.clips.values()}
    again = {
        "valid": _seen(experiment, split.valid, runs, {"train", UNLABELLED}),
        "test": _seen(experiment, split.test, runs, every),
    }
    leaks = [_leak(part, seen.clips) for part, seen in again.items() if seen.clips]
    leaks += [
        _leak(part, seen.artists, artists=len(seen.artists)) for part, seen in again.items() if seen.artists
    ]
    unnamed, clips = sum(run.unnamed for run in runs), sum(len(run.clips) for run in runs)
    unknown = []
    if unnamed:
        unknown.append(Finding(kind="unknown start artists", count=unnamed, values={"of": clips}))
    counts = tuple(
        f"{leak.count} {'artists ' if 'artists' in leak.values else ''}in {leak.parts[0]}" for leak in leaks
    )
    check = Finding(kind="start", count=len(leaks), examples=counts, values={"runs": len(runs)})
    return Verdict(leaks=tuple(leaks), unknown=tuple(unknown), checked=(check,), not_checked=tuple(unsure))


def _leak(part: str, names: Sequence[str], **values: float) -> Finding:
    shown = tuple(map(printable, names[:EXAMPLES]))
    return Finding(kind="start", parts=(part,), count=len(names), examples=shown, values=values)


def _seen(
    experiment: Experiment, ids: Sequence[str], runs: Iterable[Learned], parts: Collection[str]
) -> _Seen:
    """Return which clips were learned, and the artists of the others of whom something was learned."""
    learned = [
        run._replace(clips={key: each for key, each in run.clips.items() if each.part in parts})
        for run in runs
    ]
    known = {key for run in learned for key in _known(experiment, ids, run)}
    artists = set().union(*(run.artists for run in learned))
    named = {
        artist: experiment.clips[key].artist or ""
        for key in reversed(ids)
        if key not in known and (artist := artist_key(experiment.clips[key].artist)) in artists
    }
    return _Seen([key for key in ids if key in known], list(reversed(named.values())))


def _known(experiment: Experiment, ids: Sequence[str], run: Learned) -> set[str]:
    """Return which clips a run learned: the same recording, or the same sound under another name."""
    namesake = run.corpus == original_name(experiment.corpus)
    recordings, facts = experiment.recordings, experiment.facts
    sounds = {known.sound for known in run.clips.values()} - {None}
    same = {
        key
        for key, known in run.clips.items()
        if (known.recording == recordings.get(key) if known.recording else namesake)
    }
    return {key for key in ids if key in same or (key in facts and facts[key].digest in sounds)}
