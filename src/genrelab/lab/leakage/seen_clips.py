"""Whether a corpus is the one that a run was trained on, and which of its clips the run did not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from genrelab.errors import CorpusError
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.identity import recording_keys
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.splits.split_checks import EXAMPLES
from genrelab.lab.corpora.splits.split_file import read_split
from genrelab.lab.corpora.transforms.transformed_corpus import changes_of, original_name
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.leakage.checks import NEVER_CHECKED
from genrelab.lab.runs import folders
from genrelab.lab.runs.known_recordings import read_sounds
from genrelab.lab.runs.lineage import Lineage, learned_in, lineage
from genrelab.lab.training.store.facts import ClipFacts


def clips_to_test(run: folders.Run, corpus: Corpus, *, same: bool) -> tuple[bool, list[str]]:
    """Return whether a corpus is the one that a run was trained on, and the clips to test.

    It is the same corpus if it has the same sound, or if it has the same name, other changes of sound, and
    the same recordings under the ids of the split. Then the clips are those of the test part. In another
    corpus of the same name, clips with the id of a training or validation clip are left out: they may be the
    same music in other files.

    Parameters
    ----------
    run : Run
    corpus : Corpus
        With the run's genres.
    same : bool
        Whether its sound is that of the run's corpus.

    Raises
    ------
    CorpusError
        If no clip is left.
    """
    split = read_split(run.folder / folders.SPLIT, name="", made="")
    trained_on = run.record.corpus
    namesake = original_name(corpus) == trained_on.original
    ids = [clip.id for clip in corpus.clips]
    ours = _of_the_run(run, corpus)
    changed = tuple(change.name for change in changes_of(corpus)) != trained_on.changes
    if same or (namesake and changed and ours):
        tested = [key for key in ids if key in set(split.test) & ours]
        if not tested:
            raise CorpusError(
                f"{corpus.name} has no clip of this run's test part, so there is nothing to test",
                code="no-clip-of-test-part",
            )
        return True, tested
    seen = {*split.train, *split.valid} if namesake else set()
    if namesake and run.record.chosen_on_test:
        seen |= set(split.test)
    tested = [key for key in ids if key not in seen]
    if not tested:
        raise CorpusError(
            f"every clip of {corpus.name} was used to train this run, so there is nothing to test",
            code="all-clips-seen",
        )
    return False, tested


def _of_the_run(run: folders.Run, corpus: Corpus) -> set[str]:
    """Return the clips of a corpus that are, by id and recording, clips of the run's split."""
    known = read_sounds(run.folder)
    if known is None:  # a run of an earlier version: ids must do
        split = read_split(run.folder / folders.SPLIT, name="", made="")
        return {*split.train, *split.valid, *split.test} & {clip.id for clip in corpus.clips}
    return {
        key
        for key, recording in recording_keys(corpus).items()
        if key in known and known[key].recording == recording
    }


def check_other_corpus(
    run: folders.Run, corpus: Corpus, ids: Sequence[str], facts: Mapping[str, ClipFacts]
) -> tuple[list[str], Verdict]:
    """Leave out recordings that a run was trained on under another name, and look for shared artists.

    What the runs that made its initial weights were trained on counts as well.

    Parameters
    ----------
    run : Run
    corpus : Corpus
        Another one than the run's.
    ids : sequence of str
        Its clips that may be tested.
    facts : mapping of str to ClipFacts
        Of its store, at the run's sample rate.

    Returns
    -------
    list of str
        The clips to test.
    Verdict
        Of a test on them.

    Raises
    ------
    CorpusError
        If no clip is left.
    """
    own = learned_in(run.folder)
    kept = read_sounds(run.folder) is not None and own is not None
    before = lineage(own.weights, own.weights_sha256) if own is not None else Lineage((), None)
    learned = [*([own] if own is not None else []), *before.runs]
    sounds = {known.sound for each in learned for known in each.clips.values()} - {None}
    seen = [key for key in ids if key in facts and facts[key].digest in sounds]
    left = [key for key in ids if key not in set(seen)]
    if not left:
        raise CorpusError(
            f"every clip of {corpus.name} has the sound of a training clip of this run, so there is nothing "
            "to test",
            code="all-sounds-seen",
        )
    clips = corpus.by_id()
    theirs = [artist_key(clips[key].artist) for key in left]
    ours = set().union(*(each.artists for each in learned))
    shared = list(
        dict.fromkeys(
            clips[key].artist or ""
            for key, artist in zip(left, theirs, strict=True)
            if artist is not None and artist in ours
        )
    )
    named = len(theirs) - theirs.count(None)
    unknown = []
    if named < len(left):
        unnamed = Finding(kind="unknown tested artists", count=len(left) - named, values={"of": len(left)})
        unknown.append(unnamed)
    if any(each.unnamed for each in learned):
        unknown.append(Finding(kind="unknown learned artists", count=None))
    checked = []
    if kept:
        checked.append(Finding(kind="learned sound", count=len(seen), examples=_examples(seen)))
    else:
        unknown.append(Finding(kind="no digests"))
    comparable = bool(ours) and named > 0
    artists = len(shared) if shared or comparable else None
    values = {"unknown": len(left) - named} if named < len(left) else {}
    checked.append(Finding(kind="learned artist", count=artists, examples=_examples(shared), values=values))
    leak = Finding(kind="artist", parts=("learned", "tested"), count=len(shared), examples=_examples(shared))
    return left, Verdict(
        leaks=(leak,) if shared else (),
        unknown=tuple(unknown),
        checked=tuple(checked),
        not_checked=(*NEVER_CHECKED, *_lost(before)),
    )


def _examples(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(printable, names[:EXAMPLES]))


def _lost(before: Lineage) -> tuple[Finding, ...]:
    """Return the initial weights whose training is not known."""
    if before.lost is None:
        return ()
    return (Finding(kind="initial weights", count=None, examples=(printable(PurePath(before.lost).name),)),)
