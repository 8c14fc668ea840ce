"""One experiment: a recipe, a corpus, a split and a seed, and what follows from the four.

It stands here, below training, because training, leak checks and reports all take it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from genrelab.errors import CorpusError
from genrelab.files import expand_home
from genrelab.lab.corpora.genre_table import genre_tags
from genrelab.lab.corpora.identity import recording_keys
from genrelab.lab.corpora.splits.split_checks import check_split
from genrelab.lab.corpora.tag_table import usable_tags
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.findings import Finding
from genrelab.lab.frontends.base import kind_read
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.distill import WITHOUT
from genrelab.lab.recipes.tags import NO_MUSIC
from genrelab.lab.training.distillation.distillation import Distillation, distillation_of
from genrelab.lab.training.distillation.teacher_set import taught_columns
from genrelab.lab.training.distillation.unlabelled import usable_unlabelled
from genrelab.lab.training.split_roles import Roles, as_the_recipe_uses_it
from genrelab.lab.training.store.audio_store import AudioStore, open_store, sound_key
from genrelab.lab.training.store.build import Which
from genrelab.lab.training.store.facts import ClipFacts, clip_facts

Report = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """A recipe, a corpus, a split and a seed. Everything else is computed once, when it is first asked for.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
    split : Split
        Of the corpus.
    seed : int, 0 to 2**32 - 1
        Decides initial weights, order and augmentation.
    report : callable or None
        Shows progress, see `Report`.
    verify : bool
        Whether to compare stores with their checksums.

    Examples
    --------
    >>> from genrelab.lab import Experiment, load_corpus, load_recipe, make_split
    >>> corpus = load_corpus("synthetic:tracks=5,seconds=1")
    >>> experiment = Experiment(load_recipe("resnet2d-s"), corpus, make_split(corpus, "artist", seed=0), 0)
    >>> len(experiment.roles.learned), len(experiment.roles.tested)
    (30, 10)
    """

    recipe: Recipe
    corpus: Corpus
    split: Split
    seed: int
    report: Report | None = field(default=None, repr=False)
    verify: bool = field(default=True, repr=False)

    @cached_property
    def roles(self) -> Roles:
        """Which clips are trained on, choose the epoch, are copied and tested."""
        return Roles.of(self.recipe, self.split)

    @cached_property
    def clips(self) -> Mapping[str, Clip]:
        """The corpus's clips by their id."""
        return self.corpus.by_id()

    @cached_property
    def split_findings(self) -> Sequence[Finding]:
        """What the parts of the split share, see `check_split`."""
        return check_split(self.corpus, self.split)

    @cached_property
    def recordings(self) -> Mapping[str, str]:
        """Clip id -> which recording it is, see `recording_keys`."""
        return recording_keys(self.corpus)

    @cached_property
    def distillation(self) -> Distillation | None:
        """The targets of a teacher; None where the recipe distills nothing.

        Raises
        ------
        RecipeError, CorpusError
            If the recipe names no usable file of targets or teacher, the targets fit no clip that is trained
            on, or no teacher has a tag that the recipe names.
        """
        found = distillation_of(self.recipe, self.corpus, self.roles, self.split.name)
        if found is not None and found.teachers and self.recipe.tags is not None:
            taught_columns(self.recipe.tags, found.teachers)
        return found

    @property
    def has_labels(self) -> bool:
        """Whether any clip of the corpus has a genre."""
        return any(clip.genre is not None for clip in self.corpus.clips)

    @property
    def classes(self) -> int:
        """The number of classes of the network; two of no meaning for a corpus without genres."""
        return max(2, len(self.corpus.genres))

    @cached_property
    def corpus_tags(self) -> tuple[str, ...]:
        """The tags of the corpus that the network learns."""
        settings = self.recipe.tags
        return () if settings is None else usable_tags(self.corpus, settings.least_clips)

    @cached_property
    def taught_tags(self) -> tuple[str, ...]:
        """The tags that teachers give, except those of the corpus."""
        settings, distill = self.recipe.tags, self.recipe.distill
        if settings is None or distill is None or not distill.teachers:
            return ()
        return tuple(tag for tag in settings.taught if tag not in self.corpus_tags)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """All tags that the network learns, in the order of its outputs."""
        settings = self.recipe.tags
        content = (
            settings is not None and settings.no_music > 0 and self.recipe.training.not_music is not None
        )
        return (*self.corpus_tags, *self.taught_tags, *([NO_MUSIC] if content else []))

    @cached_property
    def unlabelled(self) -> tuple[str, ...]:
        """The clips without a genre that are trained on, too: for a teacher, or for their tags."""
        if self.distillation is not None and self.distillation.settings.unlabelled:
            return self.distillation.unlabelled
        if not self.corpus_tags:
            return ()
        tagged = {clip.id for clip in self.corpus.clips if clip.tags}
        return usable_unlabelled(self.corpus, measured=self.roles.measured, with_targets=tagged).used

    @cached_property
    def guessed(self) -> Sequence[str]:
        """The labelled clips whose label is of an origin that the recipe calls guessed."""
        guessed = self.recipe.training.guessed
        origins = guessed.origins if guessed else ()
        return [
            each.id for each in self.corpus.clips if each.genre is not None and each.label_origin in origins
        ]

    @cached_property
    def store(self) -> AudioStore:
        """The decoded labelled clips, at the recipe's sample rate."""
        return self.open_store(self.corpus, "labelled", "decoding")

    @cached_property
    def unlabelled_store(self) -> AudioStore:
        """The decoded clips without a genre."""
        return self.open_store(self.corpus, "unlabelled", "decoding unlabelled clips")

    @cached_property
    def tags_only(self) -> tuple[str, ...]:
        """The clips of the split that have tags and no genre; `unlabelled_store` holds their sound."""
        split = self.split
        return tuple(
            key for key in (*split.train, *split.valid, *split.test) if self.clips[key].genre is None
        )

    @cached_property
    def tags_only_store(self) -> AudioStore | None:
        """The store of those clips; None if there are none, or none is usable."""
        try:
            return self.unlabelled_store if self.tags_only else None
        except CorpusError as error:
            if error.code != "store-empty":
                raise
            return None

    @cached_property
    def unusable_tags_only(self) -> Mapping[str, str]:
        """Those of these clips whose sound cannot be used -> why."""
        store = self.tags_only_store
        if store is None:
            return dict.fromkeys(self.tags_only, "cannot be decoded, like all clips without a genre")
        return {key: store.skipped[key] for key in self.tags_only if key in store.skipped}

    @cached_property
    def facts(self) -> Mapping[str, ClipFacts]:
        """What is known of the sound of each usable clip with a genre or a place in the split."""
        facts = dict(clip_facts(self.store)) if self.has_labels else {}
        if self.tags_only_store is not None:
            others = clip_facts(self.tags_only_store)
            facts |= {key: others[key] for key in self.tags_only if key in others}
        return facts

    def open_store(self, corpus: Corpus, which: Which, doing: str) -> AudioStore:
        """Open the store of a corpus, such as one of changed copies, at the recipe's sample rate."""
        audio = self.recipe.audio
        return open_store(
            corpus,
            sample_rate=audio.sample_rate,
            channels=audio.channels,
            which=which,
            verify=self.verify,
            report=self.progress(doing),
        )

    def progress(self, doing: str) -> Callable[[int, int], None] | None:
        """Return what is called with how much of something is done, and of how much."""
        return None if self.report is None else partial(self.report, doing)

    def sound_key(self, which: Which = "labelled") -> str:
        """Hash what decides how the corpus sounds, see `sound_key`."""
        audio = self.recipe.audio
        return sound_key(self.corpus, sample_rate=audio.sample_rate, channels=audio.channels, which=which)

    def network(self) -> GenreNetwork:
        """Build the untrained network.

        Raises
        ------
        CorpusError
            If it reads a table of descriptors and the corpus is sound, or the other way round, or clips have
            several genres, which exclude each other in the network.
        """
        network = build_network(self.recipe, genres=self.classes, tags=len(self.tags))
        check_kind(self.recipe, network, self.corpus)
        check_genres(network, self.corpus)
        return network

    def labels(self, ids: Sequence[str], store: AudioStore | None = None) -> dict[str, int]:
        """Return clip id -> class number of those clips that a store holds, see `labels_of`."""
        return labels_of(self.corpus, ids, self.store if store is None else store)

    def labels_or_error(self, part: str, ids: Sequence[str]) -> dict[str, int]:
        """Return the labels of a part's clips, or raise `CorpusError` if none of them is usable."""
        labels = self.labels(ids)
        if not labels:
            raise CorpusError(
                f"the {part} part of the split {self.split.name!r} of {self.corpus.name!r} holds no usable "
                "clip",
                code="part-unusable",
            )
        return labels

    def as_used(self) -> Experiment:
        """Return the experiment with a split whose parts are what the recipe makes of them."""
        used = as_the_recipe_uses_it(self.recipe, self.corpus, self.split)
        return self if used is self.split else replace(self, split=used)

    def learned_digest(self) -> str | None:
        """Hash what is learned besides the clips and labels of the split.

        These are the targets, the sound and choice of unlabelled clips, and which labels are guessed. None
        if there is nothing, or the file of targets or of a teacher is not there (any more).
        """
        distill = self.recipe.distill
        if distill is not None and (distill.teachers or distill.targets != WITHOUT):
            files: list[str | None] = [each.weights for each in distill.teachers]
            files = files or [distill.file(self.split.name)]
            if not all(file is not None and expand_home(file).is_file() for file in files):
                return None
        if self.distillation is None and not self.guessed and not self.unlabelled:
            return None
        parts: list[Any] = [self.guessed]
        if self.distillation is not None:
            parts.append(self.distillation.digest)
        if self.distillation is not None or self.unlabelled:
            parts.append(self.unlabelled)
        if self.unlabelled:
            parts.append(self.sound_key("unlabelled"))
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def labels_of(corpus: Corpus, ids: Sequence[str], store: AudioStore) -> dict[str, int]:
    """Return clip id -> class number of those clips that the store holds, in the order of `ids`."""
    number = {genre: index for index, genre in enumerate(corpus.genres)}
    clips = corpus.by_id()
    return {key: number[genre] for key in ids if key in store and (genre := clips[key].genre) is not None}


