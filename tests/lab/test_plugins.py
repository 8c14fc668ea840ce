"""Plugin files and packages: what registers, what is refused, and what stays after a refusal."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import plugin_pages
import pytest
import torch
from raising import raises
from torch.utils.data import DataLoader

from genrelab.cli.main import main
from genrelab.lab.corpora import load_corpus
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.models import MODELS, build_network
from genrelab.lab.plugins import (
    RECORD,
    check_plugins,
    load_plugin,
    load_same,
    plugin_files,
    plugins_used,
    record_plugins,
)
from genrelab.lab.recipes import Recipe, load_recipe, recipe_names
from genrelab.lab.registry import installed, origins
from genrelab.lab.training.data_loading import training_set
from genrelab.lab.training.dataset import EpochSampler
from genrelab.lab.training.experiment import Experiment

POLARITY = """
from genrelab.lab.augment import AUGMENTATIONS, Augmentation

@AUGMENTATIONS.register("{name}")
class Polarity(Augmentation):
    def draw(self, batch, generator): ...
    def apply(self, batch, drawn): ...
"""


@pytest.fixture(autouse=True)
def _no_plugins() -> Iterator[None]:
    plugin_pages.forget_plugins()
    yield
    plugin_pages.forget_plugins()


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """The files of docs/research/plugins.md, and music."""
    plugin_pages.write_files(tmp_path)
    plugin_pages.write_music(tmp_path / "music")
    return tmp_path


def written(folder: Path, text: str, name: str = "own.py") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def test_a_file_may_register_several_things(tmp_path: Path, pages: Path) -> None:
    names = ("tiny", "brightness", "polarity", "archive")
    whole = "\n".join((pages / f"{name}.py").read_text() for name in names)
    origin = load_plugin(written(tmp_path, whole))
    assert {name: each for (_, name), each in origins().items()} == dict.fromkeys(names, origin)
    network = build_network(load_recipe(str(pages / "mine.yaml")), genres=2)
    assert network(torch.zeros(3, 1, 4000)).logits.shape == (3, 2)
    assert len(load_corpus(f"archive:{pages / 'music'}").clips) == 16


def test_dataclasses_and_options_work_under_postponed_annotations(tmp_path: Path) -> None:
    text = """
        from __future__ import annotations
        from dataclasses import dataclass
        from typing import ClassVar
        from genrelab.lab.augment import AUGMENTATIONS, Augmentation

        @AUGMENTATIONS.register("own")
        @dataclass
        class Own(Augmentation):
            level: int = 3
            kind: ClassVar[str] = "own"
            def draw(self, batch, generator): ...
            def apply(self, batch, drawn): ...
    """
    load_plugin(written(tmp_path, text))
    from genrelab.lab.augment import AUGMENTATIONS

    made = AUGMENTATIONS.create("own", {"level": 4})
    assert made.level == 4  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(made)) == made
    with raises("option-invalid", "level", "'much'"):
        AUGMENTATIONS.create("own", {"level": "much"})


@pytest.mark.parametrize(
    ("text", "code", "quoted"),
    [
        ("def (", "plugin-not-python", ()),
        ("a = '\0'", "plugin-not-python", ()),
        ("\n\n1 / 0", "plugin-raises", ("line 3", "ZeroDivisionError")),
        ("import sys; sys.exit(0)", "plugin-raises", ("SystemExit",)),
        ("import no_such_module_of_mine", "plugin-raises", ("no_such_module_of_mine",)),
        ("answer = 42", "plugin-registers-nothing", ()),
        (POLARITY.format(name="gain"), "name-taken", ("'gain'", "genrelab")),
        (POLARITY.format(name="mine") + "raise ValueError('why')", "plugin-raises", ("why",)),
    ],
)
def test_what_is_refused_leaves_nothing(
    text: str, code: str, quoted: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, before = written(tmp_path, text), set(sys.modules)
    with raises(code, path.name, *quoted):
        load_plugin(path)
    assert origins() == {}
    assert not [name for name in set(sys.modules) - before if name.startswith("genrelab_plugin")]
    assert main(["recipes", "list", f"--plugin={path}"]) == 2
    out, err = capsys.readouterr()
    assert path.name in err and "Traceback" not in err and not out
    written(tmp_path, POLARITY.format(name="mine"))
    load_plugin(path)  # mended


@pytest.mark.parametrize("name", ["nowhere.py", "", "/dev/null"])
def test_no_file(name: str, tmp_path: Path) -> None:
    with raises("no-plugin", tmp_path / name):
        load_plugin(tmp_path / name)


def test_two_files_with_one_name(tmp_path: Path) -> None:
    load_plugin(written(tmp_path, POLARITY.format(name="mine"), "first.py"))
    with raises("name-taken", "'mine'", "first.py", "second.py"):
        load_plugin(written(tmp_path, POLARITY.format(name="mine") + "# other\n", "second.py"))
    assert {origin.name for origin in origins().values()} == {"first.py"}


def test_a_file_is_run_again_only_when_it_changed(tmp_path: Path) -> None:
    count = "import os; os.environ['COUNT'] = str(int(os.environ.get('COUNT', 0)) + 1)\n"
    path = written(tmp_path, POLARITY.format(name="mine") + count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNT", "0")
        first = load_plugin(path)
        assert load_plugin(path) == first and os.environ["COUNT"] == "1"
        second = load_plugin(written(tmp_path, POLARITY.format(name="other") + count))
        assert os.environ["COUNT"] == "2"
    assert origins() == {("augmentation", "other"): second}


def test_only_what_a_training_uses_is_recorded(pages: Path) -> None:
    for name in ("tiny", "brightness", "polarity", "archive"):
        load_plugin(pages / f"{name}.py")
    recipe = load_recipe(str(pages / "mine.yaml"), changes=["augment=null"])

    def used(spec: str | None) -> set[str]:
        return {each.name for each in plugins_used(recipe, spec)}

    assert used(None) == used("folder:music") == {"tiny.py", "brightness.py"}
    assert used("mp3@bitrate=64:archive:music") == {"tiny.py", "brightness.py", "archive.py"}
    members = ["model.kind=together", "model.members=[{kind: tiny, inputs: [bands]}]"]
    together = load_recipe(str(pages / "mine.yaml"), changes=members)
    assert "tiny.py" in {each.name for each in plugins_used(together, None)}
    assert plugins_used(load_recipe("resnet2d-s"), "synthetic") == []
    record_plugins(pages, [])
    assert not (pages / RECORD).exists()


def test_a_plugin_that_is_loaded_first_does_not_own_what_it_imports(pages: Path) -> None:
    """In a process that has imported nothing of the laboratory yet."""
    code = """if True:
        import sys
        from pathlib import Path
        from genrelab.lab.plugins import load_plugin, plugins_used
        from genrelab.lab.registry import origins
        path = Path("tiny.py")
        for _ in range(2):
            load_plugin(path)
            assert set(origins()) == {("model", "tiny")}, origins()
            path.write_text(path.read_text() + "# changed")
        from genrelab.lab.recipes import load_recipe
        from genrelab.lab.models import MODELS, build_network
        recipe = load_recipe("resnet2d-s")
        assert plugins_used(recipe, "synthetic") == [] and "resnet2d" in MODELS
        build_network(recipe, genres=2)
        Path("bad.py").write_text("from genrelab.lab.models import MODELS; 1 / 0")
        try:
            load_plugin(Path("bad.py"))
        except Exception as error:
            assert error.code == "plugin-raises"
        assert "resnet2d" in MODELS and "tiny" in MODELS
    """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=pages, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_another_process_loads_the_same_files_or_says_why(tmp_path: Path) -> None:
    path = written(tmp_path, POLARITY.format(name="jazz"))
    load_plugin(path)
    files = plugin_files()
    load_same(files)
    path.write_text(path.read_text() + "# changed\n")
    with raises("plugin-changed", path):
        load_same(files)
    path.unlink()
    with raises("no-plugin", path):
        load_same(files)


def test_a_corpus_is_told_from_an_augmentation_of_its_name(tmp_path: Path) -> None:
    load_plugin(written(tmp_path, POLARITY.format(name="jazz")))
    assert plugins_used(load_recipe("resnet2d-s"), "folder:jazz") == []


def test_a_record_is_compared_with_what_is_loaded(pages: Path) -> None:
    load_plugin(pages / "tiny.py")
    load_plugin(pages / "archive.py")
    record_plugins(pages, plugins_used(load_recipe(str(pages / "mine.yaml")), "archive:music"))
    check_plugins(pages, training=True)
    plugin_pages.forget_plugins()
    with raises("plugin-not-loaded", pages, "'tiny'", "--plugin tiny.py"):
        check_plugins(pages)
    load_plugin(pages / "tiny.py")
    check_plugins(pages)  # the corpus is not missed
    (pages / "archive.py").write_text((pages / "archive.py").read_text() + "# changed\n")
    load_plugin(pages / "archive.py")
    with raises("run-of-other-plugin", pages, "'archive'", "--restart"):
        check_plugins(pages, training=True)


@pytest.mark.parametrize("text", ["", "{}", '[{"name": 1}]', "[" * 100_000, '[{"kind": "x"}]'])
def test_a_damaged_record(text: str, tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text(text)
    with raises("plugins-unreadable", tmp_path / RECORD):
        check_plugins(tmp_path)


def test_a_record_cannot_make_genrelab_run_a_file(pages: Path) -> None:
    trap = written(pages, f"open({str(pages / 'sprung')!r}, 'w')", "trap.py")
    uses = {"model": ["trap"]}
    entry = {"kind": "file", "name": str(trap), "version": "sha256:00", "uses": uses}
    (pages / RECORD).write_text(json.dumps([entry]))
    with raises("plugin-not-loaded", trap):
        check_plugins(pages)
    assert not (pages / "sprung").exists()


@pytest.mark.slow
def test_workers_that_are_spawned_need_no_plugin(
    pages: Path, corpus: Corpus, split: Split, cache: Path
) -> None:
    for name in ("tiny", "brightness", "polarity"):
        load_plugin(pages / f"{name}.py")
    recipe: Recipe = load_recipe(str(pages / "mine.yaml"))
    dataset = training_set(Experiment(recipe, corpus, split, 0))
    sampler = EpochSampler(len(dataset), seed=0, shuffle=True)
    workers = {"num_workers": 1, "multiprocessing_context": "spawn"}
    batches = list(DataLoader(dataset, batch_size=4, sampler=sampler, **workers))  # type: ignore[arg-type]
    assert sum(len(waveform) for waveform, *_ in batches) == len(dataset)


@pytest.fixture
def package(pages: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the examples of the page as a package."""
    site = pages / "site"
    (site / "my_genres" / "recipes").mkdir(parents=True)
    for name in ("tiny", "brightness", "polarity", "archive"):
        (pages / f"{name}.py").rename(site / "my_genres" / f"{name}.py")
    (pages / "mine.yaml").rename(site / "my_genres" / "recipes" / "mine.yaml")
    for where in ("my_genres", "my_genres/recipes"):
        (site / where / "__init__.py").touch()
    info = site / "my_genres-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-genres\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(
        "[genrelab.models]\ntiny = my_genres.tiny\nbad = my_genres.tiny:Tiny\nworse = my_genres.nothing\n"
        "[genrelab.frontends]\nbrightness = my_genres.brightness\n"
        "[genrelab.augmentations]\npolarity = my_genres.polarity:Polarity\n"
        "[genrelab.corpora]\narchive = my_genres.archive\n"
        "[genrelab.recipes]\nmy-genres = my_genres.recipes\n"
    )
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(pages)
    installed.cache_clear()
    yield
    monkeypatch.undo()
    uninstall()


