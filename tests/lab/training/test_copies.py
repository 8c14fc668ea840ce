"""Copies of training clips: which there are, what they sound and look like, that none is of a test clip."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import lightning as L
import pytest
import torch
import yaml
from killed import Killed, same
from raising import raises
from torch.utils.data import DataLoader

from genrelab.errors import CorpusError, RecipeError
from genrelab.lab.corpora.transforms.sound_changes import Loudness
from genrelab.lab.corpora.transforms.transformed_corpus import derive
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.models import build_network
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.recipes.load import dump_recipe, parse_recipe
from genrelab.lab.training.checkpoints import Checkpoints
from genrelab.lab.training.dataset import EpochSampler
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import AudioStore, open_store
from genrelab.lab.training.train import Trained, train, training_set

Make = Callable[..., Recipe]
SOFTER = {"kind": "loudness", "decibels": -30}
MASKED = {"kind": "frequency-mask", "input": "mel", "count": 1, "max_share": 0.9}
MP3 = {"kind": "mp3", "bitrate": 32}


@pytest.fixture
def copying(tiny_recipe: Make) -> Make:
    """Make the tiny recipe with copies and no other augmentation."""

    def make(copies: list[dict[str, object]], *changes: str) -> Recipe:
        written = json.dumps({"copies": copies})
        return tiny_recipe("augment=null", f"augment={written}", *changes)

    return make


def clips_by_copy(recipe: Recipe, corpus: Corpus, split: Split, store: AudioStore) -> list[list[str]]:
    made = training_set(Experiment(recipe, corpus, split, 0))
    return [[item.clip_id for item in copy.items] for copy in made.copies]


def test_each_copy_adds_one_clip_for_each_training_clip_and_no_other(
    copying: Make, corpus: Corpus, split: Split, store: AudioStore
) -> None:
    recipe = copying([SOFTER, MASKED, MP3], "training.segments_per_clip=1")
    originals, *copies = clips_by_copy(recipe, corpus, split, store)
    assert originals == list(split.train)
    assert copies == [originals] * 3, "no copy of a clip of valid or test"
    made = training_set(Experiment(recipe, corpus, split, 0))
    assert len(made) == 4 * len(split.train)
    assert [made[0, 12 * copy][2] for copy in range(4)] == [0, 1, 2, 3]
    assert [made[0, 12 * copy + 5][1] for copy in range(4)] == [made[0, 5][1]] * 4


def test_copies_of_validation_clips_are_learned_where_a_recipe_says_so_and_of_test_clips_never(
    copying: Make, corpus: Corpus, split: Split, store: AudioStore
) -> None:
    leak = copying([SOFTER, MASKED], "training.segments_per_clip=1", "augment.copies_of=train+valid")
    originals, *copies = clips_by_copy(leak, corpus, split, store)
    assert originals == list(split.train)
    assert copies == [[*split.train, *split.valid]] * 2
    both = copying(
        [SOFTER],
        "training.segments_per_clip=1",
        "augment.copies_of=train+valid",
        "training.choose_epoch_on=test",
    )
    assert clips_by_copy(both, corpus, split, store) == [[*split.train, *split.valid]] * 2


def test_copies_sound_changed_and_pictures_do_not(
    copying: Make, corpus: Corpus, split: Split, store: AudioStore
) -> None:
    recipe = copying([SOFTER, MASKED], "training.segments_per_clip=2")
    experiment = Experiment(recipe, corpus, split, 0)
    made = training_set(experiment)
    softer = open_store(derive(corpus, Loudness(-30.0)), sample_rate=8000, channels=1)
    originals, quiet, masked = made.copies
    assert quiet.store.folder == softer.folder != store.folder and masked.store is experiment.store
    for number in range(len(quiet)):
        segment = quiet[3, number][0].double()
        assert 20 * torch.log10(segment.square().mean().sqrt()) == pytest.approx(-30.0, abs=2.0)
    # Other places than those of the original: else the copy would be of the same segment always.
    assert not torch.equal(masked[0, 0][0], originals[0, 0][0])
    again = training_set(Experiment(copying([SOFTER, MASKED]), corpus, split, 0))
    assert all(torch.equal(made[7, number][0], again[7, number][0]) for number in range(len(made)))
    assert not torch.equal(made[7, len(made) - 1][0], made[8, len(made) - 1][0])


def test_copied_sound_is_made_once(
    copying: Make, corpus: Corpus, split: Split, store: AudioStore, cache: Path
) -> None:
    calls: list[tuple[str, int, int]] = []
    for seed in (0, 1):
        training_set(Experiment(copying([MP3]), corpus, split, seed, lambda *at: calls.append(at)))
    assert [what for what, *_ in calls] == ["copying with mp3-32"] * len(corpus.clips)
    assert len(list((cache / "stores").iterdir())) == 2


def test_without_copies_nothing_changes(
    tiny_recipe: Make, corpus: Corpus, split: Split, store: AudioStore
) -> None:
    made = training_set(Experiment(tiny_recipe(), corpus, split, 5))
    (originals,) = made.copies
    assert len(made) == len(originals) and originals.copy == 0
    assert all(torch.equal(made[2, number][0], originals[2, number][0]) for number in range(len(made)))


def test_the_network_masks_the_items_of_that_copy_alone(copying: Make) -> None:
    time = {"kind": "time-mask", "input": "mel", "count": 1, "max_share": 1.0}
    network = build_network(copying([SOFTER, MASKED, time]), genres=3)
    waveform = torch.randn(8, 1, 4000, generator=torch.Generator().manual_seed(0))
    copy = torch.tensor([0, 1, 2, 3] * 2)
    plain = network.eval().inputs(waveform, copy)["mel"]
    network.train().seed(1)
    first = network.inputs(waveform, copy)["mel"]
    network.seed(1)
    assert torch.equal(network.inputs(waveform, copy)["mel"], first)
    changed = first != plain
    assert changed.flatten(1).any(dim=1).tolist() == [False, False, True, True] * 2
    for item, axis in ((2, -1), (6, -1), (3, -2), (7, -2)):
        bars = changed[item, 0].any(dim=axis, keepdim=True).expand_as(changed[item, 0])
        assert torch.equal(changed[item, 0], bars), "whole bands, or whole moments"
        mean = plain[item].mean()
        torch.testing.assert_close(first[item][changed[item]], mean.expand(int(changed[item].sum())))
    assert torch.equal(network.inputs(waveform)["mel"], plain), "without copy numbers nothing is a copy"
    network.seed(2)
    assert not torch.equal(network.inputs(waveform, copy)["mel"], first)


def test_kept_masks_follow_from_the_run_and_the_clip_alone(copying: Make) -> None:
    """In each epoch, in each batch, in whatever order: as if the masked pictures had been saved."""
    network = build_network(copying([SOFTER, MASKED | {"kept": True}]), genres=3)
    waveform = torch.randn(1, 1, 4000, generator=torch.Generator().manual_seed(0)).repeat(6, 1, 1)
    copy, clip = torch.tensor([0, 1, 2, 2, 2, 2]), torch.tensor([4, 4, 4, 5, 6, 4])
    plain = network.eval().inputs(waveform, copy, clip)["mel"]
    network.train().seed(1, run=7)
    first = network.inputs(waveform, copy, clip)["mel"]
    assert torch.equal(first[:2], plain[:2])
    assert torch.equal(first[2], first[5]), "a clip has its masks"
    assert len({each.numpy().tobytes() for each in first[2:5]}) == 3, "other clips have others"
    network.seed(2, run=7)  # another epoch
    order = torch.tensor([3, 2, 0])
    again = network.inputs(waveform[order], copy[order], clip[order])["mel"]
    assert torch.equal(again, first[order])
    network.seed(1, run=8)  # another run
    assert not torch.equal(network.inputs(waveform, copy, clip)["mel"], first)


def test_the_recipe_of_the_paper_keeps_its_masks() -> None:
    copies = load_recipe("mel-augmentation/cnn").augment.copies
    assert [each.kind for each in copies if each.options().get("kept")] == ["frequency-mask", "time-mask"]


def test_training_gives_the_network_the_copies_numbers(
    copying: Make,
    corpus: Corpus,
    split: Split,
    store: AudioStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = copying([SOFTER, MASKED], "training.max_epochs=1", "training.segments_per_clip=1")
    seen: list[int] = []

    def batch_end(
        self: Checkpoints,
        trainer: L.Trainer,
        module: object,
        out: object,
        batch: list[torch.Tensor],
        *rest: object,
    ) -> None:
        seen.extend(batch[2].tolist())

    monkeypatch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
    trained = train(Experiment(recipe, corpus, split, 0), folder=tmp_path, device="cpu")
    assert sorted(seen) == [0] * 12 + [1] * 12 + [2] * 12
    assert trained.copies == (12, 12)


@pytest.mark.slow
@pytest.mark.parametrize("kept", [False, True])
def test_a_killed_training_with_copies_resumes_to_the_same_end(
    kept: bool,
    copying: Make,
    corpus: Corpus,
    split: Split,
    store: AudioStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masked = MASKED | {"kept": kept}
    recipe = copying([SOFTER, masked], "training.max_epochs=3", "training.segments_per_clip=1")

    def go(name: str, changed: Recipe = recipe) -> Trained:
        (tmp_path / name).mkdir(exist_ok=True)
        return train(Experiment(changed, corpus, split, 0), folder=tmp_path / name, device="cpu")

    whole = go("whole")
    with monkeypatch.context() as patch:

        def batch_end(self: Checkpoints, trainer: L.Trainer, *rest: object) -> None:
            if trainer.current_epoch == 2:
                raise Killed

        patch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
        with pytest.raises(Killed):
            go("killed")
    assert same(whole, go("killed"))
    assert not same(
        whole,
        go(
            "without masks",
            copying([SOFTER, SOFTER], *["training.max_epochs=3", "training.segments_per_clip=1"]),
        ),
    )


def test_copies_travel_to_other_processes(
    copying: Make, corpus: Corpus, split: Split, store: AudioStore
) -> None:
    made = training_set(
        Experiment(copying([SOFTER, MASKED], "training.segments_per_clip=1"), corpus, split, 0)
    )
    sampler = EpochSampler(len(made), seed=0, shuffle=True)
    here, there = (
        list(DataLoader(made, batch_size=9, sampler=sampler, num_workers=workers)) for workers in (0, 1)
    )
    for ours, theirs in zip(here, there, strict=True):
        assert all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))


def test_a_recipe_with_copies_is_written_and_read(copying: Make) -> None:
    recipe = copying([SOFTER, MASKED], "augment.copies_of=train+valid")
    raw = dump_recipe(recipe)
    assert parse_recipe(yaml.safe_load(raw), origin="again") == recipe
    assert load_recipe("resnet2d-s").augment.copies == ()


@pytest.mark.parametrize(
    ("copy", "code", "quoted"),
    [
        (
            {"kind": "time-strech", "factor": 2},
            "kind-unknown",
            "'time-stretch'",
        ),
        ({"kind": "time-stretch"}, "option-missing", "factor"),
        ({"kind": "time-stretch", "factor": "fast"}, "option-invalid", "'fast'"),
        ({"kind": "frequency-mask", "count": 1}, "copy-without-input", "`input`"),
        ({"kind": "pitch-shift", "semitones": 1, "input": "mel"}, "copy-with-input", "`input`"),
        (
            {"kind": "frequency-mask", "input": "mell"},
            "input-unknown",
            "'mel'",
        ),
        ({"kind": "frequency-mask", "input": 5}, "input-unknown", "'5'"),
        ({"kind": "frequency-mask", "input": "mel", "kept": "yes"}, "copy-kept", "'yes'"),
        ({"kind": "loudness", "decibels": -3, "kept": True}, "option-unknown", "'kept'"),
        ({"kind": "frequency-musk", "input": "mel"}, "kind-unknown", "'frequency-mask'"),
    ],
)
def test_wrong_copies_are_refused_before_training(
    copying: Make, copy: dict[str, object], code: str, quoted: str
) -> None:
    with raises(code, quoted):
        build_network(copying([copy]), genres=3)


def test_a_bit_rate_that_mp3_does_not_know_is_refused(copying: Make) -> None:
    with pytest.raises(RecipeError, match="33 kbit/s"):
        build_network(copying([{"kind": "mp3", "bitrate": 33}]), genres=3)


def test_a_leak_needs_copies(tiny_recipe: Make) -> None:
    with raises("recipe-value", "augment.copies_of = 'train+valid'", "augment.copies"):
        tiny_recipe("augment.copies_of=train+valid")
    with raises("recipe-value", "copies_of"):
        tiny_recipe("augment.copies_of=test")


def test_copies_that_cannot_be_made_are_refused(
    copying: Make, corpus: Corpus, split: Split, store: AudioStore
) -> None:
    recipe = copying([{"kind": "high-pass", "hz": 4000}])
    with pytest.raises(CorpusError, match="'tones-high-pass-4000' can be used: .* below 4000 Hz"):
        training_set(Experiment(recipe, corpus, split, 0))
