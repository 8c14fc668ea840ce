"""The cheap half of the audit, which every run does: what parts of a split share, which clips are faulty.

The other half, `genrelab corpora audit`, also finds one recording in another cut, loudness or encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from genrelab.lab.audit.faults import odd_lengths
from genrelab.lab.augment.copies import PictureCopy, make_copy
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.splits.split_checks import (
    EXAMPLES,
    Shared,
    shared_artists,
    shared_by,
    shared_files,
)
from genrelab.lab.corpora.types import Clip
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.leakage.initial_weights import check_initial_weights
from genrelab.lab.recipes import Recipe
from genrelab.lab.training.experiment import Experiment

_SHORTEST = 1.0  # second
_MOST_SILENCE = 0.5
_ON_BOTH_SIDES = {"clip", "file", "artist"}

NEVER_CHECKED = (Finding(kind="other cut", count=None), Finding(kind="other performance", count=None))
"""What no run looks for."""


def check_run(experiment: Experiment) -> Verdict:
    """Look for what makes the figures of a run too high.

    Parameters
    ----------
    experiment : Experiment
        As used: with `choose_epoch_on: test`, all clips outside the test part are in `train`.

    Returns
    -------
    Verdict
    """
    corpus, split, training = experiment.corpus, experiment.split, experiment.recipe.training
    sounds = shared_by(corpus, split, lambda clip: _digest(experiment, clip))
    leaks = [
        *_leaks("file", shared_files(corpus, split), lambda clip: clip.path.name if clip.path else clip.id),
        *_leaks("sound", sounds, lambda clip: clip.id),
        *_leaks("artist", shared_artists(corpus, split), lambda clip: clip.artist or ""),
    ]
    copied, copies = _copies(experiment)
    start = check_initial_weights(experiment)
    on_test = training.choose_epoch_on == "test" and training.monitor != "last"
    leaks += [*copied, *start.leaks, *([Finding(kind="epoch", parts=("test",))] if on_test else [])]
    unknown, unnamed = _unknown_artists(_clips(experiment))
    checked = [
        *(each for each in experiment.split_findings if each.kind in _ON_BOTH_SIDES),
        _sounds(sounds),
        _labels(experiment),
        _faults(experiment),
        copies,
        *start.checked,
        Finding(kind="epoch", parts=() if training.monitor == "last" else (training.choose_epoch_on,)),
    ]
    taught, teacher, more = _teacher(experiment)
    return Verdict(
        leaks=tuple([*leaks, *taught]),
        unknown=(*unknown, *start.unknown),
        checked=tuple([*checked, *teacher]),
        not_checked=(*NEVER_CHECKED, *unnamed, *start.not_checked, *more),
    )


def artists_unknown(clips: Sequence[Clip]) -> int:
    """Count the clips of unknown artists."""
    return sum(artist_key(clip.artist) is None for clip in clips)


def _clips(experiment: Experiment) -> list[Clip]:
    """Return the clips of all parts of the split."""
    split = experiment.split
    return [experiment.clips[key] for key in (*split.train, *split.valid, *split.test)]


def _unknown_artists(clips: Sequence[Clip]) -> tuple[list[Finding], list[Finding]]:
    count = artists_unknown(clips)
    if not count:
        return [], []
    unknown = Finding(kind="unknown artists", count=count, values={"of": len(clips)})
    return [unknown], [Finding(kind="unnamed artists", count=count)]


def _digest(experiment: Experiment, clip: Clip) -> str | None:
    facts = experiment.facts.get(clip.id)
    return facts.digest if facts is not None else None


def _leaks(kind: str, shared: Sequence[Shared], name: Callable[[Clip], str]) -> list[Finding]:
    """Return a leak for each set of parts that share something."""
    by_parts: dict[tuple[str, ...], list[Shared]] = {}
    for each in shared:
        by_parts.setdefault(each.parts, []).append(each)
    return [
        Finding(
            kind=kind,
            parts=parts,
            count=len(found),
            examples=tuple(
                " = ".join(dict.fromkeys(printable(name(clip)) for clip in each.clips))
                for each in found[:EXAMPLES]
            ),
        )
        for parts, found in by_parts.items()
    ]


def _sounds(shared: Sequence[Shared]) -> Finding:
    shown = [
        f"{' = '.join(printable(clip.id) for clip in each.clips)} ({', '.join(each.parts)})"
        for each in shared[:EXAMPLES]
    ]
    return Finding(kind="sound", count=len(shared), examples=tuple(shown))


def _labels(experiment: Experiment) -> Finding:
    """Find clips whose samples are equal and whose genres differ."""
    genres: dict[str, dict[str, str]] = {}
    for clip in _clips(experiment):
        digest = _digest(experiment, clip)
        if digest is not None and clip.genre is not None:
            genres.setdefault(digest, {}).setdefault(" and ".join(sorted(clip.genres)), clip.id)
    differ = [
        ", ".join(f"{printable(key)} is {printable(genre)}" for genre, key in each.items())
        for each in genres.values()
        if len(each) > 1
    ]
    return Finding(kind="labels", count=len(differ), examples=tuple(differ[:EXAMPLES]))


def _faults(experiment: Experiment) -> Finding:
    if experiment.corpus.kind != "audio":
        return Finding(kind="faults", count=None)
    facts, stores = experiment.facts, [experiment.store]
    if experiment.tags_only_store is not None:
        stores.append(experiment.tags_only_store)
    ids = [clip.id for clip in _clips(experiment)]
    seconds = {key: store.frames(key) / store.sample_rate for store in stores for key in ids if key in store}
    silent = [
        f"{key} (silent for {100 * facts[key].silent:.0f} %)"
        for key in seconds
        if facts[key].silent > _MOST_SILENCE
    ]
    short = [f"{key} ({length:.2f} s)" for key, length in seconds.items() if length < _SHORTEST]
    odd = [f"{fault.clip_id} ({fault.detail})" for fault in odd_lengths(seconds)]
    unread = [*experiment.store.skipped, *experiment.unusable_tags_only]
    found = [*silent, *short, *odd, *(f"{key} (cannot be read)" for key in unread)]
    return Finding(kind="faults", count=len(found), examples=tuple(map(printable, found[:EXAMPLES])))


def _copies(experiment: Experiment) -> tuple[list[Finding], Finding]:
    if not experiment.recipe.augment.copies:
        return [], Finding(kind="copies", count=0)
    split, copied = experiment.split, experiment.roles.copied_unlearned
    parts = [part for part, ids in (("valid", split.valid), ("test", split.test)) if set(ids) & set(copied)]
    check = Finding(kind="copies", count=len(copied), values={"made": 1})
    if not copied:
        return [], check
    shown = tuple(map(printable, copied[:EXAMPLES]))
    return [Finding(kind="copies", parts=("train", *parts), count=len(copied), examples=shown)], check


def _teacher(experiment: Experiment) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """Look at the training clips of the teacher: neither they nor their artists must be tested."""
    found, clips = experiment.distillation, experiment.clips
    if found is None:
        return [], [], []
    learned_rows = None if found.targets is None else found.targets.learned
    if learned_rows is None:
        return [], [Finding(kind="teacher", count=None)], [Finding(kind="teacher", count=0)]
    learned = {key for key, row in found.rows.items() if learned_rows[row]}
    artists = {artist_key(clips[key].artist) for key in learned} - {None}
    tested = [
        key for key in experiment.split.test if key in learned or artist_key(clips[key].artist) in artists
    ]
    values = {"learned": len(learned), "of": len(found.rows)}
    check = Finding(kind="teacher", count=len(tested), values=values)
    shown = tuple(map(printable, tested[:EXAMPLES]))
    leaks = [Finding(kind="teacher", parts=("test",), count=len(tested), examples=shown)] if tested else []
    return leaks, [check], [Finding(kind="teacher")]


def copy_versions(recipe: Recipe) -> list[str]:
    """Name the changes of sound that make a recipe's copies, each with the version of its code."""
    made = [make_copy(part.kind, part.options()) for part in recipe.augment.copies]
    return [f"{copy!r} version {copy.version}" for copy in made if not isinstance(copy, PictureCopy)]
