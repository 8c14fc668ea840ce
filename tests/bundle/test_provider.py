from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from raising import raises

from genrelab.bundle.bundle import Bundle
from genrelab.bundle.runtime import PROVIDERS, load_onnxruntime
from genrelab.recognize import Recognizer

PRESENT = load_onnxruntime().get_available_providers()
ABSENT = [name for name, (first, *_) in PROVIDERS.items() if first not in PRESENT]


def test_cpu_is_the_default_and_the_last_resort_of_all(tiny: ModuleType, tiny_model: Path) -> None:
    wave = tiny.tone(1000.0, 1.0)[None, None]
    default, named = (Bundle.load(tiny_model, **chosen) for chosen in ({}, {"provider": "cpu"}))
    np.testing.assert_array_equal(default.predict(wave)[0], named.predict(wave)[0])
    assert {names[-1] for names in PROVIDERS.values()} == {"CPUExecutionProvider"}


@pytest.mark.parametrize("provider", ABSENT)
def test_a_provider_that_onnxruntime_lacks_is_refused(tiny_model: Path, provider: Any) -> None:
    with raises("provider-missing", provider, "onnxruntime-gpu", "--provider cpu"):
        Recognizer.load(tiny_model, provider=provider)


def test_an_unknown_provider_is_refused(tiny_model: Path) -> None:
    other: Any = "quantum"
    with raises("provider-unknown", "quantum", "tensorrt"):
        Bundle.load(tiny_model, provider=other)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_onnxruntime_never_falls_back_silently(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider whose libraries do not load is only left out by onnxruntime, as one that it never had."""
    monkeypatch.setattr("genrelab.bundle.session.check_provider", lambda provider: None)
    with raises("provider-unusable", "cuda", "--provider cpu"):
        Bundle.load(tiny_model, provider="cuda")
