"""Genres from the sound of the files: `genrelab` as a plugin of beets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from beets import plugins, ui
from beets.dbcore import types
from beets.importer import Action
from beets.util import displayable_path
from beetsplug.genrelab.deciding import Decision, decide, for_album, has_genre
from beetsplug.genrelab.fields import (
    BEFORE,
    CONFIDENCE,
    GENRES,
    PREDICTED,
    note,
    own_genres,
    take_back,
    written_genres,
)
from beetsplug.genrelab.session import Session
from beetsplug.genrelab.settings import DEFAULTS, Settings
from beetsplug.genrelab.writing import GenreWriter, genres_in_file

from genrelab.errors import GenrelabError

if TYPE_CHECKING:
    from beets.importer import ImportSession, ImportTask
    from beets.library import Album, Item, Library

_AT_ONCE = 64
"""Most files of one batch."""


@dataclass(frozen=True, slots=True)
class _Run:
    """How to work: by the settings, into files or not, shown or quiet."""

    settings: Settings
    write: bool = False
    shown: bool = False


class GenrelabPlugin(plugins.BeetsPlugin):
    """Writes recognized genres on import, and with `beet genrelab`."""

    item_types: ClassVar[dict[str, types.Type]] = {
        PREDICTED: types.STRING,
        CONFIDENCE: types.Float(3),
        GENRES: types.MULTI_VALUE_DSV,
        BEFORE: types.MULTI_VALUE_DSV,
    }
    album_types = item_types

    def __init__(self) -> None:
        super().__init__()
        self.config.add(DEFAULTS)
        self._session = Session(self._log)
        self._writer = GenreWriter(self._session, self._log)
        if self.config["auto"].get():  # what is wrong is said by `check_settings`: here, beets would go on
            early = self.config["first"].get() == "genrelab"
            (self.early_import_stages if early else self.import_stages).append(self.imported)
            self.register_listener("import_task_files", self.files_imported)
        self.register_listener("pluginload", self.check_settings)
        self.register_listener("write", self._writer.before)
        self.register_listener("after_write", self._writer.after)
        self.register_listener("cli_exit", self._session.close)

    def check_settings(self) -> None:
        """Read the settings: what is wrong with them is reported before any music is imported."""
        self._settings()
        names = [plugin.name for plugin in plugins.find_plugins()]
        if self.import_stages and "lastgenre" in names[names.index(self.name) :]:
            self._log.warning("lastgenre works after genrelab: name it before genrelab in `plugins`")

    def _settings(self) -> Settings:
        try:
            settings = Settings.read(self.config)
        except GenrelabError as error:
            raise ui.UserError(f"genrelab: {error}") from error
        self._session.use(settings)
        return settings

    # On import

    def imported(self, session: ImportSession, task: ImportTask) -> None:
        """Recognize the tracks of a task; whatever fails, the import continues."""
        album = task.album if task.is_album else None
        try:
            self._process(task.imported_items(), album, _Run(self._settings()))
        except (GenrelabError, ui.UserError, OSError) as error:
            self._log.error("no genres for {}: {}", _named(task), error)

    def files_imported(self, session: ImportSession, task: ImportTask) -> None:
        """Write genres into files that are imported as they are, if the user asks for it."""
        if task.choice_flag is Action.ASIS and self.config["write_asis"].get(bool) and ui.should_write():
            for item in task.imported_items():
                if written_genres(item):
                    self._writer.write(item)
                    item.store()

    # The command

    def commands(self) -> Sequence[ui.Subcommand]:
        """Return `beet genrelab`."""
        command = ui.Subcommand("genrelab", help="recognize genres from the sound of the files")
        add = command.parser.add_option
        add("-p", "--pretend", action="store_true", help="show what would change, and change nothing")
        add("-f", "--force", action="store_true", dest="force", help="replace genres that are there")
        add("-F", "--no-force", action="store_false", dest="force", help="only where there is no genre")
        add("-k", "--keep-existing", action="store_true", dest="keep_existing", help="add to present genres")
        add("-K", "--no-keep-existing", action="store_false", dest="keep_existing", help="do not add")
        add("-g", "--guess", action="store_true", dest="guess", help="also write genres that are unsure")
        add("-a", "--albums", action="store_const", const="album", dest="source", help="one genre per album")
        add("-A", "--items", action="store_const", const="track", dest="source", help="a genre per track")
        add("-w", "--write", action="store_true", dest="write", help="write genres into the files")
        add("-W", "--no-write", action="store_false", dest="write", help="only into the database of beets")
        add("-u", "--undo", action="store_true", help="take back what was written, in files and database")
        command.parser.set_defaults(write=None, undo=False)
        command.func = self._run
        return [command]

    def _run(self, lib: Library, opts: Any, args: list[str]) -> None:
        names = ("pretend", "force", "keep_existing", "guess", "source")
        self.config.set_args({name: getattr(opts, name) for name in names})
        settings = self._settings()
        run = _Run(settings, write=ui.should_write(opts.write), shown=True)
        try:
            if opts.undo:
                self._undo(lib.items(args), lib, force=bool(opts.force), pretend=settings.pretend)
                return
            if settings.by_album:
                for album in lib.albums(args):
                    self._process(list(album.items()), album, run)
            single = settings.by_album  # what has an album got its genre with it
            for items in _blocks(item for item in lib.items(args) if not single or item.album_id is None):
                self._process(items, None, run)
        except GenrelabError as error:
            raise ui.UserError(f"genrelab: {error}") from error

    def _undo(self, items: Iterable[Item], lib: Library, *, force: bool, pretend: bool) -> None:
        albums: set[int] = set()
        for item in items:
            if written_genres(item) is None:
                continue
            if pretend:
                ui.print_(f"{item}: {'; '.join(own_genres(item))} would be taken back")
            elif self._writer.undo(item, force=force):
                ui.show_model_changes(item, fields=["genres"])
                item.store()
                albums |= {item.album_id} if item.album_id else set()
        for number in albums:
            album = lib.get_album(number)
            if album is not None and written_genres(album) is not None:
                take_back(album, own_genres(next(iter(album.items()))), force=force)
                album.store(inherit=False)

    # Both

    def _process(self, items: list[Item], album: Album | None, run: _Run) -> None:
        """Recognize tracks, and change their genres and that of their album."""
        changes = run.settings.changes
        by_album = run.settings.by_album and album is not None and not album.comp
        if by_album:
            needed = items if changes(has_genre(own_genres(album))) else []
        else:
            needed = [item for item in items if changes(has_genre(own_genres(item)))]
        if not needed:
            return
        records = self._session.recognize([item.filepath for item in needed])
        for record in records:
            if record.error is not None:
                self._log.warning("{}", record.error)
        if album is not None and changes(has_genre(own_genres(album))):
            decision = for_album(self._session.album(album.item_dir(), records), records, run.settings)
            self._change(album, decision, run)
            if by_album:
                for item in items:
                    if changes(has_genre(own_genres(item))):
                        self._change(item, decision, run)
        if not by_album:
            for item, record in zip(needed, records, strict=True):
                self._change(item, decide(record, run.settings), run)

    def _change(self, found: Item | Album, decision: Decision, run: _Run) -> None:
        """Give a track or album what was decided."""
        is_item = hasattr(found, "album_id")
        note(found, decision, run.settings, genres_in_file(found) if is_item else None)
        report = self._log.debug if decision.genres else self._log.info
        report("{}: {}", found, decision.text)
        if run.shown:
            ui.show_model_changes(found, fields=["genres", PREDICTED, CONFIDENCE])
        if run.settings.pretend:
            return
        if is_item:
            found.try_sync(write=run.write and decision.genres is not None, move=False)
        else:
            found.store(inherit=False)


def _blocks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield items in blocks that are recognized together."""
    rest = iter(items)
    while block := list(islice(rest, _AT_ONCE)):
        yield block


def _named(task: ImportTask) -> str:
    """Return the first path of a task, for messages."""
    return displayable_path(task.paths[0]) if task.paths else "an import"
