"""Pictures of spectrograms, one per clip, instead of sound: `pictures:/data/gtzan-pictures`.

Layouts: one folder per genre, with pictures below it in any way; or the parts of a split above the genres,
as `training`, `development` and `evaluation` of ISMIR2004 or `train`, `valid` and `test`. The loader searches
up to three levels below the given folder, and finds `images_original` in the widely used download of GTZAN.
It recognizes GTZAN by the file names (`blues.00000.png`, `blues00000.png`), and then takes artists and the
fault-filtered split from the corpus `gtzan`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast, get_args
from urllib.parse import parse_qsl

from genrelab.errors import CorpusError
from genrelab.lab.corpora.loaders.folder import files_below, genre_folders
from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS, GENRES, fault_filtered, packaged_rows
from genrelab.lab.corpora.loaders.picture_file import (
    Box,
    PictureError,
    PicturePixels,
    Plane,
    Reading,
    Size,
    is_picture,
    picture_size,
)
from genrelab.lab.corpora.paths import examples, folder_safe, given_folder, printable
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.types import Clip, Corpus, Split

_PARTS = {
    "train": "train", "training": "train",
    "val": "valid", "valid": "valid", "validation": "valid",
    "test": "test", "testing": "test", "development": "test", "evaluation": "test",
}  # fmt: skip
_OPTIONS = ("size", "crop", "plane", "test")
_GTZAN_NAME = re.compile(rf"({'|'.join(GENRES)})\.?(\d{{5}})")
_GTZAN_CUT = re.compile(rf"(?:{'|'.join(GENRES)})\.?\d{{5}}[._-]?\d+")
_EXPECTED = frozenset(EXPECTED_IDS)
_NEARLY_ALL = 0.9  # of the pictures: the others are strays in a copy of GTZAN
_STRANGER = "not named as a clip of GTZAN in the folder of its genre, as nearly all others are"
_DEEPEST = 3  # levels below the given folder to search
_LARGEST_SIDE = 4096
_MOST_VALUES = 1_000_000  # of a picture: the highest sample rate of a recipe


class _Found(NamedTuple):
    """A picture, the folder of its genre, and its part of a published split."""

    file: Path
    genre: Path
    part: str | None


def load(argument: str) -> Corpus:
    """Read a folder of pictures.

    Parameters
    ----------
    argument : str
        The folder, optionally followed by a question mark and options joined by `&`:
        `size=128x128` (rows x columns) resizes; `crop=54,35,390,253` (left, top, right, bottom) takes that
        part of each file first, such as the plot without its margins; `plane=red` takes one colour of a
        coloured picture, or `rgb` all three, in place of its brightness, `gray`; `test=evaluation` takes
        this part of several for the test.

    Returns
    -------
    Corpus
        Genres in alphabetical order (GTZAN's in its own), rendered by `PicturePixels`. The id of a clip is
        its path below the folder without suffix; with the file names of GTZAN, ids (`blues.00000`), artists
        and the published splits `published` and `fault-filtered` are those of the corpus `gtzan`. Parts of
        a split become the split `published`; without a part for validation, a tenth of the training part
        validates. `skipped` lists unreadable pictures, and strays in a copy of GTZAN.

    Raises
    ------
    CorpusError
        If an option is wrong, there are fewer than two genres or several copies, the sizes of pictures
        differ, or pictures show excerpts of GTZAN's clips, which splits would not keep together.
    """
    place, _, text = argument.partition("?")
    options = _options(text)
    root = given_folder(place, corpus="pictures")
    home, found = _find(root, options.get("test"))
    reading, skipped = _reading(home, [each.file for each in found], options)
    usable = [each for each in found if _id(home, each.file) not in skipped]
    of_gtzan = _are_gtzans(usable)
    if of_gtzan:
        skipped |= {_id(home, each.file): _STRANGER for each in usable if not _is_gtzans(each)}
        usable = [each for each in usable if _is_gtzans(each)]
    ids = [".".join(_gtzan_id(each.file)) if of_gtzan else _id(home, each.file) for each in usable]
    twice = next((name for name, count in Counter(ids).items() if count > 1), None)
    if twice is not None:
        message = f"pictures: {home} contains two pictures of {twice}. Remove one"
        raise CorpusError(message, code="pictures-clip-twice")
    artists = _artists() if of_gtzan else {}
    clips = [
        Clip(id=clip_id, path=each.file, genre=printable(each.genre.name), artist=artists.get(clip_id))
        for clip_id, each in zip(ids, usable, strict=True)
    ]
    if of_gtzan:
        clips.sort(key=lambda clip: clip.id)
        skipped |= {each: "not in this copy" for each in EXPECTED_IDS if each not in set(ids)}
    genres = {clip.genre for clip in clips if clip.genre}
    suffix = "".join(f"-{options[key].replace(',', '-')}" for key in _OPTIONS if key in options)
    name = "gtzan-pictures" if of_gtzan else _name(home)
    return Corpus(
        name=folder_safe(name + suffix),
        genres=sorted(genres),
        clips=clips,
        licence="unknown (research use)" if of_gtzan else "unknown (that of the pictures)",
        citation="pictures of GTZAN's clips; see the corpus gtzan"
        if of_gtzan
        else "none (your own pictures)",
        published_splits=_splits(
            clips, {key: each.part for key, each in zip(ids, usable, strict=True)}, of_gtzan
        ),
        renderer=PicturePixels(reading),
        kind="pictures",
        skipped=skipped,
    )


def _options(text: str) -> dict[str, str]:
    options = dict(parse_qsl(text, keep_blank_values=True))
    unknown = sorted(options.keys() - set(_OPTIONS))
    if unknown or (text and not options):
        message = (
            f"pictures: unknown option {(unknown or [text])[0]!r}. The options are {', '.join(_OPTIONS)}"
        )
        raise CorpusError(message, code="pictures-option-unknown")
    return options


def _reading(home: Path, files: Sequence[Path], options: Mapping[str, str]) -> tuple[Reading, dict[str, str]]:
    """Return how to read the pictures, and the ids of unreadable ones with the reason."""
    plane = options.get("plane", "gray")
    if plane not in get_args(Plane):
        message = f"pictures: plane={plane!r} is not one of {', '.join(get_args(Plane))}"
        raise CorpusError(message, code="pictures-plane")
    crop = _crop(options["crop"]) if "crop" in options else None
    sizes: dict[Size, list[Path]] = {}
    skipped: dict[str, str] = {}
    for file in files:
        try:
            sizes.setdefault(picture_size(file), []).append(file)
        except PictureError as error:
            skipped[_id(home, file)] = str(error)
    if not sizes:
        first = next(iter(skipped.values()))
        raise CorpusError(f"pictures: no picture below {home} can be read: {first}", code="pictures-none")
    small = next((size for size in sizes if crop and (crop.right > size[1] or crop.bottom > size[0])), None)
    if small is not None:
        raise CorpusError(
            f"pictures: {sizes[small][0]} has {small} pixels (rows x columns), and crop={crop} extends "
            "beyond them. Choose a smaller crop",
            code="pictures-crop",
        )
    if "size" in options:
        size = _size(options["size"])
    elif crop is not None:
        size = crop.size
    elif len(sizes) == 1:
        size = next(iter(sizes))
    else:
        often = sorted(sizes, key=lambda each: -len(sizes[each]))
        shown = [f"{each} ({len(sizes[each])}, such as {sizes[each][0].name})" for each in often]
        raise CorpusError(
            f"pictures: the pictures below {home} differ in size: {examples(shown)}. A network needs one "
            f"size: give ?size={often[0]}, to which all are resized",
            code="pictures-sizes-differ",
        )
    reading = Reading(size, cast(Plane, plane), crop)
    if (values := PicturePixels(reading).values) > _MOST_VALUES:
        raise CorpusError(
            f"pictures: pictures of {size} have {values:,} values, more than {_MOST_VALUES:,}. Give a "
            "smaller ?size=, such as 256x256",
            code="pictures-too-large",
        )
    return reading, skipped


def _size(text: str) -> Size:
    found = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", text)
    if not found or not all(1 <= int(side) <= _LARGEST_SIDE for side in found.groups()):
        message = f"pictures: size={text!r} must be rows x columns, 1 to {_LARGEST_SIDE}, such as 128x128"
        raise CorpusError(message, code="pictures-size")
    return Size(int(found[1]), int(found[2]))


def _crop(text: str) -> Box:
    found = re.fullmatch(r"([0-9]{1,5}),([0-9]{1,5}),([0-9]{1,5}),([0-9]{1,5})", text)
    box = Box(*map(int, found.groups())) if found else None
    if box is None or min(box.size) < 1:
        message = f"pictures: crop={text!r} must be left,top,right,bottom in pixels, such as 54,35,390,253"
        raise CorpusError(message, code="pictures-crop-invalid")
    return box


def _find(root: Path, test: str | None) -> tuple[Path, list[_Found]]:
    """Return the nearest folder at or below another that holds genres, or parts with genres."""
    level, entered = [root], {root.resolve()}
    for _ in range(_DEEPEST + 1):
        copies = {folder: found for folder in level if (found := list(_pictures(folder, test)))}
        if len(copies) > 1:
            raise CorpusError(
                f"pictures: {root} contains several folders of genres. Choose one: "
                f"{examples([str(folder) for folder in copies])}",
                code="pictures-several-copies",
            )
        if copies:
            return next(iter(copies.items()))
        below = []
        for folder in (p for each in level for p in sorted(each.iterdir()) if p.is_dir()):
            if not folder.name.startswith(".") and folder.resolve() not in entered:
                entered.add(folder.resolve())
                below.append(folder)
        level = below
    raise CorpusError(
        f"pictures: {root} must contain at least two genres, each a folder with PNG or JPEG files (such as "
        f"{root.name}/jazz/song.png), up to {_DEEPEST} levels below",
        code="pictures-not-found",
    )


def _pictures(folder: Path, test: str | None) -> Iterator[_Found]:
    """Yield the pictures of a folder's genres, or of the genres of its parts; nothing if it has neither."""
    parts = {
        each: _PARTS[each.name.casefold()] for each in genre_folders(folder) if each.name.casefold() in _PARTS
    }
    named = [each for each, part in parts.items() if part == "test"]
    if "train" in parts.values() and named:
        chosen = _test_part(folder, named, test)
        for place, part in parts.items():
            if part != "test" or place == chosen:
                yield from _of_genres(place, part)
        return
    found = list(_of_genres(folder, None))
    if len({each.genre for each in found if each.file.parent == each.genre}) >= 2:
        yield from found


def _test_part(folder: Path, named: Sequence[Path], test: str | None) -> Path:
    wanted = test or ("development" if len(named) > 1 else named[0].name)
    chosen = [each for each in named if each.name.casefold() == wanted.casefold()]
    if len(chosen) != 1:
        raise CorpusError(
            f"pictures: {folder} has {len(chosen)} parts {wanted!r} to test on. Choose one with ?test=: "
            f"{', '.join(each.name for each in named)}",
            code="pictures-test-part",
        )
    return chosen[0]


def _of_genres(folder: Path, part: str | None) -> Iterator[_Found]:
    for genre in genre_folders(folder):
        for file in files_below(genre, is_picture):
            yield _Found(file, genre, part)


def _id(home: Path, file: Path) -> str:
    return printable(file.relative_to(home).with_suffix("").as_posix())


def _name(home: Path) -> str:
    """Return the folder's name; below a general name such as `images_original`, with the one above it."""
    own = home.resolve()
    return f"{own.parent.name}-{own.name}" if own.name.casefold().startswith("image") else own.name


def _gtzan_id(file: Path) -> tuple[str, str]:
    named = _GTZAN_NAME.fullmatch(file.stem)
    return (named[1], named[2]) if named else ("", "")


def _are_gtzans(found: Collection[_Found]) -> bool:
    """Return whether nearly all pictures are of GTZAN's clips; refuse excerpts of them."""
    for each in found:
        if _GTZAN_CUT.fullmatch(each.file.stem) and not _GTZAN_NAME.fullmatch(each.file.stem):
            raise CorpusError(
                f"pictures: {each.file} shows an excerpt of a clip. Random splits would put excerpts of one "
                "clip in several parts; use pictures of whole clips",
                code="pictures-cut-of-clip",
            )
    return sum(map(_is_gtzans, found)) >= _NEARLY_ALL * len(found)


def _is_gtzans(found: _Found) -> bool:
    """Return whether a picture has the name of a clip of GTZAN, and lies in the folder of its genre."""
    genre, number = _gtzan_id(found.file)
    return genre == found.genre.name and f"{genre}.{number}" in _EXPECTED


def _artists() -> dict[str, str | None]:
    return {row["clip_id"]: row["artist"] or None for row in packaged_rows("gtzan-artists.csv")}


def _splits(clips: Sequence[Clip], parts: Mapping[str, str | None], of_gtzan: bool) -> dict[str, Split]:
    if of_gtzan and not any(parts.values()):
        split = fault_filtered(set(parts))
        return {"published": split, "fault-filtered": split}
    if not all(parts.values()):
        return {}
    split = _of_parts(clips, parts)
    return {"published": split} | ({"fault-filtered": fault_filtered(set(parts))} if of_gtzan else {})


def _of_parts(clips: Sequence[Clip], parts: Mapping[str, str | None]) -> Split:
    train, valid, test = (
        [clip.id for clip in clips if parts[clip.id] == part] for part in ("train", "valid", "test")
    )
    made = "the folders of the parts"
    if not valid:
        learned = [clip for clip in clips if parts[clip.id] == "train"]
        try:
            divided = make_split(
                Corpus("training", sorted({str(c.genre) for c in learned}), learned), "artist:90/10/0", seed=0
            )
            train, valid = list(divided.train), list(divided.valid)
            made += "; a tenth of the training part validates, stratified by genre, artists undivided, seed 0"
        except CorpusError as error:  # a small corpus can still be tested on
            made += f"; none for validation, as the training part cannot be divided: {error}"
    return Split("published", train, valid, test, made=made)
