"""Files of targets: what is read, which clips they are of, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from raising import raises

from genrelab.lab.corpora.types import Clip
from genrelab.lab.training.distillation.target_file import Targets, read_targets, write_targets

NAMES = ["a/one.mp3", "b/two.mp3", "a/one.mp3"]
VALUES = np.array([[1.0, 2.0], [5.0, 6.0], [3.0, 4.0]], np.float16)


def written(path: Path, **arrays: object) -> str:
    np.savez(path, **{"names": np.array(NAMES), "pen": VALUES} | arrays)
    return str(path)


def clip(path: str | None, name: str = "") -> Clip:
    return Clip(name or str(path), Path(path) if path else None, "rock")


def test_windows_of_a_file_become_their_mean(tmp_path: Path) -> None:
    targets = read_targets(written(tmp_path / "t.npz", window=np.array([0, 0, 1], np.int8)), ["pen"])
    assert list(targets.names) == ["a/one.mp3", "b/two.mp3"]
    np.testing.assert_allclose(targets.arrays["pen"], [[2.0, 3.0], [5.0, 6.0]])
    assert len(targets.sha256) == 64
    assert targets.arrays["pen"].dtype == np.float64


def test_clips_go_by_how_their_path_ends(tmp_path: Path) -> None:
    targets = read_targets(written(tmp_path / "t.npz"), ["pen"])
    clips = [clip("/x/a/one.mp3"), clip("/x/b/two.mp3"), clip("/x/xa/one.mp3"), clip(None, "b/two.mp3")]
    with raises("targets-name-ambiguous", "b/two.mp3'", "/x/b/two.mp3"):
        targets.rows(clips)
    assert targets.rows(clips[:3]) == {"/x/a/one.mp3": 0, "/x/b/two.mp3": 1}
    assert targets.rows(clips[3:]) == {"b/two.mp3": 1}, "a clip without a file goes by its id"


def test_parts_of_one_file_share_its_target(tmp_path: Path) -> None:
    targets = read_targets(written(tmp_path / "t.npz"), ["pen"])
    assert targets.rows([clip("/x/a/one.mp3", "1"), clip("/x/a/one.mp3", "2")]) == {"1": 0, "2": 0}


def test_what_is_ambiguous_is_an_error() -> None:
    def of(*names: str) -> Targets:
        return Targets(Path("t.npz"), "", names, {})

    with raises("targets-names-repeated", "'a/one.mp3', 'one.mp3'"):
        of("one.mp3", "a/one.mp3").rows([clip("/x/a/one.mp3")])
    with raises("targets-name-ambiguous", "'one.mp3'", "/x/a/one.mp3", "/x/b/one.mp3"):
        of("one.mp3").rows([clip("/x/a/one.mp3"), clip("/x/b/one.mp3")])
    assert of("./one.mp3").rows([clip("/x/one.mp3", "1")]) == {"1": 0}


def test_which_files_the_other_listener_learned(tmp_path: Path) -> None:
    path = written(tmp_path / "t.npz", learned=np.array([False, False, True]))
    learned = read_targets(path, ["pen"]).learned
    assert learned is not None
    assert learned.tolist() == [True, False], "one window of a file is enough"
    assert read_targets(written(tmp_path / "silent.npz"), ["pen"]).learned is None
    for wrong in (np.array([0, 0, 1]), np.array([True])):
        with raises("targets-learned-malformed", "`learned`", 3):
            read_targets(written(tmp_path / "wrong.npz", learned=wrong), ["pen"])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    write_targets(path, NAMES[:2], {"pen": VALUES[:2].astype(np.float64)}, np.array([True, False]))
    read = read_targets(str(path), ["pen"])
    np.testing.assert_array_equal(read.arrays["pen"], VALUES[:2])
    assert (list(read.names), read.learned is not None) == (NAMES[:2], True)
    assert list(tmp_path.iterdir()) == [path], "no draft is left"


@pytest.mark.parametrize(
    ("arrays", "code", "quoted"),
    [
        ({"pen": VALUES[:2]}, "targets-array-malformed", "3 rows"),
        ({"pen": VALUES[:, 0]}, "targets-array-malformed", "3 rows"),
        ({"pen": np.array([["a"]] * 3)}, "targets-array-malformed", "'pen'"),
        ({"pen": np.array([[1.0], [np.nan], [np.inf]])}, "targets-not-finite", "2 rows: 1, 2"),
        ({"pen": np.array([[1], [2], [None]])}, "targets-unreadable", "allow_pickle"),
        ({"names": np.array([1, 2, 3])}, "targets-names-malformed", "`names`"),
        ({"names": np.array(["a", "", "b"])}, "targets-names-malformed", "`names`"),
        ({"names": np.array(NAMES, dtype=object)}, "targets-unreadable", "allow_pickle"),
    ],
)
def test_a_wrong_array_is_named(tmp_path: Path, arrays: dict[str, object], code: str, quoted: str) -> None:
    with raises(code, "t.npz", quoted):
        read_targets(written(tmp_path / "t.npz", **arrays), ["pen"])


def test_a_file_that_is_none_is_told_with_the_remedy(tmp_path: Path) -> None:
    for content in (b"", b"nonsense", b"PK\x03\x04 cut off"):
        (tmp_path / "t.npz").write_bytes(content)
        with raises("targets-unreadable", "--targets none"):
            read_targets(str(tmp_path / "t.npz"), ["pen"])
    with raises("targets-unreadable", "absent.npz", "--targets none"):
        read_targets(str(tmp_path / "absent.npz"), ["pen"])
    np.save(tmp_path / "one.npy", VALUES)
    with raises("targets-one-array"):
        read_targets(str(tmp_path / "one.npy"), ["pen"])


def test_an_absent_array_names_the_closest(tmp_path: Path) -> None:
    with raises("targets-missing-array", "'pan'", "'pen'"):
        read_targets(written(tmp_path / "t.npz"), ["pan"])
    np.savez(tmp_path / "nameless.npz", pen=VALUES)
    with raises("targets-without-names", "`names`", "pen"):
        read_targets(str(tmp_path / "nameless.npz"), ["pen"])
