"""What a reader of a report needs to repeat a run: the record as lines of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genrelab.lab.findings.wording import checked, not_checked
from genrelab.lab.runs.record import EpochRecord, RunRecord

_START = {"none": "random weights", "imagenet": "weights of ImageNet"}


def facts_of(record: RunRecord) -> dict[str, str]:
    """Return name -> value of the facts of a run."""
    corpus, split, start = record.corpus, record.split, record.start
    sizes = ", ".join(f"{count} {part}" for part, count in split.clips.items())
    if split.tags_only:
        tagged = ", ".join(f"{count} {part}" for part, count in split.tags_only.items())
        sizes += f"; with tags and no genre: {tagged}"
    facts = {
        "Recipe": f"{record.recipe} ({record.parameters:,} parameters)",
        "Corpus": f"{corpus.name}; licence: {corpus.licence}; source: {corpus.citation}",
        "Split": f"{split.name}: {split.made} ({sizes})",
        **{
            f"Checked: {question}": answer
            for question, answer in checked((*split.findings, *record.verdict.checked)).items()
        },
        "Not checked": "; ".join(not_checked(record.verdict)),
        **_sound_and_copies(record),
        **_learned(record.learned),
        "Start": "; ".join([_START.get(start.weights, start.weights), *start.notes]),
        "Epoch": f"{record.epoch.chosen + 1} of {record.epoch.trained}, {_chosen(record.epoch)}",
        "Seed": str(record.seed),
        "Training": f"{record.training_seconds:.0f} s on {record.device}, {record.precision}",
        "Versions": ", ".join(f"{name} {number}" for name, number in record.versions.items()),
    }
    for figure in record.reported:
        metric = figure.metric.replace("_", " ")
        facts[f"Paper: {metric} on {figure.corpus}"] = f"{100 * figure.value:.1f} %"
    return facts


def _sound_and_copies(record: RunRecord) -> dict[str, str]:
    facts = {}
    if record.corpus.changes:
        facts["Sound"] = (
            f"that of {record.corpus.original}, changed by {', then '.join(record.corpus.changes)}"
        )
    texts = []
    for copy in record.copies.made:
        options = [f"{key} {value}" for key, value in copy.items() if key not in ("kind", "clips")]
        texts.append(f"{copy['kind']} ({', '.join(options) or 'unchanged'}) of {copy['clips']} clips")
    if texts:
        facts[f"Copies trained on, of {record.copies.of}"] = "; ".join(texts)
    return facts


def _chosen(epoch: EpochRecord) -> str:
    if epoch.chosen_on == "none":
        return "the last one; no clips were kept back to choose it"
    how = (
        f"the last one, whatever its figures on the {epoch.chosen_on} part"
        if epoch.chosen_by == "last"
        else f"chosen by {epoch.chosen_by} on the {epoch.chosen_on} part"
    )
    return how if epoch.accuracy is None else f"{how} (segment accuracy {100 * epoch.accuracy:.1f} %)"


def _learned(learned: Mapping[str, Any]) -> dict[str, str]:
    """Return what was trained on besides labelled clips."""
    facts = {}
    if learned.get("guessed_labels"):
        facts["Guessed labels, smoothed"] = f"of {learned['guessed_labels']} clips"
    distilled = learned.get("distilled")
    if distilled:
        clips = learned["clips"]
        what = [*distilled["regress"], *distilled["tags"], *(["genres"] if "genres" in distilled else [])]
        if "teachers" in distilled:
            files = [f"{name} (SHA-256 {digest[:16]})" for name, digest in distilled["teachers"].items()]
            source = f"{' and '.join(files)}, which process each view,"
        else:
            source = f"{distilled['targets']} (SHA-256 {distilled['sha256'][:16]})"
        facts["Distilled"] = (
            f"{', '.join(what)} from {source} for {distilled['clips_with_targets']} clips, "
            f"{clips['unlabelled']} of them without a genre"
        )
        left_out = [f"{count}: {why}" for why, count in distilled["unlabelled_left_out"].items()]
        facts["Clips without a genre that were left out"] = "; ".join(left_out) or "none"
    return facts
