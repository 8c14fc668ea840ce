"""Tags of a recognition, the lack of music, and thresholds by genre."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from tiny_onnx import RATE, TAGS, tagged_model, tone, write_tiny

from genrelab.bundle.bundle import Bundle
from genrelab.recognize import Recognition, Recognizer, TagScore, scan
from genrelab.recognize.aggregation import SegmentAggregator
from genrelab.recognize.live.listening import listen

__all__ = ["tagged_model"]

BETWEEN = 610.0  # Hz: middle with a probability of about 0.58, and low with 0.42
NO_MUSIC = TAGS[2]


@pytest.fixture(scope="module")
def recognizer(tagged_model: Path) -> Recognizer:
    return Recognizer.load(tagged_model, threads=1)


def recognize(model: Path, *parts: np.ndarray, **values: Any) -> Recognition:
    """Return the record of sound in parts, by a model with these values in its metadata."""
    path = write_tiny(model / "m.onnx", **values)
    return Recognizer.load(path, threads=1)(np.concatenate(parts), sample_rate=RATE)


def probabilities(model: Path, sound: np.ndarray) -> np.ndarray:
    """Return the network's own probabilities of the first second."""
    return Bundle.load(model).predict(sound[None, None, :RATE]).probabilities[0].astype(float)


def test_the_mean_over_the_voting_segments(recognizer: Recognizer, tagged_model: Path) -> None:
    low, between = tone(200.0, 1.0), tone(BETWEEN, 1.0)
    record = recognizer(np.concatenate([low, np.zeros(RATE), between, low]), sample_rate=RATE)
    mean = (2 * probabilities(tagged_model, low) + probabilities(tagged_model, between)) / 3
    assert [tag.label for tag in record.tags] == ["mood:calm", "genre:folk", "style:punk"]
    expected = [mean[0], mean[0], mean[1]]
    assert [tag.probability for tag in record.tags] == pytest.approx(expected, abs=1e-5)
    assert mean[0] > 0.7 and mean[1] > 0.15
    # their thresholds are 0.5, 0.9 and 0.4
    assert [tag.present for tag in record.tags] == [True, False, False]
    assert [tag.label for tag in record.present_tags] == ["mood:calm"]


@pytest.mark.parametrize(("threshold", "present"), [(0.0, True), (1.0, False)])
def test_a_tag_is_present_from_its_threshold_on(threshold: float, present: bool, tmp_path: Path) -> None:
    record = recognize(tmp_path, tone(BETWEEN), tags=[{**TAGS[0], "threshold": threshold}])
    assert [tag.present for tag in record.tags] == [present]


def test_without_tags_there_are_none(tiny_model: Path, tiny: ModuleType) -> None:
    record = Recognizer.load(tiny_model)(tiny.tone(200.0), sample_rate=RATE)
    assert record.tags == () and record.to_dict()["tags"] == []


def test_silence_has_no_tags(recognizer: Recognizer) -> None:
    record = recognizer(np.zeros(2 * RATE), sample_rate=RATE)
    assert (record.reason, record.tags) == ("silent", ())


def test_the_record_for_programs(recognizer: Recognizer) -> None:
    tags = recognizer(tone(200.0), sample_rate=RATE).to_dict()["tags"]
    assert [list(tag) for tag in tags] == [["kind", "name", "probability", "present"]] * 3
    assert tags[0] == {"kind": "mood", "name": "calm", "probability": tags[0]["probability"], "present": True}
    assert tags[0]["probability"] == round(tags[0]["probability"], 6) > 0.9


def test_no_music_is_a_reason_of_its_own(recognizer: Recognizer) -> None:
    record = recognizer(tone(3000.0), sample_rate=RATE)
    assert (record.genre, record.reason, record.answered) == ("unsure", "no music", False)
    assert record.genres[0].genre == "high" and record.confidence == record.genres[0].probability
    assert len(record.tags) == 3 and not record.present_tags
    assert all(tag.kind != "content" for tag in record.tags)


def test_tags_of_no_music_are_not_present(tmp_path: Path) -> None:
    tags = [{**TAGS[0], "threshold": 0.0}, TAGS[1], NO_MUSIC]
    assert recognize(tmp_path, tone(3000.0), tags=tags).present_tags
    assert not recognize(tmp_path, tone(3000.0), tags=tags, no_music_above=0.5).present_tags


@pytest.mark.parametrize(
    ("above", "reason"),
    [(0.5, "no music"), (1.0, "low confidence"), (None, "low confidence")],
)
def test_no_music_comes_before_low_confidence(above: float | None, reason: str, tmp_path: Path) -> None:
    record = recognize(tmp_path, tone(1900.0), tags=TAGS, no_music_above=above, abstain_below=0.99)
    assert record.confidence is not None and 0.5 < record.confidence < 0.99
    assert record.reason == reason


def test_no_music_is_a_mean_over_the_segments(tmp_path: Path) -> None:
    """Half of the segments are no music: a probability of about a half."""
    sound = [tone(200.0, 3.0), tone(3000.0, 3.0)]
    values: dict[str, Any] = {"tags": TAGS, "voting": "mean"}
    assert recognize(tmp_path, *sound, **values, no_music_above=0.4).reason == "no music"
    assert recognize(tmp_path, *sound, **values, no_music_above=0.6).reason is None


