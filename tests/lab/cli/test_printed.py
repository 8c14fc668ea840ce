"""Nothing that any command prints may steer a terminal, whatever files, folders and models are called."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import mutagen.flac
import numpy as np
import onnx
import pytest
import soundfile
import typer.main
from evil_names import EVIL, EVIL_TEXT, unprintable

from genrelab.cli.main import app, main

RUN = "RUN"  # stands for the folder of a finished run
SMALL = [
    "--set=audio.sample_rate=8000", "--set=audio.channels=1", "--set=audio.segment_seconds=0.5",
    "--set=training.max_epochs=1", "--set=training.batch_size=4", "--set=training.segments_per_clip=2",
]  # fmt: skip


def leaves(command: object, *path: str) -> Iterator[str]:
    """Yield every command, `library show` for one in a group."""
    children: dict[str, object] = getattr(command, "commands", {})
    if not children:
        yield " ".join(path)
    for name, child in children.items():
        yield from leaves(child, *path, name)


COMMANDS = sorted(leaves(typer.main.get_command(app)))
SLOW = {"compare", "export", "finalize"}


class World:
    """Files and folders of evil names, and what each command is to do with them."""

    def __init__(self, base: Path, tiny: ModuleType) -> None:
        self.base = base
        self.music = base / EVIL
        for genre, pitch in (("high", 2000.0), ("low", 200.0)):
            folder = self.music / f"{EVIL}{genre}"
            folder.mkdir(parents=True)
            for number in range(6):
                noise = np.random.default_rng(number).normal(0, 0.01, 16000)
                song = folder / f"{EVIL}{number}.flac"
                soundfile.write(os.fsencode(song), tiny.tone(pitch * (1 + number / 50)) + noise, 8000)
                tagged = mutagen.flac.FLAC(os.fsencode(song))
                tagged["genre"] = EVIL_TEXT
                tagged.save()
        (folder / f"{EVIL}broken.flac").write_bytes(b"fLaC")
        self.song = song
        self.model = tiny.write_tiny(base / f"{EVIL}.onnx", genrelab_version=EVIL_TEXT)
        self.broken = base / f"{EVIL}broken.onnx"
        onnx.save(tiny.tiny_program(tiny.tiny_metadata(), text=f'{{"{EVIL[:3]}\\u001b[2J": 1}}'), self.broken)
        self.corpus = f"--corpus=folder:{self.music}"
        self.table = base / f"{EVIL}.csv"
        self.table.write_text("path,genre\n")
        self.out = base / f"{EVIL}out"
        self.out.mkdir()
        self._run: Path | None = None

    @property
    def run(self) -> Path:
        """A finished run on music of plain genres, in a folder of an evil name."""
        if self._run is None:
            assert main(self.training()) == 0
            self._run = next(self.base.glob("*runs/**/metrics.json")).parent
        return self._run

    def stopped(self) -> Path:
        """A run of evil names that was stopped, with evil tags."""
        folder = self.base / EVIL / f"{EVIL}run"
        folder.mkdir(exist_ok=True)
        (folder / "recipe.yaml").write_text(f"name: {json.dumps(EVIL_TEXT)}\n", encoding="utf-8")
        (folder / "split.csv").touch()
        (folder / "labels.txt").write_text(f"{EVIL_TEXT[:9]}\n", encoding="utf-8")
        return folder

    def training(self) -> list[str]:
        plain_genres = self.base / f"{EVIL}corpus"
        if not plain_genres.exists():
            plain_genres.mkdir()
            for folder in self.music.iterdir():
                (plain_genres / folder.name[len(EVIL) :]).symlink_to(folder)
        corpus = f"--corpus=folder:{plain_genres}"
        out = f"--out={self.base / EVIL_TEXT}runs"  # TensorBoard takes text alone
        return ["train", "simple-cnn", corpus, "--split=random", "--device=cpu", out, *SMALL]

    def cases(self, command: str) -> list[list[str]]:
        """Return arguments that make a command speak of evil names, in results and in errors."""
        model, music, song = f"--model={self.model}", str(self.music), str(self.song)
        broken, missing = f"--model={self.broken}", str(self.base / f"{EVIL}missing")
        stopped = str(self.stopped())
        wrong = [[f"--{EVIL}"], [f"--format={EVIL}"]]
        cases: dict[str, list[list[str]]] = {
            "recognize": [
                [music, missing, model],
                [music, model],
                [music, model, "--parts", f"--out={self.out / 'o'}"],
                [music, model, "--format=json"],
                [music, model, "--format=jsonl", "--no-library"],
                [song, broken],
                [song, f"--model={missing}"],
                [song, model, f"--out={missing}/x"],
                [song, model, f"--top={EVIL}"],
            ],
            "listen": [[broken, "--raw=s16le", "--rate=8000", "--channels=1"], [f"--device={EVIL}"]],
            "tag": [[music, model], [music, model, "--format=json"], [song, broken]],
            "watch": [
                [music, model, "--once", "--settle=0", "--poll=60", f"--library={self.out / 'w.db'}"],
                [
                    music,
                    model,
                    "--once",
                    "--settle=0",
                    "--tag",
                    f"--then={EVIL_TEXT}",
                    f"--library={missing}",
                ],
                [
                    music,
                    model,
                    "--once",
                    "--settle=0",
                    "--tag",
                    "--format=jsonl",
                    f"--library={self.out / 'w.db'}",
                ],
                [missing, model],
                [music, f"--then-url={EVIL}"],
                [music, f"--then-header=@{missing}", "--then-url=http://localhost"],
                [music, broken, "--once"],
            ],
            "serve": [
                [missing],
                [music, f"--host={EVIL_TEXT}"],
                [f"--name={EVIL}"],
                [f"--token-file={missing}"],
                [f"--token-file={self.table}"],
                [music, f"--library={music}"],
            ],
            "similar": [[song, model], [song, model, "--format=json"], [missing, model]],
            "library show": [[], ["--format=json"], [f"--library={missing}"]],
            "library list": [[], ["--format=json"], ["--format=jsonl"], [missing]],
            "library check": [[], ["--format=json"], [f"--map={missing}"]],
            "library map": [[f"--out={self.out / 'map.html'}"], [f"--out={missing}/x/y"], [missing]],
            "library export": [
                [f"--to={self.out / 't.parquet'}"],
                [f"--to={self.out / 't.csv'}", "--format=csv", f"--where=genre={EVIL}"],
                [f"--to={missing}/x/y"],
                [f"--to={self.out / 't.csv'}", missing],
            ],
            "library dj": [
                [f"--to={self.out / 'dj.xml'}"],
                [f"--to={self.out / 'dj.nml'}", "--format=traktor", f"--where=genre={EVIL}"],
                [f"--to={missing}/x/y"],
                [f"--to={self.out / 'dj.xml'}", missing],
            ],
            "library playlist": [
                [str(self.out / "p.m3u8")],
                [str(self.out / "p.m3u8"), f"--where=genre={EVIL}"],
                [f"{missing}/x.m3u8"],
            ],
            "playlist": [
                [],
                ["--format=json"],
                ["--format=m3u8"],
                ["--format=xspf"],
                [f"--similar-to={song}", f"--to={self.out / 'like.xspf'}", "--overwrite"],
                [f"--similar-to={missing}"],
                [f"--from={song}", f"--to-track={missing}"],
                [f"--genre={EVIL}"],
                [f"--tag={EVIL}"],
                [f"--to={missing}/x.m3u8"],
                [f"--to={missing}"],
            ],
            "library tags": [[], ["--format=json"], [f"--library={missing}"]],
            "catalogue run": [
                [music, f"--to={self.out / 'c'}", model, "--workers=1"],
                [str(self.table), f"--to={self.out / 'c'}", model],
                [missing, f"--to={missing}", model],
                [f"s3://{EVIL_TEXT}", f"--to={missing}", model],
                [music, f"--to={music}", broken],
                [music, f"--to={music}", model, f"--path-column={EVIL}"],
            ],
            "catalogue status": [[str(self.out / "c")], [missing], [missing, f"--listing={missing}", model]],
            "catalogue report": [[str(self.out / "c")], [str(self.out / "c"), "--format=json"], [missing]],
            "vocabulary list": [[], ["--format=json"], [f"--vocabulary={missing}"]],
            "vocabulary show": [[EVIL], ["rock", f"--vocabulary={missing}"]],
            "vocabulary match": [[EVIL, f"rock; {EVIL}"], [EVIL, "--format=json"], ["rock", broken]],
            "teach": [
                [f"--folders={music}", model, f"--to={self.out / 't.onnx'}"],
                ["--from-tags", music, model, f"--to={self.out / 't.onnx'}"],
                [f"--csv={self.table}", model, f"--to={self.out / 't.onnx'}"],
                [f"--csv={missing}", model, f"--to={missing}/x.onnx"],
                [f"--update={missing}", f"--csv={self.table}"],
            ],
            "review": [[str(self.model)], [missing], [str(self.broken), "--format=json"]],
            "config show": [["--format=json"], []],
            "config path": [[], [EVIL]],
            "model info": [[str(self.model)], [str(self.model), "--format=json"], [str(self.broken)]],
            "model verify": [
                [str(self.model)],
                [str(self.broken), "--format=json"],
                [missing],
                [f"--sha256={EVIL}"],
            ],
            "model hub": [
                [str(self.model), f"--to={self.out / 'hub'}"],
                [str(self.model), f"--to={self.table}"],
                [str(self.broken), f"--to={self.out / 'hub'}", f"--repo={EVIL}"],
            ],
            "library forget": [["--all"], [missing, f"--library={missing}"]],
            "demo": [[f"--out={self.table}"]],
            "recipes list": [[]],
            "recipes show": [[missing], ["simple-cnn", f"--set={EVIL}=1"], [missing, "--layers"]],
            "figures list": [[EVIL], ["fds", "--format=json"]],
            "figures input": [
                ["simple-cnn", song, "--set=audio.segment_seconds=1", f"--out={self.out / 'figures'}"],
                ["simple-cnn", missing],
                [EVIL, song],
            ],
            "figures augment": [["simple-cnn", missing], [EVIL, song]],
            "figures network": [["simple-cnn", f"--out={self.table}"], [EVIL]],
            "figures losses": [[RUN, f"--out={self.out / 'figures'}"], [missing], [music]],
            **{
                f"figures {paper}": [
                    [EVIL],
                    [f"--run={missing}"],
                    [f"--run={music}"],
                    [first, f"--out={self.table}"],
                ]
                for paper, first in (
                    ("soundfusion", "table-1"),
                    ("fds", "2b"),
                    ("ms-sincresnet", "table-2"),
                    ("mel-augmentation", "4"),
                    ("mfcc-cqt", "2"),
                )
            },
            "corpora list": [[]],
            "corpora show": [
                [f"folder:{music}", "--split=random"],
                [f"folder:{music}", "--format=json"],
                [f"folder:{missing}"],
                [f"pictures:{music}"],
                [f"pictures:{missing}?size={EVIL}"],
                [f"{EVIL}:x"],
            ],
            "corpora verify": [
                [f"folder:{music}"],
                [f"folder:{music}", "--format=json"],
                [f"table:{self.table}"],
                [f"folder:{music}", f"--write-index={self.out / 'index.json'}"],
                [f"folder:{music}", f"--index={self.out / 'index.json'}"],
                [f"folder:{music}", f"--index={missing}"],
                [f"folder:{music}", f"--list={missing}"],
            ],
            "corpora export": [
                [f"folder:{music}", f"--to={self.out / 'list'}", "--split=random", "--jobs=1"],
                [
                    f"folder:{music}",
                    f"--to={self.out / 'list'}",
                    "--no-audit",
                    "--overwrite",
                    "--format=json",
                ],
                [f"folder:{music}", f"--to={self.table}", "--no-audit"],
                [f"folder:{music}", f"--to={missing}", f"--split=file:{missing}"],
            ],
            "corpora fetch": [
                [],
                [EVIL],
                ["gtzan", f"--from={missing}", f"--to={self.out / 'fetched'}", "--accept-licence"],
            ],
            "corpora audit": [
                [f"folder:{music}", f"--out={self.out / 'audit'}", "--jobs=1"],
                [f"folder:{music}", f"--out={self.out / 'audit'}", "--jobs=1", "--format=json"],
                [f"folder:{music}", f"--split={EVIL}"],
            ],
            "corpora render": [
                [str(self.out / "r"), "--corpus=synthetic:tracks=1,seconds=1,seed=0,genres=rock"],
                [str(self.out / "r"), self.corpus],
            ],
            "train": [
                self.training()[1:],
                [*self.training()[1:], f"--out={self.out}"],
                ["simple-cnn", self.corpus, f"--split={EVIL}"],
                [EVIL, self.corpus],
            ],
            "pretrain": [
                ["simple-cnn", self.corpus, f"--to={self.out / 'pre'}"],
                ["genres-and-tags", self.corpus, f"--to={self.out / 'pre'}", f"--teacher={missing}"],
                ["genres-and-tags", f"--corpus=folder:{missing}", f"--to={missing}"],
            ],
            "targets": [
                [str(self.model), self.corpus, f"--to={self.out / 'targets.npz'}"],
                [str(self.broken), self.corpus, f"--to={self.out / 'targets.npz'}"],
            ],
            "search": [["simple-cnn", self.corpus, f"--grid={EVIL}=1", f"--out={self.out}"]],
            "evaluate": [[RUN, f"--out={self.out / 'together'}"], [missing]],
            "compare": [[RUN, RUN], [missing, missing]],
            "fuse": [[RUN, RUN, f"--out={self.out / 'fused'}"], [missing, missing]],
            "reproduce": [["--list"], [EVIL, self.corpus], ["soundfusion-2", f"--corpus=folder:{missing}"]],
            "runs list": [
                [str(self.base / EVIL)],
                [str(self.base / EVIL), "--format=json"],
                [missing],
                [f"--tag={EVIL}"],
            ],
            "runs show": [[stopped], [stopped, "--format=json"], [missing]],
            "runs tag": [[stopped, "--add=x"], [stopped, f"--add={EVIL}"], [missing, "--add=x"]],
            "runs remove": [[stopped, "--dry-run"], [missing, "--yes"], [stopped]],
            "bench model": [[str(self.model), self.corpus], [str(self.broken), self.corpus]],
            "finalize": [
                [RUN, f"--to={self.out / 'f.onnx'}", self.corpus],
                [missing, self.corpus, "--to=x.onnx"],
            ],
            "export": [[RUN, f"--to={self.out / 'e.onnx'}"], [missing, "--to=x.onnx"]],
        }
        given = [
            [str(self.run) if each == RUN else each for each in arguments] for arguments in cases[command]
        ]
        return given + wrong


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny: ModuleType) -> World:
    return World(tmp_path_factory.mktemp("world"), tiny)


@pytest.fixture(scope="module")
def filled(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that knows the music."""
    library = tmp_path_factory.mktemp("shelf") / f"{EVIL}.db"
    main(["recognize", str(world.music), f"--model={world.model}", f"--library={library}", "--quiet"])
    return library


@pytest.mark.parametrize(
    "command",
    [pytest.param(each, marks=pytest.mark.slow) if each in SLOW else each for each in COMMANDS],
)
def test_nothing_that_is_printed_steers_a_terminal(
    command: str,
    world: World,
    filled: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cases = world.cases(command)
    capfdbinary.readouterr()
    told = b""
    for arguments in cases:
        with monkeypatch.context() as patch:
            patch.chdir(world.out)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
            patch.setenv("GENRELAB_LIBRARY", str(filled))
            if command.startswith("config"):
                patch.setenv("GENRELAB_CONFIG", str(world.base / f"{EVIL}.toml"))
            main([*command.split(), *arguments])
        out, err = capfdbinary.readouterr()
        assert not unprintable(out), (arguments, out)
        assert not unprintable(err), (arguments, err)
        assert b"Traceback" not in err
        told += out + err
    assert b"\\x1b" in told or b"\\u001b" in told, "the evil names were shown"
