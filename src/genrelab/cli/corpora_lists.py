"""`genrelab corpora export`, and `corpora verify --list`: lists of clips, splits and leaks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, say, say_json

if TYPE_CHECKING:
    from genrelab.lab.corpora.types import Corpus


def export_list(
    corpus: Annotated[str, typer.Argument(help="NAME:PATH.")],
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write.")],
    split: Annotated[
        str | None, typer.Option(help="The split to share, e.g. published, artist, kfold:0/10.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the split.")] = 0,
    exclude: Annotated[Path | None, typer.Option(help="List of clips to exclude from the split.")] = None,
    artists: Annotated[
        Literal["groups", "names", "none"],
        typer.Option(help="groups numbers the artists, names names them, none leaves them out."),
    ] = "groups",
    audit: Annotated[
        bool,
        typer.Option("--audit/--no-audit", help="Decode the clips: lengths, digests, repeated recordings."),
    ] = True,
    licence: Annotated[str, typer.Option(help="Licence of the list, such as CC0-1.0.")] = "unknown",
    url: Annotated[str | None, typer.Option(metavar="URL", help="The page where you publish it.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Clips processed in parallel.")] = os.cpu_count() or 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier list.")] = False,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    plugin: Plugins = None,
) -> None:
    """Write clips, split and leaks of a corpus as a list that you may share: no music is in it.

    Example: genrelab corpora export gtzan:GTZAN --split published --to gtzan-list

    Others train on it with --split file:gtzan-list, and compare it with their copy of the music with
    genrelab corpora verify CORPUS --list gtzan-list. Its croissant.json describes it for search engines.
    """
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits.exclusions import read_exclusions
    from genrelab.lab.corpora.splits.make_split import make_split
    from genrelab.lab.sharing import Wishes, write_list

    music = load_corpus(corpus)
    left_out = read_exclusions(exclude, music) if exclude else ()
    made = None if split is None else make_split(music, split, seed=seed, exclude=left_out)
    wishes = Wishes(artists, audit, licence, url, jobs)
    with counting() as report:
        facts = write_list(music, made, to, wishes, overwrite=overwrite, report=report)
    if format == "json":
        say_json({"folder": str(to), **facts.model_dump()})
        return
    say(f"{len(music.clips)} clips in {to}")
    if facts.split is not None:
        say(*(f"split   {part} {count}" for part, count in facts.split["clips"].items()))
        say(*(f"        {question}: {answer}" for question, answer in facts.split["checks"].items()))
    if facts.audit is not None:
        crossing = facts.audit["repetitions_in_two_parts"]
        say(f"audit   {facts.audit['repetitions']} repetitions, {crossing} in two parts of the split")


def compare_with_list(music: Corpus, folder: Path, format: str) -> None:
    """Compare a corpus with a list, and print what differs; exit code 1 if something does."""
    from genrelab.lab.sharing import compare_list, read_list

    with counting() as report:
        found = compare_list(music, read_list(folder), jobs=os.cpu_count() or 1, report=report)
    if format == "json":
        say_json(found.to_dict())
    else:
        say(*(f"missing  {clip_id}: {why}" for clip_id, why in found.missing.items()))
        say(*(f"differs  {clip_id}: {what}" for clip_id, what in found.differs.items()))
        say(*(f"added    {clip_id}" for clip_id in found.added))
        same = found.same + len(found.other_file)
        unknown = f", {len(found.not_compared)} without a digest" if found.not_compared else ""
        numbers = f"{len(found.missing)} missing, {len(found.differs)} differ, {len(found.added)} added"
        say(f"{same} clips are as in the list ({len(found.other_file)} in other files), {numbers}{unknown}")
    if not found.agrees:
        raise typer.Exit(1)
