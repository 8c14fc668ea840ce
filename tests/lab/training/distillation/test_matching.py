"""Function matching: teachers hear what the network hears, and what follows from their answers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from killed import Killed, same
from published_fcn import TAGS, write_published
from raising import raises
from scipy.special import expit, softmax
from torch import Tensor

from genrelab.lab.corpora.tag_table import tag_truth
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.distill import Distill
from genrelab.lab.recipes.tags import NO_MUSIC, Tags
from genrelab.lab.training.checkpoints import LAST, Checkpoints
from genrelab.lab.training.data_loading import training_set
from genrelab.lab.training.distillation import clip_answers as answers_module
from genrelab.lab.training.distillation.clip_answers import clip_answers
from genrelab.lab.training.distillation.linear_heads import genre_heads, tag_heads
from genrelab.lab.training.distillation.matching import Heads, MatchingSource
from genrelab.lab.training.distillation.taught import Taught
from genrelab.lab.training.distillation.teacher_set import NamedTeacher, load_teachers, taught_columns
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.mixup import Blend
from genrelab.lab.training.optimization.objective_factory import make_objective
from genrelab.lab.training.optimization.outlier_exposure import Outliers
from genrelab.lab.training.optimization.views import Views, cut
from genrelab.lab.training.store.audio_store import AudioStore, open_store
from genrelab.lab.training.task import GenreTask
from genrelab.lab.training.train import Trained, train

Make = Callable[..., Recipe]
RATE = 8000
TAUGHT = {"style:calm": ["calm"], "energy:any": ["fast", "louder"], "mood:low": ["calm"]}


@dataclasses.dataclass(frozen=True)
class Sounds:
    """The tones, and for a clip without a genre a tone of its own."""

    tones: Callable[[Clip, int, int], np.ndarray]

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        genre = clip.genre or ("high", "low", "noise")[int(clip.id.split("-")[1]) % 3]
        return self.tones(dataclasses.replace(clip, genre=genre), sample_rate, channels)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Two teachers with different weights and names of tags."""
    folder, found = tmp_path_factory.mktemp("teachers"), []
    for seed, name in enumerate(("one", "two")):
        write_published(folder / f"{name}.safetensors", seed=seed)
        names = TAGS if name == "one" else ("louder", *TAGS[1:])
        (folder / f"{name}.txt").write_text("\n".join(names), encoding="utf-8")
        found.append({"weights": str(folder / f"{name}.safetensors"), "tags": str(folder / f"{name}.txt")})
    return found


@pytest.fixture(scope="module")
def tagged(corpus: Corpus) -> Corpus:
    """The tones with moods, and three clips with a mood alone."""
    clips = [
        dataclasses.replace(clip, tags=("mood:low" if clip.genre == "low" else "mood:other",))
        if number % 4
        else clip
        for number, clip in enumerate(corpus.clips)
    ]
    free = [
        Clip(f"free-{number}", None, None, f"someone {number}", tags=("mood:low",)) for number in range(3)
    ]
    assert corpus.renderer is not None
    return dataclasses.replace(corpus, clips=[*clips, *free], renderer=Sounds(corpus.renderer), tags=())


@pytest.fixture
def matching(tiny_recipe: Make, files: list[dict[str, str]]) -> Make:
    def make(*changes: str, teachers: int = 2, **values: object) -> Recipe:
        distill = {
            "teachers": files[:teachers], "regress": {"layers": 2.0, "pen": 1.0}, "tags": {"tags": 1.0},
            "genres": {"from": ["multi"], "temperature": 2.0, "folds": 2, "C": 0.1}, "unlabelled": True,
        }  # fmt: skip
        tags = {"least_clips": 4, "heads": 1.0, "no_music": 0.5, "taught": TAUGHT}
        augment = {"waveform": [{"kind": "gain", "low": -6.0, "high": 6.0}]}
        return tiny_recipe(
            "audio.overlap=0", "training.max_epochs=3", "training.segments_per_clip=1",
            "training.view_segments=4", "training.mixup=1.0", "training.batch_size=5",
            "training.patience=null", "training.monitor=last", "training.choose_epoch_on=none",
            "training.not_music={share: 0.2, weight: 1.0}", "augment=null",
            f"augment={json.dumps(augment)}", f"distill={json.dumps(distill | values)}",
            f"tags={json.dumps(tags)}", *changes,
        )  # fmt: skip

    return make


@pytest.fixture
def experiment(matching: Make, tagged: Corpus, split: Split) -> Experiment:
    return Experiment(matching(), tagged, split, 0)


@pytest.fixture
def store(tagged: Corpus, cache: Path) -> AudioStore:
    return open_store(tagged, sample_rate=RATE, channels=1)


