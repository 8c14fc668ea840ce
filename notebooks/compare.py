"""Compare two model files on the same labelled music.

pip install 'genrelab[lab,notebooks]'
marimo run notebooks/compare.py -- --folder /music/by-genre --first A.onnx --second B.onnx
"""

import marimo

__generated_with = "0.20.0"
app = marimo.App(width="medium", app_title="Compare two models")


@app.cell
def _():
    import tempfile
    from dataclasses import replace
    from pathlib import Path

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import soundfile
    from scipy.stats import binomtest

    from genrelab import Recognizer
    from genrelab.bundle.bundle import read_facts
    from genrelab.bundle.find import find_model
    from genrelab.lab import load_corpus, make_split
    from genrelab.lab.studies.model_files import bench_model
    from genrelab.library import Library
    from genrelab.pages.palette import assign
    from genrelab.teach.sources.labelled import read_folders
    from genrelab.teach.sources.names import Naming
    from genrelab.teach.teaching import TeachSettings
    from genrelab.teach.workflow import Means, learn, write_result

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
        bench_model,
        binomtest,
        find_model,
        learn,
        load_corpus,
        make_split,
        mo,
        np,
        plt,
        read_facts,
        read_folders,
        replace,
        soundfile,
        tempfile,
        write_result,
    )


@app.cell
def _(mo):
    mo.md("""
    # Compare two models

    Is one model better than the other on your music, or is the difference chance? Both models predict the
    same tracks, and the notebook compares track by track.

    Without a second model it teaches one from half of the artists, and tests both models on the other half.
    Without a folder the music is composed by rule.
    """)
    return


@app.cell
def _(mo):
    given = mo.cli_args()
    folder_field = mo.ui.text(
        value=str(given.get("folder") or ""), label="Folder with one subfolder per genre",
        placeholder="/music/by-genre", full_width=True,
    )  # fmt: skip
    first_field = mo.ui.text(
        value=str(given.get("first") or ""), label="First model file", placeholder="the model of the package",
        full_width=True,
    )  # fmt: skip
    second_field = mo.ui.text(
        value=str(given.get("second") or ""), label="Second model file",
        placeholder="taught from half of the music", full_width=True,
    )  # fmt: skip
    mo.vstack([folder_field, first_field, second_field])
    return first_field, folder_field, second_field


@app.cell
def _(
    Path,
    find_model,
    first_field,
    folder_field,
    load_corpus,
    make_split,
    read_facts,
):
    first_model = find_model(Path(first_field.value).expanduser() if first_field.value else None)
    spec = f"folder:{folder_field.value}" if folder_field.value else "synthetic:tracks=6,seconds=6,seed=0"
    corpus = load_corpus(spec)
    split = make_split(corpus, "artist:50/50", seed=0)
    known_to_first = read_facts(first_model)[0].genres
    return corpus, first_model, known_to_first, split


@app.cell
def _(
    Library,
    Means,
    Naming,
    Path,
    Recognizer,
    TeachSettings,
    corpus,
    first_model,
    known_to_first,
    learn,
    mo,
    read_folders,
    second_field,
    soundfile,
    split,
    tempfile,
    write_result,
):
    scratch = tempfile.TemporaryDirectory(prefix="genrelab-")

    def teach_half(into):
        """Teach a model from the training part of the split."""
        chosen = corpus.by_id()
        for number, clip_id in enumerate(split.train):
            clip = chosen[clip_id]
            if clip.genre not in known_to_first:
                continue
            folder = into / "examples" / clip.genre
            folder.mkdir(parents=True, exist_ok=True)
            if clip.path is None:
                soundfile.write(folder / f"{number}.flac", corpus.renderer(clip, 22_050, 1).T, 22_050)
            else:
                (folder / f"{number}{clip.path.suffix}").symlink_to(clip.path.resolve())
        base, target = Recognizer.load(first_model), into / "taught.onnx"
        labels = read_folders(into / "examples")
        with Library(into / "library.db") as library:
            outcome, everything = learn(
                labels, Naming.of("as-written"), Means(library, base), TeachSettings(folds=3), fewest=2
            )
            write_result(outcome.taught, everything, target, base, first_model)
        return target

    if second_field.value:
        second_model, only_test = Path(second_field.value).expanduser(), False
    else:
        shared = [genre for genre in corpus.genres if genre in known_to_first]
        few = mo.callout(mo.md("The first model knows fewer than two of these genres."), kind="warn")
        mo.stop(len(shared) < 2, few)
        with mo.status.spinner("Teaching the second model"):
            second_model, only_test = teach_half(Path(scratch.name)), True
    return only_test, second_model