def check_genres(network: GenreNetwork, corpus: Corpus) -> None:
    """Refuse clips with several genres for a network whose genres exclude each other.

    Raises
    ------
    CorpusError
        If there are such clips, or a network of independent genres cannot name a genre of the corpus.
    """
    if network.independent:
        genre_tags(corpus.genres)
        return
    several = [clip for clip in corpus.clips if clip.more_genres]
    if several:
        raise CorpusError(
            f"{len(several)} of {len(corpus.clips)} clips of {corpus.name} have several genres, such as "
            f"{several[0].id} ({'; '.join(several[0].genres)}), and the genres of this network exclude each "
            "other. Train with --set training.loss=binary, or write one genre per clip",
            code="several-genres",
        )


def check_kind(recipe: Recipe, network: GenreNetwork, corpus: Corpus) -> None:
    """Refuse a corpus of another kind than the network takes: sound, a table of descriptors, or pictures.

    Raises
    ------
    CorpusError
        If the corpus is of the wrong kind.
    """
    wanted, given = kind_read(network), corpus.kind
    if wanted == given:
        return
    on = f"the recipe {recipe.name} trains on {_WHAT[wanted]}, and {corpus.name} is {_WHAT[given]}."
    if given == "audio":
        other = (
            "Give --corpus pictures:PATH, or take the recipe that trains on sound"
            if wanted == "pictures"
            else "Give --corpus features:PATH/features_30_sec.csv, or take mfcc-cqt/descriptor-mlp, which "
            "trains on sound"
        )
        raise CorpusError(f"{on} {other}", code="corpus-is-sound")
    if given == "features":
        raise CorpusError(
            f"{on} Take mfcc-cqt/descriptor-table, or give a corpus of {_WHAT[wanted]}",
            code="corpus-is-table",
        )
    raise CorpusError(
        f"{on} Only `genrelab train` adapts recipes to pictures, those that take one spectrogram, such as "
        "mel-augmentation/cnn",
        code="corpus-is-pictures",
    )


_WHAT = {"audio": "sound", "features": "a table of descriptors", "pictures": "pictures"}
