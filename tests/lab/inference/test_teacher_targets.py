"""`genrelab targets`: what a model file answers becomes what another recipe learns, and no leak is hidden."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from raising import raises
from tiny_onnx import RATE, TONES, tiny_metadata, tiny_model, tiny_program  # noqa: F401

from genrelab.audio.segments import cut_segments
from genrelab.bundle.bundle import Bundle
from genrelab.cli.main import main
from genrelab.cli.targets import targets
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.inference.teacher_targets import names_of, teacher_targets
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.runs.folders import MODEL, Run
from genrelab.lab.studies.cross_corpus import evaluate_together
from genrelab.lab.studies.model_files import bench_model
from genrelab.lab.training.distillation.target_file import read_targets
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import open_store
from genrelab.lab.training.store.facts import clip_facts

Make = Callable[..., Recipe]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A table of three tones with a genre and one without; the first has two segments and a half."""
    folder = tmp_path / "music"
    for number, (genre, pitch) in enumerate([*TONES.items(), ("free", 500.0)]):
        (folder / genre).mkdir(parents=True)
        time = np.arange(int((2.5 if number == 0 else 0.6) * RATE)) / RATE
        soundfile.write(folder / genre / "a.wav", 0.3 * np.sin(2 * np.pi * pitch * time), RATE)
    rows = [f"{genre}/a.wav,{genre},{genre} band" for genre in TONES] + ["free/a.wav,,somebody"]
    (folder / "clips.csv").write_text("\n".join(["path,genre,artist", *rows]), encoding="utf-8")
    return folder / "clips.csv"


def test_a_row_is_the_mean_over_a_clips_segments(music: Path, tiny_model: Path, tmp_path: Path) -> None:  # noqa: F811
    corpus = load_corpus(f"table:{music}")
    found = teacher_targets(tiny_model, corpus)
    assert sorted(found.names) == ["free/a.wav", *(f"{genre}/a.wav" for genre in sorted(TONES))]
    assert found.clips[-1].genre is None, "clips without a genre are answered, too"
    first = next(iter(TONES))
    long = found.names.index(f"{first}/a.wav")
    sound, _ = soundfile.read(music.parent / first / "a.wav", dtype="float32")
    parts = cut_segments(sound[None], RATE, RATE, padding="end")
    assert len(parts) > 1
    probabilities, embeddings, _ = Bundle.load(tiny_model).predict(parts)
    np.testing.assert_allclose(found.embedding[long], embeddings.mean(axis=0), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.genres[long], probabilities.mean(axis=0), atol=1e-4)

    found.write(tmp_path / "answers.npz")
    read = read_targets(str(tmp_path / "answers.npz"), ["embedding", "genres"])
    rows = read.rows(corpus.clips)
    assert rows.keys() == {clip.id for clip in corpus.clips}
    for clip, genres in zip(found.clips, found.genres, strict=True):
        np.testing.assert_allclose(read.arrays["genres"][rows[clip.id]], genres, atol=1e-6)
    assert read.learned is None, "the model's file keeps no digests"