def uninstall() -> None:
    installed.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "my_genres"]:
        del sys.modules[name]


@pytest.mark.slow
@pytest.mark.usefixtures("package")
def test_an_installed_package(
    pages: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["corpora", "list"]) == 0
    assert "files named GENRE" in capsys.readouterr().out
    assert main(["train", "mine", "--corpus=archive:music", "--set=training.max_epochs=2"]) == 0
    (record,) = pages.rglob(RECORD)
    (used,) = json.loads(record.read_text())
    assert (used["name"], used["version"], used["kind"]) == ("my-genres", "1.2", "package")
    assert used["uses"] == {
        "augmentation": ["polarity"], "front-end": ["brightness"], "model": ["tiny"], "corpus": ["archive"]
    }  # fmt: skip
    plugin_pages.forget_plugins()
    uninstall()
    assert main(["export", str(record.parent), f"--to={pages / 'model.onnx'}"]) == 0, "imported when needed"
    plugin_pages.forget_plugins()
    monkeypatch.undo()
    uninstall()
    with raises("plugin-not-loaded", "my-genres"):
        check_plugins(record.parent)


@pytest.mark.usefixtures("package")
def test_another_version_of_a_package_is_noticed_before_it_is_imported(pages: Path) -> None:
    used = {"kind": "package", "name": "my-genres", "version": "0.9", "uses": {"model": ["tiny"]}}
    (pages / RECORD).write_text(json.dumps([used]))
    with raises("run-of-other-plugin", pages, "'tiny'", "0.9", "1.2"):
        check_plugins(pages, training=True)
    (pages / RECORD).write_text(json.dumps([used | {"name": "other", "version": "1.2"}]))
    with raises("run-of-other-plugin", "other"):
        check_plugins(pages, training=True)
    (pages / RECORD).write_text(json.dumps([used | {"version": "1.2"}]))
    check_plugins(pages, training=True)
    assert not [name for name in sys.modules if name.startswith("my_genres")]


