"""`genrelab demo`: the whole way once, on generated music."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from genrelab.cli.progress import counting, note

RECIPE = "demo/quick"
CORPUS = "synthetic:tracks=30,seconds=10,seed=0"


def demo(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Music of your own to recognize at the end.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where run, report and model are put.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Train SoundFusion-1 on generated music, test it, export it, recognize files with it.

    The corpus is composed by rules: good enough to try everything out, but a model that learned it knows
    nothing of real music. What it says of your own files is not to be trusted.
    """
    import soundfile

    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits import make_split
    from genrelab.lab.evaluation.experiment import run_experiment
    from genrelab.lab.evaluation.runs import MODEL, REPORT
    from genrelab.lab.evaluation.summary import summary
    from genrelab.lab.recipes import load_recipe
    from genrelab.recognize import Recognizer

    note("1. composing ten styles of generated music (no real music), 30 tracks each")
    music = load_corpus(CORPUS)
    split = make_split(music, "published", seed=seed)
    recipe = load_recipe(RECIPE)
    note(f"2. training {recipe.title}")
    with counting("rendering") as report:
        run = run_experiment(recipe, music, split, base=out, seed=seed, report=report)
    note(f"3. testing on {len(split.test)} tracks by styles' artists that it never heard")
    print(summary(run.metrics["evaluation"], recipe.voting))

    note("4. recognizing a held-out track, as an MP3 file, with the exported model and without PyTorch")
    clip = music.by_id()[split.test[0]]
    assert music.renderer is not None
    track = out / f"{clip.id.replace('/', '-')}.mp3"
    soundfile.write(track, music.renderer(clip, 44100, 2).T, 44100)
    recognizer = Recognizer.load(run.folder / MODEL)
    for path in [track, *(files or [])]:
        answer = recognizer(path)
        said = f"{answer.genre} ({answer.confidence:.0%})" if answer.error is None else answer.error
        print(f"{path}: {said}")
    print(f"it was composed as {clip.genre}")
    if files:
        note("note: this model learned generated music alone; on real music it guesses")
    print(f"report  {run.folder / REPORT}\nmodel   {run.folder / MODEL}")
    if not math.isfinite(run.metrics["evaluation"]["track"][recipe.voting]["accuracy"]["value"]):
        raise typer.Exit(1)