def test_the_command_says_what_it_wrote_and_what_not(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = load_corpus(f"table:{music}")
    facts = clip_facts(open_store(corpus, sample_rate=RATE, channels=1))
    high = next(clip.id for clip in corpus.clips if clip.genre == "high")
    knowing = tmp_path / "knowing.onnx"
    metadata = tiny_metadata(learned=((facts[high].digest or "")[:12],))
    knowing.write_bytes(tiny_program(metadata).SerializeToString())
    (music.parent / "high" / "b.wav").write_bytes(b"no sound")
    with music.open("a", encoding="utf-8") as table:
        table.write("\nhigh/b.wav,high,high band")
    to = tmp_path / "answers.npz"
    monkeypatch.setenv("GENRELAB_MODEL", str(knowing))
    assert main(["targets", "--corpus", f"table:{music}", "--to", str(to)]) == 0
    printed = capsys.readouterr()
    assert "b.wav" in printed.err
    (counts,) = (line for line in printed.out.splitlines() if line.startswith("clips"))
    assert re.findall(r"\d+", counts) == ["4", "1", "1"], "all, without a genre, learned by the teacher"
    read = read_targets(str(to), ["embedding"])
    assert read.learned is not None
    assert [name for name, known in zip(read.names, read.learned, strict=True) if known] == ["high/a.wav"]
    command = next(line for line in printed.out.splitlines() if line.startswith("use"))
    words = shlex.split(command)
    assert words[words.index("--targets") + 1] == str(to)
    assert words[words.index("--corpus") + 1] == f"table:{music}"


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("answers.csv", "targets-suffix"),
        ("nowhere/answers.npz", "targets-no-folder"),
        ("folder.npz", "targets-unwritable"),
    ],
)
def test_where_nothing_can_be_written_nothing_is_processed(
    to: str, code: str, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.npz").mkdir()
    monkeypatch.setattr(
        "genrelab.lab.inference.teacher_targets.teacher_targets", lambda *_, **__: pytest.fail("heard")
    )
    with raises(code, tmp_path / to):
        targets(corpus=f"table:{music}", to=tmp_path / to)
    assert main(["targets", "--corpus", f"table:{music}", "--to", str(tmp_path / to)]) == 2


def test_a_table_of_descriptors_is_refused(tiny_model: Path, corpus: Corpus) -> None:  # noqa: F811
    table = dataclasses.replace(corpus, kind="features")
    for use in (teacher_targets, bench_model):
        with raises("corpus-not-audio", "tones"):
            use(tiny_model, table)


def test_names_tell_files_apart() -> None:
    def named(*paths: str) -> list[str]:
        return names_of([Clip(path, Path(path), None) for path in paths])

    assert named("/m/rock/a.mp3", "/m/pop/a.mp3") == ["rock/a.mp3", "pop/a.mp3"]
    assert named("/m/a.mp3", "/m/b.mp3") == ["a.mp3", "b.mp3"]
    assert named("/m/a.mp3", "/m/a.mp3") == ["a.mp3", "a.mp3"], "two clips of one file"
    assert named("/m/a.mp3", "/m/x/a.mp3") == ["m/a.mp3", "m/x/a.mp3"]
    assert names_of([Clip("song-1", None, None)]) == ["song-1"]


@pytest.fixture
def taught(run: Run, corpus: Corpus, cache: Path, tmp_path: Path) -> Path:
    """What a finished run's model answers to the corpus that it was trained on."""
    path = tmp_path / "answers.npz"
    teacher_targets(run.folder / MODEL, corpus).write(path)
    return path


def student(learnable: Make, targets: Path, name: str) -> Recipe:
    return learnable(
        f"name={name}",
        "training.max_epochs=1",
        f'distill.targets="{targets}"',
        "distill.regress.embedding=1",
    )


@pytest.mark.slow
def test_a_recipe_learns_from_a_finished_run_of_the_same_split(
    taught: Path, corpus: Corpus, split: Split, learnable: Make, tmp_path: Path
) -> None:
    made = run_experiment(
        Experiment(student(learnable, taught, "student"), corpus, split, 0),
        base=tmp_path,
        device="cpu",
        model_file=False,
    )
    assert made.record.learned["distilled"]["clips_with_targets"] == len(split.train)
    assert made.record.verdict.state == "clean"
    learned = len(split.train) + len(split.valid)
    check = {each.kind: each for each in made.record.verdict.checked}["teacher"]
    assert check.count == 0 and check.values == {"learned": learned, "of": len(corpus.clips)}
    assert "teacher" in {each.kind for each in made.record.verdict.not_checked}


@pytest.mark.slow
@pytest.mark.parametrize("other_clips_of_the_artist", [False, True])
def test_testing_on_what_the_teacher_learned_is_a_leak(
    other_clips_of_the_artist: bool,
    taught: Path,
    corpus: Corpus,
    split: Split,
    learnable: Make,
    tmp_path: Path,
) -> None:
    if other_clips_of_the_artist:  # the tested clips themselves are new to the teacher
        clips = [
            dataclasses.replace(clip, artist=f"{clip.genre} artist 0") if clip.id in split.test else clip
            for clip in corpus.clips
            if clip.id in split.test or not clip.id.endswith(("-0", "-1"))
        ]
        corpus = dataclasses.replace(corpus, clips=[*clips, *_without_genre(corpus)])
        used = dataclasses.replace(
            split, train=[key for key in split.train if not key.endswith(("-0", "-1"))]
        )
    else:
        used = dataclasses.replace(split, name="turned", train=split.test, test=split.train)
    made = run_experiment(
        Experiment(student(learnable, taught, "cheating"), corpus, used, 0),
        base=tmp_path,
        device="cpu",
        model_file=False,
    )
    assert made.record.verdict.state == "leaks"
    (leak,) = made.record.verdict.leaks
    assert (leak.kind, leak.parts, leak.count) == ("teacher", ("test",), len(used.test))


def _without_genre(corpus: Corpus) -> list[Clip]:
    """Return the first two clips of each genre as clips that nobody labelled: they are not learned here."""
    return [dataclasses.replace(clip, genre=None) for clip in corpus.clips if clip.id.endswith(("-0", "-1"))]


def test_the_shipped_recipe_takes_a_model_files_answers() -> None:
    """As docs/research/distil.md has it."""
    changes = [
        "distill.tags=null",
        "distill.regress={pen: null, multi: null, embedding: 1.0}",
        "distill.genres.from=[embedding]",
    ]
    settings = load_recipe("genres-11", changes=changes).distill
    assert settings is not None and settings.genres is not None
    assert (settings.regress, settings.tags) == ({"embedding": 1.0}, {})
    assert settings.genres.arrays == ("embedding",)


@pytest.mark.slow
def test_each_fold_has_a_teacher_of_its_own_and_folds_stay_one_system(
    taught: Path, corpus: Corpus, split: Split, learnable: Make, tmp_path: Path
) -> None:
    names = ["fold-0of2", "fold-1of2"]
    halves = [split.test[::2], split.test[1::2]]
    with np.load(taught) as arrays:
        for number, name in enumerate(names):
            np.savez(tmp_path / f"of-{name}.npz", **{**arrays, "embedding": arrays["embedding"] + number})
    folds = [
        run_experiment(
            Experiment(
                student(learnable, tmp_path / "of-{split}.npz", "folded"),
                corpus,
                dataclasses.replace(split, name=name, test=half),
                0,
            ),
            base=tmp_path,
            device="cpu",
            model_file=False,
        )
        for name, half in zip(names, halves, strict=True)
    ]
    told = [fold.record.learned["distilled"] for fold in folds]
    assert [each["targets"] for each in told] == [f"of-{name}.npz" for name in names]
    assert told[0]["sha256"] != told[1]["sha256"]
    assert len({fold.record.recipe_sha256 for fold in folds}) == 1
    evaluation = evaluate_together(folds, tmp_path / "pooled").evaluation
    assert evaluation.track["mean"].n == len(split.test)
    missing = dataclasses.replace(split, name="fold-2of2")
    with raises("targets-unreadable", "of-fold-2of2.npz"):
        _ = Experiment(folds[0].recipe, corpus, missing, 0).distillation


@pytest.mark.slow
def test_without_a_teacher_nobody_asks_what_it_learned(
    corpus: Corpus, split: Split, learnable: Make, taught: Path, tmp_path: Path
) -> None:
    recipe = student(learnable, taught, "alone").model_copy(
        update={
            "distill": student(learnable, taught, "x").distill.model_copy(update={"targets": "none"})  # type: ignore[union-attr]
        }
    )
    made = run_experiment(Experiment(recipe, corpus, split, 0), base=tmp_path, device="cpu", model_file=False)
    verdict = made.record.verdict
    assert "teacher" not in {each.kind for each in (*verdict.checked, *verdict.not_checked)}
