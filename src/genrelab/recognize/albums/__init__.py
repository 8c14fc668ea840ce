"""Combine the tracks of an album to one genre.

An album is the folder that directly contains its tracks, or a CUE sheet.

>>> from genrelab.recognize import Recognizer, scan
>>> from genrelab.recognize.albums import combine
>>> recognizer = Recognizer.load("model.onnx")  # doctest: +SKIP
>>> records = list(recognizer.recognize_many(scan(["music"])))  # doctest: +SKIP
>>> for album in combine(records, recognizer.bundle.metadata):  # doctest: +SKIP
...     print(album.path, album.genre, album.confidence)
"""

from genrelab.recognize.albums.album import Album, AlbumReason
from genrelab.recognize.albums.combining import AlbumAggregator, combine, follow_albums
from genrelab.recognize.albums.place import AlbumPlace, PlaceFinder

__all__ = [
    "Album",
    "AlbumAggregator",
    "AlbumPlace",
    "AlbumReason",
    "PlaceFinder",
    "combine",
    "follow_albums",
]
