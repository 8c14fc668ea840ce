"""Recognition that remembers: what is known is not done again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from genrelab.errors import LibraryError
from genrelab.library.store.file_snapshot import Sighting
from genrelab.library.store.track_row import Wanted
from genrelab.library.store.tracks import Tracks
from genrelab.recognize.recognition import Recognition


class Memory:
    """Stands between `Recognizer.recognize_many` and the recognition of each file.

    An answer is in the library before it is given, so that a process that is killed has lost at most the
    files it was at work on. May be used by several threads at once.

    Parameters
    ----------
    tracks : Tracks
        Where answers are kept.
    model : str
        `Bundle.identity` of the recognizer; answers of others do not count.
    settings : str
        How the recognizer is used, as `Wanted` takes it.
    full : bool
        Whether the recognizer hears all of each file. Then what is known from segments spread over a file
        does not count; else both kinds of answers do.
    probabilities : bool
        Whether only answers count that tell the probabilities of each segment, as parts need them.
    again : bool
        Whether to recognize also what is known.

    Attributes
    ----------
    recalled : int
        How many answers came from the library.

    Examples
    --------
    >>> memory = Memory(library.tracks, recognizer.bundle.identity)  # doctest: +SKIP
    >>> records = recognizer.recognize_many(scan(["music"]), through=memory)  # doctest: +SKIP
    """

    def __init__(
        self,
        tracks: Tracks,
        model: str,
        *,
        settings: str = "",
        full: bool = False,
        probabilities: bool = False,
        again: bool = False,
    ) -> None:
        self._tracks = tracks
        self._wanted = Wanted(model, settings, full, probabilities)
        self._again = again
        self._lock = threading.Lock()
        self.recalled = 0

    def __call__(self, path: Path, recognize: Callable[[Path], Recognition]) -> Recognition:
        """Return what is known about a file, else recognize it and keep the answer.

        Parameters
        ----------
        path : Path
        recognize : callable
            Does the work.

        Returns
        -------
        Recognition
            With `error` set and not kept where the file changed while it was read. Nor is kept what is said
            about a file that cannot be read to its end, which may be otherwise the next time. An answer
            that the library does not take has a notice of the kind `output`.
        """
        known = None
        try:
            seen = Sighting(path)
            if not self._again:
                with suppress(LibraryError):  # if it does not take the answer either, the record says so
                    known = self._tracks.find(seen, self._wanted)
            seen.hash_sound()  # before: what changes in between must not look known
        except (OSError, ValueError):
            return recognize(path)  # which says what is wrong
        if known is not None:
            with self._lock:
                self.recalled += 1
            return known
        said = recognize(path)
        if not seen.is_still():
            message = (
                said.error or f"{path} changed while it was read. Recognize it again when it is complete."
            )
            return Recognition(path, said.model, error=message)
        if not self._tracks.writable:
            return said
        try:
            self._tracks.store(seen, said, self._wanted.settings)
        except LibraryError as error:
            return said.with_notice("output", f"its answer is not kept: {error}")
        return said
