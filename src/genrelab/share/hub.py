"""The folder of a Hugging Face model repository: the model file, its card and its facts as JSON.

Nothing is uploaded. The card is Markdown with YAML front matter, as
https://huggingface.co/docs/hub/model-cards describes it; all that a model file states is escaped in it.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from genrelab.bundle.bundle import KEY_LENGTH, Bundle
from genrelab.bundle.metadata import BundleMetadata
from genrelab.bundle.read import read_file
from genrelab.errors import ModelFileError, UsageError
from genrelab.files import replace_file, replace_text
from genrelab.printing import json_text, plain, shorten, yaml_text
from genrelab.share.figures import Figure, Measured, measured

CARD, MODEL, CONFIG = "README.md", "model.onnx", "config.json"

_NAME = r"(?!\S*(?:--|\.\.))\w(?:[\w.-]{0,94}\w)?"
_REPOSITORY = re.compile(f"{_NAME}/{_NAME}(?<!\\.git)", re.ASCII)
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")
_MARKS = re.compile(r"([\\`*_{}\[\]<>#!|~&$])")
_NOT_IN_ID = re.compile(r"[^a-z0-9]+")
_MOST_GENRES = 200
_MOST_TAGS = 500
_MOST_CORPORA = 50
_LONGEST = 400  # characters of a licence or citation


@dataclass(frozen=True)
class Repository:
    """What a model file cannot know about the repository that it goes to.

    Parameters
    ----------
    licence : str
        Of the model file: an identifier of the hub, such as `apache-2.0`, `cc-by-4.0`, `other` or `unknown`.
    name : str or None
        `USER/NAME`, for the commands in the card; None leaves a placeholder there.
    datasets : tuple of str
        Identifiers of training datasets on the hub. The names of corpora in a model file are none.

    Raises
    ------
    UsageError
        If one of them has another form.
    """

    licence: str = "unknown"
    name: str | None = None
    datasets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the forms."""
        if not _LICENCE.fullmatch(self.licence):
            raise UsageError(
                f"--licence {self.licence!r} is no identifier such as apache-2.0 or cc-by-4.0. "
                "https://huggingface.co/docs/hub/repositories-licenses lists them",
                code="hub-licence",
            )
        for option, value in [("--repo", self.name), *(("--dataset", each) for each in self.datasets)]:
            if value is not None and not _REPOSITORY.fullmatch(value):
                message = f"{option} {value!r} is no name on the hub. They have the form USER/NAME"
                raise UsageError(message, code="hub-name")


def write_repository(
    model: Path, folder: Path, repository: Repository, *, overwrite: bool = False
) -> list[Path]:
    """Write the files of a model repository.

    Parameters
    ----------
    model : Path
        The model file. It is loaded and checked, and copied as it is.
    folder : Path
        Created if it does not exist.
    repository : Repository
    overwrite : bool
        Whether to replace files of an earlier call.

    Returns
    -------
    list of Path
        The card, the model file and the facts.

    Raises
    ------
    ModelFileError
        If the model file cannot be used.
    UsageError
        If one of the files exists and may not be replaced, or the folder cannot be written to.
    """
    bundle = Bundle.load(model)
    content = read_file(model)
    sha256 = hashlib.sha256(content).hexdigest()
    if f"@{sha256[:KEY_LENGTH]}" not in bundle.identity:
        message = f"the model file {model} changes while it is read. Try again when it is complete"
        raise ModelFileError(message, code="model-changed")
    paths = [folder / name for name in (CARD, MODEL, CONFIG)]
    present = [path for path in paths if os.path.lexists(path)]
    if present and not overwrite:
        message = f"{present[0]} is there already. Name another folder, or add --overwrite"
        raise UsageError(message, code="hub-exists")
    card = card_text(bundle, content, repository)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / MODEL, lambda draft: draft.write_bytes(content))
        replace_text(folder / CARD, card)
        replace_text(folder / CONFIG, json_text(_config(bundle), indent=2) + "\n")
    except OSError as error:
        message = f"cannot write to {folder}: {error.strerror or error}. Name another folder"
        raise UsageError(message, code="hub-unwritable") from error
    return paths


