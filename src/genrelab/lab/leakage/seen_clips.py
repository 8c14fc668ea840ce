"""Whether a corpus that a finished run meets is its own, and which of its clips the run did not learn."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

from genrelab.errors import CorpusError
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.identity import recording_keys
from genrelab.lab.corpora.paths import examples
from genrelab.lab.corpora.splits.split_file import read_split
from genrelab.lab.corpora.transforms.transformed_corpus import changes_of, original_name
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.leakage.verdict import NEVER_CHECKED, Leak, Verdict
from genrelab.lab.runs import folders
from genrelab.lab.runs.known_recordings import learned_in, read_sounds
from genrelab.lab.training.store.facts import ClipFacts


def clips_to_test(run: folders.Run, corpus: Corpus, *, same: bool) -> tuple[bool, list[str]]:
    """Return whether a corpus is the one that a run was trained on, and the clips to test on.

    It is if it sounds the same, or has the same name, other changes of sound, and the same recordings under
    the ids of the split. Then the clips are those of the test part. Of another corpus of the same name, what
    has an id that was learned or chosen on is left out: it may be the same music in other files.

    Parameters
    ----------
    run : Run
    corpus : Corpus
        With the run's genres.
    same : bool
        Whether it sounds as what the run learned.

    Raises
    ------
    CorpusError
        If no clip is left.
    """
    split = read_split(run.folder / folders.SPLIT, name="", made="")
    namesake = original_name(corpus) == run.metrics["corpus"].get("original", run.metrics["corpus"]["name"])
    there = [clip.id for clip in corpus.clips]
    ours = _of_the_run(run, corpus)
    changed = [change.name for change in changes_of(corpus)] != run.metrics["corpus"].get("changes", [])
    if same or (namesake and changed and ours):
        ids = [key for key in there if key in set(split.test) & ours]
        if not ids:
            raise CorpusError(
                f"{corpus.name} has no clip that this run's split tests; there is none to test on"
            )
        return True, ids
    seen = {*split.train, *split.valid} if namesake else set()
    if namesake and run.metrics["epoch"]["chosen_on"] == "test":
        seen |= set(split.test)
    ids = [key for key in there if key not in seen]
    if not ids:
        raise CorpusError(
            f"every clip of {corpus.name} was used in training this run; there is none to test on"
        )
    return False, ids


def _of_the_run(run: folders.Run, corpus: Corpus) -> set[str]:
    """Return the clips of a corpus that are, by id and recording, clips of the run's split."""
    known = read_sounds(run.folder)
    if known is None:  # a run of an earlier genrelab: the ids must do
        split = read_split(run.folder / folders.SPLIT, name="", made="")
        return {*split.train, *split.valid, *split.test} & {clip.id for clip in corpus.clips}
    return {
        key
        for key, recording in recording_keys(corpus).items()
        if key in known and known[key].recording == recording
    }


def check_elsewhere(
    run: folders.Run, corpus: Corpus, ids: Sequence[str], facts: Mapping[str, ClipFacts]
) -> tuple[list[str], Verdict]:
    """Leave out what a run learned under another name, and look for artists that it knows.

    Parameters
    ----------
    run : Run
    corpus : Corpus
        Another than the run's.
    ids : sequence of str
        Its clips that may be tested.
    facts : mapping of str to ClipFacts
        Of its store, at the rate of the run's.

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
    learned = learned_in(run.folder)
    kept = read_sounds(run.folder) is not None and learned is not None
    sounds = {known.sound for known in learned.clips.values()} - {None} if learned is not None else set()
    heard = [key for key in ids if key in facts and facts[key].digest in sounds]
    left = [key for key in ids if key not in set(heard)]
    if not left:
        raise CorpusError(
            f"every clip of {corpus.name} sounds as one that this run learned; there is none to test on"
        )
    clips = corpus.by_id()
    theirs = [artist_key(clips[key].artist) for key in left]
    ours = _learned_artists(run)
    shared = list(
        dict.fromkeys(clips[key].artist or "" for key in left if artist_key(clips[key].artist) in ours)
    )
    shared = [name for name in shared if artist_key(name) is not None]
    known, both = len(theirs) - theirs.count(None), ours - {None}
    unknown = []
    if known < len(left):
        unknown.append(f"Nobody knows who plays in {len(left) - known} of {len(left)} tested clips.")
    if None in ours:
        unknown.append("Nobody knows who plays in some of the clips that were learned.")
    if not kept:
        unknown.append("The run is of an earlier genrelab, which kept no digests of what it learned.")
    leaks = [Leak("artist", ("learned", "tested"), len(shared), tuple(shared[:3]))] if shared else []
    checked = {
        "equal sound learned": f"{len(heard)} clips, left out: {examples(heard)}" if heard else "none",
        "artist learned and tested": examples(shared)
        if shared
        else "none"
        if both and known
        else "not known",
    }
    if not kept:
        del checked["equal sound learned"]
    return left, Verdict(tuple(leaks), tuple(unknown), checked, NEVER_CHECKED)


def _learned_artists(run: folders.Run) -> set[str | None]:
    """Return the artists of what was learned or chosen on; None among them if some are not known."""
    of = {"train", "valid"} | ({"test"} if run.metrics["epoch"]["chosen_on"] == "test" else set())
    with (run.folder / folders.SPLIT).open(encoding="utf-8", newline="") as stream:
        return {artist_key(row.get("artist")) for row in csv.DictReader(stream) if row["part"] in of}
