"""`genrelab corpora`: what can be trained on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.progress import counting

app = typer.Typer(help="The labelled collections that genrelab reads.", no_args_is_help=True)
Format = Annotated[Literal["table", "json"], typer.Option(help="How to print.")]


@app.command("list")
def list_corpora(format: Format = "table") -> None:
    """List the kinds of corpus, with an example of how each is named on the command line."""
    from genrelab.lab.corpora.registry import corpora

    kinds = corpora()
    if format == "json":
        keys = ("name", "summary", "licence", "spec")
        print(json.dumps([{key: getattr(kind, key) for key in keys} for kind in kinds], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "what", "licence", "example", box=None)
    for kind in kinds:
        table.add_row(kind.name, kind.summary, kind.licence, kind.spec)
    Console().print(table)


@app.command()
def show(
    corpus: Annotated[str, typer.Argument(help="NAME:PATH.")],
    split: Annotated[str | None, typer.Option(help="Also make this split and check it for leaks.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 0,
    format: Format = "table",
) -> None:
    """Count a corpus's clips and artists by genre; with --split, show what it puts where."""
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits import make_split

    music = load_corpus(corpus)
    clips = Counter(clip.genre for clip in music.clips)
    record: dict[str, object] = {
        "name": music.name,
        "licence": music.licence,
        "citation": music.citation,
        "clips": {genre: clips[genre] for genre in music.genres},
        "unlabelled": clips[None],
        "artists": len({clip.artist for clip in music.clips if clip.artist}),
        "skipped": dict(music.skipped),
        "published_splits": list(music.published_splits),
    }
    if split is not None:
        made = make_split(music, split, seed=seed)
        record["split"] = {
            "name": made.name,
            "made": made.made,
            "clips": {part: len(getattr(made, part)) for part in ("train", "valid", "test")},
            "checks": dict(made.checks),
        }
    if format == "json":
        print(json.dumps(record, indent=2, ensure_ascii=False))
        return
    import yaml

    print(yaml.safe_dump(record, sort_keys=False, allow_unicode=True), end="")


@app.command()
def render(
    to: Annotated[Path, typer.Argument(help="A folder; gets one folder a genre.")],
    corpus: Annotated[str, typer.Option(help="A generated corpus.")] = "synthetic:tracks=2,seconds=10,seed=0",
    rate: Annotated[int, typer.Option(min=8000, max=96000, help="Hz.")] = 44100,
    format: Annotated[Literal["wav", "flac", "mp3"], typer.Option(help="Of the files.")] = "wav",
) -> None:
    """Write the clips of a generated corpus as sound files, to listen to."""
    import soundfile

    from genrelab.errors import CorpusError
    from genrelab.lab.corpora.registry import load_corpus

    music = load_corpus(corpus)
    if music.renderer is None:
        raise CorpusError(f"{music.name} is read from files; only a generated corpus can be rendered")
    with counting() as report:
        for done, clip in enumerate(music.clips, start=1):
            path = to / f"{clip.id}.{format}"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, music.renderer(clip, rate, 2).T, rate)
            report("rendering", done, len(music.clips))
    print(f"{len(music.clips)} files in {to}")


@app.command()
def verify(corpus: Annotated[str, typer.Argument(help="NAME:PATH.")], format: Format = "table") -> None:
    """Decode every clip of a corpus and name those that are missing or broken; exit code 1 if any."""
    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.verify import verify_corpus

    found = verify_corpus(load_corpus(corpus))
    faults = {"skipped": dict(found.skipped), "unreadable": dict(found.unreadable)}
    if format == "json":
        print(json.dumps({"readable": found.readable, **faults}, indent=2, ensure_ascii=False))
    else:
        for what, clips in faults.items():
            for clip_id, reason in clips.items():
                print(f"{what}  {clip_id}: {reason}")
        print(f"{found.readable} clips can be read, {sum(map(len, faults.values()))} cannot")
    if not found.complete:
        raise typer.Exit(1)
