"""The plugin in Picard 3: its loader, plugin API, files, metadata and options page, and a real server.

A small application stands in for Picard's main window: it has the thread pool and the event loop that
`picard.util.thread` uses. Everything else is Picard's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from unittest.mock import MagicMock

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import picard.options  # makes the settings of Picard known
from picard.config import get_config, setup_config
from picard.extension_points import item_actions, set_plugin_uuid
from picard.formats.vorbis import FLACFile
from picard.plugin3.plugin import Plugin, PluginState
from picard.tagger import Tagger
from picard.track import Track
from PyQt6 import QtCore, QtWidgets

PLUGIN = Path(__file__).parents[1] / "picard_genrelab"
BIN = Path(sys.executable).parent
TOKEN = "a-token-that-only-the-tests-know-0123456789"


class Application(QtWidgets.QApplication):
    """Runs what Picard's threads send to the main thread, as Picard's `Tagger` does."""

    tagger_stats_changed = QtCore.pyqtSignal()

    def __init__(self) -> None:
        super().__init__([])
        self.thread_pool = QtCore.QThreadPool(self)
        self.priority_thread_pool = self.thread_pool
        self.window = MagicMock()
        self.stopping = False
        self.cleanups = []
        self.register_cleanup = self.cleanups.append

    def event(self, event: QtCore.QEvent) -> bool:
        if hasattr(event, "run"):
            event.run()
            return True
        return super().event(event)


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    application = Application()
    Tagger._Tagger__instance = application  # what `tagger_instance` of Picard returns
    setup_config(application, str(tmp_path_factory.mktemp("config") / "Picard.ini"))
    return application


@pytest.fixture(scope="module")
def piece(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("piece") / "piece.flac"
    subprocess.run([BIN / "genrelab", "demo", "--compose", path.with_suffix(".mp3")], check=True)
    import soundfile

    soundfile.write(path, *soundfile.read(path.with_suffix(".mp3")))
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that wants a token; its address."""
    home = tmp_path_factory.mktemp("server")
    (home / "token").write_text(TOKEN)
    (home / "token").chmod(0o600)
    log = home / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [BIN / "genrelab", "serve", "--port=0", f"--token-file={home / 'token'}",
             f"--library={home / 'library.db'}"],
            stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        end = time.monotonic() + 300
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield found[0]
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def plugin(application):
    found = Plugin(PLUGIN.parent, PLUGIN.name)
    found.read_manifest()
    found.load_module()
    get_config().setting["plugins3_enabled_plugins"] = [found.manifest.uuid]
    set_plugin_uuid(found.manifest.uuid, found.plugin_id)  # as Picard's manager of plugins does
    found.enable(application)
    yield found
    found.disable()


@pytest.fixture
def api(plugin):
    from picard.plugin3.api import PluginApi

    api = PluginApi._instances[plugin._module.__name__]
    yield api
    for name in plugin._module.options.DEFAULTS:
        api.plugin_config.remove(name)


@pytest.fixture
def file(piece, application):
    found = FLACFile(str(piece))
    found.metadata.copy(found._load(str(piece)))
    found.state = FLACFile.State.NORMAL  # loaded
    found.update = MagicMock()
    return found


def finish(application) -> None:
    """Wait for the threads, and run what they sent."""
    for pool in application.findChildren(QtCore.QThreadPool):
        assert pool.waitForDone(180_000)
    application.sendPostedEvents()
    application.processEvents()


def choose(api, file) -> None:
    """Choose the entry of the context menu for a file."""
    (action,) = {each for each in item_actions.ext_point_file_actions if each.__name__ == "RecognizeGenre"}
    action(None).callback([file])


def test_picard_accepts_the_manifest_and_loads_the_plugin(plugin):
    assert plugin.manifest.validate() == []
    assert plugin.manifest.name() == "genrelab"
    assert plugin.state is PluginState.ENABLED
    assert picard.options


