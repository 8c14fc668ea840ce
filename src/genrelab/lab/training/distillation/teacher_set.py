"""The teacher networks of a recipe: loaded, named, and asked about views of any rate and length."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.files import expand_home
from genrelab.lab.corpora.paths import printable
from genrelab.lab.recipes.distill import Distill, TeacherFile
from genrelab.lab.recipes.tags import Tags
from genrelab.lab.registry import closest
from genrelab.lab.teachers import Answers, Teacher, load_teacher
from genrelab.lab.teachers.load import read_tag_names
from genrelab.lab.training.distillation.target_file import file_hash


@dataclass(frozen=True, eq=False)
class NamedTeacher:
    """A teacher network, the name and digest of its file, and the names of its tags (empty if unknown).

    `gives` holds the arrays that a training takes from it; None is all that the recipe asks for.
    """

    name: str
    sha256: str
    network: Teacher
    tags: tuple[str, ...] = ()
    gives: frozenset[str] | None = None

    def takes(self, array: str) -> bool:
        """Return whether a training takes an array from this teacher."""
        return self.gives is None or array in self.gives

    def ask(
        self,
        sound: Tensor,
        *,
        sample_rate: int,
        segments: int = 1,
        arrays: Collection[str] | None = None,
    ) -> Answers:
        """Return arrays for a batch of views.

        Parameters
        ----------
        sound : Tensor [shape=(views, channels, samples)]
            Channels are averaged, another rate is resampled, and a view that is too short is repeated.
        sample_rate : int > 0
            Of the sound, in Hz.
        segments : int > 0
            Of each view.
        arrays : collection of str, optional
            Return these alone; default: all.
        """
        self.network.to(sound.device)
        mono = resampled(sound.float().mean(dim=1), sample_rate, self.network.sample_rate)
        times = max(1, -(-self.network.least_samples(arrays) // mono.shape[-1]))
        found: Answers = self.network(mono.repeat(1, times), segments * times, arrays)
        return {
            key: values[:, :segments] if key in self.network.of_parts else values
            for key, values in found.items()
        }


def resampled(sound: Tensor, rate: int, to: int) -> Tensor:
    """Resample `[views, samples]` in the spectrum of the whole view; without aliasing.

    Examples
    --------
    >>> resampled(torch.ones(1, 22_050), 22_050, 16_000).shape
    torch.Size([1, 16000])
    """
    if rate == to:
        return sound
    samples = sound.shape[-1]
    length = max(2, round(samples * to / rate))
    spectrum = torch.fft.rfft(sound)[..., : length // 2 + 1]
    found: Tensor = torch.fft.irfft(spectrum, n=length) * (length / samples)
    return found


def load_teachers(settings: Distill) -> tuple[NamedTeacher, ...]:
    """Load the teachers of a recipe.

    Raises
    ------
    RecipeError
        If a file cannot be used, two have the same name, or one lacks an array that the recipe asks for.
    """
    found: dict[str, NamedTeacher] = {}
    for file in settings.teachers:
        teacher = _load(file)
        if teacher.name in found:
            raise RecipeError(
                f"two teachers are called {printable(teacher.name)}; rename one of the files",
                code="teacher-twice",
            )
        for array in teacher.gives or settings.arrays:
            if array not in teacher.network.sizes:
                raise RecipeError(
                    f"the teacher {file.weights} gives no {array!r}; {closest(array, teacher.network.sizes)}",
                    code="teacher-array-unknown",
                )
        found[teacher.name] = teacher
    for array in settings.genres.arrays if settings.genres else ():
        _check_whole(array, "genres.from", found.values())
    for array in settings.tags:
        _check_whole(array, "tags", found.values())
    for array in settings.arrays:
        if found and not any(each.takes(array) for each in found.values()):
            raise RecipeError(
                f"the recipe asks for {array!r}, but `gives` of every teacher leaves it out; add it "
                "there, or remove it from `distill`",
                code="teacher-array-not-given",
            )
    return tuple(found.values())


def _check_whole(array: str, key: str, teachers: Iterable[NamedTeacher]) -> None:
    """Raise if an array does not describe whole views."""
    if any(array in each.network.of_parts for each in teachers):
        raise RecipeError(
            f"distill.{key}: {array!r} describes segments; name an array that describes whole views",
            code="teacher-array-of-segments",
        )


def _load(file: TeacherFile) -> NamedTeacher:
    path = expand_home(file.weights)
    network = load_teacher(path)
    tags: tuple[str, ...] = ()
    if file.tags is not None:
        tags = read_tag_names(expand_home(file.tags), count=network.sizes.get("tags", 0))
    return NamedTeacher(
        path.stem.replace(".", "_"),
        file_hash(path),
        network,
        tags,
        None if file.gives is None else frozenset(file.gives),
    )


def teachers_digest(teachers: Sequence[NamedTeacher]) -> str:
    """Hash the files of teachers, and the names of their tags."""
    text = repr([(each.name, each.sha256, each.tags, sorted(each.gives or ())) for each in teachers])
    return hashlib.sha256(text.encode()).hexdigest()


def taught_columns(settings: Tags, teachers: Sequence[NamedTeacher]) -> Mapping[str, list[int]]:
    """Return tag -> its columns in the concatenated tags of all teachers.

    Raises
    ------
    RecipeError
        If no teacher has a name that the recipe gives.
    """
    names = [name for each in teachers for name in each.tags or [""] * each.network.sizes.get("tags", 0)]
    found = {}
    for tag, theirs in settings.taught.items():
        for name in theirs:
            if name not in names:
                remedy = (
                    "Name the files of the teachers' tags with --teacher-tags; or omit these tags, all of "
                    "them with --set tags.taught=null"
                )
                raise RecipeError(
                    f"tags.taught: no teacher has the tag {name!r} of {tag!r}; "
                    f"{closest(name, filter(None, names), then=remedy)}",
                    code="taught-tag-unknown",
                )
        found[tag] = [column for column, name in enumerate(names) if name in theirs]
    return found
