"""Teach a model your own genres from a few examples of each.

pip install 'genrelab[teach,notebooks]'
marimo run notebooks/teach.py -- --folder /music/by-genre --to mine.onnx
"""

import marimo

__generated_with = "0.20.0"
app = marimo.App(width="medium", app_title="Teach your own genres")


@app.cell
def _():
    import tempfile
    from html import escape
    from pathlib import Path

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import soundfile

    from genrelab import Recognizer
    from genrelab.bundle.find import find_model
    from genrelab.lab.corpora import synthetic
    from genrelab.library import Library
    from genrelab.pages.palette import assign
    from genrelab.teach.sources.labelled import read_folders
    from genrelab.teach.sources.names import Naming
    from genrelab.teach.teaching import TeachSettings
    from genrelab.teach.workflow import Means, check_target, learn, write_result

    plt.rcParams.update(
        {"axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110, "font.size": 10}
    )
    return (
        Library,
        Means,
        Naming,
        Path,
        Recognizer,
        TeachSettings,
        assign,
        check_target,
        escape,
        find_model,
        learn,
        mo,
        np,
        plt,
        read_folders,
        soundfile,
        synthetic,
        tempfile,
        write_result,
    )


@app.cell
def _(mo):
    mo.md("""
    # Teach your own genres

    The network of the package has learned what music sounds like. To know *your* genres, it needs only a few
    examples of each: five are enough to begin. No GPU and no PyTorch are needed.

    Give a folder with one subfolder per genre. Without one, the notebook composes pieces in four styles by
    rule, and puts one of them into the wrong folder on purpose.
    """)
    return


@app.cell
def _(mo):
    given = mo.cli_args()
    folder_field = mo.ui.text(
        value=str(given.get("folder") or ""), label="Folder with one subfolder per genre",
        placeholder="/music/by-genre", full_width=True,
    )  # fmt: skip
    target_field = mo.ui.text(
        value=str(given.get("to") or ""), label="Model file to write", placeholder="a temporary file",
        full_width=True,
    )  # fmt: skip
    fewest_field = mo.ui.slider(
        2, 20, value=int(given.get("fewest") or 5), label="Fewest examples", show_value=True
    )
    precision_field = mo.ui.slider(
        0.5, 0.95, step=0.05, value=0.8, label="Answers that should be right", show_value=True
    )
    mo.vstack(
        [folder_field, target_field, mo.hstack([fewest_field, precision_field], justify="start", gap=2)]
    )
    return fewest_field, folder_field, precision_field, target_field


@app.cell
def _(Path, escape, folder_field, mo, soundfile, synthetic, tempfile):
    STYLES = ("classical", "disco", "metal", "reggae")
    scratch = tempfile.TemporaryDirectory(prefix="genrelab-")

    def compose(into):
        """Write seven composed pieces of each style, and return the one that is in the wrong folder."""
        pieces = synthetic.load("tracks=7,seconds=6,seed=0")
        moved = into / "metal" / "classical-0000.mp3"
        for piece in pieces.clips:
            if piece.genre in STYLES:
                path = into / piece.genre / f"{piece.id.replace('/', '-')}.mp3"
                if path.name == moved.name:
                    path = moved
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, pieces.renderer(piece, 44_100, 2).T, 44_100)
        return moved

    planted = None
    examples_folder = Path(folder_field.value).expanduser()
    if folder_field.value:
        missing = not examples_folder.is_dir()
        nothing = mo.Html(escape(f"There is no folder {examples_folder}."))
        mo.stop(missing, mo.callout(nothing, kind="warn"))
    else:
        examples_folder = Path(scratch.name) / "by-genre"
        with mo.status.spinner("Composing"):
            planted = compose(examples_folder)
    return examples_folder, planted, scratch


@app.cell
def _(
    Library,
    Means,
    Naming,
    Path,
    Recognizer,
    TeachSettings,
    check_target,
    examples_folder,
    fewest_field,
    find_model,
    learn,
    mo,
    precision_field,
    read_folders,
    scratch,
    target_field,
    write_result,
):
    base_file = find_model()
    target = Path(target_field.value or Path(scratch.name) / "mine.onnx").expanduser()
    check_target(target, [base_file])
    base = Recognizer.load(base_file)
    labels = read_folders(examples_folder)
    settings = TeachSettings(precision=precision_field.value)
    with mo.status.spinner("Teaching"), Library(Path(scratch.name) / "library.db") as library:
        outcome, everything = learn(
            labels, Naming.of("as-written"), Means(library, base), settings, fewest=fewest_field.value
        )
        write_result(outcome.taught, everything, target, base, base_file)
    taught = outcome.taught
    return outcome, target, taught


@app.cell
def _(assign, taught):
    genres = taught.head.genres
    colours = {genre: colour for genre, (colour, _) in assign(genres, variants=2).items()}
    return colours, genres


