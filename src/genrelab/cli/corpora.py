"""`genrelab corpora`: list, fetch, inspect, render, verify, audit and share corpora."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.corpora_lists import compare_with_list, export_list
from genrelab.cli.fetch import fetch_corpus
from genrelab.cli.plugins import Plugins
from genrelab.cli.progress import counting, say, say_json, say_text

if TYPE_CHECKING:
    from genrelab.lab.corpora.types import Corpus

app = typer.Typer(help="Work with labelled corpora.", no_args_is_help=True)
Format = Annotated[Literal["table", "json"], typer.Option(help="Output format.")]


@app.command("list")
def list_corpora(format: Format = "table", plugin: Plugins = None) -> None:
    """List the kinds of corpus, with an example for the command line.

    Example: genrelab corpora list
    """
    from genrelab.lab.corpora.registry import corpora

    kinds = corpora()
    if format == "json":
        keys = ("name", "summary", "licence", "spec")
        say_json([{key: getattr(kind, key) for key in keys} for kind in kinds])
        return
    from rich.table import Table

    from genrelab.console import PlainConsole

    table = Table("name", "what", "licence", "example", box=None)
    for kind in kinds:
        table.add_row(kind.name, kind.summary, kind.licence, kind.spec)
    PlainConsole().print(table)


@app.command()
def show(
    corpus: Annotated[str, typer.Argument(help="NAME:PATH.")],
    split: Annotated[str | None, typer.Option(help="Also make this split, and check it for leaks.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 0,
    exclude: Annotated[Path | None, typer.Option(help="List of clips to exclude from the split.")] = None,
    format: Format = "table",
    plugin: Plugins = None,
) -> None:
    """Count the clips of a corpus by genre and tag; with --split, also the clips in each part.

    Example: genrelab corpora show folder:/music/by-genre --split artist
    """
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits.exclusions import read_exclusions
    from genrelab.lab.corpora.splits.make_split import make_split

    music = load_corpus(corpus)
    clips = Counter(genre for clip in music.clips for genre in clip.genres or (None,))
    record: dict[str, object] = {
        "name": music.name,
        "licence": music.licence,
        "citation": music.citation,
        "clips": {genre: clips[genre] for genre in music.genres},
        "unlabelled": sum(not clip.annotated for clip in music.clips),
        "artists": len({clip.artist for clip in music.clips if clip.artist}),
        "skipped": dict(music.skipped),
        "published_splits": list(music.published_splits),
    }
    if music.tags:
        record |= _tags(music)
    if split is not None:
        from genrelab.lab.findings.wording import checked

        left_out = read_exclusions(exclude, music) if exclude else ()
        made = make_split(music, split, seed=seed, exclude=left_out)
        record["split"] = {
            "name": made.name,
            "made": made.made,
            "clips": {part: len(getattr(made, part)) for part in ("train", "valid", "test")},
            "checks": checked(made.findings),
        }
    if format == "json":
        say_json(record)
        return
    from genrelab.lab.findings.skipped import skipped_alike
    from genrelab.lab.findings.wording import skipped_lines
    from genrelab.printing import yaml_text

    record["skipped"] = skipped_lines(skipped_alike(music.skipped))
    say_text(yaml_text(record))


def _tags(music: Corpus) -> dict[str, object]:
    """Count the clips of each tag, and clips with tags and no genre; name the tags that can be learned."""
    from genrelab.lab.corpora.tag_table import usable_tags

    counts = Counter(tag for clip in music.clips for tag in clip.tags or ())
    return {
        "tags": {tag: counts[tag] for tag in music.tags},
        "usable_tags": list(usable_tags(music)),
        "tags_only": sum(clip.annotated and clip.genre is None for clip in music.clips),
    }


@app.command()
def render(
    to: Annotated[Path, typer.Argument(help="Folder to write to; it gets one folder per genre.")],
    corpus: Annotated[
        str, typer.Option(help="A corpus without files.")
    ] = "synthetic:tracks=2,seconds=10,seed=0",
    rate: Annotated[int, typer.Option(min=8000, max=96000, help="Sample rate in Hz.")] = 44100,
    format: Annotated[Literal["wav", "flac", "mp3"], typer.Option(help="Format of the files.")] = "wav",
    plugin: Plugins = None,
) -> None:
    """Write the clips of a generated or changed corpus as sound files.

    Example: genrelab corpora render coded --corpus mp3:gtzan:/data/GTZAN
    """
    import soundfile

    from genrelab.errors import CorpusError
    from genrelab.lab.corpora.registry import load_corpus

    music = load_corpus(corpus)
    if music.renderer is None:
        message = f"{music.name} already consists of files; render a generated or changed corpus"
        raise CorpusError(message, code="corpus-not-rendered")
    with counting() as report:
        for done, clip in enumerate(music.clips, start=1):
            path = to / f"{clip.id}.{format}"
            if not path.resolve().is_relative_to(to.resolve()):
                message = f"the clip {clip.id!r} would be written outside {to}. Rename it"
                raise CorpusError(message, code="clip-path-outside")
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, music.renderer(clip, rate, 2).T, rate)
            report("rendering", done, len(music.clips))
    say(f"{len(music.clips)} files in {to}")


@app.command()
def verify(
    corpus: Annotated[str, typer.Argument(help="NAME:PATH.")],
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Compare the files with this index instead of decoding them; mirdata's, too."
        ),
    ] = None,
    write_index: Annotated[
        Path | None,
        typer.Option("--write-index", metavar="FILE", help="Write the checksums of the files, for --index."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an index that is there.")] = False,
    list: Annotated[
        Path | None,
        typer.Option("--list", metavar="FOLDER", help="Compare with a list of `genrelab corpora export`."),
    ] = None,
    format: Format = "table",
    plugin: Plugins = None,
) -> None:
    """Decode every clip of a corpus, or compare its files with an index; exit code 1 if something is wrong.

    Example: genrelab corpora verify gtzan:/data/GTZAN

    First --write-index gtzan.json, later --index gtzan.json: that lists clips that are missing, changed
    (their content or their genre) or added since. --list does the same with a list that somebody shares.
    """
    from genrelab.errors import UsageError
    from genrelab.lab.corpora.registry import load_corpus

    if index is not None and write_index is not None:
        raise UsageError("--index and --write-index exclude each other", code="index-and-write-index")
    if list is not None and (index is not None or write_index is not None):
        raise UsageError("--list excludes --index and --write-index", code="index-and-list")
    music = load_corpus(corpus)
    if list is not None:
        compare_with_list(music, list, format)
    elif write_index is not None:
        _write_index(music, write_index, overwrite=overwrite)
    elif index is not None:
        _compare(music, index, format)
    else:
        _decode(music, format)


def _write_index(music: Corpus, path: Path, *, overwrite: bool) -> None:
    from genrelab.lab.corpora.checksums import make_index, require_free, write_index

    require_free(path, overwrite=overwrite)  # before an hour of reading
    with counting() as report:
        made = make_index(music, report=report)
    write_index(path, made, overwrite=overwrite)
    say(f"{len(made.clips)} clips in {path}")


def _compare(music: Corpus, path: Path, format: str) -> None:
    from genrelab.lab.corpora.checksums import compare_index, read_index

    with counting() as report:
        found = compare_index(music, read_index(path), report=report)
    if format == "json":
        lists = {"missing": list(found.missing), "changed": dict(found.changed), "added": list(found.added)}
        say_json({"same": found.same, **lists})
    else:
        say(*(f"missing  {clip_id}" for clip_id in found.missing))
        say(*(f"changed  {clip_id}: {what}" for clip_id, what in found.changed.items()))
        say(*(f"added    {clip_id}" for clip_id in found.added))
        numbers = f"{len(found.missing)} missing, {len(found.changed)} changed, {len(found.added)} added"
        say(f"{found.same} clips are as in the index, {numbers}")
    if not found.unchanged:
        raise typer.Exit(1)


def _decode(music: Corpus, format: str) -> None:
    from genrelab.lab.corpora.verify import verify_corpus
    from genrelab.lab.findings.skipped import skipped_alike
    from genrelab.lab.findings.wording import skipped_lines

    found = verify_corpus(music)
    faults = {"skipped": dict(found.skipped), "unreadable": dict(found.unreadable)}
    if format == "json":
        say_json({"readable": found.readable, **faults})
    else:
        say(*(f"skipped  {line}" for line in skipped_lines(skipped_alike(found.skipped))))
        say(*(f"unreadable  {clip_id}: {reason}" for clip_id, reason in found.unreadable.items()))
        say(f"{found.readable} clips can be read, {sum(map(len, faults.values()))} cannot")
    if not found.complete:
        raise typer.Exit(1)


@app.command()
def audit(
    corpus: Annotated[str, typer.Argument(help="NAME:PATH.")],
    split: Annotated[
        str | None,
        typer.Option(help="Also report what parts of this split share, e.g. published, random."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the split.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for page, tables and list; audit/<corpus> by default.")
    ] = None,
    shortest: Annotated[float, typer.Option(min=0, help="A clip with fewer seconds is a fault.")] = 1.0,
    jobs: Annotated[int, typer.Option(min=1, help="Clips processed in parallel.")] = os.cpu_count() or 1,
    format: Format = "table",
    plugin: Plugins = None,
) -> None:
    """Find repeated recordings, artists in several parts of a split, and broken clips.

    Example: genrelab corpora audit gtzan:/data/GTZAN --split published

    Writes audit.html, pairs.csv, faults.csv, audit.json, and exclude.txt for `genrelab train --exclude`. The
    exit code is 0 whatever the audit finds.
    """
    from genrelab.lab.audit import audit_corpus, write_audit
    from genrelab.lab.audit.writing import EXCLUDE, PAGE
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits.make_split import make_split

    music = load_corpus(corpus)
    parts = None if split is None else make_split(music, split, seed=seed)
    folder = out or Path("audit") / music.name
    with counting() as report:
        found = audit_corpus(music, split=parts, shortest=shortest, jobs=jobs, report=report)
    write_audit(folder, found)
    if format == "json":
        say_json({"folder": str(folder), **found.to_dict()})
        return
    for pair in found.pairs:
        where = "  in two parts of the split" if found.crosses(pair) else ""
        say(f"{pair.kind}  {pair.first}  {pair.second}  score {pair.score:.2f}{where}")
    for fault, count in Counter(fault.kind for fault in found.faults).items():
        say(f"{fault}  {count} clips")
    if found.artists:
        say(f"artist in two parts of the split  {len(found.artists)} artists")
    say(f"{len(found.repetitions)} repetitions among {len(music.clips)} clips")
    say(f"page    {folder / PAGE}", f"exclude {folder / EXCLUDE} ({len(found.excluded)} clips)")


app.command("fetch")(fetch_corpus)
app.command("export")(export_list)
