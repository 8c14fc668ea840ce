"""A network that hears any duration: predicting, choosing the epoch, in the model file, recognizing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
import torch
import torch.nn.functional as F
from killed import Killed
from raising import raises
from small_mfcc_cqt import RATE, SEGMENT, SHORTEST, lively, small, uneven
from torch import Tensor

from genrelab.bundle.bundle import Bundle
from genrelab.errors import ModelFileError, UsageError
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.record import describe
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.recipes import load_recipe
from genrelab.lab.runs.folders import MODEL, Run
from genrelab.lab.runs.record import CorpusRecord
from genrelab.lab.training.checkpoints import Checkpoints, read_history
from genrelab.lab.training.dataset import EqualBatches, HeldOutDataset, SegmentDataset
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.export import TOLERANCE, export
from genrelab.lab.training.store.audio_store import AudioStore, open_store
from genrelab.lab.training.train import train
from genrelab.recognize import Recognizer

WHOLE = 16_000  # samples: a segment of the experiment
# Samples: shorter than the network can take, as short as it can, two alike, a segment, more than two.
LENGTHS = (2000, SHORTEST, 7001, 7001, 9000, SEGMENT, 2 * SEGMENT + 5000, 5000)


@pytest.fixture
def clips() -> Corpus:
    return uneven(LENGTHS)


@pytest.fixture
def store(clips: Corpus, cache: Path) -> AudioStore:
    return open_store(clips, sample_rate=RATE, channels=1)


def pieces(store: AudioStore, clip_id: str) -> list[Tensor]:
    """Return what is to be heard of a clip, said anew: whole, or in segments; too short a one repeated."""
    sound = store.read(clip_id, 0, store.frames(clip_id))
    if sound.shape[1] < SHORTEST:
        sound = np.tile(sound, 10)[:, :SHORTEST]
    if sound.shape[1] < SEGMENT:
        return [torch.from_numpy(sound)]
    starts = range(0, sound.shape[1] - SEGMENT + 1, SEGMENT)
    return [torch.from_numpy(sound[:, start : start + SEGMENT]) for start in starts]


def one_by_one(network: GenreNetwork, store: AudioStore, ids: list[str]) -> np.ndarray:
    with torch.no_grad():
        rows = [network(piece[None]).logits for key in ids for piece in pieces(store, key)]
    return torch.cat(rows).double().softmax(-1).numpy()


def test_predictions_are_those_of_each_clip_as_it_is(clips: Corpus, store: AudioStore) -> None:
    network = lively(small(), 2)
    ids = [clip.id for clip in clips.clips]
    found = predict(network, TestSet(clips, ids, store, small().audio), device="cpu")
    expected = one_by_one(network, store, ids)
    assert [found.clip_ids.count(key) for key in ids] == [1, 1, 1, 1, 1, 1, 2, 1]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-4)
    assert np.ptp(expected, axis=0).max() > 0.02, "the clips are not all alike"
    padded = predict(network, TestSet(clips, ids, store, small("audio.padding=repeat").audio), device="cpu")
    differences = np.abs(padded.probabilities - expected).max(axis=1)
    assert (differences[[0, 1, 2, 3, 4, 8]] > 1e-3).all(), "as it is: not padded to a segment"
    np.testing.assert_allclose(differences[[5, 6, 7]], 0.0, atol=1e-4)


def test_batches_hold_neighbours_of_equal_length(clips: Corpus, store: AudioStore) -> None:
    labels = {clip.id: 0 for clip in clips.clips}
    dataset = HeldOutDataset(store, labels, small().audio, shortest=SHORTEST)
    batches = [[number for _, number in batch] for batch in EqualBatches(dataset, 2)]
    assert batches == [[0, 1], [2, 3], [4], [5, 6], [7], [8]]
    assert len(EqualBatches(dataset, 2)) == 6
    for number in range(len(dataset)):
        assert dataset[0, number][0].shape == (1, dataset.samples(number))
    whole = SegmentDataset(store, labels, small().audio, seed=0)
    assert {whole.samples(number) for number in range(len(whole))} == {SEGMENT}
    sizes = [len(batch) for batch in EqualBatches(whole, 4)]
    assert sizes == [4, 4, 1]


def test_in_training_short_clips_are_repeated(clips: Corpus, store: AudioStore) -> None:
    dataset = SegmentDataset(store, {"clip-7": 1}, small().audio, seed=0)
    waveform, label = dataset[3, 0]
    sound = store.read("clip-7", 0, 5000)
    assert label == 1
    np.testing.assert_array_equal(waveform.numpy(), np.tile(sound, 3)[:, :SEGMENT])


@pytest.fixture
def parts(clips: Corpus) -> Split:
    ids = [clip.id for clip in clips.clips]
    return Split("same", train=ids, valid=ids, test=ids, made="by hand")


def test_the_epoch_is_chosen_on_clips_as_they_are(
    clips: Corpus, store: AudioStore, parts: Split, tmp_path: Path
) -> None:
    recipe = small("training.max_epochs=1")
    trained = train(Experiment(recipe, clips, parts, 0), folder=tmp_path, device="cpu")
    ids = [clip.id for clip in clips.clips]
    expected = torch.from_numpy(one_by_one(trained.network, store, ids))
    genres = [number % 2 for number in range(len(ids)) for _ in pieces(store, ids[number])]
    loss = F.nll_loss(expected.log(), torch.tensor(genres)).item()
    (epoch,) = read_history(tmp_path)
    assert epoch["valid_loss"] == pytest.approx(loss, abs=1e-4)


def test_a_killed_run_cuts_out_the_same_frames(
    clips: Corpus, store: AudioStore, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Split("few", train=parts.train[1:6], valid=parts.valid[:2], test=[], made="by hand")

    def go(folder: str) -> dict[str, Tensor]:
        (tmp_path / folder).mkdir(exist_ok=True)
        trained = train(Experiment(small(), clips, few, 0), folder=tmp_path / folder, device="cpu")
        return trained.network.state_dict()

    undisturbed = go("whole")
    with monkeypatch.context() as patch:

        def batch_end(self: Checkpoints, trainer: object, *rest: object) -> None:
            if trainer.current_epoch == 1:  # type: ignore[attr-defined]
                raise Killed

        patch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
        with pytest.raises(Killed):
            go("killed")
    resumed = go("killed")
    assert all(torch.equal(undisturbed[key], resumed[key]) for key in undisturbed)


@pytest.fixture(scope="module")
def run(corpus: Corpus, split: Split, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished experiment, whose clips of 1.5 s are all shorter than a segment."""
    recipe = small("audio.segment_seconds=2.0", "training.max_epochs=3", "training.learning_rate=0.01")
    base = tmp_path_factory.mktemp("runs")
    return run_experiment(Experiment(recipe, corpus, split, 0), base=base, device="cpu")


