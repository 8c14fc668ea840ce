"""Playlists over HTTP."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

import pytest
from many_tracks import fill, track_path
from served_music import ServedMusic, call, id_of
from starlette.testclient import TestClient

from genrelab.serve import track_id


@pytest.fixture
def music(tmp_path: Path) -> ServedMusic:
    (tmp_path / "music").mkdir()
    return ServedMusic(tmp_path / "music", tmp_path / "library.db")


def names(answer: dict) -> list[str]:
    return [item["name"] for item in answer["items"]]


def test_preview_of_each_kind(music: ServedMusic) -> None:
    first = music.add("mp3-24", "a.mp3", confidence=0.9)
    second = music.add("flac", "b.flac", genre="unsure", reason="low confidence", confidence=0.3)
    third = music.add("ogg", "c.ogg", genre="jazz", tags=())
    with music.served(write=False) as client:
        found = call(client, "/playlists/preview", {"kind": "genre", "genres": ["rock"]})
        assert names(found) == ["a.mp3"]
        (item,) = found["items"]
        assert (item["id"], item["genre"], item["artist"]) == (id_of(first), "rock", "Ensemble Ω")
        assert found["total"] == 1 and found["omitted"]["copies"] == 0
        found = call(client, "/playlists/preview", {"kind": "mood", "tags": ["mood:calm"]})
        assert names(found) == ["a.mp3", "b.flac"] and found["items"][1]["genre"] is None
        body = {"kind": "mood", "tags": ["mood:calm"], "no_unsure": True}
        assert names(call(client, "/playlists/preview", body)) == ["a.mp3"]
        body = {"kind": "similar", "seeds": [id_of(first)], "no_copies": False}
        assert names(call(client, "/playlists/preview", body)) == ["b.flac", "c.ogg"]
        body = {"kind": "path", "from": id_of(first), "to": id_of(third), "length": 3, "no_copies": False}
        found = call(client, "/playlists/preview", body)
        assert names(found) == ["a.mp3", "b.flac", "c.ogg"] and found["items"][0]["similarity"] is None
        body = {"kind": "tracks", "tracks": [id_of(third), id_of(second)]}
        assert names(call(client, "/playlists/preview", body)) == ["c.ogg", "b.flac"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "path"}, 422, "playlist-ends-missing"),
        ({"kind": "similar"}, 422, "playlist-seed-number"),
        ({"kind": "genre", "genres": ["polka"]}, 422, "where-name-unknown"),
        ({"kind": "genre", "genres": ["rock' OR 1=1 --"]}, 422, "where-name-unknown"),
        ({"kind": "similar", "seeds": ["L2V0Yy9wYXNzd2Q"]}, 404, "track-unknown"),
        ({"kind": "similar", "seeds": ["../x"]}, 404, "track-id-damaged"),
        ({"kind": "genre", "length": 10**9}, 422, "request-invalid"),
        ({"kind": "other"}, 422, "request-invalid"),
        ({"kind": "genre", "colour": 1}, 422, "request-unknown-field"),
    ],
)
def test_refused(music: ServedMusic, body: dict, status: int, code: str) -> None:
    music.add("flac")
    with music.served() as client:
        for route in ("/playlists/preview", "/playlists", "/playlists/download"):
            assert call(client, route, body, status)["code"] == code


def test_a_playlist_is_written_under_a_root(music: ServedMusic) -> None:
    path = music.add("mp3-24", "album/a.mp3")
    with music.served() as client:
        body = {"kind": "genre", "genres": ["rock"], "name": "Evening"}
        saved = call(client, "/playlists", body, 201)
        assert saved["path"] == str(music.folder / "Evening.m3u8") and saved["written"] == 1
        assert (music.folder / "Evening.m3u8").read_text().splitlines()[-1] == "album/a.mp3"
        refused = call(client, "/playlists", body, 409)
        assert refused["code"] == "playlist-exists" and refused["path"] == saved["path"]
        call(client, "/playlists", {**body, "overwrite": True}, 201)
        saved = call(client, "/playlists", {**body, "to": "album", "format": "xspf"}, 201)
        assert saved["path"] == str(music.folder / "album" / "Evening.xspf")
        # the page says folder and name in one
        body = {"kind": "tracks", "tracks": [id_of(path)], "to": f"{music.folder}/album/x.m3u8"}
        assert call(client, "/playlists", body, 201)["path"] == f"{music.folder}/album/x.m3u8"


def test_nothing_else_is_written(music: ServedMusic, tmp_path: Path) -> None:
    song = music.add("mp3-24", "a.mp3")
    (tmp_path / "out").mkdir()
    (music.folder / "leads out").symlink_to(tmp_path / "out")
    (music.folder / "link.m3u8").symlink_to(tmp_path / "out" / "x.m3u8")
    (music.folder / "song.m3u8").symlink_to(song)
    before = song.read_bytes()
    places = [
        *(f"{tmp_path}/out/x.m3u8", "../out/x.m3u8", "leads out/x.m3u8", "link.m3u8", "/etc/x.m3u8"),
        *("leads out", "..", "\0", "a" * 5000),
    ]
    with music.served() as client:
        for to in places:
            body = {"kind": "genre", "to": to, "name": "x", "overwrite": True}
            assert call(client, "/playlists", body, 403)["code"] == "outside-roots", to
        for name in ("../../out/x", "/etc/x", "..", "a\nb\0", "."):
            saved = call(client, "/playlists", {"kind": "genre", "name": name, "overwrite": True}, 201)
            assert Path(saved["path"]).parent == music.folder
        for to in ("a.mp3", "song.m3u8"):  # the names of songs get an ending, and a link leads to a song
            body = {"kind": "genre", "to": to, "overwrite": True}
            assert Path(call(client, "/playlists", body, 201)["path"]).name == "a.mp3.m3u8"
        missing = call(client, "/playlists", {"kind": "genre", "to": "no/folder/x.m3u8"}, 422)
        assert missing["code"] == "output-unwritable" and "no/folder/x.m3u8" in missing["title"]
        assert call(client, "/playlists", {"kind": "genre"}, 422)["code"] == "playlist-unnamed"
    assert song.read_bytes() == before
    assert not list((tmp_path / "out").iterdir())


def test_a_server_that_only_reads(music: ServedMusic) -> None:
    music.add("mp3-24")
    with music.served(write=False) as client:
        refused = call(client, "/playlists", {"kind": "genre", "name": "x"}, 403)
    assert refused["code"] == "read-only-server"
    assert [path.name for path in music.folder.iterdir()] == ["mp3-24.mp3"]


def test_a_server_without_roots_reads_and_writes_no_file(music: ServedMusic) -> None:
    music.add("mp3-24")
    with music.served(roots=False) as client:
        assert len(call(client, "/playlists/preview", {"kind": "genre"})["items"]) == 1
        assert call(client, "/playlists", {"kind": "genre", "name": "x"}, 403)["code"] == "outside-roots"
        body = {"kind": "genre", "max_per_artist": 1}
        assert call(client, "/playlists/preview", body, 403)["code"] == "artists-unreadable"


def test_tracks_outside_the_roots_are_in_no_playlist(music: ServedMusic, tmp_path: Path) -> None:
    other = ServedMusic(tmp_path / "other", music.database)
    other.folder.mkdir()
    hidden = other.add("flac", "hidden.flac")
    seen = music.add("mp3-24", "a.mp3")
    with music.served() as client:
        for body in ({"kind": "genre"}, {"kind": "similar", "seeds": [id_of(seen)], "with_seeds": True}):
            found = call(client, "/playlists/preview", {**body, "no_copies": False})
            assert names(found) == ["a.mp3"]
        body = {"kind": "tracks", "tracks": [id_of(hidden)]}
        assert call(client, "/playlists/preview", body, 404)["code"] == "track-unknown"


def test_downloads(music: ServedMusic) -> None:
    path = music.add("mp3-24", os.fsdecode(b"<b>\xff\n&.mp3"))
    music.add("flac", "b.flac")
    with music.served(write=False) as client:
        body = {"kind": "genre", "name": 'Jäzz "1"/..\r\n', "no_copies": False}
        answer = client.post("/api/v1/playlists/download", json=body)
        assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
        name = quote("Jäzz -1-..-.m3u8")
        assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{name}"
        assert str(music.folder / "b.flac") in answer.text and path.name[:3] not in answer.text
        answer = client.get("/api/v1/playlists/download?kind=genre&format=xspf&genres=rock&no_copies=false")
        locations = [
            each.text or "" for each in ET.fromstring(answer.content).iter("{http://xspf.org/ns/0/}location")
        ]
        assert [unquote_to_bytes(urlsplit(each).path) for each in locations] == [
            os.fsencode(each) for each in (path, music.folder / "b.flac")
        ]
        body = {"kind": "genre", "absolute": False}
        assert client.post("/api/v1/playlists/download", json=body).text.splitlines()[-1] == "b.flac"


def test_hostile_names_in_answers(music: ServedMusic) -> None:
    music.add("flac", os.fsdecode(b"<script>\xff\r\n\x1b[31m.flac"))
    with music.served() as client:
        (item,) = call(client, "/playlists/preview", {"kind": "genre"})["items"]
        assert "\\xff" in item["path"] and item["name"].startswith("<script>")
        saved = call(client, "/playlists", {"kind": "genre", "name": "x"}, 201)
        assert saved["written"] == 0 and len(saved["skipped"]) == 1


def test_similar_tracks_for_players(music: ServedMusic) -> None:
    first = music.add("mp3-24", "album/a.mp3")
    music.add("flac", "b.flac")
    last = music.add("ogg", "c.ogg", embedding=None, genre="jazz")
    end = music.add("opus", "d.opus", genre="jazz")
    with music.served(write=False) as client:
        for query in (f"id={id_of(first)}", f"path={quote(str(first))}", "path=album/a.mp3"):
            (match, *_) = call(client, f"/sonic/similar?{query}&count=2")["matches"]
            assert match["song"]["path"] == str(music.folder / "b.flac")
            assert match["song"]["artist"] == "Ensemble Ω"
            assert 0.9 < match["similarity"] <= 1
            assert match["song"]["durationMs"] == 15000 and match["song"]["duration"] == 15.0
        query = f"from={id_of(first)}&to_path={quote(str(end))}&count=3"
        path = call(client, f"/sonic/path?{query}")["matches"]
        assert [Path(match["song"]["path"]).name for match in path] == ["a.mp3", "b.flac", "d.opus"]
        similarities = [match["similarity"] for match in path]
        assert similarities == sorted(similarities, reverse=True) and similarities[0] == 1
        for query, status, code in (
            ("count=1", 422, "sonic-track-unnamed"),
            (f"id={id_of(first)}&path=x", 422, "sonic-track-unnamed"),
            ("path=/etc/passwd", 403, "outside-roots"),
            ("path=../x", 403, "outside-roots"),
            ("path=nothing.mp3", 404, "track-unknown"),
            (f"id={id_of(last)}", 422, "playlist-seed-silent"),
        ):
            assert call(client, f"/sonic/similar?{query}", None, status)["code"] == code


def test_requests_at_once(music: ServedMusic) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for number in range(5):
        music.add("flac-bare", f"{number}.flac")
    with music.served() as client, ThreadPoolExecutor(8) as pool:
        bodies = [{"kind": "genre", "shuffle": number, "length": 3} for number in range(24)]

        def ask(body: dict, client: TestClient = client) -> list[str]:
            return names(call(client, "/playlists/preview", body))

        together = list(pool.map(ask, bodies))
        assert together == [ask(body) for body in bodies]


@pytest.mark.slow
def test_twenty_thousand_tracks(tmp_path: Path) -> None:
    """Lengths, time and memory are bounded: the answer has as many tracks as asked, and no more."""
    import tracemalloc

    folder, song = tmp_path / "music", tmp_path / "song.mp3"
    song.write_bytes(b"")
    database = fill(tmp_path / "library.db", 20_000, folder=str(folder))
    for number in range(20_000):
        path = track_path(number, str(folder))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.link(song, path)
    first, last = (track_id.encode(track_path(number, str(folder))) for number in (0, 12_345))
    with ServedMusic(folder, database).served(write=False) as client:
        tracemalloc.start()
        try:
            found = call(client, "/playlists/preview", {"kind": "genre", "length": 10_000})
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(found["items"]) == 10_000 == len({item["id"] for item in found["items"]})
        assert peak < 150e6
        found = call(client, "/playlists/preview", {"kind": "path", "from": first, "to": last, "length": 40})
        assert len(found["items"]) == 40 == len({item["id"] for item in found["items"]})
        _, direct = call(client, f"/sonic/path?from={first}&to={last}&count=2")["matches"]
        assert min(item["similarity"] for item in found["items"][1:]) > direct["similarity"]