def card_text(bundle: Bundle, content: bytes, repository: Repository) -> str:
    """Return the card of a model file, whose bytes are `content`."""
    about = bundle.metadata
    results = measured(about)
    return (
        _environment()
        .get_template("share/card.md")
        .render(
            front=yaml_text(_front_matter(about, results, repository)),
            about=about,
            name=about.recipe,
            identity=bundle.identity,
            repository=repository.name or "USER/NAME",
            genres=about.genres[:_MOST_GENRES],
            tags=[tag.label for tag in about.user_tags[:_MOST_TAGS]],
            thresholds=sorted(about.abstain_below_by_genre.items())[:_MOST_GENRES],
            corpora=[
                (each.name, shorten(each.licence, _LONGEST), shorten(each.citation, _LONGEST))
                for each in about.corpora[:_MOST_CORPORA]
            ],
            left_out=max(0, len(about.genres) - _MOST_GENRES),
            results=results,
            embedding=bundle.measure_embedding(),
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
        )
    )


def _front_matter(
    about: BundleMetadata, results: tuple[Measured, ...], repository: Repository
) -> dict[str, Any]:
    title = plain(about.recipe)
    index = [_index(each) for each in results]
    return {
        "license": repository.licence,
        "library_name": "onnx",
        "pipeline_tag": "audio-classification",
        "tags": ["genrelab", "onnx", "music", "music-genre", "music-genre-recognition"],
        **({"datasets": list(repository.datasets)} if repository.datasets else {}),
        **(
            {"metrics": list(dict.fromkeys(each["type"] for entry in index for each in entry["metrics"]))}
            if index
            else {}
        ),
        **({"model-index": [{"name": title, "results": index}]} if index else {}),
    }


def _index(result: Measured) -> dict[str, Any]:
    """Return an entry of the model index: the figures of one measurement."""
    name = plain(result.corpus) or "not stated"
    return {
        "task": {"type": "audio-classification", "name": "Music genre recognition"},
        "dataset": {
            "name": name,
            "type": _NOT_IN_ID.sub("-", name.lower()).strip("-") or "dataset",
            **({"split": plain(result.split)} if result.split else {}),
        },
        "metrics": [
            {
                "type": figure.kind.metric,
                "name": _title(figure),
                "value": round(figure.value, 4),
                "verified": False,
            }
            for figure in result.figures
        ],
    }


def _title(figure: Figure) -> str:
    name = figure.kind.name.capitalize()
    if figure.low is None or figure.high is None:
        return name
    return f"{name} (95 % interval {figure.low:.3f} to {figure.high:.3f})"


def _config(bundle: Bundle) -> dict[str, Any]:
    """Return the facts that other programs need to run the network."""
    about = bundle.metadata
    facts = about.model_dump(mode="json", exclude={"learned", "results", "corpora"})
    return {
        "model_type": "genrelab",
        "model": bundle.identity,
        "file": MODEL,
        "sampling_rate": about.sample_rate,
        "id2label": {str(number): genre for number, genre in enumerate(about.genres)},
        "label2id": {genre: number for number, genre in enumerate(about.genres)},
        "genrelab": facts,
    }


def markdown(text: object) -> str:
    r"""Return a text that Markdown and HTML show literally, on one line, also in a cell of a table.

    Examples
    --------
    >>> print(markdown("<b>*R&B* | x"))
    \<b\>\*R\&B\* \| x
    """
    return _MARKS.sub(r"\\\1", plain(str(text)))


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("genrelab", ""),
        autoescape=False,  # Markdown: the filter `md` escapes what a model file states
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["md"] = markdown
    made.filters["share"] = lambda value: "" if value is None else f"{100 * value:.1f} %"
    return made
