from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from raising import raises

from genrelab.bundle.bundle import Bundle
from genrelab.errors import ModelFileError
from genrelab.recognize import UNSURE, Problem, Recognition, Recognizer, scan
from genrelab.recognize.recognition import Segment


@pytest.fixture(scope="module")
def recognizer(tiny_model: Path) -> Recognizer:
    return Recognizer.load(tiny_model, threads=1)


def _write(path: Path, *parts: np.ndarray, rate: int = 8000) -> Path:
    soundfile.write(path, np.concatenate(parts), rate)
    return path


def test_known_answers_in_order(recognizer: Recognizer, music: Path) -> None:
    found = list(recognizer.recognize_many(scan([music])))
    answers = [(record.path.name, record.genre) for record in found]
    assert answers == [("a low.wav", "low"), ("c.mp3", "high"), ("d.ogg", "low"), ("b.flac", "middle")]
    for record in found:
        assert record.answered
        assert record.confidence is not None
        assert record.confidence == record.genres[0].probability > 0.9
        assert sum(genre.probability for genre in record.genres) == pytest.approx(1.0, abs=1e-5)
        assert record.model == recognizer.bundle.identity
        assert record.duration == pytest.approx(3.0 if record.path.name == "c.mp3" else 2.0, abs=0.06)


def test_the_timeline_and_the_vote(tiny: ModuleType, tmp_path: Path) -> None:
    path = _write(
        tmp_path / "x.wav", tiny.tone(200.0), tiny.tone(3000.0, 1.0), np.zeros(8000), tiny.tone(200.0, 0.7)
    )
    record = Recognizer.load(tiny.write_tiny(tmp_path / "m.onnx", hop_seconds=0.5))(path)
    assert [(s.start, s.end, s.genre) for s in record.timeline if s.start % 1 == 0] == [
        (0.0, 1.0, "low"),
        (1.0, 2.0, "low"),
        (2.0, 3.0, "high"),
        (3.0, 4.0, None),
    ]
    assert len(record.timeline) == 8  # the last whole segment ends at 4.5 s
    assert record.timeline[6] == Segment(3.0, 4.0, None, None)
    assert record.duration == pytest.approx(4.7)
    assert record.genre == "low"
    assert [stretch.genre for stretch in record.stretches()][0] == "low"


def test_silence_does_not_vote(recognizer: Recognizer, tiny: ModuleType, tmp_path: Path) -> None:
    loud = tiny.tone(1000.0, 1.0)
    alone = recognizer(_write(tmp_path / "alone.wav", loud))
    among = recognizer(_write(tmp_path / "among.wav", np.zeros(24000), loud, np.full(8000, 1e-4)))
    assert among.genres == alone.genres
    assert [segment.genre for segment in among.timeline] == [None, None, None, "middle", None]


def test_all_silent(recognizer: Recognizer, tmp_path: Path) -> None:
    record = recognizer(_write(tmp_path / "s.wav", np.zeros(20000)))
    assert (record.genre, record.reason, record.confidence, record.genres) == (UNSURE, "silent", 0.0, ())
    assert record.error is None
    assert not record.answered
    assert record.duration == 2.5
    assert len(record.timeline) == 2


def test_the_border_of_silence(recognizer: Recognizer, tiny: ModuleType, tmp_path: Path) -> None:
    """A sine's root mean square is its level over the root of 2: -60 dBFS is a level of 0.001414."""
    for level, silent in ((0.00140, True), (0.00143, False)):
        path = tmp_path / "x.wav"
        soundfile.write(path, tiny.tone(1000.0, level=level), 8000, subtype="FLOAT")
        assert (recognizer(path).reason == "silent") is silent


def test_shorter_than_a_segment(recognizer: Recognizer, tiny: ModuleType, tmp_path: Path) -> None:
    record = recognizer(_write(tmp_path / "x.wav", tiny.tone(3000.0, 0.4)))
    assert record.genre == "high"
    assert [segment[:3] for segment in record.timeline] == [(0.0, 0.4, "high")]


def test_below_the_threshold_is_unsure(tiny: ModuleType, tmp_path: Path) -> None:
    path = _write(tmp_path / "x.wav", tiny.tone(200.0, 1.0), tiny.tone(3000.0, 1.0))
    for threshold, reason in ((0.6, "low confidence"), (0.4, None)):
        model = tiny.write_tiny(tmp_path / "m.onnx", abstain_below=threshold)
        record = Recognizer.load(model)(path)
        assert record.reason == reason
        assert (record.genre == UNSURE) is (reason is not None)
        assert record.confidence == pytest.approx(0.5, abs=0.05)
        assert len(record.genres) == 3


def test_the_voting_rule_is_the_models(tiny: ModuleType, tmp_path: Path) -> None:
    """Between two tones the network wavers; many wavering votes for one lose to few clear ones by mean."""
    wavering = tiny.tone(560.0, 3.0)  # a little nearer to the low tone
    path = _write(tmp_path / "x.wav", wavering, tiny.tone(1000.0, 2.0))
    answers = {}
    for rule in ("majority", "mean"):
        record = Recognizer.load(tiny.write_tiny(tmp_path / "m.onnx", voting=rule))(path)
        answers[rule] = record.genre
        assert record.confidence == dict(record.genres)[str(record.genre)]
    assert answers == {"majority": "low", "mean": "middle"}


