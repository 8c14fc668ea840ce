"""ISMIR2004: the genre contest of ISMIR 2004, music of Magnatune in six genres (Cano and others, 2006).

There are three parts of 729 whole tracks each (zenodo.org/record/1302992): `training`; `development`, on
which the contestants and the literature test; and `evaluation`, on which the contest itself tested.

Layout: `audio/<part>/` contains the MP3 files. `metadata/<part>/tracklist.csv` has one row per track, without
a header: class, artist, album, track, track number, file path (and Magnatune's id in the part evaluation).
`metadata/development/ground_truth.csv` lists file and class.

Faults: folders and some lists keep the eight genres of Magnatune; the contest merged jazz and blues, metal
and punk, rock and pop. Some file names differ from the lists in punctuation (`don't_cry`, `don_t_cry`). The
files of development are named `artist_7_album_1_track_3.mp3`; these pseudonyms do not match the artists of
the other parts, and the loader does not use them as artists.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np

from genrelab.errors import CorpusError
from genrelab.lab.corpora.loaders.ismir2004_lists import Row, finder, read_rows, row_name
from genrelab.lab.corpora.paths import given_folder, is_audio, printable, without_suffix
from genrelab.lab.corpora.splits.make_split import make_split
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.registry import closest
from genrelab.lab.value_faults import one_of

GENRES = ("classical", "electronic", "jazz_blues", "metal_punk", "rock_pop", "world")

_LICENCE = "CC BY-NC-SA 1.0 (Magnatune)"
_CITATION = (
    "P. Cano, E. Gómez, F. Gouyon, P. Herrera, M. Koppenberger, B. Ong, X. Serra, S. Streich and N. Wack, "
    "ISMIR 2004 audio description contest, Universitat Pompeu Fabra, Music Technology Group, report "
    "MTG-TR-2006-02, 2006"
)
_PARTS = ("training", "development", "evaluation")
_TESTED = ("development", "evaluation")
_DEEPEST = 3  # levels below the given folder to search
_GENRE_OF_WORD = {word: genre for genre in GENRES for word in genre.split("_")}


def load(argument: str) -> Corpus:
    """Read a copy of ISMIR2004, whole or partial: the part training and one part for testing.

    Parameters
    ----------
    argument : str
        A folder that contains `training` and the test part, up to three levels below; optionally followed
        by a question mark, `test=development` (the default) or `test=evaluation`, and `seed=0`, which draws
        the tenth of the training part for validation: `/data/ISMIR2004?test=evaluation&seed=1`.
        Files may be converted to other formats; without metadata, the folder `<part>/<class>/` gives the
        genre.

    Returns
    -------
    Corpus
        Clips such as `training/classical/orinda/airs_de_cour/1-ma_belle`, sorted within each part, with the
        artists of the track lists. `skipped` lists missing files, files that are in no list, rows without a
        file name, and unknown classes. Published splits, both of the contest's halves: `published`, with a
        tenth of the training part for validation, stratified by genre, with all clips of an artist in one
        part; and `published-random`, with a tenth drawn at random, as papers do (Chang, Chen and Lee 2021).

    Raises
    ------
    CorpusError
        If an option is unknown, a part is missing, duplicated or without a usable track, a list cannot be
        read, or a path in a list leads out of the corpus.
    """
    place, _, options = argument.partition("?")
    root = given_folder(place, corpus="ismir2004")
    test, seed = _read_options(options)
    skipped: dict[str, str] = {}
    training = _read_part(root, "training", skipped)
    tested = _read_part(root, test, skipped)
    clips = [*training, *tested]
    return Corpus(
        name="ismir2004" if test == "development" else f"ismir2004-{test}",
        genres=[genre for genre in GENRES if any(clip.genre == genre for clip in clips)],
        clips=clips,
        licence=_LICENCE,
        citation=_CITATION,
        published_splits={
            "published": _published(training, tested, test, seed),
            "published-random": _with_random_tenth(training, tested, test, seed),
        },
        skipped=skipped,
    )


def _read_options(text: str) -> tuple[str, int]:
    options = {"test": "development", "seed": "0"} | dict(parse_qsl(text, keep_blank_values=True))
    unknown = sorted(options.keys() - {"test", "seed"})
    if unknown or (text and "=" not in text):
        option = (unknown or [text])[0]
        message = f"ismir2004: unknown option {option!r}; {closest(option, ('test', 'seed'))}"
        raise CorpusError(message, code="ismir2004-option-unknown")
    if options["test"] not in _TESTED:
        message = f"ismir2004: test={options['test']!r}: {one_of(options['test'], _TESTED)}"
        raise CorpusError(message, code="ismir2004-test-unknown")
    if not (options["seed"].isascii() and options["seed"].isdecimal()):
        message = f"ismir2004: seed={options['seed']!r} must be a whole number, 0 or more"
        raise CorpusError(message, code="ismir2004-seed")
    return options["test"], int(options["seed"])


def _published(training: Sequence[Clip], tested: Sequence[Clip], test: str, seed: int) -> Split:
    train: Sequence[str] = [clip.id for clip in training]
    valid: Sequence[str] = []
    try:
        divided = make_split(Corpus("training", GENRES, training), "artist:90/10/0", seed=seed)
        train, valid = divided.train, divided.valid
        validation = f"a tenth of it for validation, stratified by genre, artists undivided, seed {seed}"
    except CorpusError as error:  # a small copy of the corpus can still be used for testing
        validation = f"none of it for validation, as it cannot be divided: {error}"
    return _halves("published", train, valid, tested, f"{validation}; {test} is tested")


def _with_random_tenth(training: Sequence[Clip], tested: Sequence[Clip], test: str, seed: int) -> Split:
    """Draw a tenth of the training tracks for validation, whatever their genres and artists."""
    drawn = np.random.default_rng(seed).permutation(len(training))[: round(len(training) / 10)]
    chosen = {training[number].id for number in drawn.tolist()}
    train = [clip.id for clip in training if clip.id not in chosen]
    valid = [clip.id for clip in training if clip.id in chosen]
    validation = f"a tenth of it for validation, drawn at random, seed {seed}"
    return _halves("published-random", train, valid, tested, f"{validation}; {test} is tested")


def _halves(
    name: str, train: Sequence[str], valid: Sequence[str], tested: Sequence[Clip], parts: str
) -> Split:
    unknown = " (its artists are pseudonyms)" if all(clip.artist is None for clip in tested) else ""
    made = f"the contest's: training trains, {parts}{unknown}"
    return Split(name, train=train, valid=valid, test=[clip.id for clip in tested], made=made)


def _read_part(root: Path, part: str, skipped: dict[str, str]) -> list[Clip]:
    """Return the clips of a part, sorted by id; add the others to `skipped`."""
    folders = list(_part_folders(root, part))
    files = _audio_of(root, part, folders)
    truth_file = _metadata(folders, part, "ground_truth.csv")
    listing = _metadata(folders, part, "tracklist.csv") or truth_file
    find = finder(list(files))
    truth = {find(row.stem): row.genre for row in read_rows(truth_file, part, skipped)} if truth_file else {}
    if listing is None:
        tracks = {stem: Row(0, stem, "", None) for stem in files}
    else:
        tracks = {}
        for row in read_rows(listing, part, skipped):
            stem = find(row.stem)
            if stem is None:
                skipped[f"{part}/{row.stem}"] = "not in this copy"
            elif tracks.setdefault(stem, row) is not row:
                skipped[row_name(listing, part, row.number)] = f"the same file as row {tracks[stem].number}"
        for stem in files.keys() - tracks.keys():
            skipped[_id(part, stem)] = f"not in the part's {listing.name}"
    clips = []
    for stem, row in sorted(tracks.items()):
        name = truth.get(stem) or row.genre or stem.rpartition("/")[0].partition("/")[0]
        genre = _genre(name)
        if genre is None:
            skipped[_id(part, stem)] = (
                f"its class {printable(name)!r} is none of {', '.join(GENRES)}"
                if name
                else "neither a list nor a folder names its class"
            )
            continue
        clips.append(Clip(id=_id(part, stem), path=files[stem], genre=genre, artist=row.artist))
    if not clips:
        first, reason = next(iter(skipped.items()))
        raise CorpusError(
            f"ismir2004: no usable track in the part {part} below {root}; the first, {first}: {reason}. "
            f"Unpack metadata/{part} next to the audio, or put the files in folders {part}/<class>",
            code="ismir2004-no-usable-track",
        )
    return clips


def _id(part: str, stem: str) -> str:
    return printable(f"{part}/{stem}")


def _genre(name: str) -> str | None:
    """Return the contest's genre of a class such as `jazz`, `Jazz & Blues`, `metal-punk`, or None."""
    words = [word for word in re.split(r"[\W_]+", name.casefold()) if word not in ("", "and")]
    genres = {_GENRE_OF_WORD.get(word) for word in words}
    return genres.pop() if len(genres) == 1 else None


