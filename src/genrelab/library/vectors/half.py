"""Half-precision numbers, widened faster than by numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SCALE = np.float32(2.0**112)  # the difference of the exponents' biases
_KEPT = np.int32(-0x70002000)  # sign, exponent and fraction of a number shifted by 13 bits


def widen(
    halves: npt.NDArray[np.float16], out: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """Convert finite float16 numbers to float32.

    numpy converts each number by itself. This moves the bits of many at once, several times as fast.

    Parameters
    ----------
    halves : np.ndarray [shape=(n, d)], float16
        Contiguous. Infinities and NaN become numbers from 65,536.
    out : np.ndarray [shape=(at least n, d)], float32 or None
        Where to put them.

    Returns
    -------
    np.ndarray [shape=(n, d)], float32
    """
    numbers = np.empty(halves.shape, np.float32) if out is None else out[: len(halves)]
    bits = numbers.view(np.int32)
    np.copyto(bits, halves.view(np.int16))  # with the sign in all upper bits
    np.left_shift(bits, 13, out=bits)
    np.bitwise_and(bits, _KEPT, out=bits)
    np.multiply(numbers, _SCALE, out=numbers)
    return numbers
