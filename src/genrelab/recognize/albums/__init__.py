"""Combine the tracks of an album to one genre.

An album is the folder that directly contains its tracks, a CUE sheet, or what the tags of its tracks say.

>>> from genrelab.recognize import Recognizer, scan
>>> from genrelab.recognize.albums import combine
>>> recognizer = Recognizer.load("model.onnx")  # doctest: +SKIP
>>> records = list(recognizer.recognize_many(scan(["music"])))  # doctest: +SKIP
>>> for album in combine(records, recognizer.bundle.metadata):  # doctest: +SKIP
...     print(album.path, album.genre, album.confidence)
"""

from genrelab.recognize.albums.album import Album, AlbumReason, Outlier
from genrelab.recognize.albums.combining import AlbumAggregator, combine, follow_albums
from genrelab.recognize.albums.grouping import Places, ReadTags, places_by_folder, places_by_tags
from genrelab.recognize.albums.names import AlbumTags
from genrelab.recognize.albums.outliers import OwnAnswer
from genrelab.recognize.albums.place import AlbumPlace, CompilationSign, PlaceFinder, Unit

__all__ = [
    "Album",
    "AlbumAggregator",
    "AlbumPlace",
    "AlbumReason",
    "AlbumTags",
    "CompilationSign",
    "Outlier",
    "OwnAnswer",
    "PlaceFinder",
    "Places",
    "ReadTags",
    "Unit",
    "combine",
    "follow_albums",
    "places_by_folder",
    "places_by_tags",
]
