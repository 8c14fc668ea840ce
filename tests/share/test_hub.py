"""`genrelab model hub`: the folder of a model repository."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from raising import raises

from genrelab.bundle.bundle import Bundle
from genrelab.cli.main import main
from genrelab.share.hub import CARD, CONFIG, MODEL, Repository, markdown, write_repository

RESULT = {
    "corpus": "gtzan",
    "split": "artist-60-20-20",
    "clips": 290,
    "verdict": "clean",
    "track_accuracy": {"value": 0.61, "low": 0.55, "high": 0.66},
    "track_balanced_accuracy": {"value": 0.6, "low": 0.54, "high": 0.65},
    "calibration_error": 0.04,
}


def front(card: str) -> dict[str, Any]:
    start, text, _ = card.split("---\n", 2)
    assert start == ""
    values: dict[str, Any] = yaml.safe_load(text)
    return values


def test_the_folder(tmp_path: Path, tiny: ModuleType) -> None:
    corpus = {"name": "gtzan", "licence": "CC-BY", "citation": "Tzanetakis | Cook"}
    model = tiny.write_tiny(tmp_path / "m.onnx", results=(RESULT,), corpora=(corpus,), abstain_below=0.5)
    wanted = Repository("cc-by-4.0", "me/mine", ("marsyas/gtzan",))
    paths = write_repository(model, tmp_path / "hub", wanted)
    assert [path.name for path in paths] == [CARD, MODEL, CONFIG]
    assert (tmp_path / "hub" / MODEL).read_bytes() == model.read_bytes()
    card = (tmp_path / "hub" / CARD).read_text(encoding="utf-8")
    values = front(card)
    assert (values["license"], values["library_name"]) == ("cc-by-4.0", "onnx")
    assert (values["pipeline_tag"], values["datasets"]) == ("audio-classification", ["marsyas/gtzan"])
    (entry,) = values["model-index"][0]["results"]
    assert entry["dataset"] == {"name": "gtzan", "type": "gtzan", "split": "artist-60-20-20"}
    found = {metric["type"]: metric["value"] for metric in entry["metrics"]}
    assert found == {"accuracy": 0.61, "balanced_accuracy": 0.6, "expected_calibration_error": 0.04}
    assert set(values["metrics"]) == set(found)
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    assert digest in card and "me/mine" in card and r"Tzanetakis \| Cook" in card
    facts = json.loads((tmp_path / "hub" / CONFIG).read_text())
    assert facts["id2label"] == {"0": "low", "1": "middle", "2": "high"}
    assert facts["sampling_rate"] == 8000 and facts["model"] == Bundle.load(model).identity


def test_a_model_file_without_figures_states_none(tmp_path: Path, tagged_model: Path) -> None:
    write_repository(tagged_model, tmp_path, Repository())
    card = (tmp_path / CARD).read_text(encoding="utf-8")
    assert not {"model-index", "metrics", "datasets"} & set(front(card))
    assert front(card)["license"] == "unknown" and "mood:calm" in card and "content:no music" not in card


def test_existing_files_are_kept(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / CARD).write_text("mine")
    with raises("hub-exists", tmp_path / CARD):
        write_repository(tiny_model, tmp_path, Repository())
    assert (tmp_path / CARD).read_text() == "mine" and not (tmp_path / MODEL).exists()
    write_repository(tiny_model, tmp_path, Repository(), overwrite=True)
    assert (tmp_path / CARD).read_text() != "mine"


def test_a_link_that_leads_nowhere_is_kept(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / CARD).symlink_to(tmp_path / "not mounted")
    with raises("hub-exists", tmp_path / CARD):
        write_repository(tiny_model, tmp_path, Repository())


def test_when_the_answer_is_unsure(tmp_path: Path, tiny: ModuleType, tagged_model: Path) -> None:
    def section(model: Path, name: str) -> str:
        write_repository(model, tmp_path / name, Repository())
        card = (tmp_path / name / CARD).read_text(encoding="utf-8")
        return card.partition("## How sure it is")[2].partition("##")[0]

    no_music = section(tagged_model, "tagged")
    assert "From a probability of 0.5 that a track is no music" in no_music and "silence" in no_music
    thresholds = tiny.write_tiny(tmp_path / "m.onnx", abstain_below=0.58, abstain_below_by_genre={"low": 0.4})
    found = section(thresholds, "thresholds")
    assert "0.58" in found and "For low the threshold is 0.4." in found and "no music" not in found


def test_a_folder_that_is_a_file(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "file").touch()
    with raises("hub-unwritable", tmp_path / "file"):
        write_repository(tiny_model, tmp_path / "file", Repository())


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"licence": "Apache 2"}, "hub-licence"),
        ({"licence": "mit\nx: 1"}, "hub-licence"),
        ({"name": "nobody"}, "hub-name"),
        ({"name": "me/../x"}, "hub-name"),
        ({"name": "me/x; rm"}, "hub-name"),
        ({"datasets": ("gtzan",)}, "hub-name"),
        ({"name": "m\u00e9/x"}, "hub-name"),
        ({"name": "me/x--y"}, "hub-name"),
        ({"name": "me/x.git"}, "hub-name"),
        ({"name": "me/x-"}, "hub-name"),
    ],
)
def test_what_is_no_name_on_the_hub(values: dict[str, Any], code: str) -> None:
    with raises(code):
        Repository(**values)


EVIL = "---\nlicense: mit\n\x1b[31m<script>alert(1)</script> [x](http://x) | ``` {{ 7 * 7 }} \u202e"


def test_hostile_texts_stay_texts(tmp_path: Path, tiny: ModuleType) -> None:
    name = "".join(filter(str.isprintable, EVIL))[:190]
    result = {**RESULT, "corpus": EVIL, "split": EVIL, "verdict": EVIL, "because": [EVIL], "measured": EVIL}
    model = tiny.write_tiny(
        tmp_path / "m.onnx",
        recipe=name,
        genres=(f"{name[:150]} a", "b*c*", "c"),
        corpora=({"name": name, "licence": EVIL, "citation": EVIL},),
        results=(result,),
        genrelab_version=EVIL,
    )
    write_repository(model, tmp_path / "hub", Repository())
    card = (tmp_path / "hub" / CARD).read_text(encoding="utf-8")
    values = front(card)
    assert values["license"] == "unknown" and set(values["model-index"][0]) == {"name", "results"}
    assert card.count("\n---\n") == 1
    body = card.split("---\n", 2)[2]
    assert "<script>" not in body and "\x1b" not in card and "\u202e" not in card
    assert " ](" not in body and "7 * 7" not in body.replace(r"7 \* 7", "")
    assert body.count("\n```") == 4  # those of the two blocks of code


def test_markdown_shows_marks_literally() -> None:
    assert markdown("R&B *x* _y_ `z` <a> [b](c) | d\n# e") == (
        r"R\&B \*x\* \_y\_ \`z\` \<a\> \[b\](c) \| d\\n\# e"
    )


def test_the_command(tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "a folder"
    command = ["model", "hub", str(tiny_model), f"--to={folder}", "--repo=me/mine"]
    assert main(command) == 0
    assert f"hf upload me/mine '{folder}'" in capsys.readouterr().out
    assert main(command) == 2
    assert main([*command, "--overwrite", "--format=json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == [
        str(folder / name) for name in (CARD, MODEL, CONFIG)
    ]
    assert main([*command, "--overwrite", "--licence=Not one"]) == 2