def _part_folders(root: Path, part: str) -> Iterator[Path]:
    """Yield the folders with the name of a part, in any letter case; do not search inside parts."""
    level, entered = [root], set()
    for _ in range(_DEEPEST):
        below = []
        for folder in sorted(p for f in level for p in f.iterdir() if p.is_dir()):
            if folder.name.startswith(".") or folder.resolve() in entered:
                continue
            entered.add(folder.resolve())
            if folder.name.casefold() == part:
                yield folder
            elif folder.name.casefold() not in _PARTS:
                below.append(folder)
        level = below


def _audio_of(root: Path, part: str, folders: Sequence[Path]) -> dict[str, Path]:
    """Return path below the part's folder, without suffix -> file."""
    found = {folder: files for folder in folders if (files := _audio_files(folder))}
    if not found:
        other = " or choose the other part with ?test=evaluation," if part == "development" else ""
        raise CorpusError(
            f"ismir2004: no audio of the part {part} at or below {root}. Unpack the corpus there,{other} "
            f"and give the folder above audio and metadata; its files are named audio/{part}/...",
            code="ismir2004-without-audio",
        )
    if len(found) > 1:
        message = f"ismir2004: {root} has several copies of {part}. Choose one: {', '.join(map(str, found))}"
        raise CorpusError(message, code="ismir2004-audio-twice")
    return next(iter(found.values()))


def _audio_files(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for place, _, names in os.walk(folder):
        # The MP3 file is the original; a converted file replaces it if it is missing.
        for name in sorted(names, key=lambda name: (not name.lower().endswith(".mp3"), name)):
            file = Path(place, name)
            if is_audio(file):
                files.setdefault(without_suffix(file.relative_to(folder).as_posix()), file)
    return files


def _metadata(folders: Sequence[Path], part: str, name: str) -> Path | None:
    files = [file for folder in folders for file in sorted(folder.iterdir()) if file.name.lower() == name]
    if len(files) > 1:
        message = f"ismir2004: several {name} for the part {part}: {', '.join(map(str, files))}. Keep one"
        raise CorpusError(message, code="ismir2004-list-twice")
    return files[0] if files else None
