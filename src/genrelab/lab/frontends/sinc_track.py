"""The pictures of a track's overlapping segments from one pass of the sinc filters over the track.

Voting uses a clip of 3 s every 0.5 s, so each sample belongs to six clips. The filters are linear: their
output for a clip equals their output for the track, except for the mean and loudness of the clip, which layer
normalization removes, and for the ends of the clip, which silence surrounds. With kernels h (which include
batch norm) and bias b, a clip x of mean m and deviation s gives

    relu(h * (x - m) / s + b) = relu(h * x - m sum(h) + s b) / s

except near its ends. The ends, each half a kernel long, are filtered for each clip, and so are clips that
are much softer than the rest of the track: dividing by their small deviation would amplify the rounding
errors of loud neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from genrelab.lab.layers.fft_convolution import Plan, convolve, rectified_average
from genrelab.lab.layers.pooling import average_last

QUIET = 1e-8  # least variance of a segment, -80 dB of full scale: silence is not lifted to the level of music
_SLICE = 8  # filters that are applied to the track at a time
_SOFT = 1e-3  # share of the peak of the track; a clip with a smaller deviation is filtered separately


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
    track = track - track.mean()  # each segment loses its mean anyway; a large mean costs precision
    segments = torch.stack([track[start : start + samples] for start in starts])
    mean = segments.mean(dim=1)
    deviation = (segments - mean[:, None]).square().mean(dim=1).clamp_min(QUIET).sqrt()
    ends = torch.cat([segments[:, : 2 * reach], segments[:, samples - 2 * reach :]]) - mean.repeat(2)[:, None]
    plan = Plan.of(2 * reach, reach)
    spectra, responses = plan.spectra(ends), plan.responses(half)
    total = 2 * half.sum(dim=1) - half[:, 0]
    raised = deviation[:, None] * bias  # the bias relative to a segment that is not divided
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
