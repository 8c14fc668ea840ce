"""`metrics.json` of a run folder: what a run measured, as one versioned model.

The file keeps its name, since programs read it. Records of earlier versions are upgraded when they are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from genrelab.errors import RunError
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.recipes.reported import Reported
from genrelab.lab.runs.figures import Figure, Part, TagsRecord
from genrelab.voting import VotingRule

FORMAT = 2
Record = TypeVar("Record", bound="TestRecord")


class GenreFigures(Part):
    """How well one genre was recognized."""

    support: int
    predicted: int
    recall: Figure
    precision: Figure
    f1: Figure


class LevelFigures(Part):
    """All figures of the segments, or of the tracks under one voting rule."""

    n: int
    groups: int
    accuracy: Figure
    balanced_accuracy: Figure
    top2_accuracy: Figure
    log_loss: Figure | None
    by_genre: dict[str, GenreFigures]
    confusion: dict[str, Any]


class EvaluationRecord(Part):
    """All figures of a test, as `Evaluation.to_dict` gives them."""

    genres: tuple[str, ...]
    intervals: dict[str, Any]
    segment: LevelFigures
    track: dict[VotingRule, LevelFigures]


class CorpusRecord(Part):
    """The corpus of a run, or one that it was tested on."""

    name: str
    original: str
    changes: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    licence: str = "unknown"
    citation: str = "unknown"
    skipped: dict[str, str] = Field(default_factory=dict)
    source: str | None = None
    sound_sha256: str | None = None
    recordings_sha256: str | None = None


class SplitRecord(Part):
    """The split of a run, and what its parts share.

    Attributes
    ----------
    clips : dict of str to int
        `train`, `valid` and `test` -> usable clips with a genre.
    tags_only : dict of str to int
        The same for clips with tags and no genre; empty if there are none.
    seed : int or None
        None for published splits, and in records of earlier versions.
    """

    name: str
    made: str
    clips: dict[str, int]
    tags_only: dict[str, int] = Field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    seed: int | None = None

    def found(self, kind: str) -> Finding | None:
        """Return the finding of a kind; None if it was not looked for."""
        return next((each for each in self.findings if each.kind == kind), None)


class EpochRecord(Part):
    """The epoch whose weights were kept, counted from 0, and the figures that it was chosen by."""

    chosen: int
    trained: int
    chosen_by: str
    chosen_on: Literal["valid", "test", "none"]
    steps: int | None = None
    loss: float | None = None
    accuracy: float | None = None


class CopiesRecord(Part):
    """The augmented copies that were trained on."""

    of: str
    made: tuple[dict[str, Any], ...] = ()


class StartRecord(Part):
    """The initial weights."""

    weights: str
    notes: tuple[str, ...] = ()
    sha256: str | None = None


class TestedRun(Part):
    """A run that was tested elsewhere, or together with others."""

    corpus: str
    split: str
    epoch: EpochRecord | None = None


class TestRecord(Part):
    """What a test measured: of a run on its test part, of a run on another corpus, of several folds.

    Attributes
    ----------
    runs : tuple of TestedRun
        The runs that a test on another corpus, or of several folds, is about; empty in a run's own record.
    tags : TagsRecord or None
        Figures of tags; None if the network predicts none.
    facts, warnings
        What the report of such a test shows.
    """

    __test__ = False  # pytest takes classes of this name for tests

    format: int = FORMAT
    recipe: str
    recipe_sha256: str
    corpus: CorpusRecord
    split: SplitRecord
    seed: int
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    versions: dict[str, str]
    evaluation: EvaluationRecord
    tags: TagsRecord | None = None
    runs: tuple[TestedRun, ...] = ()
    facts: dict[str, str] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the content of `metrics.json`."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return a value that JSON can hold, without figures of tags if there are none."""
        values = {**self.model_dump(mode="json"), "verdict": self.verdict.to_dict()}
        if self.tags is None:
            del values["tags"]
        if not self.split.tags_only:
            del values["split"]["tags_only"]
        return values


