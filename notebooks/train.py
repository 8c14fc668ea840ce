"""Train a recipe on labelled music, judge the result, and look for leaks.

pip install 'genrelab[lab,notebooks]'
marimo run notebooks/train.py -- --folder /music/by-genre --epochs 20
"""

import marimo

__generated_with = "0.20.0"
app = marimo.App(width="medium", app_title="Train and judge a recipe")


@app.cell
def _():
    from html import escape
    from pathlib import Path

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    from platformdirs import user_cache_path

    from genrelab.lab import Experiment, load_corpus, load_recipe, make_split, train
    from genrelab.lab.audit import audit_corpus
    from genrelab.lab.corpora.splits.split_checks import shared_artists
    from genrelab.lab.findings.wording import because, checked
    from genrelab.lab.metrics.scores import evaluate
    from genrelab.lab.training.checkpoints import read_history
    from genrelab.pages.palette import assign

    plt.rcParams.update(
        {"axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110, "font.size": 10}
    )
    return (
        Experiment,
        Path,
        assign,
        audit_corpus,
        because,
        checked,
        escape,
        evaluate,
        load_corpus,
        load_recipe,
        make_split,
        mo,
        np,
        plt,
        read_history,
        shared_artists,
        train,
        user_cache_path,
    )


@app.cell
def _(mo):
    mo.md("""
    # Train and judge a recipe

    A recipe holds everything that a training needs: input, network, loss, schedule. This notebook trains one
    on labelled music, measures it on artists that it has not heard, and asks whether the figures can be
    trusted.

    Without a folder it uses music that is composed by rule. That shows every step within a minute or two,
    but says nothing about real music.
    """)
    return


@app.cell
def _(mo):
    given = mo.cli_args()
    folder_field = mo.ui.text(
        value=str(given.get("folder") or ""), label="Folder with one subfolder per genre",
        placeholder="/music/by-genre", full_width=True,
    )  # fmt: skip
    recipe_field = mo.ui.text(value=str(given.get("recipe") or "demo/quick"), label="Recipe")
    epochs_field = mo.ui.slider(1, 50, value=int(given.get("epochs") or 6), label="Epochs", show_value=True)
    seed_field = mo.ui.number(0, 1000, value=int(given.get("seed") or 0), label="Seed")
    mo.vstack([folder_field, mo.hstack([recipe_field, epochs_field, seed_field], justify="start", gap=2)])
    return epochs_field, folder_field, given, recipe_field, seed_field


@app.cell
def _(folder_field, load_corpus, mo):
    spec = f"folder:{folder_field.value}" if folder_field.value else "synthetic:tracks=10,seconds=4,seed=0"
    with mo.status.spinner("Reading the corpus"):
        corpus = load_corpus(spec)
    return corpus, spec


@app.cell
def _(assign, corpus):
    colours = {genre: colour for genre, (colour, _) in assign(corpus.genres, variants=2).items()}
    return (colours,)


@app.cell
def _(checked, corpus, make_split, mo, seed_field):
    split = make_split(corpus, "artist", seed=seed_field.value)
    parts = {"train": split.train, "valid": split.valid, "test": split.test}
    genre_of = {clip.id: clip.genre for clip in corpus.clips}
    counts = [
        {
            "genre": genre,
            **{part: sum(genre_of[each] == genre for each in ids) for part, ids in parts.items()},
        }
        for genre in corpus.genres
    ]
    checks = [{"looked for": asked, "found": found} for asked, found in checked(split.findings).items()]
    mo.vstack(
        [
            mo.md(f"## The split\n\n{split.made}."),
            mo.ui.table(counts, selection=None, page_size=12),
            mo.ui.table(checks, selection=None),
        ]
    )
    return parts, split


@app.cell
def _(
    Experiment,
    Path,
    corpus,
    epochs_field,
    given,
    load_recipe,
    mo,
    recipe_field,
    seed_field,
    split,
    train,
    user_cache_path,
):
    # A finished run is only read again, and a stopped one goes on.
    runs_folder = Path(str(given.get("out") or user_cache_path("genrelab") / "notebook-runs"))
    recipe = load_recipe(recipe_field.value, changes=[f"training.max_epochs={epochs_field.value}"])
    runs_of_epochs = runs_folder / f"epochs-{epochs_field.value}"
    with mo.status.spinner(f"Training {recipe.name}", subtitle=f"{epochs_field.value} epochs"):
        run = train(Experiment(recipe, corpus, split, seed_field.value), out=runs_of_epochs, device="cpu")
    return recipe, run


@app.cell
def _(plt, read_history, run):
    def draw_history(rows):
        """Draw loss and accuracy of each epoch."""
        figure, (losses, accuracies) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
        epochs = [1 + row["epoch"] for row in rows]
        for axes, what in ((losses, "loss"), (accuracies, "accuracy")):
            axes.plot(epochs, [row[f"train_{what}"] for row in rows], "o-", label="training", color="#8b929c")
            axes.plot(
                epochs, [row[f"valid_{what}"] for row in rows], "o-", label="validation", color="#3d85e0"
            )
            axes.set(xlabel="epoch", title=what)
            axes.xaxis.get_major_locator().set_params(integer=True)
        accuracies.set_ylim(0, 1)
        losses.legend(frameon=False)
        return figure

    history = read_history(run.folder)
    draw_history(history)
    return (history,)


@app.cell
def _(evaluate, mo, recipe, run):
    scores = evaluate(run.predictions(), seed=0).track[recipe.voting]

    def share(estimate):
        return f"{estimate.value:.1%}"

    def interval(estimate):
        return f"95 % interval {estimate.low:.1%} to {estimate.high:.1%}"

    mo.vstack(
        [
            mo.md("## How good it is, on artists that it has not heard"),
            mo.hstack(
                [
                    mo.stat(
                        share(scores.accuracy), label="accuracy", caption=interval(scores.accuracy),
                        bordered=True,
                    ),
                    mo.stat(
                        share(scores.balanced_accuracy), label="balanced accuracy",
                        caption=interval(scores.balanced_accuracy), bordered=True,
                    ),
                    mo.stat(
                        f"{1 / len(scores.by_genre):.1%}", label="guessing", caption="one genre for all",
                        bordered=True,
                    ),
                    mo.stat(
                        str(scores.n), label="test tracks", caption=f"{scores.groups} artists", bordered=True
                    ),
                ],
                widths="equal",
            ),
        ]
    )  # fmt: skip
    return (scores,)


@app.cell
def _(colours, np, plt, scores):
    def draw_confusion():
        """Draw the confusion matrix, each row in the colour of its genre."""
        names = list(scores.by_genre)
        matrix = np.asarray(scores.confusion)
        figure, axes = plt.subplots(figsize=(7, 5.5), layout="constrained")
        for i, row in enumerate(matrix):
            for j, count in enumerate(row):
                depth = count / max(1, row.sum())
                axes.add_patch(plt.Rectangle((j, i), 1, 1, color=colours[names[i]], alpha=depth, lw=0))
                if count:
                    axes.text(j + 0.5, i + 0.5, count, ha="center", va="center")
        axes.set(xlim=(0, len(names)), ylim=(len(names), 0), xlabel="predicted", ylabel="label")
        axes.set_xticks(np.arange(len(names)) + 0.5, names, rotation=45, ha="right")
        axes.set_yticks(np.arange(len(names)) + 0.5, names)
        axes.set_title("Which genres are confused")
        return figure

    draw_confusion()
    return


@app.cell
def _(because, escape, mo, run):
    verdict = run.record.verdict
    kinds = {"clean": "success", "not known": "warn", "leaks": "danger"}
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in because(verdict))  # may name files
    judged = mo.vstack([mo.md(f"Verdict: **{verdict.state}**"), mo.Html(f"<ul>{reasons}</ul>")])
    mo.vstack(
        [
            mo.md("## Can the figures be trusted?"),
            mo.callout(judged, kind=kinds[verdict.state]),
        ]
    )
    return (verdict,)


