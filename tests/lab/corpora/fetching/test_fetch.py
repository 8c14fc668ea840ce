"""Corpora fetched from a real server: verified, unpacked, remembered."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from archive_server import Behaviour, archive_server
from raising import raises

from genrelab.cli.main import main
from genrelab.files import only_one
from genrelab.lab.corpora.fetching import download as downloading
from genrelab.lab.corpora.fetching.fetch import FETCHED, Wanted, fetch, find_source
from genrelab.lab.corpora.fetching.sources import SOURCES, Archive, Checksum, Source
from genrelab.lab.corpora.registry import CORPORA


def zipped(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


FIRST = zipped({"music/jazz/a.mp3": b"a" * 1000})
SECOND = zipped({"music/rock/b.mp3": b"b" * 1000})


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour({"/one.zip": FIRST, "/two.zip": SECOND})


@pytest.fixture
def source(behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """A corpus of two archives on a server, known to the command as `tiny`."""
    with archive_server(behaviour) as url:
        archives = tuple(
            Archive(
                name,
                f"{url}{name}",
                Checksum("sha1", hashlib.sha1(content, usedforsecurity=False).hexdigest(), "a page"),
            )
            for name, content in (("one.zip", FIRST), ("two.zip", SECOND))
        )
        made = Source("tiny", "Tiny", "2 kB", "CC0", "Do as you like.", url, "folder:{}/music", archives)
        monkeypatch.setitem(SOURCES, "tiny", made)
        yield made


def songs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.mp3"))


def test_every_source_says_its_terms_and_how_it_is_checked() -> None:
    for name, source in SOURCES.items():
        assert source.name == name and source.terms.endswith(".") and source.licence and source.page
        kind, _, place = source.spec.partition(":")
        assert kind in CORPORA and place == "{}"
        assert source.archives or source.record
        for archive in source.archives:
            assert archive.checksum is not None and archive.checksum.published
            lengths = {"md5": 32, "sha1": 40, "sha256": 64}
            assert re.fullmatch(f"[0-9a-f]{{{lengths[archive.checksum.algorithm]}}}", archive.checksum.digest)
            assert (archive.url or "https://").startswith("https://")
            assert (archive.url is None) == (source.refused is not None)


def test_archives_are_fetched_verified_unpacked_and_not_fetched_again(
    source: Source, behaviour: Behaviour, tmp_path: Path
) -> None:
    wanted = Wanted(folder=tmp_path / "deep" / "to")
    done = fetch(source, wanted)
    assert [(each.archive, each.state, each.files) for each in done] == [
        ("one.zip", "unpacked", 1),
        ("two.zip", "unpacked", 1),
    ]
    assert done[0].verified == "sha1, published in a page"
    assert songs(wanted.folder) == ["a.mp3", "b.mp3"] and not list(wanted.folder.glob("*.zip*"))
    behaviour.asked.clear()
    assert [each.state for each in fetch(source, wanted)] == ["there", "there"] and behaviour.asked == []


def test_an_interrupted_fetch_goes_on(source: Source, behaviour: Behaviour, tmp_path: Path) -> None:
    behaviour.files.pop("/two.zip")
    wanted = Wanted(folder=tmp_path / "to", keep=True)
    with raises("fetch-refused", "two.zip"):
        fetch(source, wanted)
    behaviour.files["/two.zip"] = SECOND
    behaviour.asked.clear()
    assert [each.state for each in fetch(source, wanted)] == ["there", "unpacked"]
    assert [path for path, _ in behaviour.asked] == ["/two.zip"]
    assert (wanted.folder / "two.zip").read_bytes() == SECOND


def test_a_wrong_checksum_unpacks_nothing_and_sets_the_file_aside(
    source: Source, behaviour: Behaviour, tmp_path: Path
) -> None:
    behaviour.files["/one.zip"] = SECOND
    wanted = Wanted(folder=tmp_path / "to")
    digests = [hashlib.sha1(each, usedforsecurity=False).hexdigest() for each in (FIRST, SECOND)]
    with raises("archive-checksum", *digests, "a page", wanted.folder / "one.zip.faulty"):
        fetch(source, wanted)
    assert songs(wanted.folder) == [] and not (wanted.folder / FETCHED).exists()
    behaviour.files["/one.zip"] = FIRST
    assert len(fetch(source, wanted)) == 2 and songs(wanted.folder) == ["a.mp3", "b.mp3"]


def test_a_wrong_size_is_told_before_the_checksum(source: Source, tmp_path: Path) -> None:
    smaller = replace(source.archives[0], size=len(FIRST) + 1)
    with raises("archive-checksum", f"{len(FIRST):,} bytes, not {len(FIRST) + 1:,}"):
        fetch(replace(source, archives=(smaller,)), Wanted(folder=tmp_path / "to"))


def test_without_a_checksum_only_structure_is_verified_and_said_so(source: Source, tmp_path: Path) -> None:
    (done,) = fetch(
        replace(source, archives=(replace(source.archives[0], checksum=None),)),
        Wanted(folder=tmp_path / "to"),
    )
    assert done.verified == "structure only: no checksum is published"


def test_archives_of_a_folder_are_verified_and_left_there(
    source: Source, behaviour: Behaviour, tmp_path: Path
) -> None:
    local = tmp_path / "have"
    local.mkdir()
    (local / "one.zip").write_bytes(FIRST)
    wanted = Wanted(folder=tmp_path / "to", local=local)
    refused = replace(source, refused="it has no licence")
    with raises("source-without-place", "it has no licence", "one.zip"):
        fetch(refused, replace(wanted, local=None))
    with raises("archive-missing", local / "two.zip"):
        fetch(refused, wanted)
    (local / "two.zip").write_bytes(SECOND + b"x")
    with raises("archive-checksum", local / "two.zip"):
        fetch(refused, wanted)
    (local / "two.zip").write_bytes(SECOND)
    assert [each.state for each in fetch(refused, wanted)] == ["there", "unpacked"]
    assert sorted(path.name for path in local.iterdir()) == ["one.zip", "two.zip"] and behaviour.asked == []


def test_a_mirror_gets_the_same_archives(source: Source, behaviour: Behaviour, tmp_path: Path) -> None:
    behaviour.files = {f"/far/away{path}": content for path, content in behaviour.files.items()}
    for address in (f"{source.page}far/away", f"{source.page}far/away/"):
        wanted = Wanted(folder=tmp_path / address[-4:].strip("/"), mirror=address)
        assert len(fetch(source, wanted)) == 2


def zenodo(source: Source, **changes: object) -> bytes:
    """Return a record of Zenodo about the two archives, and a file that is no archive."""
    contents = {"one.zip": FIRST, "read me.txt": b"hello"}
    files = [
        {
            "key": name,
            "size": len(content),
            "checksum": f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}",
            "links": {"self": f"{source.page}content/{number}"},
            **(changes if number == 0 else {}),
        }
        for number, (name, content) in enumerate(contents.items())
    ]
    return json.dumps({"id": 1, "files": files}).encode()


def test_a_record_of_zenodo_lists_files_and_checksums(
    source: Source, behaviour: Behaviour, tmp_path: Path
) -> None:
    record = f"{source.page}api/records/1"
    behaviour.files |= {"/api/records/1": zenodo(source), "/content/0": FIRST, "/content/1": b"hello"}
    listed = replace(source, archives=(), record=record)
    done = fetch(listed, Wanted(folder=tmp_path / "to"))
    assert [(each.archive, each.state) for each in done] == [
        ("one.zip", "unpacked"),
        ("read me.txt", "copied"),
    ]
    assert done[0].verified == f"md5, published in {record}"
    assert (tmp_path / "to" / "read me.txt").read_bytes() == b"hello"


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "../one.zip"},
        {"key": ".hidden"},
        {"size": -1},
        {"checksum": "md5:x"},
        {"links": {"self": "https://elsewhere/one.zip"}},
        {"links": {}},
    ],
)
def test_a_record_of_another_form_is_refused(
    source: Source, behaviour: Behaviour, tmp_path: Path, changes: dict[str, object]
) -> None:
    record = f"{source.page}api/records/1"
    behaviour.files["/api/records/1"] = zenodo(source, **changes)
    listed = replace(source, archives=(), record=record)
    with raises("fetch-listing", record, "--from"):
        fetch(listed, Wanted(folder=tmp_path / "to"))
    local = tmp_path / "have"
    local.mkdir()
    with raises("archive-missing", local):
        fetch(listed, Wanted(folder=tmp_path / "to", local=local))
    (local / "any.zip").write_bytes(FIRST)
    (done,) = fetch(listed, Wanted(folder=tmp_path / "to", local=local))
    assert done.verified == "structure only: the published checksums cannot be read"


def test_one_process_fetches_into_a_folder(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "to"
    folder.mkdir()
    with only_one(folder / ".fetch.lock"), raises("fetch-busy", folder):
        fetch(source, Wanted(folder=folder))


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}', '{"archives": {"one.zip": 1}}'])
def test_a_record_of_what_was_fetched_is_not_overwritten_if_unreadable(
    source: Source, tmp_path: Path, text: str
) -> None:
    (tmp_path / FETCHED).write_text(text)
    with raises("fetched-unreadable", tmp_path / FETCHED):
        fetch(source, Wanted(folder=tmp_path))
    assert (tmp_path / FETCHED).read_text() == text


def test_the_command(source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "to"
    assert main(["corpora", "fetch", "tiny", "--to", str(folder)]) == 2  # standard input is no terminal
    err = capsys.readouterr().err
    assert "Do as you like." in err and "--accept-licence" in err and not folder.exists()
    assert main(["corpora", "fetch", "tiny", "--to", str(folder), "--accept-licence"]) == 0
    out = capsys.readouterr().out
    assert f"corpus  folder:{folder}/music" in out and "verified by sha1, published in a page" in out
    assert main(["corpora", "show", f"folder:{folder}/music"]) == 0
    capsys.readouterr()
    again = ["corpora", "fetch", "tiny", "--to", str(folder), "--accept-licence", "--format", "json"]
    assert main(again) == 0
    assert [each["state"] for each in json.loads(capsys.readouterr().out)["archives"]] == ["there", "there"]
    assert main([*again, "--from", "x", "--mirror", "y"]) == 2


def test_folders_that_are_none_are_named(source: Source, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with raises("fetch-folder", tmp_path / "file"):
        fetch(source, Wanted(folder=tmp_path / "file"))
    with raises("archive-missing", tmp_path / "gone"):
        fetch(source, Wanted(folder=tmp_path / "new", local=tmp_path / "gone"))
    assert not (tmp_path / "new").exists() and (tmp_path / "file").read_text() == "mine"


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpora", "fetch", "--format", "json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert listed["fma-small"]["archives"][1]["checksum"].startswith("sha1:ade154f7")
    assert main(["corpora", "fetch"]) == 0
    shown = capsys.readouterr()
    assert "README.md of github.com/mdeff/fma" in shown.out and "gtzan is not fetched" in shown.err
    assert main(["corpora", "fetch", "gtzan", "--accept-licence"]) == 1
    with raises("source-unknown", "'fma-smal'", "'fma-small'"):
        find_source("fma-smal")