@pytest.mark.usefixtures("package")
def test_the_recipes_of_a_package_are_listed() -> None:
    assert "my-genres/mine" in recipe_names() and "soundfusion/soundfusion-1" in recipe_names()
    assert load_recipe("my-genres/mine").model.kind == "tiny"
    assert origins() == {}, "nothing is imported to read a recipe"


@pytest.mark.parametrize(
    ("model", "code", "quoted"),
    [
        ("bad", "entry-point-registers-nothing", ("my_genres.tiny:Tiny", "my-genres 1.2")),
        ("worse", "entry-point-fails", ("my_genres.nothing", "my-genres 1.2")),
        ("tin", "kind-unknown", ("'tiny'",)),
    ],
)
@pytest.mark.usefixtures("package")
def test_a_package_that_does_not_hold_what_it_offers(model: str, code: str, quoted: tuple[str, ...]) -> None:
    recipe = load_recipe("my-genres/mine", changes=[f"model.kind={model}"])
    with raises(code, *quoted):
        build_network(recipe, genres=2)
    assert {kind for kind, _ in origins()} <= {"front-end", "augmentation"}


@pytest.mark.usefixtures("package")
def test_two_packages_with_one_name(pages: Path) -> None:
    info = pages / "site" / "yours-3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: yours\nVersion: 3\n")
    (info / "entry_points.txt").write_text("[genrelab.models]\ntiny = yours\n")
    importlib.invalidate_caches()
    with raises("name-taken", "'tiny'", "my-genres", "yours"):
        MODELS.get("tiny")
    assert MODELS.get("together") is not None