@app.cell
def _(corpus, make_split, mo, seed_field, shared_artists, split):
    random_split = make_split(corpus, "random", seed=seed_field.value)
    leaks = {
        "artist": len(shared_artists(corpus, split)),
        "random": len(shared_artists(corpus, random_split)),
    }
    known = any(clip.artist for clip in corpus.clips)
    explained = (
        f"A random split of the same clips would put **{leaks['random']} artists** into more than one part; "
        f"the split by artist has {leaks['artist']}. A network recognizes the voice, the instruments and the "
        "studio of an artist that it has heard, so its accuracy on a random split is too high."
        if known
        else "The corpus does not say who plays, so nobody can tell whether artists are in several parts. "
        "A table with a column `artist` tells it: see the documentation on corpora."
    )
    mo.vstack([mo.md("## Leak 1: artists in several parts"), mo.md(explained)])
    return leaks, random_split


@app.cell
def _(audit_corpus, corpus, mo, split):
    with mo.status.spinner("Comparing all clips with each other"):
        audit = audit_corpus(corpus, split=split, jobs=2)
    pairs = [
        {"first": each.first, "second": each.second, "kind": each.kind, "two parts": audit.crosses(each)}
        for each in audit.pairs
    ]
    mo.vstack(
        [
            mo.md(
                f"## Leak 2: one recording twice\n\nThe audit compared {len(corpus.clips)} clips, also "
                f"across encodings, cuts and speeds. It found **{len(audit.repetitions)} repetitions** and "
                f"{len(audit.faults)} faults in files."
            ),
            mo.ui.table(pairs, selection=None) if pairs else mo.md(""),
        ]
    )
    return audit, pairs


@app.cell
def _(mo, run):
    mo.md(f"""
    ## What is left

    Everything about this run is in `{run.folder}`: the recipe as used, the split, the predictions, a report
    page, and the model file. `genrelab model info` shows what the model file states.
    """)
    return


if __name__ == "__main__":
    app.run()