@app.cell
def _(
    bench_model,
    corpus,
    first_model,
    known_to_first,
    mo,
    only_test,
    read_facts,
    replace,
    second_model,
    split,
):
    known_to_second = read_facts(second_model)[0].genres
    both_know = {genre for genre in corpus.genres if genre in known_to_first and genre in known_to_second}
    none_shared = mo.callout(mo.md("The models share no genre with this music."), kind="warn")
    mo.stop(not both_know, none_shared)
    tested_ids = set(split.test) if only_test else {clip.id for clip in corpus.clips}
    tested = replace(
        corpus, clips=[clip for clip in corpus.clips if clip.id in tested_ids and clip.genre in both_know]
    )
    mapping = {genre: None for genre in corpus.genres if genre not in both_know}
    with mo.status.spinner("Testing both models"):
        first, first_predictions = bench_model(first_model, tested, mapping)
        second, second_predictions = bench_model(second_model, tested, mapping)
    return first, first_predictions, second, second_predictions


@app.cell
def _(assign, first_predictions, second_predictions):
    every_genre = {*first_predictions.genres, *second_predictions.genres}
    colours = {genre: colour for genre, (colour, _) in assign(every_genre, variants=2).items()}
    return (colours,)


@app.cell
def _(first, mo, second):
    def cell(estimate):
        return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"

    rows = {
        "recipe": lambda model: model.recipe,
        "tracks": lambda model: model.scores.n,
        "accuracy (95 % interval)": lambda model: cell(model.scores.accuracy),
        "balanced accuracy": lambda model: cell(model.scores.balanced_accuracy),
        "calibration error": lambda model: f"{model.calibration_error:.3f}",
        "tracks answered": lambda model: f"{model.answered:.0%}",
        "right, if answered": lambda model: f"{model.precision:.0%}" if model.answered else "",
        "times real time": lambda model: f"{model.times_real_time:,.0f}",
        "megabytes": lambda model: f"{model.megabytes:.1f}",
    }
    compared = [{"": name, "first": str(of(first)), "second": str(of(second))} for name, of in rows.items()]
    mo.vstack([mo.md("## Side by side"), mo.ui.table(compared, selection=None, page_size=12)])
    return


@app.cell
def _(binomtest, first_predictions, mo, second_predictions):
    def right_by_clip(predictions):
        """Return clip id -> whether the prediction is right, and the predicted genre."""
        answers = predictions.tracks("mean")
        firsts = answers.orders[:, 0]
        return {
            clip_id: (bool(guess == truth), predictions.genres[guess])
            for clip_id, guess, truth in zip(answers.clip_ids, firsts, answers.truth, strict=True)
        }

    of_first, of_second = right_by_clip(first_predictions), right_by_clip(second_predictions)
    common = [clip_id for clip_id in of_first if clip_id in of_second]
    only_first = sum(of_first[each][0] and not of_second[each][0] for each in common)
    only_second = sum(of_second[each][0] and not of_first[each][0] for each in common)
    differing = only_first + only_second
    p_value = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    verdict = (
        "The difference may be chance."
        if p_value >= 0.05
        else f"The {'first' if only_first > only_second else 'second'} model is better."
    )
    mo.vstack(
        [
            mo.md("## Track by track"),
            mo.callout(
                mo.md(
                    f"Of {len(common)} tracks, **{only_first}** are right with the first model alone and "
                    f"**{only_second}** with the second alone (McNemar p = {p_value:.3g}). {verdict}"
                ),
                kind="info",
            ),
        ]
    )
    return common, of_first, of_second, only_first, only_second, p_value


@app.cell
def _(colours, first, np, plt, second):
    def draw_recalls():
        """Draw the recall of each genre: the first model hollow, the second one filled."""
        names = [genre for genre, each in first.scores.by_genre.items() if each.support]
        at = np.arange(len(names))
        figure, axes = plt.subplots(figsize=(9, 0.6 + 0.5 * len(names)), layout="constrained")
        for row, genre in zip(at, names, strict=True):
            one, other = (model.scores.by_genre[genre].recall.value for model in (first, second))
            axes.plot([one, other], [row, row], color="#b9bec6", lw=2, zorder=1)
            axes.scatter(one, row, s=90, color="white", edgecolor=colours[genre], lw=2.5, zorder=2)
            axes.scatter(other, row, s=90, color=colours[genre], zorder=3)
        axes.set_yticks(at, names)
        axes.set(
            xlim=(-0.03, 1.03), title="Recall of each genre: hollow is the first model, filled the second"
        )
        axes.invert_yaxis()
        axes.grid(axis="x", color="#eceef1")
        axes.set_axisbelow(True)
        return figure

    draw_recalls()
    return


@app.cell
def _(common, corpus, mo, of_first, of_second):
    label_of = {clip.id: clip.genre for clip in corpus.clips}
    apart = [
        {"track": each, "label": label_of[each], "first": of_first[each][1], "second": of_second[each][1]}
        for each in common
        if of_first[each][1] != of_second[each][1]
    ]
    mo.vstack(
        [
            mo.md(f"## Where they disagree\n\n{len(apart)} of {len(common)} tracks."),
            mo.ui.table(apart, selection=None, page_size=10) if apart else mo.md(""),
        ]
    )
    return (apart,)


if __name__ == "__main__":
    app.run()
