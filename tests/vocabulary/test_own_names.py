"""A user's own genres, spellings and parents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from raising import raises

from genrelab.library.tagging.spelling import spell
from genrelab.vocabulary import ancestors, canonical, display, genre_of, model_genre, parents, split_values
from genrelab.vocabulary.own.file import VARIABLE, use_file
from genrelab.vocabulary.suggest import nearest
from genrelab.vocabulary.table import genres

OWN = """
chalga:
  parents: [Pop, balkan]
  aliases: [Bulgarian Pop-Folk/Chalga, чалга]
hip hop: {display: Rap}
Deutschrap: {parents: rap}
brutal polka: {parents: [polka, chalga], level: genre}
garage rock: {aliases: alternative}
R'n'B: {parents: blues, aliases: }
christmas music: {display: Weihnacht}
"""
Put = Callable[[str], Path]


@pytest.fixture
def put(tmp_path: Path) -> Iterator[Put]:
    """Write a file of own names and use it."""

    def put(text: str) -> Path:
        path = tmp_path / "own.yaml"
        path.write_text(text, encoding="utf-8")
        use_file(path)
        return path

    yield put
    use_file(None)


def test_new_names_and_changes(put: Put) -> None:
    put(OWN)
    assert canonical("ЧАЛГА") == canonical("chalga") == "chalga" and display("chalga") == "Chalga"
    assert parents("chalga") == ("pop", "balkan") and genre_of("chalga") == "pop"
    assert split_values("Bulgarian Pop-Folk/Chalga; Rock") == ("Bulgarian Pop-Folk/Chalga", "Rock")
    assert display("hiphop") == "Rap" and canonical("Hip-Hop") == canonical("Rap") == "hip hop"
    assert display("hiphop", "id3") == "Hip-Hop" and spell("hiphop", ["hiphop"], "plain") == "Rap"
    assert canonical("Deutschrap") == "deutschrap" and display("deutsch-rap") == "Deutschrap"
    assert model_genre("Deutschrap", ["hiphop"]) == "hiphop"
    assert genre_of("Brutal Polka") == "brutal polka" and ancestors("brutal polka")[:2] == ("polka", "chalga")
    assert canonical("Alternative") == "garage rock" and canonical("Alternative Rock") == "alternative rock"
    assert parents("rnb") == ("blues",) and model_genre("Soul", ["blues"]) == "blues"
    assert canonical("Christmas") == canonical("Weihnacht") == "christmas music" != display("christmas")
    assert genres()["christmas music"].display == "Weihnacht"
    assert "Weihnacht" not in genres()["christmas music"].aliases
    assert nearest("chalgaa")[0] == "Chalga"
    assert canonical("Death Metal") == "death metal"


def test_without_the_file_all_is_as_before(put: Put) -> None:
    before = dict(genres())
    put(OWN)
    assert len(genres()) == len(before) + 3
    use_file(None)
    assert genres() == before and canonical("chalga") is None and display("hiphop") == "Hip-Hop"
    assert canonical("Alternative") == "alternative rock"


def test_the_variable_names_a_file(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("chalga: {parents: pop}")
    monkeypatch.setenv(VARIABLE, str(path))
    use_file(None)
    assert canonical("Chalga") == "chalga"
    (tmp_path / "other.yaml").write_text("polkacore: ")
    use_file(tmp_path / "other.yaml")
    assert canonical("Chalga") is None and canonical("Polkacore") == "polkacore"


def test_an_empty_file_changes_nothing(put: Put) -> None:
    before = dict(genres())
    for text in ("", "# nothing\n", "{}"):
        put(text)
        assert genres() == before


@pytest.mark.parametrize(
    ("text", "code", "quoted"),
    [
        ("a: {parents: [metl]}", "own-vocabulary-parent", ("'metl'", "'a'", "'metal'")),
        ("rock: {parents: metal}", "own-vocabulary-circle", ("'rock'",)),
        ("a: {parents: b}\nb: {parents: a}", "own-vocabulary-circle", ("'a'",)),
        ("a: {parents: a}", "own-vocabulary-circle", ("'a'",)),
        ("a: {aliases: Pop}", "own-vocabulary-spelling", ("'Pop'", "'pop'")),
        ("a: {display: R&B}", "own-vocabulary-spelling", ("'R&B'", "'r&b'")),
        ("a: {aliases: x}\nb: {aliases: X!}", "own-vocabulary-spelling", ("'b'",)),
        ("a: {aliases: [♪]}", "own-vocabulary-spelling", ("'♪'",)),
        ("♪: {}", "own-vocabulary-name", ("'♪'",)),
        ("a: {alias: b}", "own-vocabulary-invalid", ("alias",)),
        ("a: {level: top}", "own-vocabulary-invalid", ("level",)),
        ("a: {aliases: ['x|y']}", "own-vocabulary-invalid", ("'x|y'",)),
        ('a: {aliases: ["\\e[31m"]}', "own-vocabulary-invalid", ("\\x1b",)),
        ("a: {aliases: [' ']}", "own-vocabulary-invalid", ("aliases",)),
        ("- a\n- b", "own-vocabulary-invalid", ("chalga",)),
        ("2000: {}", "own-vocabulary-invalid", ("2000",)),
        ("a: [b", "own-vocabulary-unreadable", ()),
        ("a: !!python/object:os.system {}", "own-vocabulary-unreadable", ()),
        ("- " * 5000, "own-vocabulary-unreadable", ()),
        ("x" * 600 + ": {}", "own-vocabulary-invalid", ()),
        ("\n".join(f"n{number}: {{}}" for number in range(5001)), "own-vocabulary-invalid", ()),
        ("#" * (1 << 21), "own-vocabulary-too-large", ()),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_files_that_cannot_be_used(text: str, code: str, quoted: tuple[str, ...], put: Put) -> None:
    path = put(text)
    with raises(code, path, *quoted):
        canonical("Rock")


def test_files_that_cannot_be_read(put: Put, tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        use_file(path)
        with raises("own-vocabulary-unreadable", path):
            canonical("Rock")
    put("")
    (tmp_path / "own.yaml").write_bytes(b"\xff\xfe\0a")
    use_file(tmp_path / "own.yaml")
    with raises("own-vocabulary-unreadable", "own.yaml"):
        canonical("Rock")


def test_bombs_of_aliases_are_refused(put: Put) -> None:
    lines = ["a: &a [x, x]"] + [
        f"{name}: &{name} [*{last}, *{last}]" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    with raises("own-vocabulary-invalid", put("\n".join(lines))):
        canonical("Rock")
