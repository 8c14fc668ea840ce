"""The English of findings, in one place: nothing reads these sentences back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from genrelab.lab.findings.finding import Finding, Verdict
from genrelab.lab.findings.skipped import SkippedAlike

_SHOWN = 3


def sentence(found: Finding) -> str:
    """Return what was found as one sentence."""
    return _worded(_SENTENCES.get(found.kind), found)


def warnings(findings: Iterable[Finding]) -> list[str]:
    """Return what a reader of figures must know first, each sentence once."""
    leaks = {"file", "artist", "sound"}
    return list(
        dict.fromkeys(f"{'Possible leak: ' if f.kind in leaks else ''}{sentence(f)}" for f in findings)
    )


def because(verdict: Verdict) -> list[str]:
    """Return why a verdict is not `clean`; nothing if it is."""
    return list(dict.fromkeys(sentence(each) for each in (*verdict.leaks, *verdict.unknown)))


def checked(findings: Iterable[Finding]) -> dict[str, str]:
    """Return what was looked for -> what was found; several answers to one question are joined by `|`."""
    answers: dict[str, list[str]] = {}
    for each in findings:
        answers.setdefault(question(each), []).append(answer(each))
    return {asked: " | ".join(dict.fromkeys(found)) for asked, found in answers.items()}


def not_checked(verdict: Verdict) -> list[str]:
    """Return what was not looked for."""
    return [_worded(_NOT_CHECKED.get(each.kind), each) for each in verdict.not_checked]


def published(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as tables, comparisons and `--format json` show it: data, with its English."""
    return {
        "verdict": {
            "clean": verdict.state == "clean",
            "state": verdict.state,
            "because": because(verdict),
            "leaks": [each.to_dict() for each in verdict.leaks],
            "unknown": [sentence(each) for each in verdict.unknown],
        },
        "checked": checked(verdict.checked),
        "not_checked": not_checked(verdict),
    }


def verdict_lines(verdict: Verdict, network: Sequence[Finding] = ()) -> list[str]:
    """Return a verdict as lines for a terminal: the word, the state of the network, the reasons."""
    state = f", network {network_state(network)}" if network else ""
    reasons = [*because(verdict), *map(sentence, network)]
    return [f"verdict {verdict.state}{state}", *(f"        {reason}" for reason in reasons)]


def network_state(findings: Iterable[Finding]) -> str:
    """Return the state of a network, such as `collapsed and diverged`; empty if nothing was found."""
    return " and ".join(dict.fromkeys(_NETWORK_STATES.get(each.kind, each.kind) for each in findings))


def question(found: Finding) -> str:
    """Return what a check looked for."""
    if found.kind == "earlier":
        return found.examples[0]
    return _CHECKS[found.kind][0] if found.kind in _CHECKS else found.kind


def answer(found: Finding) -> str:
    """Return what a check found."""
    if found.kind == "earlier":
        return found.examples[-1]
    return _worded(_CHECKS[found.kind][1] if found.kind in _CHECKS else None, found)


def skipped_lines(skipped: Iterable[SkippedAlike]) -> list[str]:
    """Return one line per reason for which a corpus left clips out."""
    lines = []
    for each in skipped:
        names = _listed(Finding(kind="skipped", count=each.count, examples=each.examples))
        if each.count == 1 and each.reason is not None:
            lines.append(f"{names}: {each.reason}")
        else:
            lines.append(f"{_clips(each.count)}, {each.reason or 'each for another reason'}: {names}")
    return lines


def _worded(words: Callable[[Finding], str] | None, found: Finding) -> str:
    """Return the words for a finding; its data if a later version made it."""
    try:
        if words is not None:
            return words(found)
    except (KeyError, IndexError):
        pass
    count = "unknown" if found.count is None else str(found.count)
    return f"{found.kind}: {count}{f' ({_listed(found)})' if found.examples else ''}."


def _clips(count: float | None, what: str = "clip") -> str:
    return f"{count:g} {what}{'' if count == 1 else 's'}"


def _listed(found: Finding, separator: str = ", ") -> str:
    """Return the examples as `a, b, c and 7 more`."""
    shown = found.examples[:_SHOWN]
    rest = (found.count or 0) - len(shown)
    return f"{separator.join(shown)} and {rest} more" if rest > 0 else separator.join(shown)


