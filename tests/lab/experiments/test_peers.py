"""The comparison with other recognizers: the committed page, its figures, the adapters, and a small run."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from genrelab import Recognizer

ROOT = Path(__file__).resolve().parents[3]
EXPERIMENTS = ROOT / "experiments"
ADAPTERS = EXPERIMENTS / "peers_adapters"
PAGE = ROOT / "docs" / "results" / "peers.md"
RECORD = ROOT / "docs" / "results" / "peers" / "results.json"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, as a module."""
    monkeypatch.syspath_prepend(EXPERIMENTS)
    import peers

    return peers


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return yaml.safe_load((ADAPTERS / "peers.yaml").read_text(encoding="utf-8"))


def answer(group: str | None, seconds: float = 1.0) -> dict[str, Any]:
    return {"group": group, "cpu_seconds": seconds, "seconds": 2 * seconds}


def small_record() -> dict[str, Any]:
    """Four clips by three artists; the other recognizer has no tag for reggae."""
    said = [("jazz", "jazz"), ("jazz", "rap"), ("reggae", None), ("rap", "jazz")]
    labels = [["jazz"], ["rap"], ["reggae"], ["jazz", "rap"]]
    facts = {
        "python": "3.9.1",
        "versions": {},
        "ready_cpu_seconds": 3.0,
        "installed": 2_000_000,
        "memory": 5_000_000,
    }
    return {
        "seed": 0,
        "per_label": 4,
        "groups": ["jazz", "rap", "reggae"],
        "peers": {
            "genrelab": {**facts, "groups": ["jazz", "rap", "reggae"]},
            "other": {**facts, "groups": ["jazz", "rap"]},
        },
        "clips": [
            {
                "artist": artist,
                "labels": label,
                "seconds": 10.0,
                "answers": {"genrelab": answer(ours), "other": answer(theirs, 4.0 + number)},
            }
            for number, ((ours, theirs), label, artist) in enumerate(
                zip(said, labels, [0, 0, 1, 2], strict=True)
            )
        ],
    }


