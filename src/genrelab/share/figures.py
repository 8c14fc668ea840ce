"""The measured figures that a model file states, read from its free-form results.

A model file is untrusted, and its results are any JSON objects. What has another form than genrelab writes is
left out, and texts are shortened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from genrelab.bundle.metadata import BundleMetadata
from genrelab.printing import shorten

MOST_RESULTS = 20
MOST_REASONS = 10
MOST_CLIPS = 10**12
_LONGEST = 600  # characters of a text


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure.

    Attributes
    ----------
    name : str
        For people.
    metric : str
        The name of the metric on model hubs.
    keys : tuple of str
        The names in results, of which the first one present counts.
    """

    name: str
    metric: str
    keys: tuple[str, ...]


KINDS = (
    FigureKind("accuracy", "accuracy", ("track_accuracy", "accuracy")),
    FigureKind("balanced accuracy", "balanced_accuracy", ("track_balanced_accuracy", "balanced_accuracy")),
    FigureKind("top-2 accuracy", "top_2_accuracy", ("track_top2_accuracy",)),
    FigureKind("precision of its answers", "precision", ("precision",)),
    FigureKind("share of tracks answered", "coverage", ("answered",)),
    FigureKind("calibration error", "expected_calibration_error", ("calibration_error",)),
    FigureKind("mean average precision", "mean_average_precision", ("mean_average_precision",)),
    FigureKind("mean AUC", "roc_auc", ("mean_auc",)),
)


@dataclass(frozen=True)
class Figure:
    """A measured share between 0 and 1, with the bounds of its 95 % interval or None."""

    kind: FigureKind
    value: float
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as a JSON object."""
        return {
            "name": self.kind.name, "metric": self.kind.metric, "value": self.value, "low": self.low,
            "high": self.high,
        }  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Figures of one measurement.

    Attributes
    ----------
    corpus, split : str
        What it was measured on; empty if the file does not say.
    how : str
        How it was measured, in the words of the file.
    clips : int or None
    verdict : str
        `clean`, `not known` or `leaks`; empty if there is none.
    because : tuple of str
        The reasons of the verdict.
    figures : tuple of Figure
    """

    corpus: str
    split: str
    how: str
    clips: int | None
    verdict: str
    because: tuple[str, ...]
    figures: tuple[Figure, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement as a JSON object."""
        return {**asdict(self), "figures": [each.to_dict() for each in self.figures]}


def measured(metadata: BundleMetadata) -> tuple[Measured, ...]:
    """Return the measurements that a model file states, at most `MOST_RESULTS`; none is without figures.

    Examples
    --------
    >>> result = {"corpus": "gtzan", "accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}}
    >>> [each.value for each in read_result(result).figures]
    [0.5]
    """
    read = (read_result(result) for result in metadata.results[:MOST_RESULTS])
    return tuple(each for each in read if each.figures)


def read_result(result: Mapping[str, Any]) -> Measured:
    """Return what is known of one result."""
    reasons = result.get("because")
    return Measured(
        corpus=_text(result.get("corpus")),
        split=_text(result.get("split")),
        how=_text(result.get("measured")) or _text(result.get("made")),
        clips=_clips(result.get("clips")),
        verdict=_text(result.get("verdict")),
        because=tuple(map(_text, reasons[:MOST_REASONS])) if isinstance(reasons, list) else (),
        figures=tuple(_figures(result)),
    )


def _figures(result: Mapping[str, Any]) -> Iterator[Figure]:
    for kind in KINDS:
        given = (result[key] for key in kind.keys if key in result)
        for value in islice(given, 1):
            bounds = value if isinstance(value, dict) else {"value": value}
            share = _share(bounds.get("value"))
            if share is not None:
                yield Figure(kind, share, _share(bounds.get("low")), _share(bounds.get("high")))


def _share(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


def _clips(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_CLIPS
    return value if is_count else None


def _text(value: Any) -> str:
    return shorten(value, _LONGEST) if isinstance(value, str) else ""
