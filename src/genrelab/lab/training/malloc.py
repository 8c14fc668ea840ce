"""Keep freed memory for the next step instead of returning it to the system.

Activations of a waveform network are tens of megabytes each. By default glibc maps such blocks on every
allocation and unmaps them when they are freed, and the kernel clears all pages again: a training step of
ResNet1D on a CPU spends most of its time in the kernel (`benchmarks/training_memory.py`).
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell the C library to reuse freed memory, for the rest of this process.

    Returns
    -------
    bool
        False where the C library has no such setting (anything but glibc); nothing changes then.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; TypeError is Windows
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))