def test_the_program_of_picard_installs_the_plugin(tmp_path):
    own = {
        "HOME": str(tmp_path),
        "PICARD_PLUGIN_DIR": str(tmp_path / "plugins"),
        "XDG_CONFIG_HOME": str(tmp_path),
    }

    def run(*words: str | Path) -> str:
        done = subprocess.run(
            [BIN / "picard-cli", "-c", tmp_path / "Picard.ini", "--yes", "plugins", *words],
            capture_output=True, text=True, env={**os.environ, **own}, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "installed successfully" in run("install", PLUGIN)
    assert "genrelab (enabled)" in run("list")


def test_a_file_gets_the_genre_and_the_confidence(application, api, server, file):
    api.plugin_config["url"], api.plugin_config["token"] = server, TOKEN
    choose(api, file)
    finish(application)
    (genre,) = file.metadata.getall("genre")
    assert genre.lower() == file.metadata["~genrelab_genre"] != "unsure"
    assert 0.4 < float(file.metadata["~genrelab_confidence"]) <= 1
    file.update.assert_called_once_with()


def test_a_present_genre_stays_unless_the_user_says_otherwise(application, api, server, file):
    api.plugin_config["url"], api.plugin_config["token"] = server, TOKEN
    file.metadata["genre"] = ["Polka"]
    choose(api, file)
    finish(application)
    assert file.metadata.getall("genre") == ["Polka"]
    api.plugin_config["overwrite"] = True
    choose(api, file)
    finish(application)
    assert file.metadata.getall("genre") != ["Polka"]


def test_files_are_recognized_on_load_only_if_asked(application, api, plugin, server, file):
    api.plugin_config["url"], api.plugin_config["token"] = server, TOKEN
    plugin._module.recognize_loaded(api, file)
    finish(application)
    assert "genre" not in file.metadata
    api.plugin_config["auto"] = True
    plugin._module.recognize_loaded(api, file)
    finish(application)
    assert "genre" in file.metadata


@pytest.fixture
def logged(api, monkeypatch):
    found = []
    for level in ("error", "warning"):
        monkeypatch.setattr(
            type(api.logger), level, lambda _, text, *values: found.append(text % values), raising=True
        )
    return found


@pytest.mark.parametrize(
    ("url", "token", "said"),
    [
        (None, "wrong", "refuses"),
        ("http://127.0.0.1:1", "", "no answer"),
        ("music", "", "address"),
        ("", "", "address"),
        ("http://[::1", "", "address"),
        ("http://localhost:99999", "", "address"),
        ("http://me:hunter2@localhost:8765", "", "address"),
        (None, "hunter2\nX: y", "token"),
        (None, "hunter2-ключ", "token"),
    ],
)
@pytest.mark.parametrize("how", ["menu", "load"])
def test_what_fails_is_logged_and_changes_nothing(
    application, api, plugin, server, file, url, token, said, how, logged
):
    api.plugin_config["url"], api.plugin_config["token"] = server if url is None else url, token
    api.plugin_config["auto"] = True
    if how == "menu":
        choose(api, file)
    else:
        plugin._module.recognize_loaded(api, file)
    finish(application)
    assert len(logged) == 1 and said in logged[0] and "hunter2" not in logged[0]
    assert "genre" not in file.metadata


class Other(BaseHTTPRequestHandler):
    """A server that answers anything with one body."""

    protocol_version = "HTTP/1.0"
    body = b""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        """Print nothing."""


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b"{}", b'{"state": "done", "results": [{}]}', b'{"state": "done", "results": [7]}',
     b'{"state": "failed", "problem": "text"}', b'{"state": "queued"}', b"[" * 100_000],
)  # fmt: skip
def test_another_server_is_named_as_such(application, api, file, logged, body):
    other = HTTPServer(("127.0.0.1", 0), type("Own", (Other,), {"body": body}))
    threading.Thread(target=other.handle_request, daemon=True).start()
    api.plugin_config["url"] = f"http://127.0.0.1:{other.server_port}"
    choose(api, file)
    finish(application)
    other.server_close()
    (said,) = logged
    assert "does not answer as genrelab serve does" in said or (body == b"[]" and "refuses" in said)
    assert "genre" not in file.metadata


def test_a_name_with_quotes_and_line_breaks_is_sent(application, api, server, file, piece, tmp_path, logged):
    api.plugin_config["url"], api.plugin_config["token"] = server, TOKEN
    odd = tmp_path / 'a "b"\r\nX-Header: \\c é.flac'
    odd.write_bytes(piece.read_bytes())
    file.filename = str(odd)
    choose(api, file)
    finish(application)
    assert logged == [] and "genre" in file.metadata


