"""What a run folder is about, as files in it, so that no other run goes on in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from genrelab.errors import RunError
from genrelab.files import replace_text, text_bytes
from genrelab.lab.corpora.splits.split_file import split_text
from genrelab.lab.corpora.tag_table import tags_digest
from genrelab.lab.leakage.checks import copy_versions
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.runs import folders
from genrelab.lab.training.checkpoints import LAST
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.initial_weights import weights_hash

_DIFFERENCES = {
    folders.RECIPE: "other values of the recipe",
    folders.SPLIT: "other clips",
    folders.SOUND: "other sound",
    folders.WEIGHTS: "other initial weights",
    folders.LEARNED: "other targets, unlabelled clips or guessed labels",
    folders.COPIES: "copies that were made differently",
    folders.TAGGED: "other tags of its clips",
}


def identity_of(experiment: Experiment) -> dict[str, str]:
    """Return file name -> text of the files that tell what a run is about."""
    recipe = experiment.recipe
    identity = {
        folders.RECIPE: dump_recipe(recipe),
        folders.SPLIT: split_text(experiment.corpus, experiment.split),
        folders.SOUND: f"{experiment.sound_key()}\n",
    }
    weights = weights_hash(recipe.training)
    if weights is not None:
        identity[folders.WEIGHTS] = f"{weights}\n"
    if learned := experiment.learned_digest():
        identity[folders.LEARNED] = f"{learned}\n"
    if versions := copy_versions(recipe):
        identity[folders.COPIES] = "".join(f"{version}\n" for version in versions)
    if tagged := tags_digest(experiment.corpus):
        identity[folders.TAGGED] = f"{tagged}\n"
    return identity


def claim(
    folder: Path,
    identity: Mapping[str, str],
    *,
    remedy: str = "choose another --out, or --restart to replace it",
) -> None:
    """Write what a run is about into its folder.

    Parameters
    ----------
    folder : Path
    identity : mapping of str to str
        See `identity_of`.
    remedy : str
        For the message of an error: what to do if the folder is about something else.

    Raises
    ------
    RunError
        If the folder is about something else; then nothing is changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    claimed = [name for name in identity if (folder / name).is_file()]
    if not claimed and (folder / LAST).exists():
        raise RunError(
            f"{folder} holds a training of unknown origin; {remedy}",
            code="run-of-unknown-origin",
        )
    for difference in differences(folder, identity):
        raise RunError(f"{folder} holds a run with {difference}; {remedy}", code="another-run")
    for name in identity.keys() - set(claimed):
        replace_text(folder / name, identity[name])


def differences(folder: Path, identity: Mapping[str, str]) -> list[str]:
    """Return, in words, in what the run of a folder differs; empty for an unclaimed folder."""
    claimed = any((folder / name).is_file() for name in identity)
    return [
        words
        for name, words in _DIFFERENCES.items()
        if _differs(folder / name, identity.get(name), claimed=claimed)
    ]


def _differs(file: Path, text: str | None, *, claimed: bool) -> bool:
    """Whether a file of a claimed folder, or its absence, says that the folder is about something else."""
    if not claimed:
        return False
    if file.is_file():
        if text is None:
            return file.name == folders.TAGGED
        return file.read_bytes() != text_bytes(text)
    # Runs of earlier versions lack other files; tags they did not have.
    return file.name == folders.TAGGED and text is not None
