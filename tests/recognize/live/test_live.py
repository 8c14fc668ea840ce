from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

from genrelab.errors import AudioError
from genrelab.recognize import UNSURE, Recognizer
from genrelab.recognize.live.listening import listen
from genrelab.recognize.live.pcm import PCM_FORMATS, pcm_blocks
from genrelab.recognize.live.ring_buffer import RingBuffer

RATE = 8000


@pytest.fixture(scope="module")
def recognizer(tiny_model: Path) -> Recognizer:
    return Recognizer.load(tiny_model, threads=1)


class SlowRecognizer(Recognizer):
    """Takes a time for each answer that it is told."""

    seconds = 0.0

    def __call__(self, *arguments: object, **options: object) -> object:  # type: ignore[override]
        time.sleep(self.seconds)
        return super().__call__(*arguments, **options)  # type: ignore[arg-type]


def blocks_of(sound: np.ndarray, size: int = 801) -> Iterator[np.ndarray]:
    sound = np.atleast_2d(sound)
    return (sound[:, first : first + size] for first in range(0, sound.shape[1], size))


def played(sound: np.ndarray, *, speed: float, rate: int = RATE) -> Iterator[np.ndarray]:
    """Give sound as fast as a live source does."""
    began, given = time.monotonic(), 0
    for block in blocks_of(sound, rate // 20):
        given += block.shape[1]
        time.sleep(max(0.0, given / rate / speed - (time.monotonic() - began)))
        yield block


@pytest.fixture
def mix(tiny: ModuleType) -> np.ndarray:
    parts = [tiny.tone(200.0, 4.0), tiny.tone(3000.0, 3.0), np.zeros(2 * RATE + 3000, np.float32)]
    return np.concatenate(parts)


def test_an_answer_each_second_about_the_last_two(recognizer: Recognizer, mix: np.ndarray) -> None:
    moments = list(listen(recognizer, blocks_of(mix), RATE))
    assert [moment.time for moment in moments] == [*map(float, range(1, 10)), 9.375]
    assert [moment.start for moment in moments] == [0.0, 0.0, *map(float, range(1, 8)), 7.375]
    names = [moment.recognition.genre for moment in moments]
    assert names[:4] == ["low"] * 4
    assert names[5:8] == ["high"] * 3
    assert (names[9], moments[9].recognition.reason) == (UNSURE, "silent")
    assert not any(moment.behind for moment in moments)


def test_one_long_segment_is_enough_for_an_answer(tiny: ModuleType, tmp_path: Path) -> None:
    for seconds, covered in ((8.0, 16.0), (9.0, 9.0)):
        long = tiny.write_tiny(tmp_path / f"{seconds}.onnx", segment_seconds=seconds, hop_seconds=seconds)
        (*_, last) = listen(Recognizer.load(long), blocks_of(tiny.tone(200.0, 20.0)), RATE)
        assert last.time - last.start == covered


def test_each_answer_is_that_of_the_sound_alone(recognizer: Recognizer, mix: np.ndarray) -> None:
    moments = list(listen(recognizer, blocks_of(mix, 333), RATE, every_seconds=0.7, window_seconds=3.9))
    assert moments
    for moment in moments:
        first, last = round(moment.start * RATE), round(moment.time * RATE)
        alone = recognizer(mix[first:last], sample_rate=RATE)
        assert moment.recognition == alone
        assert (last - first) % RATE == 0 or last < RATE


def test_whole_segments_in_the_models_steps(tiny: ModuleType, tmp_path: Path, mix: np.ndarray) -> None:
    overlapping = Recognizer.load(tiny.write_tiny(tmp_path / "m.onnx", hop_seconds=0.25))
    moments = list(listen(overlapping, blocks_of(mix), RATE, window_seconds=1.9))
    assert [len(moment.recognition.timeline) for moment in moments] == [1, *[4] * 9]


def test_other_rates_and_channels(recognizer: Recognizer, tiny: ModuleType) -> None:
    sound = np.stack([tiny.tone(1000.0, 3.0, rate=44100)] * 2)
    moments = list(listen(recognizer, blocks_of(sound, 4410), 44100))
    assert [round(moment.time) for moment in moments] == [1, 2, 3]
    assert {moment.recognition.genre for moment in moments} == {"middle"}


@pytest.mark.slow
def test_a_slow_network_leaves_answers_out_and_stays_near(tiny_model: Path, tiny: ModuleType) -> None:
    slow = SlowRecognizer(Recognizer.load(tiny_model, threads=1).bundle)
    slow.seconds = 0.5  # for every 0.1 s of sound
    sound = tiny.tone(200.0, 3.0)
    began = time.monotonic()
    late = []
    moments = []
    for moment in listen(slow, played(sound, speed=1.0), RATE, every_seconds=0.1):
        late.append(time.monotonic() - began - moment.time)
        moments.append(moment)
    assert moments[-1].time == 3.0
    assert 4 <= len(moments) <= 8
    assert sum(moment.behind for moment in moments) == 30 - len(moments)
    assert max(late) < 2.0  # piled up, the last would be 12 s late


def test_a_file_waits_for_the_network(tiny_model: Path, tiny: ModuleType) -> None:
    """All answers are given as long as the network is faster than the sound is played."""
    slow = SlowRecognizer(Recognizer.load(tiny_model, threads=1).bundle)
    slow.seconds = 0.03
    moments = list(listen(slow, blocks_of(tiny.tone(200.0, 20.0)), RATE))
    assert [moment.time for moment in moments] == list(map(float, range(1, 21)))
    assert not any(moment.behind for moment in moments)


def test_memory_does_not_grow_without_a_reader() -> None:
    now = 0.0
    recent = RingBuffer(2, RATE, 2 * RATE, RATE, clock=lambda: now)
    before = recent.nbytes
    count = np.arange(3600 * RATE // 10, dtype=np.float32)
    for first in range(0, len(count), 700):
        now = first / RATE + (first > 0)  # a second late, after the first
        recent.put(np.stack([count[first : first + 700]] * 2))
    assert recent.nbytes == before == 2 * 2 * 3 * RATE * 4
    seen = recent.look()
    assert seen is not None
    moment, left_out, sound = seen
    assert (moment, left_out) == (360 * RATE, 359)
    assert np.array_equal(sound[1], count[358 * RATE :])


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    window=st.integers(1, 50),
    step=st.integers(1, 20),
    looks=st.integers(1, 5),
)
def test_the_reader_gets_what_the_writer_put(sizes: list[int], window: int, step: int, looks: int) -> None:
    """Whoever is late sees the newest whole step; the end is always seen."""
    days = itertools.count(step=86400)  # pass between two looks at the clock: nothing comes early
    recent = RingBuffer(1, 1, window, step, clock=lambda: float(next(days)))
    count = np.arange(sum(sizes), dtype=np.float32)
    heard = last = answered = skipped = 0

    def check(seen: tuple[int, int, np.ndarray] | None) -> None:
        nonlocal last, answered, skipped
        assert seen is not None
        moment, left_out, sound = seen
        assert last < moment <= heard < moment + step
        assert np.array_equal(sound[0], count[max(0, moment - window) : moment])
        last, answered, skipped = moment, answered + 1, skipped + left_out

    for number, size in enumerate(sizes):
        recent.put(count[None, heard : heard + size])
        heard += size
        if number % looks == 0 and heard >= last - last % step + step:
            check(recent.look())
    recent.end()
    while last < heard:
        check(recent.look())
    assert recent.look() is None
    assert answered + skipped == -(-heard // step)


def test_putting_waits_only_for_what_comes_early() -> None:
    now = 0.0
    recent = RingBuffer(1, RATE, RATE, RATE, clock=lambda: now)
    done = threading.Event()

    def put() -> None:
        recent.put(np.zeros((1, 3 * RATE), np.float32))
        done.set()

    threading.Thread(target=put, daemon=True).start()
    assert not done.wait(0.3)
    assert (recent.look() or (0,))[0] == RATE
    assert (recent.look() or (0,))[0] == 2 * RATE
    assert done.wait(5.0)


def test_who_stops_is_not_waited_for(recognizer: Recognizer, tiny: ModuleType) -> None:
    moments = listen(recognizer, blocks_of(np.tile(tiny.tone(200.0), 500)), RATE)
    next(moments)
    moments.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 5
    while any(thread.name == "listen" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_errors_are_raised_after_the_audio_before_them(recognizer: Recognizer, tiny: ModuleType) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield tiny.tone(200.0, 1.5)[None]
        raise AudioError("the microphone is gone")

    moments = listen(recognizer, broken(), RATE)
    assert next(moments).recognition.genre == "low"
    with pytest.raises(AudioError, match="gone"):
        list(moments)


def test_no_sound_at_all(recognizer: Recognizer) -> None:
    with raises("listen-no-sound"):
        list(listen(recognizer, iter(()), RATE))


@pytest.mark.parametrize("options", [{"every_seconds": 0.0}, {"window_seconds": float("nan")}])
def test_times_that_cannot_be(recognizer: Recognizer, options: dict[str, float]) -> None:
    with raises("listen-duration", *options.values()):
        listen(recognizer, iter(()), RATE, **options)


def test_a_window_holds_a_segment(recognizer: Recognizer) -> None:
    with raises("listen-window-short", 0.9):
        listen(recognizer, iter(()), RATE, window_seconds=0.9)


WRITTEN: dict[str, Callable[[np.ndarray], bytes]] = {
    "s16le": lambda x: np.round(x * 2**15).astype("<i2").tobytes(),
    "s24le": lambda x: b"".join(
        int(value).to_bytes(3, "little", signed=True) for value in np.round(x * 2**23).ravel()
    ),
    "s32le": lambda x: np.round(x * 2**31).astype("<i4").tobytes(),
    "f32le": lambda x: x.astype("<f4").tobytes(),
}


@pytest.mark.parametrize("format", PCM_FORMATS)
@given(data=st.data(), channels=st.integers(1, 3), frames=st.integers(0, 40))
def test_pcm_in_pieces_of_any_sizes(format: str, data: st.DataObject, channels: int, frames: int) -> None:
    rng = np.random.default_rng(frames)
    sound = np.round(rng.uniform(-1, 0.999, (frames, channels)) * 2**15) / 2**15  # what all formats hold
    written = WRITTEN[format](sound) + b"\x7f"  # and a byte of a frame that never comes
    cuts = sorted(data.draw(st.lists(st.integers(0, len(written)), max_size=8)))
    pieces = [written[one:other] for one, other in zip([0, *cuts], [*cuts, len(written)], strict=True)]
    blocks = list(pcm_blocks(pieces, format, channels))  # type: ignore[arg-type]
    assert all(block.dtype == np.float32 for block in blocks)
    joined = np.concatenate([np.zeros((channels, 0)), *blocks], axis=1)
    assert np.array_equal(joined, sound.T)


def test_pcm_that_cannot_be() -> None:
    with raises("raw-format", "u8"):
        pcm_blocks([], "u8", 1)  # type: ignore[arg-type]
    with raises("raw-channels", 64, 0):
        pcm_blocks([], "s16le", 0)
    with raises("raw-values", "f32le", 1):
        list(pcm_blocks([np.float32([np.nan]).tobytes()], "f32le", 1))
