"""What a plain user may and may not do, also where the tests run as root, who may do everything."""

from __future__ import annotations

import gc
import json
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NOBODY = 65534


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder where everybody may read and write; those of pytest are for their owner alone."""
    folder = Path(tempfile.mkdtemp()).resolve()
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        for inside in (folder, *folder.rglob("*")):
            if inside.is_dir():
                inside.chmod(0o777)
        shutil.rmtree(folder)


def as_plain_user(act: Callable[[], Any]) -> Any:
    """Call a function, for root in a child process of another user.

    Parameters
    ----------
    act : callable
        What it needs must be imported already: the other user may be unable to read the installation.

    Returns
    -------
    object
        What the function returns, as JSON has it.
    """
    if os.geteuid() != 0:
        return json.loads(json.dumps(act()))
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        gc.disable()  # decoders that tests before left behind wait for threads that only the parent has
        try:
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
            answer = {"returned": act()}
        except BaseException:
            answer = {"raised": traceback.format_exc()}
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = json.loads(pipe.read())
    os.waitpid(child, 0)
    assert "raised" not in answer, answer["raised"]
    return answer["returned"]
