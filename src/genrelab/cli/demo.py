"""`genrelab demo`: the whole way once, on generated music."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from genrelab.cli.progress import counting, note, say, say_text

RECIPE = "demo/quick"
CORPUS = "synthetic:tracks=40,seconds=10,seed=0"


def demo(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Music of your own to recognize at the end.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where run, report and model are put.")] = Path("demo"),
    restart: Annotated[bool, typer.Option("--restart", help="Train again, not go on.")] = False,
) -> None:
    """Train SoundFusion-1 on generated music, test it, export it, recognize files with it.

    The music is composed by rules: good enough to try everything out, but a model that learned it knows
    nothing of real music. What it says of your own files is not to be trusted.
    """
    import soundfile

    from genrelab.lab.corpora.registry import load_corpus
    from genrelab.lab.corpora.splits.make_split import make_split
    from genrelab.lab.experiment.run import run_experiment
    from genrelab.lab.findings.wording import sentence
    from genrelab.lab.metrics.summary import summary
    from genrelab.lab.recipes import load_recipe
    from genrelab.lab.runs.folders import MODEL, REPORT
    from genrelab.lab.training.experiment import Experiment
    from genrelab.recognize import Recognizer

    recipe = load_recipe(RECIPE)
    music = load_corpus(CORPUS)
    split = make_split(music, "published", seed=0)
    note(f"1. composing {len(music.clips)} tracks of generated music in {len(music.genres)} styles")
    note(f"2. training: {recipe.title}")
    with counting() as report:
        run = run_experiment(
            Experiment(recipe, music, split, 0, report), base=out, restart=restart, source=CORPUS
        )
    note(f"3. testing on {len(split.test)} tracks by made-up artists whom it never heard")
    say_text(summary(run.record.evaluation.model_dump(mode="json"), recipe.voting))
    for finding in run.record.findings:
        note(f"note: {sentence(finding)}")

    for name in (MODEL, REPORT):
        shutil.copyfile(run.folder / name, out / name)
    clip = music.by_id()[split.test[0]]
    assert music.renderer is not None
    track = out / "held-out.mp3"
    soundfile.write(track, music.renderer(clip, 44100, 2).T, 44100)
    note(f"4. recognizing MP3 files with {out / MODEL}, without PyTorch")
    recognizer = Recognizer.load(out / MODEL)
    for path in [track, *(files or [])]:
        answer = recognizer(path)
        sure = answer.reason or f"{answer.confidence or 0:.0%}"
        said = answer.error or f"{answer.genre} ({sure})"
        say(f"{path}: {said}{f', composed as {clip.genre}' if path == track else ''}")
    if files:
        note("note: this model learned generated music alone; of real music it knows nothing")
    say(f"report: {out / REPORT}")
    say(f"now try: {sys.argv[0]} recognize SONG.mp3 --model {out / MODEL}")
