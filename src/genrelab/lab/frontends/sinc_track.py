"""The pictures of a track's overlapping segments from one pass of the sinc filters over the track.

Voting hears a clip of 3 s every 0.5 s, so that each sample lies in six clips. Filters are linear: what
they make of a clip is what they make of the track, but for a clip's own mean and loudness, which
layer normalization takes out, and for its ends, where the clip counts as surrounded by silence. Behind
the filters, with kernels h (batch norm worked in) and bias b, a clip x of mean m and deviation s gives

    relu(h * (x - m) / s + b) = relu(h * x - m sum(h) + s b) / s

away from its ends. The ends, one kernel's reach long, are filtered for each clip, and so are clips that
are much softer than the rest of the track: divided by their deviation, the rounding errors of a loud
neighbour would grow.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from genrelab.lab.layers.fft_convolution import Plan, convolve, rectified_average
from genrelab.lab.layers.pooling import average_last

QUIET = 1e-8  # least variance of a segment, -80 dB of full scale: silence is not lifted to the level of music
_SLICE = 8  # filters that go over the track together
_SOFT = 1e-3  # of the track's peak; a clip of less deviation is filtered alone


def shared_averages(
    track: Tensor, starts: Sequence[int], samples: int, half: Tensor, bias: Tensor, count: int
) -> Tensor:
    """Return `rectified_average` of standardized segments of a track.

    Parameters
    ----------
    track : Tensor [shape=(track_samples,)]
    starts : sequence of int
        Where segments begin; all lie within the track.
    samples : int
        Length of a segment, at least twice the reach of the kernels.
    half : Tensor [shape=(kernels, H + 1)]
    bias : Tensor [shape=(kernels,)]
    count : int > 0
        Windows of the average.

    Returns
    -------
    Tensor [shape=(segments, kernels, count)]
    """
    reach = half.shape[1] - 1
    track = track - track.mean()  # each segment loses its own mean anyway; a large one costs digits
    segments = torch.stack([track[start : start + samples] for start in starts])
    mean = segments.mean(dim=1)
    deviation = (segments - mean[:, None]).square().mean(dim=1).clamp_min(QUIET).sqrt()
    ends = torch.cat([segments[:, : 2 * reach], segments[:, samples - 2 * reach :]]) - mean.repeat(2)[:, None]
    plan = Plan.of(2 * reach, reach)
    spectra, responses = plan.spectra(ends), plan.responses(half)
    total = 2 * half.sum(dim=1) - half[:, 0]
    raised = deviation[:, None] * bias  # the bias, seen from a segment that was not divided
    moved = raised - mean[:, None] * total
    out = track.new_empty(len(segments), len(half), count)
    soft = deviation < _SOFT * track.abs().max()
    for begin in range(0, len(half), _SLICE):
        part = slice(begin, begin + _SLICE)
        whole = convolve(track[None], half[part])[0]
        edges = plan.filtered(spectra[:, 0], responses[part])[..., : 2 * reach]  # [filters, ends, samples]
        for index, start in enumerate(starts):
            values = whole[:, start : start + samples] + moved[index, part, None]
            lift = raised[index, part, None]
            values[:, :reach] = edges[:, index, :reach] + lift
            values[:, samples - reach :] = edges[:, len(segments) + index, reach:] + lift
            out[index, part] = average_last(values.clamp_min_(0), count)
    out /= deviation[:, None, None]
    if soft.any():
        alone = (segments[soft] - mean[soft, None]) / deviation[soft, None]
        out[soft] = rectified_average(alone, half, bias, count)
    return out
