"""Which runs are fused with each other: those of one split, each network once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from genrelab.errors import RunError, UsageError
from genrelab.lab.models.build import loss_of
from genrelab.lab.runs import folders
from genrelab.lab.runs.folders import Run


def by_split(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Return the runs of each split, in one order of networks.

    Raises
    ------
    UsageError
        If the runs are of different corpora, genres or splits, a network is there twice, there are fewer than
        two, or genres are independent.
    """
    once = list({run.folder.resolve(): run for run in runs}.values())
    corpora = {(each.record.corpus.name, each.record.corpus.recordings_sha256) for each in once}
    if len(corpora) > 1 or len({run.genres for run in once}) > 1:
        names = ", ".join(sorted({each.record.corpus.name for each in once}))
        raise UsageError(
            f"the runs were trained on different corpora or genres ({names}); fuse runs of one corpus",
            code="fusion-corpora-differ",
        )
    several = next((run for run in once if loss_of(run.recipe.training).independent), None)
    if several is not None:
        raise UsageError(
            f"{several.folder} has independent genres (training.loss={several.recipe.training.loss.kind}), "
            "whose probabilities do not share a sum; fuse runs whose genres exclude each other",
            code="fusion-independent-genres",
        )
    groups: dict[str, dict[tuple[str, int], Run]] = {}
    for run in once:
        group = groups.setdefault(file_digest(run.folder / folders.SPLIT), {})
        twin = group.setdefault(network_of(run), run)
        if twin is not run:
            raise UsageError(
                f"{twin.folder} and {run.folder} are runs of one recipe and seed on the same split; name one "
                "of them",
                code="fusion-same-network",
            )
    networks = list(dict.fromkeys(network_of(run) for run in once))
    if len(networks) < 2:
        raise UsageError(
            "fusion needs two networks or more: runs of different recipes or seeds on the same split",
            code="fusion-one-network",
        )
    whole = [list(group.values())[0] for group in groups.values() if len(group) == len(networks)]
    for group in groups.values():
        if len(group) < len(networks):
            raise UsageError(_refusal(group, whole, once), code="fusion-splits-differ")
    return {parts: [group[each] for each in networks] for parts, group in groups.items()}


def _refusal(group: Mapping[tuple[str, int], Run], whole: Sequence[Run], runs: Sequence[Run]) -> str:
    """Say which runs have a split of their own."""
    alone = next(iter(group.values()))
    others = [run for run in runs if network_of(run) not in group]
    ours, theirs = alone.record.split, others[0].record.split
    if (ours.name, ours.seed) == (theirs.name, theirs.seed):
        return (
            f"{alone.folder} and {others[0].folder} use other clips of one split (split {ours.name}, seed "
            f"{ours.seed}): their recipes differ in leave_out, training.clips_share or "
            "training.choose_epoch_on, or one was trained with --exclude. Train both with the same values"
        )
    reason = (
        "fusing them would test networks on clips that others were trained on"
        if not whole
        else "every network needs the same folds"
    )
    return (
        f"{alone.folder} (split {ours.name}, seed {ours.seed}) has other parts than {others[0].folder} "
        f"(split {theirs.name}, seed {theirs.seed}): {reason}. Train all recipes with the same --split and "
        "--split-seed, and name the same folds of each"
    )


def network_of(run: Run) -> tuple[str, int]:
    """Return what makes runs of one split the same network: recipe and seed."""
    return run.record.recipe_sha256 or run.record.recipe, run.record.seed


def split_name(run: Run, taken: Mapping[str, object]) -> str:
    """Name a split; with its seed where another one has the same name."""
    split = run.record.split
    return f"{split.name}, seed {split.seed}" if split.name in taken else split.name


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file of a run."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(
            f"cannot read {path}: {error.strerror}; a run is fused from its folder as it was trained. Train "
            "it again with --restart",
            code="run-file-unreadable",
        ) from error