def test_two_models(tiny: ModuleType, tmp_path: Path, music: Path) -> None:
    renamed = tiny.write_tiny(tmp_path / "m.onnx", genres=("bass", "voice", "cymbal"), recipe="other")
    record = Recognizer.load(renamed)(music / "a low.wav")
    assert record.genre == "bass"
    assert record.model.startswith("other@")


def test_bad_files_become_records(recognizer: Recognizer, music: Path, tmp_path: Path) -> None:
    whole = (music / "album" / "c.mp3").read_bytes()
    (tmp_path / "empty.wav").touch()
    (tmp_path / "letter.mp3").write_text("Dear reader, this is no music at all.\n" * 50)
    wav = (music / "a low.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(wav[: len(wav) // 2])
    (tmp_path / "good.mp3").write_bytes(whole)
    records = {
        r.path.name: r for r in recognizer.recognize_many(scan([tmp_path, tmp_path / "none.mp3"]), jobs=2)
    }
    assert records.pop("good.mp3").genre == "high"
    assert set(records) == {"empty.wav", "letter.mp3", "cut.wav", "none.mp3"}
    for record in records.values():
        assert record.error is not None
        assert str(record.path) in record.error
        assert (record.genre, record.confidence, record.duration) == (None, None, None)
        assert not record.answered


@pytest.mark.parametrize(
    "name", ["-", "-x.wav", "a b.wav", "Ünïcode 音楽.wav", "x%d.wav", "concat:a|b.wav", "a:b.wav"]
)
@pytest.mark.parametrize("relative", [False, True])
def test_odd_names(
    recognizer: Recognizer,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    relative: bool,
) -> None:
    (tmp_path / name).write_bytes((music / "a low.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    record = recognizer(name if relative else tmp_path / name)
    assert record.error is None
    assert record.genre == "low"


@pytest.mark.parametrize("name", ["-x.m4a", "http:x.m4a", "concat:a|b.m4a"])
def test_odd_names_that_only_ffmpeg_reads(
    recognizer: Recognizer, tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    import av

    monkeypatch.chdir(tmp_path)
    with (tmp_path / name).open("wb") as file, av.open(file, "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        wave = tiny.tone(1000.0, rate=44100)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = 44100
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    record = recognizer(name)
    assert record.error is None
    assert record.genre == "middle"


def test_jobs_do_not_change_answers_or_order(tiny_model: Path, music: Path) -> None:
    files = list(scan([music, music, music]))
    one = list(Recognizer.load(tiny_model, threads=1).recognize_many(files))
    many = list(Recognizer.load(tiny_model, threads=1).recognize_many(files, jobs=5))
    assert one == many
    assert [record.path for record in one] == files


def test_batches_do_not_change_answers(tiny_model: Path, music: Path) -> None:
    bundle = Bundle.load(tiny_model, threads=1)
    path = music / "album" / "c.mp3"
    one, many = (Recognizer(bundle, batch_seconds=seconds)(path) for seconds in (0.1, 60.0))
    assert [segment[:3] for segment in one.timeline] == [segment[:3] for segment in many.timeline]
    assert one.confidence == pytest.approx(many.confidence, abs=1e-6)


def test_it_reads_only_a_few_files_ahead(recognizer: Recognizer, music: Path) -> None:
    taken = 0

    def files() -> Iterator[Path]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield music / "a low.wav"

    records = recognizer.recognize_many(files(), jobs=2)
    next(records)
    assert taken <= 6
    records.close()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_closing_stops_a_long_file(tiny: ModuleType, tiny_model: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.wav"
    with soundfile.SoundFile(long, "w", 8000, 1) as file:
        for _ in range(60):
            file.write(tiny.tone(200.0, 60.0))
    recognizer = Recognizer(Bundle.load(tiny_model, threads=1), batch_seconds=1.0)
    short = _write(tmp_path / "short.wav", tiny.tone(200.0))
    records = recognizer.recognize_many([short, *[long] * 8], jobs=2)
    assert next(records).genre == "low"
    began = time.monotonic()
    records.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 1.0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("recognize")]


def test_a_problem_becomes_a_record(recognizer: Recognizer) -> None:
    (record,) = recognizer.recognize_many([Problem(Path("x"), "x is gone")])
    assert record == Recognition(Path("x"), recognizer.bundle.identity, error="x is gone")


def test_what_is_wrong_is_raised(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GENRELAB_MODEL", raising=False)
    with raises("too-few-jobs", 0):
        recognizer.recognize_many([], jobs=0)
    with raises("batch-seconds", 0):
        Recognizer(recognizer.bundle, batch_seconds=0)
    with pytest.raises(ModelFileError, match="does not exist"):
        Recognizer.load(tmp_path / "none.onnx")