@pytest.mark.parametrize(
    ("thresholds", "sure"),
    [
        ({"abstain_below_by_genre": {"middle": 0.7}}, False),
        ({"abstain_below_by_genre": {"middle": 0.5}}, True),
        ({"abstain_below_by_genre": {"low": 0.7, "high": 0.7}}, True),
        ({"abstain_below": 0.7}, False),
        ({"abstain_below": 0.7, "abstain_below_by_genre": {"middle": 0.5}}, True),
        ({"abstain_below": 0.7, "abstain_below_by_genre": {"middle": 0.0}}, True),
        ({"abstain_below": 0.7, "abstain_below_by_genre": {"low": 0.5}}, False),
    ],
    ids=repr,
)
def test_a_genre_may_have_a_threshold_of_its_own(
    thresholds: dict[str, Any], sure: bool, tmp_path: Path
) -> None:
    record = recognize(tmp_path, tone(BETWEEN), **thresholds)
    assert record.genres[0].genre == "middle"
    assert (record.genre, record.reason) == (("middle", None) if sure else ("unsure", "low confidence"))


def aggregated(folder: Path, pitches: list[float], **values: Any) -> SegmentAggregator:
    """Return an aggregator that has processed a tone of each pitch."""
    aggregator = SegmentAggregator(Bundle.load(write_tiny(folder / "m.onnx", **values)))
    aggregator.add([(number * RATE, tone(pitch, 1.0)[None]) for number, pitch in enumerate(pitches)])
    return aggregator


PITCHES = [555.0, 560.0, 565.0]  # Hz: low, ahead of middle


def mean_of(folder: Path, genre: int) -> float:
    model = write_tiny(folder / "m.onnx")
    return float(np.mean([probabilities(model, tone(pitch, 1.0))[genre] for pitch in PITCHES]))


def test_more_segments_are_needed_near_the_threshold_of_the_first_genre(tmp_path: Path) -> None:
    near = mean_of(tmp_path, 0)
    assert 0.55 < near < 0.75
    for own, clear in (({}, True), ({"low": near}, False), ({"middle": near}, True), ({"low": 0.0}, True)):
        assert aggregated(tmp_path, PITCHES, abstain_below_by_genre=own).is_clear(100) is clear
    assert not aggregated(tmp_path, PITCHES, abstain_below=near).is_clear(100)
    assert aggregated(tmp_path, PITCHES, abstain_below=near, abstain_below_by_genre={"low": 0.2}).is_clear(
        100
    )


def test_more_segments_are_needed_near_the_threshold_of_no_music(tmp_path: Path) -> None:
    tags = [TAGS[0], NO_MUSIC]  # its probability is that of the middle tone
    near = mean_of(tmp_path, 1)
    assert 0.25 < near < 0.45
    for above, clear in ((None, True), (near, False), (near + 0.2, True), (near - 0.2, True)):
        assert aggregated(tmp_path, PITCHES, tags=tags, no_music_above=above).is_clear(100) is clear


def test_the_genres_do_not_matter_where_there_clearly_is_no_music(tmp_path: Path) -> None:
    pitches = [590.0, 600.0, 610.0]  # low or middle?
    values: dict[str, Any] = {"voting": "mean", "tags": [NO_MUSIC]}  # the probability of low
    assert not aggregated(tmp_path, pitches, **values).is_clear(100)
    assert not aggregated(tmp_path, pitches, **values, no_music_above=0.9).is_clear(100)
    assert aggregated(tmp_path, pitches, **values, no_music_above=0.1).is_clear(100)


def test_files_arrays_and_tracks_of_sheets(recognizer: Recognizer, tmp_path: Path) -> None:
    sound = np.concatenate([tone(200.0, 4.0), tone(1000.0, 4.0)])
    soundfile.write(tmp_path / "a.flac", sound, RATE)
    (tmp_path / "a.cue").write_text(
        'FILE "a.flac" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'
        "  TRACK 02 AUDIO\n    INDEX 01 00:04:00\n"
    )
    first, second = recognizer.recognize_many(scan([tmp_path / "a.cue"]))
    assert [tag.label for tag in first.present_tags] == ["mood:calm", "genre:folk"]
    assert [tag.label for tag in second.present_tags] == ["style:punk"]
    assert first.track is not None and second.track is not None
    whole = recognizer(tmp_path / "a.flac")
    array = recognizer(soundfile.read(tmp_path / "a.flac", dtype="float32")[0], sample_rate=RATE)
    assert whole.tags == array.tags != first.tags
    assert isinstance(whole.tags[0], TagScore)
    assert whole.tags[0].probability == pytest.approx(0.5, abs=0.01)


def test_live_audio(recognizer: Recognizer) -> None:
    sound = np.concatenate([tone(200.0, 4.0), tone(3000.0, 4.0)])[None]
    blocks = (sound[:, at : at + 800] for at in range(0, sound.shape[1], 800))
    moments = [moment.to_dict(top=1) for moment in listen(recognizer, blocks, RATE)]
    assert moments[2]["tags"][0]["present"] and moments[2]["tags"][0]["name"] == "calm"
    assert moments[-1]["reason"] == "no music"
    assert not any(tag["present"] for tag in moments[-1]["tags"])
