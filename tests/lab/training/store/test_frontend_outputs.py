"""Outputs of fixed front-ends are kept, and change no number of a training."""

from __future__ import annotations

import errno
import json
import os
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from killed import Killed, same
from raising import raises

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.frontends import FRONTENDS
from genrelab.lab.frontends.mel import MelSpectrogram
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.models.base import frontends_of
from genrelab.lab.recipes import Recipe
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store import frontend_outputs, output_file
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.store.frontend_outputs import (
    VARIABLE,
    FrontendOutputs,
    Grid,
    Keeping,
    kept_outputs,
    room,
)
from genrelab.lab.training.store.output_file import ABOUT, DONE, VALUES, make_room
from genrelab.lab.training.train import Trained, train

Make = Callable[..., Recipe]
GRID = Grid(4000, 4000, "end")
WHOLE = ("training.segments_per_clip=null", "training.max_epochs=2")


@pytest.fixture
def network(tiny_recipe: Make) -> GenreNetwork:
    torch.manual_seed(0)
    return build_network(tiny_recipe(*WHOLE), genres=3)


def keep(
    network: GenreNetwork, store: AudioStore, clips: Sequence[str], grid: Grid = GRID
) -> FrontendOutputs | None:
    return kept_outputs(network, store, grid, clips, options=Keeping())


def folder_of(cache: Path) -> Path:
    (folder,) = (cache / "frontends").iterdir()
    return folder


