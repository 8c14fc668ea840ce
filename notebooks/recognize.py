"""Recognize the music in a folder, and look inside the answers.

pip install 'genrelab[notebooks]'
marimo run notebooks/recognize.py -- --folder ~/Music
"""

import marimo

__generated_with = "0.20.0"
app = marimo.App(width="medium", app_title="Recognize and look inside")


@app.cell
def _():
    import tempfile
    from html import escape
    from itertools import islice
    from pathlib import Path

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import soundfile
    from matplotlib.patches import Patch

    from genrelab import Recognizer
    from genrelab.audio.decode import decode
    from genrelab.lab.corpora import synthetic
    from genrelab.pages.palette import OTHERS, assign
    from genrelab.recognize import scan

    plt.rcParams.update(
        {"axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110, "font.size": 10}
    )
    return (
        OTHERS,
        Patch,
        Path,
        Recognizer,
        assign,
        decode,
        escape,
        islice,
        mo,
        np,
        plt,
        scan,
        soundfile,
        synthetic,
        tempfile,
    )


@app.cell
def _(mo):
    mo.md("""
    # Recognize and look inside

    This notebook recognizes the music files of a folder, and shows what the answers are made of:
    the sound that the model processes, the genre of each segment, and the embeddings, in which
    music that sounds alike is close together.

    Without a folder it composes ten short pieces by rule, one for each style.
    """)
    return


@app.cell
def _(mo):
    given = mo.cli_args()
    folder_field = mo.ui.text(
        value=str(given.get("folder") or ""), label="Folder with music", placeholder="/home/me/Music",
        full_width=True,
    )  # fmt: skip
    model_field = mo.ui.text(
        value=str(given.get("model") or ""), label="Model file", placeholder="the model of the package",
        full_width=True,
    )  # fmt: skip
    most_field = mo.ui.slider(10, 500, step=10, value=50, label="At most so many files", show_value=True)
    mo.vstack([folder_field, model_field, most_field])
    return folder_field, model_field, most_field


@app.cell
def _(Path, escape, folder_field, mo, soundfile, synthetic, tempfile):
    def compose(into):
        """Write one composed piece of each style as an MP3 file."""
        pieces = synthetic.load("tracks=3,seconds=11,seed=0")
        for piece in pieces.clips:
            if piece.id.endswith("/0000"):
                path = into / f"{piece.genre}.mp3"
                soundfile.write(path, pieces.renderer(piece, 44_100, 2).T, 44_100)
        return into

    if folder_field.value:
        music = Path(folder_field.value).expanduser()
        nothing = mo.Html(escape(f"There is no folder {music}."))  # in Markdown, a name could have markup
        mo.stop(not music.exists(), mo.callout(nothing, kind="warn"))
    else:
        composed = tempfile.TemporaryDirectory(prefix="genrelab-")
        music = compose(Path(composed.name))
    return (music,)


@app.cell
def _(Path, Recognizer, escape, islice, mo, model_field, most_field, music, scan):
    model_file = Path(model_field.value).expanduser() if model_field.value else None
    recognizer = Recognizer.load(model_file)
    files = list(islice(scan([music]), most_field.value))
    none_found = mo.Html(escape(f"There is no music file in {music}."))
    mo.stop(not files, mo.callout(none_found, kind="warn"))
    found = recognizer.recognize_many(files)
    answers = list(mo.status.progress_bar(found, total=len(files), title="Recognizing", remove_on_exit=True))
    recognized = [each for each in answers if each.genres]
    return answers, recognized, recognizer


@app.cell
def _(answers, mo, music):
    def row(number, answer):
        ranked = [f"{genre} {probability:.0%}" for genre, probability in answer.genres[:3]]
        return {
            "nr": number,
            "file": str(answer.path.relative_to(music) if music.is_dir() else answer.path.name),
            "genre": answer.error or (answer.genre if answer.answered else f"unsure: {answer.reason}"),
            "confidence": None if answer.confidence is None else round(answer.confidence, 2),
            "candidates": ", ".join(ranked),
        }

    table = mo.ui.table(
        [row(number, each) for number, each in enumerate(answers)],
        selection="single", initial_selection=[0], page_size=10,
        label="Choose a file to look inside.",
    )  # fmt: skip
    mo.vstack([mo.md("## The answers"), table])
    return (table,)


@app.cell
def _(answers, decode, mo, recognized, recognizer, table):
    chosen_rows = table.value or [{"nr": 0}]
    chosen = answers[chosen_rows[0]["nr"]]
    if not chosen.genres and recognized:
        chosen = recognized[0]
    mo.stop(not chosen.genres, mo.callout(mo.md("None of these files could be recognized."), kind="warn"))
    detail = recognizer(chosen.path, full=True)
    sound, sample_rate = decode(chosen.path, duration=120.0)
    return chosen, detail, sample_rate, sound


@app.cell
def _(assign, recognizer):
    assigned = assign(recognizer.bundle.metadata.genres, variants=2)
    colours = {genre: colour for genre, (colour, _) in assigned.items()}
    hatched = {genre for genre, (_, variant) in assigned.items() if variant}  # two genres share a colour
    return colours, hatched


@app.cell
def _(chosen, escape, mo):
    heading = mo.Html(f"<h2>Inside <code>{escape(chosen.path.name)}</code></h2>")
    mo.vstack(
        [
            heading,
            mo.audio(src=str(chosen.path)) if chosen.path.stat().st_size < 30_000_000 else mo.md(""),
        ]
    )
    return (heading,)


@app.cell
def _(np, plt, sample_rate, sound):
    def spectrogram(waveform, rate, window=2048, bands=160):
        """Return levels in dB [bands, frames], and the edges of the bands in Hz, evenly spaced in octaves."""
        mono = waveform.mean(axis=0)
        hop = max(window // 4, len(mono) // 1500)
        starts = range(0, max(1, len(mono) - window), hop)
        frames = np.stack(
            [np.pad(mono[at : at + window], (0, max(0, at + window - len(mono)))) for at in starts]
        )
        power = np.abs(np.fft.rfft(frames * np.hanning(window))) ** 2
        edges = np.geomspace(40, rate / 2, bands + 1)
        lines = np.minimum((edges * window / rate).astype(int), power.shape[1] - 1)
        levels = np.stack(
            [power[:, a : max(a + 1, b)].max(axis=1) for a, b in zip(lines, lines[1:], strict=False)]
        )
        return 10 * np.log10(levels / levels.max() + 1e-8), edges

    def draw_spectrogram(levels, edges, seconds):
        figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
        axes.pcolormesh(np.linspace(0, seconds, levels.shape[1] + 1), edges, levels, vmin=-70, cmap="magma")
        axes.set(yscale="log", xlabel="time in seconds", ylabel="frequency in Hz", title="Spectrogram")
        marks = {
            50: "50",
            100: "100",
            200: "200",
            500: "500",
            1000: "1k",
            2000: "2k",
            5000: "5k",
            10000: "10k",
        }
        axes.set_yticks(list(marks), labels=list(marks.values()))
        axes.minorticks_off()
        axes.set_ylim(edges[0], edges[-1])
        return figure

    levels, band_edges = spectrogram(sound, sample_rate)
    draw_spectrogram(levels, band_edges, sound.shape[1] / sample_rate)
    return (levels,)


@app.cell
def _(OTHERS, Patch, colours, detail, hatched, np, plt):
    def look(genre):
        """Return how an area of a genre is filled."""
        hatch = "///" if genre in hatched else None
        return {"fc": colours.get(genre, OTHERS), "ec": "white", "lw": 0.5, "hatch": hatch}

    def draw_timeline(answer):
        """Draw the genre of each segment above the probabilities of all genres."""
        segments = answer.timeline
        starts, widths = [each.start for each in segments], [each.end - each.start for each in segments]
        shares = np.nan_to_num(np.asarray(answer.probabilities, np.float64))
        figure, (strip, stack) = plt.subplots(
            2, 1, figsize=(9, 3.6), sharex=True, height_ratios=[1, 4], layout="constrained"
        )
        for each in segments:
            strip.axvspan(each.start, each.end, **look(each.genre))
        bottom = np.zeros(len(segments))
        for place, (genre, _) in enumerate(answer.genres):  # the columns have this order
            stack.bar(starts, shares[:, place], widths, bottom, align="edge", **look(genre))
            bottom += shares[:, place]
        strip.set(yticks=[], title="Genre of each segment")
        stack.set(ylim=(0, 1), xlabel="time in seconds", ylabel="probability")
        handles = [Patch(label=genre, **look(genre)) for genre, _ in answer.genres]
        stack.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        return figure

    timeline = detail.timeline
    draw_timeline(detail)
    return (timeline,)


@app.cell
def _(mo):
    mo.md("""
    ## Embedding map

    Each file has an embedding: 688 numbers in the model of the package. The map shows the two directions
    in which these files differ most. Filled marks are sure; hollow ones are below the model's threshold,
    in the colour of their first candidate.
    """)
    return


@app.cell
def _(mo, np, recognized):
    mo.stop(len(recognized) < 3, mo.callout(mo.md("The map needs three files or more.")))
    vectors = np.stack([each.embedding for each in recognized]).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    left, sizes, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    places = left[:, :2] * sizes[:2]
    explained = float((sizes[:2] ** 2).sum() / (sizes**2).sum())
    return explained, places


@app.cell
def _(colours, explained, hatched, places, plt, recognized):
    def shape(genre):
        return "D" if genre in hatched else "o"

    def draw_map():
        """Draw each file at its place, in the colour of its first candidate."""
        figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
        firsts = [each.genres[0].genre for each in recognized]
        for (x, y), answer, first in zip(places, recognized, firsts, strict=True):
            fill = colours[first] if answer.answered else "white"
            axes.scatter(
                x, y, s=70, marker=shape(first), color=fill, edgecolor=colours[first], lw=2, zorder=2
            )
            if len(recognized) <= 40:
                axes.annotate(answer.path.stem[:24], (x, y), (6, 5), textcoords="offset points", fontsize=8)
        axes.margins(0.12)
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"{explained:.0%} of the differences between the files lie in these two directions")
        handles = [
            axes.scatter([], [], s=70, marker=shape(genre), color=colours[genre], label=genre)
            for genre in sorted(set(firsts))
        ]
        axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        return figure

    draw_map()
    return


if __name__ == "__main__":
    app.run()
