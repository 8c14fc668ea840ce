"""`genrelab teach` and `genrelab review`, from real files to model files that other commands use."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from raising import raises
from teaching import EACH, TONES, run, write_song, write_table

from genrelab.bundle.bundle import Bundle, embedding_key
from genrelab.library import Library
from genrelab.recognize import Recognizer
from genrelab.teach import review
from genrelab.teach.review import Answers
from genrelab.teach.sources.examples_file import examples_file, read_examples

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def model(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENRELAB_MODEL", str(tiny_model))
    return tiny_model


@pytest.mark.parametrize("source", ["folders", "tags", "csv"])
def test_a_taught_model_knows_the_users_genres(
    source: str, lesson: Path, model: Path, tmp_path: Path, capsys: Capture
) -> None:
    target = tmp_path / "mine.onnx"
    rows = [(path, path.parent.name) for path in sorted(lesson.rglob("*.flac"))]
    table = write_table(tmp_path / "examples.csv", list(rows))
    given: dict[str, list[str | Path]] = {
        "folders": ["--folders", lesson],
        "tags": [lesson, "--from-tags"],
        "csv": ["--csv", table],
    }
    assert run("teach", *given[source], "--to", target, "--format", "json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["genres"] == sorted(TONES)
    assert result["figures"]["balanced_accuracy"]["value"] == 1.0
    assert result["figures"]["groups"] == 12 and result["by_group"]
    song = write_song(tmp_path / "new.flac", 2950.0)
    recognition = Recognizer.load(target)(song)
    assert recognition.genre == "Whistle" and recognition.confidence and recognition.confidence > 0.6
    assert run("recognize", song, "--model", target, "--quiet") == 0
    assert "Whistle" in capsys.readouterr().out
    assert run("model", "info", target) == 0
    assert "Drone, Hum, Whistle" in capsys.readouterr().out
    page = target.with_suffix(".html").read_text(encoding="utf-8")
    assert "balanced accuracy" in page and "Whistle" in page and "<svg" in page


def test_the_embedding_is_that_of_the_base(lesson: Path, model: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.onnx"
    assert run("teach", "--folders", lesson, "--to", target, "--quiet", "--no-page") == 0
    base, taught = Bundle.load(model), Bundle.load(target)
    waves = np.random.default_rng(0).normal(0, 0.1, (5, 1, 8000)).astype(np.float32)
    assert np.array_equal(base.predict(waves).embeddings, taught.predict(waves).embeddings)
    assert taught.metadata.base == base.identity
    assert embedding_key(taught.identity) == embedding_key(base.identity) != taught.identity
    assert not target.with_suffix(".html").exists()


def test_several_genres(lesson: Path, tagged_model: Path, tmp_path: Path, capsys: Capture) -> None:
    rows = [(path, path.parent.name) for path in sorted(lesson.rglob("*.flac"))]
    rows += [(path, "Loud") for path in sorted((lesson / "Whistle").glob("*.flac"))]
    table, target = write_table(tmp_path / "several.csv", list(rows)), tmp_path / "several.onnx"
    arguments = ("--model", tagged_model, "--to", target, "--multi", "--format", "json", "--no-page")
    assert run("teach", "--csv", table, *arguments) == 0
    result = json.loads(capsys.readouterr().out)
    areas = {each["genre"]: each["auc"]["value"] for each in result["figures"]["genres"]}
    assert result["multi"] and areas["Drone"] == areas["Whistle"] == areas["Loud"] == 1.0
    bundle = Bundle.load(target)
    labels = [tag.label for tag in bundle.metadata.tags]
    assert labels == [
        *("mood:calm", "style:punk", "content:no music"),
        *("genre:Drone", "genre:Hum", "genre:Loud", "genre:Whistle"),
    ]
    old = Bundle.load(tagged_model)
    waves, _ = soundfile.read(lesson / "Whistle" / "3.flac", dtype="float32", frames=8000)
    found, before = bundle.predict(waves[None, None]), old.predict(waves[None, None])
    assert np.array_equal(found.tags[:, :3], before.tags[:, :3])
    assert found.tags[0, 5] > 0.5 < found.tags[0, 6] and found.tags[0, 3] < 0.5
    more = write_table(tmp_path / "more.csv", [(lesson / "Drone" / "0.flac", "Drone")])
    single = tmp_path / "single.onnx"
    assert run("teach", "--update", target, "--csv", more, "--single", "--to", single, "--no-page") == 0
    assert [tag.label for tag in Bundle.load(single).metadata.tags] == labels[:3]


def test_what_the_library_knows_is_not_recognized_again(
    lesson: Path, model: Path, tmp_path: Path, own_library: Path, capsys: Capture
) -> None:
    target = tmp_path / "mine.onnx"
    assert run("recognize", lesson, "--quiet") in (0, 1)
    with Library(own_library) as library:
        library.database.execute("UPDATE tracks SET embedding = ?", (np.array([3, 4], "<f4").tobytes(),))
        library.database.execute(
            "UPDATE tracks SET embedding = ? WHERE instr(path, 'Hum') > 0",
            (np.array([30, 4], "<f4").tobytes(),),
        )
    assert run("teach", "--folders", lesson, "--to", target, "--quiet", "--no-page") == 0
    vectors = read_examples(examples_file(target)).examples.vectors
    assert {tuple(vector) for vector in vectors.tolist()} == {(3.0, 4.0), (30.0, 4.0)}


def test_similar_and_map_go_on(lesson: Path, model: Path, tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "mine.onnx"
    assert run("teach", "--folders", lesson, "--to", target, "--quiet", "--no-page") == 0
    song = write_song(tmp_path / "new.flac", 2950.0)
    capsys.readouterr()
    assert run("similar", song, "--model", target, "--count", "4", "--format", "json") == 0
    found = capsys.readouterr()
    assert {Path(track["path"]).parent.name for track in json.loads(found.out)} == {"Whistle"}
    assert "omitted" not in found.err
    out = tmp_path / "map.html"
    assert run("library", "map", "--model", target, "--out", out) == 0
    assert f"{3 * EACH + 1} tracks drawn" in capsys.readouterr().err


def test_review_and_update(lesson: Path, model: Path, tmp_path: Path, capsys: Capture) -> None:
    music = Path(shutil.copytree(lesson, tmp_path / "music"))
    wrong = music / "Hum" / "wrong.flac"
    write_song(wrong, 3001.0, artist="Nobody")
    target = tmp_path / "mine.onnx"
    assert run("teach", "--folders", music, "--to", target, "--quiet", "--no-page") == 0
    capsys.readouterr()
    assert run("review", target, "--format", "json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed[0]["path"] == str(wrong) and listed[0]["predicted"] == "Whistle"
    done = subprocess.run(
        [sys.executable, "-m", "genrelab", "review", str(target)], input="what\ny\n", text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == (0 if len(listed) == 1 else 1), done.stderr
    assert "'what'" in done.stdout
    answers = tmp_path / "mine.corrections.csv"
    assert answers.read_text(encoding="utf-8").splitlines() == ["path,genre", f"{wrong},Whistle"]
    assert run("review", target, "--format", "json") == 0
    assert wrong not in [Path(each["path"]) for each in json.loads(capsys.readouterr().out)]
    better = tmp_path / "better.onnx"
    assert run("teach", "--update", target, "--csv", answers, "--to", better, "--format", "json") == 0
    result = json.loads(capsys.readouterr().out)
    counts = {each["genre"]: each["examples"] for each in result["figures"]["genres"]}
    assert counts == {"Drone": EACH, "Hum": EACH, "Whistle": EACH + 1}
    assert str(wrong) not in [each["path"] for each in result["suspects"]]
    assert Bundle.load(better).metadata.base == Bundle.load(model).identity
    assert run("teach", "--folders", music, "--to", better, "--no-page") == 0
    noted = f"note: the examples of {better} will be replaced"
    assert noted in capsys.readouterr().err, "the correction would be lost in silence"


def test_few_examples_of_a_new_genre_wait_for_more(
    lesson: Path, model: Path, tmp_path: Path, capsys: Capture
) -> None:
    target = tmp_path / "mine.onnx"
    assert run("teach", "--folders", lesson, "--to", target, "--quiet", "--no-page") == 0
    for first, count in ((0, 3), (3, 3)):
        songs = [write_song(tmp_path / f"buzz {k}.flac", 1700.0 + 9 * k) for k in range(first, first + count)]
        table = write_table(tmp_path / "more.csv", [(song, "Buzz") for song in songs])
        capsys.readouterr()
        assert run("teach", "--update", target, "--csv", table, "--format", "json", "--no-page") == 0
        result = json.loads(capsys.readouterr().out)
        assert ("Buzz" in result["genres"]) == (first > 0)
    blocked = ("--block", "hum", "--to", tmp_path / "less.onnx", "--format", "json", "--no-page")
    assert run("teach", "--update", target, "--csv", table, *blocked) == 0
    assert json.loads(capsys.readouterr().out)["genres"] == ["Buzz", "Drone", "Whistle"]
    assert "Hum" in read_examples(examples_file(tmp_path / "less.onnx")).examples.names()


def test_names_of_genres_are_united(lesson: Path, model: Path, tmp_path: Path, capsys: Capture) -> None:
    names = {"Drone": ("Rap", "Hip-Hop"), "Hum": ("death metal", "Death-Metal"), "Whistle": ("Jazz", "JAZZ")}
    music = tmp_path / "music"
    for genre, (one, other) in names.items():
        for number in range(EACH):
            write_song(
                music / f"{genre} {number}.flac", TONES[genre] * (1 + 0.02 * number),
                genre=one if number % 2 else other, artist=f"{genre} {number}",
            )  # fmt: skip
    write_song(music / "other.flac", 500.0, genre="Other")
    target = tmp_path / "mine.onnx"
    for level, expected in (
        ("style", ["Death Metal", "Hip-Hop", "Jazz"]),
        ("genre", ["Hip-Hop", "Jazz", "Metal"]),
    ):
        arguments = ("--from-tags", "--level", level, "--to", target, "--format", "json", "--no-page")
        assert run("teach", music, *arguments) == 0
        found = capsys.readouterr()
        assert json.loads(found.out)["genres"] == expected
        assert "1 file without a usable genre" in found.err
    blocked = ("--from-tags", "--block", "rap", "--to", target, "--format", "json", "--no-page")
    assert run("teach", music, *blocked) == 0
    assert json.loads(capsys.readouterr().out)["genres"] == ["Death Metal", "Jazz"]


def test_own_names_and_hidden_folders(lesson: Path, model: Path, tmp_path: Path, capsys: Capture) -> None:
    music, target = Path(shutil.copytree(lesson, tmp_path / "music")), tmp_path / "mine.onnx"
    names = tmp_path / "names.yaml"
    names.write_text("drone: {display: Deep Drone, aliases: [hum]}\n", encoding="utf-8")
    given = ("--from-tags", "--to", target, "--format", "json", "--no-page", "--vocabulary", names)
    assert run("teach", music, *given) == 0
    assert json.loads(capsys.readouterr().out)["genres"] == ["Deep Drone", "Whistle"]
    (music / "Whistle" / ".nomedia").touch()
    given = ("--to", target, "--format", "json", "--no-page")
    assert run("teach", "--folders", music, *given) == 1
    assert json.loads(capsys.readouterr().out)["genres"] == ["Drone", "Hum"]
    assert run("teach", "--folders", music, *given, "--no-ignore") == 0
    assert json.loads(capsys.readouterr().out)["genres"] == sorted(TONES)


def test_the_page_replaces_no_input(lesson: Path, model: Path, tmp_path: Path) -> None:
    rows = [(path, path.parent.name) for path in sorted(lesson.rglob("*.flac"))]
    table = write_table(tmp_path / "examples.csv", list(rows))
    before = table.read_bytes()
    assert run("teach", "--csv", table, "--to", tmp_path / "mine.onnx", "--page", table) == 2
    assert table.read_bytes() == before


def test_answers_of_a_spreadsheet_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.corrections.csv"
    path.write_bytes(b"\xef\xbb\xbfpath,genre\r\n/music/1.mp3,Hum\r\n")
    assert Answers(path).paths == {"/music/1.mp3"}
    monkeypatch.setattr(review, "MOST_BYTES", 20)
    with raises("review-too-large", path):
        Answers(path)


def teach_table(tmp_path: Path, rows: list[tuple[object, ...]], *more: str) -> int:
    table = write_table(tmp_path / "examples.csv", rows)
    return run("teach", "--csv", table, "--to", tmp_path / "mine.onnx", "--no-page", *more)


def test_one_genre_is_not_enough(lesson: Path, model: Path, tmp_path: Path, capsys: Capture) -> None:
    rows = [(path, "Drone") for path in sorted((lesson / "Drone").glob("*.flac"))]
    assert teach_table(tmp_path, list(rows)) == 2
    assert "'Drone'" in capsys.readouterr().err
    single = [*rows, (lesson / "Hum" / "1.flac", "Hum")]
    assert teach_table(tmp_path, list(single)) == 2
    message = capsys.readouterr().err
    assert "Hum (1)" in message and "--min-examples" in message
    assert not (tmp_path / "mine.onnx").exists()
    assert teach_table(tmp_path, [("no.flac", "Hum")]) == 2


def test_a_genre_with_one_track_is_left_out(
    lesson: Path, model: Path, tmp_path: Path, capsys: Capture
) -> None:
    rows = [(path, path.parent.name) for path in sorted(lesson.rglob("*.flac")) if path.parent.name != "Hum"]
    assert teach_table(tmp_path, [*rows, (lesson / "Hum" / "1.flac", "Hum")]) == 0
    assert "too few examples: Hum (1)" in capsys.readouterr().err


def test_all_tracks_by_one_artist(lesson: Path, model: Path, tmp_path: Path, capsys: Capture) -> None:
    rows = [(path, path.parent.name, "One") for path in sorted(lesson.rglob("*.flac"))]
    table = write_table(tmp_path / "one.csv", list(rows), ("path", "genre", "artist"))
    assert run("teach", "--csv", table, "--to", tmp_path / "one.onnx", "--format", "json") == 0
    result = json.loads(capsys.readouterr().out)
    assert not result["by_group"]
    page = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert "too high" in page and "24 tracks" in page and "artists or albums" not in page


def test_contradictory_examples_are_left_out(
    lesson: Path, model: Path, tmp_path: Path, capsys: Capture
) -> None:
    rows = [(path, path.parent.name) for path in sorted(lesson.rglob("*.flac"))]
    twice = lesson / "Drone" / "0.flac"
    assert teach_table(tmp_path, [*rows, (twice, "Whistle")], "--format", "json") == 0
    found = capsys.readouterr()
    assert str(twice) in json.loads(found.out)["left_out"]["contradictory"]
    assert str(twice) in found.err


def test_other_scripts_and_strange_names(lesson: Path, model: Path, tmp_path: Path, capsys: Capture) -> None:
    names = {"Drone": "クラシック", "Hum": "Рок: новый", "Whistle": "=HYPERLINK(1)"}
    rows = [(path, names[path.parent.name]) for path in sorted(lesson.rglob("*.flac"))]
    assert teach_table(tmp_path, list(rows), "--multi", "--format", "json") == 0
    assert set(json.loads(capsys.readouterr().out)["genres"]) == set(names.values())
    assert [tag.name for tag in Bundle.load(tmp_path / "mine.onnx").metadata.tags] == [
        "=HYPERLINK(1)", "Рок - новый", "クラシック",
    ]  # fmt: skip


def test_a_missing_file_is_named(lesson: Path, model: Path, tmp_path: Path, capsys: Capture) -> None:
    rows = [(path, path.parent.name) for path in sorted(lesson.rglob("*.flac"))]
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC" + bytes(50))
    assert teach_table(tmp_path, [*rows, ("gone.flac", "Hum"), (broken, "Hum")]) == 1
    message = capsys.readouterr().err
    assert "gone.flac" in message and str(broken) in message
    assert (tmp_path / "mine.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "quoted"),
    [
        (["--to", "x.onnx"], "--from-tags"),
        (["--from-tags", "--to", "x.onnx"], "--from-tags"),
        (["here", "--csv", "x.csv", "--to", "x.onnx"], "--csv"),
        (["--csv", "x.csv", "--folders", "here", "--to", "x.onnx"], "--folders"),
        (["--csv", "x.csv"], "--to"),
        (["--csv", "x.csv", "--to", "x.bin"], "x.bin"),
        (["--csv", "missing.csv", "--to", "x.onnx"], "missing.csv"),
        (["--csv", "x.csv", "--to", "x.onnx", "--page", "y.onnx"], "--page y.onnx"),
        (["--csv", "x.csv", "--to", "no/x.onnx"], "no"),
        (["--folders", "missing", "--to", "x.onnx"], "missing"),
        (["--csv", "x.csv", "--update", "missing.onnx", "--model", "y.onnx"], "--update"),
        (["--csv", "x.csv", "--to", "x.onnx", "--exclude", "*.wav"], "--exclude"),
        (["--csv", "x.csv", "--to", "x.onnx", "--no-ignore"], "--no-ignore"),
        (["--folders", "here", "--to", "x.onnx", "--placeholders", "other"], "--placeholders"),
    ],
)
def test_wrong_use(
    arguments: list[str], quoted: str, model: Path, tmp_path: Path, capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run("teach", *arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith("genrelab: ") and quoted in message


def test_problems_are_named_where_nothing_is_left(model: Path, tmp_path: Path, capsys: Capture) -> None:
    assert teach_table(tmp_path, [("gone.flac", "Hum")]) == 2
    assert "gone.flac" in capsys.readouterr().err


def test_only_taught_models_are_reviewed(model: Path, capsys: Capture) -> None:
    assert run("review", model) == 2
    assert "is no model that" in capsys.readouterr().err


def test_the_base_is_not_replaced(lesson: Path, model: Path, capsys: Capture) -> None:
    before = model.read_bytes()
    assert run("teach", "--folders", lesson, "--to", model) == 2
    assert model.read_bytes() == before


def test_damaged_examples_are_refused(lesson: Path, model: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.onnx"
    assert run("teach", "--folders", lesson, "--to", target, "--quiet", "--no-page") == 0
    path = examples_file(target)
    whole = path.read_bytes()
    path.unlink()
    with raises("teach-examples-missing", path):
        read_examples(path)
    for cut in range(0, len(whole), 97):
        path.write_bytes(whole[:cut])
        with raises("teach-examples-damaged", path):
            read_examples(path)
    damaged = bytearray(whole)
    for place in range(0, len(whole), 61):
        damaged[place] ^= 0xFF
        path.write_bytes(bytes(damaged))
        with raises("teach-examples-damaged", path):
            read_examples(path)


def test_a_missing_extra_gives_one_line(
    lesson: Path, model: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert run("teach", "--folders", lesson, "--to", tmp_path / "x.onnx") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_own_names_are_those_of_the_model(lesson: Path, model: Path, tmp_path: Path, capsys: Capture) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("drone: {display: ZT}\n")
    rows = [(path, path.parent.name) for path in sorted(lesson.rglob("*.flac"))]
    assert teach_table(tmp_path, rows, "--level", "style", "--vocabulary", str(own), "--format", "json") == 0
    assert '"ZT"' in capsys.readouterr().out
