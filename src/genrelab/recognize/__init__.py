"""Recognize the genre of files, folders and arrays with a model file.

>>> from genrelab.recognize import Recognizer, scan
>>> recognizer = Recognizer.load("model.onnx")  # doctest: +SKIP
>>> for recognition in recognizer.recognize_many(scan(["music"])):  # doctest: +SKIP
...     print(recognition.path, recognition.genre, recognition.confidence)
"""

from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.recognition import UNSURE, Part, RankedGenre, Recognition, Segment, TagScore
from genrelab.recognize.recognizer import Recognizer
from genrelab.recognize.scan import Problem, ScanLog, scan
from genrelab.recognize.segmentation import cut_parts

__all__ = [
    "UNSURE",
    "Part",
    "Problem",
    "RankedGenre",
    "Recognition",
    "Recognizer",
    "ScanLog",
    "Segment",
    "SheetTrack",
    "TagScore",
    "cut_parts",
    "scan",
]
