"""The plugin in Picard 3: its loader, plugin API, files, metadata and options page, and a real server.

A small application stands in for Picard's main window: it has the thread pool and the event loop that
`picard.util.thread` uses. Everything else is Picard's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
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
        end = time.monotonic() + 120
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
    found.enable(MagicMock())
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
    found.update = MagicMock()
    return found


def finish(application) -> None:
    """Wait for the threads, and run what they sent."""
    assert application.thread_pool.waitForDone(180_000)
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


@pytest.mark.parametrize(
    ("url", "token", "said"),
    [(None, "wrong", "refuses"), ("http://127.0.0.1:1", "", "no answer"), ("music", "", "not the address")],
)
def test_what_fails_is_logged_and_changes_nothing(
    application, api, server, file, url, token, said, monkeypatch
):
    api.plugin_config["url"], api.plugin_config["token"] = url or server, token
    logged = []
    monkeypatch.setattr(type(api.logger), "error", lambda _, text, *values: logged.append(text % values))
    try:
        choose(api, file)
    except Exception as error:  # Picard logs what an action raises
        logged.append(str(error))
    finish(application)
    assert said in " ".join(logged)
    assert "genre" not in file.metadata


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
