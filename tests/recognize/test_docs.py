"""The Python examples in docs/use/python.md, run one after the other as a reader would."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

PAGE = Path(__file__).resolve().parents[2] / "docs" / "use" / "python.md"


def test_the_examples_run(
    tiny: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.write_tiny(tmp_path / "model.onnx")
    (tmp_path / "Music").mkdir()
    soundfile.write("song.mp3", tiny.tone(1000.0, 3.0, rate=44100), 44100)
    soundfile.write("Music/one.flac", tiny.tone(3000.0), 8000)
    soundfile.write("live recording.wav", tiny.tone(200.0), 8000)
    soundfile.write("mix.flac", np.concatenate([tiny.tone(200.0, 25.0), tiny.tone(3000.0, 25.0)]), 8000)
    recognizing = PAGE.read_text(encoding="utf-8").partition("\n## The library")[0]
    examples = re.findall(r"^```python\n(.*?)^```", recognizing, re.M | re.S)
    names: dict[str, object] = {}
    printed = []
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)
        printed.append(capsys.readouterr().out.splitlines())
    assert printed[0][0].startswith("middle 0.9")
    assert ["'high'" in printed[1][0], "'low'" in printed[1][1]] == [True, True]
    assert printed[2] == ["Music high []"]
    assert printed[3] == ["low 5.0"]
    assert [line.split()[:3] for line in printed[4]] == [["0.0", "25.0", "low"], ["25.0", "50.0", "high"]]
    assert (tmp_path / "mix.svg").stat().st_size and b"\r\n  TRACK 02" in (tmp_path / "mix.cue").read_bytes()
    assert [line.split() for line in printed[5]][:2] == [["1.0", "middle", "0"], ["2.0", "middle", "0"]]


def test_the_recognizer_is_imported_when_it_is_asked_for() -> None:
    import genrelab
    from genrelab.recognize import Recognizer

    assert genrelab.Recognizer is Recognizer
    assert "Recognizer" in dir(genrelab)
    with pytest.raises(AttributeError, match="no attribute 'Recogniser'"):
        genrelab.Recogniser  # type: ignore[attr-defined]  # noqa: B018
