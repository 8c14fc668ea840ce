"""An evaluation in a few lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ROWS = (
    ("accuracy", "accuracy"),
    ("balanced_accuracy", "balanced accuracy"),
    ("top2_accuracy", "top-2 accuracy"),
)


def figure(estimate: Mapping[str, float | None]) -> str:
    """Return `57.1 % (49.8-64.0)` for an estimate as in metrics.json."""
    value, low, high = (estimate[key] for key in ("value", "low", "high"))
    if value is None:
        return "-"
    if low is None or high is None:
        return f"{100 * value:.1f} %"
    return f"{100 * value:.1f} % ({100 * low:.1f}-{100 * high:.1f})"


def tags_summary(tags: Mapping[str, Any] | None) -> list[str]:
    """Return the means of the figures of tags (`TagEvaluation.to_dict()`) as lines; none without tags."""
    if tags is None or tags["mean_auc"]["value"] is None:
        return []
    names = (("mean_auc", "ROC-AUC"), ("mean_average_precision", "average precision"))
    independent = all(tag.startswith("genre:") for tag in tags["tags"])
    what = "independent genres" if independent else "tags"
    return [f"mean of {what}: " + ", ".join(f"{label} {figure(tags[key])}" for key, label in names)]


def summary(evaluation: Mapping[str, Any], voting: str) -> str:
    """Return the figures of an evaluation (`Evaluation.to_dict()`) as aligned lines.

    Parameters
    ----------
    evaluation : mapping
    voting : {"majority", "mean"}
        The recipe's rule, named first.
    """
    rules = [voting, *(rule for rule in evaluation["track"] if rule != voting)]
    levels = [("segment", evaluation["segment"])]
    levels += [(f"track, {rule}", evaluation["track"][rule]) for rule in rules]
    lines = [f"{'':15} {'n':>6}  " + "  ".join(f"{label:18}" for _, label in _ROWS).rstrip()]
    for name, scores in levels:
        figures = "  ".join(f"{figure(scores[key]):18}" for key, _ in _ROWS)
        lines.append(f"{name:15} {scores['n']:>6}  {figures}".rstrip())
    return "\n".join(lines)
