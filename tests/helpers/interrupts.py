"""Child processes that heed Ctrl-C, also where the tests run in the background, which ignores it."""

from __future__ import annotations

import signal


def heed() -> None:
    """Undo an inherited SIG_IGN; for `subprocess.Popen(preexec_fn=heed)`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