def waves(views: int, samples: int = RATE) -> Tensor:
    return 0.2 * torch.randn(views, 1, samples, generator=torch.Generator().manual_seed(2))


def teachers_of(files: list[dict[str, str]]) -> tuple[NamedTeacher, ...]:
    return load_teachers(Distill.model_validate({"teachers": files, "regress": {"pen": 1.0}}))


def test_teachers_hear_exactly_what_the_network_hears(
    experiment: Experiment, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, learning, network = experiment.recipe, training_set(experiment), experiment.network()
    objective, about = make_objective(experiment, learning, network)
    assert about["tags"]["taught"] == ["style:calm", "energy:any"], "labels of the corpus come first"
    assert experiment.tags == ("mood:low", "mood:other", "style:calm", "energy:any", NO_MUSIC)
    settings = recipe.training
    assert settings.not_music is not None
    task = GenreTask(
        network, settings, objective, seed=0, outliers=Outliers(settings.not_music, sample_rate=RATE)
    )
    heard: list[Tensor] = []
    seen: list[Views] = []
    logged: dict[str, Any] = {}
    score, loss = network.score_changed, objective.forward

    def scored(sound: Tensor, copy: Tensor, clip: Tensor) -> Any:
        heard.append(sound)
        return score(sound, copy, clip)

    def measured(scores: Any, views: Views, taught: Taught | None) -> dict[str, Tensor]:
        seen.append(views)
        return loss(scores, views, taught)

    monkeypatch.setattr(network, "score_changed", scored)
    monkeypatch.setattr(objective, "forward", measured)
    monkeypatch.setattr(task, "log_dict", lambda values, **_: logged.update(values))
    monkeypatch.setattr(task, "log", lambda *_, **__: None)
    items = [learning[0, number] for number in range(5)]
    waveform, *numbers = map(list, zip(*items, strict=True))
    waveform = torch.stack(waveform)
    batch = (waveform, *map(torch.tensor, numbers))
    network.seed(1)
    assert task.training_step(batch, 1).isfinite()
    (sound,), (views,) = heard, seen
    assert views.blend is not None and views.sound is not None and views.segments == 4
    assert torch.equal(cut(views.sound, 4), sound[:20]) and len(sound) > 20
    mixed = views.blend.of(waveform)
    gain = (views.sound * mixed).sum(dim=(1, 2)) / mixed.square().sum(dim=(1, 2))
    torch.testing.assert_close(views.sound, gain[:, None, None] * mixed, atol=1e-5, rtol=1e-3)
    assert gain.std() > 0.05, "the views are changed after they are mixed"
    terms = [
        "regress_one.layers", "regress_two.pen", "tags_one.tags", "genres", "tags_labels", "tags_heads",
        "tags_teachers", "not_music", "no_music",
    ]  # fmt: skip
    assert {f"train_loss_{term}" for term in terms} <= logged.keys()
    assert objective.distill is not None
    source = objective.distill.source
    assert isinstance(source, MatchingSource)
    taught = source(views)
    for each in experiment.distillation.teachers if experiment.distillation else ():
        answers = each.ask(sound[:20].reshape(5, 1, -1), sample_rate=RATE, segments=4)
        torch.testing.assert_close(taught.arrays[f"{each.name}.tags"], answers["tags"])
        number = list(source.sizes).index(f"{each.name}.layers")
        scaled = answers["layers"] - getattr(source, f"mean_{number}")
        torch.testing.assert_close(
            taught.arrays[f"{each.name}.layers"], scaled / getattr(source, f"deviation_{number}")
        )
    torch.testing.assert_close(taught.share, torch.full((5,), 0.2))


def test_regressed_arrays_are_standardized_and_tags_are_not(files: list[dict[str, str]]) -> None:
    settings = Distill.model_validate({"teachers": files, "regress": {"layers": 1.0}, "tags": {"tags": 1.0}})
    teachers = teachers_of(files)
    source = MatchingSource(settings, teachers, sample_rate=RATE)
    views = waves(6)
    source.standardize([views[:4], views[4:]], segments=2)
    none = torch.zeros(6, dtype=torch.long)
    taught = source(Views(none, none, None, 2, views))
    assert taught.genres is None and taught.tag_heads is None and taught.tag_teachers is None
    for name in ("one", "two"):
        flat = taught.arrays[f"{name}.layers"].flatten(0, 1)
        assert taught.arrays[f"{name}.layers"].shape[:2] == (6, 2)
        torch.testing.assert_close(flat.mean(dim=0), torch.zeros(flat.shape[1]), atol=1e-3, rtol=0)
        assert (flat.std(dim=0) < 1.001).all() and flat.std(dim=0).median() > 0.99
        assert taught.arrays[f"{name}.tags"].min() > 0 and taught.arrays[f"{name}.tags"].max() < 1
    assert source.names["two.layers"] == "layers" and source.sizes["one.tags"] == len(TAGS)
    kept = source.state_dict()
    assert set(kept) == {f"{part}_{number}" for part in ("mean", "deviation") for number in range(4)}
    assert not list(source.parameters()), "the weights of teachers are no part of a training"


def test_genres_tags_and_taught_tags_follow_from_the_answers(files: list[dict[str, str]]) -> None:
    rng = np.random.default_rng(0)
    settings = Distill.model_validate(
        {"teachers": files, "genres": {"from": ["multi"], "temperature": 3.0, "folds": 2, "C": 0.1}}
    )
    assert settings.genres is not None
    teachers, views = teachers_of(files), waves(4)
    answers = [each.ask(views, sample_rate=RATE) for each in teachers]
    features = np.hstack([each["multi"].numpy() for each in answers]).astype(np.float64)
    fitted = rng.normal(size=(12, features.shape[1])) * features.std() + features.mean()
    classes, groups = np.arange(12) % 3, [f"artist {number // 2}" for number in range(12)]
    genres, of_clip = genre_heads(fitted, classes, groups, genres=3, settings=settings.genres, seed=0)
    tags = tag_heads(fitted, (np.arange(24).reshape(12, 2) % 5 > 1).astype(np.int8), strength=0.1)
    columns = taught_columns(Tags.model_validate({"taught": TAUGHT}), teachers)
    source = MatchingSource(
        settings, teachers, sample_rate=RATE, heads=Heads(genres, of_clip, tags), taught=columns
    )
    clip = torch.tensor([11, 0, 5, 2])
    blend = Blend(torch.full((4,), 0.5), torch.tensor([1, 2, 3, 0]))
    taught = source(Views(clip, clip, blend, 1, views))
    wanted = [
        softmax(genres[of_clip[number]].logits(features[at : at + 1])[0] / 3.0)
        for at, number in enumerate(clip.tolist())
    ]
    assert taught.genres is not None and taught.tag_heads is not None and taught.tag_teachers is not None
    assert len({int(of_clip[number]) for number in clip.tolist()}) == 2
    np.testing.assert_allclose(taught.genres.numpy(), wanted, atol=1e-4)
    np.testing.assert_allclose(taught.tag_heads.numpy(), expit(tags.logits(features)), atol=1e-4)
    one, two = (each["tags"] for each in answers)
    calm, fast, louder = one[:, 0], torch.maximum(one[:, 1], two[:, 1]), two[:, 0]
    torch.testing.assert_close(
        taught.tag_teachers, torch.stack([calm, torch.maximum(fast, louder), calm], dim=1)
    )


def test_the_heads_are_fitted_to_training_clips_alone(
    experiment: Experiment, tagged: Corpus, split: Split, cache: Path
) -> None:
    wrong = {key: ("noise" if key.startswith("high") else "high") for key in split.test}
    moved = dataclasses.replace(
        tagged,
        clips=[
            dataclasses.replace(clip, genre=wrong[clip.id]) if clip.id in wrong else clip
            for clip in tagged.clips
        ],
        renderer=Fixed(tagged),
    )
    honest = dataclasses.replace(tagged, renderer=Fixed(tagged))
    found = []
    for music in (honest, moved):
        each = dataclasses.replace(experiment, corpus=music)
        learning = training_set(each)
        objective, about = make_objective(each, learning, each.network())
        assert objective.distill is not None and about["distilled"]["genres"]["fitted_clips"] == 18
        source = objective.distill.source
        assert isinstance(source, MatchingSource) and source.genres is not None and source.tags is not None
        truth = tag_truth(music, learning.clips, each.corpus_tags)
        assert objective.tags is not None and torch.equal(
            objective.tags.truth, torch.from_numpy(truth).float()
        )
        assert not set(learning.clips) & set(split.test)
        found.append((source.genres.weight, source.tags.weight))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*found, strict=True))