@app.cell
def _(mo, taught):
    figures = taught.figures

    def share(estimate):
        return f"{estimate.value:.1%}"

    def interval(estimate):
        return f"95 % interval {estimate.low:.1%} to {estimate.high:.1%}"

    mo.vstack(
        [
            mo.md("## How good it is, on examples that were held out"),
            mo.hstack(
                [
                    mo.stat(
                        share(figures.balanced_accuracy), label="balanced accuracy",
                        caption=interval(figures.balanced_accuracy), bordered=True,
                    ),
                    mo.stat(
                        str(figures.examples), label="examples", caption=f"{figures.groups} groups",
                        bordered=True,
                    ),
                    mo.stat(
                        f"{figures.threshold.confidence:.0%}", label="threshold",
                        caption=f"{figures.threshold.answered:.0%} of tracks get an answer", bordered=True,
                    ),
                ],
                widths="equal",
            ),
            mo.md(
                "Nothing says which examples are by one artist or of one album, so each was held out by "
                "itself. If some are, the figures are higher than on new artists."
                if figures.groups == figures.examples
                else "Examples were held out by artist or album."
                if taught.by_group
                else "The examples do not tell artists or albums apart, so they were held out track "
                "by track: the figures are higher than on new artists."
            ),
        ]
    )  # fmt: skip
    return (figures,)


@app.cell
def _(colours, figures, genres, np, plt, taught):
    def draw_judgement():
        """Draw the recall of each genre, and the accuracy with fewer examples."""
        figure, (bars, curve) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
        recalls = [each.recall.value for each in figures.genres]
        at = np.arange(len(genres))
        bars.barh(at, recalls, color=[colours[genre] for genre in genres])
        bars.set_yticks(at, [f"{each.genre} ({each.examples})" for each in figures.genres])
        bars.set(xlim=(0, 1), title="Recall of each genre (examples)")
        bars.invert_yaxis()
        points = taught.curve
        curve.plot(
            [each.examples for each in points], [each.quality for each in points], "o-", color="#3d85e0"
        )
        curve.set(ylim=(0, 1.02), xlabel="examples per genre", title="What more examples would bring")
        return figure

    draw_judgement()
    return


@app.cell
def _(colours, figures, genres, np, plt):
    def draw_confusion():
        """Draw the confusion matrix, each row in the colour of its genre."""
        matrix = np.asarray(figures.confusion)
        figure, axes = plt.subplots(figsize=(6, 4.5), layout="constrained")
        for i, row in enumerate(matrix):
            for j, count in enumerate(row):
                depth = count / max(1, row.sum())
                axes.add_patch(plt.Rectangle((j, i), 1, 1, color=colours[genres[i]], alpha=depth, lw=0))
                if count:
                    axes.text(j + 0.5, i + 0.5, f"{count:g}", ha="center", va="center")
        axes.set(xlim=(0, len(genres)), ylim=(len(genres), 0), xlabel="predicted", ylabel="label")
        axes.set_xticks(np.arange(len(genres)) + 0.5, genres, rotation=45, ha="right")
        axes.set_yticks(np.arange(len(genres)) + 0.5, genres)
        axes.set_title("Which genres are confused")
        return figure

    draw_confusion()
    return


@app.cell
def _(Path, genres, mo, planted, taught):
    suspects = [
        {
            "file": Path(taught.examples.paths[each.example]).name,
            "label": ", ".join(taught.examples.genres[each.example]),
            "sounds like": genres[each.genre],
            "probability": round(each.other, 2),
        }
        for each in taught.suspects
    ]
    note = "" if planted is None else f" This notebook put `{planted.name}` into the wrong folder on purpose."
    mo.vstack(
        [
            mo.md(f"## Labels that are probably wrong\n\nListen to these first.{note}"),
            mo.ui.table(suspects, selection=None) if suspects else mo.md("None."),
        ]
    )
    return (suspects,)


@app.cell
def _(Recognizer, examples_folder, mo, target):
    def try_out(model, folder):
        """Recognize one example of each genre with the new model file."""
        mine = Recognizer.load(model)
        firsts = [
            min(each.rglob("*.*"))
            for each in sorted(folder.iterdir())
            if each.is_dir() and any(each.rglob("*.*"))
        ]
        return [
            {
                "file": f"{answer.path.parent.name}/{answer.path.name}",
                "genre": answer.error or answer.genre,
                "confidence": None if answer.confidence is None else round(answer.confidence, 2),
            }
            for answer in mine.recognize_many(firsts)
        ]

    tried = try_out(target, examples_folder)
    mo.vstack(
        [
            mo.md(
                f"## Use it\n\nThe model file is `{target}`. Every command takes it:\n\n"
                f"```\ngenrelab recognize ~/Music --model {target}\n```\n\nOne example of each genre:"
            ),
            mo.ui.table(tried, selection=None),
        ]
    )
    return (tried,)


if __name__ == "__main__":
    app.run()
