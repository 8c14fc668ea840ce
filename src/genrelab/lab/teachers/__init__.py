"""Foreign networks that can be asked about any sound during training: teachers for distillation.

Importing this package registers every architecture. A teacher never becomes part of a model.
"""

from genrelab.lab.teachers.base import TEACHERS, Answers, Teacher
from genrelab.lab.teachers.fcn import FcnTagger
from genrelab.lab.teachers.load import load_teacher

__all__ = ["TEACHERS", "Answers", "FcnTagger", "Teacher", "load_teacher"]