@dataclasses.dataclass(frozen=True)
class Fixed:
    """Renders the clips of a corpus, whatever their genre is called elsewhere."""

    corpus: Corpus
    version: int = 1

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        assert self.corpus.renderer is not None
        return self.corpus.renderer(self.corpus.by_id()[clip.id], sample_rate, channels)


def test_a_killed_training_goes_on_to_the_same_end(
    experiment: Experiment, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two teachers, tags, mixed views of four segments and synthetic non-music."""

    def go(name: str) -> Trained:
        (tmp_path / name).mkdir(exist_ok=True)
        return train(experiment, folder=tmp_path / name, device="cpu")

    whole = go("whole")
    with monkeypatch.context() as patch:

        def batch_end(self: Checkpoints, trainer: L.Trainer, *rest: object) -> None:
            if trainer.current_epoch == 1:
                raise Killed

        patch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
        with pytest.raises(Killed):
            go("killed")
    assert same(whole, go("killed"))
    fresh = Experiment(experiment.recipe, experiment.corpus, experiment.split, 0)
    (tmp_path / "fresh").mkdir()
    again = train(fresh, folder=tmp_path / "fresh", device="cpu")
    assert same(whole, again), "whether the teachers were loaded before makes no difference"
    ours, theirs = (torch.load(tmp_path / name / LAST, weights_only=True) for name in ("whole", "killed"))
    assert all(torch.equal(value, theirs["state_dict"][key]) for key, value in ours["state_dict"].items())
    assert not any("_teachers" in key or "dense" in key for key in ours["state_dict"])
    assert any(key.startswith("objective.distill.source.mean_") for key in ours["state_dict"])


def test_the_answers_to_clips_are_asked_once(
    store: AudioStore, files: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    teacher, asked = teachers_of(files)[0], []
    ask = NamedTeacher.ask

    def counted(self: NamedTeacher, sound: Tensor, **options: Any) -> Any:
        asked.append(len(sound))
        return ask(self, sound, **options)

    monkeypatch.setattr(NamedTeacher, "ask", counted)
    first = clip_answers(teacher, store, samples=RATE // 2)
    assert asked == [3] * len(store.clips), "three windows of half a second fit into 1.5 s"
    assert set(first.arrays) == {"multi", "pen", "tags"}
    key = store.clips[3]
    windows = torch.from_numpy(np.stack([store.read(key, start, RATE // 2) for start in (2000, 4000, 6000)]))
    wanted = ask(teacher, windows, sample_rate=RATE)["pen"].mean(dim=0)
    np.testing.assert_allclose(first.of("pen", [key])[0], wanted, atol=1e-5)
    asked.clear()
    again = clip_answers(teacher, store, samples=RATE // 2)
    assert asked == [] and all(
        np.array_equal(first.arrays[name], again.arrays[name]) for name in first.arrays
    )
    (file,) = (cache / "teachers").iterdir()
    whole = file.read_bytes()
    middle = len(whole) // 2
    for damaged in (
        whole[:middle],
        b"",
        whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        b"PK\x03\x04" + b"\x00" * 50,
    ):
        asked.clear()
        file.write_bytes(damaged)
        clip_answers(teacher, store, samples=RATE // 2)
        assert asked and file.read_bytes() == whole
    with np.load(file) as kept:
        fewer = {name: kept[name][1:] for name in kept.files}
    np.savez(file, **fewer)
    asked.clear()
    clip_answers(teacher, store, samples=RATE // 2)
    assert asked and file.read_bytes() == whole, "rows are missing"
    monkeypatch.setattr(answers_module, "_WINDOWS", 1)
    assert len(clip_answers(teacher, store, samples=RATE).arrays["pen"]) == len(store.clips)
    assert len(list((cache / "teachers").iterdir())) == 2, "other windows are other answers"


def test_teachers_that_cannot_be_used_are_told(files: list[dict[str, str]], tmp_path: Path) -> None:
    def load(files: list[dict[str, str]], **values: object) -> tuple[NamedTeacher, ...]:
        return load_teachers(Distill.model_validate({"regress": {"pen": 1.0}, **values, "teachers": files}))

    with raises("teacher-twice", "one"):
        load([files[0], files[0]])
    with raises("teacher-array-unknown", files[0]["weights"], "multy", "multi"):
        load(files, regress={"multy": 1.0})
    with raises("teacher-array-of-segments", "layers"):
        load(files, genres={"from": ["layers"]})
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("a\nb\n", encoding="utf-8")
    with raises("tag-names-count", wrong, 2, len(TAGS)):
        load([{**files[0], "tags": str(wrong)}])
    settings = Tags.model_validate({"taught": {"style:calm": ["clam"]}})
    with raises("taught-tag-unknown", "clam", "style:calm", "calm"):
        taught_columns(settings, load(files))


def test_a_recipe_names_teachers_or_a_file_of_targets() -> None:
    both = {"teachers": ["a.safetensors"], "targets": "b.npz", "regress": {"pen": 1.0}}
    with pytest.raises(ValueError, match="not both"):
        Distill.model_validate(both)
    assert Distill.model_validate(both | {"targets": "none"}).teachers[0].weights == "a.safetensors"
