"""`genrelab bench model`: a model file on labelled clips."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from raising import raises
from tiny_onnx import RATE, TAGS, TONES, tiny_metadata, tiny_model, tiny_program, write_tiny  # noqa: F401

from genrelab.bundle.bundle import Bundle
from genrelab.cli.main import main
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.studies.model_files import bench_model
from genrelab.lab.training.store.audio_store import open_store
from genrelab.lab.training.store.facts import clip_facts


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """A folder a genre with three files of 2.5 s; one file of `low` sounds high, one is too short."""
    root = tmp_path / "tones"
    for genre, pitch in TONES.items():
        (root / genre).mkdir(parents=True)
        for number in range(3):
            wrong = genre == "low" and number == 2
            seconds = 0.4 if genre == "high" and number == 1 else 2.5
            time = np.arange(int(seconds * RATE)) / RATE
            sound = 0.3 * np.sin(2 * np.pi * (TONES["high"] if wrong else pitch) * time)
            soundfile.write(root / genre / f"{number}.wav", sound, RATE)
    return root


def test_figures_of_a_model_whose_answers_are_known(tones: Path, tiny_model: Path) -> None:  # noqa: F811
    measured, predictions = bench_model(tiny_model, load_corpus(f"folder:{tones}"))
    assert measured.scores.n == 9
    assert measured.scores.accuracy.value == pytest.approx(8 / 9)
    assert measured.scores.balanced_accuracy.value == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert measured.times_real_time > 1
    assert (measured.left_out, measured.learned, measured.namesakes) == (0, 0, ())
    # what the model file says of a segment is what is counted
    clip = predictions.clips.index(next(clip for clip in predictions.clips if "middle" in clip))
    sound, _ = soundfile.read(tones / "middle" / "0.wav", dtype="float32")
    said, *_ = Bundle.load(tiny_model).predict(sound[None, None, :RATE])
    own = predictions.probabilities[[i == predictions.clips[clip] for i in predictions.clip_ids]]
    np.testing.assert_allclose(own[0], said[0], atol=1e-4)


def test_the_command_prints_and_warns(
    tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tmp_path / "known.onnx"
    metadata = tiny_metadata(
        abstain_below=0.5,
        corpora=({"name": load_corpus(f"folder:{tones}").name, "licence": "own", "citation": "none"},),
    )
    known.write_bytes(tiny_program(metadata).SerializeToString())
    assert main(["bench", "model", str(known), "--corpus", f"folder:{tones}", "--format", "json"]) == 0
    printed = capsys.readouterr()
    (row,) = json.loads(printed.out)
    assert row["accuracy"]["value"] == pytest.approx(8 / 9, abs=1e-6)
    assert row["threshold"] == 0.5
    assert 0 < row["answered"] <= 1
    (note,) = printed.err.splitlines()
    assert str(known) in note and load_corpus(f"folder:{tones}").name in note
    assert main(["bench", "model", str(known), str(known), "--corpus", f"folder:{tones}"]) == 0
    assert " 9 " in capsys.readouterr().out
    monkeypatch.setenv("GENRELAB_MODEL", str(known))
    assert main(["bench", "model", "--corpus", f"folder:{tones}"]) == 0
    assert " 9 " in capsys.readouterr().out


def test_who_gets_a_genre_follows_each_threshold(tones: Path, tmp_path: Path) -> None:
    """Three clips sound low or middle each; of the nine, four sound high (one of them is called low)."""

    def answered(**values: object) -> float:
        measured, _ = bench_model(write_tiny(tmp_path / "m.onnx", **values), load_corpus(f"folder:{tones}"))
        return measured.answered

    assert answered() == 1.0
    assert answered(abstain_below_by_genre={"middle": 1.0}) == pytest.approx(6 / 9)
    assert answered(abstain_below=1.0, abstain_below_by_genre={"middle": 0.5, "high": 0.5}) == pytest.approx(
        7 / 9
    )
    assert answered(tags=TAGS) == 1.0
    assert answered(tags=TAGS, no_music_above=0.5) == pytest.approx(5 / 9)


def test_clips_that_the_model_learned_are_left_out(
    tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = load_corpus(f"folder:{tones}")
    facts = clip_facts(open_store(corpus, sample_rate=RATE, channels=1))
    digests = sorted({each.digest[:12] for each in facts.values() if each.digest})
    wrong = next(each.digest for key, each in facts.items() if "low" in key and "2" in key)
    assert wrong is not None

    def bench(learned: list[str], *options: str) -> tuple[int, str, str]:
        file = tmp_path / "model.onnx"
        metadata = tiny_metadata(
            learned=tuple(learned),
            corpora=({"name": corpus.name, "licence": "own", "citation": "none"},),
        )
        file.write_bytes(tiny_program(metadata).SerializeToString())
        status = main(
            ["bench", "model", str(file), "--corpus", f"folder:{tones}", "--format", "json", *options]
        )
        return status, *capsys.readouterr()

    status, out, err = bench([wrong[:12]])
    (row,) = json.loads(out)
    # three files of a genre sound the same, so that the wrong one is among those of `high`
    assert (row["left_out"], row["learned"], row["tracks"]) == (3, 0, 6)
    (note,) = err.splitlines()
    assert row["accuracy"]["value"] == 1.0 and "3 clips" in note
    status, out, err = bench(digests)
    assert status == 1 and "all 9 clips" in err and "--with-learned" in err
    status, out, err = bench(digests, "--with-learned")
    (row,) = json.loads(out)
    assert (row["left_out"], row["learned"], row["tracks"]) == (0, 9, 9)
    (note,) = err.splitlines()
    assert "9 of these 9 clips" in note


def test_genres_without_a_counterpart_are_refused(tones: Path, tiny_model: Path) -> None:  # noqa: F811
    (tones / "low").rename(tones / "drone")
    with raises("genres-without-counterpart", "drone"):
        bench_model(tiny_model, load_corpus(f"folder:{tones}"))
    measured, _ = bench_model(tiny_model, load_corpus(f"folder:{tones}"), mapping={"drone": None})
    assert measured.scores.n == 6