def _ended(text: str) -> str:
    """End a sentence whose last word is foreign and may end in a full stop itself: `R.E.M.`."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _leak(one: str, many: str) -> Callable[[Finding], str]:
    """Make the sentence of a leak from what it says of one and of several."""

    def words(found: Finding) -> str:
        what = f"{found.count} {one if found.count == 1 else many}"
        names = f" ({', '.join(found.examples)}{', …' if (found.count or 0) > len(found.examples) else ''})"
        too_high = "test" if {"test", "tested"} & set(found.parts) else "validation"
        parts = [
            "training" if part == "learned" else "test" if part == "tested" else part for part in found.parts
        ]
        places = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
        return (
            f"{what.format(places=places)}{names if found.examples else ''}: the {too_high} figures are "
            "too high."
        )

    return words


def _diverged(found: Finding) -> str:
    epochs = f"{found.count} epoch{'' if found.count == 1 else 's'}"
    return (
        f"Training diverged: the loss is not finite or absurdly large in {epochs} "
        f"({', '.join(found.examples)}). Lower training.learning_rate, or set training.gradient_clip."
    )


def _unchanged(found: Finding) -> str:
    epochs = f"{found.count} epoch{'' if found.count == 1 else 's'}"
    return (
        f"The network learned nothing: in {epochs} its weights moved by only {found.examples[0]} of their "
        "size. Raise training.learning_rate."
    )


def _held_out(found: Finding) -> str:
    if "reached" not in found.values:
        return "On folds that it was not fitted to, the threshold gives no answer at all."
    return (
        f"On folds that the threshold was not fitted to, {_percent(found.values['reached'])} of the answers "
        f"are correct, not {_percent(found.values['wanted'])}."
    )


_NETWORK_STATES = {
    "one genre": "collapsed",
    "constant": "collapsed",
    "diverged": "diverged",
    "unchanged": "learned nothing",
}

_CLIPS_OF_START = _leak(
    "clip of {places} was used to train the initial weights",
    "clips of {places} were used to train the initial weights",
)
_ARTISTS_OF_START = _leak(
    "artist of {places} is also the artist of clips that were used to train the initial weights",
    "artists of {places} are also the artists of clips that were used to train the initial weights",
)

_SENTENCES: Mapping[str, Callable[[Finding], str]] = {
    "file": _leak("file has clips in {places}", "files have clips in {places}"),
    "sound": _leak(
        "recording is in {places} under different names", "recordings are in {places} under different names"
    ),
    "artist": _leak("artist is in {places}", "artists are in {places}"),
    "copies": _leak("clip is in {places} as a changed copy", "clips are in {places} as changed copies"),
    "start": lambda found: (_ARTISTS_OF_START if "artists" in found.values else _CLIPS_OF_START)(found),
    "teacher": _leak(
        "clip of {places}, or its artist, was used to train the teacher",
        "clips of {places}, or their artists, were used to train the teacher",
    ),
    "epoch": lambda found: "The epoch was chosen on the test part: the test figures are too high.",
    # why nothing is known for sure
    "unknown artists": lambda found: (
        f"The artist of {_of(found, every='every clip')} is unknown: artists may be in training and test."
    ),
    "unknown start artists": lambda found: (
        f"The artist of {_of(found, every='every clip')} that trained the initial weights is unknown."
    ),
    "unknown tested artists": lambda found: (
        f"The artist of {_of(found, 'tested clips', 'every tested clip')} is unknown."
    ),
    "unknown learned artists": lambda found: "The artists of some training clips are unknown.",
    "no digests": lambda found: (
        "The run was made by an earlier version, which kept no digests of its training clips."
    ),
    "old run": lambda found: (
        "The run was made by an earlier version, which did not check for all of these leaks."
    ),
    "other cut of corpus": lambda found: (
        f"It was not checked whether recordings of {found.examples[0]}, the training corpus, occur here in "
        "another cut, loudness or encoding."
    ),
    "earlier": lambda found: found.examples[-1],
    # what else a reader must know first
    "epoch on test": lambda found: (
        "The epoch was chosen on the test clips: the best one on them was kept. The figures are too high and "
        "do not estimate the accuracy on new music."
    ),
    "copies of validation": lambda found: (
        "Leak: copies of the validation clips were trained on. The validation figures are far too high, and "
        "the epoch was chosen by what was memorized. Neither test clips nor copies of them were trained on."
    ),
    "missing genres": lambda found: _ended(
        f"Genres missing from a part of the split: {'; '.join(found.examples)}"
    ),
    "skipped": lambda found: _ended(f"{_clips(found.count)} could not be used: {_listed(found, '; ')}"),
    "synthetic": lambda found: (
        "The corpus is generated by rules and is not real music: its figures say nothing about real music."
    ),
    # the network
    "one genre": lambda found: (
        f"The network collapsed: it predicts {found.examples[0]} for all {found.count} test clips."
    ),
    "constant": lambda found: (
        f"The network collapsed: all {found.count} test segments have the same probabilities "
        f"({', '.join(found.examples)})."
    ),
    "diverged": _diverged,
    "unchanged": _unchanged,
    # the calibration
    "precision": lambda found: (
        f"No threshold reaches {_percent(found.values['wanted'])} correct answers on held-out clips: the "
        f"best, {found.examples[0]}, has {_percent(found.values['reached'])} correct of {found.count}."
    ),
    "few": lambda found: (
        f"{_clips(found.count, 'held-out answer')} cannot tell whether {_percent(found.values['wanted'])} of "
        f"the answers are correct; {found.values['least']:g} are needed."
    ),
    "folds": lambda found: (
        f"On {found.count} of {len(found.examples)} folds the threshold fitted to the others did not reach "
        f"{_percent(found.values['wanted'])}."
    ),
    "held out": _held_out,
    "genres": lambda found: _ended(f"Never predicted at this threshold: {', '.join(found.examples)}"),
    "temperature": lambda found: (
        f"The temperature {found.values['reached']:g} lies at the end of the range that was searched "
        f"({found.values['from']:g} to {found.values['to']:g}): confidences are not calibrated."
    ),
}


def _of(found: Finding, what: str = "clips", every: str = "") -> str:
    of = found.values["of"]
    return every if every and found.count == of else f"{found.count} of {of:g} {what}"


def _in_parts(found: Finding) -> str:
    """Return the answer of a check for what several parts share."""
    if found.values.get("rendered"):
        return "none (the clips are rendered, not read from files)"
    if found.count is None:
        return "not known: no clip names an artist"
    return _among_named(found)


def _among_named(found: Finding) -> str:
    """Return how many artists were found, and for how many clips nobody could look."""
    unknown = found.values.get("unknown", 0)
    if not unknown:
        return _counted(found)
    unnamed = f"{_clips(unknown)} {'names' if unknown == 1 else 'name'} no artist"
    return f"{_counted(found) if found.count else 'none among the artists that are named'}; {unnamed}"


def _start(found: Finding) -> str:
    if found.count is None:
        return "not known: the weights are not from a run folder"
    if found.values.get("random"):
        return "none: training starts from no music"
    runs = found.values.get("runs", 1)
    return ("; ".join(found.examples) or "none") + (
        f" (in {runs:g} runs before this one)" if runs > 1 else ""
    )


def _teacher(found: Finding) -> str:
    if found.count is None:
        return "not known: the targets do not say"
    learned, of = found.values["learned"], found.values["of"]
    return f"{learned:g} of {of:g}; {found.count or 'none'} of them, or of their artists, in test"


def _counted(found: Finding) -> str:
    if found.count and not found.examples:
        return str(found.count)
    return f"{found.count}: {_listed(found)}" if found.count else "none"


_CHECKS: Mapping[str, tuple[str, Callable[[Finding], str]]] = {
    "clip": ("clip on both sides", _counted),
    "file": ("same file on both sides", _in_parts),
    "artist": ("artist on both sides", _in_parts),
    "test": (
        "test clips",
        lambda found: _of(found, "").strip() if found.count else "none: the test part is empty",
    ),
    "missing genres": ("genres missing from a part", lambda found: "; ".join(found.examples) or "none"),
    "sound": ("equal sound on both sides", _counted),
    "labels": (
        "labels of equal sound",
        lambda found: f"{found.count} differ: {'; '.join(found.examples)}" if found.count else "none differ",
    ),
    "faults": (
        "silent, short or oddly long clips",
        lambda found: "not checked without sound" if found.count is None else _counted(found),
    ),
    "copies": (
        "copies of clips that are not learned",
        lambda found: (
            _clips(found.count)
            if found.count
            else "none"
            if found.values.get("made")
            else "none: no copies are made"
        ),
    ),
    "start": ("clips learned by an earlier run", _start),
    "epoch": (
        "part that chose the epoch",
        lambda found: found.parts[0] if found.parts else "none: the last epoch is kept",
    ),
    "teacher": ("clips learned by the teacher", _teacher),
    "learned sound": (
        "equal sound learned",
        lambda found: f"{_clips(found.count)}, left out: {_listed(found)}" if found.count else "none",
    ),
    "learned artist": (
        "artist learned and tested",
        lambda found: (
            "not known: no clip on one of the two sides names an artist"
            if found.count is None
            else _among_named(found)
        ),
    ),
}

_NOT_CHECKED: Mapping[str, Callable[[Finding], str]] = {
    "other cut": lambda found: (
        "the same recording in another cut, loudness or encoding (`genrelab corpora audit` finds it)"
    ),
    "other performance": lambda found: "other performances of the same piece",
    "unnamed artists": lambda found: f"the artists of {_clips(found.count)} without one",
    "initial weights": lambda found: f"what else the initial weights ({found.examples[0]}) were trained on",
    "earlier weights": lambda found: (
        f"what the run that made the initial weights started from ({found.examples[0]}): the run folder of "
        "those weights cannot be found"
    ),
    "teacher": lambda found: f"what {'else ' if found.count else ''}the teacher was trained on",
    "earlier": lambda found: found.examples[-1],
}