def test_a_file_that_is_saved_meanwhile_gets_its_genre_afterwards(application, api, server, file):
    """Picard takes all new tags for saved when it has saved a file."""
    api.plugin_config["url"], api.plugin_config["token"] = server, TOKEN
    file.state = FLACFile.State.PENDING
    choose(api, file)
    finish(application)
    assert "genre" not in file.metadata
    file.state = FLACFile.State.NORMAL
    end = time.monotonic() + 60
    while "genre" not in file.metadata and time.monotonic() < end:
        application.processEvents()
        time.sleep(0.02)
    assert "genre" in file.metadata


def test_a_removed_file_is_left_alone(application, api, server, file):
    api.plugin_config["url"], api.plugin_config["token"] = server, TOKEN
    choose(api, file)
    file.state = FLACFile.State.REMOVED
    finish(application)
    assert "genre" not in file.metadata and not file.update.called


def test_nothing_is_sent_while_picard_closes(application, api, server, file, logged):
    api.plugin_config["url"], api.plugin_config["token"] = server, TOKEN
    application.stopping = True
    try:
        choose(api, file)
        finish(application)
    finally:
        application.stopping = False
    assert logged == [] and "genre" not in file.metadata
    assert len(application.cleanups) >= 2  # the threads of the plugin end before Picard


def test_picards_own_threads_stay_free(application, api, plugin, server, file):
    api.plugin_config["url"], api.plugin_config["token"] = server, TOKEN
    application.thread_pool.setMaxThreadCount(1)
    held = threading.Event()
    application.thread_pool.start(held.wait)
    try:
        choose(api, file)
        assert plugin._module._pools[0].waitForDone(180_000)
        application.sendPostedEvents()
        assert "genre" in file.metadata
    finally:
        held.set()


@pytest.mark.parametrize("clear", [True, False])
def test_the_genre_stays_when_the_file_is_matched(application, api, server, file, clear):
    api.plugin_config["url"], api.plugin_config["token"] = server, TOKEN
    choose(api, file)
    finish(application)
    genre = file.metadata.getall("genre")
    get_config().setting["clear_existing_tags"] = clear
    track = Track("00000000-0000-0000-0000-000000000001")
    track.orig_metadata["title"] = track.metadata["title"] = "Matched"
    track.add_file(file)
    assert file.metadata["title"] == "Matched"
    assert file.metadata.getall("genre") == genre != []
    assert file.metadata["~genrelab_genre"]
    del file.metadata["genre"]  # the user does not want it
    track.add_file(file)
    assert file.metadata.getall("genre") == []


def test_a_file_that_is_no_music_is_left_alone(application, api, server, file, tmp_path):
    (tmp_path / "text.flac").write_text("no music")
    file.filename = str(tmp_path / "text.flac")
    api.plugin_config["url"], api.plugin_config["token"] = server, TOKEN
    choose(api, file)
    finish(application)
    assert "genre" not in file.metadata


def test_the_page_of_options_keeps_what_is_set(api, plugin):
    page = plugin._module.GenrelabPage()
    page.load()
    assert page.url.text() == "http://127.0.0.1:8765"
    page.url.setText(" https://music.home ")
    page.min_confidence.setValue(0.6)
    page.switches["guess"].setChecked(True)
    page.save()
    config = api.plugin_config
    assert (config["url"], config["min_confidence"], config["guess"]) == ("https://music.home", 0.6, True)


def test_the_answer_decides(plugin):
    answer = plugin._module.Answer("unsure", 0.4, (("hiphop", 0.4), ("pop", 0.3)), "low confidence")
    assert answer.genres() == []
    assert answer.genres(guess=True, most=2) == ["Hip-Hop", "Pop"]
    sure = plugin._module.Answer("pop", 0.7, (("pop", 0.7), ("disco", 0.05)))
    assert sure.genres(most=2) == ["Pop"]
    assert sure.genres(least=0.8) == []


def test_genres_are_spelled_as_genrelab_spells_them(plugin):
    from genrelab import Recognizer
    from genrelab.vocabulary import display

    spelled = plugin._module.answer.spelled
    for genre in (
        *Recognizer.load().bundle.metadata.genres,
        "post-punk",
        "r&b",
        "edm",
        "children's",
        "2-step",
    ):
        assert spelled(genre) == display(genre)
    assert (spelled("drum'n'bass"), spelled("80s pop"), spelled("UK funky")) == (
        "Drum'n'bass", "80s Pop", "UK funky",
    )  # fmt: skip
