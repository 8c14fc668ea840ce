"""genrelab for MusicBrainz Picard 3: genres from the sound of the files, by a `genrelab serve`."""

from __future__ import annotations

from functools import partial
from weakref import WeakKeyDictionary

from picard.item import Item
from picard.plugin3.api import BaseAction, File, PluginApi, Track
from picard.util import thread
from PyQt6 import QtCore

from .answer import Answer
from .options import GenrelabPage, register_options
from .server import Server, ServerError, StoppedError

CONFIDENCE = "~genrelab_confidence"
"""A variable for scripts: `%_genrelab_confidence%`."""

PREDICTED = "~genrelab_genre"

_AT_ONCE = 4
"""Files that are sent at once; Picard needs its own threads to load files."""

_AGAIN_MILLISECONDS = 500

_answers: WeakKeyDictionary[File, Answer] = WeakKeyDictionary()
_pools: list[QtCore.QThreadPool] = []


class RecognizeGenre(BaseAction):
    """Entry of the context menu: recognize the genre of the selected files."""

    TITLE = "Recognize genre with genrelab"

    def callback(self, objs: list[Item]) -> None:
        """Recognize each file of what is selected once."""
        found = {file.filename: file for selected in objs for file in selected.iterfiles()}
        for file in found.values():
            recognize(self.api, file)


def recognize(api: PluginApi, file: File) -> None:
    """Send a file to the server in a thread, and change its genre when the answer is there."""
    config, tagger = api.plugin_config, api.tagger
    try:
        server = Server(
            config["url"], config["token"], full=bool(config["full"]), stopped=lambda: tagger.stopping
        )
    except ServerError as error:
        finish(api, file, error=error)
        return
    ask = partial(server.recognize, file.filename)
    thread.run_task(ask, partial(finish, api, file), thread_pool=_pool(api), traceback=False)


def finish(
    api: PluginApi, file: File, result: Answer | None = None, error: BaseException | None = None
) -> None:
    """Put an answer into the new tags of a file; Picard writes them when the user saves."""
    if isinstance(error, StoppedError) or file.state == File.State.REMOVED:
        return
    if error is not None:
        message = str(error) if isinstance(error, ServerError | OSError) else repr(error)
        api.logger.error("%s: %s", file.filename, message)
    elif result is None or result.error is not None:
        api.logger.warning("%s: %s", file.filename, result and result.error)
    else:
        _answers[file] = result
        apply(api, file, result)


def apply(api: PluginApi, file: File, result: Answer) -> None:
    """Change the new tags of a file as an answer says."""
    if file.state == File.State.REMOVED:
        return
    if file.state == File.State.PENDING:  # it is being saved: Picard would take the genre for a saved one
        QtCore.QTimer.singleShot(_AGAIN_MILLISECONDS, partial(apply, api, file, result))
        return
    config, metadata = api.plugin_config, file.metadata
    metadata[PREDICTED] = result.genre
    metadata[CONFIDENCE] = f"{result.confidence:.2f}"
    genres = result.genres(
        most=int(config["count"]), least=float(config["min_confidence"]), guess=bool(config["guess"])
    )
    if genres and (config["overwrite"] or not metadata.getall("genre")):
        metadata["genre"] = genres
    elif not genres:
        api.logger.info("%s: left alone, %s", file.filename, result.reason or "its confidence is too low")
    file.update()


def add_again(api: PluginApi, track: Track, file: File) -> None:
    """Put the answer back that Picard removed when it gave the file the tags of a track."""
    if file in _answers and "genre" not in file.metadata.deleted_tags:
        apply(api, file, _answers[file])


def recognize_loaded(api: PluginApi, file: File) -> None:
    """Recognize a file that Picard has loaded, if the user wants that."""
    if api.plugin_config["auto"]:
        recognize(api, file)


def enable(api: PluginApi) -> None:
    """Register what the plugin adds to Picard."""
    register_options(api)
    api.register_options_page(GenrelabPage)
    for register in (
        api.register_file_action,
        api.register_track_action,
        api.register_album_action,
        api.register_cluster_action,
        api.register_clusterlist_action,
    ):
        register(RecognizeGenre)
    api.register_file_post_load_processor(recognize_loaded)
    api.register_file_post_addition_to_track_processor(add_again)


def disable() -> None:
    """Forget the files that wait for their turn."""
    for pool in _pools:
        pool.clear()


def _pool(api: PluginApi) -> QtCore.QThreadPool:
    """Return the threads of the plugin, which end before Picard does."""
    if not _pools:
        pool = QtCore.QThreadPool(api.tagger)
        pool.setMaxThreadCount(_AT_ONCE)
        api.tagger.register_cleanup(pool.waitForDone)  # cleanups run in reverse order
        api.tagger.register_cleanup(pool.clear)
        _pools.append(pool)
    return _pools[0]
