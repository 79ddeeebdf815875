"""Poolings that PyTorch has no function for, on tensors.

Data is (n, c, spatial…). Places count the elements of the whole tensor, as ONNX has it, or with
`column_major` those of each channel along its first spatial axis first.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cortado.bridge.operators.window import Window

__all__ = ["max_pool_with_places", "pool_regions", "put_back", "window_norms", "window_sums"]

_MAX: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def max_pool_with_places(x: Tensor, window: Window, column_major: int) -> tuple[Tensor, Tensor]:
    """Return the largest element of each window, and its place in the whole tensor."""
    padded = F.pad(x, window.pads, value=float("-inf"))
    pool = _MAX[len(window.kernel)]
    largest, found = pool(
        padded, window.kernel, window.stride, dilation=window.dilation, return_indices=True
    )
    coordinates = torch.unravel_index(found, padded.shape[2:])
    sizes = x.shape[2:]
    place, factor = torch.zeros_like(found), 1
    axes = range(len(sizes)) if column_major else reversed(range(len(sizes)))
    for axis in axes:
        place = place + (coordinates[axis] - window.begin[axis]) * factor
        factor *= sizes[axis]
    planes = torch.arange(x.size(0) * x.size(1), device=x.device)
    return largest, place + planes.view(*x.shape[:2], *[1] * len(sizes)) * factor


def put_back(x: Tensor, places: Tensor, shape: Sequence[int | None]) -> Tensor:
    """Return zeros of a shape, in which None is the input's size, with elements at places."""
    sizes = [x.size(axis) if size is None else size for axis, size in enumerate(shape)]
    flat = x.new_zeros(math.prod(sizes))
    return flat.scatter(0, places.flatten(), x.flatten()).view(sizes)


def window_sums(x: Tensor, window: Window) -> Tensor:
    """Return the sum of each window."""
    axes = len(window.kernel)
    padded = F.pad(x, window.pads)
    planes = padded.flatten(0, 1).unsqueeze(1)
    ones = x.new_ones(1, 1, *window.kernel)
    sums = _CONVOLUTIONS[axes](planes, ones, stride=window.stride, dilation=window.dilation)
    return sums.view(*x.shape[:2], *sums.shape[2:])


def window_norms(x: Tensor, window: Window, p: int) -> Tensor:
    """Return the p-norm of each window."""
    return window_sums(x.abs() ** p, window) ** (1 / p)


def pool_regions(x: Tensor, regions: Tensor, grid: Sequence[int], scale: float) -> Tensor:
    """Return the largest element of each bin, (regions, c, *grid); of an empty one 0."""
    rows = [_pool_region(x[int(region[0])], region[1:] * scale, grid) for region in regions]
    return torch.stack(rows) if rows else x.new_zeros(0, x.size(1), *grid)


def _pool_region(x: Tensor, region: Tensor, grid: Sequence[int]) -> Tensor:
    left, top, right, bottom = (math.floor(float(edge) + 0.5) for edge in region)
    ys = _bins(top, bottom, grid[0], x.size(1))
    xs = _bins(left, right, grid[1], x.size(2))
    cells = [_largest(x[:, y0:y1, x0:x1]) for y0, y1 in ys for x0, x1 in xs]
    return torch.stack(cells, 1).view(x.size(0), *grid)


def _bins(begin: int, end: int, count: int, size: int) -> list[tuple[int, int]]:
    width = max(end - begin + 1, 1) / count
    edges = [(math.floor(i * width), math.ceil((i + 1) * width)) for i in range(count)]
    return [(min(max(a + begin, 0), size), min(max(b + begin, 0), size)) for a, b in edges]


def _largest(cell: Tensor) -> Tensor:
    return cell.amax((1, 2)) if cell.numel() else cell.new_zeros(len(cell))
