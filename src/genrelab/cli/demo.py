"""`genrelab demo`: train, test, export and recognize once, on generated music."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelab.cli.progress import counting, note, say, say_text
from genrelab.errors import UsageError

if TYPE_CHECKING:
    from genrelab.lab.corpora.types import Clip, Corpus

RECIPE = "demo/quick"
CORPUS = "synthetic:tracks=40,seconds=10,seed=0"
PIECE, PIECES = "jazz/0000", "tracks=3,seconds=30,seed=0"  # a piece with a clear answer
FORMATS = (".flac", ".mp3", ".ogg", ".wav")
SAMPLE_RATE = 44_100


def demo(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Your own files to recognize at the end.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder for the run, report and model.")] = Path("demo"),
    restart: Annotated[
        bool, typer.Option("--restart", help="Train again from the start, not from where it stopped.")
    ] = False,
    compose: Annotated[
        Path | None,
        typer.Option(help="Only compose one short piece and save it in this new file. Needs no PyTorch."),
    ] = None,
) -> None:
    """Train SoundFusion-1 on generated music, test and export it, and recognize files with it.

    Example: genrelab demo song.mp3

    The music is composed by rules. It is enough to try every step, but the model learns nothing about real
    music: do not trust its answers for your own files.
    """
    if compose is not None:
        return _compose(compose)

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
    note(f"3. testing on {len(split.test)} tracks by invented artists that are not in the training part")
    say_text(summary(run.record.evaluation.model_dump(mode="json"), recipe.voting))
    for finding in run.record.findings:
        note(f"note: {sentence(finding)}")

    for name in (MODEL, REPORT):
        shutil.copyfile(run.folder / name, out / name)
    clip = music.by_id()[split.test[0]]
    track = out / "held-out.mp3"
    _save(music, clip, track)
    note(f"4. recognizing MP3 files with {out / MODEL}, without PyTorch")
    recognizer = Recognizer.load(out / MODEL)
    for path in [track, *(files or [])]:
        answer = recognizer(path)
        sure = answer.reason or f"{answer.confidence or 0:.0%}"
        predicted = answer.error or f"{answer.genre} ({sure})"
        say(f"{path}: {predicted}{f', composed as {clip.genre}' if path == track else ''}")
    if files:
        note("note: this model is trained on generated music only; it knows nothing about real music")
    say(f"report: {out / REPORT}")
    say(f"next: {sys.argv[0]} recognize SONG.mp3 --model {out / MODEL}")


def _compose(path: Path) -> None:
    from genrelab.lab.corpora import synthetic

    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path} has another suffix than {', '.join(FORMATS)}", code="piece-format")
    if path.exists():
        raise UsageError(f"{path} exists. Give --compose the name of a new file", code="piece-exists")
    pieces = synthetic.load(PIECES)
    clip = pieces.by_id()[PIECE]
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(pieces, clip, path)
    length = f"{clip.duration:.0f} seconds of {clip.genre}"
    note(f"{path}: {length}, composed and synthesized by rules. It is not a recording.")


def _save(corpus: Corpus, clip: Clip, path: Path) -> None:
    import soundfile

    assert corpus.renderer is not None
    soundfile.write(path, corpus.renderer(clip, SAMPLE_RATE, 2).T, SAMPLE_RATE)
