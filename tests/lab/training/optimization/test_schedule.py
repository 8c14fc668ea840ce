"""The learning rate by epoch, against torch's own schedulers and the paper's numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, StepLR

from genrelab.lab.models import build_network
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.schema import Training
from genrelab.lab.training.optimization.objective import Objective
from genrelab.lab.training.optimization.schedule import learning_rate
from genrelab.lab.training.task import GenreTask

PLAIN = Objective(smoothing=[0.0], class_weights=[1.0] * 3)
WARMUP = {"warmup_epochs": 5, "warmup_learning_rate": 1e-5}


def training(**values: object) -> Training:
    return Training.model_validate({"learning_rate": 0.005, "batch_size": 8, "max_epochs": 90, **values})


def rates(settings: Training) -> list[float]:
    return [learning_rate(settings, epoch) for epoch in range(settings.max_epochs)]


def rates_of_torch(make: Callable[[torch.optim.Optimizer], LRScheduler], base: float, n: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler = make(optimizer)
    found = []
    for _ in range(n):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_ms_sincresnet_warms_up_and_halves_every_30_epochs() -> None:
    settings = training(schedule="step", step_epochs=30, step_factor=0.5, **WARMUP)
    assert rates(settings) == [1e-5] * 5 + [0.005] * 25 + [0.0025] * 30 + [0.00125] * 30


@pytest.mark.parametrize("epochs", [1, 2, 90])
def test_cosine_is_torchs(epochs: int) -> None:
    expected = rates_of_torch(lambda optimizer: CosineAnnealingLR(optimizer, epochs), 0.005, epochs)
    assert rates(training(schedule="cosine", max_epochs=epochs)) == pytest.approx(expected, rel=1e-9)


def test_cosine_spans_what_the_warmup_leaves() -> None:
    expected = rates_of_torch(lambda optimizer: CosineAnnealingLR(optimizer, 85), 0.005, 85)
    assert rates(training(schedule="cosine", **WARMUP)) == pytest.approx([1e-5] * 5 + expected, rel=1e-9)


@given(step=st.integers(1, 100), factor=st.floats(0.01, 1.0))
def test_steps_are_torchs(step: int, factor: float) -> None:
    settings = training(schedule="step", step_epochs=step, step_factor=factor)
    expected = rates_of_torch(lambda optimizer: StepLR(optimizer, step, factor), 0.005, 90)
    assert rates(settings) == pytest.approx(expected, rel=1e-9)


def test_constant_stays_after_the_warmup() -> None:
    assert rates(training()) == [0.005] * 90
    assert rates(training(**WARMUP)) == [1e-5] * 5 + [0.005] * 85


@given(
    schedule=st.sampled_from(["constant", "cosine", "step"]),
    epochs=st.integers(1, 20),
    warmup=st.integers(0, 30),
)
def test_every_epoch_has_a_rate_above_0(schedule: str, epochs: int, warmup: int) -> None:
    """Also where all epochs warm up, and for the one behind the last, which torch asks for as well."""
    settings = training(
        schedule=schedule,
        step_epochs=3 if schedule == "step" else None,
        max_epochs=epochs,
        warmup_epochs=warmup,
        warmup_learning_rate=1e-5 if warmup else None,
    )
    assert min(rates(settings)) > 0.0
    assert learning_rate(settings, epochs) >= 0.0


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_the_optimizer_gets_the_schedules_rate(optimizer: str, tiny_recipe: Callable[..., Recipe]) -> None:
    recipe = tiny_recipe(
        f"training.optimizer={optimizer}", "training.schedule=step", "training.step_epochs=2",
        "training.warmup_epochs=1", "training.warmup_learning_rate=1e-5",
    )  # fmt: skip
    task = GenreTask(build_network(recipe, genres=3), recipe.training, PLAIN, seed=0)
    made = task.configure_optimizers()
    assert isinstance(made, dict)
    chosen, scheduler = made["optimizer"], made["lr_scheduler"]
    assert isinstance(chosen, torch.optim.Optimizer) and isinstance(scheduler, LRScheduler)
    found = []
    for _ in range(4):
        found.append(chosen.param_groups[0]["lr"])
        chosen.step()
        scheduler.step()
    assert found == [1e-5, 0.003, 0.0015, 0.0015]


def test_nesterov_reaches_the_optimizer(tiny_recipe: Callable[..., Recipe]) -> None:
    for change, expected in (("training.nesterov=true", True), ("training.nesterov=false", False)):
        recipe = tiny_recipe("training.optimizer=sgd", change)
        made = GenreTask(
            build_network(recipe, genres=3), recipe.training, PLAIN, seed=0
        ).configure_optimizers()
        assert isinstance(made, dict) and isinstance(made["optimizer"], torch.optim.SGD)
        assert made["optimizer"].param_groups[0]["nesterov"] is expected


def test_a_cosine_starts_again_in_each_restart() -> None:
    expected = [
        rates_of_torch(lambda optimizer, n=n: CosineAnnealingLR(optimizer, n), 0.005, n) for n in (20, 30, 35)
    ]
    settings = training(schedule="cosine", restart_epochs=[25, 55], **WARMUP)
    assert rates(settings) == pytest.approx([1e-5] * 5 + sum(expected, []), rel=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        {"restart_epochs": [25]},
        *({"schedule": "cosine", "restart_epochs": each} for each in ([90], [30, 20], [3])),
    ],
)
def test_restarts_out_of_order_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="restart_epochs"):
        training(**values, **WARMUP)