@pytest.mark.slow
def test_an_experiment_is_measured_and_written(run: Run) -> None:
    assert run.record.evaluation.segment.n == 6
    assert run.record.export_difference <= TOLERANCE
    metadata = Bundle.load(run.folder / MODEL).metadata
    assert (metadata.padding, metadata.voting, metadata.segment_samples) == ("none", "mean", WHOLE)
    assert metadata.shortest_samples == SHORTEST
    assert metadata.shortest_seconds == pytest.approx(0.496)


@pytest.mark.slow
def test_the_model_file_takes_any_length(run: Run) -> None:
    network, bundle = run.network().eval(), Bundle.load(run.folder / MODEL)
    generator = torch.Generator().manual_seed(7)
    answers = []
    for samples in (SHORTEST, SHORTEST + 1, 5000, 7301, 11_999, WHOLE):
        tones = torch.sin(torch.tensor([0.2, 0.5, 1.1])[:, None, None] * torch.arange(samples))
        sound = 0.2 * tones + 0.02 * torch.randn(3, 1, samples, generator=generator)
        with torch.no_grad():
            expected = network(sound)
        probabilities, embedding, _ = bundle.predict(sound.numpy())
        np.testing.assert_allclose(probabilities, expected.logits.softmax(-1).numpy(), atol=1e-4)
        scale = max(1.0, float(expected.embedding.abs().max()))
        np.testing.assert_allclose(embedding, expected.embedding.numpy(), atol=1e-4 * scale)
        answers.append(probabilities)
    assert np.ptp(np.concatenate(answers), axis=0).max() > 0.01
    for samples in (SHORTEST - 1, WHOLE + 1):
        with pytest.raises(UsageError, match=rf"\[1 or more, 1, {SHORTEST} to {WHOLE}\]"):
            bundle.predict(np.zeros((1, 1, samples), np.float32))


@pytest.mark.slow
def test_short_files_are_recognized_as_they_are(run: Run, tmp_path: Path) -> None:
    network, recognizer = run.network().eval(), Recognizer.load(run.folder / MODEL, threads=1)
    rng = np.random.default_rng(5)
    for samples, heard in ((7301, 7301), (SHORTEST, SHORTEST), (1700, SHORTEST), (WHOLE + 9000, WHOLE)):
        time = np.arange(samples) / RATE
        sound = (0.3 * np.sin(900.0 * time * np.exp(-time)) + rng.normal(0, 0.05, samples)).astype(np.float32)
        file = tmp_path / f"{samples}.wav"
        soundfile.write(file, sound, RATE, subtype="FLOAT")
        record = recognizer(file)
        assert record.error is None and record.duration == pytest.approx(samples / RATE)
        (segment,) = record.timeline
        assert (segment.start, segment.end) == (0.0, pytest.approx(min(samples, WHOLE) / RATE))
        with torch.no_grad():
            logits = network(torch.from_numpy(np.resize(sound, heard))[None, None]).logits[0]
        expected = dict(zip(run.genres, logits.softmax(-1).tolist(), strict=True))
        assert dict(record.genres) == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_a_graph_of_one_length_is_refused_for_sound_of_any(run: Run, tmp_path: Path) -> None:
    program = onnx.load(run.folder / MODEL)
    program.graph.input[0].type.tensor_type.shape.dim[2].dim_value = WHOLE
    onnx.save(program, tmp_path / "fixed.onnx")
    with pytest.raises(ModelFileError, match=r"tensor\(float\) \['batch', 1, 'free'\]"):
        Bundle.load(tmp_path / "fixed.onnx")


def test_a_network_of_one_length_is_not_written_for_sound_of_any(tmp_path: Path) -> None:
    recipe = load_recipe("resnet2d-s", changes=["audio.segment_seconds=0.5", "model.width=2"])
    about = describe(recipe, CorpusRecord(name="uneven", original="uneven", genres=("a", "b", "c")))
    network = build_network(recipe, genres=3)
    with raises("padding-none", "audio.padding=none"):
        export(network, about.model_copy(update={"padding": "none"}), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
