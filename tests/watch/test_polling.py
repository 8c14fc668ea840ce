"""Without notices of the system: network drives, a limit of watches, names that notices cannot carry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import needs
import pytest
from unprivileged import as_plain_user, open_folder
from watching import Start, song

from genrelab.watch.folders import network_type
from genrelab.watch.notices import Notices, readable_folders


@pytest.mark.slow
def test_polling_finds_what_arrives_moves_and_vanishes(start: Start, box: Path) -> None:
    first, second = song(box / "first.flac"), song(box / "second.flac", "middle")
    watcher = start(box, poll_seconds=0.3)
    assert watcher.wait("polling", box).code is None
    watcher.wait("recognized", first), watcher.wait("recognized", second)
    new = song(box / "deep" / "new.flac", "high")
    watcher.wait("recognized", new)
    first.rename(box / "deep" / "renamed.flac")
    assert watcher.wait("moved", box / "deep" / "renamed.flac").before == first
    second.unlink()
    watcher.wait("gone", second)
    time.sleep(1.0)
    assert sorted(watcher.kinds()) == ["gone", "moved", "recognized", "recognized", "recognized"]


@pytest.mark.slow
def test_polling_a_file_that_grows(start: Start, box: Path, tmp_path: Path) -> None:
    whole = song(tmp_path / "whole.mp3", "high", 20.0).read_bytes()
    watcher = start(box, poll_seconds=0.2, settle_seconds=1.0)
    for piece in range(5):
        with (box / "slow.mp3").open("ab") as file:
            file.write(whole[piece * len(whole) // 5 : (piece + 1) * len(whole) // 5])
        time.sleep(0.5)
    assert round(watcher.wait("recognized", box / "slow.mp3").recognition.duration) == 20
    assert watcher.kinds() == ["recognized"]


MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nas rw,relatime shared:5 - nfs4 nas:/music rw
31 22 0:41 / /mnt/my\040music rw,relatime - cifs //nas/music rw
32 30 8:2 / /mnt/nas/local rw,relatime - ext4 /dev/sdb1 rw
33 22 0:42 / /mnt/nasal rw,relatime - fuse.sshfs host: rw
damaged line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/music", None),
        ("/mnt/nas", "nfs4"),
        ("/mnt/nas/rock", "nfs4"),
        ("/mnt/nas/local/rock", None),
        ("/mnt/my music/rock", "cifs"),
        ("/mnt/nasal/x", "fuse.sshfs"),
        ("/mnt/nas2", None),
    ],
)
def test_network_drives_are_polled(folder: str, kind: str | None, tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    assert network_type(Path(folder), table) == kind
    assert network_type(Path(folder), tmp_path / "missing") is None


@pytest.mark.skipif(sys.platform != "linux", reason="inotify")
@pytest.mark.parametrize("limit", ["inotify_watches", "inotify_instances"])
def test_at_the_limit_of_watches(limit: str, box: Path, tmp_path: Path, tiny_model: Path) -> None:
    """In a namespace with a limit of its own, which other programs do not notice."""
    song(box / "1" / "2" / "3" / "a.flac")
    script = (
        f"echo 1 > /proc/sys/user/max_{limit} && "
        + ("" if limit == "inotify_watches" else "echo 0 > /proc/sys/user/max_inotify_instances && ")
        + 'exec "$@"'
    )
    command = [sys.executable, "-m", "genrelab", "watch", str(box), "--once", "--settle=0.2"]
    command += ["--format=jsonl", f"--model={tiny_model}", f"--library={tmp_path / 'library.db'}"]
    unshare = needs.program("unshare")
    if subprocess.run([unshare, "-Ur", "true"], capture_output=True, check=False).returncode:
        needs.lacking("no user namespaces can be made here")
    done = subprocess.run(
        [unshare, "-Ur", "sh", "-c", script, "sh", *command], capture_output=True, timeout=60
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["event"] for each in events] == ["polling", "recognized", "stopped"], done.stderr
    assert events[0]["code"] == "watch-limit"
    assert "sudo sysctl fs.inotify.max_user_watches=" in events[0]["message"]


def test_without_watchfiles(start: Start, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    song(box / "a.flac")
    watcher = start(box)
    event = watcher.wait("polling", box)
    assert event.code == "watch-no-notices" and "genrelab[serve]" in event.message
    watcher.wait("recognized", box / "a.flac")


@pytest.mark.skipif(sys.platform != "linux", reason="inotify")
def test_a_folder_that_may_not_be_read_does_not_hide_the_others() -> None:
    with open_folder() as folder:
        (folder / "secret").mkdir(mode=0o700)
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        if os.geteuid() != 0:
            (folder / "secret").chmod(0)

        def act() -> list[str]:
            notices = Notices([folder], threading.Event())
            found: set[str] = set()

            def notice(path: Path) -> None:
                path.write_bytes(b"x")
                deadline = time.monotonic() + 10
                while path.name not in found and time.monotonic() < deadline:
                    found.update(each.name for each in notices.wait())

            notice(folder / "open" / "a.flac")
            notice(folder / "b.flac")
            (folder / "new").mkdir()
            while "new" not in found:
                found.update(each.name for each in notices.wait())
            notice(folder / "new" / "c.flac")
            notices.close()
            return sorted(found)

        import watchfiles  # noqa: F401  # the other user may be unable to read it

        assert as_plain_user(act) == ["a.flac", "b.flac", "c.flac", "new"]


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_how_to_watch_around_what_may_not_be_read() -> None:
    with open_folder() as folder:
        for name in ("a/b/secret", "a/c/d", "e/f"):
            (folder / name).mkdir(parents=True)
        for inside in folder.rglob("*"):
            inside.chmod(0o777)
        (folder / "e" / "loop").symlink_to(folder)
        assert readable_folders([folder]) == ([], [folder])
        (folder / "a" / "b" / "secret").chmod(0o000)

        def act() -> list[list[str]]:
            return [sorted(map(str, paths)) for paths in readable_folders([folder])]

        flat, deep = as_plain_user(act)
        assert flat == sorted(str(folder / name) for name in (".", "a", "a/b"))
        assert deep == sorted(str(folder / name) for name in ("a/c", "e"))
