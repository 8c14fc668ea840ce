"""genrelab for MusicBrainz Picard 3: genres from the sound of the files, by a `genrelab serve`."""

from __future__ import annotations

from functools import partial

from picard.plugin3.api import BaseAction, File, PluginApi
from picard.util import thread

from .answer import Answer
from .options import GenrelabPage, register_options
from .server import Server, ServerError

CONFIDENCE = "~genrelab_confidence"
"""A variable for scripts: `%_genrelab_confidence%`."""

PREDICTED = "~genrelab_genre"


class RecognizeGenre(BaseAction):
    """Entry of the context menu: recognize the genre of the selected files."""

    TITLE = "Recognize genre with genrelab"

    def callback(self, objs):
        """Recognize each file of what is selected once."""
        found = {file.filename: file for selected in objs for file in selected.iterfiles()}
        for file in found.values():
            recognize(self.api, file)


def recognize(api: PluginApi, file: File) -> None:
    """Send a file to the server in a thread, and change its genre when the answer is there."""
    config = api.plugin_config
    server = Server(config["url"], config["token"], full=config["full"])
    thread.run_task(
        partial(server.recognize, file.filename), partial(finish, api, file), priority=0, traceback=False
    )


def finish(api: PluginApi, file: File, result: Answer | None = None, error: BaseException | None = None):
    """Put an answer into the new tags of a file; Picard writes them when the user saves."""
    if error is not None:
        message = str(error) if isinstance(error, ServerError | OSError) else repr(error)
        api.logger.error("%s: %s", file.filename, message)
        return
    if result.error is not None:
        api.logger.warning("%s: %s", file.filename, result.error)
        return
    config, metadata = api.plugin_config, file.metadata
    metadata[PREDICTED] = result.genre
    metadata[CONFIDENCE] = f"{result.confidence:.2f}"
    genres = result.genres(
        most=int(config["count"]), least=float(config["min_confidence"]), guess=config["guess"]
    )
    present = metadata.getall("genre")
    if genres and (config["overwrite"] or not present):
        metadata["genre"] = genres
    elif not genres:
        api.logger.info("%s: left alone, %s", file.filename, result.reason or "its confidence is too low")
    file.update()


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