def count_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the number of segments of each call of a front-end."""
    calls: list[int] = []
    plain = MelSpectrogram.forward

    def counted(self: MelSpectrogram, waveform: torch.Tensor) -> torch.Tensor:
        calls.append(len(waveform))
        return plain(self, waveform)

    monkeypatch.setattr(MelSpectrogram, "forward", counted)
    return calls


def figures(folder: Path) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in read_history(folder)]


@pytest.mark.parametrize(
    ("changes", "segments"),
    [
        pytest.param([], 3, id="pictures changed after the front-end"),
        pytest.param(
            ["augment.copies=[{kind: frequency-mask, input: mel, max_share: 0.2}]"],
            3,
            id="copies of pictures",
        ),
        pytest.param(["augment=null", "audio.overlap=0.5", "audio.padding=repeat"], 5, id="overlap"),
    ],
)
def test_a_training_with_kept_outputs_gives_the_same_numbers(
    changes: list[str],
    segments: int,
    run: Callable[..., Trained],
    corpus: Corpus,
    split: Split,
    store: AudioStore,
    tiny_recipe: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = tiny_recipe(*WHOLE, *changes)
    monkeypatch.setenv(VARIABLE, "off")
    plain = run(recipe, tmp_path / "plain")
    tested = TestSet(corpus, split.test, store, recipe.audio)
    expected = predict(plain.network, tested, device="cpu").probabilities
    monkeypatch.delenv(VARIABLE)
    calls = count_calls(monkeypatch)
    kept = run(recipe, tmp_path / "kept")
    computed = sum(calls)
    again = run(recipe, tmp_path / "again", seed=0)
    found = predict(kept.network, tested, device="cpu").probabilities
    predict(kept.network, tested, device="cpu")
    assert figures(tmp_path / "kept") == figures(tmp_path / "plain") == figures(tmp_path / "again")
    assert same(plain, kept) and same(plain, again)
    assert np.array_equal(found, expected)
    tried = 2 + 8  # rows of the comparison
    assert computed == (12 + 6) * segments + 2 * tried, "training and validation clips once"
    assert sum(calls) == computed + 6 * segments + tried, "then test clips once"


def test_a_test_reports_the_outputs_that_it_computes_first(
    network: GenreNetwork, store: AudioStore, corpus: Corpus, split: Split, tiny_recipe: Make
) -> None:
    tested = TestSet(corpus, split.test, store, tiny_recipe(*WHOLE).audio)
    for first in (True, False):
        seen: list[tuple[int, int]] = []
        predict(
            network, tested, device="cpu", report=lambda done, total, seen=seen: seen.append((done, total))
        )
        totals = list(dict.fromkeys(total for _, total in seen))
        assert totals == ([6, 18] if first else [18]), "clips, then segments"
        assert seen[-1] == (18, 18)


@pytest.mark.parametrize(
    "change",
    [
        "training.segments_per_clip=2",
        "training.mixup=0.2",
        "augment.waveform=[{kind: gain}]",
        "training.not_music={share: 0.25}",
    ],
)
def test_drawn_or_changed_waveforms_are_not_kept(
    change: str,
    run: Callable[..., Trained],
    tiny_recipe: Make,
    tmp_path: Path,
    cache: Path,
    store: AudioStore,
) -> None:
    run(tiny_recipe(*WHOLE, "training.max_epochs=1", change), tmp_path / "run")
    done = np.fromfile(folder_of(cache) / DONE, np.uint8).reshape(-1, 16).any(axis=1)
    there = {key for key, is_done in zip(store.clips, done, strict=True) if is_done}
    assert there == {f"{genre}-{number}" for genre in ("high", "low", "noise") for number in (4, 5)}, (
        "only what chooses the epoch"
    )


def test_random_padding_is_not_kept(
    corpus: Corpus, split: Split, tiny_recipe: Make, tmp_path: Path, cache: Path
) -> None:
    recipe = tiny_recipe(*WHOLE, "audio.segment_seconds=2", "audio.padding=random")
    train(Experiment(recipe, corpus, split, 0), folder=tmp_path, device="cpu")
    done = np.fromfile(folder_of(cache) / DONE, np.uint8).reshape(-1, 16).any(axis=1)
    assert done.sum() == 6, "the silence of a training item changes from epoch to epoch"


def test_a_killed_pass_goes_on_where_it_stopped(
    network: GenreNetwork, store: AudioStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = list(store.clips)
    written: list[int] = []
    write = output_file.OutputFile.write

    def dies(self: output_file.OutputFile, clip: int, outputs: np.ndarray) -> None:
        if len(written) == 7:
            raise Killed
        written.append(clip)
        write(self, clip, outputs)

    monkeypatch.setattr(output_file.OutputFile, "write", dies)
    with pytest.raises(Killed):
        keep(network, store, clips)
    monkeypatch.setattr(output_file.OutputFile, "write", write)
    calls = count_calls(monkeypatch)
    outputs = keep(network, store, clips)
    assert outputs is not None and sum(calls) == 3 * (len(clips) - 7) + 10
    _assert_right(network, store, outputs)


def test_what_a_kill_left_half_written_or_a_disk_changed_is_computed_again(
    network: GenreNetwork, store: AudioStore, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = list(store.clips)
    keep(network, store, clips)
    folder = folder_of(cache)
    values = bytearray((folder / VALUES).read_bytes())
    values[40] ^= 1
    (folder / VALUES).write_bytes(values[:-8])  # and the last clip is cut off
    outputs = keep(network, store, clips)
    assert outputs is not None
    _assert_right(network, store, outputs)
    assert "2 clips are damaged" in caplog.text


def _assert_right(network: GenreNetwork, store: AudioStore, outputs: FrontendOutputs) -> None:
    (mel,) = frontends_of(network).values()
    for key in store.clips:
        for start in (0, 4000, 8000):
            waveform = torch.from_numpy(store.read(key, start, 4000))[None].repeat(2, 1, 1)
            expected = mel(waveform)[0]
            assert torch.equal(outputs.ready(key, start).inputs["mel"], expected)


def test_outputs_survive_pickling_for_workers(network: GenreNetwork, store: AudioStore) -> None:
    outputs = keep(network, store, store.clips[:2])
    assert outputs is not None
    again: FrontendOutputs = pickle.loads(pickle.dumps(outputs))  # as a worker of a loader gets them
    for ours, theirs in zip(
        outputs.ready(store.clips[1], 4000), again.ready(store.clips[1], 4000), strict=True
    ):
        if isinstance(ours, dict):
            assert torch.equal(ours["mel"], theirs["mel"])  # type: ignore[index]


@pytest.mark.parametrize("what", ["option", "segment", "hop", "padding", "sound", "code"])
def test_whatever_decides_an_output_decides_where_it_is_kept(
    what: str,
    tiny_recipe: Make,
    network: GenreNetwork,
    store: AudioStore,
    corpus: Corpus,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep(network, store, store.clips[:1])
    grid, other = GRID, network
    if what == "option":
        other = build_network(tiny_recipe(*WHOLE, "inputs.mel.n_mels=32"), genres=3)
    elif what == "sound":
        fewer = Corpus("tones", corpus.genres, corpus.clips[:-1], renderer=corpus.renderer)
        from genrelab.lab.training.store.audio_store import open_store

        store = open_store(fewer, sample_rate=8000, channels=1)
    elif what == "code":
        monkeypatch.setattr(frontend_outputs, "_code_of", lambda kind: "other")
    else:
        grid = {"segment": Grid(6000, 4000, "end"), "hop": Grid(4000, 2000, "end")}.get(
            what, Grid(4000, 4000, "repeat")
        )
    keep(other, store, store.clips[:1], grid)
    assert len(list((cache / "frontends").iterdir())) == 2


def test_without_room_nothing_is_kept_and_the_log_says_so(
    network: GenreNetwork,
    store: AudioStore,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(VARIABLE, "0.0001")
    assert keep(network, store, store.clips) is None
    assert VARIABLE in caplog.text and not (cache / "frontends").exists()


def test_a_full_disk_stops_the_keeping_not_the_training(
    network: GenreNetwork,
    store: AudioStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(path: Path, offset: int, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(output_file, "_write", full)
    assert keep(network, store, store.clips) is None
    assert os.strerror(errno.ENOSPC) in caplog.text


def test_room_is_made_from_what_was_not_used_for_longest(tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "older", "oldest")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / VALUES).write_bytes(b"x" * 100_000)
        (folder / ABOUT).write_text("{}")
        os.utime(folder / ABOUT, (1e9 - age, 1e9 - age))
    assert make_room(tmp_path, 100_000, most=350_000)
    assert {each.name for each in tmp_path.iterdir()} == {"newest", "older"}
    assert not make_room(tmp_path, 100_000, most=99_999)


def test_what_is_in_use_stays_and_counts_in_full(
    network: GenreNetwork, store: AudioStore, cache: Path
) -> None:
    base = cache / "frontends"
    outputs = keep(network, store, store.clips[:1])  # of all clips, most are yet to come
    assert outputs is not None
    (file,) = outputs.kept.values()
    os.utime(file.folder / ABOUT, (1, 1))
    assert not make_room(base, 1000, most=file.size + 999)
    assert make_room(base, 1000, most=file.size + 1000)
    assert file.folder.is_dir()
    folder = file.folder
    del outputs, file
    assert make_room(base, 1000, most=1000), "it was not used any more"
    assert not folder.exists()


def test_outputs_that_depend_on_the_batch_are_not_kept(
    network: GenreNetwork, store: AudioStore, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = MelSpectrogram.forward
    monkeypatch.setattr(
        MelSpectrogram, "forward", lambda self, waveform: plain(self, waveform) + 1e-6 * len(waveform)
    )
    assert keep(network, store, store.clips) is None


def test_learned_and_unknown_frontends_are_not_kept(
    network: GenreNetwork, store: AudioStore, cache: Path
) -> None:
    (mel,) = frontends_of(network).values()
    mel.made_from = None
    assert keep(network, store, store.clips) is None
    sinc = FRONTENDS.create("sinc", {}, sample_rate=8000, channels=1)
    assert not sinc.fixed


@pytest.mark.parametrize(
    ("text", "size"), [("off", 0), ("0", 0), ("2.5", 2_500_000_000), ("", 16_000_000_000)]
)
def test_the_room_is_given_in_gigabytes(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    assert room() == size


@pytest.mark.parametrize("text", ["lots", "-1", "nan", "inf"])
def test_another_room_is_an_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with raises("frontend-cache-size", VARIABLE, repr(text), "off"):
        room()


def test_the_folder_says_what_it_holds(network: GenreNetwork, store: AudioStore, cache: Path) -> None:
    keep(network, store, store.clips[:1])
    about = json.loads((folder_of(cache) / ABOUT).read_text())
    assert about["front-end"][0] == "mel" and about["clips"] == len(store.clips)