class RunRecord(TestRecord):
    """What a run measured.

    Attributes
    ----------
    no_model_file : str or None
        Why no model file was written.
    export_difference : float or None
        Largest difference between the model file's probabilities and torch's.
    network_tags : tuple of str
        The tags that the network learned, in the order of its outputs.
    """

    parameters: int
    epoch: EpochRecord
    copies: CopiesRecord = CopiesRecord(of="train")
    learned: dict[str, Any] = Field(default_factory=dict)
    start: StartRecord
    training_seconds: float
    device: str
    precision: str
    reported: tuple[Reported, ...] = ()
    no_model_file: str | None = None
    export_difference: float | None = None
    network_tags: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return a value that JSON can hold, without the fields of other tests and without empty ones."""
        values = super().to_dict()
        absent = {"runs", "facts", "warnings"}
        absent |= {key for key in ("no_model_file", "export_difference") if values[key] is None}
        absent |= set() if self.network_tags else {"network_tags"}
        return {key: value for key, value in values.items() if key not in absent}

    @property
    def distilled(self) -> dict[str, Any] | None:
        """The targets that were trained on; None if there were none."""
        found: dict[str, Any] | None = self.learned.get("distilled")
        return found

    @property
    def chosen_on_test(self) -> bool:
        """Whether the epoch was chosen on the test part."""
        return self.epoch.chosen_on == "test"

    def severe(self) -> tuple[Finding, ...]:
        """Return what takes away the meaning of the figures."""
        spoilt = []
        if self.chosen_on_test:
            spoilt.append(Finding(kind="epoch on test"))
        elif self.copies.of == "train+valid":
            spoilt.append(Finding(kind="copies of validation"))
        return (*spoilt, *self.findings)

    def doubts(self) -> tuple[Finding, ...]:
        """Return what a reader of the figures must know first, the severe findings before the others."""
        shared = [each for each in self.verdict.leaks if each.kind in {"file", "artist"}]
        found = [*self.severe(), *shared, *self.verdict.unknown]
        missing = self.split.found("missing genres")
        if missing is not None and missing.count:
            found.append(missing)
        if self.corpus.skipped:
            shown = tuple(f"{key} ({reason})" for key, reason in list(self.corpus.skipped.items())[:3])
            found.append(Finding(kind="skipped", count=len(self.corpus.skipped), examples=shown))
        if self.corpus.original == "synthetic":
            found.append(Finding(kind="synthetic"))
        return tuple(found)


def _read(path: Path) -> dict[str, Any]:
    """Read a `metrics.json` of this or an earlier format."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read {path}: {error}", code="record-unreadable") from error
    if not isinstance(values, dict) or values.get("format", 1) not in (1, FORMAT):
        found = values.get("format") if isinstance(values, dict) else type(values).__name__
        raise RunError(
            f"{path} has the format {found!r}, and this version reads up to {FORMAT}; use the version that "
            "made the run, or train it again",
            code="record-format",
        )
    return values


def load_record(kind: type[Record], path: Path) -> Record:
    """Read a `metrics.json` of any version as a record of a kind.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    RunError
        If it is not such a record, or a later version wrote it.
    """
    values = _read(path)
    try:
        return kind.model_validate(values if values.get("format") == FORMAT else upgrade(values))
    except (ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else repr(error)
        raise RunError(
            f"{path} is damaged: {what}; train the run again with --restart", code="record-damaged"
        ) from error


def upgrade(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of format 1 in the current format.

    Its checks are sentences: they are shown as they are. Only whether genres are missing from a part is taken
    from them, since their warning would be lost. The first records lack some fields; a default stands for
    each.
    """
    new = {"recipe": "unknown", "recipe_sha256": "", "seed": 0, "start": {"weights": "unknown"}}
    new |= {**values, "format": FORMAT}
    corpus = {"name": "unknown", **values.get("corpus", {})}
    split = {"name": "unknown", "made": "unknown", "clips": {}, **values.get("split", {})}
    corpus.setdefault("original", corpus["name"])
    checks = dict(split.get("checks", {}))
    missing = checks.pop("genres missing from a part", "none")
    split["findings"] = _earlier_checks(checks)
    split["findings"].append(
        {
            "kind": "missing genres",
            "count": int(missing != "none"),
            "examples": [missing] * (missing != "none"),
        }
    )
    new |= {"corpus": corpus, "split": split}
    new["findings"] = [_counted(each) for each in values.get("findings", ())]
    new["verdict"] = _upgraded_verdict(values)
    return new


def _upgraded_verdict(values: Mapping[str, Any]) -> dict[str, Any]:
    if "verdict" in values:
        old = values["verdict"]
        return {
            "leaks": [_counted(each) for each in old["leaks"]],
            "unknown": [_earlier(text) for text in old["unknown"]],
            "checked": _earlier_checks(values.get("checked", {})),
            "not_checked": [_earlier(text) for text in values.get("not_checked", ())],
        }
    checks = values.get("split", {}).get("checks", {})
    leaks = []
    if values.get("epoch", {}).get("chosen_on") == "test":
        leaks.append(Finding(kind="epoch", parts=("test",)))
    if values.get("copies", {}).get("of") == "train+valid":
        leaks.append(Finding(kind="copies", parts=("train", "valid")))
    return {
        "leaks": [each.model_dump() for each in leaks],
        "unknown": [
            {"kind": "old run"},
            *(
                _earlier(f"{key}: {checks[key]}.")
                for key in ("same file on both sides", "artist on both sides")
                if key in checks
            ),
        ],
        "checked": _earlier_checks(checks),
        "not_checked": [{"kind": "other cut"}, {"kind": "other performance"}],
    }


def _earlier(*texts: str) -> dict[str, Any]:
    return {"kind": "earlier", "examples": list(texts)}


def _earlier_checks(checks: Mapping[str, str]) -> list[dict[str, Any]]:
    return [_earlier(asked, found) for asked, found in checks.items()]


def _counted(old: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": old["kind"], "parts": old["parts"], "count": old["number"], "examples": old["examples"]}
