from __future__ import annotations

from pathlib import Path

import pytest
from raising import raises

from genrelab.bundle import find


def test_named_then_variable_then_packaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packaged = tmp_path / "packaged.onnx"
    monkeypatch.setattr(find, "PACKAGED_MODEL", packaged)
    monkeypatch.delenv("GENRELAB_MODEL", raising=False)
    with raises("no-model", "--model", "GENRELAB_MODEL", "genrelab demo"):
        find.find_model()
    packaged.touch()
    assert find.find_model() == packaged
    monkeypatch.setenv("GENRELAB_MODEL", "of-variable.onnx")
    assert find.find_model() == Path("of-variable.onnx")
    assert find.find_model("named.onnx") == Path("named.onnx")