def test_every_table_of_the_committed_page_follows_from_the_committed_answers(
    peers: ModuleType, described: dict[str, Any]
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    assert len(record["clips"]) >= 60 and len(record["peers"]) >= 4
    assert peers.page_with_tables(page, record, described) == page
    record["clips"][0]["answers"]["musicnn"]["group"] = "another"
    record["clips"][1]["answers"]["genrelab"]["cpu_seconds"] += 100
    assert peers.page_with_tables(page, record, described) != page


def test_the_committed_answers_name_no_file_and_no_artist() -> None:
    for clip in json.loads(RECORD.read_text(encoding="utf-8"))["clips"]:
        assert set(clip) == {"artist", "labels", "seconds", "answers"} and isinstance(clip["artist"], int)


def test_figures(peers: ModuleType) -> None:
    from peers_figures import by_group, figures

    ours, theirs = figures(small_record()).values()
    assert ours["accuracy"]["value"] == 0.75 and theirs["accuracy"]["value"] == 0.75
    assert theirs["difference"]["value"] == 0.0 and ours["difference"]["high"] == 0.0
    assert theirs["difference"]["low"] < 0 < theirs["difference"]["high"]
    assert (theirs["only_this"], theirs["only_genrelab"]) == (1, 1)
    assert (theirs["known_clips"], theirs["accuracy_of_known"]["value"]) == (3, 1.0)
    assert (theirs["cpu_seconds"], theirs["ratio"], theirs["first_cpu_seconds"]) == (5.5, 5.5, 7.0)
    assert by_group(small_record())[1] == ("rap", 2, {"genrelab": 1, "other": 2})


def test_the_answer_is_the_mapped_tag_with_the_highest_score(peers: ModuleType) -> None:
    groups = peers.grouped({"rap": ["Hip-Hop"], "jazz": ["jazz"]})
    assert peers.best_group({"sad": 0.9, "hip-hop": 0.3, "jazz": 0.2}, groups) == "rap"
    assert peers.best_group({"sad": 0.9}, groups) is None


def test_tags_that_are_mapped_exist(described: dict[str, Any]) -> None:
    tree = ast.parse((ADAPTERS / "run_essentia.py").read_text(encoding="utf-8"))
    tags = next(
        eval(compile(ast.Expression(node.value), "tags", "eval"))
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "TAGS"
    )
    known = {
        "essentia": set(tags),
        "musicnn": set(tags),
        "genrelab": set(Recognizer.load().bundle.metadata.genres),
    }
    assert len(known["essentia"]) == 50
    for name, peer in described["peers"].items():
        assert (ADAPTERS / peer["adapter"]).is_file()
        assert set(peer["genres"]) <= set(described["groups"])
        mapped = {tag for each in peer["genres"].values() for tag in each}
        assert mapped <= known.get(name, mapped)
    assert {tag for each in described["peers"]["genrelab"]["genres"].values() for tag in each} == known[
        "genrelab"
    ]


def test_clips_are_chosen_by_their_rarest_label_and_the_seed(peers: ModuleType, tmp_path: Path) -> None:
    rows = ["path,source_genres,artist"] + [
        f"more/{number}.wav,Pop/Rock;Folk,A{number}" for number in range(9)
    ]
    rows += ["more/x.wav,Jazz;Pop/Rock,B", "more/y.wav,Holiday,C", "less/z.wav,Jazz,", "less/a.wav,Jazz,a3"]
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    labels = {"pop/rock": "pop/rock", "jazz": "jazz"}
    clips = peers.find_clips(tmp_path / "clips.csv", labels, "more/")
    assert len(clips) == 10 and clips[-1].labels == ("jazz", "pop/rock")
    chosen = peers.choose(clips, 3, 0)
    assert len(chosen) == 4 and clips[-1] in chosen
    assert chosen == peers.choose(clips, 3, 0) != peers.choose(clips, 3, 1)
    others = set(peers.find_clips(tmp_path / "clips.csv", labels)) - set(clips)
    assert {other.artist for other in others} == {"less/z.wav", "a3"}, "without an artist, its own group"
    new = peers.by_others(clips, tmp_path / "clips.csv", "more/")
    assert [clip.artist for clip in clips if clip not in new] == ["A3"]


def test_a_recognizer_that_fails_on_a_clip_or_ends(peers: ModuleType, tmp_path: Path) -> None:
    adapter = tmp_path / "failing.py"
    adapter.write_text(
        f"import sys; sys.path.insert(0, {str(ADAPTERS)!r})\n"
        "from answering import answer\n"
        "def recognize(path):\n"
        "    print('chatter')\n"
        "    if path == 'end': raise SystemExit('the last words')\n"
        "    raise ValueError('no sound')\n"
        "answer(lambda: recognize, lambda: {'x': '1'})\n"
    )
    failing = peers.Peer("failing", sys.executable, {"adapter": adapter, "genres": {}}, tmp_path / "log")
    said = failing.ask(Path("song.wav"))
    assert (said["group"], said["error"]) == (None, "ValueError: no sound")
    assert (
        failing.ready["versions"] == {"x": "1"}
        and failing.memory > 1_000_000
        and failing.installed > 1_000_000
    )
    with pytest.raises(SystemExit, match="the last words"):
        failing.ask(Path("end"))


def test_peers(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("jazz/a.wav", "Hip-Hop/b.wav", "holiday/c.wav"):
        (tmp_path / "music" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "music" / name, rng.normal(0, 0.1, 88_200), 11_025)
    result = run("peers.py", "--clips", tmp_path / "music", "--out", tmp_path / "out", "--peer", "genrelab")
    assert result == {"clips": 2, "peers": ["genrelab"]}
    record = json.loads((tmp_path / "out" / "results.json").read_text())
    assert sorted(clip["labels"][0] for clip in record["clips"]) == ["jazz", "rap"]
    (peer,) = record["peers"].values()
    assert peer["memory"] > 10_000_000 and "onnxruntime" in peer["versions"]
    for clip in record["clips"]:
        assert clip["seconds"] == 8.0 and 0 < clip["answers"]["genrelab"]["cpu_seconds"] < 60
    for arguments, words in (
        (["--clips", tmp_path / "absent"], "neither"),
        (["--clips", tmp_path / "music/holiday"], "no clip"),
        (["--clips", tmp_path / "music", "--peer", "x\x1b=y"], r"x\\x1b"),
        ([], "--clips"),
    ):
        with pytest.raises(SystemExit, match=words):
            run("peers.py", *arguments, "--out", tmp_path / "none")
