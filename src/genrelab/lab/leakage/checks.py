"""The cheap half of the audit, which every run does: what parts of a split share, which clips are faulty.

The other half, `genrelab corpora audit`, also finds one recording in another cut, loudness or encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from genrelab.lab.audit.faults import odd_lengths
from genrelab.lab.augment.copies import PictureCopy, make_copy
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.loaders.feature_table import TableRows
from genrelab.lab.corpora.paths import examples, printable
from genrelab.lab.corpora.splits.split_checks import (
    Shared,
    check_split,
    shared_artists,
    shared_by,
    shared_files,
)
from genrelab.lab.corpora.transforms.transformed_corpus import original_name
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.leakage.verdict import NEVER_CHECKED, Kind, Leak, Verdict
from genrelab.lab.recipes import Recipe
from genrelab.lab.runs.known_recordings import UNLABELLED, learned_in
from genrelab.lab.training.distillation.target_file import read_targets
from genrelab.lab.training.split_roles import copied_ids
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.store.facts import ClipFacts

_SHORTEST = 1.0  # second
_MOST_SILENCE = 0.5
_SHOWN = 3
Facts = Mapping[str, ClipFacts]


def check_run(
    recipe: Recipe,
    corpus: Corpus,
    split: Split,
    store: AudioStore,
    facts: Facts,
    recordings: Mapping[str, str],
) -> Verdict:
    """Look for what makes the figures of a run better than they are.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
    split : Split
        As used: with `choose_epoch_on: test`, all that is not tested is in `train`.
    store : AudioStore
        Of the corpus.
    facts : mapping of str to ClipFacts
        Of the store.
    recordings : mapping of str to str
        Of the corpus; see `recording_keys`.

    Returns
    -------
    Verdict
    """
    sounds = shared_by(corpus, split, lambda clip: _digest(facts, clip))
    leaks = [
        *_leaks("file", shared_files(corpus, split), lambda clip: clip.path.name if clip.path else clip.id),
        *_leaks("sound", sounds, lambda clip: clip.id),
        *_leaks("artist", shared_artists(corpus, split), lambda clip: clip.artist or ""),
    ]
    copied, copies = _copies(recipe, split)
    started, start, unsure = _start(recipe, corpus, split, recordings, facts)
    training = recipe.training
    tested = training.choose_epoch_on == "test" and training.monitor != "last"
    leaks += [*copied, *started, *([Leak("epoch", ("test",))] if tested else [])]
    unknown, without = _unknown_artists(
        [corpus.by_id()[key] for key in (*split.train, *split.valid, *split.test)]
    )
    checked = {
        **{key: text for key, text in check_split(corpus, split).items() if key.endswith("on both sides")},
        "equal sound on both sides": _sounds_in_words(sounds),
        "labels of equal sound": _labels(corpus, split, facts),
        "silent, short or oddly long clips": _faults(corpus, split, store, facts),
        "copies of clips that are not learned": copies,
        "clips learned by an earlier run": start,
        "part that chose the epoch": "none: the last one"
        if training.monitor == "last"
        else training.choose_epoch_on,
    }
    targets = recipe.distill.file(split.name) if recipe.distill is not None else None
    if targets is not None:
        taught, checked["clips learned by the teacher"], more = _teacher(targets, corpus, split)
        leaks += taught
        unsure.append(more)
    return Verdict(tuple(leaks), unknown, checked, (*NEVER_CHECKED, *without, *unsure))


def artists_unknown(clips: Sequence[Clip]) -> int:
    """Count the clips of which nobody says who plays."""
    return sum(artist_key(clip.artist) is None for clip in clips)


def _unknown_artists(clips: Sequence[Clip]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    count = artists_unknown(clips)
    if not count:
        return (), ()
    who = "any clip" if count == len(clips) else f"{count} of {len(clips)} clips"
    return (
        (f"Nobody knows who plays in {who}: artists may be on both sides.",),
        (f"artists of {count} clips that name none",),
    )


def _digest(facts: Facts, clip: Clip) -> str | None:
    return facts[clip.id].digest if clip.id in facts else None


def _leaks(kind: Kind, shared: Sequence[Shared], name: Callable[[Clip], str]) -> list[Leak]:
    """Return a leak for each set of parts between which there is something."""
    by_parts: dict[tuple[str, ...], list[Shared]] = {}
    for each in shared:
        by_parts.setdefault(each.parts, []).append(each)
    return [
        Leak(
            kind,
            parts,
            len(found),
            tuple(
                " = ".join(dict.fromkeys(printable(name(clip)) for clip in each.clips))
                for each in found[:_SHOWN]
            ),
        )
        for parts, found in by_parts.items()
    ]


def _sounds_in_words(shared: Sequence[Shared]) -> str:
    shown = [f"{' = '.join(clip.id for clip in each.clips)} ({', '.join(each.parts)})" for each in shared]
    return f"{len(shared)}: {examples(shown)}" if shown else "none"


def _labels(corpus: Corpus, split: Split, facts: Facts) -> str:
    """Say which clips sound alike to the sample and have different genres."""
    clips = corpus.by_id()
    genres: dict[str, dict[str, str]] = {}
    for key in (*split.train, *split.valid, *split.test):
        digest = _digest(facts, clips[key])
        if digest is not None:
            genres.setdefault(digest, {}).setdefault(clips[key].genre or "", key)
    differ = [
        ", ".join(f"{key} is {genre}" for genre, key in each.items())
        for each in genres.values()
        if len(each) > 1
    ]
    return f"{len(differ)} differ: {'; '.join(differ[:_SHOWN])}" if differ else "none differ"


def _faults(corpus: Corpus, split: Split, store: AudioStore, facts: Facts) -> str:
    if isinstance(corpus.renderer, TableRows):
        return "not looked for in a table of descriptors"
    ids = [key for key in (*split.train, *split.valid, *split.test) if key in store]
    seconds = {key: store.frames(key) / store.sample_rate for key in ids}
    found = [
        f"{key} (silent for {100 * facts[key].silent:.0f} %)"
        for key in ids
        if facts[key].silent > _MOST_SILENCE
    ]
    found += [f"{key} ({length:.2f} s)" for key, length in seconds.items() if length < _SHORTEST]
    found += [f"{fault.clip_id} ({fault.detail})" for fault in odd_lengths(seconds)]
    found += [f"{key} (cannot be read)" for key in store.skipped]
    return f"{len(found)}: {examples(found)}" if found else "none"


def _copies(recipe: Recipe, split: Split) -> tuple[list[Leak], str]:
    if not recipe.augment.copies:
        return [], "none: there are no copies"
    learned = set(split.train)
    copied = [key for key in copied_ids(recipe, split) if key not in learned]
    parts = [part for part, ids in (("valid", split.valid), ("test", split.test)) if set(ids) & set(copied)]
    if not copied:
        return [], "none"
    return [Leak("copies", ("train", *parts), len(copied), tuple(copied[:_SHOWN]))], f"{len(copied)} clips"


def _start(
    recipe: Recipe, corpus: Corpus, split: Split, recordings: Mapping[str, str], facts: Facts
) -> tuple[list[Leak], str, list[str]]:
    """Look at the run that the weights come from, if they do: what it learned must not be tested now."""
    weights = recipe.training.weights_file
    if weights is None:
        return [], "none: it starts with no music", []
    unsure = [f"what else the weights to start with ({printable(weights.name)}) were trained on"]
    before = learned_in(weights.parent)
    if before is None:
        return [], "not known: the weights are of no run folder", unsure
    namesake = before.corpus == original_name(corpus)

    def met(ids: Sequence[str], parts: Collection[str]) -> list[str]:
        clips = {key: known for key, known in before.clips.items() if known.part in parts}
        sounds = {known.sound for known in clips.values()} - {None}
        same = {
            key
            for key, known in clips.items()
            if (known.recording == recordings.get(key) if known.recording else namesake)
        }
        return [key for key in ids if key in same or (key in facts and facts[key].digest in sounds)]

    # What chose the epoch then may choose it again.
    every = {known.part for known in before.clips.values()}
    again = {"valid": met(split.valid, {"train", UNLABELLED}), "test": met(split.test, every)}
    found = [Leak("start", (part,), len(ids), tuple(ids[:_SHOWN])) for part, ids in again.items() if ids]
    return found, "; ".join(f"{leak.number} in {leak.parts[0]}" for leak in found) or "none", unsure


def _teacher(file: str, corpus: Corpus, split: Split) -> tuple[list[Leak], str, str]:
    """Look at the model that made the targets: what it learned, and whose music, must not be tested now."""
    targets = read_targets(file, ())
    if targets.learned is None:
        return [], "not known: the targets do not say", "what the teacher was trained on"
    rows, clips = targets.rows(corpus.clips), corpus.by_id()
    learned = {key for key, row in rows.items() if targets.learned[row]}
    artists = {artist_key(clips[key].artist) for key in learned} - {None}
    met = [key for key in split.test if key in learned or artist_key(clips[key].artist) in artists]
    found = [Leak("teacher", ("test",), len(met), tuple(met[:_SHOWN]))] if met else []
    text = f"{len(learned)} of {len(rows)}, {len(met) or 'none'} of them, or of their artists, in test"
    return found, text, "what else the teacher was trained on"


def copy_versions(recipe: Recipe) -> list[str]:
    """Name the changes of sound that make a recipe's copies, each with the version of its code."""
    made = [make_copy(part.kind, part.options()) for part in recipe.augment.copies]
    return [f"{copy!r} version {copy.version}" for copy in made if not isinstance(copy, PictureCopy)]
